"""`muniment init`"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from muniment.cli import output, session
from muniment.client import opening
from muniment.client.home import Home
from muniment.config import FOLDER


@click.command()
@click.option("--origin", metavar="ORIGIN", help="The ledger's name for ever, <organisation-or-host>/<name>; default: a local one.")
@session.common
def command(origin: str | None, home: Path | None, actor: str | None, as_json: bool) -> None:
    """Make a new ledger here: three keys, a genesis and a trust file.

    The ledger's key signs checkpoints, the service's key signs what the machine itself records, and yours signs what you say.
    """
    settings = session.resolve(home, actor, as_json)
    # A ledger further up is not the one that is asked for here.
    here = settings.home if settings.explain("home").layer not in (None, "default") else Path.cwd() / FOLDER
    with opening.found(msgspec.structs.replace(settings, home=here), origin=origin) as ledger:
        place, me, fingerprint = Home(ledger.home), ledger.actor, ledger.contact.fingerprint
        value = {
            "home": str(place.folder),
            "origin": ledger.origin,
            "ledger": ledger.id,
            "actor": me,
            "trust": str(place.trust),
            "fingerprint": fingerprint,
        }
    output.result(
        value,
        settings.output == "json",
        [
            f"{output.strong('A new ledger')}: {value['origin']}",
            f"  id           {output.short(str(value['ledger']))}  (the leaf of its genesis; every event signs it)",
            f"  fingerprint  {fingerprint}  (what others compare when they meet it)",
            f"  you          {me}  (your key: {place.actor_key(me)})",
            f"  folder       {place.folder}",
            "",
            "You hold every key of this ledger. Others can check that nothing in it was changed since they last looked;",
            "that you did not rewrite it before they looked needs a copy of its checkpoint in other hands.",
            "",
            "Next: muniment dataset NAME PATH",
        ],
    )
