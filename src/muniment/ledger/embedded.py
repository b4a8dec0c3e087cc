"""The in-process engine: the state machine, one file, one log key (docs/spec, sections 4 and 6).

Threads that append at the same time share a block: the first one in takes everything that waits and writes one
transaction for all of them (group commit). Several processes may do so on one file; SQLite orders them.
"""

from __future__ import annotations

import os
import threading
import time as clocks
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from muniment.core.format import checkpoint, keys, time
from muniment.core.rules import chain
from muniment.core.rules.chain import Sealed, Submission
from muniment.core.rules.genesis import Genesis
from muniment.core.rules.policy import Verdict
from muniment.errors import Unavailable
from muniment.ledger.refusals import Refusals
from muniment.ledger.store.file import Store
from muniment.ledger.store.snapshot import Snapshot
from muniment.ledger.store.staging import Judged

MAX_BACKWARD_US = 5 * 60 * 1_000_000
MAX_FORWARD_US = 366 * 24 * 3_600 * 1_000_000
MAX_BLOCK_EVENTS = 1_000

Clock = Callable[[], int]


def system_clock() -> int:
    """Microseconds since 1970, as this machine believes."""
    return clocks.time_ns() // 1_000


class _Batch:
    """What one caller waits for."""

    def __init__(self, submissions: list[Submission]) -> None:
        self.submissions = submissions
        self.done = False
        self.verdicts: list[Verdict] = []
        self.error: Exception | None = None


def _no_log_key() -> Unavailable:
    return Unavailable("this process does not hold the ledger's key", code="no-log-key", hint="Write where the log key is.")


