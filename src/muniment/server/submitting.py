"""The way in: requests of any number of connections, written as one block by one thread for each ledger.

    submitter = await writing.submit(Batch(entries=(raw,), since=None))      # the JSON of net.wire.Submitted

While a block is being written, what comes in waits; whatever waits then is the next block (group commit). The entries of each
request are opened on their own, so that a bad one harms nobody beside it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Protocol

import msgspec
from litestar import Litestar

from muniment.core.rules import chain
from muniment.core.rules.chain import Submission
from muniment.core.rules.policy import Verdict
from muniment.errors import MunimentError, Unavailable
from muniment.ledger.embedded import MAX_BLOCK_EVENTS, Embedded
from muniment.ledger.store.snapshot import Snapshot
from muniment.net.wire import Judged
from muniment.server import naming
from muniment.server.frames import extend, judge, read_frame
from muniment.server.hosting import Hosting

MAX_WAITING = 16 * MAX_BLOCK_EVENTS
"""So many events may wait for one ledger; the next request is told to come again."""

Observe = Callable[[Sequence[Verdict]], None]
"""Is told the verdicts of each block, in the thread that writes."""

_encode = msgspec.json.Encoder().encode


class Batch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one request submits: envelopes in their exact bytes.

    `since`: the size from which the caller wants to see consistency. `environments`: those that its token may name; none: all.
    """

    entries: tuple[bytes, ...]
    since: int | None = None
    environments: frozenset[str] = frozenset()


class Submitter(Protocol):
    """Something that has events written: a thread here, or the process that holds the log's key."""

    async def submit(self, batch: Batch) -> bytes:
        """The JSON of `net.wire.Submitted`, once what was admitted is durable.

        Raises InvalidInput for a bad form or signature, Forbidden for an environment that is not the caller's: then nothing of
        the batch was written. Raises Unavailable (`busy`, `closing`).
        """


class _Waiting(msgspec.Struct, gc=False):
    """A batch in the queue, and what came of it."""

    batch: Batch
    answer: asyncio.Future[bytes]
    loop: asyncio.AbstractEventLoop
    submissions: list[Submission] = []
    outcome: bytes | Exception = b""


class _Answer(msgspec.Struct, gc=False):
    """`net.wire.Submitted` with the JSON of its frame."""

    verdicts: tuple[Judged, ...]
    view: msgspec.Raw


