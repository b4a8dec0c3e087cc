"""What a person sees: plain lines and quiet tables. With --json, one object on standard output and nothing else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence

import click
import msgspec

from muniment.client.things import Recorded
from muniment.core.format import digest


def result(value: object, as_json: bool, lines: Iterable[str]) -> None:
    """Print a command's result: `value` as one JSON object, or `lines` for people."""
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(value, str_keys=True), ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)


def recorded(done: Recorded, as_json: bool, *, title: str = "", after: Iterable[str] = ()) -> None:
    """Say where an event now stands. `title` is what it was about, `after` what to do next."""
    if not done.sealed:
        line = f"{done.event} is signed and waits to be sent"
    elif done.again:
        line = f"{done.event} was recorded before: entry {done.index}, block {done.height}"
    else:
        line = f"{done.event} recorded: entry {done.index}, block {done.height}, receipt verified"
    result(done, as_json, [*([strong(title)] if title else []), line, *after])


def note(line: str) -> None:
    """Say something beside the result, on standard error."""
    click.echo(line, err=True)


def strong(text: str) -> str:
    """Emphasis, where there is a terminal for it."""
    return click.style(text, bold=True)


def good(text: str) -> str:
    """Something that holds."""
    return click.style(text, fg="green")


def bad(text: str) -> str:
    """Something that does not."""
    return click.style(text, fg="red", bold=True)


def faint(text: str) -> str:
    """What stands beside: digests, times, clocks."""
    return click.style(text, dim=True)


def short(text: str) -> str:
    """A digest beside a name."""
    return digest.short(text)


def when(time: str) -> str:
    """A header's time as people read it: UTC, to the second."""
    return time[:10] + " " + time[11:19] + " UTC"


def table(rows: Sequence[Sequence[str]], heads: Sequence[str]) -> list[str]:
    """Columns as wide as their widest cell; the last one runs free."""
    widths = [max(len(click.unstyle(row[column])) for row in (heads, *rows)) for column in range(len(heads))]
    lines = []
    for number, row in enumerate((heads, *rows)):
        cells = [cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(row, widths, strict=True)]
        line = "  ".join(cells).rstrip()
        lines.append(faint(line) if number == 0 else line)
    return lines


def is_terminal() -> bool:
    """May this call draw? Not without a terminal, and not on a dumb one."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
