"""Up to which height of the engine the ledger here is right.

Each block of the engine names the root that the ledger must have had after the block before it. A root stands for all entries so
far, so once one is wrong all later ones are: the last right one is found by halving. After the newest block no other one says
anything; there the cosignatures of a quorum do.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from muniment.core.format import checkpoint, note
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger.store.file import Store
from muniment.ledger.store.marks import Mark
from muniment.ledger.store.snapshot import Snapshot
from muniment.node.cosigning.voters import Voters

RootAt = Callable[[int], bytes | None]
"""The root that the chain names after a height; None where it says nothing."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """good: the newest mark that is known to be right; wrong: the first that is not; newest: the last one here.

    blocks: whether the engine's own blocks were there to be asked
    """

    good: Mark | None
    wrong: Mark | None
    newest: Mark | None
    blocks: bool = True

    @property
    def is_sound(self) -> bool:
        """Is all of the ledger confirmed, and are the engine's blocks there?"""
        return self.blocks and self.newest is not None and self.good == self.newest


def examine(store: Store, root_at: RootAt, last: int) -> Finding:
    """Compare a ledger with the engine's blocks, of which `last` is the newest."""
    newest = store.mark()
    if newest is None:
        return Finding(good=None, wrong=None, newest=None)
    with store.view() as view:
        if is_settled(view, newest):
            return Finding(good=newest, wrong=None, newest=newest)
    low, high = 1, min(newest.height, last - 1)
    good: Mark | None = None
    wrong: Mark | None = None
    while low <= high:
        middle = (low + high) // 2
        mark = next(iter(store.marks(middle, middle + 1)), None)
        named = root_at(middle)
        if mark is None or named is None:
            # Pruned there, or before the snapshot that this node began with: what comes after it vouches for it.
            low = middle + 1
        elif mark.root == named:
            good, low = mark, middle + 1
        else:
            wrong, high = mark, middle - 1
    if good is not None and wrong is None and good.root == newest.root:
        # The engine's newest block changed nothing, as the one that ends every burst of events.
        good = newest
    return Finding(good=good, wrong=wrong, newest=newest)


def is_settled(view: Snapshot, mark: Mark) -> bool:
    """Did a quorum cosign the checkpoint that a mark stands for? One of a ledger that was written since is not looked for."""
    stands = mark.size == view.size and mark.root == view.position.frontier.root()
    return stands and len(cosigners(view)) >= quorum(view) > 0


def quorum(view: Snapshot) -> int:
    """How many members make a proof of the newest checkpoint; 0 where there were none before it."""
    validators = view.validators_before(view.height)
    return 0 if validators is None else validators.quorum


def cosigners(view: Snapshot) -> tuple[str, ...]:
    """The members whose valid cosignatures stand on the newest checkpoint here."""
    validators = view.validators_before(view.height)
    if validators is None:
        return ()
    voters, found = Voters(view.position.origin, validators), set[str]()
    try:
        signed = note.parse(view.checkpoint)
        head = checkpoint.parse(signed.text)
    except InvalidInput:
        return ()
    if (head.size, head.root) != (view.size, view.position.frontier.root()):
        return ()
    for signature in signed.signatures:
        name = voters.find(signature)
        if not name:
            continue
        try:
            voters.open(signed.text, name, signature)
        except (VerificationError, InvalidInput):
            continue
        found.add(name)
    return tuple(sorted(found))
