"""The places of entries, one after the other, each with what stands there and what is wrong with it by itself."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import msgspec

from muniment.core.format import entry, merkle
from muniment.core.format.entry import Header
from muniment.core.rules import chain
from muniment.core.rules.chain import Submission
from muniment.errors import InvalidInput, MunimentError
from muniment.ledger.store import entries
from muniment.ledger.store.fsck.report import Findings
from muniment.ledger.store.fsck.seals import Seal

MAX_GAP = 65_536

_ROWS = (
    "SELECT idx, iif(typeof(body) = 'blob', body, NULL),"
    " CASE typeof(signer) WHEN 'blob' THEN signer WHEN 'null' THEN NULL ELSE x'' END FROM entry ORDER BY idx"
)


class Slot(msgspec.Struct):
    """A place: the stored parts, the leaf that they give, and `fault` (code, message) where they cannot be right."""

    index: int
    body: bytes | None = None
    signer: bytes | None = None
    leaf: bytes | None = None
    submission: Submission | None = None
    header: Header | None = None
    fault: tuple[str, str] | None = None


def scan(sql: apsw.Connection, sealed: int, findings: Findings) -> Iterator[Slot]:
    """Every place from 0 on, also those that should hold an entry and do not. `sealed`: the size that is signed, 0 if unknown."""
    expected = 0
    for index, body, signer in sql.execute(_ROWS):
        gap = index - expected
        if gap < 0 or gap > MAX_GAP or (gap and 0 < sealed <= index):
            findings.add("stray-entry", "entry", index, f"entry {index} lies outside of the ledger, whose next entry is {expected}")
            continue
        for missing in range(expected, index):
            yield _missing(missing)
        fault = None if body is not None else ("type", f"the body of entry {index} is not kept as bytes")
        yield Slot(index, body, signer, fault=fault)
        expected = index + 1
    for missing in range(expected, min(sealed, expected + MAX_GAP)):
        yield _missing(missing)


def read(slot: Slot, seal: Seal | None, height: int, ledger: str) -> bool:
    """Read a place as what belongs there; True where that is the header that ends the block of `height`.

    `seal` is the row of that block. A place is believed to hold a header by its own form or by the signed size, so that
    neither a damaged header nor a damaged row of the block confuses the other.
    """
    signed = seal is not None and seal.root is not None
    ends = signed and seal is not None and seal.index == slot.index
    if slot.body is None:
        return ends
    if slot.signer is not None and not ends:
        _read_event(slot, slot.body, ledger)
        return False
    try:
        slot.header = entry.decode_header(slot.body)
    except InvalidInput as error:
        slot.fault = ("bad-entry", f"entry {slot.index} is neither an event with its signer nor a header: {error}")
    if slot.signer is not None:
        slot.fault = ("bad-entry", f"entry {slot.index} is a header, and headers have no signer")
        return True
    slot.leaf = merkle.leaf(slot.body)
    if ends or not signed or (slot.header is not None and slot.header.height == height):
        return True
    slot.fault = slot.fault or ("bad-entry", f"entry {slot.index} is the header of another block")
    return False


def _read_event(slot: Slot, body: bytes, ledger: str) -> None:
    try:
        raw = entries.rebuild(slot.index, body, slot.signer)
        slot.leaf = merkle.leaf(raw)
        slot.submission = chain.open_submission(raw)
    except MunimentError as error:
        slot.fault = (error.code, f"entry {slot.index}: {error}")
        return
    if ledger and slot.submission.event.ledger != ledger:
        slot.fault = ("other-ledger", f"entry {slot.index} was signed for another ledger")


def _missing(index: int) -> Slot:
    return Slot(index, fault=("missing-entry", f"entry {index} is missing"))
