"""The application while it runs: the line to it, whether it is ready, and whether it still answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.node.process.child import Child
from muniment.node.process.line import Line
from muniment.node.process.watchdog import Watchdog


class ApplicationWatch:
    """One application. `greeting` is None until it is ready, `failed` unless it says that it cannot run.

    `halted`: code and text of why the engine is to run no more, where it says so.
    """

    def __init__(self, child: Child, line: Line, watchdog: Watchdog) -> None:
        self.child = child
        self.line = line
        self.greeting: dict[str, Any] | None = None
        self.failed: dict[str, Any] | None = None
        self.halted: dict[str, Any] | None = None
        self._watchdog = watchdog
        self._asked = 0
        self._deaf = False

    @property
    def ready(self) -> bool:
        """Does it answer callers and the engine?"""
        return self.greeting is not None

    @property
    def descriptor(self) -> int | None:
        """What to wait for; None once its line is at its end."""
        return None if self._deaf else self.line.socket.fileno()

    def hear(self, now: float) -> None:
        """Take what it said. An end of the line without an end of the process is silence, which its watchdog counts."""
        messages = None if self._deaf else self.line.receive()
        if messages is None:
            self._deaf = True
            return
        for message in messages:
            if message.get("answer") == self._asked:
                self._watchdog.answer(now)
            if isinstance(message.get("ready"), dict):
                self.greeting = message["ready"]
                self._watchdog.answer(now)
            if isinstance(message.get("failed"), dict):
                self.failed = message["failed"]
            if isinstance(message.get("halted"), dict):
                self.halted = message["halted"]

    def tend(self, now: float) -> bool:
        """Ask, where it is time to. False where it did not answer for too long."""
        self.line.flush()
        if self._watchdog.is_due(now):
            self._asked += 1
            self._watchdog.ask(now)
            self.line.send({"ask": self._asked})
        return not self._watchdog.is_hung(now)

    def forgive(self, seconds: float) -> None:
        """The supervisor itself did not run for so long."""
        self._watchdog.forgive(seconds)

    def tell(self, message: Mapping[str, object]) -> None:
        """Tell it something; what it does not take is lost with it."""
        self.line.send(message)

    def close(self) -> None:
        """It is gone."""
        self.line.close()
