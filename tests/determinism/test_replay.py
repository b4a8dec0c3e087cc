"""The same entries give the same roots, whatever the hash seed and whatever the Python: nothing may hang on the order of a set."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cases import FOLDER, load

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SCRIPT = Path(__file__).with_name("replaying.py")
MINORS = range(11, 16)


@functools.cache
def replay(seed: str, python: str = sys.executable) -> dict[str, Any]:
    """What a process of its own makes of the published ledger."""
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY / "src")}
    command = [python, "-W", "error", str(SCRIPT), str(FOLDER)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_every_hash_seed_gives_the_recorded_roots(seed: str) -> None:
    found = replay(seed)
    assert [(root, state) for root, state, _ in found["roots"]] == [
        (each["root"], each["state"]) for each in load("ledger")["blocks"]
    ]
    assert found == replay("0")


def test_another_python_gives_the_same() -> None:
    python = next(find_others(), None)
    if python is None:
        pytest.skip("no other Python on this machine has msgspec and PyNaCl; name one in MUNIMENT_OTHER_PYTHON")
    assert replay("0", python) == replay("0")


def find_others() -> Iterator[str]:
    """Interpreters of another minor version that can run the core: those named, on the path, or installed by pyenv."""
    named = os.environ.get("MUNIMENT_OTHER_PYTHON", "").split(os.pathsep)
    on_path = [shutil.which(f"python3.{minor}") or "" for minor in MINORS]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = [str(path) for minor in MINORS for path in sorted(pyenv.glob(f"3.{minor}.*/bin/python"))]
    test = "import sys, msgspec, nacl.bindings; sys.exit(sys.version_info < (3, 11) or sys.version_info[:2] == (%d, %d))"
    for python in dict.fromkeys(each for each in (*named, *on_path, *installed) if each):
        try:
            done = subprocess.run([python, "-c", test % sys.version_info[:2]], capture_output=True, timeout=30, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            yield python
