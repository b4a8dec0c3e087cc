"""What every command shares: its options, the settings they resolve to, and the ledger they open."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from muniment import config
from muniment.cli import output
from muniment.client.ledger import Ledger
from muniment.client.opening import connect
from muniment.config import Config

P = ParamSpec("P")
R = TypeVar("R")


def common(function: Callable[P, R]) -> Callable[P, R]:
    """The options of every command: --home, --actor, --json."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output."),
        click.option("--actor", metavar="ID", help="Who you are; needed where several keys lie here."),
        click.option("--home", metavar="DIR", type=click.Path(path_type=Path), help="The ledger's folder; default .muniment."),
    ):
        function = option(function)
    return function


def resolve(home: Path | None, actor: str | None, as_json: bool) -> Config:
    """The settings of this call."""
    flags = {"home": None if home is None else str(home), "actor": actor, "output": "json" if as_json else None}
    return config.resolve(os.environ, Path.cwd(), flags)


def with_ledger(function: Callable[..., R]) -> Callable[..., R]:
    """For commands that ask: open the ledger of this call, hand it over as the first argument, and close it afterwards."""

    @common
    @_accept_clock
    @functools.wraps(function)
    def wrapped(*args: object, home: Path | None, actor: str | None, as_json: bool, accept_clock: bool, **kwargs: object) -> R:
        settings = resolve(home, actor, as_json)
        with connect(settings, accept_clock=accept_clock) as ledger:
            _deliver(ledger)
            _greet(ledger)
            return function(ledger, *args, as_json=settings.output == "json", **kwargs)

    return wrapped


def writing(function: Callable[..., R]) -> Callable[..., R | int]:
    """For commands that record something: as `with_ledger`, with --on-behalf-of and --dry-run for all of them alike.

    A dry run is the command itself up to its first event, which the ledger only judges (`Ledger.rehearse`).
    """

    @common
    @_accept_clock
    @click.option("--dry-run", is_flag=True, help="Only say what the ledger would answer; exit 4 where it would refuse.")
    @click.option("--on-behalf-of", multiple=True, metavar="PERSON", help="For whom you act, besides yourself; repeat for several.")
    @functools.wraps(function)
    def wrapped(
        *args: object,
        home: Path | None,
        actor: str | None,
        as_json: bool,
        accept_clock: bool,
        dry_run: bool,
        on_behalf_of: tuple[str, ...],
        **kwargs: object,
    ) -> R | int:
        settings = resolve(home, actor, as_json)
        quiet = settings.output == "json"
        with connect(settings, accept_clock=accept_clock, on_behalf_of=on_behalf_of) as ledger:
            if dry_run:
                _greet(ledger)
                return output.rehearsal(ledger.rehearse(lambda it: function(it, *args, as_json=quiet, **kwargs)), quiet)
            _deliver(ledger)
            _greet(ledger)
            return function(ledger, *args, as_json=quiet, **kwargs)

    return wrapped


def _deliver(ledger: Ledger) -> None:
    """Send what waits, unless the node was found to be away just now."""
    if ledger.contact is not None:
        ledger.deliver()


def _accept_clock(function: Callable[P, R]) -> Callable[P, R]:
    option = click.option(
        "--accept-clock", is_flag=True, hidden=True, help="Seal although the clock is far from the last block's time."
    )
    return option(function)


def _greet(ledger: Ledger) -> None:
    """Say what a person must know before anything else is said."""
    if ledger.contact is None:
        output.note(f"{_call(ledger.url or '')} cannot be reached now. What needs no answer is signed, kept here, and sent later.")
    elif ledger.contact.relation == "first" and ledger.url is None:
        output.note(f"First contact with {ledger.origin}: from now on this machine demands that it only grows.")
        output.note(f"Compare its fingerprint with the one that its owner sees: {ledger.contact.fingerprint}")
    if said := ledger.describe_spool():
        output.note(said[0].upper() + said[1:] + ".")


def _call(urls: str) -> str:
    return f"The nodes {', '.join(urls.split())}" if " " in urls else f"The node at {urls}"


__all__ = ["Ledger", "common", "resolve", "with_ledger", "writing"]
