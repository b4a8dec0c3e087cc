"""A newcomer takes all blocks; or, from a network that threw them away, a snapshot, although two of four nodes send rubbish.

Real CometBFT, up to five of them; the applications are in this process.
"""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path

import msgspec
import pytest

import engines
import makers
from muniment.errors import InvariantError
from muniment.ledger.store.file import Store
from muniment.node.engine.config_toml import StateSync
from muniment.node.light import calls, commit
from muniment.node.snapshots import Applied, Snapshots, format

KEPT_BLOCKS = 24
CRASH_AT = 6


class Lying(Snapshots):
    """Sends other entries than it was asked for."""

    asked = 0

    def load(self, height: int, format_: int, chunk: int) -> bytes:
        type(self).asked += 1
        return format.encode_chunk([b"rubbish"] * 256)


class Crashing(Snapshots):
    """Ends after some chunks."""

    crashed = threading.Event()

    def apply(self, index: int, chunk: bytes, sender: str) -> Applied:
        applied = super().apply(index, chunk, sender)
        if index == CRASH_AT:
            self.crashed.set()
            raise InvariantError("the power fails")
        return applied


def crash(store: Store) -> Snapshots:
    return Crashing(store, makers.seal)


def lie(store: Store) -> Snapshots:
    return Lying(store, makers.seal)


def test_a_newcomer_takes_a_snapshot_from_a_pruned_network(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with engines.chain(tmp_path, 4) as chain:
        for number, node in enumerate(chain.nodes):
            node.retain = lambda height: max(0, height - KEPT_BLOCKS)
            node.start(snapshots=lie if number in (1, 3) else None)
        chain.nodes[0].wait(engines.answers)
        for _ in range(21):
            chain.grow(200, 200, everywhere=False)
        mark = chain.settle()
        assert mark.size > 4_200
        # The first blocks are gone, here and everywhere.
        assert "lowest height is" in str(chain.nodes[0].ask("commit", height="1")["error"])

        asked = calls.Request(method="commit", params={"height": str(mark.height - 2)})
        believed = commit.decode(chain.nodes[0].post(msgspec.json.encode(asked)))
        assert len(commit.signers(believed, chain.chain_id, chain.validators)) >= chain.validators.quorum
        servers = tuple(f"http://127.0.0.1:{chain.nodes[number].rpc}" for number in (0, 2))
        told = StateSync(servers=servers, height=believed.height, hash=believed.block.hash.hex().upper())
        late = chain.join()
        with caplog.at_level(logging.WARNING):
            # The first time everything is killed in the middle.
            late.start(told, crash)
            assert Crashing.crashed.wait(engines.PATIENCE_SECONDS)
            late.stop(signal.SIGKILL)
            late.failures.clear()
            late.start(told)
            assert late.mark() is None
            late.wait(lambda node: node.mark() == mark)
        first = late.store.marks(0, mark.height + 1)[0]
        assert first == chain.nodes[0].store.marks(first.height, first.height + 1)[0]
        assert 0 < first.height < mark.height
        assert Lying.asked > 0
        assert "sent a bad chunk" in caplog.text

        # It goes on with the others, and its ledger is theirs.
        chain.grow(10, 5)
        with late.store.view() as view, chain.nodes[0].store.view() as there:
            assert view.position == there.position
            assert list(view.entries(0, view.size)) == list(there.entries(0, there.size))
        assert not any(node.failures for node in chain.nodes)


def test_a_newcomer_takes_all_blocks(tmp_path: Path) -> None:
    with engines.chain(tmp_path, 1) as chain:
        chain.nodes[0].start()
        chain.nodes[0].wait(engines.answers)
        for _ in range(4):
            chain.grow(400, 200)
        mark = chain.settle()
        late = chain.join()
        late.start()
        late.wait(lambda node: node.mark() == mark)
        assert late.store.marks(1, mark.height + 1) == chain.nodes[0].store.marks(1, mark.height + 1)
        with late.store.view() as view, chain.nodes[0].store.view() as there:
            assert view.position == there.position
