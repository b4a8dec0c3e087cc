"""The index's own SQLite file: opened, or made anew where it is of no use.

It holds nothing that the ledger does not, so whatever is wrong with it is answered by deleting it. Every table but `stream`
grows only, and every row names the entry that made it: the index as of a smaller ledger is the rows below that size, and
a history that was replaced is cut off at the last block that both share.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import apsw

from muniment.errors import InvalidInput, Unavailable
from muniment.ledger.store import connection

APPLICATION_ID = 0x4D756E49  # "MunI"
VERSION = 3
BUSY_TIMEOUT_MS = 30_000

SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
-- Sealed blocks by the entry of their header; `leaf` tells one history from another.
CREATE TABLE block (idx INTEGER PRIMARY KEY, height INTEGER NOT NULL UNIQUE, time TEXT NOT NULL, leaf BLOB NOT NULL);
-- Streams and the entries that they fold.
CREATE TABLE stream (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE touch (stream INTEGER, idx INTEGER, PRIMARY KEY (stream, idx)) WITHOUT ROWID;
-- Events; `block` is the entry of the sealing header, `stream` what the event is mainly about.
CREATE TABLE event (idx INTEGER PRIMARY KEY, block INTEGER NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL, id BLOB NOT NULL,
  occurred TEXT NOT NULL, stream INTEGER NOT NULL, digest BLOB);
CREATE INDEX event_name ON event (name, idx);
CREATE INDEX event_id ON event (id);
-- Versions of models (kind `version`) and of data sets (kind `data`), and what ended them.
CREATE TABLE version (idx INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, ordinal INTEGER NOT NULL,
  digest BLOB NOT NULL);
CREATE INDEX version_name ON version (kind, name, ordinal);
CREATE INDEX version_digest ON version (digest);
CREATE TABLE ending (digest BLOB, kind TEXT, idx INTEGER, PRIMARY KEY (digest, kind, idx)) WITHOUT ROWID;
-- Whatever changes: a row for each change, the newest one counts.
CREATE TABLE model (name TEXT, idx INTEGER, owner TEXT, offered TEXT, PRIMARY KEY (name, idx)) WITHOUT ROWID;
CREATE TABLE actor (id TEXT, idx INTEGER, kind TEXT NOT NULL, organisation TEXT, responsible TEXT NOT NULL, roles TEXT NOT NULL,
  PRIMARY KEY (id, idx)) WITHOUT ROWID;
CREATE TABLE key (key BLOB, idx INTEGER, actor TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, disputed INTEGER, expires TEXT,
  PRIMARY KEY (key, idx)) WITHOUT ROWID;
CREATE TABLE deployment (environment TEXT, name TEXT, idx INTEGER, version BLOB NOT NULL, since INTEGER NOT NULL,
  status TEXT NOT NULL, transition TEXT NOT NULL, PRIMARY KEY (environment, name, idx)) WITHOUT ROWID;
CREATE INDEX deployment_version ON deployment (version, idx);
-- Decisions, plans and measurements, by the version or model that they are about.
CREATE TABLE approval (idx INTEGER PRIMARY KEY, version BLOB, environment TEXT, decision TEXT NOT NULL, meaning TEXT NOT NULL,
  expires TEXT, revokes BLOB);
CREATE INDEX approval_version ON approval (version);
CREATE INDEX approval_revokes ON approval (revokes) WHERE revokes IS NOT NULL;
CREATE TABLE plan (idx INTEGER PRIMARY KEY, id BLOB NOT NULL, model TEXT NOT NULL, metric TEXT NOT NULL, comparator TEXT NOT NULL,
  threshold TEXT NOT NULL, role TEXT, slices BLOB NOT NULL);
CREATE INDEX plan_model ON plan (model);
CREATE INDEX plan_id ON plan (id);
CREATE TABLE evaluation (idx INTEGER PRIMARY KEY, version BLOB NOT NULL, plan BLOB, passed INTEGER, data BLOB, role TEXT);
CREATE INDEX evaluation_version ON evaluation (version);
-- Incidents: a row for each change, the newest one counts; and the commits that training runs name.
CREATE TABLE incident (id BLOB, idx INTEGER, opened INTEGER NOT NULL, hold INTEGER NOT NULL, PRIMARY KEY (id, idx)) WITHOUT ROWID;
CREATE TABLE revision (digest TEXT, idx INTEGER, PRIMARY KEY (digest, idx)) WITHOUT ROWID;
"""

# Every table whose rows name the entry that made them.
TABLES = (
    "block",
    "touch",
    "event",
    "version",
    "ending",
    "model",
    "actor",
    "key",
    "deployment",
    "approval",
    "plan",
    "evaluation",
    "incident",
    "revision",
)


def open(path: Path) -> apsw.Connection:
    """Open the file, or make it (0600); one of another version is made anew.

    Raises InvalidInput for a ledger's file, Unavailable, and apsw.Error for a damaged file.
    """
    _touch(path)
    sql = _connect(path)
    # Read at once, so that the log is opened too: a file that another process deletes then stays readable to the end.
    found = sql.execute("PRAGMA application_id").get, sql.execute("PRAGMA user_version").get
    if found == (APPLICATION_ID, VERSION):
        return sql
    if found[0] == connection.APPLICATION_ID:
        sql.close()
        raise InvalidInput(
            f"{path} is a ledger, and an index is deleted at will", code="not-an-index", hint="Give the index a file of its own."
        )
    if found != (0, 0):
        sql.close()
        delete(path)
        _touch(path)
        sql = _connect(path)
    # SQLite needs shared memory for its log, which network file systems do not give.
    shared = connection.file_system(path.parent) not in connection.NETWORK_FILE_SYSTEMS
    sql.execute(f"PRAGMA journal_mode = {'WAL' if shared else 'TRUNCATE'}").fetchall()
    sql.execute("BEGIN IMMEDIATE")
    # Another process may have been quicker.
    if sql.execute("PRAGMA user_version").get == 0:
        sql.execute(SCHEMA)
    sql.execute("COMMIT")
    return sql


def delete(path: Path) -> None:
    """Remove the file and what SQLite keeps beside it. Raises Unavailable."""
    try:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                os.unlink(f"{path}{suffix}")
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None


def explain(path: Path, error: apsw.Error) -> Unavailable | None:
    """The error to raise where the machine and not the file is at fault; None where the file is damaged."""
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return Unavailable("other processes keep the index busy", code="busy", retry_after=1.0)
    if isinstance(
        error, apsw.IOError | apsw.FullError | apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError | apsw.NoMemError
    ):
        return _unusable(path, str(error))
    return None


def _touch(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None


def _connect(path: Path) -> apsw.Connection:
    sql = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)
    sql.set_busy_timeout(BUSY_TIMEOUT_MS)
    # NORMAL loses the last transactions in a power cut and never mixes old and new pages; OFF could, and would answer wrongly.
    sql.execute(
        "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -8192; PRAGMA trusted_schema = OFF"
    )
    return sql


def _unusable(path: Path, reason: str) -> Unavailable:
    return Unavailable(
        f"the index {path} cannot be used: {reason}",
        code="index-unusable",
        hint="Make room or correct the permissions; the index may be deleted at any time.",
    )
