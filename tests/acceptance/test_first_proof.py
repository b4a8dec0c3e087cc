"""The first proof: `muniment init && muniment record --json event.json && muniment prove 1 > p && muniment verify p`, offline.

Then a model: its folder is named with its version, and after one file was changed the sentence says which one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import credit

COMMAND = Path(sys.executable).with_name("muniment")
CHAIN = "muniment init && muniment record --json event.json && muniment prove 1 > p && muniment verify p"
# Any attempt to reach a network fails: there is none in an empty network namespace, and no proxy is named.
OFFLINE = ["unshare", "--map-root-user", "--net"]


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a newcomer: nothing set, the command on the path."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"HOME": str(tmp_path), "PATH": path}


def run(
    line: str, folder: Path, environment: dict[str, str], *, prefix: list[str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A line in a shell."""
    command = [*(prefix or []), "sh", "-c", line]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_first_proof_offline(tmp_path: Path, shell: dict[str, str]) -> None:
    event = {"event": "note.added", "about": ["policy"], "text": "Reviewed with the risk team."}
    (tmp_path / "event.json").write_text(json.dumps(event))
    apart = OFFLINE if run("true", tmp_path, shell, prefix=OFFLINE).returncode == 0 else None
    done = run(CHAIN, tmp_path, shell, prefix=apart)
    assert done.returncode == 0, done.stderr
    assert "Trust tier: solo." in done.stdout
    assert "State basis: asserted" in done.stdout
    assert json.loads((tmp_path / "p").read_bytes())["format"] == "urn:muniment:answer:v1"
    assert "Reviewed with the risk team" not in (tmp_path / "p").read_text()


def test_a_proof_with_one_changed_byte_fails(tmp_path: Path, shell: dict[str, str]) -> None:
    (tmp_path / "event.json").write_text('{"event": "note.added", "about": ["policy"], "text": "x"}')
    assert run(CHAIN, tmp_path, shell).returncode == 0
    raw = bytearray((tmp_path / "p").read_bytes())
    for place in (10, len(raw) // 3, len(raw) // 2, len(raw) - 20):
        touched = bytes(raw[:place]) + bytes([raw[place] ^ 1]) + bytes(raw[place + 1 :])
        (tmp_path / "q").write_bytes(touched)
        assert run("muniment verify q", tmp_path, shell).returncode == 3


def test_a_model_folder_is_named_and_a_change_is_told_by_file(tmp_path: Path, shell: dict[str, str]) -> None:
    _, model = credit.write_files(tmp_path)
    made = run("muniment init && muniment register credit-risk model && muniment verify model", tmp_path, shell)
    assert made.returncode == 0, made.stderr
    assert "model is credit-risk@1 (" in made.stdout
    shutil.copytree(model, tmp_path / "copy")
    (tmp_path / "copy" / "config.json").write_text('{"max_depth": 7}')
    changed = run("muniment verify copy", tmp_path, shell)
    assert changed.returncode == 3
    assert "copy is not credit-risk@1 (" in changed.stderr
    assert "config.json changed (1 of 3 files); weights identical" in changed.stderr
