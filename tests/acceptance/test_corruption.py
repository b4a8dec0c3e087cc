"""Every byte of every stored value of a ledger flipped in turn, and random bytes of the file flipped: fsck says so, by row.

In full (`--long`): a ledger of 50 entries and 500 random bytes; in short 10 entries and 50 bytes.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

import makers
from muniment.cli import application
from muniment.core.proof import trust
from muniment.core.proof.trust import Trust
from muniment.ledger.store.fsck import fsck

TABLES = ("entry", "event", "block", "tile", "record", "cell")
KEYS = {"entry": "idx", "event": "id", "block": "height", "tile": "id", "record": "key", "cell": "id"}
FAR = 1 << 20

Value = bytes | int | None
Row = tuple[str, int | str]


def make(path: Path, size: int) -> Path:
    """A ledger with a model's life and so many entries in all."""
    life = makers.found(path)
    for block in makers.model(life):
        life.append(*block)
    return life.grow(size, 3).close()


# Every stored value, through SQL, in this process


class Bench:
    """A ledger whose values are exchanged and put back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sql = apsw.Connection(str(path))
        # What this does to the file is undone at once, so it need not last.
        self.sql.execute("PRAGMA journal_mode = MEMORY").fetchall()
        self.sql.execute("PRAGMA synchronous = OFF").fetchall()
        self._values: dict[tuple[str, str], dict[bytes | int, Value]] = {}

    def values(self, table: str, column: str) -> dict[bytes | int, Value]:
        """A column by its table's key."""
        if (table, column) not in self._values:
            self._values[table, column] = dict(self.sql.execute(f"SELECT {KEYS[table]}, {column} FROM {table} ORDER BY 1"))
        return self._values[table, column]

    def check(self) -> set[Row]:
        """The rows that fsck names."""
        return {(each.table, each.row) for each in fsck(self.path, makers.VERIFIER).findings}

    def check_with(self, table: str, column: str, changes: dict[bytes | int, Value]) -> set[Row]:
        """The rows that fsck names while some values of a column are others."""
        before = self.values(table, column)
        self._set(table, column, changes)
        try:
            return self.check()
        finally:
            moved = column == KEYS[table]
            self._set(table, column, {changes[key] if moved else key: before[key] for key in changes})  # type: ignore[misc]

    def _set(self, table: str, column: str, changes: dict[bytes | int, Value]) -> None:
        self.sql.execute("BEGIN")
        self.sql.executemany(f"UPDATE {table} SET {column} = ? WHERE {KEYS[table]} = ?", [(v, k) for k, v in changes.items()])
        self.sql.execute("COMMIT")


def flip(value: bytes, at: int) -> bytes:
    return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]


def name(table: str, key: object) -> Row:
    """How fsck calls a row."""
    if not isinstance(key, bytes):
        assert isinstance(key, int)
        return table, key
    return table, str(uuid.UUID(bytes=key)) if table == "event" else key.hex()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, long: bool) -> Path:
    """A ledger of 50 [10] entries."""
    return make(tmp_path_factory.mktemp("small") / "ledger.db", 50 if long else 10)


@pytest.fixture
def bench(small: Path, tmp_path: Path) -> Iterator[Bench]:
    """A copy of it to work on, which is sound again in the end."""
    opened = Bench(Path(shutil.copy(small, tmp_path / "ledger.db")))
    assert opened.check() == set()
    yield opened
    assert opened.check() == set()
    opened.sql.close()


def groups(keys: list[bytes | int], long: bool) -> list[list[bytes | int]]:
    """Rows that are changed at once: one in full; in short every other one, each of which must be named for itself."""
    return [[key] for key in keys] if long else [keys[::2], keys[1::2]]


def check_bytes(bench: Bench, table: str, column: str, together: list[list[bytes | int]]) -> None:
    """Flip every byte, at the same place in each row of a group."""
    values = bench.values(table, column)
    for keys in together:
        blobs = {key: value for key in keys if isinstance(value := values[key], bytes)}
        for at in range(max(map(len, blobs.values()), default=0)):
            changes: dict[bytes | int, Value] = {key: flip(value, at) for key, value in blobs.items() if at < len(value)}
            assert bench.check_with(table, column, changes) == {name(table, key) for key in changes}, (keys, at)


def test_every_byte_of_the_headers(bench: Bench, long: bool) -> None:
    headers = [key for key, signer in bench.values("entry", "signer").items() if signer is None]
    check_bytes(bench, "entry", "body", groups(headers, long))


@pytest.mark.parametrize("column", ["body", "signer"])
def test_every_byte_of_the_events(bench: Bench, column: str, long: bool) -> None:
    events = [key for key, signer in bench.values("entry", "signer").items() if signer is not None]
    check_bytes(bench, "entry", column, [[key] for key in events] if long else [events])


def test_every_byte_of_the_checkpoints(bench: Bench, long: bool) -> None:
    check_bytes(bench, "block", "checkpoint", groups(list(bench.values("block", "idx")), long))


@pytest.mark.parametrize(("table", "column"), [("record", "value"), ("record", "leaf"), ("cell", "hashes")])
def test_every_byte_of_the_state(bench: Bench, table: str, column: str) -> None:
    check_bytes(bench, table, column, [list(bench.values(table, column))])


@pytest.mark.parametrize(("table", "column"), [("event", "id"), ("record", "key")])
def test_every_byte_of_the_keys(bench: Bench, table: str, column: str) -> None:
    keys = [key for key in bench.values(table, column) if isinstance(key, bytes)]
    for at in range(len(keys[0])):
        changes: dict[bytes | int, Value] = {key: other for key in keys if (other := flip(key, at)) not in keys}
        found = bench.check_with(table, column, changes)
        moved = {name(table, key) for key in changes.values()}
        assert moved <= found <= moved | {name(table, key) for key in changes}


