"""The bar itself, drawn by rich; imported only when there is something to draw."""

from __future__ import annotations

from rich.console import Console
from rich.progress import Progress, ProgressColumn


class Bar:
    """One bar on standard error, gone when the work is over."""

    def __init__(self, *columns: ProgressColumn) -> None:
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("", total=None)
        self._progress.start()

    def show(self, done: int, total: int, text: str) -> None:
        """Draw how much of how much is done, and what is in work."""
        self._progress.update(self._task, completed=done, total=total, description=text)

    def stop(self) -> None:
        """Take the bar away."""
        self._progress.stop()
