"""A backup: the ledger and what belongs to it, copied while all of it may be in use.

    copied = back_up(Home(folder), Path("/mnt/backup/credit-2026-03"))

The ledger's file goes first and what lies beside it afterwards: disclosures, lists of files and blobs are durable before the
entry that needs them, so a copy that was begun later lacks nothing. Keys are not copied: who holds a key can sign, and a backup
has other readers. Nothing is overwritten. A crash leaves an `.unfinished` folder or file, never half a backup under its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from muniment import disk
from muniment.client.home import Home
from muniment.core.format import checkpoint, note
from muniment.errors import Conflict, LedgerError
from muniment.ledger.embedded import Embedded
from muniment.ledger.store.file import Store

FILE_SUFFIXES = (".db", ".sqlite", ".sqlite3")


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """A backup: where it lies, the checkpoint that it ends with, and how many files and bytes it has."""

    path: str
    origin: str
    size: int
    root: str
    files: int
    bytes: int
    whole: bool


def back_up(home: Home, target: Path) -> Copied:
    """Copy a ledger to a new folder, or only its file where the target is named like one (`*.db`).

    Raises Conflict (`backup-exists`) where something is there, LedgerError (`not-written`), Unavailable for a network file system.
    """
    if os.path.lexists(target):
        raise Conflict(f"{target} is already there", code="backup-exists", hint="Choose a new name; no backup is overwritten.")
    store = Store.open(home.store)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _appearing(target) as beside:
            if target.suffix in FILE_SUFFIXES:
                store.backup(beside)
                return _describe(beside, target, whole=False)
            beside.mkdir(mode=0o700)
            store.backup(Home(beside).store)
            for path in _belongings(home):
                _copy(path, beside / path.relative_to(home.folder))
            return _describe(beside, target, whole=True)
    except OSError as error:
        raise LedgerError(
            f"{error.filename or target} cannot be copied: {error.strerror}",
            code="not-written",
            hint="Make room, or choose a folder that is yours; nothing was left behind.",
        ) from None
    finally:
        store.close()


def _belongings(home: Home) -> Iterator[Path]:
    """What lies beside the ledger's file and belongs to it; neither keys nor what only this machine needs."""
    for path in (home.trust, home.vault, home.folder / ".gitignore"):
        if path.is_file():
            yield path
    for folder in (home.blobs, home.manifests):
        for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
            if not name.endswith(disk.UNFINISHED):
                yield folder / name


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its mode and times, and make it durable."""
    # Here, because every command imports this module and few copy anything.
    import shutil

    if not target.parent.is_dir():
        target.parent.mkdir(mode=source.parent.stat().st_mode & 0o777)
    shutil.copy2(source, target, follow_symlinks=False)
    descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _describe(copy: Path, target: Path, *, whole: bool) -> Copied:
    """Open the copy as a ledger: a backup that cannot be read is none. Raises CorruptStore."""
    store = Home(copy).store if whole else copy
    engine = Embedded(Store.open(store), None)
    try:
        with engine.view() as view:
            found = checkpoint.parse(note.parse(view.checkpoint).text)
    finally:
        engine.close()
    for leftover in (Path(f"{store}-wal"), Path(f"{store}-shm")):
        leftover.unlink(missing_ok=True)
    paths = [path for path in copy.rglob("*") if path.is_file()] if whole else [copy]
    return Copied(
        path=str(target),
        origin=found.origin,
        size=found.size,
        root=found.root.hex(),
        files=len(paths),
        bytes=sum(path.stat().st_size for path in paths),
        whole=whole,
    )


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """A name beside the target, which takes the target's name once everything is there and durable."""
    beside = disk.name_beside(target)
    try:
        yield beside
        if os.path.lexists(target):
            raise Conflict(f"{target} is already there", code="backup-exists", hint="Choose a new name.")
        os.rename(beside, target)
        disk.sync(target.parent)
    except BaseException:
        _remove(beside)
        raise


def _remove(beside: Path) -> None:
    """Take away what was begun."""
    import shutil

    if beside.is_dir():
        shutil.rmtree(beside, ignore_errors=True)
    else:
        beside.unlink(missing_ok=True)
