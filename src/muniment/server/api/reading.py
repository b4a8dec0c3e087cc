"""Bodies and queries of requests, read strictly: the nesting is measured before anything is decoded."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any, TypeVar

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from muniment.errors import InvalidInput

T = TypeVar("T")

_LISTS = frozenset({"kind", "name"})
_NUMBERS = frozenset({"before", "from", "index", "limit", "new", "old", "size"})
_WORDS = frozenset({"target"})
_number = re.compile(r"[0-9]{1,16}", re.ASCII)

# Linear on hostile input: an unclosed string swallows the rest instead of backtracking.
_string = re.compile(rb'"[^"]*"?')
_not_marks = bytes(set(range(256)) - set(b'{}[]"'))
_steps = bytes(1 if byte in b"{[" else 0 for byte in range(256))


async def check_query(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Check that a parameter is given once, unless it is a list, and that numbers are numbers. Raises InvalidInput (`bad-request`).

    The framework would take the last one, and `null` for one that was left out.
    """
    for name, value in (said := connection.query_params).multi_items():
        if name in _LISTS:
            continue
        if len(said.getall(name)) > 1:
            raise InvalidInput(f"`{name[:64]}` is given twice", code="bad-request", hint="Give it once.")
        if (name in _NUMBERS and not _number.fullmatch(value)) or (name in _WORDS and value == "null"):
            raise InvalidInput(f"`{name}` is {value[:64]!r}", code="bad-request", hint="/v1/openapi.json says what it may be.")


def read(raw: bytes, decoder: msgspec.json.Decoder[T], depth: int) -> T:
    """Decode a body. Raises InvalidInput: `too-deep`, `not-json`, `schema`."""
    check_depth(raw, depth)
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"the body does not fit: {error}", code="schema", hint="The interface is described at /v1/openapi.json."
        ) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON: {error}", code="not-json", hint="Send one UTF-8 JSON object.") from None


def check_depth(raw: bytes, depth: int) -> None:
    """Check that JSON is nested at most `depth` deep, in one pass. Raises InvalidInput (`too-deep`)."""
    if raw.count(b"{") + raw.count(b"[") <= depth:
        return
    # Without escapes each quote begins or ends a string; what is left are the brackets.
    marks = _string.sub(b"", raw.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _not_marks))
    if max(accumulate(2 * step - 1 for step in marks.translate(_steps)), default=0) > depth:
        raise InvalidInput(f"the body is nested more than {depth} deep", code="too-deep", hint="Send flatter JSON.")
