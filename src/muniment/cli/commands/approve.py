"""`muniment approve`"""

from __future__ import annotations

from typing import Literal

import click

from muniment.cli import arguments, output, session
from muniment.client.ledger import Ledger

_WORDS = {"approve": "approved", "conditional": "approved under conditions", "reject": "rejected"}


@click.command()
@click.argument("version")
@click.option("--environment", required=True, metavar="NAME", help="Where it may run, such as production.")
@click.option("--reject", is_flag=True, help="Say no. This release records it and does not stop a deployment.")
@click.option("--conditional", is_flag=True, help="Say yes under conditions; it does not count as an approval.")
@click.option("--conditions", metavar="TEXT", help="The conditions, in words (sealed).")
@click.option("--expires-at", metavar="TIME", help="Until when it counts: a date or a time, UTC unless it says otherwise.")
@click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
@session.with_ledger
def command(
    ledger: Ledger,
    version: str,
    environment: str,
    reject: bool,
    conditional: bool,
    conditions: str | None,
    expires_at: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Decide, as yourself, whether VERSION may run in an environment."""
    if reject and conditional:
        raise click.UsageError("--reject and --conditional are two decisions: give one.")
    if conditions and not conditional:
        raise click.UsageError("--conditions belong to --conditional.")
    decision: Literal["approve", "conditional", "reject"] = "reject" if reject else "conditional" if conditional else "approve"
    arguments.check_environment(ledger, environment)
    digest = ledger.digest_of(version, "version")
    done = ledger.approve(
        digest,
        environment,
        decision=decision,
        reason=reason,
        conditions=conditions,
        expires_at=arguments.parse_time(expires_at),
    )
    described = ledger.describe(digest)
    output.recorded(
        done,
        as_json,
        title=f"{described} is {_WORDS[decision]} for {environment} by {ledger.actor}",
        value={"version": digest, "environment": environment, "decision": decision, "recorded": done},
        after=f"muniment deploy {described.partition(' ')[0]} --environment {environment}" if decision == "approve" else "",
    )
