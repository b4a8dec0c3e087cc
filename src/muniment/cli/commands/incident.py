"""`muniment incident`"""

from __future__ import annotations

from typing import get_args

import click

from muniment.cli import arguments, output, session
from muniment.client.ledger import Ledger
from muniment.core.rules.events.incident import Severity


def _check(
    version: str | None,
    severity: Severity | None,
    impact: str | None,
    aware_at: str | None,
    close: str | None,
    outcome: str | None,
) -> None:
    """Check that an incident is recorded or closed, and what belongs to which. Raises UsageError."""
    if close is not None:
        if version is not None or severity is not None or impact is not None or aware_at is not None:
            raise click.UsageError("--close goes with --outcome and --reason alone.")
        return
    if version is None:
        raise click.UsageError("Name the VERSION that it happened with, or what to close with --close.")
    if outcome is not None:
        raise click.UsageError("--outcome goes with --close.")
    if severity is None:
        raise click.UsageError(f"Say how bad it is with --severity: {', '.join(get_args(Severity))}.")


@click.command()
@click.argument("version", required=False)
@click.option("--severity", type=click.Choice(get_args(Severity)), help="How bad it is.")
@click.option("--impact", metavar="TEXT", help="What it did, to whom, in words (sealed).")
@click.option("--aware-at", metavar="TIME", help="When the organisation became aware of it; default: now.")
@click.option("--close", metavar="INCIDENT", help="Close an incident: its entry, or its event id.")
@click.option("--outcome", metavar="TEXT", help="What was found and done, in words (sealed); with --close.")
@click.option("--reason", metavar="TEXT", help="Why it is recorded, in words (sealed).")
@arguments.checked(_check)
@session.writing
def command(
    ledger: Ledger,
    version: str | None,
    severity: Severity | None,
    impact: str | None,
    aware_at: str | None,
    close: str | None,
    outcome: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Record that something went wrong with VERSION. It stops nothing: `muniment hold` does.

    \b
    muniment incident credit-risk@7 --severity low --impact "two days of stale data"
    muniment incident --close 53 --outcome "the feed was repaired"
    """
    if close is not None:
        _close(ledger, close, outcome, reason, as_json)
        return
    digest = ledger.digest_of(str(version), "version")
    done = ledger.incident(
        digest, severity=severity or "medium", impact=impact, reason=reason, aware_at=arguments.parse_time(aware_at)
    )
    output.recorded(
        done,
        as_json,
        title=f"An incident with {ledger.describe(digest)} ({severity})",
        details=["it holds nothing: the version may still be deployed"],
        value={"version": digest, "severity": severity, "incident": done.event_id, "recorded": done},
        after=f"muniment incident --close {done.index} --outcome TEXT" if done.sealed else "",
    )


def _close(ledger: Ledger, close: str, outcome: str | None, reason: str | None, as_json: bool) -> None:
    incident, version = ledger.find_incident(close)
    done = ledger.release(incident, outcome=outcome, reason=reason)
    left = len(ledger.open_holds(version))
    output.recorded(
        done,
        as_json,
        title=f"An incident with {ledger.describe(version)} is closed",
        details=[f"{left} more {'holds' if left == 1 else 'hold'} it"] if left else [],
        value={"version": version, "incident": incident, "holds": left, "recorded": done},
    )
