"""Evidence kept byte for byte under its own digest: manifests, environments, foreign statements (docs/spec, section 1.3).

    blobs = Blobs(Path(".muniment/blobs"))
    name = blobs.store(manifest.encode(found))      # 64 hex digits, on disk before this returns
    blobs.load(name)                                # hashed again, or CorruptStore

One file a blob, named by its SHA-256, so that `sha256sum *` in the folder proves it without us. A folder of manifests may name
each by its root instead: any function of the bytes that two different contents never share. The folder is 0700 and its files are
0600. Any number of processes may store and load at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from muniment import disk
from muniment.core.format import digest
from muniment.errors import CorruptStore, InvalidInput, NotFound, Unavailable

_blob = re.compile(r"[0-9a-f]{64}\Z")


class Evidence(Protocol):
    """Contents by the digest that names them; raises as `Blobs` does."""

    def store(self, data: bytes) -> str:
        """Keep a content and return its name."""

    def load(self, name: str) -> bytes:
        """The content of a name, which is checked."""

    def holds(self, name: str) -> bool:
        """Whether the content of a name is held."""

    def digests(self) -> Iterator[str]:
        """The names of what is held on this machine."""


class Blobs:
    """A folder of blobs, made by the first `store`. `identify` gives the 32 bytes that name a content, or raises InvalidInput."""

    def __init__(self, folder: Path, *, identify: Callable[[bytes], bytes] = digest.sha256) -> None:
        self._folder = folder
        self._identify = identify

    def store(self, data: bytes) -> str:
        """Keep `data` and return its name. Raises Unavailable (`blob-not-stored`) where the disk refuses."""
        name = digest.format(self._identify(data))
        try:
            disk.make_folder(self._folder)
            if self._read(name) != data:
                disk.write(self._folder / name, data, mode=disk.PRIVATE)
            # Also where the blob was there already: another process may have renamed it and not yet come to this line.
            disk.sync(self._folder)
        except OSError as error:
            raise Unavailable(
                f"cannot store in {self._folder}: {error.strerror}",
                code="blob-not-stored",
                hint="Check that the disk has room and that the folder is yours.",
            ) from None
        return name

    def load(self, name: str) -> bytes:
        """The bytes with this digest.

        Raises InvalidInput (`bad-digest`), NotFound (`blob-not-held`), CorruptStore (`corrupt-blob`) where the bytes on disk have
        another name, and Unavailable (`blob-unreadable`).
        """
        expected = digest.parse(name)
        try:
            data = self._read(name)
        except OSError as error:
            raise Unavailable(
                f"cannot read the blob {digest.short(name)}: {error.strerror}",
                code="blob-unreadable",
                hint="Check the permissions of the folder of blobs.",
            ) from None
        if data is None:
            raise NotFound(
                f"the blob {digest.short(name)} is not held here",
                code="blob-not-held",
                hint="Ask whoever recorded it; its digest tells whether what they send is right.",
            )
        if not self._is_named(expected, data):
            raise CorruptStore(
                f"the blob {digest.short(name)} does not have the bytes of its name",
                code="corrupt-blob",
                hint="Store the original again, or fetch it from a backup.",
                details={"table": "blobs", "row": name},
            )
        return data

    def holds(self, name: str) -> bool:
        """Whether a blob of this name lies here; `load` says whether it is whole. Raises InvalidInput (`bad-digest`)."""
        digest.parse(name)
        return (self._folder / name).is_file()

    def size(self, name: str) -> int | None:
        """How many bytes a blob has; None where it is not held here. Raises InvalidInput (`bad-digest`)."""
        digest.parse(name)
        try:
            return (self._folder / name).stat().st_size
        except OSError:
            return None

    def digests(self) -> Iterator[str]:
        """The digest of every blob, sorted. A folder that was never made holds none."""
        try:
            found = sorted(os.listdir(self._folder))
        except FileNotFoundError:
            found = []
        for name in found:
            if _blob.match(name):
                yield name

    def _is_named(self, name: bytes, data: bytes) -> bool:
        try:
            return self._identify(data) == name
        except InvalidInput:
            return False

    def _read(self, name: str) -> bytes | None:
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read()
