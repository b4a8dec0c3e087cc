"""What readers of a node see: the newest block once a quorum has cosigned it.

A client believes a checkpoint only with its quorum, which comes a few milliseconds after the block. So a view waits for it, once
for each block and no longer than three seconds: where members cannot be reached, readers see what there is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from muniment.ledger.embedded import Embedded
from muniment.ledger.store.file import Store
from muniment.ledger.store.snapshot import Snapshot
from muniment.node.cosigning.keeper import Keeper

WAIT_SECONDS = 3.0


class Settled(Embedded):
    """A reader's engine. Its views show every line that the keeper knows, written or not."""

    def __init__(self, store: Store, keeper: Keeper, *, wait_seconds: float = WAIT_SECONDS) -> None:
        super().__init__(store, None)
        self._keeper = keeper
        self._wait_seconds = wait_seconds
        self._given_up = -1
        """The newest height that somebody waited for in vain."""
        self._inside = threading.local()

    @contextmanager
    def view(self) -> Iterator[Snapshot]:
        """The newest block, as far as possible one with its quorum."""
        if getattr(self._inside, "depth", 0):
            # Inside a view it is that block again; who waits here would keep the block's own lines from coming.
            with self._look() as view:
                yield view
            return
        until = time.monotonic() + self._wait_seconds
        while True:
            with self._look() as view:
                if self._is_ready(view.height) or time.monotonic() >= until:
                    yield view
                    return
                height = view.height
            if not self._keeper.wait(height, until - time.monotonic()):
                self._given_up = max(self._given_up, height)

    def is_settled(self, view: Snapshot) -> bool:
        """Has a quorum cosigned the newest block of a view?"""
        return self._keeper.is_settled(view.height)

    def _is_ready(self, height: int) -> bool:
        return height <= self._given_up or self._keeper.is_settled(height)

    @contextmanager
    def _look(self) -> Iterator[Snapshot]:
        with self._store.view() as view:
            view.beside = self._keeper.lines
            self._inside.depth = getattr(self._inside, "depth", 0) + 1
            try:
                yield view
            finally:
                self._inside.depth -= 1
