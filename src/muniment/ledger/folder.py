"""Files and names made durable: a new or renamed one outlives a crash only once the folder that holds it is on disk."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Write the folder's names to disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, raw: bytes) -> None:
    """Put `raw` in the place of whatever is at `path`: whole or not at all, and durably. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}.unfinished")
    try:
        with beside.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        # A crash before this line leaves an unfinished file that nobody reads, after it the new content.
        os.replace(beside, path)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
    sync_folder(path.parent)
