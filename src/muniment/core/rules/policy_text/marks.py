"""Mistakes in a policy file: at which line, what is wrong, how to mend it; all of them, not only the first."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import msgspec

from muniment.core.rules.policy_text.position import Path, Positions
from muniment.errors import Detail, InvalidInput

MAX_SHOWN = 48

_humps = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Mistake(msgspec.Struct, frozen=True):
    """One mistake, as a person reads it."""

    line: int
    what: str
    mend: str


class Marks:
    """The mistakes that were found in one file so far."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions
        self._paths: list[Path] = []
        self.mistakes: list[Mistake] = []

    def mark(self, path: Path, what: str, mend: str) -> None:
        """Note a mistake in the thing at `path`."""
        self._paths.append(path)
        self.mistakes.append(Mistake(self._positions.line_of(path), what, mend))

    def within(self, path: Path) -> bool:
        """Was a mistake noted in the thing at `path`, or in a part of it? What follows from it alone is not worth a second one."""
        return any(each[: len(path)] == path for each in self._paths)

    def require_none(self) -> None:
        """Raises InvalidInput (`bad-policy-file`) where a mistake was noted: the uppermost one speaks, the details list all."""
        if self.mistakes:
            raise refuse(self.mistakes)


def refuse(mistakes: Iterable[Mistake]) -> InvalidInput:
    """The error for one or more mistakes; `details` has the first line, and every mistake."""
    listed = sorted(set(mistakes), key=lambda each: (each.line, each.what))
    first, others = listed[0], len(listed) - 1
    more = f" (and {others} more: `muniment policy check` tells all)" if others else ""
    details: dict[str, Detail] = {
        "line": first.line,
        "mistakes": [{"line": str(each.line), "what": each.what, "mend": each.mend} for each in listed],
    }
    return InvalidInput(f"line {first.line}: {first.what}{more}", code="bad-policy-file", hint=first.mend, details=details)


def show(value: object) -> str:
    """A value of the file in a message: short, on one line."""
    text = repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def kind(value: object) -> str:
    """What a value is, in words."""
    match value:
        case bool():
            return f"the word {str(value).lower()}"
        case str():
            return f"the text {show(value)}"
        case int() | float():
            return f"the number {show(value)}"
        case list():
            return "a list in brackets [ ]"
        case dict():
            return "a table"
    return f"the date or time {show(value)}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """What was probably meant: the same word written otherwise, or the most similar one."""
    names = list(known)
    alike = [name for name in names if _plain(name) == _plain(word)]
    return alike[0] if alike else next(iter(difflib.get_close_matches(word, names, n=1)), None)


def suggest(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint: what was probably meant, else `otherwise`."""
    near = nearest(word, known)
    return otherwise if near is None else f"Did you mean {near}?"


def is_form(text: str, form: object) -> bool:
    """Has a text the form of a type?"""
    try:
        msgspec.convert(text, form)
    except msgspec.ValidationError:
        return False
    return True


def _plain(word: str) -> str:
    return re.sub(r"[-_. ]+", "-", _humps.sub("-", word)).lower()
