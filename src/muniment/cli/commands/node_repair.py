"""`muniment node repair`"""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from muniment.cli import output, session
from muniment.ledger.embedded import system_clock


@click.command("repair", short_help="Bring back a node whose ledger differs from the others'.")
@click.option("--home", metavar="DIR", type=click.Path(path_type=Path), help="The node's ledger; default .muniment.")
@click.option("--rebuild", "anew", is_flag=True, help="Make the ledger anew although all of its blocks are confirmed.")
@click.option("--from-others", is_flag=True, help="Empty the engine's store, and take the chain from the other members.")
@click.option("--trust", metavar="HEIGHT:HASH", help="A block of the chain that another member read aloud to you.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(home: Path | None, anew: bool, from_others: bool, trust: str | None, as_json: bool) -> None:
    """Bring back a node whose ledger came out differently from the others', or that was damaged. Stop it first.

    The ledger as it is now is kept aside as evidence. What of it the members agreed on is made again from its events, every
    signature verified and every block judged; the rest comes from the engine's own copy of the chain, or from the other members.
    What this node signed last is never touched. A repair that was cut short goes on when it is run again.
    """
    from muniment.cli.mended import tell
    from muniment.node.engine import binary
    from muniment.node.homes import NodeHome
    from muniment.node.light import arrival, asking
    from muniment.node.process import lock
    from muniment.node.repair.mending import Mending

    settings = session.resolve(home, None, as_json)
    node = NodeHome(settings.home.absolute())
    consortium, peers = node.load_consortium(), node.load_settings().peers
    believed = None if trust is None else arrival.parse_trusted(trust)
    with lock.held(node.folder, "node repair"):
        mending = Mending(
            node,
            binary.find(os.environ).path,
            lambda validators: arrival.find_start(consortium.chain_id, validators, peers, asking.ask_commit, believed),
            output.note,
            clock=system_clock,
        )
        done = mending.run(anew=anew, from_others=from_others)
    output.result(msgspec.to_builtins(done), settings.output == "json", tell(done))
