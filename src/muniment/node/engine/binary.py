"""Which program of CometBFT a node runs: where it lies, and whether it is the release that all nodes run.

    $MUNIMENT_COMETBFT                                          whoever sets it means it: nothing else is looked at
    $XDG_DATA_HOME/muniment/engine/v0.38.25/cometbft            what `muniment engine install` made
    cometbft on the PATH                                        where its version is the right one

A program is recognised by what Go wrote into it (`build_info`): the module, its version and the checksum of its source. One that
was built from a folder, as the project's own packages are, carries no checksum; then its version is asked for, and the
source counts as unknown.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from muniment.errors import InvalidInput, NotFound
from muniment.node.engine import build_info, release

VARIABLE = "MUNIMENT_COMETBFT"
RECORD = f"{release.PROGRAM}.sha256"
"""Beside an installed program: its SHA-256, as `sha256sum --check` reads it."""
PATIENCE_SECONDS = 20.0

Place = Literal["variable", "installed", "path"]
Source = Literal["checked", "unknown"]

_HINT = "Install the right one: muniment engine install"


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """A program that may order blocks. `source` is `checked` where it was built from the source that is pinned here."""

    path: Path
    place: Place
    version: str
    source: Source
    go: str


def find_folder(environment: Mapping[str, str]) -> Path:
    """Where the engine of this release is installed, for the user whose environment it is.

    Raises InvalidInput (`no-home-folder`).
    """
    named = environment.get("XDG_DATA_HOME", "")
    home = environment.get("HOME", "")
    if os.path.isabs(named):
        data = Path(named)
    elif os.path.isabs(home):
        data = Path(home) / ".local" / "share"
    else:
        raise InvalidInput("this user has no home folder", code="no-home-folder", hint="Set HOME to an absolute path.")
    return data / "muniment" / "engine" / release.VERSION


def find(environment: Mapping[str, str]) -> Engine:
    """The program that is to run. Raises NotFound (`no-engine`), InvalidInput (`wrong-engine`)."""
    if named := environment.get(VARIABLE):
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise NotFound(
                f"{VARIABLE} names {path}, and there is no such program", code="no-engine", hint=f"Correct or unset {VARIABLE}."
            )
        return inspect(path, "variable")
    installed = find_folder(environment) / release.PROGRAM
    if installed.exists():
        engine = inspect(installed, "installed")
        check_record(installed)
        return engine
    other = ""
    if named := shutil.which(release.PROGRAM, path=environment.get("PATH")):
        try:
            return inspect(Path(named).absolute(), "path")
        except InvalidInput as error:
            other = f" ({error})"
    raise NotFound(
        f"CometBFT {release.VERSION}, which orders the blocks of a consortium, is not installed{other}",
        code="no-engine",
        hint="Run: muniment engine install",
    )


def inspect(path: Path, place: Place) -> Engine:
    """The program at a path. Raises InvalidInput (`wrong-engine`) where it is another program or another version."""
    try:
        found = path.stat()
    except OSError as error:
        raise _wrong(path, error.strerror or "cannot be read") from None
    if not os.access(path, os.X_OK):
        raise _wrong(path, "may not be executed")
    identity = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    return msgspec.structs.replace(_inspect(path, identity), place=place)


def record(program: Path) -> str:
    """Write a program's SHA-256 beside it, and return it, in lower-case hex."""
    digest = hash_file(program)
    program.with_name(RECORD).write_text(f"{digest}  {program.name}\n", encoding="ascii")
    return digest


def check_record(program: Path) -> str:
    """The SHA-256 of an installed program, which must be the recorded one. Raises InvalidInput (`wrong-engine`)."""
    digest = hash_file(program)
    try:
        recorded = program.with_name(RECORD).read_text(encoding="ascii", errors="replace").split()[:1]
    except OSError:
        recorded = []
    if recorded != [digest]:
        raise _wrong(program, "is not what was installed: its SHA-256 is not the recorded one")
    return digest


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _inspect(path: Path, identity: tuple[int, int, int, int]) -> Engine:
    """Of one and the same file there is one answer: `identity` is device, inode, size and time of the last change."""
    built = build_info.load(path)
    main = built.main
    if main.path != release.MODULE:
        raise _wrong(path, f"was built from {main.path or 'something else'}")
    if main.checksum:
        if main.version != release.VERSION:
            raise _wrong(path, f"is version {main.version}, and this software runs {release.VERSION}")
        if main.checksum != release.CHECKSUM:
            raise _wrong(path, f"was built from a source with another checksum ({main.checksum})")
        return Engine(path=path, place="path", version=main.version, source="checked", go=built.go)
    version = _ask_version(path)
    if version != release.VERSION:
        raise _wrong(path, f"is version {version or 'unknown'}, and this software runs {release.VERSION}")
    return Engine(path=path, place="path", version=version, source="unknown", go=built.go)


def _ask_version(path: Path) -> str:
    """What `cometbft version` says, with a `v` before it and without the commit behind it."""
    try:
        said = subprocess.run(
            [path, "version"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
            env=release.clear(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = said.stdout.split()
    return "v" + words[0].partition("+")[0].removeprefix("v") if said.returncode == 0 and words else ""


def _wrong(path: Path, why: str) -> InvalidInput:
    return InvalidInput(f"{path} {why}", code="wrong-engine", hint=_HINT, details={"file": str(path)})
