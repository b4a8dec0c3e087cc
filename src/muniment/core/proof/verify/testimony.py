"""The ground that a file gives a question: what it proves and nothing else (docs/spec, section 10.7).

Every stream in the file is checked once, whether or not the question needs it; what a question then asks for and does not
find fails with the name of what is missing, and so does what nobody asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muniment.core.format import entry, merkle, state_map
from muniment.core.format.state_map import Record
from muniment.core.proof.answer import UNSET, Answer, Whole
from muniment.core.proof.inquiry import Block, Told
from muniment.core.proof.inquiry.ground import failure
from muniment.core.proof.verify.inclusion import HEADER_STEP, Tree, block
from muniment.core.proof.verify.state import require
from muniment.core.proof.verify.statement import Signed
from muniment.errors import VerificationError


class Testimony:
    """A ground over the verified parts of one answer (core.proof.inquiry.Ground)."""

    def __init__(
        self,
        tree: Tree,
        records: Mapping[str, Record | None],
        told: Mapping[int, Told],
        streams: Mapping[str, Sequence[Told]],
    ) -> None:
        self._tree = tree
        self._records = records
        self._told = told
        self._streams = streams
        self._asked: set[str] = set()

    @property
    def head(self) -> Block:
        """The checkpoint's last header."""
        return block(self._tree.head)

    def record(self, stream: str) -> Record | None:
        """A record that is proved. Raises VerificationError (step 11, `state-missing`)."""
        return require(self._records, stream)

    def events(self, stream: str) -> Sequence[Told]:
        """All entries of a stream. Raises VerificationError (step 11: `state-missing`, `stream-missing`)."""
        if self.record(stream) is None:
            return ()
        if stream not in self._streams:
            raise failure("stream-missing", f"this file does not hold the events of {stream}, which its question leads to")
        self._asked.add(stream)
        return self._streams[stream]

    def event(self, index: int) -> Told:
        """One entry. Raises VerificationError (step 11, `event-missing`)."""
        if index not in self._told:
            raise failure("event-missing", f"this file does not hold entry {index}, which its question leads to")
        return self._told[index]

    def block(self, index: int) -> Block:
        """The block that sealed an entry. Raises VerificationError (step 8, `header-successor`)."""
        found = self._tree.sealing(index)
        if found is UNSET:
            raise VerificationError(f"the block that sealed entry {index} is not shown", step=HEADER_STEP, code="header-successor")
        return found

    def check_asked(self) -> None:
        """Check that the question needed every stream of the file. Raises VerificationError (step 11, `stream-unasked`)."""
        unasked = self._streams.keys() - self._asked
        if unasked:
            raise failure("stream-unasked", f"this file holds the events of {min(unasked)}, which nobody asked for")


def open_testimony(answer: Answer, tree: Tree, records: Mapping[str, Record | None], signed: Mapping[int, Signed]) -> Testimony:
    """Check that every stream of a file is whole, and that its streams bind all its events.

    Raises VerificationError (step 11): `state-missing`, `event-missing`, `history-count`, `history-order`, `history-head`,
    `event-unbound`.
    """
    told = {index: Told(index, each.event, each.payload) for index, each in signed.items()}
    told |= {index: Told(index, None, b"") for index in tree.headers}
    leaves = {each.index: merkle.leaf(each.entry) for each in answer.events}
    streams = {whole.stream: _open_stream(whole, tree, require(records, whole.stream), told, leaves) for whole in answer.streams}
    unbound = leaves.keys() - {index for whole in answer.streams for index in whole.indices}
    if unbound:
        raise failure("event-unbound", f"no stream in this file binds entry {min(unbound)}")
    return Testimony(tree, records, told, streams)


def _open_stream(
    whole: Whole, tree: Tree, record: Record | None, told: Mapping[int, Told], leaves: Mapping[int, bytes]
) -> Sequence[Told]:
    """The entries of a stream, once they fold to its head."""
    stream, indices = whole.stream, whole.indices
    count = 0 if record is None else record.count
    if record is None or len(indices) != count:
        raise failure("history-count", f"this file holds {len(indices)} of the {count} events of {stream}")
    if (indices[0], indices[-1]) != (record.first, record.last):
        raise failure("history-order", f"the events of {stream} do not begin and end where its record says")
    head = state_map.key(stream)
    for index in indices:
        leaf = leaves.get(index)
        if leaf is None:
            leaf = _included_leaf(tree, index, stream)
        head = state_map.fold(head, index, leaf)
    if head.hex() != record.head:
        raise failure("history-head", f"the events handed over are not the events of {stream}: they do not fold to its head")
    return [told[index] for index in indices]


def _included_leaf(tree: Tree, index: int, stream: str) -> bytes:
    """What an entry with an inclusion proof of its own folds: of a header, all but its state."""
    if index in tree.headers:
        return entry.leaf_without_state(tree.headers[index])
    if index in tree.events:
        return merkle.leaf(tree.events[index])
    raise failure("event-missing", f"this file does not hold entry {index} of {stream}")
