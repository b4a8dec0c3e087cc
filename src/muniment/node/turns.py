"""Who waits for whom where strangers may ask for what takes time: few at once, few of one address, and nobody for ever in line.

async with turns.take(address):
    ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from muniment.errors import Unavailable

OF_ONE = 8
OF_ALL = 64


class Turns:
    """`at_once` are served while the others wait, of one address at most `of_one`. For one event loop."""

    def __init__(self, at_once: int, *, of_one: int = OF_ONE, of_all: int = OF_ALL) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._of_one = of_one
        self._of_all = of_all
        self._here: dict[str, int] = {}

    @asynccontextmanager
    async def take(self, who: str) -> AsyncIterator[None]:
        """A turn, once it comes. Raises Unavailable (`busy`) where too many wait already."""
        if self._here.get(who, 0) >= self._of_one or sum(self._here.values()) >= self._of_all:
            raise Unavailable(
                "too many ask for this at once", code="busy", hint="Ask again in a moment, one after the other.", retry_after=1.0
            )
        self._here[who] = self._here.get(who, 0) + 1
        try:
            async with self._turns:
                yield
        finally:
            self._here[who] -= 1
            if not self._here[who]:
                del self._here[who]
