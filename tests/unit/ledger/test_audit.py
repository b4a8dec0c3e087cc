"""audit: every signature, hash and header, by one process or two, with and without the state."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

import makers
from muniment.core.format import checkpoint, entry, keys, merkle
from muniment.core.format.checkpoint import Checkpoint
from muniment.errors import MunimentError, VerificationError
from muniment.ledger import audit as module
from muniment.ledger.audit import audit
from muniment.ledger.embedded import Embedded
from muniment.ledger.store import entries
from muniment.ledger.store.file import Store


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty entries."""
    life = makers.found(tmp_path_factory.mktemp("audit") / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    return life.grow(40, 4).close()


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copy(sound, tmp_path / "ledger.db"))


@pytest.fixture
def sql(path: Path) -> Iterator[apsw.Connection]:
    """The way in."""
    connection = apsw.Connection(str(path))
    yield connection
    connection.close()


@pytest.fixture(params=[(True, 1), (False, 1), (True, 2), (False, 2)], ids=["replay", "hashes", "replay-2", "hashes-2"])
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], module.Audited]:
    """The audit in each of its ways; small chunks, so that two processes have turns."""
    replay, processes = request.param
    monkeypatch.setattr(module, "CHUNK", 8)

    def run_(path: Path) -> module.Audited:
        engine = Embedded(Store.open(path), None)
        try:
            return audit(engine.view, makers.VERIFIER, replay=replay, processes=processes)
        finally:
            engine.close()

    return run_


def test_a_sound_ledger(path: Path, run: Callable[[Path], module.Audited]) -> None:
    found = run(path)
    engine = Embedded(Store.open(path), None)
    with engine.view() as view:
        assert (found.size, found.height, found.events) == (view.size, view.height, view.size - view.height - 1)
        assert found.root == checkpoint.open(view.checkpoint, makers.VERIFIER).root.hex()
        assert found.state == view.header(view.height).state
        assert found.time == view.header(view.height).time
    assert (found.ledger, found.origin) == (engine.ledger, makers.ORIGIN)
    engine.close()


def test_progress_is_told_to_the_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 16)
    steps: list[tuple[int, int]] = []
    engine = Embedded(Store.open(path), None)
    audit(engine.view, makers.VERIFIER, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(16, 40), (32, 40), (40, 40)]
    engine.close()


def test_another_key_is_not_believed(path: Path) -> None:
    engine = Embedded(Store.open(path), None)
    for stranger in (keys.derive(makers.ORIGIN, makers.ADA.public_key), keys.derive("example.com/other", makers.LOG.public_key)):
        with pytest.raises(VerificationError) as caught:
            audit(engine.view, stranger)
        assert caught.value.step == 3
    engine.close()


@pytest.mark.parametrize("index", [0, 1, 2, 3, 9, 20, 30, 38, 39])
@pytest.mark.parametrize("at", [0, 40, -30])
def test_any_flipped_byte_is_caught(
    path: Path, sql: apsw.Connection, run: Callable[[Path], module.Audited], index: int, at: int
) -> None:
    body = bytearray(sql.execute("SELECT body FROM entry WHERE idx = ?", (index,)).get)
    body[at] ^= 1
    sql.execute("UPDATE entry SET body = ? WHERE idx = ?", (bytes(body), index))
    with pytest.raises(MunimentError):
        run(path)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE entry SET signer = (SELECT signer FROM entry WHERE idx = 3) WHERE idx = 9", "signature"),
        ("UPDATE entry SET body = (SELECT body FROM entry WHERE idx = 3) WHERE idx = 9", "signature"),
    ],
)
def test_a_signature_of_another_event(
    path: Path, sql: apsw.Connection, run: Callable[[Path], module.Audited], statement: str, code: str
) -> None:
    sql.execute(statement)
    with pytest.raises(VerificationError) as caught:
        run(path)
    assert (caught.value.step, caught.value.code, caught.value.details) == (9, code, {"entry": 9})


def test_entries_that_changed_places(path: Path, sql: apsw.Connection, run: Callable[[Path], module.Audited]) -> None:
    sql.execute("UPDATE entry SET idx = -1 WHERE idx = 8")
    sql.execute("UPDATE entry SET idx = 8 WHERE idx = 9")
    sql.execute("UPDATE entry SET idx = 9 WHERE idx = -1")
    with pytest.raises(VerificationError) as caught:
        run(path)
    assert (caught.value.step, caught.value.code) == (8, "header-root")


def test_a_dropped_entry(path: Path, sql: apsw.Connection, run: Callable[[Path], module.Audited]) -> None:
    sql.execute("DELETE FROM entry WHERE idx = 9")
    with pytest.raises(MunimentError):
        run(path)


