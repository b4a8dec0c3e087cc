"""`muniment evaluate`"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

import click

from muniment.cli import arguments, output, session
from muniment.client.ledger import Ledger
from muniment.core.rules import records
from muniment.core.rules.policy import DatasetRole, Policy


def _check(metrics: tuple[str, ...]) -> None:
    """Check the measured values. Raises UsageError."""
    arguments.parse_metrics(metrics)


@click.command()
@click.argument("version")
@click.option(
    "--metric", "metrics", multiple=True, required=True, metavar="NAME=VALUE", help="What was measured; repeat for several."
)
@click.option("--data", metavar="DATASET", help="The data set that it was measured on.")
@click.option("--role", type=click.Choice(get_args(DatasetRole)), help="The role of that data set.")
@click.option("--plan", metavar="PLAN", help="The plan to compare with: its id or entry; default: the newest for these metrics.")
@click.option("--no-plan", is_flag=True, help="Compare with no plan.")
@click.option("--reason", metavar="TEXT", help="What is to be said about it, in words (sealed).")
@arguments.checked(_check)
@session.writing
def command(
    ledger: Ledger,
    version: str,
    metrics: tuple[str, ...],
    data: str | None,
    role: DatasetRole | None,
    plan: str | None,
    no_plan: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Record what was measured on VERSION. Whether a plan was met is computed by the ledger.

    A bare model name means its newest version.
    """
    measured = arguments.parse_metrics(metrics)
    digest = ledger.digest_of(version, "version")
    chosen = None if no_plan else ledger.event_of(plan, "plan") if plan else ledger.plan_for(digest, measured)
    done = ledger.evaluate(digest, measured, dataset=data, role=role, plan=chosen, reason=reason)
    state = ledger.state(f"evaluation/{done.event_id}", records.Evaluation)
    passed = state.passed if state is not None and isinstance(state.passed, bool) else None
    described = ledger.describe(digest)
    title = described.partition(" ")[0]
    output.recorded(
        done,
        as_json,
        title=described,
        details=[
            *(f"{name} {value}" for name, value in measured.items()),
            *_judge(ledger, chosen, passed),
            *_doubt(ledger.policy(), measured, role),
        ],
        value={"version": digest, "plan": chosen, "passed": passed, "recorded": done},
        after=f"muniment log {title}" if passed is False else f"muniment approve {title} --environment {_first(ledger.policy())}",
    )


def _doubt(policy: Policy, measured: Iterable[str], role: DatasetRole | None) -> Iterator[str]:
    """For which environments it does not count, because it was measured on other data or says nothing of them."""
    for environment in policy.environments:
        for wanted in environment.evaluations:
            if wanted.metric in measured and wanted.dataset_role != role:
                asked = f"{environment.name} asks for {wanted.metric} on {wanted.dataset_role} data"
                yield f"{asked}: this does not count there" + ("" if role else f"; say so with --role {wanted.dataset_role}")


def _first(policy: Policy) -> str:
    """An environment to go on with: production, or the first one that the policy lists where it lists no such."""
    known = policy.environment("production") is not None or not policy.environments
    return "production" if known else policy.environments[0].name


def _judge(ledger: Ledger, plan: str | None, passed: bool | None) -> list[str]:
    """Whether the plan was met, in words."""
    asked = None if plan is None else ledger.state(f"plan/{plan}", records.Plan)
    if asked is None:
        return []
    met = output.good("met") if passed else output.bad("not met")
    return [f"plan {met}: {asked.metric} {arguments.SIGNS[asked.comparator]} {asked.threshold}, planned in entry {asked.index}"]
