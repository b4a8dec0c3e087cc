"""records: the bottom of the map and its rows of nodes, and no value that is not the one of its leaf."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from muniment.core.format import state_map
from muniment.errors import CorruptStore
from muniment.ledger.store import connection, records

NAMES = [f"stream/{number}" for number in range(50)]


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[apsw.Connection]:
    """Fifty records and the rows of nodes of an empty map."""
    connection_ = connection.create(tmp_path / "ledger.db")
    values = {state_map.key(name): name.encode() for name in NAMES}
    records.create_cells(connection_, {3: b"c" * records.ROW_BYTES})
    records.write(connection_, values, {key: state_map.leaf(key, value) for key, value in values.items()})
    yield connection_
    connection_.close()


def test_a_record_is_read_by_its_key(sql: apsw.Connection) -> None:
    assert records.read(sql, state_map.key("stream/7")) == b"stream/7"
    assert records.read(sql, state_map.key("stream/none")) is None


def test_writing_replaces(sql: apsw.Connection) -> None:
    key = state_map.key("stream/7")
    records.write(sql, {key: b"new"}, {key: state_map.leaf(key, b"new")})
    assert records.read(sql, key) == b"new"
    assert len(list(records.scan(sql))) == len(NAMES)


def test_ranges_are_inclusive_and_in_order_of_keys(sql: apsw.Connection) -> None:
    keys = sorted(map(state_map.key, NAMES))
    rest = b"\xff" * 29
    assert [key for key, _, _ in records.read_ranges(sql, [(b"\0\0\0", b"\xff" * 32)])] == keys
    assert [key for key, _, _ in records.scan(sql)] == keys
    ranges = [(key[:3], key[:3] + rest) for key in (keys[3], keys[9], keys[40])]
    assert [key for key, _, _ in records.read_ranges(sql, ranges)] == [keys[3], keys[9], keys[40]]
    assert records.read_ranges(sql, []) == []
    assert records.read_ranges(sql, [(b"\0\0\0", b"\0\0\0" + rest)]) == []


@pytest.mark.parametrize("column", ["value", "leaf"])
@pytest.mark.parametrize("damage", [b"other", "text", 5])
def test_a_record_that_is_not_the_one_of_its_leaf_is_named(sql: apsw.Connection, column: str, damage: object) -> None:
    key = state_map.key("stream/7")
    sql.execute(f"UPDATE record SET {column} = ? WHERE key = ?", (damage, key))
    with pytest.raises(CorruptStore) as caught:
        records.read(sql, key)
    assert caught.value.details == {"table": "record", "row": key.hex()}


def test_rows_of_nodes_are_read_by_the_block_that_changed_them(sql: apsw.Connection) -> None:
    empty = bytes(records.ROW_BYTES)
    assert records.read_cells(sql) == [(row, b"c" * 512 if row == 3 else empty) for row in range(records.ROWS)]
    assert records.read_cells(sql, 0) == []
    records.write_cells(sql, {7: b"d" * 512, 5: b"e" * 512}, 4)
    records.write_cells(sql, {7: b"f" * 512}, 5)
    assert records.read_cells(sql, 3) == [(5, b"e" * 512), (7, b"f" * 512)]
    assert records.read_cells(sql, 4) == [(7, b"f" * 512)]
