"""The server's own small file, `access.db` in its state folder: tokens, sessions, one-time codes, requests for keys.

    with closing(store.open(settings.state)) as file:
        with file.writing() as sql: ...

Any number of processes use it at once (SQLite, WAL, 0600 in a folder 0700). It holds no secret: of tokens, cookies and codes it
knows only SHA-256 digests. Nothing in it is part of a ledger; who loses it makes new tokens.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from muniment.errors import CorruptStore, Unavailable
from muniment.ledger.store import connection

FILE = "access.db"
APPLICATION_ID = 0x4D756E41  # "MunA"
VERSION = 1
BUSY_TIMEOUT_MS = 5_000

SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
-- API tokens. `secret` is the SHA-256 of the secret; scopes, ledgers and environments are JSON arrays; times are microseconds.
CREATE TABLE token (id TEXT PRIMARY KEY, secret BLOB NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, ledgers TEXT NOT NULL,
  environments TEXT NOT NULL, created INTEGER NOT NULL, creator TEXT NOT NULL, expires INTEGER, revoked INTEGER, used INTEGER)
  WITHOUT ROWID;
-- Browsers that are signed in, by the SHA-256 of the cookie; `token` is the API token that was pasted, whose end is its end too.
CREATE TABLE session (id BLOB PRIMARY KEY, caller TEXT NOT NULL, token TEXT, expires INTEGER NOT NULL, seen INTEGER NOT NULL)
  WITHOUT ROWID;
-- What may be used once: sign-in links, and sign-ins that are under way at a provider.
CREATE TABLE once (id BLOB PRIMARY KEY, purpose TEXT NOT NULL, body TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
-- Keys that ask for admission to a ledger.
CREATE TABLE request (id INTEGER PRIMARY KEY AUTOINCREMENT, ledger TEXT NOT NULL, key TEXT NOT NULL, line TEXT NOT NULL,
  asker TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, UNIQUE (ledger, key));
-- Workload tokens (their SHA-256) that had a key admitted, and which: a token admits one key.
CREATE TABLE workload (token BLOB PRIMARY KEY, ledger TEXT NOT NULL, key TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
"""


class AccessFile:
    """The open file. Calls of several threads take turns; each is short."""

    def __init__(self, sql: apsw.Connection) -> None:
        self._sql = sql
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection to ask single questions of. Raises Unavailable, CorruptStore."""
        with self._lock, _explaining():
            yield self._sql

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """One transaction: durable when this ends, nothing of it where it raises."""
        with self._lock, _explaining():
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield self._sql
                # A crash before this line leaves nothing of the transaction, one after it all.
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._sql.close()


def open(folder: Path) -> AccessFile:
    """Open the file in a folder, and make both where they are missing. Raises Unavailable, CorruptStore."""
    path = folder / FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its log and shared memory the permissions of the file.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        os.chmod(path, 0o600)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be opened: {error.strerror}", code="state-unwritable", hint="Choose another folder with --state."
        ) from None
    connection.require_local(folder)
    with _explaining():
        sql = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            _prepare(sql, path)
        except BaseException:
            sql.close()
            raise
    return AccessFile(sql)


def hash_secret(secret: str) -> bytes:
    """What is kept of a secret: its SHA-256. Secrets are 32 random bytes, so nothing slower is needed."""
    return hashlib.sha256(secret.encode()).digest()


def _prepare(sql: apsw.Connection, path: Path) -> None:
    sql.set_busy_timeout(BUSY_TIMEOUT_MS)
    sql.execute("PRAGMA journal_mode = WAL").fetchall()
    for pragma in ("synchronous = FULL", "trusted_schema = OFF", "secure_delete = ON"):
        sql.execute(f"PRAGMA {pragma}").fetchall()
    # Several processes may find it empty at once: the first one in makes the tables.
    sql.execute("BEGIN IMMEDIATE")
    found = sql.execute("PRAGMA application_id").get, sql.execute("PRAGMA user_version").get
    if found == (0, 0):
        sql.execute(SCHEMA)
    sql.execute("COMMIT")
    if found not in ((0, 0), (APPLICATION_ID, VERSION)):
        raise CorruptStore(f"{path} is no file of tokens of this version", code="not-access", details={"table": "file"})


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except (apsw.BusyError, apsw.LockedError):
        raise Unavailable("other processes keep the file of tokens busy", code="busy", retry_after=1.0) from None
    except apsw.ConnectionClosedError:
        raise Unavailable("the server is stopping", code="closing", retry_after=1.0) from None
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise CorruptStore(f"the file of tokens is damaged: {error}", details={"table": "file"}) from None
    except apsw.Error as error:
        raise Unavailable(f"the file of tokens cannot be used: {error}", code="store") from None
