"""A command that runs under Muniment: it keeps its terminal, its signals and its exit code."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

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
    try:
        process = subprocess.Popen(command, env=dict(environment), stdout=2 if quiet_output else None)
    except OSError as error:
        raise InvalidInput(
            f"{command[0]} cannot be run: {error.strerror}", code="cannot-run", hint="Check that it may be executed."
        ) from None
    with _signals_left_to(process):
        code = process.wait()
    return code if code >= 0 else 128 - code


def is_killed(code: int) -> bool:
    """Did a signal end it, or did it end itself as programs do after one?"""
    return code in (128 + number for number in (signal.SIGINT, signal.SIGKILL, *_FORWARDED))


@contextmanager
def _signals_left_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """What would end us is the child's to answer; we stay, to record how it ended."""

    def forward(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    def leave(number: int, frame: FrameType | None) -> None:
        # A terminal sends Ctrl-C to the whole group: the child has it already.
        pass

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
