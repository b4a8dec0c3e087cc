"""Decimals as text, compared exactly: no float ever decides whether a threshold was met (docs/spec, section 1.3)."""

from __future__ import annotations

import re
from typing import Literal

from muniment.core.format.encoding import MAX_DECIMAL_CHARACTERS, MAX_DECIMAL_EXPONENT
from muniment.errors import InvalidInput

Comparator = Literal["eq", "ge", "gt", "le", "lt"]
NOT_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})

_decimal = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:e(-?[0-9]{1,3}))?\Z")


def format_float(number: float) -> str:
    """The shortest text that reads back as the same float: `repr`, without the `+` that the profile does not write."""
    text = repr(float(number)).replace("e+", "e")
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)


def parse(text: str) -> tuple[int, int]:
    """Read a decimal as (integer, exponent): its value is integer * 10**exponent. NaN and infinities have none."""
    match = _decimal.match(text)
    if match is None or len(text) > MAX_DECIMAL_CHARACTERS:
        raise InvalidInput(f"{text!r} is not a decimal", code="bad-decimal", hint='Write it like "0.913" or "1e-07".')
    sign, whole, fraction, exponent = match[1], match[2], match[3] or "", int(match[4] or 0)
    if abs(exponent) > MAX_DECIMAL_EXPONENT:
        raise InvalidInput(f"the exponent of {text!r} is beyond +-{MAX_DECIMAL_EXPONENT}", code="bad-decimal")
    return int(sign + whole + fraction), exponent - len(fraction)


def compare(left: str, right: str) -> int:
    """-1, 0 or 1, by exact integer arithmetic."""
    (a, x), (b, y) = parse(left), parse(right)
    # 10 to a power that is never negative stays an integer.
    power = abs(x - y)
    scaled: tuple[int, int] = (a * 10**power, b) if x > y else (a, b * 10**power)
    return (scaled[0] > scaled[1]) - (scaled[0] < scaled[1])


def holds(value: str, comparator: Comparator, threshold: str) -> bool:
    """Does `value <comparator> threshold` hold? NaN and infinities fail every comparator."""
    if value in NOT_NUMBERS or threshold in NOT_NUMBERS:
        return False
    order = compare(value, threshold)
    return {"eq": order == 0, "ge": order >= 0, "gt": order > 0, "le": order <= 0, "lt": order < 0}[comparator]
