"""A command that runs under Muniment: it keeps its terminal, its signals and its exit code."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

from muniment.errors import InvalidInput

_FORWARDED = (signal.SIGTERM, signal.SIGHUP)


def check_command(command: Sequence[str]) -> None:
    """Check that there is such a program before anything is said about it. Raises InvalidInput (`no-such-command`)."""
    if shutil.which(command[0]) is None:
        raise InvalidInput(
            f"there is no command {command[0]!r}", code="no-such-command", hint="Check its spelling, and that it may be executed."
        )


def run(command: Sequence[str], environment: Mapping[str, str], *, quiet_output: bool) -> int:
    """Run a command to its end. With `quiet_output` what it prints goes to standard error.

    Returns its exit code, 128 and the number of the signal where a signal ended it, as shells do. Raises InvalidInput.
    """
    with _Relay() as relay:
        try:
            process = subprocess.Popen(command, env=dict(environment), stdout=2 if quiet_output else None)
        except OSError as error:
            raise InvalidInput(
                f"{command[0]} cannot be run: {error.strerror}", code="cannot-run", hint="Check that it may be executed."
            ) from None
        relay.begin(process)
        code = process.wait()
    return code if code >= 0 else 128 - code


def is_killed(code: int) -> bool:
    """Did a signal end it, or did it end itself as programs do after one?"""
    return code in (128 + number for number in (signal.SIGINT, signal.SIGKILL, *_FORWARDED))


class _Relay:
    """While it is open, what would end us is the child's to answer; we stay, to record how it ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Relay:
        for number in (*_FORWARDED, signal.SIGINT):
            # What is ignored here (nohup) is ignored by the child as well, which a handler of ours would undo.
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def begin(self, process: subprocess.Popen[bytes]) -> None:
        """There is a child now; it is told what came while it was being started."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        elif number != signal.SIGINT:
            # A terminal sends Ctrl-C to the whole group: the child has that already.
            self._process.send_signal(number)
