"""Standard base64 with padding (RFC 4648, section 4), read strictly: each sequence of bytes has one text.

The standard library's strict mode still takes texts whose unused last bits are not zero; two texts for one signature
would let a relay change a note without breaking it, so what was read is written again and compared.
"""

from __future__ import annotations

import binascii

from muniment.errors import InvalidInput


def parse(text: str, *, what: str) -> bytes:
    """Read `text`; `what` names the thing in the message. Raises InvalidInput (`not-base64`)."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        data = None
    if data is None or format(data) != text:
        raise InvalidInput(f"{what} is not standard base64", code="not-base64", hint="Copy it whole, with its padding.")
    return data


def format(data: bytes) -> str:
    """Write `data` on one line, padded."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")
