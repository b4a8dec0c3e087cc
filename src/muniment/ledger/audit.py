"""Checking a whole ledger: every signature, every hash, every header, and on request the state itself by replay.

Signatures take most of the time and need nothing but the entry, so other processes can check them: with two, one pass over
the ledger takes little more than half.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NamedTuple, Protocol

import msgspec

from muniment.core.format import checkpoint, dsse, entry, keys, merkle
from muniment.core.format.dsse import Envelope
from muniment.core.format.entry import Header
from muniment.core.format.merkle import Frontier
from muniment.core.proof import authority
from muniment.core.proof.trust import Trust
from muniment.core.rules import chain
from muniment.core.rules.chain import Submission
from muniment.errors import InvalidInput, InvariantError, MunimentError, VerificationError
from muniment.ledger.replay import Replay

CHUNK = 128
EVENT = b'{"payload"'


class Entries(Protocol):
    """What an audit reads: a signed checkpoint and the entries under it. Every View is one, and so are exported tiles."""

    @property
    def checkpoint(self) -> bytes:
        """The signed checkpoint."""

    @property
    def size(self) -> int:
        """How many entries there are."""

    def entry(self, index: int) -> bytes:
        """The exact bytes of an entry."""

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Index and exact bytes of the entries in [start, stop)."""


OpenView = Callable[[], AbstractContextManager[Entries]]
Progress = Callable[[int, int], None]


class _Predicate(msgspec.Struct, gc=False):
    ledger: str


class _Statement(msgspec.Struct, gc=False):
    predicate: _Predicate


_read_ledger = msgspec.json.Decoder(_Statement).decode


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """What was found sound: sizes, the newest root, and whether the state was run again (`replayed`) or only hashed over."""

    origin: str
    ledger: str
    size: int
    events: int
    height: int
    root: str
    state: str
    time: str
    replayed: bool


def audit(
    open_view: OpenView,
    believed: keys.Verifier | Trust,
    *,
    replay: bool = True,
    processes: int = 1,
    progress: Progress | None = None,
) -> Audited:
    """Check every entry of a ledger up to its newest checkpoint. Raises VerificationError at the first that does not hold.

    `open_view` must work in a forked process too. `believed`: the key that signs checkpoints, or a trust file, whose key or quorum
    of voters must have signed the newest one.
    """
    with open_view() as view, ExitStack() as stack:
        raw = view.checkpoint
        head = authority.open_head(raw, believed).checkpoint if isinstance(believed, Trust) else checkpoint.open(raw, believed)
        if head.size != view.size:
            raise VerificationError(
                f"the newest checkpoint is of size {head.size}, the ledger holds {view.size} entries",
                step=8,
                code="checkpoint-size",
            )
        helpers = None
        if processes > 1:
            # With replay this process has as much to do as the others; without, it only adds up their hashes.
            helpers = stack.enter_context(_Verifiers(open_view, head.size, processes - 1 if replay else processes))
        return _walk(view, head, replay, helpers, progress)


class _Row(NamedTuple):
    """An entry as it was read; the envelope is that of an event."""

    place: int
    raw: bytes
    envelope: Envelope | None


