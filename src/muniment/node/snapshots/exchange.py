"""The four calls of the consensus engine about snapshots, in plain values."""

from __future__ import annotations

from collections.abc import Callable

from muniment.core.rules.chain import Sealed
from muniment.errors import MunimentError
from muniment.ledger.store.file import Store
from muniment.node.snapshots.format import Offer
from muniment.node.snapshots.restoring import Applied, Offered, Restoring, ignore
from muniment.node.snapshots.shelf import Shelf


class Snapshots:
    """What a node offers to others, and takes from them. One thread at a time: the engine has one connection for it.

    `taken` is told when a snapshot was taken: blocks are in the ledger then that nobody was told of one by one.
    """

    def __init__(self, store: Store, seal: Callable[[Sealed], bytes], taken: Callable[[], None] = ignore) -> None:
        self._shelf = Shelf(store)
        self._restoring = Restoring(store, seal, taken)

    @property
    def trouble(self) -> MunimentError | None:
        """Why this node could not take a snapshot; None where nothing is wrong."""
        return self._restoring.trouble

    def list(self) -> tuple[Offer, ...]:
        """ListSnapshots."""
        return self._shelf.list()

    def load(self, height: int, format: int, chunk: int) -> bytes:
        """LoadSnapshotChunk; no bytes where there is no such chunk."""
        return self._shelf.load(height, format, chunk)

    def offer(self, offer: Offer, root: bytes) -> Offered:
        """OfferSnapshot, with the application hash that the engine's light client found."""
        return self._restoring.offer(offer, root)

    def apply(self, index: int, chunk: bytes, sender: str) -> Applied:
        """ApplySnapshotChunk."""
        return self._restoring.apply(index, chunk, sender)

    def close(self) -> None:
        """Let go of a snapshot that was not taken to its end."""
        self._restoring.close()
