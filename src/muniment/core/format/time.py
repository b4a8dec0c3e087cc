"""Times as text: RFC 3339 UTC with exactly six digits of fraction, compared as strings (docs/spec, section 1.3).

A time is nothing but its text and the microseconds since 1970 that it stands for; no clock is read here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from muniment.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_form = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z")


def format(microseconds: int) -> str:
    """Write microseconds since 1970 as a time."""
    try:
        moment = _NAIVE_EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise InvalidInput(f"{microseconds} microseconds are beyond the calendar", code="bad-time") from None
    return moment.isoformat(timespec="microseconds") + "Z"


def parse(text: str) -> int:
    """Read a time as microseconds since 1970. Raises InvalidInput for any other form or a day that does not exist."""
    if _form.match(text) is None:
        raise InvalidInput(f"{text!r} is not a time", code="bad-time", hint="Write it like 2026-03-04T12:00:00.000000Z.")
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    except ValueError:
        raise InvalidInput(f"{text!r} is no moment of the calendar", code="bad-time") from None


def parse_loosely(text: str) -> str:
    """Read what a person types (a date, or a time with or without seconds and zone; UTC unless said) as our form."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"{text!r} is not a time", code="bad-time", hint="Write 2026-03-04 or 2026-03-04T12:00Z.") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return format((aware - _EPOCH) // _MICROSECOND)
