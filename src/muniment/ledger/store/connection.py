"""Opening the one file: APSW's own SQLite, WAL, every commit on the disk before it is acknowledged.

APSW carries its SQLite (the one in many Pythons, up to 3.51.2, can corrupt a WAL database with two connections). WAL needs
shared memory, which network file systems do not give: those are refused rather than trusted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ContextDecorator, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import apsw

from muniment.errors import CorruptStore, InvalidInput, MunimentError, NotFound, Unavailable

APPLICATION_ID = 0x4D756E31  # "Mun1"
FORMAT = 1
BUSY_TIMEOUT_MS = 10_000
BUSY_POLL_MS = 1
CACHE_KIB = 65_536
# Up to 32 MiB of log beside the file: when it is folded back, a page that changed often is written once.
LOG_PAGES = 8_000
MOUNTS = Path("/proc/self/mounts")

_PRAGMAS = ("synchronous = FULL", f"cache_size = -{CACHE_KIB}", f"wal_autocheckpoint = {LOG_PAGES}", "trusted_schema = OFF")

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    }
)

SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
-- Entries in order. An event keeps its payload and its signer (32-byte key, 64-byte signature); a header has no signer.
CREATE TABLE entry (idx INTEGER PRIMARY KEY, body BLOB NOT NULL, signer BLOB);
-- Event ids (UUIDv7, 16 bytes) to entries.
CREATE TABLE event (id BLOB PRIMARY KEY, idx INTEGER NOT NULL) WITHOUT ROWID;
-- Sealed blocks: the entry of the header, the number of records after it, and the signed checkpoint that ends there.
CREATE TABLE block (height INTEGER PRIMARY KEY, idx INTEGER NOT NULL, records INTEGER NOT NULL, checkpoint BLOB NOT NULL);
-- Full tiles: every level of 256 hashes, bottom-up. id = level * 2^40 + index. The open tiles follow from the entries.
CREATE TABLE tile (id INTEGER PRIMARY KEY, hashes BLOB NOT NULL);
-- The state map: its records in key order are the bottom of the tree ...
CREATE TABLE record (key BLOB PRIMARY KEY, value BLOB NOT NULL, leaf BLOB NOT NULL) WITHOUT ROWID;
-- ... and 256 rows of 16 hashes are its nodes at depth 12. `height` is the block that last changed the row.
CREATE TABLE cell (id INTEGER PRIMARY KEY, hashes BLOB NOT NULL, height INTEGER NOT NULL);
-- In a consortium: what members said of the checkpoint of a height, a signature line each; the log's own line has the name ''.
CREATE TABLE cosignature (height INTEGER, organisation TEXT, line TEXT NOT NULL, PRIMARY KEY (height, organisation)) WITHOUT ROWID;
-- ... the heights whose headers name a set of members, 0 where the genesis does,
CREATE TABLE membership (height INTEGER PRIMARY KEY);
-- ... and what was committed at each height of the consensus engine: how many entries there were then, and their root.
CREATE TABLE consensus (height INTEGER PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL);
"""


def create(path: Path) -> apsw.Connection:
    """Make a new, empty file (0600). Raises InvalidInput where one is already there."""
    connection = create_empty(path)
    # A block changes a few random records: with pages of half the usual size it writes half as much to the log.
    connection.execute("PRAGMA page_size = 2048; PRAGMA auto_vacuum = NONE")
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("BEGIN IMMEDIATE;" + SCHEMA + "COMMIT;")
    return connection


def create_empty(path: Path) -> apsw.Connection:
    """Make a file (0600) for a new ledger or a copy of one. Raises InvalidInput where one is already there."""
    require_local(path.parent)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise InvalidInput(f"{path} is already there", code="already-a-ledger", hint="Open it, or choose another folder.") from None
    return _connect(path)


def open(path: Path, cache_kib: int = CACHE_KIB) -> apsw.Connection:
    """Open a ledger's file, with at most so much of it in memory. Raises NotFound, CorruptStore or Unavailable."""
    _require_file(path)
    connection = _connect(path)
    try:
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        found = connection.execute("PRAGMA application_id").get, connection.execute("PRAGMA user_version").get
    except apsw.Error as error:
        raise CorruptStore(f"{path} is not a readable ledger file: {error}", details={"table": "file"}) from None
    if found != (APPLICATION_ID, FORMAT):
        raise CorruptStore(f"{path} is no ledger of this version", code="not-a-ledger", details={"table": "file"})
    return connection


