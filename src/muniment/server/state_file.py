"""A small SQLite file in the server's own folder, for what is no part of any ledger: tokens, sessions, webhooks.

    with closing(state_file.open(settings.state, LAYOUT)) as file:
        with file.writing() as sql: ...

Any number of processes and threads use one at once (WAL, 0600 in a folder 0700).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import msgspec

from muniment.errors import CorruptStore, Unavailable
from muniment.ledger.store import connection

BUSY_TIMEOUT_MS = 5_000


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is. `holds` is what errors call it by: `the file of tokens`; `schema` makes its tables."""

    name: str
    holds: str
    application_id: int
    version: int = 1
    schema: str


class StateFile:
    """The open file. Calls of several threads take turns; each is short."""

    def __init__(self, sql: apsw.Connection, layout: Layout) -> None:
        self._sql = sql
        self._layout = layout
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection to ask single questions of. Raises Unavailable, CorruptStore."""
        with self._lock, _explaining(self._layout):
            yield self._sql

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """One transaction: durable when this ends, nothing of it where it raises."""
        with self._lock, _explaining(self._layout):
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


def open(folder: Path, layout: Layout) -> StateFile:
    """Open the file in a folder, and make both where they are missing. Raises Unavailable, CorruptStore."""
    path = folder / layout.name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its log and shared memory the permissions of the file.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        os.chmod(path, 0o600)
    except OSError as error:
        raise unwritable(path, error) from None
    connection.require_local(folder)
    with _explaining(layout):
        sql = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            _prepare(sql, path, layout)
        except BaseException:
            sql.close()
            raise
    return StateFile(sql, layout)


def unwritable(path: Path, error: OSError) -> Unavailable:
    """The error for something in the server's folder that cannot be read or written."""
    return Unavailable(
        f"{path} cannot be used: {error.strerror}",
        code="state-unwritable",
        hint="Give the server's user this folder, or choose another one with --state.",
    )


def _prepare(sql: apsw.Connection, path: Path, layout: Layout) -> None:
    sql.set_busy_timeout(BUSY_TIMEOUT_MS)
    sql.execute("PRAGMA journal_mode = WAL").fetchall()
    for pragma in ("synchronous = FULL", "trusted_schema = OFF", "secure_delete = ON"):
        sql.execute(f"PRAGMA {pragma}").fetchall()
    # Several processes may find it empty at once: the first one in makes the tables.
    sql.execute("BEGIN IMMEDIATE")
    found = sql.execute("PRAGMA application_id").get, sql.execute("PRAGMA user_version").get
    if found == (0, 0):
        sql.execute(f"PRAGMA application_id = {layout.application_id}; PRAGMA user_version = {layout.version}; {layout.schema}")
    sql.execute("COMMIT")
    if found not in ((0, 0), (layout.application_id, layout.version)):
        raise CorruptStore(f"{path} is not {layout.holds} of this version", code="other-file", details={"table": "file"})


@contextmanager
def _explaining(layout: Layout) -> Iterator[None]:
    try:
        yield
    except (apsw.BusyError, apsw.LockedError):
        raise Unavailable(f"other processes keep {layout.holds} busy", code="busy", retry_after=1.0) from None
    except apsw.ConnectionClosedError:
        raise Unavailable("the server is stopping", code="closing", retry_after=1.0) from None
    except (apsw.CorruptError, apsw.NotADBError, msgspec.MsgspecError) as error:
        raise CorruptStore(f"{layout.holds} is damaged: {error}", details={"table": "file"}) from None
    except apsw.Error as error:
        raise Unavailable(f"{layout.holds} cannot be used: {error}", code="store") from None
