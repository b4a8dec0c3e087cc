"""muniment fsck"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import credit
from muniment import exits
from muniment.cli.commands import fsck
from muniment.client import opening

Call = Callable[..., Any]


@pytest.fixture
def lived(home: Path) -> credit.Lived:
    with opening.open() as ledger:
        return credit.live(ledger, Path())


def test_a_sound_ledger(call: Call, lived: credit.Lived) -> None:
    answer = call("fsck")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[0].endswith(".muniment is sound.")
    assert "15 entries: 7 events in 8 blocks" in answer.out
    assert call("fsck", "--json").json()["findings"] == []


def test_every_wrong_row_is_named(call: Call, lived: credit.Lived) -> None:
    sql = sqlite3.connect(".muniment/ledger.db")
    with sql:
        sql.execute("UPDATE entry SET body = CAST(replace(body, 'CC-BY-4.0', 'CC-BY-9.0') AS BLOB) WHERE idx = 1")
    sql.close()
    answer = call("fsck")
    assert answer.code == exits.NOT_VERIFIED
    assert "wrong in" in answer.out.splitlines()[0]
    assert any(line.startswith("entry") and " 1 " in line for line in answer.out.splitlines())
    assert "restore a backup" in answer.out
    assert ("entry", 1) in [(each["table"], each["row"]) for each in call("fsck", "--json").json()["findings"]]


def test_what_lies_beside_is_checked_too(call: Call, lived: credit.Lived) -> None:
    vault = Path(".muniment/vault.jsonl")
    vault.write_text(vault.read_text().replace(credit.REASON, credit.REASON.upper()))
    manifest = Path(".muniment/manifests") / lived.first.digest
    manifest.chmod(0o600)
    manifest.write_bytes(b"{}\n")
    found = call("fsck", "--json")
    assert found.code == exits.NOT_VERIFIED
    assert {each["table"] for each in found.json()["findings"]} == {"vault", "manifests"}


def test_a_long_list_is_cut(call: Call, lived: credit.Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsck, "MAX_LISTED", 1)
    sql = sqlite3.connect(".muniment/ledger.db")
    with sql:
        sql.execute("UPDATE record SET leaf = zeroblob(32)")
    sql.close()
    assert "more; --json lists them all" in call("fsck").out


def test_without_a_ledger(call: Call) -> None:
    assert call("fsck").code == exits.NOT_FOUND
