"""What a person sees: plain lines and quiet tables. With --json, one object on standard output and nothing else."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence

import click
import msgspec

from muniment import exits
from muniment.cli.terminal import plain
from muniment.client.things import Recorded, Rehearsal
from muniment.core.format import digest
from muniment.core.rules.policy import Reason

_digest = re.compile(r"[0-9a-f]{64}")


def result(value: object, as_json: bool, lines: Iterable[str]) -> None:
    """Print a command's result: `value` as one JSON object, or `lines` for people."""
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(value, str_keys=True), ensure_ascii=False))
        return
    for line in lines:
        click.echo(plain(line))


def recorded(
    done: Recorded, as_json: bool, *, title: str = "", details: Iterable[str] = (), value: object = None, after: str = ""
) -> None:
    """Say where an event now stands. `title` is what it was about, `after` the command that may come next.

    With --json the object is `value`, or the record itself. What the ledger has not taken yet ends the command with exit 6: a
    machine that is thrown away afterwards must not lose it unseen.
    """
    after = after if done.sealed else "muniment log --pending"
    lines = [*([strong(title)] if title else []), *(f"  {line}" for line in details), f"  {standing(done)}"]
    result(done if value is None else value, as_json, [*lines, *(["", f"Next: {after}"] if after else [])])
    if not done.sealed:
        note(done.obstacle)
        raise click.exceptions.Exit(exits.INCOMPLETE)


def standing(done: Recorded) -> str:
    """Where an event stands, in one line."""
    if not done.sealed:
        return f"{done.event} is signed and waits here to be sent: the ledger cannot take it now"
    if done.again:
        return f"{done.event} was recorded before: entry {done.index}, block {done.height}, receipt verified"
    return f"{done.event} recorded: entry {done.index}, block {done.height}, receipt verified"


def files(count: int, size: int) -> str:
    """How much was read: `3 files, 1.2 MB`."""
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{count} file{'' if count == 1 else 's'}, {amount:.3g} {unit}"


def rehearsal(found: Rehearsal, as_json: bool) -> int:
    """What the ledger would answer, and the exit code for it."""
    result(found, as_json, [f"{found} Nothing was recorded." if found.event else str(found), *reasons(found.reasons)])
    return exits.OK if found.admitted else exits.REFUSED


def reasons(against: Iterable[Reason]) -> list[str]:
    """Every reason on lines of its own: the rule and what it asks, what was found, what is missing, what mends it."""
    lines = []
    for reason in against:
        lines.append(f"  {strong(reason.rule)}: {reason.required}")
        lines += [f"    found    {reason.found}"] if reason.found else []
        missing = lacking(reason.missing)
        lines += [f"    missing  {', '.join(missing)}"] if missing else []
        lines += [f"    mend     {reason.mend}"] if reason.mend else []
    return lines


def note(line: str) -> None:
    """Say something beside the result, on standard error."""
    click.echo(plain(line), err=True)


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


def lacking(missing: Iterable[str]) -> list[str]:
    """What is missing, for people: streams that end with a digest are for programs, and what was found names them."""
    return [each for each in missing if not _digest.fullmatch(each.rpartition("/")[2])]


def is_terminal() -> bool:
    """May this call draw? Not without a terminal, and not on a dumb one."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
