"""One server for each ledger: an advisory lock on a file in every home, and in the folder of the server's state.

Writers of two servers would not hurt the ledger, because SQLite orders them. They would double webhooks and halve group commit,
and nobody would know which of the two he talks to.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from muniment.errors import Conflict, NotFound, Unavailable

NAME = "serve.lock"


class Claim:
    """The locks of one server, held until `release` or the end of the process; a crash leaves none."""

    def __init__(self, descriptors: tuple[int, ...]) -> None:
        self._descriptors = descriptors

    def release(self) -> None:
        """Let go."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = ()


def take(folders: Iterable[Path]) -> Claim:
    """Claim these folders. Raises Conflict (`already-served`), NotFound (`no-ledger`), Unavailable (`home-unwritable`)."""
    held: list[int] = []
    try:
        for folder in dict.fromkeys(each.resolve() for each in folders):
            held.append(_lock(folder))
    except BaseException:
        for descriptor in held:
            os.close(descriptor)
        raise
    return Claim(tuple(held))


def _lock(folder: Path) -> int:
    try:
        descriptor = os.open(folder / NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise NotFound(f"there is no folder {folder}", code="no-ledger", hint="Make a ledger with `muniment init`.") from None
    except OSError as error:
        raise Unavailable(
            f"{folder} cannot be written: {error.strerror}", code="home-unwritable", hint="Give the server's user this folder."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise Conflict(
            f"{folder} is served already" + (f", by process {holder}" if holder else ""),
            code="already-served",
            hint="Use that server, or stop it first.",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
