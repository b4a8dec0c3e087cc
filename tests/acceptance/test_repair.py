"""One node judges a block differently: it stops alone, and one command brings it back, from its own copy of the chain.

Real CometBFT, four of them; the applications are in this process.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import engines
from engines import Chain, Node
from muniment.core.format import time
from muniment.ledger.embedded import system_clock
from muniment.ledger.store.file import Store
from muniment.node.homes import NodeHome
from muniment.node.light.arrival import Start
from muniment.node.repair.mending import Mended, Mending
from muniment.node.repair.plan import Places


def test_a_diverged_node_comes_back(tmp_path: Path, monkeypatch: Any) -> None:
    with engines.chain(tmp_path, 4) as chain:
        sealed = SimpleNamespace(
            start=SimpleNamespace(size=1), ledger=chain.ledger, chain_id=chain.chain_id, validators=chain.validators
        )
        monkeypatch.setattr(NodeHome, "load_consortium", lambda _: sealed)
        for node in chain.nodes:
            node.start()
        bad = chain.nodes[3]
        bad.wait(engines.answers)
        for _ in range(3):
            chain.grow(20, 20)
        diverge(bad)
        for _ in range(3):
            chain.grow(20, 20, everywhere=False)
        bad.wait(lambda node: "CONSENSUS FAILURE" in node.log)
        wrong = bad.mark()
        right = chain.nodes[0].mark()
        assert wrong is not None
        assert right is not None
        assert wrong.height < right.height
        bad.stop()
        signed = hashlib.sha256(NodeHome(bad.home).validator_state.read_bytes()).digest()

        done = repair(bad)
        assert done.plan is not None
        assert (done.plan.way, done.plan.height) == ("own-blocks", wrong.height - 1)
        assert hashlib.sha256(NodeHome(bad.home).validator_state.read_bytes()).digest() == signed
        kept = Store.open(Path(done.kept) / "ledger.db")
        assert kept.mark() == wrong
        kept.close()

        bad.start()
        # The others may have gone on by a block without events since.
        bad.wait(lambda node: node.mark() == chain.nodes[0].mark())
        chain.grow(20, 20)
        assert_one_ledger(chain)

        # Now there is nothing more to repair, and it says so without touching anything.
        bad.stop()
        assert repair(bad).plan is None
        assert len(list(Places(NodeHome(bad.home)).folder.glob("*/ledger.db"))) == 1


def diverge(node: Node) -> None:
    """From now on it dates blocks a microsecond later than the others."""
    real = node.store.stage

    def stage(submissions: Any, clock: Any, faults: Any = ()) -> Any:
        return real(submissions, lambda before: time.format(time.parse(clock(before)) + 1), faults)

    node.store.stage = stage  # type: ignore[method-assign]


def repair(node: Node) -> Mended:
    def nobody(_: object) -> Start:
        raise AssertionError("the others were asked")

    return Mending(NodeHome(node.home), engines.find_engine(), nobody, lambda _: None, clock=system_clock).run()


def assert_one_ledger(chain: Chain) -> None:
    found = []
    for node in chain.nodes:
        with node.store.view() as view:
            found.append((view.position, list(view.entries(0, view.size))))
    assert all(each == found[0] for each in found)
