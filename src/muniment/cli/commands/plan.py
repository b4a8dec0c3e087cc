"""`muniment plan`"""

from __future__ import annotations

from typing import get_args

import click

from muniment.cli import arguments, output, session
from muniment.client.ledger import Ledger
from muniment.core.rules.policy import DatasetRole


# A negative threshold looks like an option, and is none.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("model")
@click.argument("metric")
@click.argument("comparator", metavar="COMPARATOR")
@click.argument("threshold", required=False)
@click.option("--data", metavar="DATASET", help="The data set to measure on.")
@click.option("--role", type=click.Choice(get_args(DatasetRole)), help="The role of the data set to measure on.")
@click.option("--reason", metavar="TEXT", help="Why this much is asked, in words (sealed).")
@session.writing
def command(
    ledger: Ledger,
    model: str,
    metric: str,
    comparator: str,
    threshold: str | None,
    data: str | None,
    role: DatasetRole | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Say what MODEL must reach, before it is measured.

    \b
    muniment plan credit-risk auc ge 0.9
    muniment plan credit-risk auc '>=' 0.9

    What is measured for it later names the same data set and role, where they are given here.

    COMPARATOR is ge, le, gt, lt or eq, or the sign in quotes: a shell takes a bare > for a file.
    """
    if threshold is None:
        raise click.UsageError("COMPARATOR or THRESHOLD is missing. Write `ge`, or put the sign in quotes: '>='.")
    if comparator not in arguments.COMPARATORS:
        raise click.UsageError(f"{comparator!r} is no comparator: use ge, le, gt, lt or eq, or the sign in quotes.")
    compared = arguments.COMPARATORS[comparator]
    number = arguments.parse_decimal(threshold, "THRESHOLD")
    plan = ledger.plan(model, metric, compared, number, dataset=data, role=role, reason=reason)
    output.recorded(
        plan.recorded,
        as_json,
        title=f"{model} must reach {metric} {arguments.SIGNS[compared]} {number}",
        details=[f"plan {plan.id}"],
        value=plan,
        after=f"muniment evaluate {model}@N --metric {metric}=VALUE",
    )
