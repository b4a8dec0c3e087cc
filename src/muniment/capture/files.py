"""A folder or one file, read as it is now and told as a manifest (docs/spec, section 2.2).

    found = read("out/model", progress=show)        # show(bytes done, bytes in all, path in work)
    found.manifest, found.ignored

Every file is hashed with SHA-256, several at a time. Nothing is followed, guessed or cached: symbolic links and special files are
refused, and a file or folder that changes meanwhile is an error, because such a digest would describe a state that never was.
At the top of a folder the OpenSSF ignore list is passed over (`core.format.oms.IGNORED`); empty folders leave no trace.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import msgspec

from muniment.capture.hashing import Progress, Source, Status, hash_all
from muniment.core.format import manifest, oms
from muniment.core.format.manifest import Manifest
from muniment.errors import CaptureError, InvalidInput


class Files(msgspec.Struct, frozen=True):
    """What was read: the last component of the given path (NFC), the manifest, and what the ignore list passed over."""

    name: str
    manifest: Manifest
    ignored: tuple[str, ...] = ()


class _Listing(NamedTuple):
    sources: list[Source]
    ignored: tuple[str, ...]


def read(
    path: str | os.PathLike[str],
    *,
    ignore: Collection[str] = oms.IGNORED,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Files:
    """Hash a folder, or one file as a manifest of one line, its file name.

    `ignore` holds paths relative to the folder; a folder among them is passed over with all that it holds. `threads` defaults to
    the processors that this process may use, at most 16. `progress` is called in the caller's thread, at most 20 times a second,
    with the bytes done, the bytes in all and the path of a file in work; what it raises stops the reading.

    Raises CaptureError: `missing`, `unreadable`, `symlink`, `special-file`, `bad-path`, `same-path`, `no-files`,
    `too-many-files`, `changed`.
    """
    location = Path(os.path.abspath(path))
    name = unicodedata.normalize("NFC", location.name) or "root"
    try:
        status = os.lstat(location)
    except FileNotFoundError:
        raise CaptureError(f"there is nothing at {location}", code="missing", hint="Check the path.") from None
    except (OSError, ValueError) as error:
        raise _unreadable(str(location), error) from None
    listing = _list(location, status, frozenset(ignore))
    lines = hash_all(listing.sources, threads=threads, progress=progress)
    if stat.S_ISDIR(status.st_mode):
        # What was hashed first may have changed while the rest was hashed: the folder must be one state, not several.
        _check_unchanged(listing, _list(location, status, frozenset(ignore)))
    return Files(name, manifest.build(lines), listing.ignored)


def describe(path: str | os.PathLike[str], *, ignore: Collection[str] = oms.IGNORED) -> tuple[int, int]:
    """How many files `read` would hash and how many bytes they hold, without opening any. Raises as `read` does."""
    location = Path(os.path.abspath(path))
    try:
        listing = _list(location, os.lstat(location), frozenset(ignore))
    except (OSError, ValueError) as error:
        raise _unreadable(str(location), error) from None
    return len(listing.sources), sum(source.status.size for source in listing.sources)


def _list(location: Path, status: os.stat_result, ignore: frozenset[str]) -> _Listing:
    """Every file to hash, in the order of the manifest."""
    if stat.S_ISREG(status.st_mode):
        return _Listing([_source(location.name, str(location), status)], ())
    if not stat.S_ISDIR(status.st_mode):
        raise _refused(str(location), status.st_mode)
    found: dict[str, Source] = {}
    ignored: list[str] = []
    folders = [("", str(location))]
    while folders:
        prefix, folder = folders.pop()
        for entry in _entries(folder):
            relative = unicodedata.normalize("NFC", prefix + entry.name)
            if relative in ignore:
                ignored.append(relative)
            elif entry.is_dir(follow_symlinks=False):
                folders.append((f"{relative}/", entry.path))
            else:
                try:
                    source = _source(relative, entry.path, entry.stat(follow_symlinks=False))
                except OSError as error:
                    raise _unreadable(entry.path, error) from None
                if found.setdefault(source.path, source) is not source:
                    raise CaptureError(
                        f"two files are called {relative} once their names are in Unicode normal form C",
                        code="same-path",
                        hint="Rename one of them.",
                    )
        if len(found) > manifest.MAX_LINES:
            raise CaptureError(
                f"{location} holds more than {manifest.MAX_LINES} files",
                code="too-many-files",
                hint="Pack them into archives, or register parts of the folder on their own.",
            )
    if not found:
        raise CaptureError(f"{location} holds no files", code="no-files", hint="Point to the folder or the file that was saved.")
    return _Listing([found[path] for path in sorted(found)], tuple(sorted(ignored)))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from None


def _source(relative: str, location: str, status: os.stat_result) -> Source:
    """One file to hash. Raises CaptureError for links, for what is no file, and for names that a manifest cannot hold."""
    if not stat.S_ISREG(status.st_mode):
        raise _refused(location, status.st_mode)
    path = unicodedata.normalize("NFC", relative)
    try:
        manifest.check_path(path)
    except InvalidInput as error:
        raise CaptureError(f"a file cannot be recorded: {error}", code="bad-path", hint="Rename the file.") from None
    return Source(path, location, Status.of(status))


def _check_unchanged(before: _Listing, after: _Listing) -> None:
    if before == after:
        return
    old, new = ({source.path: source for source in listing.sources} for listing in (before, after))
    paths = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    raise CaptureError(
        f"the folder changed while it was read: {', '.join(paths[:3])}",
        code="changed",
        hint="Wait until nothing writes there any more, then run the command again.",
        details={"paths": paths[:100]},
    )


def _refused(location: str, mode: int) -> CaptureError:
    if stat.S_ISLNK(mode):
        return CaptureError(
            f"{location} is a symbolic link",
            code="symlink",
            hint=f"Links can point elsewhere tomorrow: name the target ({os.path.realpath(location)}), or copy it with `cp -rL`.",
        )
    return CaptureError(f"{location} is neither a file nor a folder", code="special-file", hint="Move it out of the folder.")


def _unreadable(location: str, error: OSError | ValueError) -> CaptureError:
    reason = error.strerror if isinstance(error, OSError) else error
    return CaptureError(f"cannot read {location}: {reason}", code="unreadable", hint="Check the path and its permissions.")
