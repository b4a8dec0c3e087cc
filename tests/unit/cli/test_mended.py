"""cli.mended: what a repair tells, for each way that it may end."""

from __future__ import annotations

from muniment.cli import mended
from muniment.ledger.store.marks import Mark
from muniment.node.repair.diagnosis import Finding
from muniment.node.repair.mending import Mended
from muniment.node.repair.plan import Plan, Way

NEWEST = Mark(9, 40, b"n" * 32)


def told(way: Way | None, *, signed: tuple[str, ...] = (), stopped: str = "", size: int = 31, newest: Mark | None = NEWEST) -> str:
    plan = (
        None if way is None else Plan(kept="20261123T1", why="After block 8 it differs.", way=way, height=7, size=size, root="ab")
    )
    done = Mended(
        finding=Finding(good=None, wrong=None, newest=newest),
        plan=plan,
        size=size,
        root="ab" * 32,
        signed=signed,
        quorum=3,
        kept="/home/node/repair/20261123T1",
        stopped=stopped,
    )
    return "\n".join(mended.tell(done))


def test_nothing_to_repair() -> None:
    assert "agrees with the chain: 31 entries" in told(None)
    assert "has not begun" in told(None, newest=None)


def test_back_by_its_own_blocks() -> None:
    text = told("own-blocks", signed=("bank", "lab", "watch"))
    assert "After block 8 it differs." in text
    assert "signed by bank, lab, watch, which is a proof" in text
    assert "/home/node/repair/20261123T1" in text
    assert text.endswith("Next: muniment node start")
    assert "this node has 1 (bank)" in told("own-blocks", signed=("bank",))
    assert "this node has none." in told("own-blocks")


def test_back_by_others() -> None:
    assert "a snapshot from the other members" in told("snapshot", size=1)
    assert "1 entry" in told("snapshot", size=1)
    assert "the chain from the other members" in told("blocks")


def test_what_was_in_the_way_is_told() -> None:
    assert "could not be made again from the events here: block 9 is odd" in told("own-blocks", stopped="block 9 is odd")
