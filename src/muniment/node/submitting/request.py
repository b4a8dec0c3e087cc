"""What callers submit to a node of a consortium, on its way: opened, parted into transactions, and answered.

requests = open_all(taken)                  # those whose form and signatures hold; the others know what is wrong
for slices in divide(requests): ...         # the parts that make one transaction each
prove(view, done)                           # once all their events have verdicts
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import msgspec

from muniment.core.rules import chain
from muniment.core.rules.chain import Submission
from muniment.core.rules.policy import Verdict
from muniment.ledger.store.snapshot import Snapshot
from muniment.node.chain import batch as batches
from muniment.server import submitting
from muniment.server.submitting import Batch, find_forbidden


class Request(msgspec.Struct, gc=False):
    """What one caller submitted: `missing` of its events have no verdict yet, and `outcome` is what it is told."""

    batch: Batch
    answer: asyncio.Future[bytes] | Future[bytes]
    loop: asyncio.AbstractEventLoop | None
    arrived: float
    submissions: Sequence[Submission] = ()
    verdicts: list[Verdict] = []
    missing: int = 0
    outcome: bytes | Exception | None = None


class Slice(msgspec.Struct, frozen=True, gc=False):
    """The part of a request that travels in one transaction: its events [start, stop)."""

    request: Request
    start: int
    stop: int


def open_all(taken: Sequence[Request]) -> list[Request]:
    """Check form and signatures, and which environments a caller may name; those that hold.

    What is wrong with a request is its own outcome.
    """
    try:
        # All in one go is faster; where that fails, each by itself tells whose it was.
        opened = iter(chain.open_submissions([raw for each in taken for raw in each.batch.entries]))
        for each in taken:
            _begin(each, [next(opened) for _ in each.batch.entries])
        good = [*taken]
    except Exception:
        good = [each for each in taken if _open_alone(each)]
    return [each for each in good if _check(each)]


def _open_alone(request: Request) -> bool:
    try:
        _begin(request, chain.open_submissions(request.batch.entries))
        return True
    except Exception as error:
        request.outcome = error
        return False


def _begin(request: Request, submissions: Sequence[Submission]) -> None:
    request.submissions = submissions
    request.missing = len(submissions)
    request.verdicts = [_OPEN] * len(submissions)


def _check(request: Request) -> bool:
    error = find_forbidden(request.batch, request.submissions)
    request.outcome = request.outcome if error is None else error
    return error is None


def divide(requests: Sequence[Request]) -> Iterator[tuple[Slice, ...]]:
    """The parts of requests that make one transaction each, in order."""
    slices: list[Slice] = []
    events, size = 0, 0
    for request in requests:
        start = 0
        for at, raw in enumerate(request.batch.entries):
            needs = len(raw) + batches.LENGTH_BYTES
            if events and (events == batches.MAX_EVENTS or size + needs > batches.MAX_BYTES):
                if at > start:
                    slices.append(Slice(request, start, at))
                yield tuple(slices)
                slices, events, size, start = [], 0, 0, at
            events += 1
            size += needs
        slices.append(Slice(request, start, len(request.batch.entries)))
    if slices:
        yield tuple(slices)


def prove(view: Snapshot, done: Sequence[Request]) -> None:
    """Write the answers to requests that are decided."""
    for each, written in zip(done, submitting.answer(view, [(each.batch, each.verdicts) for each in done]), strict=True):
        each.outcome = written


def tell_all(done: Sequence[Request]) -> None:
    """In their event loop. Who went away meanwhile asks again."""
    for each in done:
        tell(each)


def tell(request: Request) -> None:
    """Give one caller his outcome."""
    submitting.tell(request.answer, request.outcome or b"")


_OPEN = Verdict(decision="refused", event_id="")
"""In place of a verdict that is not known yet."""
