"""`muniment gate` as an init container calls it: real processes, and a second machine that has nothing but the trust file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

MUNIMENT = Path(sys.executable).with_name("muniment")
PLACE = "production/credit-risk"


class Machine:
    """A folder with a state of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command in a process of its own."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "state")}
        command = [str(MUNIMENT), *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def do(self, *arguments: str) -> str:
        """A command that is taken."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def test_a_second_machine_restarts_with_the_trust_file_alone(tmp_path: Path) -> None:
    office, edge = Machine(tmp_path / "office"), Machine(tmp_path / "edge")
    (office.folder / "model").mkdir()
    (office.folder / "model" / "weights.bin").write_bytes(b"weights")
    office.do("init", "--origin", "example.com/credit", "--actor", "alice")
    office.do("register", "credit-risk", "model")
    refused = office.run("gate", PLACE, "model")
    assert (refused.returncode, refused.stdout.splitlines()[0].startswith("Refused by the ledger")) == (4, True)
    office.do("deploy", "credit-risk@1", "production")
    office.do("gate", PLACE, "model")
    for name in ("model", "model.muniment-gate.json", ".muniment/trust.toml"):
        source, target = office.folder / name, edge.folder / Path(name).name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)

    told = json.loads(edge.do("gate", PLACE, "model", "--trust", "trust.toml", "--json"))
    assert (told["allowed"], told["asked"], told["shown"]["tier"]) == (True, "cache", "solo")
    time.sleep(1.1)
    stale = edge.run("gate", PLACE, "model", "--trust", "trust.toml", "--max-age", "1s")
    assert (stale.returncode, "[stale]" in stale.stdout) == (4, True)
    assert edge.run("gate", PLACE, "model").returncode == 4
    (edge.folder / "model" / "weights.bin").write_bytes(b"other")
    changed = edge.run("gate", PLACE, "model", "--trust", "trust.toml")
    assert changed.returncode == 4
    assert changed.stdout.startswith("The ledger could not be asked, and nothing kept here allows it")
    assert "Traceback" not in changed.stdout + changed.stderr

    # A glass that is broken in the office reaches the edge as a signed file, under a key that the kept answer shows.
    (office.folder / "model" / "weights.bin").write_bytes(b"weights")
    office.do("hold", "credit-risk@1", "--severity", "high")
    assert office.run("gate", PLACE, "model").returncode == 4
    broken = office.do("gate", PLACE, "model", "--break-glass", "--reason", "customers wait")
    assert broken.startswith("GLASS BROKEN")
    assert "waiver.granted" in office.do("log", "--limit", "1")
    office.do("gate", PLACE, "model")
    (edge.folder / "model" / "weights.bin").write_bytes(b"weights")
    shutil.copy(office.folder / "model.muniment-gate.json", edge.folder)
    told = json.loads(edge.do("gate", PLACE, "model", "--trust", "trust.toml", "--json"))
    assert (told["code"], [each["code"] for each in told["causes"]]) == ("waived", ["hold"])


def test_a_waiver_that_was_only_signed_travels_beside_the_answer(tmp_path: Path) -> None:
    office, edge = Machine(tmp_path / "office"), Machine(tmp_path / "edge")
    (office.folder / "model.bin").write_bytes(b"weights")
    office.do("init", "--origin", "example.com/credit", "--actor", "alice")
    office.do("register", "credit-risk", "model.bin")
    office.do("deploy", "credit-risk@1", "production")
    office.do("hold", "credit-risk@1", "--severity", "high")
    assert office.run("gate", PLACE, "model.bin").returncode == 4
    for path in (office.folder / ".muniment").glob("ledger.db*"):
        path.unlink()
    broken = office.do("gate", PLACE, "model.bin", "--break-glass", "--reason", "the disk is gone")
    assert "NOT YET RECORDED" in broken
    for name in ("model.bin", "model.bin.muniment-gate.json", "model.bin.muniment-gate.json.waiver", ".muniment/trust.toml"):
        shutil.copy(office.folder / name, edge.folder)
    told = edge.run("gate", PLACE, "model.bin", "--trust", "trust.toml")
    assert (told.returncode, told.stdout.startswith("GLASS BROKEN")) == (0, True)
    assert "in force as of block" in told.stdout
    (edge.folder / "model.bin.muniment-gate.json").unlink()
    told = edge.run("gate", PLACE, "model.bin", "--trust", "trust.toml")
    assert (told.returncode, "waiver-unverified" in told.stdout) == (4, True)
