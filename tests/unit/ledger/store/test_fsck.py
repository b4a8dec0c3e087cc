"""fsck names the row that is wrong, and only that one, whatever was done to the file."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

import makers
from muniment.core.format import checkpoint, entry, keys, merkle
from muniment.core.format.checkpoint import Checkpoint
from muniment.errors import CorruptStore, NotFound, Unavailable
from muniment.ledger.blobs import Blobs
from muniment.ledger.store import tree
from muniment.ledger.store.fsck import Report, fsck, report
from muniment.vault import Vault

SIZE = 280
"""One full tile and an open one; blocks of up to nine events; the headers of the open tile are 256, 266, 276 and 279."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that holds a model's life and many systems."""
    life = makers.found(tmp_path_factory.mktemp("sound") / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    return life.grow(SIZE, 9).close()


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copy(sound, tmp_path / "ledger.db"))


@pytest.fixture
def sql(path: Path) -> Iterator[apsw.Connection]:
    """The way in for somebody who knows SQL."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA synchronous = OFF").fetchall()
    yield connection
    connection.close()


def check(path: Path) -> Report:
    return fsck(path, makers.VERIFIER)


def named(found: Report) -> list[tuple[str, str, int | str]]:
    return [(each.code, each.table, each.row) for each in found.findings]


def flip(sql: apsw.Connection, table: str, column: str, row: str, at: int = -1) -> None:
    """Flip the lowest bit of one byte of a blob, or of a number."""
    value = sql.execute(f"SELECT {column} FROM {table} WHERE {row}").get
    if isinstance(value, int):
        changed: object = value ^ 1
    else:
        at %= len(value)
        changed = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
    sql.execute(f"UPDATE {table} SET {column} = ? WHERE {row}", (changed,))


def test_a_sound_ledger_has_no_findings_and_is_not_changed(path: Path) -> None:
    before = path.read_bytes()
    steps: list[tuple[int, int]] = []
    found = fsck(path, makers.VERIFIER, lambda done, total: steps.append((done, total)))
    assert found.findings == ()
    assert found.unchecked == ()
    assert (found.size, found.replayed) == (SIZE, True)
    assert found.events + found.blocks == SIZE
    assert path.read_bytes() == before
    assert steps == [(0, SIZE), (256, SIZE), (SIZE, SIZE)]


def test_what_lies_in_the_log_of_a_running_writer_is_checked_too(tmp_path: Path) -> None:
    life = makers.found(tmp_path / "ledger.db")
    life.append(life.system("one"))
    assert (tmp_path / "ledger.db-wal").stat().st_size
    assert check(life.path).size == 3
    sql = apsw.Connection(str(life.path))
    flip(sql, "entry", "body", "idx = 1")
    assert named(check(life.path))[0][1:] == ("entry", 1)
    sql.close()
    life.close()


def test_another_key_is_one_finding(path: Path) -> None:
    stranger = keys.derive(makers.ORIGIN, makers.ADA.public_key)
    found = fsck(path, stranger)
    assert [each.code for each in found.findings] == ["log-key"]
    assert keys.format(stranger) in found.findings[0].message
    assert found.replayed


@pytest.mark.parametrize("index", [0, 1, 2, 6, 100, 106, 255, 256, 270, 278, SIZE - 1])
@pytest.mark.parametrize("at", [0, 30, -20])
def test_a_flipped_byte_of_an_entry(path: Path, sql: apsw.Connection, index: int, at: int) -> None:
    flip(sql, "entry", "body", f"idx = {index}", at)
    found = check(path)
    assert [each[1:] for each in named(found)] == [("entry", index)]
    assert not found.replayed
    assert any("not run again" in sentence for sentence in found.unchecked)
    # A tile keeps the leaves below it, and the next header that of the one before: with these the roots go on.
    if index != SIZE - 1:
        kept = index < 256 or index in (256, 266, 276)
        assert any("later roots" in sentence for sentence in found.unchecked) == (not kept)


@pytest.mark.parametrize("field", ["height", "previous", "root", "size", "state", "time"])
@pytest.mark.parametrize("index", [106, 266, SIZE - 1])
def test_a_field_of_a_header_that_still_reads_well(path: Path, sql: apsw.Connection, field: str, index: int) -> None:
    header = entry.decode_header(sql.execute("SELECT body FROM entry WHERE idx = ?", (index,)).get)
    value = getattr(header, field)
    other = value + 1 if isinstance(value, int) else value.replace(value[0], chr(ord(value[0]) ^ 1))
    raw = entry.encode_header(msgspec.structs.replace(header, **{field: other}))
    sql.execute("UPDATE entry SET body = ? WHERE idx = ?", (raw, index))
    assert [each[1:] for each in named(check(path))] == [("entry", index)]


@pytest.mark.parametrize(
    ("table", "column", "row", "expected"),
    [
        ("entry", "signer", "idx = 1", ("entry", 1)),
        ("entry", "signer", "idx = 270", ("entry", 270)),
        ("block", "checkpoint", "height = 0", ("block", 0)),
        ("block", "checkpoint", "height = 20", ("block", 20)),
        ("block", "idx", "height = 20", ("block", 20)),
        ("block", "records", "height = 20", ("block", 20)),
        ("event", "idx", "idx = 7", ("event", None)),
        ("event", "id", "idx = 7", ("event", None)),
        ("tile", "hashes", "id = 0", ("tile", 0)),
        ("cell", "hashes", "id = 77", ("cell", 77)),
        ("cell", "height", "id = 77", ("cell", 77)),
        ("record", "value", "rowid_ = 0", ("record", None)),
        ("record", "leaf", "rowid_ = 0", ("record", None)),
    ],
)
def test_a_flipped_byte_of_any_other_row(
    path: Path, sql: apsw.Connection, table: str, column: str, row: str, expected: tuple[str, int | None]
) -> None:
    name = expected[1]
    if table == "record":
        key = sql.execute("SELECT key FROM record ORDER BY key LIMIT 1").get
        row, name = f"key = x'{key.hex()}'", key.hex()
    flip(sql, table, column, row)
    if table == "event":
        name = str(uuid.UUID(bytes=sql.execute("SELECT id FROM event WHERE idx IN (6, 7) ORDER BY idx = 7 DESC").get))
    assert [each[1:] for each in named(check(path))] == [(expected[0], name)]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM block WHERE height = 9", ("missing-block", "block", 9)),
        ("DELETE FROM tile WHERE id = 0", ("missing-tile", "tile", 0)),
        ("INSERT INTO tile SELECT 1, hashes FROM tile WHERE id = 0", ("stray-tile", "tile", 1)),
        ("INSERT INTO tile SELECT 1 << 40, hashes FROM tile WHERE id = 0", ("stray-tile", "tile", 1 << 40)),
        ("INSERT INTO tile VALUES (-1, x'')", ("stray-tile", "tile", -1)),
        ("DELETE FROM cell WHERE id = 3", ("missing-cell", "cell", 3)),
        ("INSERT INTO cell VALUES (256, x'', 0)", ("stray-cell", "cell", 256)),
        ("UPDATE cell SET hashes = 'text' WHERE id = 3", ("cell", "cell", 3)),
        ("UPDATE tile SET hashes = 5 WHERE id = 0", ("tile", "tile", 0)),
        ("INSERT INTO block SELECT 9999, idx, records, checkpoint FROM block WHERE height = 3", ("stray-block", "block", 9999)),
        ("INSERT INTO entry SELECT 280, body, signer FROM entry WHERE idx = 1", ("unsealed", "entry", 280)),
        ("INSERT INTO entry SELECT 600, body, signer FROM entry WHERE idx = 1", ("stray-entry", "entry", 600)),
        ("INSERT INTO entry SELECT -4, body, signer FROM entry WHERE idx = 1", ("stray-entry", "entry", -4)),
        ("UPDATE entry SET signer = NULL WHERE idx = 270", ("bad-entry", "entry", 270)),
        ("UPDATE entry SET signer = x'00' WHERE idx = 270", ("corrupt-store", "entry", 270)),
        ("UPDATE entry SET signer = zeroblob(96) WHERE idx = 2", ("bad-entry", "entry", 2)),
        ("UPDATE entry SET signer = zeroblob(96) WHERE idx = 279", ("bad-entry", "entry", 279)),
        ("UPDATE entry SET body = 'text' WHERE idx = 100", ("type", "entry", 100)),
        ("UPDATE entry SET body = (SELECT body FROM entry WHERE idx = 2) WHERE idx = 4", ("changed", "entry", 4)),
        ("INSERT INTO record VALUES (zeroblob(32), x'', x'')", ("stray-record", "record", "00" * 32)),
        ("INSERT INTO event VALUES (zeroblob(16), 7)", ("event", "event", str(uuid.UUID(int=0)))),
        ("INSERT INTO event VALUES (x'01', 'text')", ("event", "event", "01")),
        ("UPDATE block SET checkpoint = 'text' WHERE height = 4", ("type", "block", 4)),
        ("PRAGMA application_id = 7", ("identity", "file", "application_id")),
        ("PRAGMA user_version = 7", ("identity", "file", "user_version")),
        ("CREATE TABLE other (x)", ("schema", "file", "schema other")),
        ("CREATE INDEX more ON block (records)", ("schema", "file", "schema more")),
    ],
)
def test_what_somebody_does_through_sql(
    path: Path, sql: apsw.Connection, statement: str, expected: tuple[str, str, int | str]
) -> None:
    sql.execute(statement).fetchall()
    assert named(check(path)) == [expected]


def test_missing_rows_are_named(path: Path, sql: apsw.Connection) -> None:
    id_, key = sql.execute("SELECT id FROM event WHERE idx = 1").get, sql.execute("SELECT key FROM record LIMIT 1").get
    sql.execute("DELETE FROM event WHERE idx = 1; DELETE FROM entry WHERE idx = 101")
    sql.execute("DELETE FROM record WHERE key = ?", (key,))
    found = named(check(path))
    assert found[:2] == [("missing-entry", "entry", 101), ("missing-event", "event", str(uuid.UUID(bytes=id_)))]
    # Without the replay a missing record shows in the nodes above it.
    assert found[2:] == [("cell", "cell", key[0])]


def test_a_missing_record_is_named_by_its_stream(path: Path, sql: apsw.Connection) -> None:
    key = merkle.sha256(b"dataset/loans").digest()
    sql.execute("DELETE FROM record WHERE key = ?", (key,))
    (only,) = check(path).findings
    assert (only.code, only.table, only.row) == ("missing-record", "record", key.hex())
    assert "dataset/loans" in only.message


def test_two_entries_that_changed_places(path: Path, sql: apsw.Connection) -> None:
    for one, other in ((257, 270), (100, 150)):
        sql.execute(f"UPDATE entry SET idx = -1 WHERE idx = {one}")
        sql.execute(f"UPDATE entry SET idx = {one} WHERE idx = {other}")
        sql.execute(f"UPDATE entry SET idx = {other} WHERE idx = -1")
    assert {each[1:] for each in named(check(path))} == {("entry", 100), ("entry", 150), ("entry", 257), ("entry", 270)}


def test_a_properly_signed_event_in_the_place_of_another(path: Path, sql: apsw.Connection) -> None:
    # Entry 260 is an event; the new one is by the same actor and of the same ledger, but was never sealed.
    body, signer = sql.execute("SELECT body, signer FROM entry WHERE idx = 270").fetchone()
    sql.execute("UPDATE entry SET body = ?, signer = ? WHERE idx = 260", (body, signer))
    assert named(check(path)) == [("changed", "entry", 260)]


@pytest.mark.parametrize("index", [3, 100, 270])
def test_a_dropped_entry_is_named_and_the_rest_is_not(path: Path, sql: apsw.Connection, index: int) -> None:
    sql.execute(f"DELETE FROM entry WHERE idx = {index}")
    assert [each[1:] for each in named(check(path))] == [("entry", index)]


def test_the_last_block_cut_off(path: Path, sql: apsw.Connection) -> None:
    last = sql.execute("SELECT max(height) FROM block").get
    first = sql.execute("SELECT idx + 1 FROM block WHERE height = ?", (last - 1,)).get
    sql.execute(f"DELETE FROM entry WHERE idx >= {first}")
    found = check(path)
    assert [each.row for each in found.findings if each.table == "entry"] == list(range(first, SIZE))
    sql.execute(f"DELETE FROM block WHERE height = {last}; DELETE FROM event WHERE idx >= {first}")
    # Who cuts consistently still leaves the state of the block behind.
    assert {each.table for each in check(path).findings} == {"record", "cell"}


def test_a_second_wrong_row_is_found_behind_the_first(path: Path, sql: apsw.Connection) -> None:
    flip(sql, "entry", "body", "idx = 3")
    flip(sql, "entry", "body", "idx = 265")
    flip(sql, "block", "checkpoint", "height = 5")
    flip(sql, "cell", "hashes", "id = 9")
    flip(sql, "tile", "hashes", "id = 0", -1)
    tables = [(each.table, each.row) for each in check(path).findings]
    assert sorted(tables) == [("block", 5), ("cell", 9), ("entry", 3), ("entry", 265), ("tile", 0)]


@pytest.mark.parametrize("index", [266, 276])
def test_without_roots_each_header_still_names_the_one_before(path: Path, sql: apsw.Connection, index: int) -> None:
    # Nobody keeps the leaf of entry 257.
    flip(sql, "entry", "body", "idx = 257")
    header = entry.decode_header(sql.execute("SELECT body FROM entry WHERE idx = ?", (index,)).get)
    raw = entry.encode_header(msgspec.structs.replace(header, state="0" * 64))
    sql.execute("UPDATE entry SET body = ? WHERE idx = ?", (raw, index))
    # The newest header is vouched for by nobody, so that it is the one that is named where the last but one was changed.
    assert [each[1:] for each in named(check(path))] == [("entry", 257), ("entry", index if index == 266 else SIZE - 1)]


def test_without_roots_each_tile_must_agree_with_itself(path: Path, sql: apsw.Connection) -> None:
    # Entry 3 cannot be recovered once its tile is damaged as well.
    flip(sql, "entry", "body", "idx = 3")
    flip(sql, "tile", "hashes", "id = 0", 3 * 32)
    found = check(path)
    assert sorted((each.table, each.row) for each in found.findings) == [("entry", 3), ("tile", 0)]
    assert any("later roots" in sentence for sentence in found.unchecked)


def _reseal(sql: apsw.Connection, **changes: object) -> None:
    """The operator himself rewrites the newest header and signs it."""
    height, index = sql.execute("SELECT height, idx FROM block ORDER BY height DESC LIMIT 1").fetchone()
    header = msgspec.structs.replace(
        entry.decode_header(sql.execute("SELECT body FROM entry WHERE idx = ?", (index,)).get), **changes
    )
    raw = entry.encode_header(header)
    leaves = []
    for at, body, signer in sql.execute("SELECT idx, body, signer FROM entry WHERE idx < ? ORDER BY idx", (index,)):
        leaves.append(merkle.leaf(tree.entries.rebuild(at, body, signer)))
    root = merkle.root([*leaves, merkle.leaf(raw)])
    note = checkpoint.sign(Checkpoint(makers.ORIGIN, index + 1, root), makers.LOG)
    sql.execute("UPDATE entry SET body = ? WHERE idx = ?", (raw, index))
    sql.execute("UPDATE block SET checkpoint = ? WHERE height = ?", (note, height))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "0" * 64}, "header-state"),
        ({"time": "2026-11-23T12:00:00.000000Z"}, "time-order"),
        ({"previous": "1" * 64}, "header-previous"),
        ({"root": "1" * 64}, "header-root"),
        ({"size": 7}, "header-size"),
        ({"height": 7}, "header-height"),
        ({"evidence": msgspec.Raw(b"{}")}, "header-evidence"),
    ],
)
def test_an_operator_who_signs_a_lie(path: Path, sql: apsw.Connection, changes: dict[str, object], code: str) -> None:
    _reseal(sql, **changes)
    found = check(path)
    assert named(found) == [(code, "entry", SIZE - 1)]
    assert not found.replayed


def test_a_checkpoint_of_another_tree_by_the_same_key(path: Path, sql: apsw.Connection) -> None:
    index = sql.execute("SELECT idx FROM block WHERE height = 5").get
    note = checkpoint.sign(Checkpoint(makers.ORIGIN, index + 1, bytes(32)), makers.LOG)
    sql.execute("UPDATE block SET checkpoint = ? WHERE height = 5", (note,))
    assert named(check(path)) == [("checkpoint-root", "block", 5)]


def test_checkpoints_that_changed_places(path: Path, sql: apsw.Connection) -> None:
    rows = dict(sql.execute("SELECT height, checkpoint FROM block WHERE height IN (5, 6)"))
    for height in (5, 6):
        sql.execute("UPDATE block SET checkpoint = ? WHERE height = ?", (rows[11 - height], height))
    assert {each[1:] for each in named(check(path))} == {("block", 5), ("block", 6)}


def test_a_cosignature_does_not_belong_into_the_row(path: Path, sql: apsw.Connection) -> None:
    note = sql.execute("SELECT checkpoint FROM block WHERE height = 5").get
    line = checkpoint.cosign(checkpoint.note.parse(note), "witness.example/w", makers.ADA, 1).encode()
    sql.execute("UPDATE block SET checkpoint = ? WHERE height = 5", (note + line,))
    assert named(check(path)) == [("bad-checkpoint", "block", 5)]


@pytest.mark.parametrize("content", [b"", b"x", b"SQLite format 3\0", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    found = check(path)
    assert {each.table for each in found.findings} == {"file"}
    assert (found.size, found.replayed) == (0, False)
    assert path.read_bytes() == content


def test_a_cut_file(path: Path) -> None:
    whole = path.read_bytes()
    for length in (4096, 20_000, len(whole) - 4096):
        path.write_bytes(whole[:length])
        assert check(path).findings


def test_another_database(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with apsw.Connection(str(path)) as other:
        other.execute("CREATE TABLE entry (idx)")
    assert {each.table for each in check(path).findings} == {"file"}


def test_what_is_not_there_and_what_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound):
        check(tmp_path / "ledger.db")
    with pytest.raises(NotFound):
        check(tmp_path)
    (tmp_path / "ledger.db").write_bytes(b"")
    monkeypatch.setattr("muniment.ledger.store.connection.file_system", lambda _: "nfs4")
    with pytest.raises(Unavailable):
        check(tmp_path / "ledger.db")


def test_what_lies_beside_the_store(path: Path, tmp_path: Path) -> None:
    vault, blobs = Vault(tmp_path / "vault"), Blobs(tmp_path / "blobs")
    vault.seal("a reason")
    vault.seal("another")
    names = [blobs.store(b"one"), blobs.store(b"two")]

    def broken() -> list[int]:
        raise CorruptStore("the folder cannot be read", code="unreadable-folder")

    def damaged_blobs() -> list[str]:
        found = []
        for name in blobs.digests():
            try:
                blobs.load(name)
            except CorruptStore:
                found.append(name)
        return found

    beside = {"vault": vault.check, "blobs": damaged_blobs}
    assert fsck(path, makers.VERIFIER, beside=beside).findings == ()
    (tmp_path / "vault").write_bytes((tmp_path / "vault").read_bytes().replace(b"another", b"an0ther"))
    (tmp_path / "blobs" / names[0]).write_bytes(b"1ne")
    found = fsck(path, makers.VERIFIER, beside={**beside, "keys": broken})
    assert named(found) == [("damaged", "vault", 2), ("damaged", "blobs", names[0]), ("unreadable-folder", "keys", "")]


def test_a_thousand_findings_are_enough(path: Path, sql: apsw.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_FINDINGS", 10)
    sql.execute("UPDATE cell SET height = height + 1")
    found = check(path)
    assert len(found.findings) == 10
    assert found.unchecked == ("246 further wrong rows are not listed.",)


def test_a_gap_too_wide_to_walk_through(path: Path, sql: apsw.Connection) -> None:
    sql.execute("UPDATE entry SET idx = idx + 1000000 WHERE idx > 100")
    found = check(path)
    assert ("entry", 101) in {(each.table, each.row) for each in found.findings}
