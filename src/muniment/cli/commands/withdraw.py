"""`muniment withdraw`"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import click

from muniment.cli import output, session, telling
from muniment.client.ledger import Ledger
from muniment.core.proof.inquiry import ImpactFindings
from muniment.core.proof.inquiry.derivation import path_to
from muniment.core.proof.inquiry.impact import Running
from muniment.core.rules.events.data import WithdrawalCause
from muniment.errors import MunimentError

TOO_MUCH = "too much was made of it to list here: ask `muniment impact DATASET` about each data set that was made of it"


@click.command()
@click.argument("dataset")
@click.option("--cause", type=click.Choice(get_args(WithdrawalCause)), required=True, help="Why it may no longer be used.")
@click.option("--remedy", metavar="TEXT", help="What shall be done about it, in words (sealed).")
@click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
@session.writing
def command(ledger: Ledger, dataset: str, cause: WithdrawalCause, remedy: str | None, reason: str | None, as_json: bool) -> None:
    """Withdraw DATASET: no version that learned from it is deployed from now on, through any number of steps.

    A bare name means the newest version of the data set. What runs already goes on running: it is listed, for you to decide.
    """
    digest = ledger.digest_of(dataset, "data")
    done = ledger.withdraw(digest, cause=cause, remedy=remedy, reason=reason)
    impact = _find_impact(ledger, digest)
    serving = () if impact is None else impact.deployments
    output.recorded(
        done,
        as_json,
        title=f"{ledger.describe(digest)} is withdrawn: {cause}",
        details=[TOO_MUCH] if impact is None else _tell(ledger, impact),
        value={"data": digest, "cause": cause, "impact": None if impact is None else telling.plain(impact), "recorded": done},
        after=_stop(ledger, serving[0]) if serving else "",
    )


def _find_impact(ledger: Ledger, digest: str) -> ImpactFindings | None:
    """What was made of it and runs; None where that is more than one answer holds. It is withdrawn already, come what may."""
    try:
        findings = ledger.impact(f"data/{digest}").findings
    except MunimentError as error:
        output.note(f"What was made of it cannot be listed: {error}")
        return None
    return findings if isinstance(findings, ImpactFindings) else None


def _tell(ledger: Ledger, impact: ImpactFindings) -> Iterator[str]:
    """Which versions learned from it, by way of what, and where they run."""
    versions = impact.versions()
    if not versions:
        yield "no version learned from it"
        return
    yield f"{len(versions)} {'version' if len(versions) == 1 else 'versions'} learned from it:"
    for each in versions:
        places = ", ".join(row.name for row in impact.deployments if row.version == each.stream)
        between = [step for step in path_to(impact.things, each.stream)[1:-1] if not step.startswith("run/")]
        by = f" by way of {', '.join(ledger.name_of(step) for step in between)}" if between else ""
        yield f"  {each.name}{by}: {output.bad(f'runs as {places}') if places else 'runs nowhere'}"


def _stop(ledger: Ledger, running: Running) -> str:
    """The command that stops a deployment."""
    version = ledger.name_of(running.version)
    environment, _, name = running.stream.removeprefix("deployment/").partition("/")
    named = "" if name == version.rpartition("@")[0] else f" --name {name}"
    return f"muniment deploy {version} --environment {environment}{named} --transition stop"
