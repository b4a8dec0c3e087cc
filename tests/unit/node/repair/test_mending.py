"""repair.mending: every step may be cut short, and in the end the ledger stands where the chain says; nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest

import makers
from marked import Marked
from muniment import disk
from muniment.core.rules.members import Validators
from muniment.errors import Conflict, CorruptStore, InvalidInput, Unavailable
from muniment.ledger.store.file import Store
from muniment.node.engine.config_toml import StateSync
from muniment.node.homes import NodeHome
from muniment.node.repair import engine, mending, plan
from muniment.node.repair.mending import Mended, Mending
from muniment.node.repair.plan import Places

RIGHT, HEIGHTS = 12, 20
SYNC = StateSync(servers=("https://a.example/v1/engine", "https://b.example/v1/engine"), height=9, hash="AB" * 32)


class Cut(BaseException):
    """The process ends here."""


class Node:
    """A stopped node whose ledger is right up to the height RIGHT. The engine is played; its calls are kept."""

    def __init__(self, home: Path, source: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = NodeHome(home)
        self.home.folder.mkdir(parents=True)
        data = self.home.engine / "data"
        for name in engine.WIPED:
            (data / name).mkdir(parents=True)
        self.home.validator_state.write_text("signed")
        source.store.backup(self.home.ledger)
        self.source = source
        self.right, self.last = RIGHT, HEIGHTS
        self.calls: list[str] = []
        self.start: Any = SimpleNamespace(sync=SYNC)
        sealed = SimpleNamespace(
            start=SimpleNamespace(size=1),
            ledger=source.ledger,
            chain_id="c",
            validators=Validators(members=()),
            moved=False,
            origin=makers.ORIGIN,
        )
        monkeypatch.setattr(NodeHome, "load_consortium", lambda _: sealed)
        monkeypatch.setattr(engine, "open_blocks", self._open_blocks)
        monkeypatch.setattr(engine, "roll_back", lambda *_: self.calls.append("roll back"))

    @contextmanager
    def _open_blocks(self, program: Path, home: Path) -> Iterator[Any]:
        def root(height: int) -> bytes:
            return self.source.mark_at(height).root if height <= self.right else b"o" * 32

        yield SimpleNamespace(root=root, last=self.last, is_empty=lambda _: False)

    def repair(self, **how: bool) -> Mended:
        def find(validators: Validators) -> Any:
            self.calls.append("ask others")
            if isinstance(self.start, Exception):
                raise self.start
            return self.start

        return Mending(self.home, Path("cometbft"), find, self.calls.append, clock=makers.StepClock()).run(**how)

    def entries(self) -> list[bytes]:
        store = Store.open(self.home.ledger)
        with store.view() as view:
            found = [raw for _, raw in view.entries(0, view.size)]
        store.close()
        return found

    def mark(self) -> Any:
        store = Store.open(self.home.ledger)
        found = store.mark()
        store.close()
        return found

    def assert_mended(self) -> None:
        good = self.source.mark_at(RIGHT)
        assert self.mark() == good
        assert self.entries() == self.source.entries()[: good.size]
        assert self.home.validator_state.read_text() == "signed"
        assert (self.home.engine / "data" / "blockstore.db").is_dir()
        (kept,) = Places(self.home).folder.glob("*/ledger.db")
        old = Store.open(kept)
        assert old.mark() == self.source.mark
        old.close()
        assert not Places(self.home).plan.exists()
        assert not Places(self.home).fresh.exists()
        plan.require_none(self.home)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    made = Marked(tmp_path_factory.mktemp("source"))
    made.grow(HEIGHTS, 4)
    return made


@pytest.fixture
def node(source: Marked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(tmp_path / "home", source, monkeypatch)


def test_the_ledger_goes_back_to_where_it_agreed(node: Node) -> None:
    done = node.repair()
    assert done.plan is not None
    assert (done.plan.way, done.plan.height, done.plan.wrong) == ("own-blocks", RIGHT, RIGHT + 1)
    assert (done.size, done.root) == (node.source.mark_at(RIGHT).size, node.source.mark_at(RIGHT).root.hex())
    assert node.calls[-1] == "roll back"
    node.assert_mended()


def test_checkpoints_keep_their_signatures(node: Node) -> None:
    node.repair()
    store = Store.open(node.home.ledger)
    with store.view() as view, node.source.store.view() as before:
        for height in range(view.height + 1):
            assert view.checkpoint_at(height) == before.checkpoint_at(height)
    store.close()


def test_what_is_right_is_left_alone(node: Node) -> None:
    """A chain that is one block further confirms the newest one here."""
    node.right, node.last = HEIGHTS, HEIGHTS + 1
    assert node.repair().plan is None
    assert node.mark() == node.source.mark
    assert not Places(node.home).folder.exists()
    done = node.repair(anew=True)
    assert done.plan is not None
    assert (done.plan.way, done.plan.height) == ("own-blocks", HEIGHTS)
    assert node.mark() == node.source.mark


STEPS = [
    ("rebuild.rebuild", 0),
    ("rebuild.mark", 0),
    ("plan.write", 1),
    ("os.rename", 2),
    ("os.rename", 3),
    ("engine.roll_back", 0),
    ("plan.finish", 0),
    ("plan._write", 2),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("name", "count"), STEPS)
def test_a_repair_that_was_cut_short_goes_on(
    node: Node, monkeypatch: pytest.MonkeyPatch, name: str, count: int, after: bool
) -> None:
    place, attribute = name.split(".")
    module = getattr(mending, place) if hasattr(mending, place) else plan
    real, calls = getattr(module, attribute), iter(range(100))

    def cut(*args: Any, **more: Any) -> Any:
        if next(calls) != count:
            return real(*args, **more)
        if after:
            real(*args, **more)
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(module, attribute, cut)
        with pytest.raises(Cut):
            node.repair()
    if Places(node.home).plan.exists():
        with pytest.raises(Conflict) as told:
            plan.require_none(node.home)
        assert told.value.code == "repair-unfinished"
        node.repair()
    node.assert_mended()


def test_what_did_not_help_is_not_done_twice(node: Node) -> None:
    node.repair()
    # The node came to the same wrong end again.
    node.home.ledger.unlink()
    node.source.store.backup(node.home.ledger)
    done = node.repair()
    assert done.plan is not None
    assert done.plan.way == "snapshot"
    assert "ask others" in node.calls
    assert not any((node.home.engine / "data" / name).exists() for name in engine.WIPED)
    assert node.home.validator_state.read_text() == "signed"
    assert (node.mark(), len(node.entries())) == (None, 1)
    assert node.home.state_sync.exists()


def test_from_others_empties_the_engine(node: Node) -> None:
    done = node.repair(from_others=True)
    assert done.plan is not None
    assert done.plan.way == "snapshot"
    assert len(node.entries()) == 1
    assert not any((node.home.engine / "data" / name).exists() for name in engine.WIPED)
    assert node.home.validator_state.read_text() == "signed"


@pytest.mark.parametrize("name", ["rebuild.mark", "engine.roll_back"])
def test_what_cannot_be_finished_here_is_taken_from_others(node: Node, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Such as a store of one block, which the engine cannot take back."""

    def fail(*_: object) -> None:
        raise Unavailable("no block before it", code="engine-store")

    module, attribute = name.split(".")
    monkeypatch.setattr(getattr(mending, module), attribute, fail)
    for _ in range(2):
        with pytest.raises(Unavailable):
            node.repair()
    done = node.repair(from_others=True)
    assert done.plan is not None
    assert done.plan.way == "snapshot"
    assert (node.mark(), len(node.entries())) == (None, 1)
    olds = [Store.open(path) for path in Places(node.home).folder.glob("*/ledger.db")]
    assert node.source.mark in [each.mark() for each in olds]
    for each in olds:
        each.close()


