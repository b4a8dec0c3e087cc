"""`muniment diff`"""

from __future__ import annotations

from pathlib import Path

import click

from muniment.cli import answering, session
from muniment.client.ledger import Ledger


@click.command()
@click.argument("a", metavar="VERSION")
@click.argument("b", metavar="VERSION")
@answering.options
@session.with_ledger
def command(ledger: Ledger, a: str, b: str, out: Path | None, disclose: bool, fields: tuple[str, ...], as_json: bool) -> None:
    """How two model versions differ: data, parameters, code, environment, metrics, approvals."""
    proved = ledger.diff(a, b, disclose=answering.openings(disclose, fields))
    answering.tell(proved, out, as_json, ["diff", a, b])
