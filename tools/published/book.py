"""A ledger in memory: the state machine over lists, and the same view of it that every engine gives.

book = Book(genesis, time)
book.seal(time, entries)            # as the rules would
book.force(time, entries, ...)      # as an operator would who breaks them and signs all the same
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from muniment.core.format import checkpoint, dsse, entry, merkle, state_map
from muniment.core.format.entry import Header
from muniment.core.format.state_map import StateProof
from muniment.core.proof.path import Step
from muniment.core.rules import beginning, chain, council, genesis, members
from muniment.core.rules.chain import Block
from muniment.core.rules.genesis import Genesis
from muniment.core.rules.members import Fault, Validators
from muniment.core.rules.policy import Verdict
from muniment.errors import NotFound
from muniment.ledger.store import memberships, trail
from published import cast


@dataclass(frozen=True, slots=True)
class Page:
    """One sealed block: its header, the checkpoint that ends at it, what was admitted, and the records that changed."""

    header: Header
    checkpoint: bytes
    root: bytes
    entries: tuple[bytes, ...]
    records: Mapping[str, bytes]


@dataclass(slots=True)
class Book:
    """A ledger whose entries, records and blocks are lists. It is its own reader (for rules) and view (for provers)."""

    raw_entries: list[bytes] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    records: dict[str, bytes] = field(default_factory=dict)
    by_key: dict[bytes, bytes] = field(default_factory=dict)
    known_ids: dict[str, int] = field(default_factory=dict)
    position: chain.Position | None = None

    @classmethod
    def found(cls, founding: Genesis, time: str) -> Book:
        """Begin a ledger."""
        book = cls()
        transition = beginning.found(founding, time)
        founding = genesis.decode(genesis.encode(founding))
        names = council.folded(beginning.seal(founding, time, bytes(32)).header)
        changed = book._record(names, transition.records)
        sealed = beginning.seal(founding, time, book.state_root())
        book._close(sealed, (), changed)
        return book

    def until(self, height: int) -> Book:
        """The same ledger as it was after a height."""
        first = self.pages[0].header
        book = Book.found(genesis.decode(bytes(first.genesis or b"")), first.time)
        for page in self.pages[1 : height + 1]:
            evidence = page.header.evidence
            faults = () if evidence is msgspec.UNSET else members.decode_faults(bytes(evidence))
            book.seal(page.header.time, page.entries, faults)
        return book

    @property
    def ledger(self) -> str:
        """The ledger's id."""
        assert self.position is not None
        return self.position.ledger

    def judge(self, time: str, entries: Sequence[bytes], faults: Sequence[Fault] = ()) -> chain.Transition:
        """What the rules say to signed entries."""
        return chain.apply(self, self._open(time, entries, faults))

    def seal(self, time: str, entries: Sequence[bytes], faults: Sequence[Fault] = ()) -> tuple[Verdict, ...]:
        """Judge entries and seal what is admitted."""
        block = self._open(time, entries, faults)
        transition = chain.apply(self, block)
        refused = [each for each in transition.verdicts if each.decision != "admitted"]
        assert not refused, refused
        names = {name for each in transition.admitted for name in each.streams}
        names |= set(council.folded(chain.seal(block, transition, bytes(32)).header))
        changed = self._record(names, transition.records)
        sealed = chain.seal(block, transition, self.state_root())
        for index, each in enumerate(transition.admitted, len(self.raw_entries)):
            self.known_ids[each.event.event_id] = index
        self._close(sealed, tuple(entries), changed)
        return transition.verdicts

    def _open(self, time: str, entries: Sequence[bytes], faults: Sequence[Fault]) -> Block:
        assert self.position is not None
        return Block(self.position, chain.policy_in_force(self), time, chain.open_submissions(entries), tuple(faults))

    def force(
        self,
        time: str,
        entries: Sequence[bytes],
        *,
        records: Mapping[str, bytes] | None = None,
        headless: bool = False,
        **changes: object,
    ) -> None:
        """Append whatever is given, set records, seal it with a header that may say anything, and sign the checkpoint."""
        assert self.position is not None
        self._record((records or {}).keys(), {state_map.key(name): raw for name, raw in (records or {}).items()})
        leaves = [merkle.leaf(raw) for raw in entries]
        frontier = self.position.frontier.extend(leaves)
        if headless:
            self.raw_entries += entries
            self.position = msgspec.structs.replace(self.position, frontier=frontier)
            return
        header = Header(
            height=self.position.height + 1,
            time=time,
            previous=self.position.leaf.hex(),
            size=frontier.size,
            root=frontier.root().hex(),
            state=self.state_root().hex(),
            protocol=entry.PROTOCOL,
        )
        header = msgspec.structs.replace(header, **changes)
        raw = entry.encode_header(header)
        leaf = merkle.leaf(raw)
        position = chain.Position(self.ledger, self.position.origin, header.height, time, leaf, frontier.append(leaf))
        self._close(chain.Sealed(header, raw, position), tuple(entries), {})

    def _record(self, names: Sequence[str] | set[str] | object, written: Mapping[bytes, bytes]) -> dict[str, bytes]:
        changed = {name: written[state_map.key(name)] for name in sorted(names)}  # type: ignore[call-overload]
        assert len(changed) == len(written)
        self.records |= changed
        self.by_key |= written
        return changed

    def _close(self, sealed: chain.Sealed, entries: tuple[bytes, ...], changed: Mapping[str, bytes]) -> None:
        self.position = sealed.position
        self.raw_entries += [*entries, sealed.raw]
        root = sealed.position.frontier.root()
        self.pages.append(Page(sealed.header, self.sign_checkpoint(), root, entries, changed))

    def sign_checkpoint(self) -> bytes:
        """The signed checkpoint over everything so far."""
        assert self.position is not None
        return checkpoint.sign(self.position.checkpoint, cast.LOG)

    def state_root(self) -> bytes:
        """The root of the state map, from all records at once."""
        return state_map.bulk(self._rows())

    def leaves(self, size: int) -> list[bytes]:
        """The leaves of the first entries."""
        return [merkle.leaf(raw) for raw in self.raw_entries[:size]]

    # The reader that the rules ask.

    def state(self, key: bytes) -> bytes | None:
        """The record with a map key."""
        return self.by_key.get(key)

    def event(self, index: int) -> bytes:
        """The payload of an event, or the bytes of the genesis."""
        raw = self.raw_entries[index]
        return dsse.decode(raw).payload if raw.startswith(b'{"payload"') else raw

    def find(self, event_id: str) -> int | None:
        """The entry of an event id."""
        return self.known_ids.get(event_id)

    # The view that provers ask.

    @property
    def checkpoint(self) -> bytes:
        """The newest signed checkpoint."""
        return self.pages[-1].checkpoint

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.raw_entries)

    @property
    def height(self) -> int:
        """The newest height."""
        return len(self.pages) - 1

    def entry(self, index: int) -> bytes:
        """The bytes of an entry."""
        if not 0 <= index < self.size:
            raise NotFound(f"there is no entry {index}")
        return self.raw_entries[index]

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Entries with their indices."""
        yield from enumerate(self.raw_entries[start:stop], start)

    def header(self, height: int) -> Header:
        """The header of a height."""
        return self.pages[height].header

    def sealed_by(self, index: int) -> int:
        """The height of the block that sealed an entry."""
        return next(page.header.height for page in self.pages if page.header.size >= index)

    def height_at(self, time: str) -> int | None:
        """The newest height at a time."""
        return max((page.header.height for page in self.pages if page.header.time <= time), default=None)

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """An inclusion proof."""
        return merkle.prove_inclusion(self.leaves(size), index)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """A consistency proof."""
        return merkle.prove_consistency(self.leaves(new), old)

    def checkpoint_at(self, height: int) -> bytes:
        """The signed checkpoint of a height."""
        return self.pages[height].checkpoint

    def membership_heights(self) -> list[int]:
        """The heights whose headers name members."""
        return [page.header.height for page in self.pages if memberships.read(page.header) is not None]

    def validators_before(self, height: int) -> Validators | None:
        """The members who judge the checkpoint of a height."""
        named = [memberships.read(page.header) for page in self.pages[: max(height, 1)]]
        return next((each for each in reversed(named) if each is not None), None)

    @property
    def changed(self) -> int:
        """The size of the newest checkpoint before this one that changed the members."""
        return trail.find_change(self)

    def path(self) -> tuple[Step, ...]:
        """How the members came to be those in force."""
        return trail.prove_path(self)

    def record(self, stream: str) -> bytes | None:
        """The record of a stream."""
        return self.records.get(stream)

    def prove_state(self, stream: str) -> StateProof:
        """The proof of a stream's record or absence."""
        return prove_state(self.records, stream)

    def _rows(self) -> list[state_map.Row]:
        return sorted((key, state_map.leaf(key, raw)) for key, raw in self.by_key.items())


def prove_state(records: Mapping[str, bytes], stream: str) -> StateProof:
    """The proof of a stream's record, or of its absence, in the map of these records."""
    values = {state_map.key(name): raw for name, raw in records.items()}
    rows = sorted((key, state_map.leaf(key, raw)) for key, raw in values.items())
    cells = state_map.bulk_cells(rows)
    tree = state_map.Tree.decode([b"".join(cells[at : at + 16]) for at in range(0, len(cells), 16)], len(rows))
    wanted = state_map.key(stream)
    ranges = tree.plan_proof(wanted)
    path = tree.prove(wanted, [row for row in rows if any(low <= row[0] <= high for low, high in ranges)])
    if stream in records:
        return state_map.prove_presence(stream, records[stream], path)
    return state_map.prove_absence(stream, None if path.end is None else values[path.end], path)
