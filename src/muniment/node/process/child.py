"""A child process that never outlives the supervisor: the system kills it when the supervisor is gone, however that happened."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_NOT_STARTED = 127


def open_standard() -> None:
    """Open what of standard input, output and error is closed, so that no file of ours gets its number and is printed into."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


class Child:
    """A process of ours. `began` is of the monotonic clock; `told` when it was told to stop, None before."""

    __slots__ = ("began", "name", "process", "told")

    def __init__(self, name: str, process: int, began: float) -> None:
        self.name = name
        self.process = process
        self.began = began
        self.told: float | None = None

    def send(self, number: int) -> None:
        """Send a signal; one that is gone already needs none."""
        with suppress(ProcessLookupError):
            os.kill(self.process, number)

    def stop(self, now: float) -> None:
        """Tell it to stop, once."""
        if self.told is None:
            self.told = now
            self.send(signal.SIGTERM)
            # One that was halted takes no other signal before this one.
            self.send(signal.SIGCONT)

    def reap(self) -> int | None:
        """How it ended: its exit status, or the negative number of a signal. None while it runs."""
        try:
            found, status = os.waitpid(self.process, os.WNOHANG)
        except ChildProcessError:
            return 0
        return os.waitstatus_to_exitcode(status) if found else None


class Starter:
    """Starts children. Make it before the first of them: what a child needs between fork and exec is loaded here."""

    def __init__(self) -> None:
        self._parent = os.getpid()
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        output: int | None = None,
        passed: Sequence[int] = (),
    ) -> Child:
        """Start a program. `output` is the descriptor for what it prints; it inherits those in `passed`, under their numbers."""
        process = os.fork()
        if process == 0:
            try:
                self._become(command, environment, output, passed)
            except BaseException as error:
                os.write(2, f"{command[0]} cannot be run: {error}\n".encode())
            finally:
                os._exit(_NOT_STARTED)
        return Child(name, process, time.monotonic())

    def _become(self, command: Sequence[str], environment: Mapping[str, str], output: int | None, passed: Sequence[int]) -> None:
        # Elsewhere than on Linux, the application stops at the end of its line, and CometBFT when the application is gone.
        if self._libc is not None:
            self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._parent:
            os._exit(_NOT_STARTED)
        # Ctrl-C in a terminal is the supervisor's to answer, who then stops both in the right order.
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGTSTP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if output is not None:
            os.dup2(output, 1)
            os.dup2(output, 2)
        for descriptor in passed:
            os.set_inheritable(descriptor, True)
        os.execvpe(command[0], list(command), dict(environment))
