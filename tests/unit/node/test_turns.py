"""Few at once, few of one address, and nobody for ever in line."""

from __future__ import annotations

import asyncio

import pytest

from muniment.errors import Unavailable
from muniment.node.turns import Turns


async def crowd() -> tuple[list[str], list[str]]:
    turns, served, refused = Turns(1, of_one=2, of_all=3), list[str](), list[str]()
    going = asyncio.Event()

    async def ask(who: str) -> None:
        try:
            async with turns.take(who):
                served.append(who)
                await going.wait()
        except Unavailable as error:
            refused.append(f"{who} {error.code}")

    tasks = [asyncio.create_task(ask(who)) for who in ("loud", "loud", "loud", "quiet", "late")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert served == ["loud"]
    going.set()
    await asyncio.gather(*tasks)
    await ask("late")
    return served, refused


def test_one_address_keeps_nobody_else_out() -> None:
    served, refused = asyncio.run(crowd())
    assert served == ["loud", "loud", "quiet", "late"]
    assert refused == ["loud busy", "late busy"]


async def fail() -> None:
    turns = Turns(1, of_one=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            async with turns.take("who"):
                raise ValueError("broken")


def test_a_turn_that_fails_is_over() -> None:
    asyncio.run(fail())
