"""`muniment bundle`"""

from __future__ import annotations

from pathlib import Path

import click

from muniment.cli import output, session, telling
from muniment.client.ledger import Ledger
from muniment.client.proving import Openings


@click.command()
@click.argument("thing")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", required=True, help="The file to write.")
@click.option("--disclose", is_flag=True, help="Open the sealed fields that the vault here holds.")
@click.option("--field", "fields", multiple=True, metavar="NAME", help="Open only sealed fields of this name, such as reason.")
@session.with_ledger
def command(ledger: Ledger, thing: str, out: Path, disclose: bool, fields: tuple[str, ...], as_json: bool) -> None:
    """Write one file that carries the whole life of a thing: its events, who signed them, their proofs, and chosen prose.

    Whoever gets it verifies it offline with a trust file. Sealed prose stays sealed unless you open it with --disclose or --field.
    """
    openings: Openings = fields or disclose
    bundled = ledger.bundle(thing, disclose=openings)
    bundled.save(out)
    value = {"out": str(out), "bytes": len(bundled.raw), "verified": telling.plain(bundled.verified)}
    output.result(
        value,
        as_json,
        [
            *telling.lines(bundled.sentences),
            "",
            f"Written to {out}: {len(bundled.raw):,} bytes. Hand it over together with the trust file.",
            f"Next: muniment verify {out}",
        ],
    )
