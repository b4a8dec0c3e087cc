"""blocks: where each block ends, by height, by entry and by time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import makers
from muniment.core.format import entry
from muniment.errors import CorruptStore, NotFound, Unavailable
from muniment.ledger.store import blocks, connection


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[apsw.Connection]:
    """Headers at the entries 0, 4, 8, 12 and 15."""
    connection_ = connection.open(makers.found(tmp_path / "ledger.db").grow(16, 3).close())
    yield connection_
    connection_.close()


def test_rows_come_by_height(sql: apsw.Connection) -> None:
    assert [(row.height, row.index) for row in blocks.scan(sql)] == [(0, 0), (1, 4), (2, 8), (3, 12), (4, 15)]
    assert [row.height for row in blocks.scan(sql, 3)] == [3, 4]
    assert blocks.newest(sql) == blocks.at_height(sql, 4)
    for height in (-1, 5):
        with pytest.raises(NotFound):
            blocks.at_height(sql, height)


def test_every_entry_has_one_block_that_sealed_it(sql: apsw.Connection) -> None:
    assert [blocks.sealing(sql, index).height for index in range(16)] == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4]
    for index in (-1, 16):
        with pytest.raises(NotFound):
            blocks.sealing(sql, index)


def test_the_newest_block_at_or_before_a_time(sql: apsw.Connection) -> None:
    times = [blocks.read_header(sql, row).time for row in blocks.scan(sql)]
    assert times == sorted(set(times))
    for height, time in enumerate(times):
        before = blocks.last_before(sql, time[:-2] + "0Z")
        found = blocks.last_before(sql, time)
        assert found is not None
        assert found.height == height
        assert before is None or before.height <= height
    assert blocks.last_before(sql, "2000-01-01T00:00:00.000000Z") is None
    newest = blocks.last_before(sql, "9999-12-31T23:59:59.999999Z")
    assert newest is not None
    assert newest.height == 4


@pytest.mark.parametrize("index", [3, 4, 99])
def test_a_row_that_points_elsewhere_is_named(sql: apsw.Connection, index: int) -> None:
    sql.execute("UPDATE block SET idx = ? WHERE height = 2", (index,))
    with pytest.raises(CorruptStore) as caught:
        blocks.read_header(sql, blocks.at_height(sql, 2))
    assert caught.value.details == {"table": "block", "row": 2}


def test_a_ledger_without_blocks_is_damaged(sql: apsw.Connection) -> None:
    sql.execute("DELETE FROM block")
    with pytest.raises(CorruptStore):
        blocks.newest(sql)


@pytest.mark.parametrize(("column", "value"), [("idx", "text"), ("records", b"x"), ("checkpoint", "text")])
def test_a_row_of_the_wrong_form_is_named(sql: apsw.Connection, column: str, value: object) -> None:
    sql.execute(f"UPDATE block SET {column} = ? WHERE height = 4", (value,))
    for read in (
        blocks.newest,
        lambda connection_: blocks.at_height(connection_, 4),
        lambda connection_: list(blocks.scan(connection_)),
    ):
        with pytest.raises(CorruptStore) as caught:
            read(sql)
        assert caught.value.details == {"table": "block", "row": 4}


def test_a_header_of_a_later_release_is_no_damage(sql: apsw.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = blocks.newest(sql)
    assert blocks.read_header(sql, newest).height == 4
    monkeypatch.setattr(entry, "PROTOCOLS", frozenset({2}))
    with pytest.raises(Unavailable, match="follows protocol 1, and this release speaks 2") as refused:
        blocks.read_header(sql, newest)
    assert (refused.value.code, refused.value.hint) == ("protocol-unknown", "Install a release that speaks it.")
