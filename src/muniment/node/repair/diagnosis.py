"""Up to which height of the engine the ledger here is right.

Each block of the engine names the root that the ledger must have had after the block before it. A root stands for all entries so
far, so once one is wrong all later ones are: the last right one is found by halving. After the newest block no other one says
anything. If the ledger grew there, the cosignatures of a quorum do; if it did not, they are older than the block, and it is right
only where there was nothing to judge in it: whoever refuses what the others admit has a root that all of them signed once.
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

IsEmpty = Callable[[int], bool]
"""Was there nothing to judge in the block of a height?"""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """good: the newest mark that is known to be right; wrong: the first that is not; newest: the last one here.

    blocks: whether the engine's own blocks were there to be asked; damaged: why the ledger could not be read, if so
    """

    good: Mark | None
    wrong: Mark | None
    newest: Mark | None
    blocks: bool = True
    damaged: str = ""

    @property
    def is_sound(self) -> bool:
        """Is all of the ledger confirmed, and are the engine's blocks there?"""
        return self.blocks and self.newest is not None and self.good == self.newest


def examine(store: Store, root_at: RootAt, last: int, is_empty: IsEmpty) -> Finding:
    """Compare a ledger with the engine's blocks, of which `last` is the newest."""
    newest = store.mark()
    if newest is None:
        return Finding(good=None, wrong=None, newest=None)
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
    if wrong is None and good != newest and _is_confirmed(store, good, newest, is_empty):
        good = newest
    return Finding(good=good, wrong=wrong, newest=newest)


def _is_confirmed(store: Store, good: Mark | None, newest: Mark, is_empty: IsEmpty) -> bool:
    """Is the newest mark right, which no later block names?"""
    before = good or next(iter(store.marks(newest.height - 1, newest.height)), None)
    if before is not None and before.root == newest.root:
        # As after the block that ends every burst of events.
        return good is not None and all(map(is_empty, range(good.height + 1, newest.height + 1)))
    with store.view() as view:
        return is_settled(view, newest)


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
