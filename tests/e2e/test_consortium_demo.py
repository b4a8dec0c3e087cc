"""`muniment consortium demo`: what it says happened, and that it leaves nothing behind but its folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import consortium
from muniment.core.proof import trust as trusts
from muniment.core.proof.verify import verify_answer
from muniment.node.engine import binary

PROGRAM = str(Path(sys.executable).with_name("muniment"))
TIME_LIMIT_S = 1_500
MEMBERS = {"clinic", "hospital", "lab", "watch"}


@dataclass(frozen=True)
class Run:
    """One run: where it ran, what it printed, and with which environment."""

    folder: Path
    summary: dict[str, Any]
    errors: str
    environment: dict[str, str]

    @property
    def demo(self) -> Path:
        """What the demo leaves."""
        return self.folder / "here" / "demo"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo, run once, by somebody whose home is empty and whose working directory is another one."""
    folder = tmp_path_factory.mktemp("consortium")
    for name in ("home", "here"):
        (folder / name).mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        binary.VARIABLE: str(binary.find(os.environ).path),
    }
    with consortium.alone():
        done = subprocess.run(
            [PROGRAM, "consortium", "demo", "--dir", "demo", "--json"],
            cwd=folder / "here",
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return Run(folder, json.loads(done.stdout), done.stderr, environment)


def test_the_summary_says_what_happened(run: Run) -> None:
    summary = run.summary
    assert Path(summary["folder"]) == run.demo
    assert re.fullmatch(r"example\.com/tumour-screen-[0-9a-f]{8}", summary["origin"])
    assert len(summary["ledger"]) == 64
    assert len(summary["fingerprint"].split()) == 8
    assert summary["recorded"] >= 10
    assert summary["refused"] == ["other-house", "too-early"]
    assert summary["lie"] == "quorum"
    assert 0 < summary["seconds"] < TIME_LIMIT_S
    assert not run.errors


def test_three_of_four_stand_behind_the_proof(run: Run) -> None:
    proof = run.summary["proof"]
    assert proof["tier"] == "consortium"
    assert proof["basis"] == "voted"
    assert len(proof["organisations"]) >= 3
    assert set(proof["organisations"]) <= MEMBERS
    assert "hospital-cleo" in proof["approvedBy"]
    trust = trusts.parse((run.demo / "proofs" / "trust.toml").read_text())
    assert set(trust.organisations) == MEMBERS
    assert trust.quorum == 3
    verified = verify_answer((run.demo / "proofs" / "now.json").read_bytes(), trust)
    assert sorted(verified.ground.basis_by) == sorted(proof["organisations"])


def test_nothing_is_left_running(run: Run) -> None:
    left = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                words = (each / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            except OSError:
                continue
            if str(run.demo) in words:
                left.append(words)
    assert not left


def test_nothing_outside_its_folder_is_touched(run: Run) -> None:
    assert [each.name for each in (run.folder / "here").iterdir()] == ["demo"]
    assert list((run.folder / "home").iterdir()) == []


def test_the_commands_that_it_names_work(run: Run) -> None:
    for line in run.summary["commands"]:
        if " node start " in line:
            continue
        done = subprocess.run(
            line, shell=True, cwd=run.folder / "here", env=run.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, line + done.stdout + done.stderr
