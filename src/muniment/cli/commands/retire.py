"""`muniment retire`"""

from __future__ import annotations

from typing import get_args

import click

from muniment.cli import arguments, output, session
from muniment.client.ledger import Ledger
from muniment.core.rules.events.model import RetirementCause


@click.command()
@click.argument("version")
@click.option("--cause", type=click.Choice(get_args(RetirementCause)), required=True, help="Why it is retired.")
@click.option("--replacement", metavar="VERSION", help="The version that takes its place.")
@click.option("--last-served-at", metavar="TIME", help="When it last answered a request, UTC unless it says otherwise.")
@click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
@session.writing
def command(
    ledger: Ledger,
    version: str,
    cause: RetirementCause,
    replacement: str | None,
    last_served_at: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Retire VERSION, such as credit-risk@3: it is never deployed again. Every deployment that runs it is stopped first.

    A bare model name means its newest version.
    """
    digest = ledger.digest_of(version, "version")
    successor = None if replacement is None else ledger.digest_of(replacement, "version")
    done = ledger.retire(
        digest, cause=cause, replacement=successor, last_served_at=arguments.parse_time(last_served_at), reason=reason
    )
    output.recorded(
        done,
        as_json,
        title=f"{ledger.describe(digest)} is retired: {cause}",
        details=[] if successor is None else [f"replaced by {ledger.describe(successor)}"],
        value={"version": digest, "cause": cause, "replacement": successor, "recorded": done},
    )
