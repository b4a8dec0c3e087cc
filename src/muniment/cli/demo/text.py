"""How the demo is told: chapters, short paragraphs, and one line for each thing that happened. Silent with --json."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

import click

from muniment.cli import output
from muniment.core.format import digest

MAX_WIDTH = 96
MIN_WIDTH = 60
_INDENT = "  "
_MARK_WIDTH = 10

_digest = re.compile(r"[0-9a-f]{64}")


class Narrator:
    """Prints the story; `silent` says nothing, for the sake of --json. Lines are as wide as the terminal, within limits."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._width = max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size((88, 24)).columns - 1))
        self._chapters = 0
        self._attacks = 0

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
        for line in _wrap(text, self._width - len(_INDENT)):
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

    def caught(self, tried: str, by: str, code: str, message: str, lesson: str) -> None:
        """An attack, what caught it, the code, what it said, and what that shows."""
        sentence = message if message.endswith((".", "…")) else f"{message}."
        self._attack(tried, output.good("caught"), f"by {by} [{code}]: {sentence} {lesson}")

    def missed(self, tried: str) -> None:
        """An attack that nothing caught."""
        self._attack(tried, output.bad("NOT CAUGHT"), "Nothing noticed it.")

    def commands(self, commands: Sequence[tuple[str, str]]) -> None:
        """Commands to try, each with what it shows above it; a command is never broken over two lines."""
        for what, command in commands:
            self._print("")
            self._print(_INDENT + output.faint(f"# {what}"))
            self._print(_INDENT + command)

    def _attack(self, tried: str, outcome: str, said: str) -> None:
        self._attacks += 1
        self._print("")
        self._item(f"{self._attacks:>2}  ", tried)
        self._item("    ", f"{outcome} {said}")

    def _item(self, mark: str, text: str) -> None:
        """A marked line; what does not fit hangs below its beginning."""
        lead = len(_INDENT) + len(click.unstyle(mark))
        lines = _wrap(_digest.sub(lambda found: digest.short(found[0]), text), self._width - lead)
        self._print(_INDENT + mark + lines[0])
        for line in lines[1:]:
            self._print(" " * lead + line)

    def _print(self, line: str) -> None:
        if not self._silent:
            click.echo(line)


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` visible characters; a word is never broken. Colours take no room."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(click.unstyle(lines[-1])) + 1 + len(click.unstyle(word)) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
