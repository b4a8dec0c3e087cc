"""`muniment note`"""

from __future__ import annotations

import click

from muniment.cli import output, session
from muniment.client.ledger import Ledger


@click.command()
@click.argument("thing")
@click.argument("text")
@session.writing
def command(ledger: Ledger, thing: str, text: str, as_json: bool) -> None:
    """Add TEXT (sealed) to THING: a model, `model@3`, a data set, `environment/name`, an actor, a run, an entry.

    A bare name means the model or data set itself, not its newest version. What was written before stays as it is.
    """
    about = ledger.stream_of(thing)
    done = ledger.note(about, text)
    output.recorded(done, as_json, title=f"A note on {ledger.name_of(about)}", value={"about": about, "recorded": done})
