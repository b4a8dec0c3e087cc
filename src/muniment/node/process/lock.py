"""One node for each folder: an advisory lock, held by the supervisor and by the engine that it started.

Two engines with one key would sign twice at one height, which every other member sees and records. So the engine holds the lock
too: where it should outlive its supervisor, no other can start beside it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from muniment.errors import Conflict, NotFound, Unavailable

NAME = "node.lock"
PATIENCE_SECONDS = 3.0
"""A node that was killed takes a moment to be gone with all its processes."""
_RETRY_SECONDS = 0.1


def take(folder: Path) -> int:
    """Lock a node's folder; the descriptor holds the lock while any process has it open.

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
            raise Conflict(
                f"the node in {folder.parent} runs already" + (f", as process {holder}" if holder else ""),
                code="already-running",
                hint="Use that one, or stop it first.",
                details={"process": holder},
            )
        time.sleep(_RETRY_SECONDS)
    sign(descriptor)
    return descriptor


def sign(descriptor: int) -> None:
    """Write down that this process holds the lock, for whoever finds it taken."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a node from running while its folder is worked on. Raises as `take`."""
    descriptor = take(folder)
    try:
        yield
    finally:
        os.close(descriptor)


def find_holder(folder: Path) -> str | None:
    """The process of the supervisor that runs this node, or None where none does."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read_holder(descriptor) or "?"
    finally:
        os.close(descriptor)
    return None


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read_holder(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
