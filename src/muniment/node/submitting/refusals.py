"""What a node records of the attempts that were refused to those who came to it: `attempt.refused`, by its own service.

    attempts = Attempts(Refusals(signer, Spool(folder), actor="bank-node"))
    attempts.open(submitter)                        # has events judged, and returns their verdicts
    attempts.note(submissions, verdicts, policy)    # returns at once

Every node judges every event, but only the one that took it in records that it was refused, as a later transaction. What the
ledger does not take now lies in the spool, and is sent again from there. Only a crash before an attempt was signed loses it,
and a refusal is no fact of the ledger until it is recorded.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence

import msgspec

from muniment.core.rules.chain import Submission
from muniment.core.rules.policy import Policy, Verdict
from muniment.errors import MunimentError
from muniment.ledger.embedded import Clock, system_clock
from muniment.ledger.refusals import Refusals
from muniment.ledger.spool import Taker

MAX_NOTED = 1_024
"""So many blocks with refusals wait to be recorded; of what comes beyond that only the log speaks."""
DRAIN_S = 30.0

_log = logging.getLogger("muniment.node")


class _Noted(msgspec.Struct, frozen=True):
    submissions: Sequence[Submission]
    verdicts: Sequence[Verdict]
    policy: Policy


class Attempts:
    """One thread that records, because whoever was refused must not wait for it."""

    def __init__(self, refusals: Refusals, *, clock: Clock = system_clock, drain_s: float = DRAIN_S) -> None:
        self._refusals = refusals
        self._clock = clock
        self._drain_s = drain_s
        self._noted: deque[_Noted] = deque()
        self._news = threading.Condition(threading.Lock())
        self._closing = False
        self._ledger: Taker | None = None
        self._thread = threading.Thread(target=self._run, name="muniment-attempts", daemon=True)

    def open(self, ledger: Taker) -> None:
        """Begin to record, through this."""
        self._ledger = ledger
        self._thread.start()

    def close(self) -> None:
        """Sign what is noted, keep it in the spool for the next start, and end."""
        with self._news:
            self._closing = True
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join()

    def note(self, submissions: Sequence[Submission], verdicts: Sequence[Verdict], policy: Policy) -> None:
        """Remember to record what was refused here; nearly free where nothing was."""
        if not policy.record_refusals or all(each.decision != "refused" for each in verdicts):
            return
        with self._news:
            if len(self._noted) >= MAX_NOTED or self._closing:
                _log.warning("refused attempts are not recorded: too many wait", extra={"fields": {"code": "attempts-lost"}})
                return
            self._noted.append(_Noted(submissions, verdicts, policy))
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                if not self._noted and not self._closing:
                    self._news.wait(self._drain_s)
                noted = [*self._noted]
                self._noted.clear()
                closing = self._closing
            try:
                self._record(noted, None if closing else self._ledger)
                if not noted and not closing:
                    self._drain()
            except Exception:
                # Whatever it is, the next attempt is recorded again.
                _log.exception("refused attempts could not be recorded")
            if closing:
                return

    def _record(self, noted: Sequence[_Noted], ledger: Taker | None) -> None:
        entries: list[bytes] = []
        for each in noted:
            entries += self._refusals.draft(each.submissions, each.verdicts, each.policy, self._clock())
        if not entries:
            return
        if ledger is None:
            self._refusals.keep(entries)
            return
        try:
            verdicts = ledger.append(entries)
        except MunimentError:
            self._refusals.keep(entries)
            return
        # The spool tells what the ledger refuses to its service as it does for everybody: with reasons, and without losing it.
        self._refusals.keep([raw for raw, verdict in zip(entries, verdicts, strict=True) if verdict.decision == "refused"])

    def _drain(self) -> None:
        """Send what lies in the spool; what hinders it now may not hinder it next time."""
        if self._ledger is None:
            return
        try:
            self._refusals.drain(self._ledger)
        except MunimentError as error:
            _log.info("what is owed to the ledger could not be sent: %s", error)
