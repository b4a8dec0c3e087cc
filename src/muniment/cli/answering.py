"""What the commands share that answer with a proof: their options, where the file goes, how the answer is told."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from muniment.cli import output, telling
from muniment.client.proving import Openings, Proved

R = TypeVar("R")


def options(function: Callable[..., R]) -> Callable[..., R]:
    """--out, --disclose, --field."""
    for option in (
        click.option("--field", "fields", multiple=True, metavar="NAME", help="Open only sealed fields of this name."),
        click.option("--disclose", is_flag=True, help="Open the sealed fields that the vault here holds."),
        click.option(
            "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the answer with its proof."
        ),
    ):
        function = option(function)
    return function


def openings(disclose: bool, fields: tuple[str, ...]) -> Openings:
    """Which sealed fields the answer opens."""
    return fields or disclose


def tell(proved: Proved, out: Path | None, as_json: bool, command: list[str]) -> None:
    """Say what was found and on what it rests; write the file where one was asked for. `command` is how to ask again."""
    if out is not None:
        proved.save(out)
        after = f"Written to {out}. Next: muniment verify {out}"
    else:
        after = f"Next: {shlex.join(['muniment', *command, '--out', 'answer.json'])}"
    value = {"out": None if out is None else str(out), "answer": telling.plain(proved.verified)}
    output.result(value, as_json, [*telling.lines(proved.sentences), "", after])