@pytest.mark.parametrize(("table", "column"), [("event", "idx"), ("block", "idx"), ("block", "records"), ("cell", "height")])
@pytest.mark.parametrize("change", [1, FAR, -1])
def test_every_number(bench: Bench, table: str, column: str, change: int) -> None:
    changes = {key: value ^ change for key, value in bench.values(table, column).items() if isinstance(value, int)}
    for group in [list(changes)] if table == "cell" else [[key] for key in changes]:
        found = bench.check_with(table, column, {key: changes[key] for key in group})
        assert found == {name(table, key) for key in group}


@pytest.mark.parametrize("table", ["entry", "block", "cell"])
def test_every_row_that_is_somewhere_else(bench: Bench, table: str) -> None:
    numbers = [key for key in bench.values(table, KEYS[table]) if isinstance(key, int)]
    for number in numbers if table != "cell" else numbers[::37]:
        found = bench.check_with(table, KEYS[table], {number: number ^ FAR})
        assert found == {(table, number), (table, number ^ FAR)}


def test_bytes_of_a_tile(tmp_path: Path, long: bool) -> None:
    bench = Bench(make(tmp_path / "ledger.db", 258))
    (value,) = bench.values("tile", "hashes").values()
    assert isinstance(value, bytes)
    for at in range(0, len(value), 97 if long else 1_501):
        assert bench.check_with("tile", "hashes", {0: flip(value, at)}) == {("tile", 0)}
    bench.sql.close()


# Random bytes of the file, through the command


class Answer(NamedTuple):
    """What `muniment fsck --json` said."""

    code: int
    rows: set[Row]
    errors: str


def run_process(home: Path) -> Answer:
    """`muniment fsck` in a process of its own."""
    environment = {**os.environ, "XDG_STATE_HOME": str(home / "state")}
    command = [sys.executable, "-m", "muniment", *arguments(home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    return read_answer(done.returncode, done.stdout, done.stderr)


def run_here(home: Path) -> Answer:
    """`muniment fsck` without the start of a process."""
    said, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(errors):
        code = application.run(arguments(home))
    return read_answer(code, said.getvalue(), errors.getvalue())


def arguments(home: Path) -> list[str]:
    return ["fsck", "--home", str(home), "--json"]


def read_answer(code: int, said: str, errors: str) -> Answer:
    findings = json.loads(said)["findings"] if said else []
    return Answer(code, {(each["table"], each["row"]) for each in findings}, errors)


def read_all(path: Path) -> list[list[tuple[object, ...]]] | None:
    """Everything that is stored, or None where SQLite cannot read it."""
    try:
        with apsw.Connection(f"file:{path}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI) as sql:
            return [list(sql.execute(f"SELECT * FROM {table} ORDER BY 1")) for table in TABLES]
    except (apsw.Error, UnicodeError):
        return None


def changed_rows(before: list[list[tuple[object, ...]]], after: list[list[tuple[object, ...]]]) -> set[str]:
    """The tables in which something is not what it was."""
    return {table for table, old, new in zip(TABLES, before, after, strict=True) if old != new}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, long: bool) -> Path:
    """A ledger's folder: the file, and the trust file that names its key."""
    folder = tmp_path_factory.mktemp("home")
    make(folder / "ledger.db", 50 if long else 10)
    with makers.reopen(folder / "ledger.db").engine.view() as view:
        ledger = makers.merkle.leaf(view.entry(0)).hex()
    (folder / "trust.toml").write_text(trust.format(Trust(makers.ORIGIN, ledger, (makers.VERIFIER,))))
    return folder


def test_a_sound_ledger_through_the_command(home: Path) -> None:
    for run in (run_process, run_here):
        answer = run(home)
        assert (answer.code, answer.rows) == (0, set()), answer.errors


def test_random_bytes_of_the_file(home: Path, tmp_path: Path, long: bool) -> None:
    sound = (home / "ledger.db").read_bytes()
    stored = read_all(home / "ledger.db")
    assert stored is not None
    random_ = random.Random(20_261_123)
    places = [(random_.randrange(len(sound)), 1 << random_.randrange(8)) for _ in range(500 if long else 50)]

    def attack(case: int) -> tuple[Answer, list[list[tuple[object, ...]]] | None]:
        folder = tmp_path / str(case)
        folder.mkdir()
        shutil.copy(home / "trust.toml", folder)
        at, bit = places[case]
        (folder / "ledger.db").write_bytes(sound[:at] + bytes([sound[at] ^ bit]) + sound[at + 1 :])
        # The start of a process takes longer than the check, so that the short form starts few.
        answer = (run_process if long or case % 10 == 0 else run_here)(folder)
        return answer, read_all(folder / "ledger.db")

    outcomes = [attack(case) for case in range(len(places))]
    for case, (answer, after) in enumerate(outcomes):
        assert "Traceback" not in answer.errors, (places[case], answer.errors)
        if after == stored:
            # Bytes that mean nothing, such as free space, may pass.
            assert answer.code in (0, 3, 6), (places[case], answer)
            continue
        assert answer.code == 3, (places[case], answer)
        named = {table for table, _ in answer.rows}
        assert named
        if after is not None:
            assert named & {*changed_rows(stored, after), "file"}, (places[case], answer)
    assert sum(answer.code == 3 for answer, _ in outcomes) >= len(places) // 4
