"""`muniment init`"""

from __future__ import annotations

from pathlib import Path

import click

from muniment.cli import output, session
from muniment.client import home as homes


@click.command()
@click.option("--origin", metavar="ORIGIN", help="The ledger's name for ever, <organisation-or-host>/<name>; default: a local one.")
@session.common
def command(origin: str | None, home: Path | None, actor: str | None, as_json: bool) -> None:
    """Make a new ledger here: three keys, a genesis and a trust file.

    The ledger's key signs checkpoints, the service's key signs what the machine itself records, and yours signs what you say.
    """
    settings = session.resolve(home, actor, as_json)
    folder = home or Path.cwd() / ".muniment"
    made = homes.found(folder, origin=origin, actor=actor)
    trust = made.load_trust()
    me = made.actors()[0]
    value = {"home": str(folder), "origin": trust.origin, "ledger": trust.ledger, "actor": me, "trust": str(made.trust)}
    output.result(
        value,
        settings.output == "json",
        [
            f"{output.strong('A new ledger')}: {trust.origin}",
            f"  id      {output.short(trust.ledger)}  (the leaf of its genesis; every event signs it)",
            f"  you     {me}  (your key: {made.actor_key(me)})",
            f"  folder  {folder}",
            "",
            "You hold every key of this ledger. Others can check that nothing in it was changed since they last looked;",
            "that you did not rewrite it before they looked needs a copy of its checkpoint in other hands.",
            "",
            "Next: muniment dataset NAME PATH",
        ],
    )
