"""What the others remember of this validator's votes, asked before its engine starts.

    remembering.find_forgotten(home, chain, peers) -> Silence | None

A folder that was restored from a copy brings back an older record of what was signed, and an engine that starts with it votes on
those heights again while it catches up. The blocks right after that record, as the other members keep them, carry votes of this
validator then. Each is a signature, so nobody has to be believed; where nobody answers, nothing is known.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable

from muniment.core.format import keys
from muniment.core.rules import members
from muniment.errors import MunimentError
from muniment.net.transport import Patience
from muniment.node.engine import votes
from muniment.node.engine.votes import Silence
from muniment.node.founding import engine_keys
from muniment.node.light import asking, vote
from muniment.node.light.commit import Commit
from muniment.node.places import NodePlaces
from muniment.node.settings import Peer

HEIGHTS = 8
"""So many blocks after the record are looked at: who went on after the copy was made voted in the first of them."""
SECONDS = 15.0
"""So long a start waits for members whose machines take the question and are slow to answer it; who is away is not waited for."""
PATIENCE = Patience(connect=1.0, read=8.0, answer=10.0, retries=0.0, attempts=1)

AskCommit = Callable[[str, int], Commit]


def ask(url: str, height: int) -> Commit:
    """Who signed a block, without much patience. Raises MunimentError."""
    return asking.ask_commit(url, height, PATIENCE)


def find_forgotten(places: NodePlaces, chain: str, peers: Iterable[Peer], ask: AskCommit = ask) -> Silence | None:
    """A vote of this node's validator after its record ends, as another member keeps it; None where nobody showed one.

    Raises InvalidInput (`bad-validator-state`, `bad-key-file`), NotFound.
    """
    key, record = engine_keys.load(places.validator_key).public_key.hex(), votes.read_record(places.validator_state)
    found: queue.SimpleQueue[int] = queue.SimpleQueue()
    urls = [each.url for each in peers if each.url]
    for url in urls:
        threading.Thread(target=lambda url=url: found.put(_look(url, chain, key, record, ask)), daemon=True).start()
    until = time.monotonic() + SECONDS
    for _ in urls:
        try:
            seen = found.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None
        if seen:
            return Silence(key=key, record=record, seen=seen)
    return None


def _look(url: str, chain: str, key: str, record: int, ask: AskCommit) -> int:
    """A height after the record at which one node shows a vote with this key; 0 where it shows none.

    Its newest block shows a key that is in use elsewhere now, those after the record one that went on when the copy was made.
    """
    try:
        newest = ask(url, 0)
        if newest.height > record and _is_signed(newest, chain, key):
            return newest.height
        for height in range(record + 1, min(record + HEIGHTS, newest.height) + 1):
            if _is_signed(ask(url, height), chain, key):
                return height
    except MunimentError:
        # It is away, or keeps no such block.
        return 0
    return 0


def _is_signed(commit: Commit, chain: str, key: str) -> bool:
    address = members.address(key)
    for each in commit.signatures:
        message = vote.encode(chain, commit.height, commit.round, commit.block, *each.time)
        if each.address == address and keys.is_valid(bytes.fromhex(key), message, each.signature):
            return True
    return False
