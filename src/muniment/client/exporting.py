"""A ledger as files that any C2SP reader takes: `checkpoint`, `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]` (tlog-tiles).

    with ledger.view() as view:
        export_tiles(view, Path("public"))

The entries are streamed once; memory holds one bundle and one row of hashes for each level, whatever the size. Each file is
written beside and renamed, the checkpoint last. So a crash leaves whole files only, and an older checkpoint or none beside
them; the next export takes up every full tile that is there and goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from muniment import disk
from muniment.client.tile_folder import CHECKPOINT
from muniment.core.format import checkpoint, merkle, note
from muniment.core.format.merkle import HASH_BYTES
from muniment.core.format.tiles import HEIGHT, WIDTH, Bundle, Tile, encode_bundle, fold, fold_edge, path
from muniment.errors import Conflict, LedgerError
from muniment.ledger.engine import View

Progress = Callable[[int, int], None]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in the folder now: the checkpoint's size and root, and how many files were written and kept."""

    folder: str
    origin: str
    size: int
    root: str
    written: int
    kept: int


def export_tiles(view: View, folder: Path, progress: Progress | None = None) -> Exported:
    """Write all tiles and entries of the newest checkpoint, then the checkpoint itself.

    Raises Conflict (`other-tiles`) where the folder holds another ledger's tiles, LedgerError (`not-written`).
    """
    found = checkpoint.parse(note.parse(view.checkpoint).text)
    _check_folder(folder, found.origin)
    export = _Export(view, folder)
    try:
        if export.run(progress) != found.root:
            raise Conflict(
                f"what lies in {folder} already is not of this ledger",
                code="other-tiles",
                hint="Export into an empty folder.",
            )
        export.put(CHECKPOINT, view.checkpoint)
    except OSError as error:
        raise LedgerError(
            f"{error.filename or folder} cannot be written: {error.strerror}",
            code="not-written",
            hint="Make room, or choose a folder that is yours; the next export goes on where this one stopped.",
        ) from None
    return Exported(
        folder=str(folder),
        origin=found.origin,
        size=found.size,
        root=found.root.hex(),
        written=export.written,
        kept=export.kept,
    )


class _Export:
    """One run: the open row of each level, and what was written."""

    def __init__(self, view: View, folder: Path) -> None:
        self._view = view
        self._folder = folder
        self._rows: list[bytes] = []
        self._counts: list[int] = []
        self._folders: set[Path] = set()
        self.written = 0
        self.kept = 0

    def run(self, progress: Progress | None) -> bytes:
        """Write every tile and bundle; returns the root that they give."""
        size = self._view.size
        for number in range(-(-size // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            self._extend(0, self._take_up(number, width))
            if progress is not None:
                progress(number * WIDTH + width, size)
        rows = enumerate(zip(self._counts, self._rows, strict=True))
        edge = {Tile(level, count, len(row) // HASH_BYTES): row for level, (count, row) in rows if row}
        for tile, row in edge.items():
            self.put(path(tile), row)
        return fold_edge(size, edge)

    def put(self, relative: str, raw: bytes) -> None:
        """Write a file, whole or not at all, and durably."""
        target = self._folder / relative
        if target.parent not in self._folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(target.parent)
        disk.write(target, raw, beside=target.with_name(f".{target.name}{disk.UNFINISHED}"))
        self.written += 1

    def _take_up(self, number: int, width: int) -> bytes:
        """The leaf hashes of one bundle of entries: those of a full tile that is there, else of the entries, then written."""
        bundle, tile = Bundle(number, width), Tile(0, number, width)
        kept = self._load(path(tile), width * HASH_BYTES) if width == WIDTH else None
        if kept is not None and (self._folder / path(bundle)).is_file():
            self.kept += 2
            return kept
        entries = [raw for _, raw in self._view.entries(number * WIDTH, number * WIDTH + width)]
        # The bundle first: where the tile is, the entries are.
        self.put(path(bundle), encode_bundle(entries))
        return b"".join([merkle.leaf(raw) for raw in entries])

    def _extend(self, level: int, hashes: bytes) -> None:
        """Add hashes to the open row of a level. A row that is full becomes a tile, and its root goes one level up."""
        if level == len(self._rows):
            self._rows.append(b"")
            self._counts.append(0)
        row = self._rows[level] + hashes
        if len(row) < WIDTH * HASH_BYTES:
            self._rows[level] = row
            return
        tile = Tile(level, self._counts[level])
        if self._load(path(tile), len(row)) == row:
            self.kept += level > 0
        else:
            self.put(path(tile), row)
        self._rows[level] = b""
        self._counts[level] += 1
        self._extend(level + 1, fold(row, HEIGHT, 0))

    def _load(self, relative: str, length: int) -> bytes | None:
        """A file that is there and has this length."""
        try:
            raw = (self._folder / relative).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return raw if len(raw) == length else None


def _check_folder(folder: Path, origin: str) -> None:
    """Refuse a folder that is another ledger's export, before anything is written. Raises Conflict, LedgerError."""
    try:
        raw = (folder / CHECKPOINT).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise LedgerError(f"{folder / CHECKPOINT} cannot be read: {error.strerror}", code="not-written") from None
    if not raw.startswith(origin.encode() + b"\n"):
        raise Conflict(f"{folder / CHECKPOINT} is of another ledger", code="other-tiles", hint="Export into an empty folder.")
