"""From what people say to what they sign: plain values become the profile's forms, prose is sealed.

A caller writes `{"reason": "second review", "parameters": {"max_depth": 6}}`; the event carries a commitment to the reason,
whose text goes into the vault first, and the parameters as a sorted array.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import get_args

import msgspec

from muniment.client.explaining import explain
from muniment.core.format import decimal, digest
from muniment.core.format.encoding import MAX_INTEGER, Value
from muniment.core.format.statement import Sealed
from muniment.core.rules import events
from muniment.core.rules.events.value import ClearText
from muniment.errors import InvalidInput

Plain = str | int | float | bool | None | Sequence["Plain"] | Mapping[str, "Plain"] | msgspec.Struct
Seal = Callable[[Iterable[Value]], tuple[Sealed, ...]]

_clear_text = re.compile(get_args(ClearText)[1].pattern)
_MAX_CLEAR_TEXT = 128


def draft(name: str, fields: Mapping[str, Plain], seal: Seal) -> events.Event:
    """An event of this name from plain fields (lowerCamelCase or snake_case). Raises InvalidInput.

    Prose is sealed in one durable write before this returns.
    """
    if name not in events.TYPES:
        near = difflib.get_close_matches(name, events.TYPES, n=1)
        raise InvalidInput(
            f"{name[:64]!r} is no event of protocol 1",
            code="unknown-event",
            hint=f"Did you mean {near[0]}?" if near else "`muniment record --list` names every event.",
        )
    type_ = events.TYPES[name]
    plain = _simplify_fields(fields)
    sealer = _Sealer(frozenset(events.sealed_fields(type_)), frozenset(events.clear_fields(type_)))
    # Two passes, so that an invalid event leaves nothing in the vault and a valid one costs a single durable write.
    try:
        events.build(name, sealer.walk_fields(plain, _rehearse))
    except InvalidInput as error:
        raise explain(type_, plain, error) from None
    return events.build(name, sealer.walk_fields(plain, seal))


def simplify(value: Plain) -> Value:
    """Plain JSON: floats become decimals, None disappears, tuples become lists, structs become objects. Raises InvalidInput."""
    match value:
        case bool():
            return value
        # Exactly the plain types: enumerations and the scalars of numpy are subclasses of them.
        case str():
            return str.__str__(value)
        case int():
            return int(value)
        case float():
            return decimal.format_float(value)
        case msgspec.Struct():
            return simplify(msgspec.to_builtins(value))
        case Mapping():
            return {str(key): simplify(item) for key, item in value.items() if item is not None}
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [simplify(item) for item in value if item is not None]
    number = _unwrap(value)
    if number is None:
        raise InvalidInput(
            f"{type(value).__name__} cannot be recorded", code="not-expressible", hint="Use text, numbers, lists or dicts."
        )
    return simplify(number)


def free_form(values: Mapping[str, Plain]) -> list[Plain]:
    """A free-form map as an array of `{"key", "value"}`; nested maps become dotted keys.

    Values that have no form of their own (lists, paths, objects, very large integers) are told as text.
    """
    return [{"key": key, "value": value} for key, value in sorted(_flatten(values, ""), key=lambda pair: pair[0])]


def measured(metrics: Mapping[str, float | str]) -> list[Plain]:
    """Metrics by name as an array of `{"metric", "value"}`."""
    return [
        {"metric": name, "value": value if isinstance(value, str) else decimal.format_float(float(value))}
        for name, value in sorted(metrics.items())
    ]


def is_clear(text: str) -> bool:
    """Is a text one that stands in the clear: a number, an identifier or a digest? Any other is sealed."""
    return len(text) <= _MAX_CLEAR_TEXT and _clear_text.match(text) is not None


class _Sealer:
    """Finds the values of sealed fields, and puts the commitments in their places."""

    def __init__(self, sealed: frozenset[str], clear: frozenset[str]) -> None:
        self._sealed = sealed
        self._clear = clear

    def walk_fields(self, fields: dict[str, Value], seal: Seal) -> dict[str, Value]:
        prose: list[Value] = []
        self._walk(fields, "", prose.append)
        commitments = iter(seal(prose))
        walked = self._walk(fields, "", lambda _: next(commitments))
        assert isinstance(walked, dict)
        return walked

    def _walk(self, value: Value, path: str, commit: Callable[[Value], Sealed | None]) -> Value:
        if path in self._sealed and not self._is_clear(value, path):
            commitment = commit(value)
            if commitment is None:
                return value
            if f"{path}.digest" in self._clear:
                # Two holders of one prompt shall see that it is the same: its digest stands beside the commitment.
                return {"sealed": commitment.sealed, "digest": digest_of(str(value))}
            return {"sealed": commitment.sealed}
        if isinstance(value, dict):
            return {key: self._walk(item, f"{path}.{key}" if path else key, commit) for key, item in value.items()}
        if isinstance(value, list):
            return [self._walk(item, f"{path}[]", commit) for item in value]
        return value

    def _is_clear(self, value: Value, path: str) -> bool:
        if isinstance(value, dict) and "sealed" in value:
            return True
        if path not in self._clear:
            return False
        return not isinstance(value, str) or is_clear(value)


def _rehearse(values: Iterable[Value]) -> tuple[Sealed, ...]:
    return tuple(Sealed("A" * 43) for _ in values)


def _simplify_fields(fields: Mapping[str, Plain]) -> dict[str, Value]:
    try:
        return {_camel(key): simplify(value) for key, value in fields.items() if value is not None}
    except RecursionError:
        raise InvalidInput("the fields are nested too deep", code="too-deep") from None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _flatten(values: Mapping[str, Plain], prefix: str) -> Iterable[tuple[str, str | int | float | bool]]:
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{path}.")
        elif value is not None:
            yield path, tell_value(value)


def digest_of(text: str) -> str:
    """The digest that stands beside a sealed text: SHA-256 of its UTF-8 bytes, lower hex."""
    return digest.format(digest.sha256(text.encode()))


def tell_value(value: object) -> str | int | float | bool:
    """One value of a free-form map, or of a parameter: a plain one as it is, anything else as text."""
    match value:
        case bool() | float() | str():
            return value
        case int():
            # Seeds and bit masks may be wider than a JSON number; a decimal holds 40 digits.
            return value if abs(value) <= MAX_INTEGER else str(int(value))
        case list() | tuple():
            return ", ".join(str(tell_value(item)) for item in value)
    number = _unwrap(value)
    return str(value) if number is None else tell_value(number)


def _unwrap(value: object) -> str | int | float | bool | None:
    """The number in a scalar of numpy, PyTorch and their like; None where it is no such scalar."""
    item = getattr(value, "item", None)
    if not callable(item):
        return None
    try:
        number = item()
    except Exception:  # Whatever their libraries raise for arrays: it is no scalar.
        return None
    return number if isinstance(number, str | int | float | bool) else None
