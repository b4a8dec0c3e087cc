"""`muniment hold`"""

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
    release: str | None,
    outcome: str | None,
) -> None:
    """Check what belongs to which. Raises UsageError."""
    incidents.check((version, severity, impact, aware_at), release, outcome, option="--release", name="to hold, or what to release")


@click.command()
@incidents.options
@click.option("--release", metavar="INCIDENT|VERSION", help="Close an incident and release its hold: its entry, or what it holds.")
@click.option("--outcome", metavar="TEXT", help="What was found and done, in words (sealed); with --release.")
@click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
@arguments.checked(_check)
@session.writing
def command(
    ledger: Ledger,
    version: str | None,
    severity: Severity | None,
    impact: str | None,
    aware_at: str | None,
    release: str | None,
    outcome: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Stop VERSION from being deployed anywhere until the hold is released. What runs goes on running.

    \b
    muniment hold credit-risk@7 --severity high --impact "rejects applicants over 60"
    muniment hold --release credit-risk@7 --outcome "threshold corrected"

    An incident that stops nothing is recorded with `muniment incident`.
    """
    if release is not None:
        incidents.end(
            ledger, release, outcome, reason, as_json, title="A hold of {} is released", free=("nothing holds it any more",)
        )
        return
    digest = ledger.digest_of(str(version), "version")
    done = ledger.hold(digest, severity=severity or "medium", impact=impact, reason=reason, aware_at=arguments.parse_time(aware_at))
    described = ledger.describe(digest)
    serving = [row for row in ledger.deployments() if row.version == digest and row.status == "running"]
    output.recorded(
        done,
        as_json,
        title=f"{described} is on hold ({severity})",
        details=[f"runs as {row.environment}/{row.name}" for row in serving],
        value={"version": digest, "severity": severity, "incident": done.event_id, "recorded": done},
        after=f"muniment hold --release {described.partition(' ')[0]} --outcome TEXT",
    )
