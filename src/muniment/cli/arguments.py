"""How values are written on the command line: pairs, numbers, comparators, times, environments."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from types import MappingProxyType

import click

from muniment.cli import output
from muniment.client.ledger import Ledger
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

_integer = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_float = re.compile(r"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")


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
    return {name: parse_decimal(value, f"The metric {name}") for name, value in parse_pairs(texts, "--metric")}


def parse_time(text: str | None) -> str | None:
    """A date or a time, UTC unless it says otherwise. Raises InvalidInput."""
    return None if text is None else time.parse_loosely(text)


def check_environment(ledger: Ledger, environment: str) -> None:
    """Say aloud where the policy does not know an environment: it then asks nothing of it, which may be a typing error."""
    known = [each.name for each in ledger.policy().environments]
    if environment in known:
        return
    near = difflib.get_close_matches(environment, known, n=1)
    output.note(
        f"The policy in force does not name the environment {environment!r} and asks nothing of it."
        + (f" Did you mean {near[0]!r}?" if near else "")
    )
