"""entries: the exact bytes come back, and a row that cannot be right says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import makers
from muniment.core.format import merkle
from muniment.errors import CorruptStore, NotFound
from muniment.ledger.store import connection, entries


@pytest.fixture
def life(tmp_path: Path) -> makers.Life:
    """Entries 0 to 6: three events, each sealed by a header."""
    life = makers.found(tmp_path / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    return life


@pytest.fixture
def sql(life: makers.Life) -> Iterator[apsw.Connection]:
    """The file behind it."""
    connection_ = connection.open(life.path)
    yield connection_
    connection_.close()


def test_submitted_bytes_come_back_byte_for_byte(life: makers.Life, sql: apsw.Connection) -> None:
    raw = life.system("one")
    (verdict,) = life.append(raw)
    assert entries.read(sql, verdict.index) == raw
    assert raw not in b"".join(row for (row,) in sql.execute("SELECT body FROM entry"))


def test_an_event_keeps_its_payload_and_a_header_itself(sql: apsw.Connection) -> None:
    assert entries.read_body(sql, 1).startswith(b'{"_type"')
    assert entries.read(sql, 1).startswith(b'{"payload"')
    assert entries.read_body(sql, 2) == entries.read(sql, 2)
    for index in (-1, 7):
        for read in (entries.read, entries.read_body):
            with pytest.raises(NotFound):
                read(sql, index)


def test_scan_goes_in_order_and_stops_before_the_end(sql: apsw.Connection) -> None:
    assert [index for index, _, _ in entries.scan(sql, 2, 5)] == [2, 3, 4]
    assert [index for index, _, _ in entries.scan(sql, 5, 99)] == [5, 6]
    assert list(entries.scan(sql, 4, 4)) == []


def test_leaves_are_those_of_the_exact_bytes(sql: apsw.Connection) -> None:
    assert entries.leaves(sql, 0, 7) == [merkle.leaf(entries.read(sql, index)) for index in range(7)]
    sql.execute("DELETE FROM entry WHERE idx = 3")
    with pytest.raises(CorruptStore) as caught:
        entries.leaves(sql, 0, 7)
    assert caught.value.details == {"table": "entry", "row": 3}
    with pytest.raises(CorruptStore):
        entries.leaves(sql, 6, 8)


def test_an_event_is_found_by_its_id(life: makers.Life, sql: apsw.Connection) -> None:
    id_ = makers.next_id()
    (verdict,) = life.append(life.sign("system.registered", event_id=id_, name="one", operatorRole="provider"))
    assert entries.find(sql, id_) == verdict.index
    assert entries.find(sql, makers.next_id()) is None
    assert entries.newest_id(sql) == id_


def test_the_newest_id_of_no_event_is_below_all(tmp_path: Path) -> None:
    life = makers.found(tmp_path / "empty.db")
    with connection.open(life.path) as sql:
        assert entries.newest_id(sql) <= "0"
    sql.close()


@pytest.mark.parametrize(
    ("column", "value"), [("body", "text"), ("body", 7), ("signer", b"short"), ("signer", "text"), ("signer", 7)]
)
def test_a_row_of_the_wrong_form_is_named(sql: apsw.Connection, column: str, value: object) -> None:
    sql.execute(f"UPDATE entry SET {column} = ? WHERE idx = 3", (value,))
    with pytest.raises(CorruptStore) as caught:
        entries.read(sql, 3)
    assert caught.value.details == {"table": "entry", "row": 3}
