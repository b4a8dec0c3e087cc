"""The way into a consortium: what callers of this node submit, as transactions of the chain, until a quorum stands behind them.

    submitter = ChainSubmitter(EngineRpc(...), opened, pending, reader)
    submitter.open()
    answer = await submitter.submit(Batch(entries=(raw,)))       # the JSON of net.wire.Submitted

Many small requests travel in one transaction: what comes in while others are under way waits a moment for company. One thread
opens, groups and sends; another one answers, once the block is on the disk here and a quorum has cosigned it. A transaction
that is not committed is sent again, the same bytes, since an engine that was started anew has forgotten it. Who is told
`not-committed` may send his events again, to this node or another: each becomes an entry once, whatever else was under way.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Protocol

import msgspec

from muniment.core.rules.policy import Verdict
from muniment.errors import Unavailable
from muniment.ledger.store.snapshot import Snapshot
from muniment.node.chain import batch as batches
from muniment.node.chain.opened import Opened
from muniment.node.engine.rpc import EngineRpc
from muniment.node.submitting.pending import Outcome, Pending
from muniment.node.submitting.refusals import Attempts
from muniment.node.submitting.request import Request, Slice, divide, open_all, prove, tell, tell_all
from muniment.server.submitting import MAX_WAITING, Batch, Observe

ANSWER_S = 12.0
"""So long a caller waits for the block; less than a client waits for its answer."""
RESEND_S = 5.0
LINGER_S = 0.02
"""While other transactions are under way, what comes in waits this long for company, unless it is enough for one already."""
FULL_EVENTS = batches.MAX_EVENTS // 2
CLOSE_S = 3.0
"""So long what is under way may still land once the node is being stopped."""


class Reader(Protocol):
    """The ledger of this node for readers."""

    def view(self) -> AbstractContextManager[Snapshot]:
        """As of its newest block; it waits a while for a quorum to cosign that."""

    def is_settled(self, view: Snapshot) -> bool:
        """Has a quorum cosigned the newest block of a view?"""


class _Flight(msgspec.Struct, gc=False):
    """A transaction under way. Times are those of the submitter's clock."""

    raw: bytes
    name: bytes
    slices: tuple[Slice, ...]
    deadline: float
    resend_at: float
    future: Future[Outcome]

    @property
    def events(self) -> int:
        """How many it carries."""
        return sum(each.stop - each.start for each in self.slices)


