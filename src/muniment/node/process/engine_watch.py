"""The engine while it runs: its log, what that means, and whether it still answers."""

from __future__ import annotations

import os
from collections.abc import Iterator

from muniment.node.process import findings
from muniment.node.process.child import Child
from muniment.node.process.findings import Finding
from muniment.node.process.log_file import LineReader, LogFile
from muniment.node.process.watchdog import Probe, Watchdog

PIPE_BYTES = 1 << 16


class EngineWatch:
    """One engine, from its start to its end. `words` are its last complaint.

    `failure` and `failed` (when) are for whoever finds that it orders no more blocks.
    """

    def __init__(self, child: Child, pipe: int, log: LogFile, rpc: tuple[str, int], watchdog: Watchdog) -> None:
        self.child = child
        self.failure: Finding | None = None
        self.failed = 0.0
        self.words = ""
        self.pipe: int | None = pipe
        self._log = log
        self._rpc = rpc
        self._watchdog = watchdog
        self._reader = LineReader()
        self._probe: Probe | None = None

    @property
    def probing(self) -> tuple[int, bool] | None:
        """The question that is under way: its descriptor, and whether it waits to write."""
        return None if self._probe is None else (self._probe.socket.fileno(), self._probe.writes)

    def hear(self) -> Iterator[Finding]:
        """Keep what it printed, and find in it what people must hear of. Never waits."""
        while self.pipe is not None:
            try:
                raw = os.read(self.pipe, PIPE_BYTES)
            except BlockingIOError:
                return
            if not raw:
                os.close(self.pipe)
                self.pipe = None
                return
            self._log.write(raw)
            for line in self._reader.read(raw):
                self.words = findings.quote(line) or self.words
                found = findings.recognise(line)
                if found is not None:
                    yield found
            if len(raw) < PIPE_BYTES:
                return

    def tend(self, now: float) -> bool:
        """Ask, where it is time to. False where it did not answer for too long."""
        if self._probe is None and self._watchdog.is_due(now):
            self._watchdog.ask(now)
            self._probe = Probe(self._rpc)
            if not self._probe.begin():
                self._end_probe(now)
        return not self._watchdog.is_hung(now)

    def advance(self, now: float) -> None:
        """Go on with the question that is under way."""
        if self._probe is not None and self._probe.advance() is not None:
            self._end_probe(now)

    def forgive(self, seconds: float) -> None:
        """The supervisor itself did not run for so long."""
        self._watchdog.forgive(seconds)

    def close(self) -> None:
        """It is gone."""
        if self._probe is not None:
            self._probe.close()
            self._probe = None
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None

    def _end_probe(self, now: float) -> None:
        """An answer came, or nobody listens: what starts or ends does not hang, and its end is seen otherwise."""
        if self._probe is not None:
            self._probe.close()
            self._probe = None
        self._watchdog.answer(now)
