"""A threshold as people write it: `auc >= 0.90 on test`."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import get_args

from muniment.core.format import decimal
from muniment.core.format.decimal import Comparator
from muniment.core.format.encoding import MAX_DECIMAL_CHARACTERS, MAX_DECIMAL_EXPONENT, Identifier
from muniment.core.rules.policy import DatasetRole, Threshold
from muniment.core.rules.policy_text.marks import Marks, is_form, kind, nearest, show
from muniment.core.rules.policy_text.position import Path
from muniment.errors import InvalidInput

SIGNS: MappingProxyType[str, Comparator] = MappingProxyType({">=": "ge", "<=": "le", ">": "gt", "<": "lt", "==": "eq"})
DATASET_ROLES: tuple[DatasetRole, ...] = get_args(DatasetRole)
EXAMPLE = "auc >= 0.90 on test"
MAX_CHARACTERS = 1_024
"""More than any threshold has, with room for spaces."""

_COMPARATORS = MappingProxyType({**SIGNS, **{each: each for each in SIGNS.values()}})
_MISSPELT = MappingProxyType({"=>": ">=", "=<": "<=", "≥": ">=", "≤": "<=", "=": "==", "is": "=="})
_glued = re.compile(r"([^\s<>=!≤≥]+)\s*([<>=!≤≥]+)\s*")


def format(threshold: Threshold) -> str:
    """Write a threshold as `parse` reads it."""
    sign = next(sign for sign, comparator in SIGNS.items() if comparator == threshold.comparator)
    return f"{threshold.metric} {sign} {threshold.threshold} on {threshold.dataset_role}"


def read(marks: Marks, path: Path, value: object) -> tuple[Threshold, ...]:
    """The thresholds of a list, sorted; what is none is marked and left out."""
    if not isinstance(value, list):
        marks.mark(path, f"evaluations are {kind(value)}, not a list", f'Write each in quotes, all in brackets: ["{EXAMPLE}"].')
        return ()
    found: dict[str, Threshold] = {}
    for number, item in enumerate(value):
        place = (*path, number)
        threshold = _read_one(marks, place, item)
        if threshold is None:
            continue
        if threshold.order() in found:
            marks.mark(place, f"{show(format(threshold))} stands in this list twice", "Keep one of the two.")
        found[threshold.order()] = threshold
    return tuple(found[order] for order in sorted(found))


def _read_one(marks: Marks, path: Path, item: object) -> Threshold | None:
    if not isinstance(item, str):
        marks.mark(path, f"a threshold is expected here, not {kind(item)}", f'Write it in quotes, like "{EXAMPLE}".')
        return None
    # Signs may stand without spaces around them. What is far too long is none, and looking for signs in it would take minutes.
    words = _glued.sub(r"\1 \2 ", item, count=1).split() if len(item) <= MAX_CHARACTERS else []
    if len(words) != 5 or words[3] != "on":
        what = f"{show(item)} is no threshold"
        if len(words) == 3 and words[1] in _COMPARATORS:
            what += ": it does not say on which data"
        marks.mark(path, what, f'Write METRIC, sign, number, "on" and test, training or validation, like "{EXAMPLE}".')
        return None
    metric, sign, number, _, role = words
    before = len(marks.mistakes)
    _check_metric(marks, path, metric)
    comparator = _COMPARATORS.get(sign)
    if comparator is None:
        near = _MISSPELT.get(sign)
        mend = f"Did you mean {near}?" if near else f"Use one of {' '.join(SIGNS)}."
        marks.mark(path, f"there is no comparison {show(sign)}", mend)
    _check_number(marks, path, number)
    dataset_role = next((each for each in DATASET_ROLES if each == role), None)
    if dataset_role is None:
        near = nearest(role, DATASET_ROLES)
        mend = f"Did you mean {near}?" if near else f"Use one of {', '.join(DATASET_ROLES)}."
        marks.mark(path, f"data is used for test, training or validation, not {show(role)}", mend)
    if len(marks.mistakes) > before or comparator is None or dataset_role is None:
        return None
    return Threshold(metric=metric, comparator=comparator, threshold=number, dataset_role=dataset_role)


def _check_metric(marks: Marks, path: Path, metric: str) -> None:
    if not is_form(metric, Identifier):
        mend = "Use letters, digits, dots, dashes, underscores and slashes, as in auc or f1/macro."
        marks.mark(path, f"{show(metric)} cannot name a metric", mend)


def _check_number(marks: Marks, path: Path, number: str) -> None:
    try:
        decimal.parse(number)
    except InvalidInput:
        marks.mark(path, f"{show(number)} is no number that can be compared", _mend_number(number))


def _mend_number(number: str) -> str:
    if number.endswith("%"):
        return "Write a share instead of a percentage: 0.90 for 90 %."
    for written in (number.replace(",", "."), number.lower().replace("e+", "e").lstrip("+"), f"0{number}", f"{number}0"):
        try:
            decimal.parse(written)
        except InvalidInput:
            continue
        return f"Did you mean {written}?"
    return f"Write it like 0.90 or 1e-3: at most {MAX_DECIMAL_CHARACTERS} characters, exponents up to {MAX_DECIMAL_EXPONENT}."
