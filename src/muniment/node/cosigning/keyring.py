"""The keys that this member holds, found by what they are needed for: one may be exchanged while the node runs.

A key that is to take another's place lies in its file before the ledger has it in force. So whoever asks for a key that was not
known looks into the folder once more, where anything in it changed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from muniment.core.format import keys
from muniment.errors import MunimentError, NotFound
from muniment.ledger import signers

_log = logging.getLogger("muniment.node.cosigning")

Stamp = tuple[tuple[int, int], ...]


class Keyring:
    """Keys by their public keys: those that are given, and those in files, which need not be there yet."""

    def __init__(self, given: Sequence[keys.Signer] = (), paths: Sequence[Path] = ()) -> None:
        self._paths = tuple(paths)
        self._lock = threading.Lock()
        self._known = {each.public_key: each for each in given}
        self._stamp: Stamp = ()

    def find(self, public_key: bytes | None) -> keys.Signer | None:
        """The key, where this member holds it."""
        with self._lock:
            if public_key not in self._known:
                self._load()
            return None if public_key is None else self._known.get(public_key)

    def check(self) -> None:
        """Read every file that is there. Raises InvalidInput, Unavailable for one that is no key or that others can read."""
        for path in self._paths:
            if path.exists():
                signers.load_file(path)

    def some(self) -> keys.Signer | None:
        """The first key that was found."""
        with self._lock:
            self._load()
            return next(iter(self._known.values()), None)

    def _load(self) -> None:
        stamp = tuple([_look(each) for each in self._paths])
        if stamp == self._stamp:
            return
        for path in self._paths:
            try:
                signer = signers.load_file(path)
            except NotFound:
                continue
            except MunimentError as error:
                # The keys that are known go on signing: a block that is on its way must not stop for one that is not.
                _log.warning("%s", error)
                continue
            self._known[signer.public_key] = signer
        self._stamp = stamp


def _look(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_ino, status.st_mtime_ns)
