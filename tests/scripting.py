"""Runs the verification script under Node: one process for many cases."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cases import Case
from muniment.server import scripts

RUNNER = Path(__file__).resolve().parent / "script" / "run.mjs"
MODULES = Path(scripts.__file__).parent / "explorer" / "verify"
SECONDS = 600.0


def run(cases: Sequence[Case], joined: Path | None = None, proofs: Mapping[str, Sequence[str]] | None = None) -> list[Case]:
    """What became of each case: `{"gave": ...}`, or the step and code of its failure.

    joined: the joined script, which is run in place of the modules; proofs: what a ledger gives between two sizes, `OLD-NEW`
    """
    node = shutil.which("node")
    assert node is not None, "the verification script is run under Node (20 or newer): install it, or see docs/dependencies.md"
    command = [node, "--no-warnings", str(RUNNER), str(MODULES), *([str(joined)] if joined else [])]
    given = json.dumps({"cases": list(cases), "proofs": dict(proofs or {})})
    done = subprocess.run(command, input=given.encode(), capture_output=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr.decode()
    found: list[Case] = json.loads(done.stdout)
    return found
