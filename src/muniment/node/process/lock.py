"""One node for each folder: an advisory lock, held by the supervisor and by the engine that it started.

Two engines with one key would sign twice at one height, which every other member sees and records. So the engine holds the lock
too: where it should outlive its supervisor, no other can start beside it. Who took the lock has written his process into the file,
and has a lock of his own (POSIX) on it, which nobody inherits: so a process that merely got the same number is not taken for him.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from muniment.errors import Conflict, NotFound, Unavailable

NAME = "node.lock"
PATIENCE_SECONDS = 3.0
"""A node that was killed takes a moment to be gone with all its processes."""
_RETRY_SECONDS = 0.1

NODE = "node start"
"""The work of whoever runs the node; others name the command that they are."""


class Holder(NamedTuple):
    """Who has the lock. `process` is its number, as text; `lives` is False where only what it started is left."""

    process: str
    work: str
    lives: bool


def take(folder: Path, work: str = NODE) -> int:
    """Lock a node's folder for some work; the descriptor holds the lock while any process has it open.

    Raises Conflict (`already-running`), NotFound (`no-node`), Unavailable (`home-unwritable`).
    """
    try:
        descriptor = os.open(folder / NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise NotFound(
            f"there is no node at {folder}",
            code="no-node",
            hint="Begin with `muniment consortium new`, or name its folder with --home.",
        ) from None
    except OSError as error:
        raise Unavailable(
            f"{folder} cannot be written: {error.strerror}", code="home-unwritable", hint="Give the node's user this folder."
        ) from None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _try(descriptor):
        if time.monotonic() >= deadline:
            holder = _read_holder(descriptor)
            os.close(descriptor)
            raise _taken(folder, holder)
        time.sleep(_RETRY_SECONDS)
    sign(descriptor, work)
    return descriptor


def sign(descriptor: int, work: str = NODE) -> None:
    """Write down that this process holds the lock, for whoever finds it taken."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()} {work}\n".encode(), 0)
    # Where a system has both kinds of lock in one, whoever asks goes by the process's number alone.
    with suppress(OSError):
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def held(folder: Path, work: str) -> Iterator[None]:
    """Keep a node from running while its folder is worked on. Raises as `take`."""
    descriptor = take(folder, work)
    try:
        yield
    finally:
        os.close(descriptor)


def find_holder(folder: Path) -> Holder | None:
    """Who runs this node or works on its folder, or None where nobody does."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read_holder(descriptor)
    finally:
        os.close(descriptor)
    return None


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read_holder(descriptor: int) -> Holder:
    process, _, work = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip().partition(" ")
    return Holder(process or "?", work or NODE, _lives(descriptor, process))


def _lives(descriptor: int, process: str) -> bool:
    """Does the process live that signed? One that has just taken the lock may not have."""
    if not process.isdecimal() or int(process) == os.getpid():
        return True
    try:
        os.kill(int(process), 0)
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except ProcessLookupError:
        return False
    except OSError:
        # It is another user's, or it has its lock.
        return True
    return False


def _taken(folder: Path, holder: Holder) -> Conflict:
    if holder.work == NODE:
        said = f"the node in {folder.parent} runs already, as process {holder.process}"
        hint = "Use that one, or stop it first."
    else:
        said = f"`muniment {holder.work}` works on the node in {folder.parent}, as process {holder.process}"
        hint = "Let it end first."
    return Conflict(said, code="already-running", hint=hint, details={"process": holder.process})
