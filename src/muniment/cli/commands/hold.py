"""`muniment hold`"""

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
    release: str | None,
    outcome: str | None,
) -> None:
    """Check that a version is held, or something released, and what belongs to which. Raises UsageError."""
    if release is not None:
        if version is not None or severity is not None or impact is not None or aware_at is not None:
            raise click.UsageError("--release goes with --outcome and --reason alone.")
        return
    if version is None:
        raise click.UsageError("Name the VERSION to hold, or what to release with --release.")
    if outcome is not None:
        raise click.UsageError("--outcome goes with --release.")
    if severity is None:
        raise click.UsageError(f"Say how bad it is with --severity: {', '.join(get_args(Severity))}.")


@click.command()
@click.argument("version", required=False)
@click.option("--severity", type=click.Choice(get_args(Severity)), help="How bad it is.")
@click.option("--impact", metavar="TEXT", help="What it did, to whom, in words (sealed).")
@click.option("--aware-at", metavar="TIME", help="When the organisation became aware of it; default: now.")
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
        _release(ledger, release, outcome, reason, as_json)
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


def _release(ledger: Ledger, release: str, outcome: str | None, reason: str | None, as_json: bool) -> None:
    incident, version = ledger.find_incident(release)
    done = ledger.release(incident, outcome=outcome, reason=reason)
    left = len(ledger.open_holds(version))
    output.recorded(
        done,
        as_json,
        title=f"A hold of {ledger.describe(version)} is released",
        details=[f"{left} more {'holds' if left == 1 else 'hold'} it" if left else "nothing holds it any more"],
        value={"version": version, "incident": incident, "holds": left, "recorded": done},
    )