def test_a_young_chain_comes_whole(node: Node) -> None:
    node.start = InvalidInput("young", code="chain-too-young")
    node.home.state_sync.write_text("old")
    done = node.repair(from_others=True)
    assert done.plan is not None
    assert done.plan.way == "blocks"
    assert not node.home.state_sync.exists()


@pytest.mark.parametrize("error", [Unavailable("away", code="too-few-nodes"), Conflict("two", code="blocks-differ")])
def test_where_the_others_do_not_answer_nothing_is_touched(node: Node, error: Exception) -> None:
    node.start = error
    before = node.entries()
    with pytest.raises(type(error)):
        node.repair(from_others=True)
    assert node.entries() == before
    assert all((node.home.engine / "data" / name).exists() for name in engine.WIPED)
    assert not Places(node.home).plan.exists()


def test_without_the_engines_blocks_the_others_are_asked(node: Node) -> None:
    for name in engine.WIPED:
        shutil.rmtree(node.home.engine / "data" / name)
    done = node.repair()
    assert done.plan is not None
    assert done.plan.way == "snapshot"
    assert "no blocks" in done.plan.why


def test_a_damaged_ledger_goes_back_to_what_is_whole(node: Node) -> None:
    node.right = HEIGHTS
    spoil(node, node.source.mark_at(8).size + 1)
    done = node.repair()
    assert done.plan is not None
    assert done.plan.height == 8
    assert "block 9" in done.stopped
    assert node.mark() == node.source.mark_at(8)


