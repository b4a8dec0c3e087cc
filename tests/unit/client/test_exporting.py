"""client.exporting, client.tile_folder and client.copying: what leaves a ledger, whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import credit
import makers
from muniment.client import copying
from muniment.client import home as homes
from muniment.client.exporting import export_tiles
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.tile_folder import TileFolder, is_tile_folder
from muniment.core.format import checkpoint
from muniment.errors import Conflict, LedgerError, NotFound, Unavailable
from muniment.ledger.embedded import Embedded
from muniment.ledger.engine import View
from muniment.ledger.store.file import Store


def opened(folder: Path) -> TileFolder:
    note = (folder / "checkpoint").read_bytes()
    found = checkpoint.open(note, makers.VERIFIER)
    return TileFolder(folder, note, found.size, found.root)


def entries(view: View | TileFolder) -> list[tuple[int, bytes]]:
    return list(view.entries(0, view.size))


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def test_what_was_exported_is_read_back(tmp_path: Path) -> None:
    life = makers.found(tmp_path / "ledger.db").grow(600, block=100)
    with life.engine.view() as view:
        done = export_tiles(view, tmp_path / "tiles")
        assert (done.size, done.written, done.kept) == (600, 8, 0)
        tiles = opened(tmp_path / "tiles")
        assert entries(tiles) == entries(view)
        assert tiles.entry(599) == view.entry(599)
        assert tiles.reader.prove_consistency(300) == view.consistency(300, 600)
    assert is_tile_folder(tmp_path / "tiles")
    assert not is_tile_folder(tmp_path)


def test_an_export_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    life = makers.found(tmp_path / "ledger.db").grow(300, block=100)
    with life.engine.view() as view:
        export_tiles(view, tmp_path / "tiles")
    full = tmp_path / "tiles/tile/0/000"
    before = full.stat().st_mtime_ns
    life.grow(520, block=100)
    with life.engine.view() as view:
        done = export_tiles(view, tmp_path / "tiles")
        assert done.kept == 2
        assert full.stat().st_mtime_ns == before
        assert entries(opened(tmp_path / "tiles")) == entries(view)


def test_a_crash_leaves_whole_files_and_no_new_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    life = makers.found(tmp_path / "ledger.db").grow(600, block=100)
    replace, count = os.replace, iter(range(1_000))

    def fail(source: str, target: str) -> None:
        if next(count) == 4:
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    with life.engine.view() as view:
        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(LedgerError) as caught:
            export_tiles(view, tmp_path / "tiles")
        assert caught.value.code == "not-written"
        assert not (tmp_path / "tiles/checkpoint").exists()
        monkeypatch.undo()
        assert export_tiles(view, tmp_path / "tiles").kept == 4
        assert entries(opened(tmp_path / "tiles")) == entries(view)


def test_another_ledger_is_not_exported_over(tmp_path: Path) -> None:
    life, other = makers.found(tmp_path / "a.db"), makers.found(tmp_path / "b.db")
    life.grow(300, block=100)
    other.grow(300, block=50)
    with life.engine.view() as view:
        export_tiles(view, tmp_path / "tiles")
    with other.engine.view() as view, pytest.raises(Conflict, match="already is not of this ledger"):
        export_tiles(view, tmp_path / "tiles")
    (tmp_path / "tiles/checkpoint").write_text("example.com/elsewhere\n1\n")
    with life.engine.view() as view, pytest.raises(Conflict, match="of another ledger"):
        export_tiles(view, tmp_path / "tiles")


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with makers.found(tmp_path / "ledger.db").grow(600, block=100).engine.view() as view:
        export_tiles(view, tmp_path / "tiles", lambda done, total: seen.append((done, total)))
    assert seen == [(256, 600), (512, 600), (600, 600)]


def test_where_a_partial_tile_is_gone_the_full_one_serves(tmp_path: Path) -> None:
    life = makers.found(tmp_path / "ledger.db").grow(300, block=100)
    with life.engine.view() as view:
        export_tiles(view, tmp_path / "tiles")
        early = opened(tmp_path / "tiles")
        wanted = entries(view)
    life.grow(520, block=100)
    with life.engine.view() as view:
        export_tiles(view, tmp_path / "tiles")
    for partial in ("tile/0/001.p/44", "tile/entries/001.p/44"):
        (tmp_path / "tiles" / partial).unlink()
    assert entries(TileFolder(tmp_path / "tiles", early.checkpoint, early.size, early.reader.root)) == wanted
    (tmp_path / "tiles/tile/entries/001").unlink()
    with pytest.raises(Unavailable) as caught:
        entries(early)
    assert caught.value.details["tile"] == "tile/entries/001.p/44"


def test_a_backup_has_everything_but_the_keys(ledger: Ledger, tmp_path: Path) -> None:
    credit.live(ledger, Path())
    copied = ledger.backup(tmp_path / "backup")
    here, there = modes(Path(".muniment")), modes(tmp_path / "backup")
    assert {name: here[name] for name in there} == there
    missing = {name.split("/")[0].split("-")[0] for name in here.keys() - there.keys()}
    assert missing == {"keys", "index.db", "ledger.db"}
    assert set(there) > {"ledger.db", "manifests", "trust.toml", "vault.jsonl"}
    assert (copied.size, copied.whole) == (15, True)
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700
    assert (tmp_path / "backup/vault.jsonl").read_bytes() == Path(".muniment/vault.jsonl").read_bytes()
    with Embedded(Store.open(Home(tmp_path / "backup").store), None).view() as view:
        assert view.size == 15


def test_only_the_file_of_a_ledger(ledger: Ledger, tmp_path: Path) -> None:
    copied = ledger.backup(tmp_path / "deep/copy.db")
    assert (copied.files, copied.whole) == (1, False)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["copy.db"]


@pytest.mark.parametrize("name", ["there", "there.db"])
def test_no_backup_is_overwritten(ledger: Ledger, name: str) -> None:
    Path(name).mkdir()
    with pytest.raises(Conflict) as caught:
        ledger.backup(name)
    assert caught.value.code == "backup-exists"


def test_of_a_backup_that_fails_nothing_is_left(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credit.live(ledger, Path())

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copy2", fail)
    (tmp_path / "to").mkdir()
    with pytest.raises(LedgerError, match="cannot be copied"):
        ledger.backup(tmp_path / "to/backup")
    assert list((tmp_path / "to").iterdir()) == []


def test_there_is_nothing_to_copy(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        copying.back_up(Home(tmp_path), tmp_path / "backup")
    assert homes.Home(tmp_path).folder == tmp_path
