"""The ledger's file as a chain starts from it: a genesis that every member writes alike, or a copy of the ledger that moves in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from muniment import disk
from muniment.client.world import World
from muniment.core.format import entry, keys
from muniment.core.rules.chain import Sealed
from muniment.core.rules.records import Protocol
from muniment.errors import CorruptStore, InvalidInput
from muniment.ledger.store.file import Seal, Store
from muniment.node.cosigning import sealing as cosignatures
from muniment.node.founding.consortium import Consortium, Start

Clock = Callable[[], int]
"""Microseconds since 1970."""


def create(path: Path, consortium: Consortium, seal: Seal) -> None:
    """Write the file of a new ledger, with its genesis block alone. It is there whole or not at all.

    Raises InvalidInput (`already-a-ledger`) where something is there, Unavailable.
    """
    with in_place(path) as beside:
        store = Store.create(beside, consortium.genesis(), consortium.draft.time, seal)
        try:
            if measure(store) != consortium.start:
                raise CorruptStore(
                    "the genesis that was written is not the one that the members sealed",
                    code="other-start",
                    hint="Seal with the release of Muniment that the other members use.",
                )
        finally:
            store.close()


@contextmanager
def in_place(path: Path) -> Iterator[Path]:
    """A path beside `path` for a file that takes its place once the block ends well; of one that does not nothing is left."""
    beside = path.with_name(f"{path.stem}-{os.urandom(4).hex()}{path.suffix}")
    try:
        yield beside
        # The file was closed, so that nothing of it lies in a log beside it. A crash before this leaves a file that nobody opens.
        os.link(beside, path)
        disk.sync(path.parent)
    except FileExistsError:
        raise InvalidInput(f"{path} is already there", code="already-a-ledger", hint="Choose another home with --home.") from None
    finally:
        for name in (beside.name, f"{beside.name}-wal", f"{beside.name}-shm"):
            with suppress(FileNotFoundError):
                beside.with_name(name).unlink()


def measure(store: Store) -> Start:
    """Where a ledger stands now: what a chain that goes on from there starts with."""
    with store.view() as view:
        position = view.position
        known = World(view).read("protocol", Protocol)
        return Start(
            ledger=position.ledger,
            height=position.height,
            leaf=position.leaf.hex(),
            protocol=entry.PROTOCOL if known is None else known.number,
            root=position.frontier.root().hex(),
            size=position.frontier.size,
            time=position.time,
        )


def cosigning(organisation: str, signer: keys.Signer, clock: Clock) -> Seal:
    """Seals a block with the member's own cosignature, which is the only line on its checkpoint until others have signed too."""

    def seal(sealed: Sealed) -> bytes:
        return cosignatures.sign(sealed, organisation, signer, clock() // 1_000_000)

    return seal
