"""`muniment history`"""

from __future__ import annotations

from pathlib import Path

import click

from muniment.cli import answering, session
from muniment.client.ledger import Ledger


@click.command()
@click.argument("thing", metavar="THING")
@answering.options
@session.with_ledger
def command(ledger: Ledger, thing: str, out: Path | None, disclose: bool, fields: tuple[str, ...], as_json: bool) -> None:
    """All events of a thing, with the proof that there are no others.

    THING is a version (credit-risk@3, or credit-risk for the newest), a whole model (model/credit-risk, with every version), a data
    set (loans@1, dataset/loans), a deployment (production/credit-risk), an actor, or any stream by its whole name.
    """
    proved = ledger.history(thing, disclose=answering.openings(disclose, fields))
    answering.tell(proved, out, as_json, ["history", thing])
