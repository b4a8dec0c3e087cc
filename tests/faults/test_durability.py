"""Each durable step x {it failed, it failed but persisted} x {go on, restart}: fsck is clean and earlier receipts verify.

The connection is wrapped, so that any one of the statements of an append fails before or after SQLite has run it, or the
process ends there. A power cut is played by what it can leave of the files: a torn log, a half-copied main file.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest

import makers
from muniment.core.rules.policy import Verdict
from muniment.errors import CorruptStore, InvalidInput, LedgerError, Unavailable
from muniment.ledger.blobs import Blobs
from muniment.ledger.embedded import Embedded
from muniment.ledger.store import connection
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck
from muniment.vault import Vault

LATER = makers.NOON + 3_600_000_000


class Wrapped:
    """A connection that does something at its n-th statement, before or after SQLite runs it."""

    def __init__(self, sql: apsw.Connection, at: int, after: bool, what: Callable[[], object]) -> None:
        self._sql, self._at, self._after, self._what = sql, at, after, what
        self.statements: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sql, name)

    def execute(self, statement: str, *arguments: object) -> Any:
        """As the connection's own."""
        return self._run(self._sql.execute, statement, *arguments)

    def executemany(self, statement: str, *arguments: object) -> Any:
        """As the connection's own."""
        return self._run(self._sql.executemany, statement, *arguments)

    def _run(self, run: Callable[..., Any], statement: str, *arguments: object) -> Any:
        self.statements.append(statement)
        due = len(self.statements) == self._at
        if due and not self._after:
            self._what()
        result = run(statement, *arguments)
        if due:
            self._what()
        return result


def refuse() -> None:
    """What a disk says when it fails."""
    raise apsw.IOError("disk I/O error")


def crash() -> None:
    """The process is gone, without a word to SQLite."""
    os._exit(9)


def wrap(life: makers.Life, at: int, after: bool, what: Callable[[], object]) -> Wrapped:
    store = life.engine._store
    wrapped = Wrapped(store._sql, at, after, what)
    store._sql = wrapped  # type: ignore[assignment]
    return wrapped


def unwrap(life: makers.Life) -> None:
    store = life.engine._store
    store._sql = store._sql._sql  # type: ignore[attr-defined]


class Template(NamedTuple):
    """A closed ledger, receipts from it, and the events that are being appended when something fails."""

    path: Path
    size: int
    held: list[makers.Held]
    events: list[bytes]

    def open(self, path: Path, *, fresh: bool = True) -> makers.Life:
        """Open a copy; `fresh`: by a process that knows nothing of the file yet."""
        life = makers.reopen(Path(shutil.copy(self.path, path)))
        if fresh:
            life.engine._store._memory = None
        return life

    def steps(self, folder: Path, *, fresh: bool = True) -> list[str]:
        """The statements that the append takes."""
        life = self.open(folder / "count.db", fresh=fresh)
        wrapped = wrap(life, 0, False, refuse)
        life.append(*self.events)
        unwrap(life)
        life.close()
        return wrapped.statements


