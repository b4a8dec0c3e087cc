"""A header in a proof: of its form, of a protocol that is spoken here, and in its place (docs/spec, section 10.5, step 8)."""

from __future__ import annotations

from muniment.core.format import entry
from muniment.core.format.entry import Header
from muniment.errors import InvalidInput, VerificationError

STEP = 8


def decode_header(raw: bytes) -> Header:
    """Read what must be a header. Raises VerificationError (step 8: `header-form`, or `protocol-unknown` for a later release's)."""
    try:
        return entry.decode_header(raw)
    except InvalidInput as error:
        if error.code == "protocol-unknown":
            raise VerificationError(str(error), step=STEP, code=error.code, hint=error.hint) from None
        raise VerificationError(f"what stands for a header is none: {error}", step=STEP, code="header-form") from None


def open_header(raw: bytes, index: int) -> Header:
    """The header that is the entry at an index. Raises as `decode_header`, and `header-index`."""
    header = decode_header(raw)
    if header.size != index:
        raise VerificationError(
            f"the header at entry {index} says that {header.size} entries come before it", step=STEP, code="header-index"
        )
    return header
