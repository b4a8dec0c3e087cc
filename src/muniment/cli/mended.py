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
    stands = f"{done.size:,} {'entry' if done.size == 1 else 'entries'}, root {output.short(done.root)}"
    if done.plan is None and done.finding.newest is None:
        yield output.strong("There is nothing to repair.")
        yield "  This node has not begun yet: it judged no block of the chain."
        return
    if done.plan is None:
        yield output.strong("There is nothing to repair.")
        yield f"  The ledger agrees with the chain: {stands}."
        yield "If something else is wrong with it, `muniment fsck` says what; `muniment node repair --rebuild` makes it anew."
        return
    yield output.strong("The ledger was repaired.")
    yield f"  {done.plan.why}"
    if done.plan.way == "own-blocks":
        yield f"  It stands again where the members agreed: {stands}."
        yield from _tell_signed(done)
    else:
        yield f"  It stands again where the chain began: {stands}."
    if done.stopped:
        yield f"  More could not be made again from the events here: {done.stopped}."
    yield f"  {_NEXT[done.plan.way]}"
    yield f"  The ledger as it was is kept as evidence in {done.kept}."
    yield ""
    yield "Next: muniment node start"


def _tell_signed(done: Mended) -> Iterator[str]:
    if not done.quorum:
        return
    names = ", ".join(done.signed)
    if len(done.signed) >= done.quorum:
        yield f"  That checkpoint is signed by {names}, which is a proof."
    else:
        here = f"{len(done.signed)} ({names})" if names else "none"
        yield f"  Of the {done.quorum} signatures that make a proof of it, this node has {here}."
