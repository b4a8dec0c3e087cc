"""`muniment node join`"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from muniment.cli import output, session
from muniment.errors import Conflict


@click.command("join", short_help="Let a new node begin from a snapshot instead of all blocks.")
@click.option("--home", metavar="DIR", type=click.Path(path_type=Path), help="The node's ledger; default .muniment.")
@click.option("--trust", metavar="HEIGHT:HASH", help="A block of the chain that another member read aloud to you.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(home: Path | None, trust: str | None, as_json: bool) -> None:
    """Prepare a node that has no blocks yet to begin from a snapshot: the ledger's events without the engine's old blocks.

    Without this a node takes all blocks since the beginning, which not every member may have kept. Either way every signature is
    verified and every event judged here. At least two other members must answer.
    """
    from muniment.ledger.store.file import Store
    from muniment.node.homes import NodeHome
    from muniment.node.light import arrival, asking
    from muniment.node.process import lock

    settings = session.resolve(home, None, as_json)
    node = NodeHome(settings.home.absolute())
    consortium, peers = node.load_consortium(), node.load_settings().peers
    believed = None if trust is None else arrival.parse_trusted(trust)
    with lock.held(node.folder, "node join"):
        store = Store.open(node.ledger)
        try:
            begun, validators = store.mark(), store.validators
        finally:
            store.close()
        if begun is not None or arrival.has_blocks(node):
            raise Conflict(
                "this node has begun already",
                code="node-has-blocks",
                hint="Start it: it takes what it lacks. If it differs from the others, run `muniment node repair`.",
            )
        start = arrival.find_start(consortium.chain_id, validators or consortium.validators, peers, asking.ask_commit, believed)
        arrival.write(node, start.sync)
    output.result(msgspec.to_builtins(start), settings.output == "json", _tell(start.sync.height, start.signers, start.asked))


def _tell(height: int, signers: tuple[str, ...], asked: tuple[str, ...]) -> Iterator[str]:
    yield output.strong("The node will begin from a snapshot.")
    yield f"  It believes block {height} of the chain" + (f", signed by {', '.join(signers)}." if signers else ", as you said.")
    yield f"  Its engine asks {', '.join(asked)}, and verifies what they say."
    yield ""
    yield "Next: muniment node start"
