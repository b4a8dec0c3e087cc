"""What an attacker can do to the file of a ledger. Each function changes a copy; none of them knows what will catch it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import apsw

from muniment.client.home import Home
from muniment.core.format import state_map, time
from muniment.core.rules import genesis
from muniment.errors import InvariantError
from muniment.ledger import signers
from muniment.ledger.embedded import Embedded
from muniment.ledger.store.file import Store


def edit_bytes(store: Path, old: bytes, new: bytes) -> None:
    """Overwrite some bytes of the file with as many others, without asking SQLite."""
    raw = store.read_bytes()
    if old not in raw or len(old) != len(new):
        raise InvariantError(f"{old!r} cannot be overwritten in {store}")
    store.write_bytes(raw.replace(old, new))


def edit_record(store: Path, stream: str, old: bytes, new: bytes) -> None:
    """Change what the ledger says about a stream through SQL, and mend the row's own hash."""
    key = state_map.key(stream)
    with _sql(store) as sql:
        value = sql.execute("SELECT value FROM record WHERE key = ?", (key,)).get
        if value is None or old not in value:
            raise InvariantError(f"the record of {stream} does not hold {old!r}")
        changed = value.replace(old, new)
        sql.execute("UPDATE record SET value = ?, leaf = ? WHERE key = ?", (changed, state_map.leaf(key, changed), key))


def swap_entries(store: Path, first: int, second: int) -> None:
    """Let two entries change places."""
    with _sql(store) as sql:
        for old, new in ((first, -1), (second, first), (-1, second)):
            sql.execute("UPDATE entry SET idx = ? WHERE idx = ?", (new, old))


def drop_entry(store: Path, index: int) -> None:
    """Take an entry out of the middle."""
    with _sql(store) as sql:
        sql.execute("DELETE FROM entry WHERE idx = ?", (index,))


def cut_tail(store: Path) -> None:
    """Delete the last block: its events, its seal, and the row that says that it was there."""
    with _sql(store) as sql:
        height = sql.execute("SELECT max(height) FROM block").get
        last = sql.execute("SELECT idx FROM block WHERE height = ?", (height - 1,)).get
        for table in ("block", "entry", "event"):
            sql.execute(f"DELETE FROM {table} WHERE idx > ?", (last,))


def rewrite(source: Home, target: Home, *, leave_out: Collection[int], padding: bytes) -> None:
    """Write the whole ledger once more without some of its events, signed with the ledger's own key.

    `source` holds that key. Genesis, times and all other events stay as they were; `padding`, a signed event, is put at the
    end, so that nobody misses anything by counting.
    """
    origin = Store.open(source.store)
    try:
        with origin.view() as view:
            headers = [view.header(height) for height in range(view.height + 1)]
            blocks = [
                [raw for index, raw in view.entries(before.size + 1, header.size) if index not in leave_out]
                for before, header in pairwise(headers)
            ]
    finally:
        origin.close()
    founding = genesis.decode(bytes(headers[0].genesis or b""))
    clock = _Clock([time.parse(header.time) for header in headers])
    engine = Embedded.create(target.store, founding, signers.load_file(source.log_key), clock=clock)
    try:
        for block in (*[block for block in blocks if block], [padding]):
            refused = [verdict for verdict in engine.append(block) if verdict.decision != "admitted"]
            if refused:
                raise InvariantError(f"the rewritten ledger refuses an event: {refused[0].reasons[0].sentence()}")
    finally:
        engine.close()


class _Clock:
    """Gives the times of an earlier life, one after the other, and then goes on with the last."""

    def __init__(self, times: list[int]) -> None:
        self._times = times

    def __call__(self) -> int:
        return self._times.pop(0) if len(self._times) > 1 else self._times[0]


@contextmanager
def _sql(store: Path) -> Iterator[apsw.Connection]:
    with closing(apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        yield connection
