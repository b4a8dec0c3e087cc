"""`muniment dataset`"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from muniment.cli import output, progress, session
from muniment.client.ledger import Ledger
from muniment.core.rules.events.data import CollectionProcess, PersonalData, SourceCategory


@click.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--licence", metavar="ID", help="Its licence, an SPDX identifier such as CC-BY-4.0.")
@click.option("--purpose", "purposes", multiple=True, metavar="NAME", help="What it may be used for; repeat for several.")
@click.option("--personal-data", type=click.Choice(get_args(PersonalData)), help="Does it hold personal data?")
@click.option("--source-category", type=click.Choice(get_args(SourceCategory)), help="The kind of source.")
@click.option("--collection-process", type=click.Choice(get_args(CollectionProcess)), help="How the data came to be.")
@click.option("--rows", type=click.IntRange(min=0), help="How many records it has.")
@click.option("--origin", metavar="TEXT", help="Where it came from, in words (sealed).")
@click.option("--reason", metavar="TEXT", help="Why it is registered, in words (sealed).")
@session.writing
def command(
    ledger: Ledger,
    name: str,
    path: Path,
    licence: str | None,
    purposes: tuple[str, ...],
    personal_data: str | None,
    source_category: str | None,
    collection_process: str | None,
    rows: int | None,
    origin: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Register the file or folder at PATH as a data set called NAME.

    Every file is hashed; the data itself stays where it is. The same files under the same name again are no new version.
    """
    with progress.hashing(as_json) as show:
        data = ledger.dataset(
            name,
            path,
            reason=reason,
            progress=show,
            licence=licence,
            purposes=list(purposes),
            personal_data=personal_data,
            source_category=source_category,
            collection_process=collection_process,
            rows=rows,
            origin=origin,
        )
    output.recorded(
        data.recorded,
        as_json,
        title=str(data),
        details=[output.files(data.files, data.bytes)],
        value=data,
        after=f"muniment train MODEL --input training={data.title} --output FOLDER -- COMMAND",
    )
