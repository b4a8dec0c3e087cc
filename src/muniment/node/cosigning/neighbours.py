"""The addresses of the other members, as node.toml has them now: one that is admitted is written there while the node runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from muniment.errors import MunimentError
from muniment.node import settings
from muniment.node.settings import Peer

_log = logging.getLogger("muniment.node.cosigning")


class Neighbours:
    """Reads the file where it changed. What people are still writing may not be readable: then the next version is waited for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = (0, 0)

    def look(self) -> Sequence[Peer]:
        """All of them where the file changed since the last look, else nobody."""
        try:
            status = self._path.stat()
        except OSError:
            return ()
        stamp = (status.st_ino, status.st_mtime_ns)
        if stamp == self._stamp:
            return ()
        self._stamp = stamp
        try:
            return settings.load(self._path).peers
        except MunimentError as error:
            _log.warning("%s", error, extra={"fields": {"code": error.code}})
            return ()


def nobody() -> Sequence[Peer]:
    """Nobody comes while the node runs."""
    return ()