class Writing:
    """One thread that writes for all requests about one ledger. `open` starts it, `close` ends it once all is written."""

    def __init__(self, engine: Embedded, observe: Observe | None = None) -> None:
        self._engine = engine
        self._observe = observe
        self._queue: deque[_Waiting] = deque()
        self._events = 0
        self._closing = False
        self._news = threading.Condition(threading.Lock())
        self._thread = threading.Thread(target=self._run, name="muniment-writer", daemon=True)

    def open(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what waits, take nothing more, and end."""
        with self._news:
            self._closing = True
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def waiting(self) -> int:
        """How many events wait for their block."""
        return self._events

    async def submit(self, batch: Batch) -> bytes:
        """Have a batch written with all that waits."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(batch, loop.create_future(), loop)
        with self._news:
            if self._closing:
                raise Unavailable("the server is being stopped", code="closing", retry_after=2.0)
            if self._queue and self._events + len(batch.entries) > MAX_WAITING:
                raise Unavailable(
                    f"{self._events} events wait to be written", code="busy", retry_after=1.0, hint="Send them again in a moment."
                )
            self._queue.append(waiting)
            self._events += len(batch.entries)
            self._news.notify()
        return await waiting.answer

    def _run(self) -> None:
        while taken := self._take():
            self._write(taken)
            for loop in {id(each.loop): each.loop for each in taken}.values():
                # A loop that is closed, perhaps just now, has nobody left who waits.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(_hand_out, [each for each in taken if each.loop is loop])

    def _take(self) -> list[_Waiting]:
        """What waits, as far as it fits one block; nothing once this is to end and all is written."""
        with self._news:
            while not self._queue and not self._closing:
                self._news.wait()
            taken: list[_Waiting] = []
            events = 0
            while self._queue and (not taken or events + len(self._queue[0].batch.entries) <= MAX_BLOCK_EVENTS):
                taken.append(self._queue.popleft())
                events += len(taken[-1].batch.entries)
            self._events -= events
            return taken

    def _write(self, taken: list[_Waiting]) -> None:
        good = [each for each in _open(taken) if _check(each)]
        if not good:
            return
        try:
            verdicts = self._engine.append_block([one for each in good for one in each.submissions])
            if self._observe is not None:
                self._observe(verdicts)
            with self._engine.view() as view:
                given = iter(verdicts)
                asked = [(each.batch, [next(given) for _ in each.submissions]) for each in good]
                for each, written in zip(good, answer(view, asked), strict=True):
                    each.outcome = written
        except Exception as error:
            # Nobody may be left waiting, whatever it was; the same submissions tell later what became of them.
            for each in good:
                each.outcome = error


@asynccontextmanager
async def running(app: Litestar) -> AsyncIterator[None]:
    """Start a writer for each ledger that this process may write; `app.state.submitters` holds them by name."""
    hosting: Hosting = app.state.hosting
    # By ledger, where somebody counts what is written.
    observe: Mapping[str, Observe] = app.state.get("observe", {})
    writers = {each.name: Writing(each.engine, observe.get(each.name)) for each in hosting if each.engine is not None}
    try:
        for writer in writers.values():
            writer.open()
        submitters: Mapping[str, Submitter] = writers
        app.state.submitters = submitters
        yield
    finally:
        for writer in writers.values():
            await asyncio.to_thread(writer.close)


def _open(taken: list[_Waiting]) -> list[_Waiting]:
    """Check form and signatures; those that hold. What is wrong with a batch is its own outcome."""
    try:
        # All in one go is faster; where that fails, each by itself tells whose it was.
        opened = iter(chain.open_submissions([raw for each in taken for raw in each.batch.entries]))
        for each in taken:
            each.submissions = list(islice(opened, len(each.batch.entries)))
        return taken
    except Exception:
        return [each for each in taken if _open_alone(each)]


def _open_alone(waiting: _Waiting) -> bool:
    try:
        waiting.submissions = chain.open_submissions(waiting.batch.entries)
        return True
    except Exception as error:
        waiting.outcome = error
        return False


def _check(waiting: _Waiting) -> bool:
    error = find_forbidden(waiting.batch, waiting.submissions)
    waiting.outcome = waiting.outcome if error is None else error
    return error is None


def _hand_out(done: list[_Waiting]) -> None:
    """In the event loop: wake everybody whose request is done."""
    for each in done:
        tell(each.answer, each.outcome)


def find_forbidden(batch: Batch, submissions: Sequence[Submission]) -> MunimentError | None:
    """What is wrong where a batch names an environment that its caller may not name."""
    try:
        if batch.environments:
            naming.check_environments([each.event for each in submissions], batch.environments)
        return None
    except MunimentError as error:
        return error


def answer(view: Snapshot, asked: Sequence[tuple[Batch, Sequence[Verdict]]]) -> list[bytes]:
    """The JSON of `net.wire.Submitted` for each batch and its verdicts, with proofs under the checkpoint of a view."""
    frame = read_frame(view)
    # Most ask for nothing but the newest block: its text is made once for all of them.
    newest = msgspec.Raw(_encode(frame))
    judged = judge(view, [verdict for _, verdicts in asked for verdict in verdicts])
    written, start = [], 0
    for batch, verdicts in asked:
        stop, since = start + len(verdicts), batch.since
        # Whoever saw more than there is gets no such proof, and sees what that means from the checkpoint.
        shown = newest if since is None or since > view.size else msgspec.Raw(_encode(extend(frame, view, since)))
        written.append(_encode(_Answer(tuple(judged[start:stop]), shown)))
        start = stop
    return written


def tell(waiting: asyncio.Future[bytes] | Future[bytes], outcome: bytes | Exception) -> None:
    """Give a caller his outcome; an error is raised where he waits. Who went away meanwhile asks again."""
    if waiting.done():
        return
    if isinstance(outcome, Exception):
        waiting.set_exception(outcome)
    else:
        waiting.set_result(outcome)


LIFESPAN = (running,)
