"""The tables that follow from the entries: event ids, full tiles, records of the state, and its nodes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping

import apsw

from muniment.core.format import state_map, tiles
from muniment.core.rules import events
from muniment.errors import InvalidInput
from muniment.ledger.store import records, tree
from muniment.ledger.store.fsck.report import Findings
from muniment.ledger.store.fsck.walk import Walk


def check_events(sql: apsw.Connection, walk: Walk, findings: Findings) -> None:
    """Each event has exactly one row, which points to its entry. Rows of entries that are wrong themselves are left alone."""
    unseen = dict(walk.ids)
    pointed: set[int] = set()
    with findings.reading("event"):
        rows = sql.execute("SELECT iif(typeof(id) = 'blob', id, x''), iif(typeof(idx) = 'integer', idx, -1) FROM event")
        for id_, index in rows:
            expected = unseen.pop(id_, None)
            if expected != index and (expected is not None or index not in walk.wrong):
                said = f"is at entry {expected}" if expected is not None else "is no entry's"
                name = _event(id_)
                findings.add("event", "event", name, f"the event id {name} points to entry {index}, and it {said}")
                pointed.add(index)
        for id_, index in unseen.items():
            # One wrong id makes one finding: the row that points here is named already.
            if index not in pointed:
                findings.add("missing-event", "event", _event(id_), f"the event id {_event(id_)} of entry {index} has no row")


def check_tiles(sql: apsw.Connection, walk: Walk, findings: Findings) -> None:
    """No tile beyond the tree; and where the walk could not recompute the tiles, each at least agrees with itself."""
    with findings.reading("tile"):
        for row, hashes in sql.execute("SELECT id, iif(typeof(hashes) = 'blob', hashes, NULL) FROM tile ORDER BY id"):
            level, index = row >> tree.LEVEL_SHIFT, row & (1 << tree.LEVEL_SHIFT) - 1
            if not 0 <= level <= tiles.MAX_LEVEL or index >= walk.size >> tree.TILE_HEIGHT * (level + 1):
                findings.add("stray-tile", "tile", row, f"a tree of {walk.size} entries has no full tile {index} of level {level}")
            elif walk.frontier is None and not _agrees(hashes):
                findings.add("tile", "tile", row, f"tile {index} of level {level} does not hold the roots of its own hashes")


def check_records(sql: apsw.Connection, walk: Walk, findings: Findings) -> None:
    """Records and nodes are those of the replay; where it did not come to the end, they are those of the newest header."""
    if walk.replay is not None:
        expected = walk.replay.records
        _compare_records(sql, expected, findings)
        cells = state_map.bulk_cells(walk.replay.rows())
        _compare_cells(sql, [cells], walk.cell_heights, findings)
    else:
        _check_state(sql, walk, findings)


def _compare_records(sql: apsw.Connection, expected: Mapping[bytes, bytes], findings: Findings) -> None:
    wrong: list[tuple[bytes, str, str]] = []
    seen: set[bytes] = set()
    with findings.reading("record"):
        for key, value, leaf in _rows(sql):
            seen.add(key)
            if key not in expected:
                wrong.append((key, "stray-record", "belongs to no stream"))
            elif value != expected[key]:
                wrong.append((key, "record", "is not what its events give"))
            elif leaf != state_map.leaf(key, value):
                wrong.append((key, "record-leaf", "has the leaf of another value"))
        wrong += [(key, "missing-record", "is missing") for key in sorted(expected.keys() - seen)]
    names = _streams(sql, {key for key, _, _ in wrong}) if wrong else {}
    for key, code, said in wrong:
        findings.add(code, "record", key.hex(), f"the record of {names.get(key, key.hex())} {said}")


def _check_state(sql: apsw.Connection, walk: Walk, findings: Findings) -> None:
    """Without a replay: values and leaves belong together, the leaves fold to the nodes, and all to the newest header."""
    by_value: list[state_map.Row] = []
    by_leaf: list[state_map.Row] = []
    before = len(findings.found)
    with findings.reading("record"):
        for key, value, leaf in _rows(sql):
            if len(key) != 32 or leaf != state_map.leaf(key, value):
                findings.add("record-leaf", "record", key.hex(), f"value and leaf of the record {key.hex()} do not belong together")
            by_value.append((key, state_map.leaf(key, value)))
            by_leaf.append((key, leaf if len(leaf) == 32 else bytes(32)))
        try:
            # Where value and leaf of a record differ, either may be the one that was not changed.
            readings = [by_value] if by_value == by_leaf else [by_value, by_leaf]
            _compare_cells(sql, [state_map.bulk_cells(reading) for reading in readings], None, findings)
            root = state_map.bulk(by_value).hex()
        except InvalidInput:
            findings.add("record-order", "file", "record", "the records are not in the order of their keys")
            return
        if walk.newest is None:
            findings.skip("The newest header is not known, so the records were only compared with their own nodes.")
        elif root != walk.newest.state and len(findings.found) == before:
            message = f"the records fold to the root {root}, the newest header says {walk.newest.state}"
            findings.add("state-root", "record", "root", message)


def _compare_cells(sql: apsw.Connection, folded: list[list[bytes]], heights: list[int] | None, findings: Findings) -> None:
    """Each row of nodes is that of one of the given foldings; `heights`: the block that last changed each row."""
    whole = [b"".join(cells) for cells in folded]
    unseen = set(range(records.ROWS))
    with findings.reading("cell"):
        for row, hashes, height in sql.execute(
            "SELECT id, iif(typeof(hashes) = 'blob', hashes, NULL), height FROM cell ORDER BY id"
        ):
            if row not in unseen:
                findings.add("stray-cell", "cell", row, f"the map has no row of nodes {row}")
                continue
            unseen.remove(row)
            if hashes not in [cells[row * records.ROW_BYTES : (row + 1) * records.ROW_BYTES] for cells in whole]:
                findings.add("cell", "cell", row, f"the nodes of row {row} are not those of its records")
            elif heights is not None and height != heights[row]:
                findings.add(
                    "cell-height", "cell", row, f"row {row} of the nodes was last changed by block {heights[row]}, not {height}"
                )
        for row in sorted(unseen):
            findings.add("missing-cell", "cell", row, f"row {row} of the nodes is missing")


def _rows(sql: apsw.Connection) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Keys, values and leaves; what is not kept as bytes is empty."""
    columns = ", ".join(f"iif(typeof({column}) = 'blob', {column}, x'')" for column in ("key", "value", "leaf"))
    yield from sql.execute(f"SELECT {columns} FROM record ORDER BY key")


def _streams(sql: apsw.Connection, wanted: set[bytes]) -> dict[bytes, str]:
    """The names of streams by map key, as far as the events tell: a key is the hash of a name and cannot be turned back."""
    found: dict[bytes, str] = {}
    for (body,) in sql.execute("SELECT body FROM entry WHERE typeof(body) = 'blob' AND signer IS NOT NULL"):
        try:
            names = events.streams(events.decode(body))
        except InvalidInput:
            continue
        for name in names:
            key = state_map.key(name)
            if key in wanted:
                found[key] = name
        if len(found) == len(wanted):
            break
    return found


def _agrees(hashes: bytes | None) -> bool:
    return hashes is not None and len(hashes) == tree.TILE_BYTES and tiles.expand(hashes[: tree.TILE_WIDTH * 32]) == hashes


def _event(id_: bytes) -> str:
    return str(uuid.UUID(bytes=id_)) if len(id_) == 16 else id_.hex()
