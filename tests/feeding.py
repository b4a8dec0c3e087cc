"""Events that flow while something else happens: one after the other, each until it is acknowledged, through all nodes in turn.

with feeding.flowing(them) as feed:
    feed.next()                         # waits until one more was acknowledged
feed.check(*them)                       # every node holds at its place what somebody was told about it
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

import consortium
from consortium import Consortium, Node
from muniment.ledger.store.file import Store

PATIENCE_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""

Make = Callable[[str, int], bytes]
"""A signed event of an organisation, by number."""


class Feed(threading.Thread):
    """Submits without pause. `told` is what was acknowledged, by index; `refused` are the verdicts on what was not admitted.

    `nodes` may be changed while it runs: a node that answers nothing is left out for this event.
    """

    def __init__(self, nodes: tuple[Node, ...], make: Make) -> None:
        super().__init__(daemon=True)
        self.nodes = nodes
        self.told: dict[int, bytes] = {}
        self.refused: list[dict[str, Any]] = []
        self.contradictions: list[str] = []
        self._make = make
        self._ended = threading.Event()

    def run(self) -> None:
        for number in itertools.count():
            node = self.nodes[number % len(self.nodes)]
            raw = self._make(node.organisation, number)
            asked = itertools.count(number)
            while not self._ended.is_set() and not self._submit(self.nodes[next(asked) % len(self.nodes)], raw):
                self._ended.wait(0.02)
            if self._ended.is_set():
                return

    def end(self) -> None:
        """Let no more flow."""
        self._ended.set()
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive()

    def next(self, count: int = 1) -> None:
        """Wait until so many more were judged."""
        assert self.is_alive()
        before = self.judged
        consortium.until(lambda: self.judged >= before + count, PATIENCE_SECONDS, lambda: self.nodes[0].tail())

    @property
    def judged(self) -> int:
        """How many events somebody was told about."""
        return len(self.told) + len(self.refused)

    def check(self, *nodes: Node) -> None:
        """Every node has what was acknowledged, where that was said to be. They have the same history when this is asked."""
        told = dict(self.told)
        for node in nodes:
            store = Store.open(node.home.ledger)
            try:
                with store.view() as view:
                    assert [index for index, raw in told.items() if view.entry(index) != raw] == [], node.organisation
            finally:
                store.close()
        assert self.contradictions == []

    def _submit(self, node: Node, raw: bytes) -> bool:
        try:
            (verdict,) = node.submit(raw)
        except httpx.HTTPError:
            return False
        if verdict["decision"] == "refused":
            self.refused.append(verdict)
        elif self.told.setdefault(verdict["index"], raw) != raw:
            self.contradictions.append(f"entry {verdict['index']} was promised twice")
        return True


@contextmanager
def flowing(them: Consortium, make: Make | None = None) -> Iterator[Feed]:
    """Let events flow until the block ends; else new systems, with names of their own."""
    feed = Feed(tuple(them), make or (lambda organisation, number: them.system(organisation, f"flow-{number}")))
    feed.start()
    try:
        yield feed
    finally:
        feed.end()
