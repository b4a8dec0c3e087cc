"""`muniment blame`"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from muniment.cli import answering, session
from muniment.client.ledger import Ledger
from muniment.core.rules.events.model import Target


@click.command()
@click.argument("thing", metavar="VERSION|ENV/NAME")
@click.argument("path", metavar="PARAMETER")
@click.option("--target", type=click.Choice(get_args(Target)), help="What kind of setting; needed where several have this name.")
@answering.options
@session.with_ledger
def command(
    ledger: Ledger,
    thing: str,
    path: str,
    target: Target | None,
    out: Path | None,
    disclose: bool,
    fields: tuple[str, ...],
    as_json: bool,
) -> None:
    """Who set a parameter of a version or a deployment, when and why: every value that it has had.

    A version begins with what its training run was started with; `muniment change` records every other value.
    """
    proved = ledger.blame(thing, path, target, disclose=answering.openings(disclose, fields))
    answering.tell(proved, out, as_json, ["blame", thing, path, *(["--target", target] if target else [])])