def make_template(folder: Path, size: int) -> Template:
    life = makers.found(folder / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    life.grow(size, 60)
    with life.engine.view() as view:
        held = [makers.hold(view, view.entry(index), index) for index in (1, 3, size - 2)]
    stop = life.sign("deployment.changed", transition="stop", environment="production", name="credit-risk", version="2" * 64)
    events = [stop, *[life.system(f"fault-{number}") for number in range(5)]]
    return Template(life.close(), size, held, events)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A small ledger; the append changes an old stream and makes new ones."""
    return make_template(tmp_path_factory.mktemp("template"), 12)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A ledger in which the append fills a tile as well."""
    return make_template(tmp_path_factory.mktemp("large"), 252)


@pytest.fixture
def life(template: Template, tmp_path: Path) -> Iterator[makers.Life]:
    """A copy of the small ledger, open."""
    opened = template.open(tmp_path / "ledger.db", fresh=False)
    yield opened
    opened.close()


def check(path: Path, template: Template, before: int = 0) -> None:
    """The file is sound, holds the whole block or nothing of it, and continues every receipt."""
    found = fsck(path, makers.VERIFIER)
    assert found.findings == ()
    before = before or template.size
    assert found.size in (before, before + len(template.events) + 1)
    reader = Embedded(Store.open(path), None)
    with reader.view() as view:
        for each in template.held:
            makers.check_held(view, each)
    reader.close()


def repeat(life: makers.Life, events: list[bytes]) -> list[Verdict]:
    """What a client does that got no answer: the same events again. All are in the ledger then, each once."""
    verdicts = life.engine.append(events)
    assert {each.decision for each in verdicts} in ({"admitted"}, {"repeated"})
    with life.engine.view() as view:
        assert [view.entry(each.index) for each in verdicts] == events
    return verdicts


def test_the_steps_are_those_that_this_file_plays(large: Template, tmp_path: Path) -> None:
    statements = large.steps(tmp_path)
    assert statements[0] == "BEGIN IMMEDIATE"
    assert statements[-1] == "COMMIT"
    for table in ("entry", "event", "record", "cell", "block", "tile"):
        assert any(table in statement and not statement.startswith("SELECT") for statement in statements), table


def fail_at(template: Template, folder: Path, at: int, *, fresh: bool, after: bool, restart: bool) -> None:
    """Let one statement fail, then go on or restart, and append again."""
    path = folder / f"{at}.db"
    life = template.open(path, fresh=fresh)
    wrapped = wrap(life, at, after, refuse)
    with pytest.raises(LedgerError):
        life.engine.append(template.events)
    unwrap(life)
    persisted = after and wrapped.statements[at - 1] == "COMMIT"
    if restart:
        life.close()
        check(path, template)
        life = makers.reopen(path, makers.StepClock(LATER + 3_600_000_000))
    verdicts = repeat(life, template.events)
    assert {each.decision for each in verdicts} == {"repeated" if persisted else "admitted"}
    life.append(life.system(f"after-fault-{at}"))
    life.close()
    found = fsck(path, makers.VERIFIER)
    assert found.findings == ()
    assert found.size == template.size + len(template.events) + 1 + 2


@pytest.mark.parametrize("restart", [False, True], ids=["go-on", "restart"])
@pytest.mark.parametrize("after", [False, True], ids=["failed", "failed-but-done"])
@pytest.mark.parametrize("fresh", [False, True], ids=["warm", "fresh"])
def test_every_statement_of_an_append_may_fail(template: Template, tmp_path: Path, fresh: bool, after: bool, restart: bool) -> None:
    for at in range(1, len(template.steps(tmp_path, fresh=fresh)) + 1):
        fail_at(template, tmp_path, at, fresh=fresh, after=after, restart=restart)


@pytest.mark.parametrize("after", [False, True], ids=["failed", "failed-but-done"])
def test_a_full_tile_may_fail(large: Template, tmp_path: Path, after: bool) -> None:
    statements = large.steps(tmp_path)
    for at, statement in enumerate(statements, start=1):
        if "INTO tile" in statement or statement == "COMMIT":
            fail_at(large, tmp_path, at, fresh=True, after=after, restart=True)


@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
def test_the_process_may_end_at_every_statement(template: Template, tmp_path: Path, after: bool) -> None:
    for at in range(1, len(template.steps(tmp_path)) + 1):
        path = tmp_path / f"{at}.db"
        child = os.fork()
        if child == 0:
            try:
                life = template.open(path)
                wrap(life, at, after, crash)
                life.engine.append(template.events)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        check(path, template)
        life = makers.reopen(path, makers.StepClock(LATER + 3_600_000_000))
        repeat(life, template.events)
        life.close()
        check(path, template)


def test_a_commit_that_sqlite_itself_turns_into_a_rollback(life: makers.Life, template: Template) -> None:
    sql = life.engine._store._sql
    sql.set_commit_hook(lambda: True)
    with pytest.raises(LedgerError):
        life.engine.append(template.events)
    sql.set_commit_hook(None)
    assert {each.decision for each in repeat(life, template.events)} == {"admitted"}
    life.close()
    check(life.path, template)


def fill(life: makers.Life) -> None:
    for number in range(1_000):
        life.append(life.system(f"filling-{number}"))


def test_a_full_disk_is_said_and_mended(life: makers.Life, template: Template) -> None:
    sql = life.engine._store._sql
    sql.execute(f"PRAGMA max_page_count = {sql.execute('PRAGMA page_count').get}").fetchall()
    life.engine._accept_clock = True
    with pytest.raises(Unavailable) as caught:
        fill(life)
    assert caught.value.code == "disk-full"
    with life.engine.view() as view:
        size = view.size
        for each in template.held:
            makers.check_held(view, each)
    sql.execute("PRAGMA max_page_count = 1073741823").fetchall()
    assert {each.decision for each in repeat(life, template.events)} == {"admitted"}
    life.close()
    check(life.path, template, size)


def test_a_torn_log_leaves_whole_blocks(life: makers.Life, template: Template, tmp_path: Path, long: bool) -> None:
    sizes = {template.size}
    for number in range(6):
        life.append(*[life.system(f"torn-{number}-{each}") for each in range(1 + number % 3)])
        with life.engine.view() as view:
            sizes.add(view.size)
    log = Path(f"{life.path}-wal").read_bytes()
    random_ = random.Random(7)
    seen = set()
    for case in range(300 if long else 30):
        copy = tmp_path / f"torn-{case}.db"
        shutil.copy(life.path, copy)
        end = random_.randrange(len(log) + 1)
        # The tail never reached the disk, or reached it as something else.
        Path(f"{copy}-wal").write_bytes(log[:end] + random_.choice((b"", bytes(len(log) - end))))
        found = fsck(copy, makers.VERIFIER)
        assert found.findings == ()
        assert found.size in sizes
        seen.add(found.size)
    assert len(seen) > 2


def test_a_main_file_that_was_half_brought_up_to_date(life: makers.Life, template: Template, tmp_path: Path, long: bool) -> None:
    life.append(*template.events)
    old, log = life.path.read_bytes(), Path(f"{life.path}-wal").read_bytes()
    page = life.engine._store._sql.execute("PRAGMA page_size").get
    life.close()
    new = life.path.read_bytes()
    random_ = random.Random(11)
    for case in range(100 if long else 10):
        copy = tmp_path / f"half-{case}.db"
        pages = [
            random_.choice((old, new))[start : start + page] or new[start : start + page] for start in range(0, len(new), page)
        ]
        copy.write_bytes(b"".join(pages))
        Path(f"{copy}-wal").write_bytes(log)
        found = fsck(copy, makers.VERIFIER)
        assert (found.findings, found.size) == ((), template.size + len(template.events) + 1)


# Founding


def crash_while_founding(path: Path, at: int, after: bool) -> None:
    connect = connection._connect
    connection._connect = lambda where: Wrapped(connect(where), at, after, crash)  # type: ignore[assignment,return-value]
    makers.found(path)


@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
def test_the_process_may_end_while_a_ledger_is_founded(tmp_path: Path, after: bool) -> None:
    finished = 0
    for at in range(1, 30):
        path = tmp_path / f"{at}.db"
        child = os.fork()
        if child == 0:
            code = 1
            try:
                crash_while_founding(path, at, after)
                code = 0
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, 9)
        finished += code == 0
        if fsck(path, makers.VERIFIER).findings:
            # Half a founding is no ledger: nothing opens it, nothing replaces it unasked.
            with pytest.raises(CorruptStore):
                makers.reopen(path)
            with pytest.raises(InvalidInput):
                makers.found(path)
        else:
            makers.reopen(path).close()
    assert finished


