"""How long to wait before something is started again that died: not at all, unless it dies soon after every start."""

from __future__ import annotations

FIRST_SECONDS = 1.0
MOST_SECONDS = 30.0
EARLY_SECONDS = 10.0
"""Who lived for less died early."""


class Backoff:
    """The waits of one process: 1, 2, 4, 8, 16, then 30 seconds while it dies early."""

    def __init__(self, early_seconds: float = EARLY_SECONDS) -> None:
        self._early_seconds = early_seconds
        self.deaths = 0

    def count(self, lived: float) -> float:
        """Count a death after so many seconds, and return how many to wait."""
        if lived >= self._early_seconds:
            self.deaths = 0
            return 0.0
        self.deaths += 1
        return float(min(MOST_SECONDS, FIRST_SECONDS * 2 ** min(self.deaths - 1, 10)))
