"""What `hold` and `incident` share: an incident is recorded about a version, or ended, and never both in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, get_args

import click

from muniment.cli import output
from muniment.client.ledger import Ledger
from muniment.core.rules.events.incident import Severity

R = TypeVar("R")


def options(function: Callable[..., R]) -> Callable[..., R]:
    """VERSION, and what is said of an incident when it is recorded."""
    for option in (
        click.option("--aware-at", metavar="TIME", help="When the organisation became aware of it; default: now."),
        click.option("--impact", metavar="TEXT", help="What it did, to whom, in words (sealed)."),
        click.option("--severity", type=click.Choice(get_args(Severity)), help="How bad it is."),
        click.argument("version", required=False),
    ):
        function = option(function)
    return function


def check(recorded: tuple[str | None, ...], ended: str | None, outcome: str | None, *, option: str, name: str) -> None:
    """Check that something is recorded or ended, and what belongs to which. Raises UsageError.

    recorded: the version, the severity, and what else belongs to a record
    option: the one that ends; name: what the VERSION is named for, or what that option is
    """
    version, severity, *_ = recorded
    if ended is not None:
        if any(each is not None for each in recorded):
            raise click.UsageError(f"{option} goes with --outcome and --reason alone.")
        return
    if version is None:
        raise click.UsageError(f"Name the VERSION {name} with {option}.")
    if outcome is not None:
        raise click.UsageError(f"--outcome goes with {option}.")
    if severity is None:
        raise click.UsageError(f"Say how bad it is with --severity: {', '.join(get_args(Severity))}.")


def end(
    ledger: Ledger, ended: str, outcome: str | None, reason: str | None, as_json: bool, *, title: str, free: tuple[str, ...] = ()
) -> None:
    """Close an incident. `title` takes the version's name; `free` is said where nothing holds the version any more."""
    incident, version = ledger.find_incident(ended)
    done = ledger.release(incident, outcome=outcome, reason=reason)
    left = len(ledger.open_holds(version))
    output.recorded(
        done,
        as_json,
        title=title.format(ledger.describe(version)),
        details=[f"{left} more {'holds' if left == 1 else 'hold'} it"] if left else free,
        value={"version": version, "incident": incident, "holds": left, "recorded": done},
    )
