"""muniment doctor and client.health"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from muniment import config, exits
from muniment.client import health, opening
from muniment.client.health import Check
from muniment.core.format import keys
from muniment.core.proof import trust as trusts
from muniment.ledger.embedded import system_clock
from muniment.ledger.spool import Spool
from muniment.ledger.store import connection

Call = Callable[..., Any]

YEAR_US = 366 * 24 * 3_600 * 1_000_000


def checks(call: Call, *arguments: str) -> dict[str, dict[str, str]]:
    return {each["name"]: each for each in call("doctor", "--json", *arguments).json()["checks"]}


def examined(now: int) -> dict[str, Check]:
    found = health.examine(config.resolve(os.environ, Path.cwd(), {}), now)
    return {each.name: each for each in found.checks}


def test_a_new_ledger_is_well_and_says_what_it_cannot_know(call: Call, home: Path) -> None:
    answer = call("doctor")
    assert (answer.code, answer.err) == (0, "")
    assert "a rollback by the operator cannot be detected without an outside copy" in answer.out
    assert "PROBLEM" not in answer.out
    found = checks(call)
    assert found["outside holders"]["grade"] == "warning"
    assert "muniment export tiles" in found["outside holders"]["mend"]
    assert {name for name, each in found.items() if each["grade"] == "ok"} == {
        "program",
        "SQLite",
        "file system",
        "disk",
        "permissions",
        "trust file",
        "pin",
        "ledger",
        "clock",
        "log key",
        "key of alice",
        "key of node",
        "spool",
    }


def test_without_a_ledger(call: Call) -> None:
    answer = call("doctor")
    assert answer.code == exits.FAILURE
    assert "PROBLEM  ledger: there is none at" in answer.out
    assert "         muniment init\n" in answer.out


def test_permissions(call: Call, home: Path) -> None:
    (home / "keys" / "log.key").chmod(0o644)
    home.chmod(0o755)
    answer = call("doctor")
    assert answer.code == exits.FAILURE
    assert f"chmod 600 {home / 'keys' / 'log.key'}" in answer.out
    assert f"chmod 700 {home}" in answer.out


def test_machines(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apsw.sqlite_lib_version", lambda: "3.51.2")
    monkeypatch.setattr(connection, "file_system", lambda _: "nfs4")
    monkeypatch.setattr(health, "LOW_BYTES", 1 << 80)
    found = examined(system_clock())
    assert (found["SQLite"].grade, found["file system"].grade, found["disk"].grade) == ("problem", "problem", "warning")
    assert found["ledger"].grade == "problem"


@pytest.mark.parametrize(("ahead", "grade"), [(0, "ok"), (-YEAR_US, "problem"), (2 * YEAR_US, "warning")])
def test_clocks(home: Path, ahead: int, grade: str) -> None:
    assert examined(system_clock() + ahead)["clock"].grade == grade


def test_keys(call: Call, home: Path) -> None:
    call("keys", "request", "--actor", "bob")
    found = checks(call)
    assert (found["key of bob"]["grade"], found["key of bob"]["said"]) == ("warning", "not admitted yet")
    log = home / "keys" / "log.key"
    other = home / "keys" / "actors" / "bob.key"
    log.write_bytes(other.read_bytes())
    assert checks(call)["log key"]["grade"] == "problem"
    log.unlink()
    assert checks(call)["log key"]["grade"] == "warning"
    for path in (home / "keys" / "actors").iterdir():
        path.unlink()
    assert checks(call)["your key"]["grade"] == "warning"


def test_a_key_that_ended_or_is_disputed(call: Call, home: Path) -> None:
    key = home / "keys" / "actors" / "alice.key"
    old = key.read_bytes()
    assert call("keys", "rotate").code == 0
    key.write_bytes(old)
    found = checks(call)["key of alice"]
    assert found["said"].startswith("ended at entry")
    assert found["mend"] == "Have another one admitted: muniment keys request --actor alice --new"


def test_a_damaged_key_is_one_problem_among_the_others(call: Call, home: Path) -> None:
    (home / "keys" / "actors" / "alice.key").write_text("nonsense")
    found = checks(call)
    assert found["key of alice"]["grade"] == "problem"
    assert found["spool"]["grade"] == "ok"


def test_spools(call: Call, home: Path) -> None:
    with opening.open() as ledger:
        _, raw = ledger._writer.sign("note.added", {"about": ["policy"], "text": "x"})
    Spool(home / "spool").store(raw)
    rejected = home / "spool" / "rejected"
    rejected.mkdir()
    (rejected / "00000000000000000001-00000000.json").write_bytes(raw)
    found = checks(call)
    assert (found["spool"]["grade"], found["rejected"]["grade"]) == ("warning", "warning")
    assert found["spool"]["mend"] == "muniment log --pending"


def test_a_ledger_that_was_rolled_back(call: Call, version: str, home: Path) -> None:
    call("backup", "early.db")
    Path("note.json").write_text('{"about": ["policy"], "text": "later"}')
    assert call("record", "--event", "note.added", "note.json").code == 0
    for path in home.glob("ledger.db*"):
        path.unlink()
    Path("early.db").rename(home / "ledger.db")
    answer = call("doctor")
    assert answer.code == exits.FAILURE
    assert "PROBLEM  pin:" in answer.out
    assert "Evidence: " in answer.out


def test_a_damaged_ledger_and_a_bad_trust_file(call: Call, home: Path) -> None:
    (home / "ledger.db").write_bytes(b"nothing")
    for beside in home.glob("ledger.db-*"):
        beside.unlink()
    assert checks(call)["ledger"]["grade"] == "problem"
    (home / "trust.toml").write_text("origin = 3")
    assert checks(call)["trust file"]["grade"] == "problem"


def test_a_quorum_outside(home: Path) -> None:
    ours = trusts.parse((home / "trust.toml").read_text())
    witness = keys.derive("witness.example/w", b"\x01" * 32, keys.COSIGNATURE)
    cosigner = trusts.Cosigner(witness, "alpha", "append-only")
    (home / "trust.toml").write_text(trusts.format(msgspec.structs.replace(ours, cosigners=(cosigner,), quorum=1)))
    assert examined(system_clock())["outside holders"].said == "1 of 1 organisations must cosign"
