"""Steps 2, 7 and 8: the genesis, the entries and the headers of a checkpoint's tree (docs/spec, section 10.5).

Every entry of an answer has its own inclusion proof. The checkpoint ends at a header, whose `root` must be the root of all
entries before it; since a last leaf has siblings on its left only, its inclusion proof gives that root for nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

import msgspec

from muniment.core.format import merkle
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.format.entry import Header
from muniment.core.proof import header as headers
from muniment.core.proof.answer import Answer, EntryQuestion
from muniment.core.proof.inquiry import Block
from muniment.core.proof.receipt import Receipt
from muniment.core.proof.verify.verified import UNSET, Absent, Moment
from muniment.errors import VerificationError

GENESIS_STEP = 2
INCLUSION_STEP = 7
HEADER_STEP = 8


class Tree(msgspec.Struct, frozen=True):
    """Entries that are in the tree of a checkpoint. `head` is its last entry; `leaves` belong to the headers, as does `order`."""

    size: int
    order: tuple[int, ...]
    headers: Mapping[int, Header]
    leaves: Mapping[int, bytes]
    events: Mapping[int, bytes]

    @property
    def head(self) -> Header:
        """The header that is the checkpoint's last entry."""
        return self.headers[self.size - 1]

    def sealing(self, index: int) -> Block | Absent:
        """The block that sealed an entry, where both headers around it are shown and linked."""
        at = bisect_right(self.order, index)
        after = self.headers[self.order[at]] if at < len(self.order) else None
        before = None if after is None else self._linked(after)
        return UNSET if after is None or before is None or before >= index else block(after)

    def moment(self, time: str) -> Moment:
        """The block that was newest at a time, and its successor. Raises VerificationError (step 8)."""
        before = [header for header in self.headers.values() if header.time <= time]
        if not before:
            raise VerificationError(f"no header at or before {time} is shown", step=HEADER_STEP, code="header-time")
        newest = before[-1]
        if newest is self.head:
            return Moment(block=block(newest))
        after = next((header for header in self.headers.values() if self._linked(header) == newest.size), None)
        if after is None or after.time <= time:
            raise VerificationError(
                f"the header of {newest.time} is not shown to be the last one at {time}: its successor is missing",
                step=HEADER_STEP,
                code="header-successor",
            )
        return Moment(block=block(newest), next=block(after))

    def _linked(self, header: Header) -> int | None:
        """The index of the header before, if it is shown and `previous` is its leaf."""
        at = bisect_left(self.order, header.size)
        before = self.order[at - 1] if at else None
        if before is None or self.headers[before].height != header.height - 1 or self.leaves[before].hex() != header.previous:
            return None
        return before


def open_tree(answer: Answer, receipt: Receipt, checkpoint: Checkpoint, ledger: str) -> Tree:
    """Check that everything in an answer is in the checkpoint's tree, which begins with this ledger's genesis.

    Raises VerificationError: step 2 `genesis`; step 7 `entry-missing`, `receipt-index`, `receipt-proof`, `inclusion-...`;
    step 8 `header-...`.
    """
    _check_genesis(answer.genesis, checkpoint, ledger)
    asked = answer.question.index if isinstance(answer.question, EntryQuestion) else checkpoint.size - 1
    main = next((each for each in answer.entries if each.index == asked), None)
    if main is None and isinstance(answer.question, EntryQuestion):
        raise VerificationError(f"entry {asked} is not in this file", step=INCLUSION_STEP, code="entry-missing")
    if main is None:
        raise VerificationError(
            f"the newest entry of the checkpoint, {asked}, is not in this file: what it shows is older than it says",
            step=HEADER_STEP,
            code="header-last",
        )
    if receipt.index != asked:
        raise VerificationError(
            f"the receipt is about entry {receipt.index}, the question about entry {asked}",
            step=INCLUSION_STEP,
            code="receipt-index",
        )
    if receipt.proof != main.proof:
        raise VerificationError(f"two proofs are given for entry {asked}", step=INCLUSION_STEP, code="receipt-proof")
    headers: dict[int, Header] = {}
    leaves: dict[int, bytes] = {}
    events: dict[int, bytes] = {}
    for each in answer.entries:
        leaf = merkle.leaf(each.entry)
        merkle.check_inclusion(leaf, each.index, checkpoint.size, each.proof, checkpoint.root)
        header = open_header(each.entry, each.index)
        if header is None:
            events[each.index] = each.entry
        else:
            headers[each.index], leaves[each.index] = header, leaf
    last = answer.entries[-1]
    if last.index != checkpoint.size - 1 or last.index not in headers:
        raise VerificationError(
            "the last entry of the checkpoint is not shown to be a header", step=HEADER_STEP, code="header-last"
        )
    _check_root(headers[last.index], last.proof)
    tree = Tree(checkpoint.size, tuple(headers), headers, leaves, events)
    if asked in events and tree.sealing(asked) is UNSET:
        raise VerificationError(f"the block that sealed entry {asked} is not shown", step=HEADER_STEP, code="header-successor")
    return tree


def open_header(raw: bytes, index: int) -> Header | None:
    """The header at an index, or None for an event. Raises VerificationError (step 8) for a header that does not belong there."""
    if raw.startswith(b'{"payload"'):
        return None
    return headers.open_header(raw, index)


def block(header: Header) -> Block:
    """What is reported of a header."""
    return Block(height=header.height, time=header.time, index=header.size)


def _check_genesis(proof: Sequence[bytes], checkpoint: Checkpoint, ledger: str) -> None:
    """The ledger's id is the leaf of entry 0, so that a rewritten ledger with the same keys and origin is told apart."""
    try:
        merkle.check_inclusion(bytes.fromhex(ledger), 0, checkpoint.size, proof, checkpoint.root)
    except VerificationError:
        raise VerificationError(
            f"the ledger in this file does not begin with the genesis that the trust file names, {ledger[:8]}…",
            step=GENESIS_STEP,
            code="genesis",
            hint="This is another ledger under the same name, or the same one rewritten. Ask its owner which id is right.",
            details={"ledger": ledger},
        ) from None


def _check_root(header: Header, proof: Sequence[bytes]) -> None:
    root = merkle.EMPTY
    for number, left in enumerate(proof):
        root = merkle.node(left, root) if number else left
    if root.hex() != header.root:
        raise VerificationError(
            "the newest header commits to other entries than the checkpoint does", step=HEADER_STEP, code="header-root"
        )
