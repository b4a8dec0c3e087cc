"""`muniment bundle`"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from muniment.cli import output, session, telling
from muniment.client.ledger import Ledger
from muniment.client.proving import Openings
from muniment.server.explorer import bundle_page


@click.command()
@click.argument("thing")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The file to write.")
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="Write it as a page that verifies itself in a browser, without network.",
)
@click.option("--disclose", is_flag=True, help="Open the sealed fields that the vault here holds.")
@click.option("--field", "fields", multiple=True, metavar="NAME", help="Open only sealed fields of this name, such as reason.")
@session.with_ledger
def command(
    ledger: Ledger, thing: str, out: Path | None, page: Path | None, disclose: bool, fields: tuple[str, ...], as_json: bool
) -> None:
    """Write one file that carries the whole life of a thing: its events, who signed them, their proofs, and chosen prose.

    Whoever gets it verifies it offline with a trust file. Sealed prose stays sealed unless you open it with --disclose or --field.
    """
    if out is None and page is None:
        raise click.UsageError("Say where to write it: --out FILE, --page FILE.html, or both.")
    openings: Openings = fields or disclose
    bundled = ledger.bundle(thing, disclose=openings)
    if out is not None:
        bundled.save(out)
    if page is not None:
        page.write_text(bundle_page.write(bundled.raw, thing), encoding="utf-8")
    written = {key: str(path) for key, path in (("out", out), ("page", page)) if path is not None}
    value = {**written, "bytes": len(bundled.raw), "verified": telling.plain(bundled.verified)}
    output.result(value, as_json, [*telling.lines(bundled.sentences), "", *_next_steps(len(bundled.raw), out, page)])


def _next_steps(size: int, out: Path | None, page: Path | None) -> Iterator[str]:
    if page is not None:
        yield f"Written to {page}: a page that carries {size:,} bytes of proof and verifies them in any recent browser."
    if out is not None:
        yield f"Written to {out}: {size:,} bytes. Hand it over together with the trust file."
        yield f"Next: muniment verify {out}"
