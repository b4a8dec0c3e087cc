"""What is wrong now, as far as the supervisor knows: one alarm for each code, with the time at which it was first seen.

What merely happened is no alarm, and is told seldom.
"""

from __future__ import annotations

from collections.abc import Mapping

SEEN_SECONDS = 60.0
MAX_SEEN = 256

Told = dict[str, str]


class Alarms:
    """The alarms that hold. `changed` says that they are not those that were told last."""

    def __init__(self) -> None:
        self._alarms: dict[str, Told] = {}
        self._ends: dict[str, float] = {}
        self.changed = False

    def __contains__(self, code: str) -> bool:
        return code in self._alarms

    def set(self, code: str, text: str, since: str, ends: float | None = None) -> bool:
        """Raise an alarm, or give it a newer text; it holds until it is cleared, or until `ends` (monotonic). Is it a new one?"""
        known = self._alarms.get(code)
        alarm = {"code": code, "text": text, "since": known["since"] if known else since}
        self._ends.pop(code, None)
        if ends is not None:
            self._ends[code] = ends
        self.changed = self.changed or alarm != known
        self._alarms[code] = alarm
        return known is None

    def clear(self, code: str) -> bool:
        """Take an alarm back. Was there one?"""
        self._ends.pop(code, None)
        found = self._alarms.pop(code, None) is not None
        self.changed = self.changed or found
        return found

    def expire(self, now: float) -> None:
        """Take back what was not seen again in its time."""
        for code in [code for code, ends in self._ends.items() if ends <= now]:
            self.clear(code)

    def tell(self) -> list[Mapping[str, str]]:
        """All of them, in the order in which they were raised."""
        return list(self._alarms.values())


class Seldom:
    """What happens again and again is told once a minute."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], float] = {}

    def may_tell(self, code: str, about: str, now: float) -> bool:
        """Was this not told of them lately? It counts as told now."""
        key = (code, about)
        if self._told.get(key, -SEEN_SECONDS) + SEEN_SECONDS > now:
            return False
        if len(self._told) >= MAX_SEEN:
            self._told.clear()
        self._told[key] = now
        return True
