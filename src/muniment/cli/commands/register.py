"""`muniment register`"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from muniment.cli import output, progress, session
from muniment.client.ledger import Ledger
from muniment.core.rules.events.model import Derivation


@click.command()
@click.argument("model")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--run", metavar="RUN", help="The training run that made it: its id or the entry of its start.")
@click.option("--derivation", type=click.Choice(get_args(Derivation)), help="How it came to be; without a run: imported.")
@click.option("--parent", "parents", multiple=True, metavar="VERSION", help="A version that it was made of; repeat for several.")
@click.option("--data", multiple=True, metavar="DATASET", help="What it learned from, where no run says so; repeat for several.")
@click.option("--licence", metavar="ID", help="Its licence, an SPDX identifier.")
@click.option("--reason", metavar="TEXT", help="Why it is registered, in words (sealed).")
@session.writing
def command(
    ledger: Ledger,
    model: str,
    path: Path,
    run: str | None,
    derivation: str | None,
    parents: tuple[str, ...],
    data: tuple[str, ...],
    licence: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Register the file or folder at PATH as the next version of MODEL.

    Every file is hashed; the model itself stays where it is. A version is never replaced: the same files again are the same
    version.
    """
    with progress.hashing(as_json) as show:
        version = ledger.register(
            model,
            path,
            run=None if run is None else ledger.event_of(run, "run"),
            derivation=derivation,
            parents=parents,
            data=data,
            reason=reason,
            progress=show,
            licence=licence,
        )
    output.recorded(
        version.recorded,
        as_json,
        title=str(version),
        details=[output.files(version.files, version.bytes)],
        value=version,
        after=f"muniment evaluate {version.title} --metric NAME=VALUE",
    )
