"""The right part of a ledger, made again in a new file from the entries of the old one.

The old file is only read, and nothing in it is believed: signatures are verified, blocks judged, headers compared. Only the
signatures on checkpoints are taken over, where they are over what came out again.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from muniment.core.format import checkpoint, entry, merkle, note
from muniment.core.rules import genesis
from muniment.core.rules.chain import Sealed
from muniment.errors import Conflict, CorruptStore, InvalidInput, NotFound, VerificationError
from muniment.ledger.store.cosignatures import Cosignatures
from muniment.ledger.store.file import Store
from muniment.ledger.store.marks import Mark
from muniment.node.snapshots.rebuilding import Rebuilding

AT_ONCE = 256
COSIGNED_AT_ONCE = 500


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries were made again, to which block; why no more, where something was in the way."""

    size: int
    height: int
    stopped: str = ""


class _Seals:
    """Gives a block the checkpoint that it had: nobody signs anew what was signed already."""

    def __init__(self, old: Store) -> None:
        self._old = old

    def __call__(self, sealed: Sealed) -> bytes:
        position = sealed.position
        with self._old.view() as view:
            raw = view.sealed_checkpoint(position.height)
        if note.parse(raw).text != checkpoint.format(position.checkpoint):
            raise CorruptStore(f"the checkpoint of block {position.height} is another one", details={"table": "block"})
        return raw


def rebuild(old: Store, path: Path, ledger: str, size: int) -> Rebuilt:
    """Make the first `size` entries of a ledger again at `path`, where nothing may be; `ledger` is its id.

    Raises Conflict (`other-ledger`) where the old file holds another one.
    """
    first = _read(old, 0, 1)
    if not first or merkle.leaf(first[0]).hex() != ledger:
        raise Conflict(
            "the file does not begin with the genesis of this consortium",
            code="other-ledger",
            hint="Move it away, and bring the ledger back with `muniment consortium seal`.",
        )
    header = entry.decode_header(first[0])
    seals = _Seals(old)
    store = Store.create(path, genesis.decode(bytes(header.genesis or b"")), header.time, seals)
    try:
        with store.hurrying():
            stopped = _copy(old, store, seals, size)
        with store.view() as view:
            done = Rebuilt(size=view.size, height=view.height, stopped=stopped)
    finally:
        store.close()
    _copy_cosignatures(old, path, done.height)
    return done


def mark(path: Path, wanted: Mark) -> None:
    """Note in a rebuilt ledger the engine's height that it stands at. Raises Conflict where it stands elsewhere."""
    store = Store.open(path)
    try:
        staged = store.stage([], lambda previous: previous)
        if staged.root != wanted.root:
            raise Conflict(
                "the rebuilt ledger does not end where the engine's block does",
                code="other-root",
                hint="Take all from the other members: `muniment node repair --from-others`.",
            )
        if store.mark() != wanted:
            store.commit(staged, lambda _: b"", wanted.height)
    finally:
        store.close()


def _copy(old: Store, new: Store, seals: _Seals, size: int) -> str:
    with Rebuilding(new, seals) as rebuilding:
        try:
            for start in range(1, size, AT_ONCE):
                rebuilding.feed(_read(old, start, min(start + AT_ONCE, size)))
            rebuilding.settle()
        except (VerificationError, CorruptStore, InvalidInput, NotFound) as error:
            # What is right before it stays; the engine hands the rest to the application again.
            return str(error)
    return ""


def _read(old: Store, start: int, stop: int) -> list[bytes]:
    with old.view() as view:
        found = list(view.entries(start, stop))
    if [index for index, _ in found] != list(range(start, stop)):
        raise CorruptStore(f"entries between {start} and {stop} are missing", details={"table": "entry", "row": start})
    return [raw for _, raw in found]


def _copy_cosignatures(old: Store, path: Path, last: int) -> None:
    kept = Cosignatures(path)
    try:
        for start in range(0, last + 1, COSIGNED_AT_ONCE):
            with old.view() as view:
                said = {height: view.cosignatures(height) for height in range(start, min(start + COSIGNED_AT_ONCE, last + 1))}
            kept.write({height: lines for height, lines in said.items() if lines})
    finally:
        kept.close()
