"""reader: the three questions of the rules, answered from the nearest place that knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import makers
from muniment.core.format import state_map
from muniment.errors import CorruptStore
from muniment.ledger.store import connection, reader, records
from muniment.ledger.store.reader import RuleReader

LOANS = state_map.key("dataset/loans")
NOBODY = state_map.key("dataset/nobody")


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[apsw.Connection]:
    """The file of a model's life."""
    life = makers.found(tmp_path / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    connection_ = connection.open(life.close())
    yield connection_
    connection_.close()


def test_what_was_fetched_is_not_read_again(sql: apsw.Connection) -> None:
    rules = RuleReader(sql, {LOANS: b"fetched", NOBODY: None}, {LOANS: b"kept"}, "")
    assert rules.state(LOANS) == b"fetched"
    assert rules.state(NOBODY) is None


def test_what_is_read_beside_it_is_kept(sql: apsw.Connection) -> None:
    kept: dict[bytes, bytes | None] = {}
    rules = RuleReader(sql, {}, kept, "")
    stored = records.read(sql, LOANS)
    assert rules.state(LOANS) == stored
    assert rules.state(NOBODY) is None
    assert kept == {LOANS: stored, NOBODY: None}
    sql.execute("DELETE FROM record")
    assert rules.state(LOANS) == stored


def test_only_so_much_is_kept(sql: apsw.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_KEPT", 2)
    kept: dict[bytes, bytes | None] = {}
    rules = RuleReader(sql, {}, kept, "")
    for number in range(9):
        assert rules.state(state_map.key(f"dataset/{number}")) is None
        assert len(kept) <= 2


def test_a_damaged_record_is_not_believed(sql: apsw.Connection) -> None:
    sql.execute("UPDATE record SET value = x'7b7d' WHERE key = ?", (LOANS,))
    with pytest.raises(CorruptStore):
        RuleReader(sql, {}, {}, "").state(LOANS)


def test_events_are_found_by_id_and_read_by_index(sql: apsw.Connection) -> None:
    newest = connection_newest(sql)
    rules = RuleReader(sql, {}, {}, newest)
    assert rules.find(newest) == 5
    assert rules.find(makers.next_id()) is None
    assert rules.event(1).startswith(b'{"_type"')
    assert rules.event(0).startswith(b'{"genesis"')


def connection_newest(sql: apsw.Connection) -> str:
    return reader.entries.newest_id(sql)
