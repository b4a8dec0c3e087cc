"""What somebody who runs a node must know now: told in its log with a code, and on its pages for as long as it lasts."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec

_log = logging.getLogger("muniment.node.alarm")


class Alarm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that is not as it should be.

    code: stable, such as `peer-silent`; organisation: whom it is about, empty where nobody in particular
    text: one sentence for people; since: POSIX seconds
    """

    code: str
    organisation: str
    text: str
    since: float


class Watch:
    """Compares what is wrong now with what was wrong before, and writes a line for what began and what ended."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Alarm] = {}

    def look(self, alarms: Iterable[Alarm]) -> None:
        """Write what changed since the last look."""
        found = {(each.code, each.organisation): each for each in alarms}
        for key, each in found.items():
            if key not in self._known:
                _log.warning("%s: %s", each.code, each.text, extra={"code": each.code, "organisation": each.organisation})
        for key, each in self._known.items():
            if key not in found:
                _log.info("%s has ended: %s", each.code, each.text, extra={"code": each.code, "organisation": each.organisation})
        self._known = found
