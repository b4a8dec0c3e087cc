"""The canonical JSON profile: one sequence of bytes for each value (docs/spec, section 1; RFC 8785 made stricter).

No floats, no null, integers within +-(2^53 - 1), keys `[A-Za-z_][A-Za-z0-9_]*`, nesting at most 16 deep.

    raw = encode({"size": 3, "name": "loans"})      # b'{"name":"loans","size":3}'
    decode(raw)                                     # the same value, or InvalidInput

A decoder never trusts that what it was given is canonical: it encodes again and compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Annotated, TypeVar

import msgspec

from muniment.errors import InvalidInput

MAX_ENTRY_BYTES = 65_535
MAX_PAYLOAD_BYTES = 48_960
MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1
MAX_DECIMAL_CHARACTERS = 40
MAX_DECIMAL_EXPONENT = 400

# `$` alone also matches before a final newline; `(?!\n)` closes that in Python and is harmless in ECMA-262.
_END = r"$(?!\n)"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"

Integer = Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
Natural = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Identifier = Annotated[str, msgspec.Meta(pattern=rf"^{_NAME}(?:/{_NAME})*{_END}", max_length=128)]
Segment = Annotated[str, msgspec.Meta(pattern=rf"^{_NAME}{_END}", max_length=128)]
HexDigest = Annotated[str, msgspec.Meta(pattern=rf"^[0-9a-f]{{64}}{_END}")]
GitDigest = Annotated[str, msgspec.Meta(pattern=rf"^[0-9a-f]{{40}}(?:[0-9a-f]{{24}})?{_END}")]
Decimal = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(?:-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]{{1,3}})?|NaN|-?Infinity){_END}", max_length=MAX_DECIMAL_CHARACTERS
    ),
]
Time = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
        rf"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{{6}}Z{_END}"
    ),
]
EventId = Annotated[
    str, msgspec.Meta(pattern=rf"^[0-9a-f]{{8}}-[0-9a-f]{{4}}-7[0-9a-f]{{3}}-[89ab][0-9a-f]{{3}}-[0-9a-f]{{12}}{_END}")
]

Scalar = str | int | bool
Value = Scalar | list["Value"] | dict[str, "Value"]
T = TypeVar("T")

_sorted = msgspec.json.Encoder(order="sorted")
_generic = msgspec.json.Decoder()
_key = re.compile(rf"[A-Za-z_][A-Za-z0-9_]*{_END}")
# Linear on hostile input: an unclosed string swallows the rest instead of backtracking.
_string = re.compile(rb'"[^"]*"?')
_not_marks = bytes(set(range(256)) - set(b'{}[]"'))


def encode(value: object) -> bytes:
    """Write plain values or structs as canonical bytes. Raises InvalidInput for what the profile has no form for."""
    try:
        # A set has no order of its own; without this the bytes would hang on the process's hash seed.
        plain = msgspec.to_builtins(value, builtin_types=(float,), order="deterministic")
        _check_value(plain)
        return _sorted.encode(plain)
    except (TypeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidInput(f"not expressible in canonical JSON: {error}", code="not-expressible") from None


def encode_struct(value: msgspec.Struct) -> bytes:
    """Write a struct whose field types already exclude what the profile excludes: no second walk over the value."""
    try:
        return _sorted.encode(value)
    except UnicodeEncodeError:
        raise InvalidInput("a string is not valid Unicode text", code="not-unicode") from None


def decode(raw: bytes, *, limit: int = MAX_PAYLOAD_BYTES) -> Value:
    """Read canonical bytes as plain values, in the order of docs/spec section 1; every failure is InvalidInput."""
    check_limits(raw, limit)
    try:
        value: Value = _generic.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"not JSON: {error}", code="not-json", hint="Send one UTF-8 JSON object.") from None
    _check_value(value)
    try:
        again = _sorted.encode(value)
    except UnicodeEncodeError:
        raise InvalidInput("a string is not valid Unicode text", code="not-unicode") from None
    if again != raw:
        raise InvalidInput(
            "JSON is not in canonical form",
            code="not-canonical",
            hint="Sort the keys, drop white space and repeated keys, and write numbers in their shortest form.",
        )
    return value


def decoder(type_: type[T], *, limit: int = MAX_PAYLOAD_BYTES) -> Callable[[bytes], T]:
    """A strict reader of canonical bytes into `type_`, whose fields must exclude floats, null and unknown names.

    It accepts exactly what `decode` and then a typed conversion accept: re-encoding the typed value and comparing
    proves the form, so the generic pass runs only to say what is wrong.
    """
    typed = msgspec.json.Decoder(type_)

    def read(raw: bytes) -> T:
        check_limits(raw, limit)
        try:
            value = typed.decode(raw)
            if _sorted.encode(value) == raw:
                return value
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            reason = str(error)
        else:
            reason = "a field is written in another than its one form"
        decode(raw, limit=limit)
        raise InvalidInput(f"does not fit the schema: {reason}", code="schema")

    return read


def check_limits(raw: bytes, limit: int) -> None:
    """Length, then nesting depth by a linear scan of the bytes: a parser's own limit depends on the caller's stack."""
    if len(raw) > limit:
        raise InvalidInput(f"{len(raw)} bytes where at most {limit} are allowed", code="too-long")
    if len(raw) <= MAX_ENTRY_BYTES and raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    # Without escapes each quote begins or ends a string; what is left of a large file are its brackets.
    marks = raw.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _not_marks)
    for byte in _string.sub(b"", marks):
        if byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidInput(f"nested more than {MAX_DEPTH} deep", code="too-deep")
        else:
            depth -= 1


def require_sorted(items: Iterable[str], field: str) -> None:
    """An array that is a set has one form: sorted and unique. Raises ValueError, which decoders turn into InvalidInput."""
    listed = list(items)
    if any(left >= right for left, right in pairwise(listed)):
        raise ValueError(f"{field} must be sorted and without repeats")


def _check_value(value: object, depth: int = 0) -> None:
    """No floats, no null, no wide integers, no odd keys, not too deep."""
    if isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            # Not shown: Python refuses to write an integer of more than 4,300 digits.
            raise InvalidInput("an integer is outside +-(2^53 - 1)", code="integer-range", hint="Write it as a string.")
        return
    if depth == MAX_DEPTH:
        raise InvalidInput(f"nested more than {MAX_DEPTH} deep", code="too-deep")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or _key.match(key) is None:
                raise InvalidInput(f"key {key!r} is not [A-Za-z_][A-Za-z0-9_]*", code="bad-key")
            _check_value(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_value(item, depth + 1)
    elif value is None:
        raise InvalidInput("null is not part of the profile", code="null", hint="Leave the field out.")
    elif isinstance(value, float):
        raise InvalidInput(
            "a floating-point number is not part of the profile", code="float", hint='Write decimals as strings, such as "0.913".'
        )
    else:
        raise InvalidInput(f"{type(value).__name__} has no canonical form", code="not-expressible")
