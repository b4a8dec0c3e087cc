"""`muniment incident`"""

from __future__ import annotations

import click

from muniment.cli import arguments, incidents, output, session
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
    """Check what belongs to which. Raises UsageError."""
    incidents.check(
        (version, severity, impact, aware_at), close, outcome, option="--close", name="that it happened with, or what to close"
    )


@click.command()
@incidents.options
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
        incidents.end(ledger, close, outcome, reason, as_json, title="An incident with {} is closed")
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
