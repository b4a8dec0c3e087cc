"""`muniment rollback`"""

from __future__ import annotations

import click

from muniment.cli import serving, session
from muniment.client.ledger import Ledger


@click.command()
@click.argument("deployment", metavar="ENVIRONMENT/NAME")
@click.option("--to", metavar="VERSION", help="The version to go back to; default: the one that was replaced last.")
@click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
@session.writing
def command(ledger: Ledger, deployment: str, to: str | None, reason: str | None, as_json: bool) -> None:
    """Go back to an earlier version of a deployment, such as production/credit-risk."""
    fields = ledger.draft_rollback(deployment, to=to, reason=reason)
    done = ledger.record("deployment.changed", fields)
    serving.changed(ledger, fields, done, as_json)
