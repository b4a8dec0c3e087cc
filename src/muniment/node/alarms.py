"""What a person should look at: raised once, logged with its code, kept until it is over.

    alarms.sound("peer-diverged", "bank", "its checkpoint of 120 entries has another root")
    alarms.quiet("peer-diverged", "bank")

Codes: diverged, peer-diverged, double-sign, stalled, engine-failed, application-failed, quorum-missing, peer-silent,
protocol-unknown, snapshot-failed, clock, disk, signed-elsewhere.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import msgspec

from muniment.core.format import time
from muniment.ledger.embedded import system_clock
from muniment.server.standing import Alarm

_log = logging.getLogger("muniment.node")


class Alarms:
    """The alarms of one node. Safe for threads."""

    def __init__(self, clock: Callable[[], int] = system_clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._alarms: dict[tuple[str, str], Alarm] = {}

    def sound(self, code: str, organisation: str, text: str) -> None:
        """Raise an alarm, or say it anew where its text changed; one that stands already is not logged again."""
        text = text.rstrip(".")
        with self._lock:
            known = self._alarms.get((code, organisation))
            if known is not None and known.text == text:
                return
            if known is None:
                known = Alarm(code=code, text=text, since=time.format(self._clock()), organisation=organisation)
            self._alarms[code, organisation] = msgspec.structs.replace(known, text=text)
        _log.warning("%s: %s", code, text, extra={"fields": {"code": code, "organisation": organisation}})

    def quiet(self, code: str, organisation: str = "") -> None:
        """End an alarm, if it stands."""
        if not self._alarms:
            return
        with self._lock:
            ended = self._alarms.pop((code, organisation), None)
        if ended is not None:
            _log.info("%s is over", code, extra={"fields": {"code": code, "organisation": organisation}})

    def standing(self) -> tuple[Alarm, ...]:
        """The alarms that stand, the oldest first."""
        with self._lock:
            return tuple(sorted(self._alarms.values(), key=lambda each: each.since))