def test_a_disk_that_is_full_when_a_ledger_is_founded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = connection._connect

    def small(path: Path) -> apsw.Connection:
        sql = connect(path)
        sql.execute("PRAGMA max_page_count = 4").fetchall()
        return sql

    monkeypatch.setattr(connection, "_connect", small)
    with pytest.raises(Unavailable) as caught:
        makers.found(tmp_path / "ledger.db")
    assert caught.value.code == "disk-full"


# Beside the store: written before the entry that needs it


@pytest.mark.parametrize("after", [False, True], ids=["failed", "failed-but-persisted"])
def test_a_vault_and_blobs_whose_sync_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    vault, blobs = Vault(tmp_path / "vault"), Blobs(tmp_path / "blobs")
    earlier, kept = vault.seal("an earlier reason"), blobs.store(b"earlier")
    fsync = os.fsync

    def fail(descriptor: int) -> None:
        if after:
            fsync(descriptor)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unavailable):
        vault.seal("a reason")
    with pytest.raises(Unavailable):
        blobs.store(b"evidence")
    monkeypatch.undo()
    again, stored = vault.seal("a reason"), blobs.store(b"evidence")
    fresh = Vault(tmp_path / "vault")
    assert (fresh.disclose(earlier), fresh.disclose(again), fresh.check()) == ("an earlier reason", "a reason", ())
    assert (blobs.load(kept), blobs.load(stored)) == (b"earlier", b"evidence")
    assert sorted(blobs.digests()) == sorted({kept, stored})
