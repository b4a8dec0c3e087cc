"""Whose engines this node's engine may talk to: the peers of node.toml, which is read anew while the node runs.

A member that was admitted is written down beside a running node. Somebody who edits the file may save half of it, and a stranger
who knocks then must not end the node: what stood there before counts until the file can be read again.
"""

from __future__ import annotations

import logging
import threading

from muniment.errors import MunimentError
from muniment.node.homes import NodeHome
from muniment.node.settings import NodeSettings

_log = logging.getLogger("muniment.node")


class Acquaintances:
    """The peers of one node. `settings` are those that it was started with. Safe for threads."""

    def __init__(self, home: NodeHome, settings: NodeSettings) -> None:
        self._home = home
        self._settings = settings
        self._lock = threading.Lock()
        self._said = ""

    def knows(self, peer: str) -> bool:
        """Is this the id (40 hex) of a member's engine?"""
        with self._lock:
            try:
                self._settings, self._said = self._home.load_settings(), ""
            except MunimentError as error:
                # Strangers knock as often as they like: it is said once.
                if str(error) != self._said:
                    self._said = str(error)
                    _log.error(
                        "%s; the peers that stood there before count until then", error, extra={"fields": {"code": error.code}}
                    )
            return any(each.p2p.partition("@")[0] == peer for each in self._settings.peers)