@contextmanager
def open_reader(path: Path) -> Iterator[apsw.Connection]:
    """A connection that cannot write, inside one read transaction, to a file that may be damaged in any way.

    Raises NotFound, CorruptStore where SQLite cannot read a page of it, Unavailable where it cannot be opened.
    """
    _require_file(path)
    try:
        connection = _connect_reader(path)
    except apsw.Error as error:
        raise explain(error) from None
    with closing(connection):
        yield connection
        with suppress(apsw.Error):
            connection.execute("ROLLBACK")


@contextmanager
def open_memory() -> Iterator[apsw.Connection]:
    """A new, empty ledger file in memory: what schema and identity look like."""
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute(SCHEMA)
        yield connection


def explain(error: apsw.Error) -> MunimentError:
    """What a refusal of SQLite means for whoever asked."""
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return Unavailable("other processes keep the ledger busy", code="busy", retry_after=1.0)
    if isinstance(error, apsw.FullError):
        return Unavailable("the disk is full", code="disk-full", hint="Nothing was recorded. Make room, then try again.")
    # A row that should not be there breaks a constraint; a damaged schema is an error in SQL.
    if isinstance(error, apsw.CorruptError | apsw.NotADBError | apsw.ConstraintError | apsw.SQLError | apsw.MismatchError):
        return CorruptStore(f"the ledger file is damaged: {error}", details={"table": "file"})
    return Unavailable(
        f"the ledger file cannot be used: {error}", code="store", hint="Check the disk and the permissions of the file."
    )


class Explaining(ContextDecorator):
    """Turns what SQLite raises, also on a value of the wrong type, into errors of ours. Serves as a decorator too."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, apsw.Error):
            raise explain(error) from None
        if isinstance(error, UnicodeError):
            raise CorruptStore(f"the ledger file is damaged: {error}", details={"table": "file"}) from None


def explaining() -> Explaining:
    """Every read and write of the file stands in this context: it is entered often, so it costs next to nothing."""
    return Explaining()


def is_busy(connection: apsw.Connection) -> bool:
    """Is a transaction running? A connection that was closed has none."""
    try:
        return connection.in_transaction
    except apsw.ConnectionClosedError:
        return False


def begin(connection: apsw.Connection, statement: str) -> None:
    """Begin a transaction. Raises Unavailable where other processes keep the file busy, CorruptStore where it is damaged."""
    try:
        connection.execute(statement)
    except apsw.Error as error:
        raise explain(error) from None


def require_local(folder: Path) -> None:
    """Refuse network file systems. Raises Unavailable (`network-file-system`)."""
    kind = file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        raise Unavailable(
            f"{folder} lies on a network file system ({kind}), where SQLite cannot keep its promises",
            code="network-file-system",
            hint="Keep the ledger on a local disk and let others reach it through a node (MUNIMENT_URL).",
        )


def file_system(folder: Path) -> str:
    """The type of the file system below a folder, by the longest mount point that contains it; empty where unknown."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    target = os.path.realpath(folder)
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        point = fields[1].replace("\\040", " ") if len(fields) > 2 else ""
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if point and inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def _require_file(path: Path) -> None:
    try:
        present = path.is_file()
    except OSError as error:
        raise Unavailable(f"{path} cannot be opened: {error.strerror}", code="cannot-open") from None
    if not present:
        raise NotFound(
            f"there is no ledger at {path.parent}", hint="Create one with `muniment init`, or name its folder with --home."
        )
    require_local(path.parent)


def _wait(earlier: int) -> bool:
    """Wait a moment for another process, up to 10 s. SQLite's own waiting backs off to 100 ms, a block takes one or two."""
    time.sleep(BUSY_POLL_MS / 1_000)
    return earlier * BUSY_POLL_MS < BUSY_TIMEOUT_MS


def _connect(path: Path) -> apsw.Connection:
    try:
        connection = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)
    except apsw.Error as error:
        raise Unavailable(f"{path} cannot be opened: {error}", code="cannot-open") from None
    connection.set_busy_handler(_wait)
    # One statement at a time: what follows a pragma that answers is not run.
    for pragma in _PRAGMAS:
        try:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        except apsw.Error as error:
            connection.close()
            raise explain(error) from None
    return connection


def _connect_reader(path: Path) -> apsw.Connection:
    try:
        return _begin_reading(apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READONLY))
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        # In a folder that cannot be written WAL mode works only for a file that nobody is using.
        beside = Path(f"{path}-wal")
        if beside.is_file() and beside.stat().st_size:
            raise
        uri = f"file:{quote(os.fspath(path))}?immutable=1"
        return _begin_reading(apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI))


def _begin_reading(connection: apsw.Connection) -> apsw.Connection:
    try:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("BEGIN")
        # The transaction sees the file as of its first read.
        connection.execute("PRAGMA schema_version").fetchall()
    except apsw.Error:
        connection.close()
        raise
    return connection