class ChainSubmitter:
    """Fulfils `server.submitting.Submitter` over the engine of this node. `open` starts its threads, `close` ends them.

    attempts: records what was refused, where the policy asks for it
    observe: is told the verdicts of what callers of this node submitted
    answer_s, resend_s, linger_s: in seconds, as the constants here
    """

    def __init__(
        self,
        rpc: EngineRpc,
        opened: Opened,
        pending: Pending,
        reader: Reader,
        *,
        attempts: Attempts | None = None,
        observe: Observe | None = None,
        clock: Callable[[], float] = time.monotonic,
        answer_s: float = ANSWER_S,
        resend_s: float = RESEND_S,
        linger_s: float = LINGER_S,
    ) -> None:
        self._rpc = rpc
        self._opened = opened
        self._pending = pending
        self._reader = reader
        self._attempts = attempts
        self._observe = observe
        self._clock = clock
        self._answer_s = answer_s
        self._resend_s = resend_s
        self._linger_s = linger_s
        self._queue: deque[Request] = deque()
        self._queued = 0
        self._flights: dict[bytes, _Flight] = {}
        self._travelling = 0
        self._end: float | None = None
        self._news = threading.Condition(threading.Lock())
        self._landed: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._sender = threading.Thread(target=self._send_all, name="muniment-sender", daemon=True)
        self._answerer = threading.Thread(target=self._answer_all, name="muniment-answerer", daemon=True)

    def open(self) -> None:
        """Begin to send."""
        self._sender.start()
        self._answerer.start()
        if self._attempts is not None:
            self._attempts.open(self)

    def close(self) -> None:
        """Take nothing more, wait a little for what is under way, and end. Who still waits is told to ask again."""
        with self._news:
            self._end = self._clock() + CLOSE_S
            self._news.notify_all()
        if self._sender.is_alive():
            self._sender.join()
        self._landed.put(None)
        if self._answerer.is_alive():
            self._answerer.join()
        if self._attempts is not None:
            self._attempts.close()

    @property
    def waiting(self) -> int:
        """How many events wait for their block."""
        return self._queued + self._travelling

    async def submit(self, batch: Batch) -> bytes:
        """Have a batch written by the consortium.

        Raises as `Submitter.submit`, and Unavailable: `engine-away` and `engine-refused` (nothing of it is under way from here),
        `not-committed` and `quorum-missing` (it may be in the ledger later, or is already).
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        self._enqueue(Request(batch, answer, loop, self._clock()))
        return await answer

    def append(self, entries: Sequence[bytes]) -> list[Verdict]:
        """The verdicts about what this node itself submits; blocks until it is committed. Raises as `submit`."""
        answer: Future[bytes] = Future()
        request = Request(Batch(entries=tuple(entries)), answer, None, self._clock())
        self._enqueue(request)
        answer.result()
        return request.verdicts

    def _enqueue(self, request: Request) -> None:
        with self._news:
            if self._end is not None:
                raise Unavailable("the node is being stopped", code="closing", retry_after=2.0)
            # A single request is taken, however large, or it never could be.
            if self.waiting and self.waiting + len(request.batch.entries) > MAX_WAITING:
                raise Unavailable(
                    f"{self.waiting} events wait for their block", code="busy", retry_after=1.0, hint="Send them again in a moment."
                )
            self._queue.append(request)
            self._queued += len(request.batch.entries)
            self._news.notify()

    # The sender.

    def _send_all(self) -> None:
        while True:
            with self._news:
                taken = self._take()
                if taken is None:
                    break
            try:
                good = open_all(taken)
                self._hand_out([each for each in taken if each.outcome is not None])
                for slices in divide(good):
                    self._send(slices)
            except Exception as error:
                # Whatever it is, those who wait hear of it, and the next ones are sent.
                failed = [each for each in taken if each.outcome is None]
                for each in failed:
                    each.outcome = error
                self._hand_out(failed)
            with self._news:
                self._queued -= sum(len(each.batch.entries) for each in taken)
            self._see_to_flights()
        self._expire(list(self._flights.values()), Unavailable("the node is being stopped", code="closing", retry_after=2.0))

    def _take(self) -> list[Request] | None:
        """What is to be sent now; nothing where only flights must be seen to, None at the end."""
        while True:
            now, end = self._clock(), self._end
            if end is not None and not self._queue and (not self._flights or now >= end):
                return None
            if self._queue:
                rest = self._queue[0].arrived + self._linger_s - now
                if not self._flights or self._queued >= FULL_EVENTS or rest <= 0 or end is not None:
                    taken = [*self._queue]
                    self._queue.clear()
                    return taken
                self._news.wait(rest)
                continue
            due = min((min(each.resend_at, each.deadline) for each in self._flights.values()), default=None)
            if due is not None and due <= now:
                return []
            ends = [each for each in (due, end) if each is not None]
            self._news.wait(min(ends) - now if ends else None)

    def _send(self, slices: tuple[Slice, ...]) -> None:
        """Make a transaction of parts of requests, and hand it to the engine."""
        # Where an earlier part of the same request could not be sent, the later ones must not go alone.
        slices = tuple([each for each in slices if each.request.outcome is None])
        if not slices:
            return
        entries = [entry for each in slices for entry in each.request.batch.entries[each.start : each.stop]]
        raw = batches.encode(os.urandom(batches.NONCE_BYTES), entries)
        submissions = [one for each in slices for one in each.request.submissions[each.start : each.stop]]
        # The engine asks this process about it at once: the signatures were verified just now.
        name = self._opened.keep(raw, submissions).hash
        now = self._clock()
        flight = _Flight(raw, name, slices, now + self._answer_s, now + self._resend_s, self._pending.expect(name))
        with self._news:
            self._flights[name] = flight
            self._travelling += flight.events
        # Before the broadcast: a block may be faster than the engine's answer.
        # By its name: a future that leads back to its flight would keep both, and all their events, for ever.
        flight.future.add_done_callback(partial(self._land, name))
        try:
            self._rpc.broadcast(raw)
        except Unavailable as error:
            self._expire([flight], error)

    def _see_to_flights(self) -> None:
        """Send again what the engine may have forgotten, and tell those who have waited long enough."""
        now = self._clock()
        with self._news:
            flights = list(self._flights.values())
        late = [each for each in flights if each.deadline <= now]
        if late:
            self._expire(
                late,
                Unavailable(
                    "the consortium has not decided about these events yet",
                    code="not-committed",
                    hint="Send them again: what was recorded meanwhile is known by its event id. `muniment node status` says more.",
                    retry_after=1.0,
                ),
            )
        for each in flights:
            if each.resend_at <= now < each.deadline:
                each.resend_at = now + self._resend_s
                # It was taken once; what hinders it now, whatever it is, is told when the time is over: nobody else sends.
                with suppress(Exception):
                    self._rpc.broadcast(each.raw)

    def _expire(self, flights: Iterable[_Flight], error: Unavailable) -> None:
        """Wait for transactions no longer."""
        for flight in flights:
            if self._remove(flight.name) is None:
                continue
            self._pending.give_up(flight.name, flight.future)
            for each in flight.slices:
                if each.request.outcome is None:
                    each.request.outcome = error
                    self._hand_out([each.request])

    # The answerer.

    def _land(self, name: bytes, _: Future[Outcome]) -> None:
        """In the thread that committed it, which must not be held up."""
        self._landed.put(name)

    def _answer_all(self) -> None:
        while (first := self._landed.get()) is not None:
            names, last = [first], False
            # All that one block brought is answered together, under one checkpoint.
            with suppress(queue.Empty):
                while not last:
                    name = self._landed.get_nowait()
                    last = name is None
                    names += [] if name is None else [name]
            landed = [flight for flight in map(self._remove, names) if flight is not None]
            done = [request for flight in landed for request in self._settle(flight)]
            if done:
                self._answer(done)
            if last:
                return

    def _remove(self, name: bytes) -> _Flight | None:
        """Whoever removes a flight is the one who tells its callers; None where somebody did."""
        with self._news:
            flight = self._flights.pop(name, None)
            if flight is not None:
                self._travelling -= flight.events
                self._news.notify()
            return flight

    def _settle(self, flight: _Flight) -> Iterator[Request]:
        """Note the verdicts of a committed transaction; the requests that it completes."""
        outcome = flight.future.result()
        if self._attempts is not None:
            self._attempts.note(outcome.submissions, outcome.verdicts, outcome.policy)
        at = 0
        for each in flight.slices:
            count, request = each.stop - each.start, each.request
            request.verdicts[each.start : each.stop] = outcome.verdicts[at : at + count]
            at += count
            request.missing -= count
            if request.missing == 0 and request.outcome is None:
                yield request

    def _answer(self, done: Sequence[Request]) -> None:
        """Tell each request its verdicts, with proofs under one checkpoint that a quorum has cosigned."""
        try:
            if self._observe is not None:
                self._observe([verdict for each in done for verdict in each.verdicts])
            told = [each for each in done if each.loop is not None]
            for each in done:
                # This node itself asks for the verdicts only.
                each.outcome = b"" if each.loop is None else None
            if told:
                with self._reader.view() as view:
                    if not self._reader.is_settled(view):
                        raise Unavailable(
                            "this is in the ledger of this node, and too few organisations have cosigned it yet",
                            code="quorum-missing",
                            hint="Send it again in a moment: what was recorded is known by its event id.",
                            retry_after=1.0,
                        )
                    prove(view, told)
        except Exception as error:
            # Nobody may be left waiting, whatever it was; the same events tell later what became of them.
            for each in done:
                each.outcome = each.outcome if each.outcome is not None else error
        self._hand_out(done)

    def _hand_out(self, done: Sequence[Request]) -> None:
        """Wake everybody whose outcome is known."""
        for each in done:
            if each.loop is None:
                tell(each)
        for loop in {id(each.loop): each.loop for each in done if each.loop is not None}.values():
            # A loop that is closed, perhaps just now, has nobody left who waits.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(tell_all, [each for each in done if each.loop is loop])
