"""`muniment impact`"""

from __future__ import annotations

from pathlib import Path

import click

from muniment.cli import answering, session
from muniment.client.ledger import Ledger


@click.command()
@click.argument("dataset", metavar="DATASET")
@answering.options
@session.with_ledger
def command(ledger: Ledger, dataset: str, out: Path | None, disclose: bool, fields: tuple[str, ...], as_json: bool) -> None:
    """Which model versions learned from DATASET, through any number of steps, and where they run now.

    DATASET is a name (all its versions), loans@2, or a digest. The proof shows that none was left out.
    """
    proved = ledger.impact(dataset, disclose=answering.openings(disclose, fields))
    answering.tell(proved, out, as_json, ["impact", dataset])
