"""How values are written on the command line: pairs, numbers, comparators, times, environments."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import MappingProxyType
from typing import TypeVar

import click

from muniment.core.format import decimal, time
from muniment.core.format.decimal import Comparator
from muniment.errors import InvalidInput

COMPARATORS: MappingProxyType[str, Comparator] = MappingProxyType(
    {
        ">=": "ge",
        "<=": "le",
        ">": "gt",
        "<": "lt",
        "==": "eq",
        "=": "eq",
        "ge": "ge",
        "le": "le",
        "gt": "gt",
        "lt": "lt",
        "eq": "eq",
    }
)
SIGNS = MappingProxyType({"ge": "at least", "le": "at most", "gt": "more than", "lt": "less than", "eq": "exactly"})

R = TypeVar("R")

_length = re.compile(r"([1-9][0-9]{0,8})([smhd]?)")
_SECONDS = MappingProxyType({"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400})
_integer = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_float = re.compile(r"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")


class Length(click.ParamType[timedelta]):
    """A length of time: 90, 90s, 15m, 24h, 7d."""

    name = "length"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        match = _length.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no length of time; write 90s, 15m, 24h or 7d", param, ctx)
        return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def parse_map(texts: Iterable[str], option: str) -> dict[str, str]:
    """`key=value` texts, each key once. Raises UsageError."""
    pairs = parse_pairs(texts, option)
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for at, (key, _) in enumerate(pairs) if key in dict(pairs[:at]))
        raise click.UsageError(f"{option} {twice} is given twice, and only one value can stand in the record.")
    return found


def parse_pairs(texts: Iterable[str], option: str) -> list[tuple[str, str]]:
    """`key=value` texts. Raises UsageError."""
    pairs = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{option} takes key=value, not {text!r}.")
        pairs.append((key, value))
    return pairs


def parse_scalar(text: str) -> str | int | float | bool:
    """The value that a text most plainly says: an integer, a decimal, true or false, else itself."""
    if text in ("true", "false"):
        return text == "true"
    if _integer.match(text):
        return int(text)
    try:
        return float(text) if _float.match(text) else text
    except ValueError:
        return text


def parse_decimal(text: str, what: str) -> str:
    """A number as the ledger writes it; a plain decimal stays as it was typed. Raises UsageError."""
    try:
        decimal.parse(text)
        return text
    except InvalidInput:
        pass
    try:
        return decimal.format_float(float(text))
    except ValueError:
        raise click.UsageError(f"{what} is a number, not {text!r}.") from None


def parse_metrics(texts: Iterable[str]) -> dict[str, str]:
    """`auc=0.907` texts. Raises UsageError."""
    return {name: parse_decimal(value, f"The metric {name}") for name, value in parse_map(texts, "--metric").items()}


def parse_time(text: str | None) -> str | None:
    """A date or a time, UTC unless it says otherwise. Raises InvalidInput."""
    return None if text is None else time.parse_loosely(text)


def checked(check: Callable[..., None]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let `check` look at the values that it names before a ledger is opened: a mistyped command is one without a ledger too."""
    names = tuple(inspect.signature(check).parameters)

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(function)
        def wrapped(*args: object, **kwargs: object) -> R:
            check(**{name: kwargs[name] for name in names})
            return function(*args, **kwargs)

        return wrapped

    return decorate


def environment(*, required: bool = True) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """The place that a command is about: the argument ENVIRONMENT, or --environment for those who like to name what they give."""

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        @click.argument("place", metavar="ENVIRONMENT" if required else "[ENVIRONMENT]", required=False)
        @click.option("--environment", metavar="NAME", help="The environment, where it is not given as an argument.")
        @functools.wraps(function)
        def wrapped(*args: object, place: str | None, environment: str | None, **kwargs: object) -> R:
            if place is not None and environment is not None and place != environment:
                raise click.UsageError(f"ENVIRONMENT is {place!r}, and --environment {environment!r}: give one.")
            chosen = place or environment
            if chosen is None and required:
                raise click.UsageError("Missing argument 'ENVIRONMENT', such as production.")
            return function(*args, environment=chosen, **kwargs)

        return wrapped

    return decorate
