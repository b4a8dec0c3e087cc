"""Bodies of requests, read strictly: the nesting is measured before anything is decoded."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TypeVar

import msgspec

from muniment.errors import InvalidInput

T = TypeVar("T")

# Linear on hostile input: an unclosed string swallows the rest instead of backtracking.
_string = re.compile(rb'"[^"]*"?')
_not_marks = bytes(set(range(256)) - set(b'{}[]"'))
_steps = bytes(1 if byte in b"{[" else 0 for byte in range(256))


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
