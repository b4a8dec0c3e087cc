"""Files that hold no secret: written whole or not at all, and read with a limit."""

from __future__ import annotations

import os
from pathlib import Path

from muniment import disk
from muniment.errors import InvalidInput, NotFound, Unavailable


def write(path: Path, raw: bytes) -> None:
    """Put `raw` in the place of whatever is at `path`, durably. Raises Unavailable (`file-unwritable`)."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.replace(path, raw)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}", code="file-unwritable", hint="Make room, or choose a folder of your own."
        ) from None


def write_new(path: Path, raw: bytes) -> None:
    """As `write`, where nothing is yet. Raises InvalidInput (`file-exists`) too."""
    if path.exists():
        raise InvalidInput(f"{path} is already there", code="file-exists", hint="Choose another name with --out.")
    write(path, raw)


def read(path: Path, limit: int) -> bytes:
    """The bytes of a file. Raises NotFound (`no-such-file`), InvalidInput (`too-long`, `file-unreadable`)."""
    try:
        # Without O_NONBLOCK a pipe of that name would wait for ever.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            raw = file.read(limit + 1)
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}", code="no-such-file", hint="Check the path.") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}", code="file-unreadable", hint="Name a file.") from None
    if len(raw) > limit:
        raise InvalidInput(
            f"{path} has more than {limit} bytes: is this the right file?", code="too-long", hint="Name the file that was meant."
        )
    return raw
