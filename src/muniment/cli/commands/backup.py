"""`muniment backup`"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from muniment.cli import output, session
from muniment.client.ledger import Ledger


@click.command()
@click.argument("target", metavar="DIR|FILE.db", type=click.Path(path_type=Path))
@session.with_ledger
def command(ledger: Ledger, target: Path, as_json: bool) -> None:
    """Copy the ledger while it is in use, to a new folder or, where the name ends in .db, only its one file.

    A folder gets the ledger, the trust file, the vault, the lists of files and the blobs, with their permissions. Keys are not
    copied. Nothing is overwritten.
    """
    copied = ledger.backup(target)
    what = f"{copied.files} files" if copied.whole else "the ledger's file"
    keys = "Keys are not in it: keep a copy of them where only you can read it."
    alone = "The vault and the lists of files are not in it: back up to a folder to have them too."
    output.result(
        msgspec.to_builtins(copied),
        as_json,
        [
            output.strong(f"{copied.origin}: {copied.size} entries, root {output.short(copied.root)}"),
            f"  {what}, {copied.bytes:,} bytes, in {copied.path}",
            "",
            keys if copied.whole else alone,
            f"Next: muniment verify {target}",
        ],
    )
