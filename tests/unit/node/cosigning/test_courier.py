"""courier: what is said to one peer at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from muniment.node.cosigning.courier import Courier
from muniment.node.cosigning.intake import Intake
from muniment.node.cosigning.keeper import Keeper, News
from muniment.node.cosigning.message import MAX_NOTES, Heard, Ran, Told

NEWEST = 1_000


class Busy:
    """A keeper after an outage: it published many older blocks at once, and many more lack their quorum."""

    newest = SimpleNamespace(height=NEWEST)
    short_count = 500

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}

    def news(self, mark: int, most: int) -> News:
        return News(1, tuple(range(NEWEST - 1, NEWEST - 1 - most, -1)))

    def short(self, most: int, skip: Any) -> list[int]:
        return [height for height in range(500) if not skip(height)][:most]

    def is_settled(self, height: int) -> bool:
        return False


def _ask(told: Told) -> Heard:
    raise AssertionError(told)


def _compare(organisation: str, ran: Ran) -> None:
    raise AssertionError(organisation)


def test_no_more_is_said_at_once_than_a_peer_takes() -> None:
    """One note too many would be refused as a whole, and the same again at every further attempt."""
    courier = Courier("bank", "http://bank.test", _ask, cast(Keeper, Busy()), cast(Intake, None), _compare)
    heights, _ = courier._choose(10.0)
    assert heights[0] == NEWEST
    assert heights == sorted(set(heights), reverse=True)
    assert MAX_NOTES // 2 < len(heights) <= MAX_NOTES
