"""Checking a whole ledger: every signature, every hash, every header, and on request the state itself by replay.

Signatures take most of the time and need nothing but the entry, so other processes can check them: with two, one pass over
the ledger takes little more than half.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Protocol

import msgspec

from muniment.core.format import checkpoint, dsse, entry, keys, merkle
from muniment.core.format.entry import Header
from muniment.core.format.merkle import Frontier
from muniment.core.rules import chain
from muniment.core.rules.chain import Submission
from muniment.errors import InvalidInput, InvariantError, VerificationError
from muniment.ledger.replay import Replay

CHUNK = 2_048
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
    open_view: OpenView, log: keys.Verifier, *, replay: bool = True, processes: int = 1, progress: Progress | None = None
) -> Audited:
    """Check every entry of a ledger up to its newest checkpoint. Raises VerificationError at the first that does not hold.

    `open_view` must work in a forked process too. `log` is the key that signs checkpoints.
    """
    with open_view() as view, ExitStack() as stack:
        head = checkpoint.open(view.checkpoint, log)
        if head.size != view.size:
            raise VerificationError(
                f"the newest checkpoint is of size {head.size}, the ledger holds {view.size} entries", step=8, code="checkpoint-size"
            )
        helpers = None
        if processes > 1:
            # With replay this process has as much to do as the others; without, it only adds up their hashes.
            helpers = stack.enter_context(_Verifiers(open_view, head.size, processes - 1 if replay else processes))
        return _walk(view, head, replay, helpers, progress)


def verify_signature(raw: bytes, index: int) -> None:
    """Check the signature of an event's entry. Raises VerificationError (step 9)."""
    try:
        dsse.open(dsse.decode(raw))
    except (InvalidInput, VerificationError) as error:
        raise VerificationError(f"entry {index}: {error}", step=9, code="signature", details={"entry": index}) from None


def _walk(
    view: Entries,
    head: checkpoint.Checkpoint,
    replay: bool,
    helpers: _Verifiers | None,
    progress: Progress | None,
) -> Audited:
    frontier, pending = Frontier(), list[Submission]()
    previous: Header | None = None
    leaf, ledger, events = b"", "", 0
    machine = Replay(lambda index: _body(view, index)) if replay else None
    for start in range(0, head.size, CHUNK):
        stop = min(start + CHUNK, head.size)
        leaves = []
        for index, raw in view.entries(start, stop):
            leaves.append(merkle.leaf(raw))
            if not raw.startswith(EVENT):
                frontier, leaves = frontier.extend(leaves[:-1]), leaves[-1:]
                header = _check_header(raw, index, previous, leaf, frontier)
                leaf, previous = leaves[0], header
                ledger = ledger or leaf.hex()
                if machine:
                    machine.advance(raw, pending)
                elif header.size and not pending and header.height:
                    raise VerificationError(f"block {header.height} is empty", step=8, code="empty-block")
                pending = []
            else:
                if helpers is None:
                    verify_signature(raw, index)
                pending.append(_decode(raw, index, ledger))
                events += 1
        frontier = frontier.extend(leaves)
        if helpers is not None:
            helpers.settle(start // CHUNK)
        if progress:
            progress(stop, head.size)
    if previous is None or pending or frontier.size != head.size or frontier.root() != head.root:
        raise VerificationError("the entries do not fold to the root that the newest checkpoint signs", step=8, code="checkpoint-root")
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
                f"the header at entry {index} does not fit what comes before it ({code})", step=8, code=code, details={"entry": index}
            )
    return header


def _decode(raw: bytes, index: int, ledger: str) -> Submission:
    try:
        submission = chain.decode_submission(raw)
    except InvalidInput as error:
        raise VerificationError(f"entry {index}: {error}", step=9, code="bad-entry", details={"entry": index}) from None
    if submission.event.ledger != ledger:
        raise VerificationError(
            f"entry {index} was signed for another ledger", step=9, code="other-ledger", details={"entry": index}
        )
    return submission


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
            index, said = self._pipes[chunk % self._count].recv()
        except EOFError:
            raise InvariantError("a process that checked signatures ended early") from None
        if said:
            raise VerificationError(said, step=9, code="signature", details={"entry": index})

    def _work(self, number: int, pipe: Connection) -> None:
        with self._open_view() as view:
            for start in range(number * CHUNK, self._size, self._count * CHUNK):
                index, said = -1, ""
                try:
                    for index, raw in view.entries(start, min(start + CHUNK, self._size)):
                        if raw.startswith(EVENT):
                            verify_signature(raw, index)
                except VerificationError as error:
                    said = str(error)
                pipe.send((index, said))


def usable_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
