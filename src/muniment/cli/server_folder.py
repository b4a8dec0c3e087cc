"""Where a server keeps what is its own: shared by the commands that look after one, also while it runs."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import click

from muniment.cli import session
from muniment.server.process import options
from muniment.server.settings import Settings

R = TypeVar("R")


class Place(NamedTuple):
    """A server as a call names it. `file` is the one that said so, None without --config."""

    settings: Settings
    file: Path | None
    as_json: bool


def with_place(function: Callable[..., R]) -> Callable[..., R]:
    """Hand a command the server's place as its first argument: --home, --state, --config, --json."""

    @functools.wraps(function)
    def wrapped(*args: object, home: Path | None, state: Path | None, file: Path | None, as_json: bool, **kwargs: object) -> R:
        found = session.resolve(home, None, as_json)
        settings = options.resolve({"state": None if state is None else os.path.abspath(state)}, found.home, file)
        return function(Place(settings, file, found.output == "json"), *args, **kwargs)

    path = click.Path(path_type=Path)
    said = "The server's file, as `muniment serve` was given it; it says both folders."
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output."),
        click.option("--config", "file", metavar="FILE", type=path, help=said),
        click.option("--state", metavar="DIR", type=path, help="The server's own folder; default HOME/server."),
        click.option("--home", metavar="DIR", type=path, help="The served ledger's folder; default .muniment."),
    ):
        wrapped = option(wrapped)
    return wrapped
