"""What a repair of a node did, in words."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from muniment.cli import output
from muniment.node.repair.mending import Mended

_NEXT = MappingProxyType(
    {
        "own-blocks": "The engine's own copy of the chain has the rest: the node judges it again when it starts.",
        "blocks": "The engine takes the chain from the other members when the node starts.",
        "snapshot": "The engine takes a snapshot from the other members when the node starts.",
    }
)


def tell(done: Mended) -> Iterator[str]:
    """The lines for people."""
    stands = f"{done.size:,} entries, root {output.short(done.root)}"
    if done.plan is None:
        yield output.strong("There is nothing to repair.")
        yield f"  The ledger agrees with the chain: {stands}."
        yield "If something else is wrong with it, `muniment fsck` says what; `muniment node repair --rebuild` makes it anew."
        return
    yield output.strong("The ledger was repaired.")
    yield f"  {done.plan.why}"
    yield f"  It stands again where the members agreed: {stands}."
    if done.signed:
        yield f"  That was signed by {', '.join(done.signed)}" + (
            f"; {done.quorum} signatures are a proof." if len(done.signed) < done.quorum else ": a proof."
        )
    if done.stopped:
        yield f"  More could not be made again from the events here: {done.stopped}."
    yield f"  {_NEXT[done.plan.way]}"
    yield f"  The ledger as it was is kept as evidence in {done.kept}."
    yield ""
    yield "Next: muniment node start"
