"""The command line in a folder of its own, called as a shell would, without a new process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from muniment.cli import application

ORIGIN = "example.com/credit"


class Answer(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one object on standard output."""
        return json.loads(self.out)


Call = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's user, and nothing of this repository, reaches a test."""
    for variable in ("HOME", "URL", "ACTOR", "TRUST", "STATE", "RUN", "OUTPUT", "NO_INPUT"):
        monkeypatch.delenv(f"MUNIMENT_{variable}", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Call:
    """Call a command: `call("log", "--json")`."""

    def run(*arguments: str | Path) -> Answer:
        capfd.readouterr()
        code = application.run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Answer(code, click.unstyle(captured.out), click.unstyle(captured.err))

    return run


@pytest.fixture
def home(call: Call) -> Path:
    """A ledger whose owner is alice."""
    assert call("init", "--origin", ORIGIN, "--actor", "alice").code == 0
    return Path(".muniment").resolve()


@pytest.fixture
def loans() -> Path:
    path = Path("loans.csv")
    path.write_text("amount,paid\n100,1\n")
    return path


@pytest.fixture
def model() -> Path:
    folder = Path("model")
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"weights")
    return folder


@pytest.fixture
def version(call: Call, home: Path, model: Path) -> str:
    """A registered version."""
    return str(call("register", "credit-risk", model, "--json").json()["digest"])
