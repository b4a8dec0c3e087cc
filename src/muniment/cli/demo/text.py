"""How the demo is told: chapters, short paragraphs, and one line for each thing that happened. Silent with --json."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

import click

from muniment.cli import output

MAX_WIDTH = 96
MIN_WIDTH = 60
_INDENT = "  "
_MARK_WIDTH = 10


class Narrator:
    """Prints the story; `silent` says nothing, for the sake of --json. Lines are as wide as the terminal, within limits."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._width = max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size((88, 24)).columns - 1))
        self._chapters = 0

    def title(self, text: str) -> None:
        """The name of the whole."""
        self._print(output.strong(text))

    def chapter(self, text: str) -> None:
        """Begin a chapter: a numbered heading."""
        self._chapters += 1
        self._print("")
        self._print(output.strong(f"{self._chapters}. {text}"))

    def say(self, text: str) -> None:
        """A paragraph."""
        self._print("")
        for line in textwrap.wrap(text, self._width - len(_INDENT)):
            self._print(_INDENT + line)

    def gap(self) -> None:
        """An empty line."""
        self._print("")

    def happened(self, mark: str, what: str) -> None:
        """One thing that happened, with its place in the ledger or another short mark before it."""
        self._item(output.faint(f"{mark:<{_MARK_WIDTH}}"), what)

    def holds(self, what: str) -> None:
        """Something that was checked, and holds."""
        self._item(output.good(f"{'holds':<{_MARK_WIDTH}}"), what)

    def refused(self, what: str) -> None:
        """Something that the ledger refused."""
        self._item(output.bad(f"{'refused':<{_MARK_WIDTH}}"), what)

    def caught(self, number: int, tried: str, message: str, code: str) -> None:
        """An attack, what caught it, and the code."""
        self._attack(number, tried, message, code, caught=True)

    def missed(self, number: int, tried: str) -> None:
        """An attack that nothing caught."""
        self._attack(number, tried, "Nothing noticed it.", "", caught=False)

    def commands(self, commands: Sequence[tuple[str, str]]) -> None:
        """Commands to try, each with what it shows above it; a command is never broken over two lines."""
        for what, command in commands:
            self._print("")
            self._print(_INDENT + output.faint(f"# {what}"))
            self._print(_INDENT + command)

    def _attack(self, number: int, tried: str, message: str, code: str, *, caught: bool) -> None:
        self._print("")
        self._item(f"{number:>2}  ", tried)
        mark = output.good("caught") if caught else output.bad("NOT CAUGHT")
        self._item(f"    {mark}  ", f"{message} " + (f"[{code}]" if code else ""))

    def _item(self, mark: str, text: str) -> None:
        """A marked line; what does not fit hangs below its beginning."""
        lead = len(_INDENT) + len(click.unstyle(mark))
        lines = textwrap.wrap(text, self._width - lead, break_long_words=False, break_on_hyphens=False)
        self._print(_INDENT + mark + lines[0])
        for line in lines[1:]:
            self._print(" " * lead + line)

    def _print(self, line: str) -> None:
        if not self._silent:
            click.echo(line)
