"""Keys that ask for admission: lines that `muniment keys request` or a browser made, kept until somebody admits them.

What is kept here is a letter box. An administrator still signs the admission with a key of his own, and compares the fingerprint.
"""

from __future__ import annotations

import msgspec

from muniment.client import key_request
from muniment.core.format import time
from muniment.core.rules.genesis import Kind
from muniment.errors import InvalidInput, NotFound
from muniment.ledger.embedded import Clock, system_clock
from muniment.server.hosting import Hosted
from muniment.server.state_file import StateFile

LIFE_US = 7 * 24 * 3_600 * 1_000_000
MAX_OF_ONE = 5
MAX_OF_LEDGER = 200

_COLUMNS = "id, line, asker, created, expires"


class Pending(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A key that asks for admission.

    request: the line to hand to `muniment keys admit`
    fingerprint: what two people compare over another channel
    askedBy: the caller who put it here, as the server knows him
    """

    id: int
    request: str
    actor: str
    kind: Kind
    key: str
    fingerprint: str
    asked_by: str
    asked_at: str
    expires_at: str


class Requests:
    """The letter boxes of all served ledgers."""

    def __init__(self, file: StateFile, clock: Clock = system_clock) -> None:
        self._file = file
        self._clock = clock

    def put(self, ledger: str, origin: str, line: str, asker: str) -> Pending:
        """Keep a request for the ledger of this served name and origin; the same key again is the same request.

        Raises InvalidInput (`bad-key-request`, `key-proof`, `other-origin`, `too-many-requests`).
        """
        asked = key_request.parse(line)
        if asked.origin != origin:
            raise InvalidInput(
                f"the request is for {asked.origin}, and this ledger is {origin}",
                code="other-origin",
                hint="Make the request for this ledger's origin.",
            )
        now = self._clock()
        with self._file.writing() as sql:
            sql.execute("DELETE FROM request WHERE expires <= ?", (now,))
            # The line is no secret: who sends it again, whoever it is, takes it from nobody.
            same = sql.execute("SELECT id FROM request WHERE ledger = ? AND key = ?", (ledger, asked.key)).get
            if same is None:
                mine = sql.execute("SELECT count(*) FROM request WHERE ledger = ? AND asker = ?", (ledger, asker)).get
                every = sql.execute("SELECT count(*) FROM request WHERE ledger = ?", (ledger,)).get
                if mine >= MAX_OF_ONE or every >= MAX_OF_LEDGER:
                    raise InvalidInput(
                        "too many keys wait for admission", code="too-many-requests", hint="Withdraw one that nobody needs."
                    )
                same = sql.execute(
                    "INSERT INTO request (ledger, key, line, asker, created, expires) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                    (ledger, asked.key, line, asker, now, now + LIFE_US),
                ).get
            [row] = sql.execute(f"SELECT {_COLUMNS} FROM request WHERE id = ?", (same,)).fetchall()
        return _read(row)

    def list(self, ledger: str, asker: str | None) -> tuple[Pending, ...]:
        """What waits for a ledger, the oldest first: all of it, or what one caller put there."""
        with self._file.reading() as sql:
            rows = sql.execute(
                f"SELECT {_COLUMNS} FROM request WHERE ledger = ?1 AND expires > ?2 AND (?3 IS NULL OR asker = ?3) ORDER BY id",
                (ledger, self._clock(), asker),
            ).fetchall()
        return tuple([_read(row) for row in rows])

    def withdraw(self, ledger: str, id_: int, asker: str | None) -> None:
        """Take a request out; one's own, or any where `asker` is None. Raises NotFound (`no-such-request`)."""
        with self._file.writing() as sql:
            gone = sql.execute(
                "DELETE FROM request WHERE ledger = ?1 AND id = ?2 AND (?3 IS NULL OR asker = ?3) RETURNING id",
                (ledger, id_, asker),
            ).get
        if gone is None:
            raise NotFound(f"no request {id_} waits here", code="no-such-request", hint="It may have been admitted or be too old.")


def list_waiting(requests: Requests, hosted: Hosted, asker: str | None) -> tuple[Pending, ...]:
    """What still waits for a ledger, the oldest first, as `Requests.list`: keys that were admitted meanwhile wait no longer."""
    found = requests.list(hosted.name, asker)
    if not found:
        return ()
    with hosted.reader.view():
        known = {row.key for row in hosted.reader.index.keys_of()}
    return tuple(each for each in found if each.key not in known)


def _read(row: tuple[object, ...]) -> Pending:
    id_, line, asker, created, expires = row
    asked = key_request.parse(str(line))
    return Pending(
        id=int(str(id_)),
        request=str(line),
        actor=asked.actor,
        kind=asked.kind,
        key=asked.key,
        fingerprint=asked.fingerprint,
        asked_by=str(asker),
        asked_at=time.format(int(str(created))),
        expires_at=time.format(int(str(expires))),
    )
