"""Files and names that outlive a crash: a new or renamed one is only there afterwards once the folder that holds it is on disk.

    disk.replace(path, raw)             # in the place of whatever is there
    disk.create(path, raw, mode=PRIVATE)        # only where nothing is
    disk.write(path, raw)               # many of them into one folder; then disk.sync(folder)

Each of them leaves the old content or the new one, never a half. A crash may leave a file `.NAME.….unfinished` beside, which nobody
reads. All of them raise OSError.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PUBLIC = 0o666
"""As far as the user's mask allows."""
PRIVATE = 0o600
UNFINISHED = ".unfinished"


def replace(path: Path, raw: bytes, *, mode: int = PUBLIC) -> None:
    """Put `raw` in the place of whatever is at `path`."""
    write(path, raw, mode=mode)
    sync(path.parent)


def write(path: Path, raw: bytes, *, mode: int = PUBLIC, beside: Path | None = None) -> None:
    """As `replace`, but the name lasts only once its folder is synced.

    `beside` is the unfinished file of whoever writes alone, and writes over what a crash left of it.
    """
    with _written(path, raw, mode, beside) as unfinished:
        os.replace(unfinished, path)


def create(path: Path, raw: bytes, *, mode: int = PUBLIC) -> None:
    """Put `raw` where nothing is, so that of two writers the first one's stays. Raises FileExistsError too."""
    with _written(path, raw, mode, None) as unfinished:
        # Unlike a rename, this never takes the place of what another process put there meanwhile.
        os.link(unfinished, path)
    sync(path.parent)


def make_folder(folder: Path) -> None:
    """Make what is missing of a path, for this user alone."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    # Another process may be doing the same.
    folder.mkdir(mode=0o700, exist_ok=True)
    sync(folder.parent)


def sync(folder: Path) -> None:
    """Write the folder's names to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def name_beside(path: Path) -> Path:
    """A path for what is to take the place of `path`, or to be put there, once it is whole."""
    return path.with_name(f".{path.name}.{os.urandom(8).hex()}{UNFINISHED}")


@contextmanager
def _written(path: Path, raw: bytes, mode: int, beside: Path | None) -> Iterator[Path]:
    """The bytes in a file beside, on disk; without it nothing is left behind."""
    beside = beside or name_beside(path)
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode), "wb") as file:
            file.write(raw)
            file.flush()
            # Without this a crash after the new name is there could leave it on an empty file.
            os.fsync(file.fileno())
        yield beside
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
