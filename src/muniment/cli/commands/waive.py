"""`muniment waive`"""

from __future__ import annotations

import difflib
from datetime import timedelta

import click

from muniment.cli import arguments, output, session
from muniment.client import moments
from muniment.client.ledger import Ledger
from muniment.core.rules.requirements import WAIVABLE


def _check(rule: str, until: str | None, length: timedelta | None) -> None:
    """Check that there is such a rule, and one end. Raises UsageError."""
    if rule not in WAIVABLE:
        near = difflib.get_close_matches(rule, WAIVABLE, n=1)
        raise click.UsageError(
            f"{rule!r} cannot be waived." + (f" Did you mean {near[0]!r}?" if near else f" These can: {', '.join(WAIVABLE)}.")
        )
    if (until is None) == (length is None):
        raise click.UsageError("Say how long it is waived: --until TIME, or --for 4h.")


@click.command()
@click.argument("rule")
@click.argument("version")
@arguments.environment()
@click.option("--until", metavar="TIME", help="Until when: a date or a time, UTC unless it says otherwise.")
@click.option("--for", "length", type=arguments.Length(), metavar="LENGTH", help="For how long from now: 90s, 15m, 4h, 7d.")
@click.option("--measures", metavar="TEXT", help="What compensates for it, in words (sealed).")
@click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
@arguments.checked(_check)
@session.writing
def command(
    ledger: Ledger,
    rule: str,
    version: str,
    environment: str,
    until: str | None,
    length: timedelta | None,
    measures: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Waive RULE for VERSION in ENVIRONMENT, and for nothing else, until a fixed time.

    \b
    muniment waive approvals credit-risk@7 production --for 4h --measures "two people watch it"

    RULE is one that a refusal names: approvals, evaluations, hold, licence, purpose, rejected, retired, separation,
    unknown-ancestry, withdrawn; or gate, which `muniment gate` honours. Nobody waives separation for himself.
    """
    digest = ledger.digest_of(version, "version")
    end = moments.write(length) if length is not None else str(arguments.parse_time(until))
    done = ledger.waive(rule, digest, environment, until=end, measures=measures, reason=reason)
    described = ledger.describe(digest)
    output.recorded(
        done,
        as_json,
        title=f"{rule} is waived for {described} in {environment}",
        details=[f"until {output.when(end)}"],
        value={"rule": rule, "version": digest, "environment": environment, "expiresAt": end, "recorded": done},
        after="" if rule == "gate" else f"muniment deploy {described.partition(' ')[0]} --environment {environment}",
    )
