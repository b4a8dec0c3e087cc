"""A ledger with heights of a consensus engine, without an engine: blocks are staged and committed as its application does it."""

from __future__ import annotations

import shutil
from pathlib import Path

import makers
from muniment.core.format import time
from muniment.core.rules import chain
from muniment.ledger.store.file import Store
from muniment.ledger.store.marks import Mark

BEGIN = "2026-11-23T12:00:00.000000Z"


class Marked:
    """A ledger at `path`. `founded` is a copy of how it began, for whoever follows it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.founded = folder / "ledger.db", folder / "founded.db"
        self.height = 0
        Store.create(self.path, makers.founding(), BEGIN, makers.seal).close()
        shutil.copy(self.path, self.founded)
        self.store = Store.open(self.path)
        with self.store.view() as view:
            self.ledger = view.position.ledger

    def block(self, events: int) -> Mark:
        """One height of the engine with so many events; with none it changes nothing."""
        raws = [
            makers.sign(self.ledger, "system.registered", name=f"s-{makers.next_id()}", operatorRole="provider")
            for _ in range(events)
        ]
        staged = self.store.stage(chain.open_submissions(raws), lambda before: time.format(time.parse(before) + 1_000_000))
        self.height += 1
        self.store.commit(staged, makers.seal, self.height)
        return self.mark

    def grow(self, heights: int, events: int = 3) -> Mark:
        """So many heights, each with so many events."""
        for _ in range(heights):
            self.block(events)
        return self.mark

    @property
    def mark(self) -> Mark:
        found = self.store.mark()
        assert found is not None
        return found

    def mark_at(self, height: int) -> Mark:
        return self.store.marks(height, height + 1)[0]

    def follow(self, path: Path) -> Store:
        """The ledger as it began, at another place."""
        shutil.copy(self.founded, path)
        return Store.open(path)

    def entries(self) -> list[bytes]:
        with self.store.view() as view:
            return [raw for _, raw in view.entries(0, view.size)]
