"""A ledger in a folder of its own, opened by its founder, with a client state that no other test shares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.client import opening
from muniment.client.ledger import Ledger

ORIGIN = "example.com/credit"


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's user, and nothing of this repository, reaches a test."""
    for variable in ("MUNIMENT_HOME", "MUNIMENT_URL", "MUNIMENT_ACTOR", "MUNIMENT_TRUST", "MUNIMENT_STATE", "MUNIMENT_RUN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with opening.init(origin=ORIGIN, actor="alice") as opened:
        yield opened


@pytest.fixture
def loans(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "loans.csv"
    path.write_text("amount,paid\n100,1\n")
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    return folder
