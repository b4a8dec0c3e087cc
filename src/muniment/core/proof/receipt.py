"""Receipts: the C2SP tlog-proof text, which shows offline that one entry is in a ledger (docs/spec, section 10.1).

    c2sp.org/tlog-proof@v1
    index 4
    <base64 of a hash, one a line, from the leaf's sibling up>

    <the signed checkpoint, as the ledger gave it>

    receipt = parse(text)
    format(receipt) == text

A receipt says nothing about what the entry says: whoever verifies it brings the entry, or its leaf hash.
"""

from __future__ import annotations

import re

import msgspec

from muniment.core.format import base64, checkpoint, note
from muniment.errors import InvalidInput

HEAD = "c2sp.org/tlog-proof@v1"
MAX_PROOF_HASHES = 63
MAX_INDEX = checkpoint.MAX_SIZE - 1
MAX_EXTRA_BYTES = 65_535
MAX_RECEIPT_BYTES = note.MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES

_HASH_BYTES = 32
_index = re.compile(r"index (0|[1-9][0-9]{0,18})")


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """That entry `index` is in the tree of a checkpoint. `proof` holds 32-byte hashes, `checkpoint` the bytes of the note.

    `extra` is what an application added for itself. Nothing authenticates it and nothing here reads it.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""


def parse(text: str) -> Receipt:
    """Read a receipt (tlog-proof, "Format"). Raises InvalidInput for anything that `format` would not write."""
    if len(text) > MAX_RECEIPT_BYTES:
        raise InvalidInput(f"{len(text)} characters where a receipt has at most {MAX_RECEIPT_BYTES}", code="too-long")
    head, separator, rest = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != HEAD or not separator:
        raise _bad_receipt(f"does not begin with {HEAD} and hold a checkpoint after an empty line")
    extra = b""
    if len(lines) > 1 and lines[1].startswith("extra "):
        extra = base64.parse(lines.pop(1).removeprefix("extra "), what="the extra data of the receipt")
    match = _index.fullmatch(lines[1]) if len(lines) > 1 else None
    if match is None:
        raise _bad_receipt("has no line `index <decimal>` without leading zeroes")
    proof = tuple(base64.parse(line, what="a hash of the receipt") for line in lines[2:])
    receipt = Receipt(index=int(match[1]), proof=proof, checkpoint=_encode(rest), extra=extra)
    if format(receipt) != text:
        raise InvalidInput(
            "the receipt is not written in its one form", code="not-canonical", hint="Use the text as it was received."
        )
    return receipt


def format(receipt: Receipt) -> str:
    """Write a receipt. Raises InvalidInput for what `parse` would not take back."""
    if not 0 <= receipt.index <= MAX_INDEX:
        raise _bad_receipt(f"has the index {receipt.index}")
    if len(receipt.proof) > MAX_PROOF_HASHES or any(len(hash_) != _HASH_BYTES for hash_ in receipt.proof):
        raise _bad_receipt(f"is not at most {MAX_PROOF_HASHES} hashes of {_HASH_BYTES} bytes")
    if len(receipt.extra) > MAX_EXTRA_BYTES:
        raise _bad_receipt(f"has more than {MAX_EXTRA_BYTES} bytes of extra data")
    extra = [f"extra {base64.format(receipt.extra)}"] if receipt.extra else []
    lines = [HEAD, *extra, f"index {receipt.index}", *map(base64.format, receipt.proof)]
    return "\n".join(lines) + "\n\n" + format_checkpoint(receipt.checkpoint)


def format_checkpoint(raw: bytes) -> str:
    """The text of a signed checkpoint whose bytes are in their one form. Verifies nothing. Raises InvalidInput."""
    parsed = note.parse(raw)
    if note.format(parsed) != raw or checkpoint.format(checkpoint.parse(parsed.text)) != parsed.text:
        raise InvalidInput("the checkpoint is not written in its one form", code="not-canonical")
    return raw.decode("utf-8")


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise _bad_receipt("is not valid Unicode text") from None


def _bad_receipt(reason: str) -> InvalidInput:
    return InvalidInput(
        f"the receipt {reason}", code="bad-receipt", hint="Use the C2SP tlog-proof text as `muniment prove --receipt` printed it."
    )
