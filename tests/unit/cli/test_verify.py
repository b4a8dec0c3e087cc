"""muniment verify"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import credit
from muniment import exits
from muniment.client import opening

Call = Callable[..., Any]


@pytest.fixture
def lived(home: Path) -> credit.Lived:
    with opening.open() as ledger:
        lived = credit.live(ledger, Path())
        ledger.prove("credit-risk@1").save("answer.json")
        Path("receipt.txt").write_text(ledger.receipt("7"))
        ledger.bundle("credit-risk@1").save("bundle.json")
        ledger.export_tiles("tiles")
        return lived


@pytest.mark.parametrize(
    ("target", "kind", "first"),
    [
        ("answer.json", "answer", "This answer holds."),
        ("receipt.txt", "receipt", "This receipt holds."),
        ("bundle.json", "bundle", "This bundle holds."),
        ("tiles", "tiles", "Verified."),
        ("tiles/checkpoint", "checkpoint", "This checkpoint holds."),
        (".muniment", "ledger", "Verified."),
        (".muniment/ledger.db", "ledger", "Verified."),
        (".", "ledger", "Verified."),
        ("model", "files", "Verified."),
        ("data", "files", "Verified."),
    ],
)
def test_what_it_is_is_told_by_its_content(call: Call, lived: credit.Lived, target: str, kind: str, first: str) -> None:
    answer = call("verify", target)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[0] == first
    assert "Trust tier: solo." in answer.out
    value = call("verify", target, "--json").json()
    assert value["kind"] == kind
    assert value["sentences"]
    assert "missing" not in value


def test_a_failure_has_its_step(call: Call, lived: credit.Lived) -> None:
    raw = Path("answer.json").read_text()
    Path("answer.json").write_text(raw.replace('"height":2', '"height":3'))
    assert call("verify", "answer.json").code == exits.NOT_VERIFIED
    error = call("verify", "answer.json", "--json").json()["error"]
    assert (error["code"], error["step"]) == ("result", 11)


def test_tampered_missing_and_unknown_never_share_a_code(call: Call, lived: credit.Lived) -> None:
    shutil.copytree("model", "copy")
    Path("copy/config.json").write_text("{}")
    Path("stranger.bin").write_bytes(b"?")
    codes = {
        call("verify", "copy").code,
        call("verify", "stranger.bin").code,
        call("verify", "receipt.txt", "--trust", ".muniment/trust.toml", "--home", "nowhere").code,
    }
    assert codes == {exits.NOT_VERIFIED, exits.NOT_FOUND, exits.INCOMPLETE}


def test_an_entry_of_ones_own(call: Call, lived: credit.Lived) -> None:
    with opening.open() as ledger, ledger.view() as view:
        Path("entry.json").write_bytes(view.entry(7))
        Path("other.json").write_bytes(view.entry(5))
    away = ("--trust", ".muniment/trust.toml", "--home", "nowhere")
    answer = call("verify", "receipt.txt", *away)
    assert answer.out.splitlines()[0] == "This receipt holds as far as it could be checked."
    assert answer.out.splitlines()[-1] == "Entry 7 is not at hand: give it with --entry FILE."
    assert call("verify", "receipt.txt", "--entry", "entry.json", *away).code == 0
    assert call("verify", "receipt.txt", "--entry", "other.json", *away).code == exits.NOT_VERIFIED
    assert call("verify", "receipt.txt", "--entry", "no.json", *away).code == exits.NOT_FOUND


def test_files_beside_an_answer(call: Call, lived: credit.Lived) -> None:
    assert "The files that you gave are credit-risk@1" in call("verify", "answer.json", "--files", "model").out
    assert call("verify", "answer.json", "--files", "model-2").code == exits.NOT_VERIFIED


def test_without_a_trust_file(call: Call, lived: credit.Lived) -> None:
    answer = call("verify", "answer.json", "--home", "nowhere")
    assert answer.code == exits.NOT_FOUND
    assert "[no-trust]" in answer.err
    assert "--trust FILE" in answer.err
    assert call("verify", "answer.json", "--trust", "nowhere.toml").code == exits.NOT_FOUND
    Path("bad.toml").write_text("origin = 3")
    assert call("verify", "answer.json", "--trust", "bad.toml").code == exits.USAGE


@pytest.mark.parametrize(("age", "code"), [("1h", 0), ("7d", 0), ("90", 0), ("5x", 2), ("0s", 2), ("-1h", 2)])
def test_ages(call: Call, lived: credit.Lived, age: str, code: int) -> None:
    assert call("verify", "answer.json", "--max-age", age).code == code


def test_tiers(call: Call, lived: credit.Lived) -> None:
    assert call("verify", "answer.json", "--tier", "solo").code == 0
    assert call("verify", "answer.json", "--tier", "witnessed").code == exits.NOT_VERIFIED
    assert call("verify", ".muniment", "--tier", "consortium").code == exits.NOT_VERIFIED


def test_a_ledger_without_replay_and_with_several_processes(call: Call, lived: credit.Lived) -> None:
    assert "The state was not run again here." in call("verify", ".muniment", "--no-replay").out
    assert call("verify", ".muniment", "--processes", "2").code == 0
    assert call("verify", ".muniment", "--processes", "0").code == exits.USAGE


def test_what_is_not_there(call: Call, home: Path) -> None:
    answer = call("verify", "nowhere")
    assert (answer.code, answer.out) == (exits.NOT_FOUND, "")
    assert "there is nothing at nowhere" in answer.err


def test_a_file_that_is_missing_is_said_first(call: Call, tmp_path: Path) -> None:
    """Whoever mistyped a name is not sent for a trust file."""
    answer = call("verify", tmp_path / "nope.json", "--home", tmp_path / "nowhere", "--json")
    assert (answer.code, answer.json()["error"]["code"]) == (exits.NOT_FOUND, "missing")
