"""Axes: where ticks stand and what they say, for numbers and for time."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 3_600, 86_400
_STEPS_S = (
    *(_SECOND * each for each in (1, 2, 5, 10, 15, 30)),
    *(_MINUTE * each for each in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * each for each in (1, 2, 3, 6, 12)),
    *(_DAY * each for each in (1, 2, 7, 14)),
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 600, 1_200, 6_000, 12_000)
_MONTH_S = 30 * _DAY
MOST = 1e300
"""Numbers beyond this are not drawn."""


class Tick(msgspec.Struct, frozen=True):
    """A place on an axis and what it is called."""

    at: float
    label: str


def spread(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis for numbers between two: a little room where they are the same."""
    if high - low > max(abs(low), abs(high)) * 1e-9 and high - low > 1e-280:
        return low, high
    room = max(abs(high) * 0.1, 1e-9)
    return low - room, high + room


def mark_numbers(low: float, high: float, wanted: int = 4) -> tuple[Tick, ...]:
    """About so many ticks at round numbers in [low, high]; low is less than high, both at most MOST."""
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    places = (first + each for each in range(wanted * 2 + 2))
    found = [each * step for each in places if each * step <= high + step * 1e-9]
    return tuple(Tick(each, write_number(each, step)) for each in found)


def write_number(value: float, step: float) -> str:
    """A number as exact as a step between two of its kind asks for: `0.85`, `1,200`, `3e-07`."""
    if not math.isfinite(value):
        return {"inf": "∞", "-inf": "−∞"}.get(str(value), "not a number")
    if abs(value) < step * 1e-6:
        return "0"
    if step < 1e-5 or abs(value) >= 1e9:
        digits = max(0, math.floor(math.log10(abs(value))) - math.floor(math.log10(step)))
        return f"{value:.{min(digits, 15)}e}"
    return f"{value:,.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def mark_times(start: int, end: int, wanted: int = 6) -> tuple[Tick, ...]:
    """About so many ticks at round times of UTC between two, in microseconds since 1970; start is before end."""
    seconds = (end - start) / 1_000_000 / wanted
    step = next((each for each in _STEPS_S if each >= seconds), None)
    if step is not None:
        first = -(-start // (step * 1_000_000))
        places = [each * step * 1_000_000 for each in range(first, first + 2 * wanted + 2)]
        return tuple(Tick(at, _write_time(at, step)) for at in places if at <= end)
    months = next((each for each in _MONTHS if each * _MONTH_S >= seconds), _MONTHS[-1])
    return tuple(_mark_months(start, end, months))


def date_of(microseconds: int) -> datetime:
    """The moment of UTC that a number of microseconds since 1970 stands for."""
    return _EPOCH + microseconds * _US


def _mark_months(start: int, end: int, step: int) -> list[Tick]:
    begun = date_of(start)
    first = (begun.year * 12 + begun.month - 1) // step
    found = []
    for each in count(first):
        year, month = divmod(each * step, 12)
        if year > 9999:
            break
        if year < 1:
            continue
        at = (datetime(year, month + 1, 1, tzinfo=UTC) - _EPOCH) // _US
        if at > end:
            break
        if at >= start:
            found.append(Tick(at, f"{year:04}" if step % 12 == 0 else f"{year:04}-{month + 1:02}"))
    return found


def _write_time(at: int, step: int) -> str:
    moment = date_of(at)
    if step >= _DAY:
        return f"{moment.year:04}-{moment:%m-%d}"
    return f"{moment:%H:%M}" if step >= _MINUTE else f"{moment:%H:%M:%S}"
