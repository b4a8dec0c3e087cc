"""`muniment export`"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from muniment.cli import output, progress, session
from muniment.cli.groups import Group
from muniment.client.ledger import Ledger


@click.group(cls=Group)
def command() -> None:
    """Export the ledger in open formats."""


@command.command("tiles")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@session.with_ledger
def tiles(ledger: Ledger, folder: Path, as_json: bool) -> None:
    """Write the ledger as C2SP tiles: DIR/checkpoint, DIR/tile/...

    Any tool that reads tlog-tiles can mirror and verify them. Every entry is in them; sealed prose stays sealed. Full tiles that
    are there already are kept, so repeating the command adds only what is new.
    """
    with progress.counting("Exporting", as_json) as counting:
        done = ledger.export_tiles(folder, counting)
    output.result(
        msgspec.to_builtins(done),
        as_json,
        [
            output.strong(f"{done.origin}: {done.size} entries, root {output.short(done.root)}"),
            f"  {done.written} files written to {folder}, {done.kept} were there already",
            "",
            f"Next: muniment verify {folder}",
        ],
    )
