"""`muniment deploy`"""

from __future__ import annotations

from typing import get_args

import click

from muniment.cli import arguments, exits, output, serving, session
from muniment.client.ledger import Ledger
from muniment.core.rules.events.deployment import Transition


@click.command()
@click.argument("version")
@click.option("--environment", required=True, metavar="NAME", help="Where it runs, such as production.")
@click.option("--name", metavar="NAME", help="The name of the deployment; default: the model's name.")
@click.option(
    "--transition", type=click.Choice(get_args(Transition)), help="What happens; default: start, or promote over another."
)
@click.option("--traffic-share", metavar="NUMBER", help="The share of requests that it gets, from 0 to 1.")
@click.option("--region", metavar="NAME", help="Where it runs.")
@click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
@click.option("--dry-run", is_flag=True, help="Only say what the ledger would answer; exit 4 where it would refuse.")
@session.with_ledger
def command(
    ledger: Ledger,
    version: str,
    environment: str,
    name: str | None,
    transition: Transition | None,
    traffic_share: str | None,
    region: str | None,
    reason: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Record that VERSION begins to serve in an environment, or scales or stops there.

    Every approval that was neither revoked nor has expired, and every evaluation that did not fail, is found and cited. Whether
    they are enough is not judged in this release.
    """
    arguments.check_environment(ledger, environment)
    fields = ledger.draft_deployment(
        version,
        environment,
        name=name,
        transition=transition,
        trafficShare=None if traffic_share is None else arguments.parse_decimal(traffic_share, "--traffic-share"),
        region=region,
        reason=reason,
    )
    if dry_run:
        return output.verdict(ledger.judge("deployment.changed", fields), as_json)
    for row in ledger.objections(str(fields["version"]), environment):
        output.note(
            f"{row.actor} rejected this version for {environment} in entry {row.index}; this release does not stop it for that."
        )
    done = ledger.record("deployment.changed", fields)
    serving.changed(ledger, fields, done, as_json)
    return exits.OK
