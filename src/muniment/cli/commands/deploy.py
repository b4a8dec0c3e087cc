"""`muniment deploy`"""

from __future__ import annotations

from typing import get_args

import click

from muniment.cli import arguments, serving, session
from muniment.client.ledger import Ledger
from muniment.core.rules.events.deployment import Transition


@click.command()
@click.argument("version")
@arguments.environment()
@click.option("--name", metavar="NAME", help="The name of the deployment; default: the model's name.")
@click.option(
    "--transition", type=click.Choice(get_args(Transition)), help="What happens; default: start, or promote over another."
)
@click.option("--traffic-share", metavar="NUMBER", help="The share of requests that it gets, from 0 to 1.")
@click.option("--region", metavar="NAME", help="Where it runs.")
@click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
@session.writing
def command(
    ledger: Ledger,
    version: str,
    environment: str,
    name: str | None,
    transition: Transition | None,
    traffic_share: str | None,
    region: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Record that VERSION begins to serve in ENVIRONMENT, or scales or stops there.

    VERSION is `model@3`, a digest or its beginning; a bare model name means its newest version. Every approval and waiver that is
    open, and every evaluation that did not fail, is found and cited; what the policy asks beyond them is said, with exit code 4.
    """
    drafted = ledger.draft_deployment(
        version,
        environment,
        name=name,
        transition=transition,
        trafficShare=None if traffic_share is None else arguments.parse_decimal(traffic_share, "--traffic-share"),
        region=region,
        reason=reason,
    )
    fields = ledger.leave_out_disputed(drafted)
    done = ledger.record("deployment.changed", fields)
    serving.changed(ledger, fields, done, as_json)
