"""What is not TOML, told for somebody who has never heard of TOML: the line, and the mend."""

from __future__ import annotations

import re

from muniment.core.rules.policy_text.marks import Mistake, show
from muniment.core.rules.policy_text.position import Positions

_place = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")
_long_number = re.compile(r"[0-9_]{1000,}")
_token = re.compile(r"[^\s,\[\]{}=]+")

_PAIR = "Write each setting as KEY = VALUE on a line of its own."
_QUOTES = 'Put texts in quotes, such as "approval.decided"; numbers, true and false stand without.'
_REPEATING = ("Cannot overwrite", "Cannot declare", "Cannot mutate", "Cannot redefine", "Duplicate inline")


def explain(text: str, error: ValueError, positions: Positions) -> Mistake:
    """The mistake behind an error of `tomllib`."""
    said = str(error)
    found = _place.search(said)
    what = said[: found.start()] if found else said
    line = int(found[1]) if found and found[1] else text.count("\n", 0, len(text.rstrip())) + 1
    column = int(found[2]) if found and found[2] else 1
    if what.startswith(_REPEATING):
        return _repeated(line, positions)
    open_ended = found is not None and found[1] is None
    if "nclosed" in what or (open_ended and positions.unclosed is not None):
        return Mistake(
            positions.unclosed or line,
            "the bracket that opens here is not closed, or two values in it have no comma between them",
            "Write commas between values, and ] at the end of a list or } at the end of a table; { } stands on one line.",
        )
    if found is None:
        number = _long_number.search(text)
        line = text.count("\n", 0, number.start()) + 1 if number else line
        return Mistake(line, "a number is far too long", "Write a smaller number.")
    return _worded(what, line, text.splitlines()[line - 1 : line], column)


def _repeated(line: int, positions: Positions) -> Mistake:
    if not positions.repeated:
        return Mistake(line, "this is said a second time, in another form", "Keep one of the two.")
    twice = positions.repeated[0]
    name = ".".join(str(part) for part in twice.path)
    where = "on the same line" if twice.first == twice.second else f"the first time in line {twice.first}"
    return Mistake(twice.second, f"{show(name)} stands there twice, {where}", "Keep one of the two.")


def _worded(what: str, line: int, source: list[str], column: int) -> Mistake:
    token = _token.match(source[0], column - 1) if source else None
    here = f": {show(token[0])}" if token else ""
    match what.split():
        case ["Invalid", "value", *_]:
            if token is None:
                return Mistake(line, "no value stands behind the sign =", _QUOTES)
            small = token[0].lower()
            return Mistake(line, f"this is no value{here}", f"Did you mean {small}?" if small in ("true", "false") else _QUOTES)
        case ["Invalid", "statement", *_]:
            return Mistake(line, f"this is no setting{here}", _PAIR)
        case ["Invalid", "initial", *_]:
            return Mistake(line, f"a name is expected here{here}", f"{_PAIR} A table in {{ }} stands on one line.")
        case ["Invalid", "date", *_]:
            return Mistake(line, f"this is no date{here}", _QUOTES)
        case ["Expected", "'='", *_]:
            return Mistake(line, "a name stands here without = and a value", _PAIR)
        case ["Expected", "newline", *_]:
            return Mistake(line, f"something stands behind the value{here}", f"{_PAIR} A remark begins with #.")
        case ["Expected", "']'" | "']]'", *_]:
            return Mistake(line, "the heading in brackets is not closed", "Write it like [roles] or [environments.production].")
        case ["Illegal", *_] | ["Unterminated", *_] | ["Expected", '"\'"' | '"""' | "\"'''\"", *_]:
            return Mistake(
                line, "a text has no closing quote, or holds a character that is not allowed", "Close the text with a quote."
            )
        case ["Found", "invalid", *_]:
            return Mistake(line, "a character stands here that cannot be seen", "Delete it, or type the line anew.")
        case ["Unescaped", *_] | ["Invalid", "hex", *_] | ["Escaped", *_]:
            return Mistake(line, "a text has a backslash in it", "Leave the backslash out: no name of a policy has one.")
    return Mistake(line, f"this is not TOML ({what})", _PAIR)
