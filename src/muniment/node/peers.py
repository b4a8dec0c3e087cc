"""The other members as node.toml names them now: one that is admitted is written there while the node runs, and counts at once.

    peers = Peers(home.settings, settings.peers)
    peers.look()                    # all of them
    peers.knows(id)                 # may the engine talk to this one?

Somebody who edits the file may save half of it, and that must not end the node, nor its talk with those who stood there before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from muniment.errors import MunimentError
from muniment.node import settings
from muniment.node.settings import Peer

_log = logging.getLogger("muniment.node")

Stamp = tuple[int, int, int]


class Peers:
    """Reads the file again where it changed. `known` are those that the node was started with. Safe for threads."""

    def __init__(self, path: Path, known: Sequence[Peer] = ()) -> None:
        self._path = path
        self._known = tuple(known)
        self._stamp: Stamp | None = None
        self._lock = threading.Lock()

    def look(self) -> tuple[Peer, ...]:
        """All of them: as the file has them, or had them before somebody broke it."""
        with self._lock:
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._known = settings.load(self._path).peers
                except MunimentError as error:
                    _log.error("%s; the peers that stood there before count", error, extra={"fields": {"code": error.code}})
            return self._known

    def knows(self, engine: str) -> bool:
        """Is this the id (40 hex) of a member's engine?"""
        return any(each.p2p.partition("@")[0] == engine for each in self.look())


def _stamp(path: Path) -> Stamp:
    """What tells one version of a file from the next; zeros where there is none."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_mtime_ns, status.st_size)
