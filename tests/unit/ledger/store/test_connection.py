"""connection: one file, every pragma in force, and no file system that cannot keep a promise."""

from __future__ import annotations

import stat
from pathlib import Path

import apsw
import pytest

from muniment.errors import CorruptStore, InvalidInput, LedgerError, MunimentError, NotFound, Unavailable
from muniment.ledger.store import connection

MOUNTS = """\
overlay / overlay rw 0 0
proc /proc proc rw 0 0
/dev/sda1 /home ext4 rw 0 0
server:/models /home/ada/shared nfs4 rw 0 0
server:/old /home/ada/my\\040models cifs rw 0 0
/dev/sdb1 /home/ada/shared/scratch xfs rw 0 0
odd
"""


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The mounts of a machine with a network file system in the middle, in a file of the test's own."""
    path = tmp_path / "mounts"
    path.write_text(MOUNTS)
    monkeypatch.setattr(connection, "MOUNTS", path)
    return path


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/ada", "ext4"),
        ("/home/ada/shared", "nfs4"),
        ("/home/ada/shared/team", "nfs4"),
        ("/home/ada/shared/scratch/x", "xfs"),
        ("/home/ada/sharedness", "ext4"),
        ("/home/ada/my models", "cifs"),
        ("/srv", "overlay"),
    ],
)
def test_the_longest_mount_point_tells_the_file_system(mounts: Path, folder: str, kind: str) -> None:
    assert connection.file_system(Path(folder)) == kind


def test_a_network_file_system_is_refused(mounts: Path) -> None:
    connection.require_local(Path("/home/ada"))
    with pytest.raises(Unavailable) as caught:
        connection.require_local(Path("/home/ada/shared/team"))
    assert caught.value.code == "network-file-system"
    assert "nfs4" in str(caught.value)
    assert "MUNIMENT_URL" in caught.value.hint
    with pytest.raises(Unavailable):
        connection.create(Path("/home/ada/shared/ledger.db"))


def test_a_machine_that_tells_nothing_is_believed(mounts: Path) -> None:
    mounts.unlink()
    assert connection.file_system(Path("/home/ada/shared")) == ""
    connection.require_local(Path("/home/ada/shared"))


def test_a_new_file_is_private_and_lasting(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    connection.create(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sql = connection.open(path)
    found = {name: sql.execute(f"PRAGMA {name}").get for name in ("journal_mode", "synchronous", "trusted_schema")}
    # 2 is FULL: a commit is on the disk when it returns.
    assert found == {"journal_mode": "wal", "synchronous": 2, "trusted_schema": 0}
    sql.close()


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"mine")
    with pytest.raises(InvalidInput) as caught:
        connection.create(path)
    assert caught.value.code == "already-a-ledger"
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(5_000)])
def test_what_is_no_ledger_is_not_opened(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(CorruptStore):
        connection.open(path)
    assert path.read_bytes() == content


def test_a_ledger_of_another_version_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with connection.create(path) as sql:
        sql.execute("PRAGMA user_version = 2")
    sql.close()
    with pytest.raises(CorruptStore) as caught:
        connection.open(path)
    assert caught.value.code == "not-a-ledger"


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    for opener in (connection.open, lambda path: connection.open_reader(path).__enter__()):
        with pytest.raises(NotFound):
            opener(tmp_path / "ledger.db")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    connection.create(tmp_path / "ledger.db").close()
    with connection.open_reader(tmp_path / "ledger.db") as sql, pytest.raises(apsw.ReadOnlyError):
        sql.execute("DELETE FROM entry")


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    writer = connection.create(tmp_path / "ledger.db")
    with connection.open_reader(tmp_path / "ledger.db") as sql:
        writer.execute("INSERT INTO entry VALUES (0, x'00', NULL)")
        assert sql.execute("SELECT count(*) FROM entry").get == 0
    writer.close()


def test_where_nothing_can_be_written_a_quiet_file_is_read_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "odd name#1?.db"
    connection.create(path).close()
    before = connection._begin_reading
    opened: list[str] = []

    def begin_reading(sql: apsw.Connection) -> apsw.Connection:
        opened.append(sql.open_vfs)
        if len(opened) == 1:
            sql.close()
            raise apsw.CantOpenError("unable to open database file")
        return before(sql)

    monkeypatch.setattr(connection, "_begin_reading", begin_reading)
    with connection.open_reader(path) as sql:
        assert sql.execute("SELECT count(*) FROM entry").get == 0
    assert len(opened) == 2
    assert {each.name for each in tmp_path.iterdir()} == {path.name}
    # With a log beside it, the file alone would be an old state of the ledger.
    opened.clear()
    Path(f"{path}-wal").write_bytes(b"log")
    with pytest.raises(Unavailable):
        connection.open_reader(path).__enter__()


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (apsw.BusyError(), Unavailable, "busy"),
        (apsw.LockedError(), Unavailable, "busy"),
        (apsw.FullError(), Unavailable, "disk-full"),
        (apsw.IOError(), Unavailable, "store"),
        (apsw.ReadOnlyError(), Unavailable, "store"),
        (apsw.CorruptError(), CorruptStore, "corrupt-store"),
        (apsw.NotADBError(), CorruptStore, "corrupt-store"),
        (apsw.ConstraintError(), CorruptStore, "corrupt-store"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), CorruptStore, "corrupt-store"),
    ],
)
def test_every_refusal_of_sqlite_is_an_error_of_ours(error: Exception, kind: type[LedgerError], code: str) -> None:
    with pytest.raises(kind) as caught, connection.explaining():
        raise error
    assert caught.value.code == code
    assert caught.value.hint


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), connection.explaining():
        raise ZeroDivisionError
    with pytest.raises(NotFound), connection.explaining():
        raise NotFound("nothing")


def test_a_writer_that_stays_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_MS", 1)
    one = connection.create(tmp_path / "ledger.db")
    two = connection.open(tmp_path / "ledger.db")
    connection.begin(one, "BEGIN IMMEDIATE")
    with pytest.raises(MunimentError) as caught:
        connection.begin(two, "BEGIN IMMEDIATE")
    assert caught.value.code == "busy"
    assert isinstance(caught.value, Unavailable)
    assert caught.value.retry_after
    one.close()
    two.close()
