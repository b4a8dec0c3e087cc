"""Progress bars for work that takes long: bytes, rate and time left, on a terminal only.

A bar appears once the work has taken a moment. Work that is done by then costs nothing, not even the import of what draws.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from muniment.cli import output

DELAY_S = 0.3


class Drawn(Protocol):
    """A bar on the terminal."""

    def show(self, done: int, total: int, text: str) -> None:
        """Draw how much of how much is done, and what is in work."""

    def stop(self) -> None:
        """Take the bar away."""


class _Late:
    """A bar that is drawn when there is still something to do after a moment."""

    def __init__(self, draw: Callable[[], Drawn]) -> None:
        self._draw = draw
        self._due = time.monotonic() + DELAY_S
        self._bar: Drawn | None = None

    def show(self, done: int, total: int, text: str = "") -> None:
        """Take note of how far the work is."""
        if self._bar is None and time.monotonic() >= self._due:
            self._bar = self._draw()
        if self._bar is not None:
            self._bar.show(done, total, text)

    def stop(self) -> None:
        """The work is over."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def hashing(quiet: bool) -> Iterator[Callable[[int, int, str], None] | None]:
    """A bar for `capture.files`: bytes done, bytes in all, and the file in work."""
    with _bar(quiet, _draw_bytes) as bar:
        yield None if bar is None else bar.show


@contextmanager
def counting(what: str, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar for counted work: how many of how many."""
    with _bar(quiet, lambda: _draw_count(what)) as bar:
        yield None if bar is None else bar.show


@contextmanager
def _bar(quiet: bool, draw: Callable[[], Drawn]) -> Iterator[_Late | None]:
    if quiet or not output.is_terminal():
        yield None
        return
    bar = _Late(draw)
    try:
        yield bar
    finally:
        bar.stop()


def _draw_bytes() -> Drawn:
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from muniment.cli.drawing import Bar

    return Bar(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))


def _draw_count(what: str) -> Drawn:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from muniment.cli.drawing import Bar

    return Bar(TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