def _walk(
    view: Entries,
    head: checkpoint.Checkpoint,
    replay: bool,
    helpers: _Verifiers | None,
    progress: Progress | None,
) -> Audited:
    frontier, pending = Frontier(), list[Submission]()
    previous: Header | None = None
    leaf, ledger, events = b"", _ledger(view, head.size), 0
    machine = Replay(lambda index: _body(view, index)) if replay else None
    for start in range(0, head.size, CHUNK):
        stop = min(start + CHUNK, head.size)
        rows = _read(view, start, stop, decode=replay or helpers is None)
        # Nothing is believed, let alone run again, before its signature holds.
        if helpers is None:
            _verify(rows, ledger)
        else:
            helpers.settle(start // CHUNK)
        leaves: list[bytes] = []
        for row in rows:
            leaves.append(merkle.leaf(row.raw))
            if row.raw.startswith(EVENT):
                if machine:
                    pending.append(_decode(row, leaves[-1]))
                events += 1
                continue
            frontier, leaves = frontier.extend(leaves[:-1]), leaves[-1:]
            header = _check_header(row.raw, row.place, previous, leaf, frontier)
            if previous is not None and header.size == previous.size + 1 and header.evidence is msgspec.UNSET:
                raise VerificationError(f"block {header.height} is empty", step=8, code="empty-block")
            leaf, previous = leaves[0], header
            if machine:
                machine.advance(row.raw, pending)
                pending = []
        frontier = frontier.extend(leaves)
        if progress:
            progress(stop, head.size)
    if previous is None or previous.size + 1 != head.size or frontier.size != head.size or frontier.root() != head.root:
        raise VerificationError(
            "the entries do not fold to the root that the newest checkpoint signs", step=8, code="checkpoint-root"
        )
    if head.origin != (machine.position.origin if machine and machine.position else head.origin):
        raise VerificationError("the genesis names another origin", step=2, code="origin")
    return Audited(
        origin=head.origin,
        ledger=ledger,
        size=head.size,
        events=events,
        height=previous.height,
        root=head.root.hex(),
        state=previous.state,
        time=previous.time,
        replayed=replay,
    )


def _ledger(view: Entries, size: int) -> str:
    return merkle.leaf(view.entry(0)).hex() if size else ""


def _read(view: Entries, start: int, stop: int, *, decode: bool) -> list[_Row]:
    return [
        _Row(index, raw, _open(raw, index) if decode and raw.startswith(EVENT) else None)
        for index, raw in view.entries(start, stop)
    ]


def _open(raw: bytes, index: int) -> Envelope:
    try:
        return dsse.decode(raw)
    except InvalidInput as error:
        raise VerificationError(f"entry {index}: {error}", step=9, code="signature", details={"entry": index}) from None


def _verify(rows: Sequence[_Row], ledger: str) -> None:
    """Check the signatures of events, and that they were given for this ledger. Raises VerificationError (step 9)."""
    for index, _, envelope in rows:
        if envelope is None:
            continue
        try:
            keys.verify(envelope.key, dsse.pae(envelope.payload), envelope.signature)
        except VerificationError as error:
            raise VerificationError(f"entry {index}: {error}", step=9, code="signature", details={"entry": index}) from None
    for index, _, envelope in rows:
        if envelope is not None and _signed_for(envelope.payload) != ledger:
            raise VerificationError(
                f"entry {index} was signed for another ledger", step=9, code="other-ledger", details={"entry": index}
            )


def _signed_for(payload: bytes) -> str:
    """The ledger that an event names; empty for what is no event, of whose form only a replay says more."""
    try:
        return _read_ledger(payload).predicate.ledger
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""


def _check_header(raw: bytes, index: int, previous: Header | None, leaf: bytes, frontier: Frontier) -> Header:
    """A header follows the one before and commits to exactly the entries below it."""
    try:
        header = entry.decode_header(raw)
    except InvalidInput as error:
        raise VerificationError(f"entry {index} is neither an event nor a header: {error}", step=8, code="bad-entry") from None
    expected = (0, entry.NO_PREVIOUS) if previous is None else (previous.height + 1, leaf.hex())
    found = {
        "header-height": header.height == expected[0],
        "header-previous": header.previous == expected[1],
        "header-size": header.size == index,
        "header-root": header.root == frontier.root().hex(),
        "time-order": previous is None or header.time > previous.time,
    }
    for code, holds in found.items():
        if not holds:
            raise VerificationError(
                f"the header at entry {index} does not fit what comes before it ({code})",
                step=8,
                code=code,
                details={"entry": index},
            )
    return header


def _decode(row: _Row, leaf: bytes) -> Submission:
    envelope = row.envelope or _open(row.raw, row.place)
    try:
        return chain.decode_envelope(envelope, leaf)
    except InvalidInput as error:
        raise VerificationError(f"entry {row.place}: {error}", step=9, code="bad-entry", details={"entry": row.place}) from None


def _body(view: Entries, index: int) -> bytes:
    raw = view.entry(index)
    return dsse.decode(raw).payload if raw.startswith(EVENT) else raw


class _Verifiers:
    """Forked processes that check signatures, every n-th chunk each, a little ahead of the reader."""

    def __init__(self, open_view: OpenView, size: int, count: int) -> None:
        self._open_view = open_view
        self._size = size
        self._count = count
        self._processes: list[BaseProcess] = []
        self._pipes: list[Connection] = []

    def __enter__(self) -> _Verifiers:
        context = get_context("fork")
        for number in range(self._count):
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=self._work, args=(number, there), daemon=True)
            process.start()
            there.close()
            self._processes.append(process)
            self._pipes.append(here)
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.terminate()
            process.join()

    def settle(self, chunk: int) -> None:
        """Wait for a chunk's signatures. Raises VerificationError for the first that does not hold."""
        try:
            said = self._pipes[chunk % self._count].recv()
        except EOFError:
            raise InvariantError("a process that checked signatures ended early") from None
        if said:
            code, message, details = said
            raise VerificationError(message, step=9, code=code, details=details)

    def _work(self, number: int, pipe: Connection) -> None:
        with self._open_view() as view:
            ledger = _ledger(view, self._size)
            for start in range(number * CHUNK, self._size, self._count * CHUNK):
                said: VerificationError | None = None
                try:
                    _verify(_read(view, start, min(start + CHUNK, self._size), decode=True), ledger)
                except VerificationError as error:
                    said = error
                except MunimentError:
                    # What cannot be read is met by the reader too, who says so.
                    return
                pipe.send((said.code, str(said), said.details) if said else None)


def usable_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
