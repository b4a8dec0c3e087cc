"""What docs/http.md shows is run as it stands there, at a real node."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import muniment
import processes
from muniment.client.home import Home

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "http.md").read_text(encoding="utf-8")


def test_the_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    with muniment.init(tmp_path / "ledger", actor="ada") as ledger:
        version = ledger.register("credit-risk", tmp_path / "model", derivation="trained")
        ledger.approve(version, environment="production")
        ledger.deploy(version, environment="production")
        home = Home(ledger.home)
    with processes.serving(home.folder) as node:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "MUNIMENT_URL": node.url,
            "MUNIMENT_TOKEN": processes.token(home.folder, "read"),
            "MUNIMENT_TRUST": str(home.trust),
        }
        said = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "credit-risk@1" in said.stdout
    assert "event: block" in said.stdout
