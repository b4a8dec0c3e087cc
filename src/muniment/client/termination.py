"""SIGTERM as an exception, so that what is under way is ended in order.

A scheduler that takes a machine away sends SIGTERM, which by default ends Python at once: a run would stay "started" for ever.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM


class Terminated(SystemExit):
    """The process was asked to end. Unhandled it ends the process with the exit code that a shell shows for SIGTERM."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)


class Watch:
    """Raises Terminated in the main thread on SIGTERM, while it is on; where somebody else handles SIGTERM it stays off."""

    def __init__(self) -> None:
        self._process: int | None = None

    def start(self) -> None:
        """Begin to watch, if this is the main thread and nobody else does."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._process = os.getpid()
            signal.signal(signal.SIGTERM, self._raise)

    def stop(self) -> None:
        """Let SIGTERM do what it did before."""
        if self._process == os.getpid() and signal.getsignal(signal.SIGTERM) == self._raise:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._process = None

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if self._process == os.getpid():
            raise Terminated
        # A worker that was forked during the run: it ends as it would have without us.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