class Embedded:
    """A ledger in this process. `signer` is the log's key, or None for a reader.

    `closed` says why nobody writes where there is no signer. `refusals` records refused events where the policy asks for it;
    without it, as where the service's key lies elsewhere, refusals are told to the caller only.
    """

    def __init__(
        self,
        store: Store,
        signer: keys.Signer | None,
        *,
        clock: Clock = system_clock,
        accept_clock: bool = False,
        refusals: Refusals | None = None,
        closed: Callable[[], Unavailable] = _no_log_key,
    ) -> None:
        self._store = store
        self._signer = signer
        self._refusals = refusals
        self._closed = closed
        self._clock = clock
        self._accept_clock = accept_clock
        self._queue: list[_Batch] = []
        self._queue_lock = threading.Lock()
        self._turn = threading.Lock()
        self._process = os.getpid()

    @classmethod
    def create(cls, path: Path, genesis: Genesis, signer: keys.Signer, *, clock: Clock = system_clock) -> Embedded:
        """Found a ledger in a new file."""
        return cls(Store.create(path, genesis, time.format(clock()), _sealer(signer)), signer, clock=clock)

    @property
    def origin(self) -> str:
        """The ledger's origin."""
        with self._store.view() as view:
            return view.position.origin

    @property
    def ledger(self) -> str:
        """The ledger's id."""
        with self._store.view() as view:
            return view.position.ledger

    def append(self, entries: Sequence[bytes]) -> list[Verdict]:
        """Judge signed envelopes in order; what is admitted is durable when this returns.

        What was refused is recorded in a later block where the policy asks for it. Raises InvalidInput for bad form or signature
        (then nothing of the call was written), Unavailable for a clock that cannot be believed, a busy file or a full disk.
        """
        submissions = chain.open_submissions(entries)
        verdicts: list[Verdict] = []
        for start in range(0, len(submissions), MAX_BLOCK_EVENTS):
            verdicts += self.append_block(submissions[start : start + MAX_BLOCK_EVENTS])
        return verdicts

    def append_block(self, submissions: list[Submission]) -> list[Verdict]:
        """Judge submissions whose form and signature were checked, at most MAX_BLOCK_EVENTS, in one block. Raises Unavailable."""
        if self._process != os.getpid():
            # Forked: whoever waits or writes in the parent does so there.
            self._queue, self._queue_lock, self._turn, self._process = [], threading.Lock(), threading.Lock(), os.getpid()
        batch = _Batch(submissions)
        with self._queue_lock:
            self._queue.append(batch)
        # Whoever holds the turn writes for all who queued before; the others find their answer when they get the turn.
        with self._turn:
            # Those who came first may fill a block of their own.
            while not batch.done:
                self._write(self._take())
        if batch.error is not None:
            raise batch.error
        return batch.verdicts

    def judge(self, entries: Sequence[bytes]) -> list[Verdict]:
        """What `append` would answer now; nothing is written."""
        return self._store.judge(chain.open_submissions(entries), self._next_time)

    @contextmanager
    def view(self) -> Iterator[Snapshot]:
        """The ledger as of its newest sealed block."""
        with self._store.view() as view:
            yield view

    def backup(self, target: Path) -> None:
        """Copy the ledger's file while it is in use."""
        self._store.backup(target)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _take(self) -> list[_Batch]:
        """The batches at the head of the queue that fit one block: at least the first."""
        with self._queue_lock:
            taken, events = [self._queue.pop(0)], 0
            events = len(taken[0].submissions)
            while self._queue and events + len(self._queue[0].submissions) <= MAX_BLOCK_EVENTS:
                events += len(self._queue[0].submissions)
                taken.append(self._queue.pop(0))
        return taken

    def _write(self, batches: list[_Batch]) -> None:
        together = [submission for batch in batches for submission in batch.submissions]
        judged = self._seal(batches, together)
        # From here on every caller has his verdicts, and nothing that goes wrong below takes them away.
        if judged is not None and self._refusals is not None and any(each.decision == "refused" for each in judged.verdicts):
            self._record_refusals(self._refusals, together, judged)

    def _seal(self, batches: list[_Batch], together: list[Submission]) -> Judged | None:
        """Write one block and hand out its verdicts; None where that failed, which every batch is then told."""
        try:
            if self._signer is None:
                raise self._closed()
            judged = self._store.append(together, self._next_time, _sealer(self._signer))
            verdicts = iter(judged.verdicts)
            for batch in batches:
                batch.verdicts = [next(verdicts) for _ in batch.submissions]
            return judged
        except Exception as error:
            for batch in batches:
                batch.error = error
            return None
        except BaseException:
            # An interrupt is for the thread that it hit, not for those for whom it happened to write.
            for batch in batches:
                batch.error = Unavailable(
                    "the thread that wrote for this one was interrupted",
                    code="interrupted",
                    hint="Submit the event again: where it was recorded after all, the answer is its first index.",
                    retry_after=0.0,
                )
            raise
        finally:
            for batch in batches:
                batch.done = True

    def _record_refusals(self, refusals: Refusals, submissions: list[Submission], judged: Judged) -> None:
        """Record refused events in a block of their own; what the ledger does not take now is kept and sent later.

        A process that ends before this is done loses the record of the attempt, and nothing else: what was refused wrote
        nothing that could be left half.
        """
        entries = refusals.draft(submissions, judged.verdicts, judged.policy, self._clock())
        if not entries or self._signer is None:
            return
        try:
            recorded = self._store.append(chain.open_submissions(entries), self._next_time, _sealer(self._signer))
        except Exception:
            # Whatever it is, the caller asked for something else and has the answer to it.
            refusals.keep(entries)
            return
        # The spool tells what the ledger refuses to its service as it does for everybody: with reasons, and without losing it.
        refusals.keep([raw for raw, verdict in zip(entries, recorded.verdicts, strict=True) if verdict.decision == "refused"])

    def _next_time(self, previous: str) -> str:
        """The next header's time: max(now, previous + 1 us), unless the clock cannot be believed."""
        now, last = self._clock(), time.parse(previous)
        if not self._accept_clock and not last - MAX_BACKWARD_US <= now <= last + MAX_FORWARD_US:
            raise Unavailable(
                f"this machine says {time.format(now)}, the last block was sealed at {previous}",
                code="clock",
                hint="Set the clock right; if it is right and the ledger was merely idle, repeat with --accept-clock.",
            )
        return time.format(max(now, last + 1))


def _sealer(signer: keys.Signer) -> Callable[[Sealed], bytes]:
    """Signs the checkpoint that ends at a sealed header."""

    def seal(sealed: Sealed) -> bytes:
        return checkpoint.sign(sealed.position.checkpoint, signer)

    return seal
