"""Where a key, a table or an element of a list stands in a TOML file: lines for messages, and nothing else.

    where = locate(text)
    where.line_of(("roles", "approver", 1))      # the line of the second event of the role approver

`tomllib` reads the file and says no more than what is in it. This scanner walks the same text and says at which line. Whether the
text is TOML is for `tomllib` alone: what the scanner does not understand ends its walk, and a line is then that of the nearest
thing around.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress

import msgspec

Path = tuple[str | int, ...]

_bare_key = re.compile(r"[A-Za-z0-9_-]+")
_blank = re.compile(r"[ \t]*")
# Space, ends of lines and comments: what may stand between statements and inside lists.
_gap = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_basic = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"')
_literal = re.compile(r"'[^'\n]*'")
_long_basic = re.compile(r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*"""(?:"{0,2})')
_long_literal = re.compile(r"'''(?:[^']|'(?!''))*'''(?:'{0,2})")
# Numbers, true and false, and dates, which may hold one space before the time of the day.
_word = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9][^\s,\]}#=]*|[^\s,\]}#=]+")

# A policy file has names of three parts; of a longer one each part would be kept with all that stand before it.
_MAX_PARTS = 16


class Repeated(msgspec.Struct, frozen=True):
    """A key or table that stands in a file twice."""

    path: Path
    first: int
    second: int


class Positions(msgspec.Struct, frozen=True):
    """The line of each thing of a file, counted from 1. `unclosed` is the line of a bracket that is open where the walk ended."""

    lines: Mapping[Path, int]
    repeated: tuple[Repeated, ...]
    unclosed: int | None

    def line_of(self, path: Path) -> int:
        """The line of a thing, or of the nearest thing around it that is known."""
        for length in range(len(path), 0, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return line
        return 1


def locate(text: str) -> Positions:
    """Walk a file as far as it can be understood."""
    walk = _Walk(text)
    with suppress(_LostError, RecursionError):
        walk.statements()
    return Positions(walk.lines, tuple(walk.repeated), walk.openings[-1] if walk.openings else None)


class _LostError(Exception):
    """The text is not as the scanner expects it."""


class _Walk:
    """One walk over one text."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self.repeated: list[Repeated] = []
        self.openings: list[int] = []
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._given: dict[Path, int] = {}
        self._lists: dict[Path, int] = {}

    def statements(self) -> None:
        table: Path = ()
        while True:
            self._skip(_gap)
            if self._at == len(self._text):
                return
            if self._sees("["):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_blank)
            if self._at < len(self._text) and self._text[self._at] not in "\r\n#":
                raise _LostError

    def _header(self) -> Path:
        line, many = self._line(), self._sees("[[")
        self._at += 2 if many else 1
        path = self._inside(self._keys())
        self._expect("]]" if many else "]")
        if many:
            self._note(path, line)
            number = self._lists.get(path, -1) + 1
            self._lists[path] = number
            path = (*path, number)
        else:
            self._give(path, line)
        self._note(path, line)
        return path

    def _inside(self, keys: Path) -> Path:
        """The path of a table: where a part of it is a list of tables, its last one is meant."""
        path: Path = ()
        for place, key in enumerate(keys):
            path = (*path, key)
            if place < len(keys) - 1 and path in self._lists:
                path = (*path, self._lists[path])
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = (*table, *self._keys())
        self._give(path, line)
        self._note(path, line)
        self._expect("=")
        self._skip(_blank)
        self._value(path)

    def _keys(self) -> Path:
        keys: list[str | int] = []
        while True:
            self._skip(_blank)
            keys.append(self._key())
            self._skip(_blank)
            if not self._sees("."):
                return tuple(keys)
            self._at += 1

    def _key(self) -> str:
        if self._sees('"'):
            # The escapes of a quoted key are those of a text.
            quoted = self._take(_basic)
            try:
                return str(tomllib.loads(f"key = {quoted}")["key"])
            except tomllib.TOMLDecodeError:
                raise _LostError from None
        return self._take(_literal)[1:-1] if self._sees("'") else self._take(_bare_key)

    def _value(self, path: Path) -> None:
        if self._sees("["):
            self._list(path)
        elif self._sees("{"):
            self._inline(path)
        elif self._sees('"'):
            self._take(_long_basic if self._sees('"""') else _basic)
        elif self._sees("'"):
            self._take(_long_literal if self._sees("'''") else _literal)
        else:
            self._take(_word)

    def _list(self, path: Path) -> None:
        self._open()
        for number in range(len(self._text)):
            self._skip(_gap)
            if self._sees("]"):
                break
            self._note((*path, number), self._line())
            self._value((*path, number))
            self._skip(_gap)
            if not self._sees(","):
                break
            self._at += 1
        self._close("]")

    def _inline(self, path: Path) -> None:
        self._open()
        while True:
            self._skip(_gap)
            if self._sees("}"):
                break
            self._pair(path)
            self._skip(_gap)
            if not self._sees(","):
                break
            self._at += 1
        self._close("}")

    def _open(self) -> None:
        self.openings.append(self._line())
        self._at += 1

    def _close(self, bracket: str) -> None:
        self._expect(bracket)
        self.openings.pop()

    def _give(self, path: Path, line: int) -> None:
        """A key has its value, and a table its header, once."""
        if path in self._given:
            self.repeated.append(Repeated(path, self._given[path], line))
        self._given.setdefault(path, line)

    def _note(self, path: Path, line: int) -> None:
        for length in range(1, min(len(path), _MAX_PARTS) + 1):
            self.lines.setdefault(path[:length], line)

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1

    def _sees(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _expect(self, text: str) -> None:
        self._skip(_blank)
        if not self._sees(text):
            raise _LostError
        self._at += len(text)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _LostError
        self._at = match.end()
        return match[0]
