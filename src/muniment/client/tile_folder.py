"""A folder in the C2SP static layout (`checkpoint`, `tile/...`), read with every byte checked against the checkpoint's root.

tiles = TileFolder(folder, note, found.size, found.root)
audit(lambda: nullcontext(tiles), log)      # as good as the ledger's own file, as far as entries go
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from muniment.core.format.merkle import HASH_BYTES
from muniment.core.format.tile_reader import TileReader
from muniment.core.format.tiles import WIDTH, Bundle, Tile, decode_bundle, encode_bundle, path
from muniment.errors import Unavailable

CHECKPOINT = "checkpoint"


class TileFolder:
    """The entries under one checkpoint. Errors are those of `TileReader`, and Unavailable (`tile-missing`)."""

    def __init__(self, folder: Path, note: bytes, size: int, root: bytes) -> None:
        self.folder = folder
        self.reader = TileReader(self._read, size, root)
        self._note = note

    @property
    def checkpoint(self) -> bytes:
        """The signed checkpoint."""
        return self._note

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.reader.size

    def entry(self, index: int) -> bytes:
        """The exact bytes of an entry."""
        return next(self.reader.entries(index, index + 1))

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Index and exact bytes of the entries in [start, stop)."""
        return enumerate(self.reader.entries(start, stop), start)

    def _read(self, resource: Tile | Bundle) -> bytes:
        """The bytes of a resource. Where a partial one is gone, the full one that took its place holds it (tlog-tiles)."""
        raw = self._load(path(resource))
        if raw is not None:
            return raw
        if isinstance(resource, Tile):
            full = self._load(path(Tile(resource.level, resource.index)))
            if full is not None and resource.width < WIDTH:
                return full[: resource.width * HASH_BYTES]
        else:
            full = self._load(path(Bundle(resource.index)))
            if full is not None and resource.width < WIDTH:
                return encode_bundle(decode_bundle(full)[: resource.width])
        raise Unavailable(
            f"{path(resource)} is not in {self.folder}",
            code="tile-missing",
            hint="Fetch or export the tiles once more; what is there stays.",
            details={"tile": path(resource)},
        )

    def _load(self, relative: str) -> bytes | None:
        try:
            return (self.folder / relative).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unavailable(f"{self.folder / relative} cannot be read: {error.strerror}", code="tile-unreadable") from None


def is_tile_folder(folder: Path) -> bool:
    """Does a folder have the static layout?"""
    return (folder / CHECKPOINT).is_file() and (folder / "tile").is_dir()
