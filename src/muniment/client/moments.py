"""Times as people give them: a text, a moment with its zone, or a length of time from now."""

from __future__ import annotations

from datetime import datetime, timedelta

from muniment.core.format import time
from muniment.ledger.embedded import system_clock

Moment = str | datetime


def write(moment: Moment | timedelta) -> str:
    """The ledger's form of a time; UTC unless it says otherwise, a `timedelta` counts from now. Raises InvalidInput."""
    if isinstance(moment, timedelta):
        return time.format(system_clock() + moment // timedelta(microseconds=1))
    return time.parse_loosely(moment.isoformat() if isinstance(moment, datetime) else moment)


def now() -> str:
    """This machine's time."""
    return time.format(system_clock())