def test_another_ledger_is_not_repaired(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = node.home.load_consortium()
    monkeypatch.setattr(NodeHome, "load_consortium", lambda _: SimpleNamespace(**{**vars(sealed), "ledger": "0" * 64}))
    with pytest.raises(Conflict) as told:
        node.repair()
    assert told.value.code == "other-ledger"
    assert node.mark() == node.source.mark


@pytest.mark.parametrize("way", ["lost", "no file of a database", "without its genesis"])
def test_a_file_that_cannot_be_read_is_founded_anew_and_comes_from_others(
    node: Node, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "lost":
        node.home.ledger.unlink()
    elif way == "no file of a database":
        node.home.ledger.write_bytes(b"rubbish" * 1_000)
    else:
        with apsw.Connection(str(node.home.ledger)) as sql:
            sql.execute("DELETE FROM entry WHERE idx = 0")
    found: list[Path] = []

    def create(path: Path, consortium: Any, seal: Any) -> None:
        found.append(path)
        shutil.copy(node.source.founded, path)

    monkeypatch.setattr(mending.ledger_file, "create", create)
    monkeypatch.setattr(mending.signers, "load_file", lambda _: makers.LOG)
    monkeypatch.setattr(NodeHome, "load_settings", lambda _: SimpleNamespace(organisation="bank"))
    done = node.repair()
    assert done.plan is not None
    assert done.plan.way == "snapshot"
    assert found == [Places(node.home).fresh]
    assert (node.mark(), len(node.entries())) == (None, 1)
    assert node.home.validator_state.read_text() == "signed"
    assert bool(list(Places(node.home).folder.glob("*/ledger.db"))) == (way != "lost")


def test_a_ledger_that_is_damaged_before_its_chain_is_for_a_backup(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = node.home.load_consortium()
    changed = {"start": SimpleNamespace(size=21), "moved": True}
    monkeypatch.setattr(NodeHome, "load_consortium", lambda _: SimpleNamespace(**{**vars(sealed), **changed}))
    spoil(node, 7)
    with pytest.raises(CorruptStore, match="before its chain began"):
        node.repair()
    assert node.mark() == node.source.mark


def test_a_plan_that_cannot_be_read_is_told(node: Node) -> None:
    places = Places(node.home)
    places.folder.mkdir()
    places.plan.write_text("{")
    with pytest.raises(CorruptStore):
        node.repair()


def spoil(node: Node, index: int) -> None:
    """Change a byte of an event in the file."""
    with apsw.Connection(str(node.home.ledger)) as sql:
        (body,) = next(iter(sql.execute("SELECT body FROM entry WHERE idx = ?", (index,))))
        sql.execute("UPDATE entry SET body = ? WHERE idx = ?", (body.replace(b'"actor":"ada"', b'"actor":"eve"'), index))


def test_the_folder_for_the_old_ledger_outlives_a_power_failure_before_anything_is_moved_there(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Places(node.home).folder
    synced: list[Path] = []

    def sync(synced_folder: Path) -> None:
        if synced_folder == folder:
            synced.extend(each for each in folder.iterdir() if each.is_dir() and not (each / "ledger.db").exists())

    monkeypatch.setattr(disk, "sync", sync)
    assert Path(node.repair().kept) in synced


@pytest.mark.parametrize("said", ["echo; exit 1", "exit 1", "echo; echo no state found >&2; exit 1"])
def test_an_engine_that_cannot_be_taken_back_is_told_whatever_it_says(tmp_path: Path, said: str) -> None:
    program = tmp_path / "cometbft"
    program.write_text(f"#!/bin/sh\n{said}\n")
    program.chmod(0o755)
    with pytest.raises(Unavailable) as caught:
        engine.roll_back(program, tmp_path)
    assert caught.value.code == "engine-store"


def test_settings_of_the_environment_do_not_reach_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMT_DB_BACKEND", "other")
    monkeypatch.setenv("CMTHOME", str(tmp_path / "elsewhere"))
    program, heard = tmp_path / "cometbft", tmp_path / "heard"
    program.write_text(f"#!/bin/sh\necho $1 >> {heard}\nenv | grep ^CMT >> {heard}\necho Rolled back\n")
    program.chmod(0o755)
    engine.roll_back(program, tmp_path)
    with pytest.raises(Unavailable), engine.open_blocks(program, tmp_path):
        pass
    assert heard.read_text().split() == ["rollback", "inspect"]
