"""`python -m bench` runs and writes what it promises. No test depends on how fast this machine is today."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import consortium
from muniment.errors import NotFound
from muniment.node.engine import binary

ROOT = Path(__file__).resolve().parents[2]
NAMES = {
    "ingest.1",
    "ingest.10",
    "ingest.100",
    "ingest.1000",
    "audit.signatures",
    "audit.replay",
    "audit.two",
    "inclusion.prove",
    "inclusion.check",
    "state.prove",
    "state.check",
    "hash.many",
    "hash.one",
    "disk.event",
    "cli.version",
    "cli.log",
}
CONSORTIUM = {f"consortium.{each}" for each in ("rate", "lone", "cpu", "memory", "idle", "down", "sync")}


def has_engine() -> bool:
    """Where there is none, four nodes cannot be measured, and the bench says so."""
    try:
        return bool(binary.find(os.environ))
    except NotFound:
        return False


def test_the_bench_measures_every_path_against_a_limit(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    command = [sys.executable, "-m", "bench", "--quick", "--output", str(output), "--folder", str(tmp_path)]
    with consortium.alone() if has_engine() else nullcontext():
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    results = json.loads(output.read_text(encoding="utf-8"))
    assert {result["name"] for result in results} >= NAMES | (CONSORTIUM if has_engine() else set())
    assert len(results) == len({result["name"] for result in results})
    for result in results:
        assert list(result) == ["name", "value", "unit", "ratio", "of", "spread"]
        assert result["name"] in done.stdout
        assert result["unit"], result
        assert result["of"], result
        assert all(math.isfinite(result[field]) and result[field] > 0 for field in ("value", "ratio")), result
        assert 0 <= result["spread"] < math.inf, result