def reseal(sql: apsw.Connection, rows: list[tuple[bytes, bytes | None]]) -> None:
    """The operator writes the entries anew and signs what he wrote."""
    leaves = [merkle.leaf(entries.rebuild(index, body, signer)) for index, (body, signer) in enumerate(rows)]
    note = checkpoint.sign(Checkpoint(makers.ORIGIN, len(rows), merkle.root(leaves)), makers.LOG)
    sql.execute("DELETE FROM entry")
    sql.executemany("INSERT INTO entry VALUES (?, ?, ?)", [(index, *row) for index, row in enumerate(rows)])
    sql.execute("UPDATE block SET checkpoint = ?, idx = ? WHERE height = (SELECT max(height) FROM block)", (note, len(rows) - 1))


def rows_of(sql: apsw.Connection, stop: int) -> list[tuple[bytes, bytes | None]]:
    return list(sql.execute("SELECT body, signer FROM entry WHERE idx < ? ORDER BY idx", (stop,)))


@pytest.mark.parametrize(
    ("changes", "step", "code"),
    [
        ({"time": "2026-11-23T00:00:00.000000Z"}, 8, "time-order"),
        ({"previous": "1" * 64}, 8, "header-previous"),
        ({"root": "1" * 64}, 8, "header-root"),
        ({"size": 7}, 8, "header-size"),
        ({"height": 70}, 8, "header-height"),
        ({"state": "0" * 64}, 8, "header-state"),
        ({"evidence": msgspec.Raw(b"{}")}, 8, "header-evidence"),
    ],
)
def test_an_operator_who_signs_a_lie(
    path: Path,
    sql: apsw.Connection,
    run: Callable[[Path], module.Audited],
    request: pytest.FixtureRequest,
    changes: dict[str, object],
    step: int,
    code: str,
) -> None:
    rows = rows_of(sql, 40)
    rows[-1] = (entry.encode_header(msgspec.structs.replace(entry.decode_header(rows[-1][0]), **changes)), None)
    reseal(sql, rows)
    if code in ("header-state", "header-evidence") and "hashes" in request.node.callspec.id:
        # Only who runs the state machine again can know.
        assert not run(path).replayed
        return
    with pytest.raises(MunimentError) as caught:
        run(path)
    if isinstance(caught.value, VerificationError):
        assert (caught.value.step, caught.value.code) == (step, code)
    else:
        # The store itself looks at height and size of the newest header before anybody asks.
        assert code in ("header-size", "header-height")


def test_an_event_of_another_ledger_cannot_be_smuggled_in(
    path: Path, sql: apsw.Connection, tmp_path: Path, run: Callable[[Path], module.Audited]
) -> None:
    other = makers.found(tmp_path / "other.db", makers.StepClock(makers.NOON + 5))
    other.append(other.system("foreign"))
    with other.engine.view() as view:
        foreign = entries.dsse.decode(view.entry(1))
    other.close()
    rows = rows_of(sql, 40)
    rows[9] = (foreign.payload, foreign.key + foreign.signature)
    reseal(sql, rows)
    with pytest.raises(VerificationError) as caught:
        run(path)
    assert caught.value.step in (8, 9)
    assert caught.value.code in ("other-ledger", "header-root")


def test_what_the_rules_refuse_is_found_by_replay_only(path: Path, sql: apsw.Connection) -> None:
    # Bob may only write notes; an operator who lets him register a system must lie about the state or be found out.
    engine = Embedded(Store.open(path), None)
    event = makers.sign(engine.ledger, "system.registered", makers.BOB, "bob", name="bobs", operatorRole="provider")
    engine.close()
    envelope = entries.dsse.decode(event)
    rows = rows_of(sql, 40)
    last = entry.decode_header(rows[-1][0])
    rows = [*rows, (envelope.payload, envelope.key + envelope.signature)]
    leaves = [merkle.leaf(entries.rebuild(index, body, signer)) for index, (body, signer) in enumerate(rows)]
    header = msgspec.structs.replace(
        last,
        height=last.height + 1,
        size=41,
        previous=leaves[39].hex(),
        root=merkle.root(leaves).hex(),
        time="2026-11-24T00:00:00.000000Z",
    )
    height = sql.execute("SELECT max(height) FROM block").get
    sql.execute("INSERT INTO block SELECT height + 1, 41, records, checkpoint FROM block WHERE height = ?", (height,))
    reseal(sql, [*rows, (entry.encode_header(header), None)])
    reader = Embedded(Store.open(path), None)
    assert audit(reader.view, makers.VERIFIER, replay=False).size == 42
    with pytest.raises(VerificationError) as caught:
        audit(reader.view, makers.VERIFIER)
    assert caught.value.code == "not-admissible"
    assert "bob" in str(caught.value)
    reader.close()


def test_this_process_may_use_at_least_one_processor() -> None:
    assert module.usable_processors() >= 1
