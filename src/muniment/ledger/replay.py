"""The state machine run again, in memory: how anybody checks what an operator says about the state.

    replay = Replay(payload)                          # payload(index): the body of an entry that was already advanced over
    for block in blocks: replay.advance(header_raw, submissions)      # VerificationError where the header lies
    replay.position, replay.record("version/...")

Nothing is trusted but the bytes of the entries: verdicts, records and roots are computed anew and compared with the header.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence

import msgspec

from muniment.core.format import entry, state_map
from muniment.core.format.entry import Header
from muniment.core.rules import beginning, chain, genesis, members
from muniment.core.rules.chain import Position, Submission
from muniment.core.rules.members import Fault
from muniment.core.rules.policy import Policy
from muniment.errors import InvalidInput, VerificationError

CELLS = 4_096
STEP = 8  # docs/spec section 10: the header and what it commits to


class Replayed(msgspec.Struct, frozen=True):
    """What one block did: the records that it wrote, and the rows of cells that changed."""

    header: Header
    records: dict[bytes, bytes]
    cells: dict[int, bytes]
    added: int


class Replay:
    """A ledger's state, rebuilt block by block from its entries. Also the rules' reader over that state."""

    def __init__(self, payload: Callable[[int], bytes]) -> None:
        self._payload = payload
        self.position: Position | None = None
        self.records: dict[bytes, bytes] = {}
        self.map = state_map.Tree.decode([], 0)
        self._sorted: list[list[state_map.Row]] = [[] for _ in range(CELLS)]
        self._events: dict[str, int] = {}
        self._policy: Policy | None = None
        self._policy_record: bytes | None = None

    def advance(self, raw: bytes, submissions: Sequence[Submission]) -> Replayed:
        """Run one block: its events, whose signatures were checked when they were opened, and the header that seals it."""
        header = entry.decode_header(raw)
        if header.height == 0:
            return self._found(raw, header)
        if self.position is None:
            raise VerificationError("the ledger does not begin with its genesis", step=STEP, code="no-genesis")
        block = chain.Block(self.position, self._policy_in_force(), header.time, submissions, _read_faults(header))
        if header.time <= self.position.time:
            raise VerificationError(f"block {header.height} is not later than the one before", step=STEP, code="time-order")
        transition = chain.apply(self, block)
        refused = [verdict for verdict in transition.verdicts if verdict.decision != "admitted"]
        if refused or not transition.seals:
            said = refused[0].reasons[0].sentence() if refused and refused[0].reasons else "it is empty or repeats an event"
            raise VerificationError(f"block {header.height} holds what the rules refuse: {said}", step=STEP, code="not-admissible")
        change = self._write(transition.records)
        sealed = chain.seal(block, transition, change.root)
        self._compare(header, sealed.raw, raw, sealed.header)
        first = self.position.frontier.size
        for index, submission in enumerate(submissions, first):
            self._events[submission.event.event_id] = index
        self.position = sealed.position
        return Replayed(header, transition.records, change.cells, change.added)

    def state(self, key: bytes) -> bytes | None:
        """The record of a stream by map key."""
        return self.records.get(key)

    def record(self, stream: str) -> bytes | None:
        """The record of a stream by name."""
        return self.records.get(state_map.key(stream))

    def event(self, index: int) -> bytes:
        """The payload of an event, or the bytes of the genesis header."""
        return self._payload(index)

    def find(self, event_id: str) -> int | None:
        """The entry of an event id."""
        return self._events.get(event_id)

    def rows(self) -> list[state_map.Row]:
        """Every record's key and leaf, in key order."""
        return [row for cell in self._sorted for row in cell]

    def prove(self, stream: str) -> state_map.Path:
        """The path of a stream in the map as it is now."""
        key = state_map.key(stream)
        return self.map.prove(key, self._read(self.map.plan_proof(key)))

    def _found(self, raw: bytes, header: Header) -> Replayed:
        if self.position is not None:
            raise VerificationError("a second genesis", step=STEP, code="second-genesis")
        founding = genesis.decode(bytes(header.genesis or b""))
        transition = beginning.found(founding, header.time)
        change = self._write(transition.records)
        sealed = beginning.seal(founding, header.time, change.root)
        self._compare(header, sealed.raw, raw, sealed.header)
        self.position = sealed.position
        return Replayed(header, transition.records, change.cells, change.added)

    def _write(self, records: dict[bytes, bytes]) -> state_map.Change:
        leaves = {key: state_map.leaf(key, value) for key, value in records.items()}
        ranges = self.map.plan(leaves)
        change = self.map.build(ranges, self._read(ranges), leaves)
        self.map.commit(change)
        self.records.update(records)
        for key, leaf in leaves.items():
            cell = self._sorted[int.from_bytes(key[:2], "big") >> 4]
            place = bisect_left(cell, (key, b""))
            if place < len(cell) and cell[place][0] == key:
                cell[place] = key, leaf
            else:
                insort(cell, (key, leaf))
        return change

    def _read(self, ranges: Sequence[state_map.Range]) -> list[state_map.Row]:
        found: list[state_map.Row] = []
        for low, high in ranges:
            first, last = (int.from_bytes(bound[:2], "big") >> 4 for bound in (low, high))
            for cell in self._sorted[first : last + 1]:
                found += cell[bisect_left(cell, (low, b"")) : bisect_right(cell, (high, b"\xff" * 32))]
        return found

    def _policy_in_force(self) -> Policy:
        record = self.state(state_map.key("policy"))
        if self._policy is None or record != self._policy_record:
            self._policy, self._policy_record = chain.policy_in_force(self), record
        return self._policy

    def _compare(self, header: Header, computed_raw: bytes, raw: bytes, computed: Header) -> None:
        """Name the first field in which a stored header differs from the computed one."""
        if computed_raw == raw:
            return
        for field, meaning in _MEANINGS.items():
            told, found = getattr(header, field), getattr(computed, field)
            if told != found:
                differs = (
                    f"{meaning} is {told}, replay gives {found}" if isinstance(told, str | int) else f"replay gives other {meaning}"
                )
                raise VerificationError(f"block {header.height}: {differs}", step=STEP, code=f"header-{field}")
        # Another form of the same genesis.
        raise VerificationError(
            f"block {header.height}: the header is not the one that replay gives", step=STEP, code="header-form"
        )


def _read_faults(header: Header) -> tuple[Fault, ...]:
    if header.evidence is msgspec.UNSET:
        return ()
    try:
        return members.decode_faults(bytes(header.evidence))
    except InvalidInput as error:
        raise VerificationError(
            f"block {header.height}: its evidence cannot be read: {error}", step=STEP, code="header-evidence"
        ) from None


_MEANINGS = {
    "height": "the height",
    "previous": "the leaf of the header before",
    "size": "the number of entries before it",
    "root": "the root of the entries before it",
    "state": "the root of the state",
    "protocol": "the protocol",
    "validators": "members",
    "evidence": "evidence against members",
}
