"""A copy of a ledger's tiles in the C2SP static layout, checked while it is made (`checkpoint`, `tile/...`).

    mirror = Mirror(transport, folder, trust)
    mirrored = mirror.run(compare)              # raises before the last good checkpoint is touched

Every tile leads to the root of the checkpoint that the ledger signed, every entry to its leaf, and the checkpoint continues the
one that the folder held. Files are written beside and renamed, the checkpoint last: a crash leaves whole files and the older
checkpoint. The next run takes up what lies there, and checks it like everything else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from muniment import disk
from muniment.core.format import merkle, note
from muniment.core.format.merkle import HASH_BYTES
from muniment.core.format.tile_reader import Read, TileReader
from muniment.core.format.tiles import HEIGHT, WIDTH, Bundle, Tile, edge_for, path
from muniment.core.proof import authority, evidence
from muniment.core.proof.authority import Head
from muniment.core.proof.evidence import Evidence, Prove, SplitView
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify.ground import Terms, seat
from muniment.errors import Conflict, InvalidInput, LedgerError, NotFound, Unavailable, VerificationError
from muniment.net.tiles import CHECKPOINT, read_tiles
from muniment.net.transport import Transport

T = TypeVar("T")

Progress = Callable[[int, int], None]
Compare = Callable[[bytes, Prove], object]
"""Compares a signed checkpoint with what was seen before, and remembers it: raises SplitView (ledger.pins)."""

_INCLUSION_STEP = 7


class Mirrored(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in the folder now: the checkpoint's size and root, and how many files this run wrote."""

    folder: str
    origin: str
    size: int
    root: str
    written: int
    before: int


