"""What a file or folder is, told by what it holds. A file that was tampered with is still recognised, so that it fails aloud."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from muniment.client.tile_folder import is_tile_folder
from muniment.config import FOLDER
from muniment.core.proof.bundle import MAX_BUNDLE_BYTES
from muniment.errors import CaptureError
from muniment.ledger.store.connection import APPLICATION_ID

Kind = Literal["answer", "bundle", "checkpoint", "evidence", "files", "ledger", "receipt", "tiles"]

STORE = "ledger.db"

_SQLITE = b"SQLite format 3\0"
_RECEIPT = b"c2sp.org/tlog-proof@"
_format = re.compile(rb'"format":"urn:muniment:(answer|bundle|evidence):v[0-9]')
# A C2SP checkpoint: origin, size and root on a line each, then an empty line and a signature.
_checkpoint = re.compile(rb"[^\n]+\n[0-9]+\n[A-Za-z0-9+/=]+\n(?:[^\n]+\n)*\n\xe2\x80\x94 ")


def check_there(path: Path) -> None:
    """Check that something lies at a path. Raises CaptureError (`missing`)."""
    if not path.exists():
        raise _missing(path)


def recognise(path: Path) -> tuple[Kind, Path]:
    """What lies at a path, and where exactly: a project's folder stands for the ledger in it. Raises CaptureError (`missing`)."""
    try:
        if path.is_dir():
            return _recognise_folder(path)
        with path.open("rb") as file:
            raw = file.read(MAX_BUNDLE_BYTES + 1)
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError as error:
        raise CaptureError(
            f"{path} cannot be read: {error.strerror}", code="unreadable", hint="Check the path and its permissions."
        ) from None
    if path.name == STORE or _is_store(raw):
        return "ledger", path
    return ("files" if len(raw) > MAX_BUNDLE_BYTES else recognise_bytes(raw)), path


def recognise_bytes(raw: bytes) -> Kind:
    """What the content of a file is; `files` for anything that Muniment does not write."""
    if raw.startswith(_RECEIPT):
        return "receipt"
    if raw.startswith(b"{"):
        kinds = {match[1] for match in _format.finditer(raw)}
        # A bundle holds answers, so that the outer kind goes first.
        if b"bundle" in kinds:
            return "bundle"
        if b"evidence" in kinds:
            return "evidence"
        if b"answer" in kinds:
            return "answer"
    return "checkpoint" if _checkpoint.match(raw) else "files"


def _missing(path: Path) -> CaptureError:
    return CaptureError(f"there is nothing at {path}", code="missing", hint="Check the path.")


def _recognise_folder(path: Path) -> tuple[Kind, Path]:
    if (path / STORE).is_file():
        return "ledger", path
    if (path / FOLDER / STORE).is_file():
        return "ledger", path / FOLDER
    return ("tiles" if is_tile_folder(path) else "files"), path


def _is_store(raw: bytes) -> bool:
    """A SQLite file that says, at its offset 68, that it is a ledger."""
    return raw.startswith(_SQLITE) and raw[68:72] == APPLICATION_ID.to_bytes(4, "big")
