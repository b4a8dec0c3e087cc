"""What the server remembers of webhooks: `webhooks.db` in its state folder (server.state_file).

The ledger itself is the queue: a hook keeps the position up to which its events are delivered, and the last attempts. A crash
between a delivery and its note makes the delivery again, with the same id; nothing is ever skipped. One process delivers at a
time: the one that holds the lock beside the file, which ends with it. The file holds secrets, with which deliveries are signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apsw
import msgspec

from muniment.core.format import time
from muniment.errors import InvalidInput, NotFound
from muniment.ledger.embedded import system_clock
from muniment.server import state_file
from muniment.server.state_file import Layout, StateFile
from muniment.server.webhooks.hook import Delivery, Hook, Selection

FILE = "webhooks.db"
LOCK = "webhooks.lock"
APPLICATION_ID = 0x4D756E57  # "MunW"
KEPT_DELIVERIES = 1_000
MAX_HOOKS = 100
SECOND = 1_000_000

# Times are microseconds. `earlier` is the secret before, with which is signed too until `earlier_until`.
SCHEMA = """
CREATE TABLE hook (id TEXT PRIMARY KEY, ledger TEXT NOT NULL, url TEXT NOT NULL, selection BLOB NOT NULL, secret TEXT NOT NULL,
  earlier TEXT NOT NULL, earlier_until INTEGER NOT NULL, position INTEGER NOT NULL, created INTEGER NOT NULL,
  disabled INTEGER NOT NULL, attempts INTEGER NOT NULL, failing_since INTEGER NOT NULL, next_at INTEGER NOT NULL,
  outcome TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE delivery (number INTEGER PRIMARY KEY, hook TEXT NOT NULL, message TEXT NOT NULL, event TEXT NOT NULL, idx INTEGER,
  time INTEGER NOT NULL, delivered INTEGER NOT NULL, status INTEGER NOT NULL, outcome TEXT NOT NULL, milliseconds INTEGER NOT NULL);
CREATE INDEX delivery_hook ON delivery (hook, number);
"""
LAYOUT = Layout(name=FILE, holds="the file of webhooks", application_id=APPLICATION_ID, schema=SCHEMA)
_COLUMNS = "id, url, selection, position, created, disabled, attempts, failing_since, next_at, outcome"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A hook as the worker needs it: with the ledger's served name and the secrets to sign with."""

    hook: Hook
    ledger: str
    secrets: tuple[str, ...]


class _HookRow(msgspec.Struct, frozen=True, array_like=True):
    """A row of `_COLUMNS`. SQLite keeps any type in any column, so they are checked."""

    id: str
    url: str
    selection: bytes
    position: int
    created: int
    disabled: int
    attempts: int
    failing_since: int
    next_at: int
    outcome: str


class _DeliveryRow(msgspec.Struct, frozen=True, array_like=True):
    """A row of deliveries."""

    number: int
    message: str
    event: str
    index: int | None
    time: int
    delivered: int
    status: int
    outcome: str
    milliseconds: int


class Outbox:
    """The open file. Every method may raise Unavailable or CorruptStore."""

    def __init__(self, file: StateFile) -> None:
        self._file = file

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def create(self, ledger: str, hook: Hook, secret: str) -> None:
        """Keep a new hook, durably. Raises InvalidInput (`too-many-hooks`)."""
        with self._file.writing() as sql:
            if int(sql.execute("SELECT count(*) FROM hook WHERE ledger = ?", (ledger,)).get or 0) >= MAX_HOOKS:
                raise InvalidInput(f"a ledger has at most {MAX_HOOKS} webhooks", code="too-many-hooks", hint="Delete one.")
            sql.execute(
                "INSERT INTO hook VALUES (?, ?, ?, ?, ?, '', 0, ?, ?, 0, 0, 0, 0, '')",
                (hook.id, ledger, hook.url, msgspec.json.encode(hook.selection), secret, hook.position, time.parse(hook.created)),
            )

    def hooks(self, ledger: str) -> list[Hook]:
        """The hooks of a ledger, the oldest first."""
        with self._file.reading() as sql:
            rows = sql.execute(f"SELECT {_COLUMNS} FROM hook WHERE ledger = ? ORDER BY created, id", (ledger,)).fetchall()
        return [_decode(row) for row in rows]

    def find(self, ledger: str, id_: str) -> Kept:
        """A hook of a ledger. Raises NotFound (`no-such-webhook`)."""
        with self._file.reading() as sql:
            return self._find(sql, ledger, id_)

    def due(self, now: int) -> list[Kept]:
        """The hooks, of all ledgers, that may be tried now."""
        with self._file.reading() as sql:
            rows = sql.execute("SELECT ledger, id FROM hook WHERE NOT disabled AND next_at <= ? ORDER BY id", (now,)).fetchall()
            return [self._find(sql, str(ledger), str(id_)) for ledger, id_ in rows]

    def delete(self, ledger: str, id_: str) -> None:
        """Forget a hook and its deliveries. Raises NotFound."""
        with self._file.writing() as sql:
            self._find(sql, ledger, id_)
            sql.execute("DELETE FROM hook WHERE id = ?", (id_,))
            sql.execute("DELETE FROM delivery WHERE hook = ?", (id_,))

    def rotate(self, ledger: str, id_: str, secret: str, until: int) -> None:
        """Give a hook a new secret; the one before signs too until then. Raises NotFound."""
        with self._file.writing() as sql:
            self._find(sql, ledger, id_)
            sql.execute("UPDATE hook SET earlier = secret, earlier_until = ?, secret = ? WHERE id = ?", (until, secret, id_))

    def rewind(self, ledger: str, id_: str, position: int) -> None:
        """Deliver everything from a position on, again and at once; also what enables a hook again. Raises NotFound."""
        with self._file.writing() as sql:
            self._find(sql, ledger, id_)
            sql.execute(
                "UPDATE hook SET position = ?, disabled = 0, attempts = 0, failing_since = 0, next_at = 0 WHERE id = ?",
                (position, id_),
            )

    def advance(self, hook: Hook, position: int) -> bool:
        """Note that everything below `position` is done. False where somebody moved the position meanwhile: that counts."""
        with self._file.writing() as sql:
            sql.execute(
                "UPDATE hook SET position = ?, attempts = 0, failing_since = 0, next_at = 0 WHERE id = ? AND position = ?",
                (position, hook.id, hook.position),
            )
            return sql.changes() > 0

    def postpone(self, hook: Hook, now: int, next_at: int, outcome: str, *, disable: bool) -> None:
        """Note a failure: when to try again, or that nobody tries again."""
        with self._file.writing() as sql:
            sql.execute(
                "UPDATE hook SET attempts = attempts + 1, failing_since = iif(failing_since, failing_since, ?), next_at = ?,"
                " outcome = ?, disabled = ? WHERE id = ? AND position = ?",
                (now, next_at, outcome, disable, hook.id, hook.position),
            )

    def note(self, hook: str, delivery: Delivery) -> Delivery:
        """Keep an attempt, which gets its number; of each hook's attempts the last thousand are kept."""
        with self._file.writing() as sql:
            sql.execute(
                "INSERT INTO delivery (hook, message, event, idx, time, delivered, status, outcome, milliseconds)"
                " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM hook WHERE id = ?)",
                (
                    hook,
                    delivery.message,
                    delivery.event,
                    delivery.index,
                    time.parse(delivery.time),
                    delivery.delivered,
                    delivery.status,
                    delivery.outcome,
                    delivery.milliseconds,
                    hook,
                ),
            )
            number = sql.last_insert_rowid()
            sql.execute("UPDATE hook SET outcome = ? WHERE id = ?", (delivery.outcome, hook))
            sql.execute(
                "DELETE FROM delivery WHERE hook = ? AND number <= (SELECT number FROM delivery WHERE hook = ?"
                " ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (hook, hook, KEPT_DELIVERIES),
            )
        return msgspec.structs.replace(delivery, number=number)

    def deliveries(self, ledger: str, id_: str, before: int | None, limit: int) -> list[Delivery]:
        """The attempts of a hook, the newest first. Raises NotFound."""
        with self._file.reading() as sql:
            self._find(sql, ledger, id_)
            rows = sql.execute(
                "SELECT number, message, event, idx, time, delivered, status, outcome, milliseconds FROM delivery"
                " WHERE hook = ? AND number < ? ORDER BY number DESC LIMIT ?",
                (id_, before or 1 << 62, limit),
            ).fetchall()
        return [_decode_delivery(row) for row in rows]

    def _find(self, sql: apsw.Connection, ledger: str, id_: str) -> Kept:
        row = sql.execute(
            f"SELECT {_COLUMNS}, secret, earlier, earlier_until FROM hook WHERE ledger = ? AND id = ?", (ledger, id_)
        ).fetchone()
        if row is None:
            raise NotFound("there is no such webhook", code="no-such-webhook", hint="`muniment webhooks list` shows them.")
        *columns, secret, earlier, until = row
        secrets = (str(secret), str(earlier)) if earlier and int(until or 0) > system_clock() else (str(secret),)
        return Kept(hook=_decode(columns), ledger=ledger, secrets=secrets)


def open(state: Path) -> Outbox:
    """Open the file in a state folder, or make it. Raises Unavailable, CorruptStore."""
    return Outbox(state_file.open(state, LAYOUT))


def _decode(row: Sequence[object]) -> Hook:
    kept = msgspec.convert(tuple(row), _HookRow)
    return Hook(
        id=kept.id,
        url=kept.url,
        selection=msgspec.json.decode(kept.selection, type=Selection),
        position=kept.position,
        created=time.format(kept.created),
        state="disabled" if kept.disabled else "failing" if kept.attempts else "active",
        attempts=kept.attempts,
        failing_since=time.format(kept.failing_since) if kept.failing_since else None,
        next_at=time.format(kept.next_at) if kept.next_at and not kept.disabled else None,
        outcome=kept.outcome,
    )


def _decode_delivery(row: Sequence[object]) -> Delivery:
    kept = msgspec.convert(tuple(row), _DeliveryRow)
    return Delivery(
        number=kept.number,
        message=kept.message,
        event=kept.event,
        index=kept.index,
        time=time.format(kept.time),
        delivered=bool(kept.delivered),
        status=kept.status,
        outcome=kept.outcome,
        milliseconds=kept.milliseconds,
    )