class Mirror:
    """A folder that follows a ledger. `keep` writes evidence of two histories and returns its path.

    `steps` are the trust path that the ledger gives, where its members changed since the trust file was written.
    """

    def __init__(
        self,
        transport: Transport,
        folder: Path,
        trust: Trust,
        *,
        keep: Callable[[Evidence], str] = lambda _: "",
        steps: Sequence[Step] = (),
    ) -> None:
        self._transport = transport
        self._folder = folder
        self._trust = trust
        self._bench = seat(trust, Terms(), steps)
        self._keep = keep
        self._written = 0

    def run(self, compare: Compare, progress: Progress | None = None) -> Mirrored:
        """Bring the folder to the newest checkpoint.

        Raises VerificationError (SplitView before all else) where anything does not fit, Conflict (`other-tiles`) where the folder
        holds another ledger's, Unavailable where something cannot be had now, LedgerError (`not-written`).
        """
        self._written = 0
        try:
            before = self._load_head()
            head = self._fetch_head()
            source = _Source(self._folder, read_tiles(self._transport))
            reader = TileReader(source.read, head.checkpoint.size, head.checkpoint.root)
            _read(reader.check_edge)
            self._compare(before, head, reader, compare)
            source.is_local = True
            done = 0 if before is None else before.checkpoint.size
            if before is None or head.checkpoint != before.checkpoint:
                self._copy(reader, source, done, progress)
            if before is None or (head.note != before.note and not _is_older(head, before)):
                self._put(CHECKPOINT, head.note)
                self._sweep(done, head.checkpoint.size)
        except OSError as error:
            raise LedgerError(
                f"{error.filename or self._folder} cannot be used: {error.strerror}",
                code="not-written",
                hint="Make room, or choose a folder that is yours; the next run goes on where this one stopped.",
            ) from None
        found = head.checkpoint
        return Mirrored(
            folder=str(self._folder),
            origin=found.origin,
            size=found.size,
            root=found.root.hex(),
            written=self._written,
            before=done,
        )

    def _load_head(self) -> Head | None:
        """The checkpoint that the folder holds."""
        try:
            raw = (self._folder / CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return None
        try:
            return self._bench.open(raw)[0]
        except (InvalidInput, VerificationError) as error:
            raise Conflict(
                f"{self._folder / CHECKPOINT} is not of the ledger {self._trust.origin}: {error}",
                code="other-tiles",
                hint="Mirror into an empty folder, or name the trust file of the ledger whose mirror this is.",
            ) from None

    def _fetch_head(self) -> Head:
        raw = self._transport.load(f"/{CHECKPOINT}", limit=note.MAX_NOTE_BYTES)
        if raw is None:
            raise NotFound(
                f"there is no checkpoint at {self._transport.address.url}",
                code="no-checkpoint",
                hint="Name the address under which `checkpoint` and `tile/` lie.",
            )
        try:
            head, _ = self._bench.open(raw)
            authority.check_vote(head, self._bench.judge(head.checkpoint.size)[0])
        except InvalidInput as error:
            raise VerificationError(f"what is shown is no checkpoint: {error}", step=1, code=error.code) from None
        evidence.pin(head)
        return head

    def _compare(self, before: Head | None, head: Head, reader: TileReader, compare: Compare) -> None:
        """Check that the checkpoint continues what the folder holds, what this client saw, and the ledger's own genesis."""
        bad: list[VerificationError] = []

        def prove(old: int, new: int) -> Sequence[bytes]:
            try:
                plan = merkle.plan_consistency(old, new)
                return merkle.build(plan, reader.hashes(plan))
            except VerificationError as error:
                # A tile that does not fit its tree accuses whoever sent it, and not the ledger of a second history.
                bad.append(error)
                raise Unavailable("the tiles do not fit the checkpoint", code="bad-tiles") from None

        try:
            if before is not None:
                self._check_growth(before, head, prove)
            compare(head.note, prove)
        except Unavailable:
            if bad:
                raise bad[0] from None
            raise
        genesis = _read(lambda: next(reader.leaves(0, 1)))
        if genesis.hex() != self._trust.ledger:
            raise VerificationError(
                f"this is the ledger {genesis.hex()[:8]}…, and the trust file is about {self._trust.ledger[:8]}…",
                step=2,
                code="ledger",
                hint="Compare the trust file with what the ledger's owner gave out.",
            )

    def _check_growth(self, before: Head, head: Head, prove: Prove) -> None:
        try:
            evidence.check(evidence.pin(before), head, prove, contact=True)
        except SplitView as split:
            raise SplitView(split.evidence, path=self._keep(split.evidence)) from None

    def _copy(self, reader: TileReader, source: _Source, done: int, progress: Progress | None) -> None:
        """Read every bundle and tile that the folder lacks, and write each once it was traced to the root."""
        size = reader.size
        for number in range(done // WIDTH, -(-size // WIDTH)):
            start, stop = number * WIDTH, min((number + 1) * WIDTH, size)
            try:
                _check_bundle(reader, start, stop)
            except VerificationError:
                if not source.is_local:
                    raise
                # Something that lay here does not fit: everything from here on is fetched, and checked again.
                source.is_local = False
                source.pending.clear()
                reader = TileReader(source.read, size, reader.root)
                _check_bundle(reader, start, stop)
            for resource, raw in source.take():
                self._put(path(resource), raw)
            if progress is not None:
                progress(stop, size)

    def _put(self, relative: str, raw: bytes) -> None:
        """Write a file, whole or not at all, and durably."""
        target = self._folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        disk.write(target, raw, beside=target.with_name(f".{target.name}{disk.UNFINISHED}"))
        disk.sync(target.parent)
        self._written += 1

    def _sweep(self, before: int, size: int) -> None:
        """Remove the partial files of checkpoints older than the one before: whoever reads that one now still finds its own."""
        kept = {resource for each in (before, size) if each for resource in _partial(each)}
        for resource in kept:
            place = (self._folder / path(resource)).parent
            for file in place.iterdir() if place.is_dir() else ():
                if file not in {self._folder / path(each) for each in kept}:
                    file.unlink(missing_ok=True)


class _Source:
    """Where resources come from: the server, or first the folder, where that is worth a try.

    What came from the server waits in `pending` until it was traced to the root.
    """

    def __init__(self, folder: Path, fetch: Read) -> None:
        self._folder = folder
        self._fetch = fetch
        self.is_local = False
        self.pending: dict[Tile | Bundle, bytes] = {}

    def read(self, resource: Tile | Bundle) -> bytes:
        """The bytes of a resource."""
        if self.is_local:
            try:
                raw = (self._folder / path(resource)).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                pass
            else:
                if isinstance(resource, Bundle) or len(raw) == resource.width * HASH_BYTES:
                    return raw
        raw = self._fetch(resource)
        self.pending[resource] = raw
        return raw

    def take(self) -> list[tuple[Tile | Bundle, bytes]]:
        """What was fetched and is checked by now; the entries first, so that where a tile is, its entries are."""
        taken = sorted(self.pending.items(), key=lambda each: (isinstance(each[0], Tile), getattr(each[0], "level", 0)))
        self.pending = {}
        return taken


def _partial(size: int) -> list[Tile | Bundle]:
    """The resources of a tree that are not full yet."""
    edge = [tile for tile in edge_for(size) if tile.width < WIDTH]
    rest = size % WIDTH
    return [*edge, *([Bundle(size >> HEIGHT, rest)] if rest else [])]


def _check_bundle(reader: TileReader, start: int, stop: int) -> None:
    """Trace entries to the root, and with them every tile on their way."""
    _read(lambda: deque(reader.entries(start, stop), maxlen=0))


def _is_older(head: Head, before: Head) -> bool:
    """The same checkpoint with lines of an earlier day? Members sign it anew, and another node may still show what they said."""
    return head.checkpoint == before.checkpoint and (head.quorum_time or 0) < (before.quorum_time or 0)


def _read(read: Callable[[], T]) -> T:
    """Read from tiles; what has no form at all is as wrong as what does not fit. Raises VerificationError (step 7)."""
    try:
        return read()
    except InvalidInput as error:
        raise VerificationError(
            f"what the server shows does not have the form of tiles: {error}",
            step=_INCLUSION_STEP,
            code=error.code,
            details=error.details,
        ) from None
