"""`muniment mirror`"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import click
import msgspec

from muniment import config
from muniment.cli import arguments, output, progress, session
from muniment.client.remote import mirroring
from muniment.client.remote.mirroring import Mirroring
from muniment.errors import Unavailable
from muniment.net.mirror import Mirrored


@click.command()
@click.argument("url", metavar="URL")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--trust", type=click.Path(path_type=Path), metavar="FILE", help="Whom to believe; default: as at the first contact.")
@click.option("--follow", type=arguments.Length(), metavar="TIME", help="Go on, and look for news this often: 30s, 15m, 1h.")
@session.common
def command(
    url: str, folder: Path, trust: Path | None, follow: timedelta | None, home: Path | None, actor: str | None, as_json: bool
) -> None:
    """Copy a served ledger as C2SP tiles to DIR, checking every byte: DIR/checkpoint, DIR/tile/...

    A ledger that was changed, cut off or rewritten since the last time leaves DIR as it is; the command ends with exit code 3 and
    keeps the evidence. Repeating the command adds only what is new. Works with every server of this ledger's tiles.
    """
    flags = {"home": home, "url": url, "trust": trust, "actor": actor, "output": "json" if as_json else None}
    settings = config.resolve(os.environ, Path.cwd(), flags)
    quiet = settings.output == "json"
    mirror = mirroring.open(settings, folder)
    try:
        _tell(_run(mirror, quiet), quiet)
        while follow is not None:
            time.sleep(follow.total_seconds())
            try:
                done = _run(mirror, quiet)
            except Unavailable as error:
                # Whoever follows outlasts a restart.
                output.note(f"{error} ({error.code})")
                continue
            if done.size != done.before:
                _tell(done, quiet)
    finally:
        mirror.close()


def _run(mirror: Mirroring, quiet: bool) -> Mirrored:
    with progress.counting("Mirroring", quiet) as counting:
        return mirror.run(counting)


def _tell(done: Mirrored, quiet: bool) -> None:
    news = done.size - done.before
    output.result(
        msgspec.to_builtins(done),
        quiet,
        [
            output.strong(f"{done.origin}: {done.size} entries, root {output.short(done.root)}"),
            f"  {f'{news} of them new' if news else 'nothing new'}; {done.written} files written to {done.folder}",
            "",
            f"Next: muniment verify {done.folder}",
        ],
    )
