"""`muniment lineage`"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from muniment.cli import answering, session
from muniment.client.ledger import Ledger
from muniment.core.proof.inquiry.lineage import Direction


@click.command()
@click.argument("thing", metavar="THING")
@click.argument("direction", type=click.Choice(get_args(Direction)), default="up")
@answering.options
@session.with_ledger
def command(
    ledger: Ledger, thing: str, direction: Direction, out: Path | None, disclose: bool, fields: tuple[str, ...], as_json: bool
) -> None:
    """What THING was made of (up), or what was made of it (down), each step with how.

    THING is a model version (credit-risk@3) or a data set (loans@1).
    """
    proved = ledger.lineage(thing, direction, disclose=answering.openings(disclose, fields))
    answering.tell(proved, out, as_json, ["lineage", thing, direction])
