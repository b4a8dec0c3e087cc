"""The same entries give the same roots, whatever the hash seed and whatever the Python: nothing may hang on the order of a set."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cases import FOLDER, load
from interpreters import second_python

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SCRIPT = Path(__file__).with_name("replaying.py")


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
    assert replay("0", second_python()) == replay("0")
