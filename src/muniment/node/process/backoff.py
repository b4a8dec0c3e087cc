"""How long to wait before something is started again that died: not at all, unless it dies soon after every start."""

from __future__ import annotations

import signal

FIRST_SECONDS = 1.0
MOST_SECONDS = 30.0
EARLY_SECONDS = 10.0
"""Who lived for less died early."""
HEALTHY_SECONDS = 60.0
"""Who lived for so long was well."""

_BY_HAND = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL, signal.SIGTERM})


class Backoff:
    """The waits of one process: 1, 2, 4, 8, 16, then 30 seconds while it dies early, or fails before it was well."""

    def __init__(self, early_seconds: float = EARLY_SECONDS, healthy_seconds: float = HEALTHY_SECONDS) -> None:
        self._early_seconds = early_seconds
        self._healthy_seconds = healthy_seconds
        self.deaths = 0

    def count(self, lived: float, status: int = 0) -> float:
        """Count a death after so many seconds, with an exit status or the negative number of a signal: how many to wait.

        What somebody ended once it ran is no failure of it, however often he does.
        """
        failed = status > 0 or (status < 0 and -status not in _BY_HAND)
        if lived >= (self._healthy_seconds if failed else self._early_seconds):
            self.deaths = 0
            return 0.0
        self.deaths += 1
        return float(min(MOST_SECONDS, FIRST_SECONDS * 2 ** min(self.deaths - 1, 10)))
