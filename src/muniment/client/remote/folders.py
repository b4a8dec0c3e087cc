"""Evidence by its digest: a folder of this machine in front, the node behind.

What is stored is durable here at once, also while the node is away, and owed to it from then on; `deliver` sends what is owed,
before the events that speak of it are sent. The mark of a debt is an empty file, so that a crash forgets none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from muniment import disk
from muniment.core.format import digest
from muniment.errors import CorruptStore, InvalidInput, MunimentError, NotFound, Unavailable
from muniment.ledger.blobs import Blobs
from muniment.net.transport import Transport
from muniment.net.ways import Ways

MAX_BLOB_BYTES = 1 << 30


class RemoteBlobs:
    """A folder of blobs with nodes behind it, each of which may hold others. Raises as `Blobs`.

    `path` is that of the nodes, such as `/v1/blobs`.
    """

    def __init__(self, local: Blobs, owed: Path, ways: Ways, path: str, identify: Callable[[bytes], bytes]) -> None:
        self._local = local
        self._owed = owed
        self._ways = ways
        self._path = path
        self._identify = identify

    def store(self, data: bytes) -> str:
        """Keep a content here, durably, and owe it to the node."""
        name = self._local.store(data)
        try:
            self._owed.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._owed / name).touch(mode=0o600)
            disk.sync(self._owed)
        except OSError as error:
            raise Unavailable(
                f"cannot store in {self._owed}: {error.strerror}",
                code="blob-not-stored",
                hint="Check that the disk has room and that the folder is yours.",
            ) from None
        return name

    def load(self, name: str) -> bytes:
        """The content of a name, from here or from the node, hashed again. Raises CorruptStore where the node sends another."""
        try:
            return self._local.load(name)
        except NotFound:
            pass
        raw = self._ways.ask(lambda way: self._fetch(way, name), lacking=True)
        self._local.store(raw)
        return raw

    def holds(self, name: str) -> bool:
        """Whether it lies here or at a node."""
        if self._local.holds(name):
            return True
        try:
            return self._ways.ask(lambda way: self._find(way, name), lacking=True)
        except NotFound:
            return False

    def digests(self) -> Iterator[str]:
        """The names of what is held on this machine."""
        return self._local.digests()

    def size(self, name: str) -> int | None:
        """How many bytes a content has that lies on this machine; None where it does not."""
        return self._local.size(name)

    def deliver(self) -> None:
        """Send what is owed. What the node refuses stays owed and hinders nothing. Raises Unavailable where it is away."""
        for name in self._debts():
            try:
                self._ways.ask(partial(self._put, name))
            except Unavailable:
                raise
            except NotFound:
                # It was removed here before it was sent: nobody can send it any more.
                pass
            except MunimentError:
                continue
            (self._owed / name).unlink(missing_ok=True)

    def _fetch(self, way: Transport, name: str) -> bytes:
        raw = way.fetch(f"{self._path}/{name}", limit=MAX_BLOB_BYTES)
        try:
            held = digest.format(self._identify(raw)) == name
        except InvalidInput:
            held = False
        if not held:
            raise CorruptStore(
                f"the node does not hold the bytes of {digest.short(name)} under their name",
                code="corrupt-blob",
                hint="Ask whoever recorded it for the original.",
                details={"table": "blobs", "row": name},
            )
        return raw

    def _find(self, way: Transport, name: str) -> bool:
        if not way.holds(f"{self._path}/{name}"):
            raise NotFound(f"the node does not hold {digest.short(name)}", code="no-blob")
        return True

    def _put(self, name: str, way: Transport) -> None:
        if not way.holds(f"{self._path}/{name}"):
            way.put(f"{self._path}/{name}", self._local.load(name))

    def _debts(self) -> list[str]:
        try:
            return sorted(os.listdir(self._owed))
        except FileNotFoundError:
            return []
