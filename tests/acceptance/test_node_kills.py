"""Nodes are killed at random under load, in every part and all at once: nothing that was acknowledged is lost.

What each caller was told is compared with what every node holds in the end, height by height. In full (`--long`) 60 seconds, in
short 15. How soon a node acknowledges again is printed: within ten seconds on a machine that has nothing else to do.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from pathlib import Path

import httpx

import consortium
from consortium import Consortium, Node
from muniment.core.format import merkle
from muniment.ledger.store.file import Store

RECOVERY_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""
PARTS: tuple[tuple[str, ...], ...] = (("application",), ("engine",), ("application", "engine"), ())
QUIET_SECONDS = 2.0
BLOCKS = 10
"""So many there are at the end at least, however long a slow machine takes for them."""


class Caller(threading.Thread):
    """Submits through one node, again and again the same event until it is acknowledged; remembers what it was told."""

    def __init__(self, them: Consortium, node: Node, number: int) -> None:
        super().__init__(daemon=True)
        self.node = node
        self.told: dict[int, bytes] = {}
        self.times: list[float] = []
        self.ended = threading.Event()
        self._them = them
        self._number = number

    def run(self) -> None:
        for count in itertools.count():
            raw = self._them.system(self.node.organisation, f"caller-{self._number}-{count}")
            while not self._submit(raw):
                if self.ended.wait(0.1):
                    return
            if self.ended.is_set():
                return

    def _submit(self, raw: bytes) -> bool:
        try:
            (verdict,) = self.node.submit(raw)
        except httpx.HTTPError:
            return False
        assert verdict["decision"] in ("admitted", "repeated"), verdict
        self.told[verdict["index"]] = raw
        self.times.append(time.monotonic())
        return True


def read(node: Node, indices: list[int]) -> dict[int, bytes]:
    store = Store.open(node.home.ledger)
    try:
        with store.view() as view:
            return {index: view.entry(index) for index in indices}
    finally:
        store.close()


def test_random_kills_lose_nothing(tmp_path: Path, long: bool) -> None:
    chance = random.Random(6)
    with consortium.running(tmp_path) as them:
        callers = [Caller(them, node, number) for number, node in enumerate(itertools.chain(them, them))]
        for each in callers:
            each.start()
        time.sleep(1.0)
        kills: list[tuple[str, float, tuple[Node, ...]]] = []
        ends = time.monotonic() + (60.0 if long else 15.0)
        while time.monotonic() < ends or max(them.bank.heads()) < BLOCKS:
            everybody = chance.random() < 0.15
            hit = tuple(them) if everybody else (chance.choice(list(them)),)
            parts = () if everybody else chance.choice(PARTS)
            for node in hit:
                node.kill(*parts)
            kind = "all nodes" if everybody else " and ".join(parts) or "a whole node"
            kills.append((kind, time.monotonic(), hit))
            if not parts:
                for node in hit:
                    node.start()
            for node in hit:
                again = [each for each in callers if each.node is node]
                consortium.until(
                    lambda again=again, since=kills[-1][1]: any(each.times and each.times[-1] > since for each in again),
                    RECOVERY_SECONDS,
                    node.tail,
                )
            time.sleep(chance.uniform(0.2, QUIET_SECONDS))
        for each in callers:
            each.ended.set()
        for each in callers:
            each.join(RECOVERY_SECONDS)
            assert not each.is_alive()
        for kind, when, hit in kills:
            print(f"{kind}: acknowledged again after {_recovery(when, hit, callers):.1f} s")
        heads = them.agree()
        for node in them:
            told = {index: raw for each in callers for index, raw in each.told.items()}
            kept = read(node, sorted(told))
            assert {index: merkle.leaf(raw) for index, raw in kept.items()} == {
                index: merkle.leaf(raw) for index, raw in told.items()
            }
        assert len(heads) > BLOCKS


def _recovery(when: float, hit: tuple[Node, ...], callers: list[Caller]) -> float:
    """Seconds until each of the nodes that were hit acknowledged something again."""
    longest = 0.0
    for node in hit:
        after = [moment for each in callers if each.node is node for moment in each.times if moment > when]
        longest = max(longest, min(after) - when)
    return longest
