"""Who waits for which transaction to be committed.

future = pending.expect(name)          # before it is broadcast; in asyncio: asyncio.wrap_future(future)
pending.resolve(committed)             # told by the application, in its thread
pending.give_up(name, future)          # nobody waits any longer
"""

from __future__ import annotations

import threading
from concurrent.futures import Future

import msgspec

from muniment.core.rules.chain import Sealed, Submission
from muniment.core.rules.policy import Policy, Verdict
from muniment.node.chain.application import Committed


class Outcome(msgspec.Struct, frozen=True):
    """What became of one transaction, once that is on the disk. `sealed` is None where its block changed nothing."""

    consensus: int
    sealed: Sealed | None
    verdicts: tuple[Verdict, ...]
    submissions: tuple[Submission, ...]
    policy: Policy


class Pending:
    """Those who wait, by the SHA-256 of the transaction. For several threads."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, list[Future[Outcome]]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, name: bytes) -> Future[Outcome]:
        """Wait for a transaction from now on. What was committed before this is not told."""
        future: Future[Outcome] = Future()
        with self._lock:
            self._waiting.setdefault(name, []).append(future)
        return future

    def give_up(self, name: bytes, future: Future[Outcome]) -> None:
        """Wait no longer. One who waits for the same transaction goes on."""
        with self._lock:
            others = [each for each in self._waiting.get(name, ()) if each is not future]
            if others:
                self._waiting[name] = others
            else:
                self._waiting.pop(name, None)
        future.cancel()

    def resolve(self, committed: Committed) -> None:
        """Tell everybody whose transaction is in a committed block. Takes no time: nobody works in this thread."""
        start = 0
        for name, verdicts in committed.verdicts:
            stop = start + len(verdicts)
            submissions = committed.submissions[start:stop]
            outcome = Outcome(committed.consensus, committed.sealed, verdicts, submissions, committed.policy)
            with self._lock:
                waiting = self._waiting.pop(name, ())
            for future in waiting:
                # Who gave up at this very moment is not told.
                if future.set_running_or_notify_cancel():
                    future.set_result(outcome)
            start = stop
