"""Blobs: on disk before they are answered for, hashed again before they are believed."""

from __future__ import annotations

import hashlib
import os
import stat
from multiprocessing import get_context
from pathlib import Path

import pytest

from muniment.core.format import manifest
from muniment.core.format.manifest import Line
from muniment.errors import CorruptStore, InvalidInput, NotFound, Unavailable
from muniment.ledger.blobs import Blobs

DATA = b"a manifest\n"
NAME = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "state" / "blobs")


def test_what_is_stored_is_loaded(blobs: Blobs) -> None:
    assert not blobs.holds(NAME)
    assert blobs.size(NAME) is None
    assert list(blobs.digests()) == []
    assert blobs.store(DATA) == NAME
    assert blobs.holds(NAME)
    assert blobs.size(NAME) == len(DATA)
    assert blobs.load(NAME) == DATA
    assert blobs.load(blobs.store(b"")) == b""
    assert list(blobs.digests()) == sorted([NAME, hashlib.sha256(b"").hexdigest()])


def test_manifests_can_go_by_their_roots(tmp_path: Path) -> None:
    manifests = Blobs(tmp_path / "manifests", identify=lambda raw: manifest.root(manifest.decode(raw)))
    found = manifest.build([Line("a", NAME, 1)])
    name = manifests.store(manifest.encode(found))
    assert name == manifest.root(found).hex()
    assert manifest.decode(manifests.load(name)) == found
    with pytest.raises(InvalidInput):
        manifests.store(DATA)
    for wrong in (DATA, manifest.encode(manifest.build([Line("b", NAME, 1)]))):
        (tmp_path / "manifests" / name).write_bytes(wrong)
        with pytest.raises(CorruptStore):
            manifests.load(name)


def test_storing_again_is_the_same(blobs: Blobs, tmp_path: Path) -> None:
    blobs.store(DATA)
    inode = (tmp_path / "state" / "blobs" / NAME).stat().st_ino
    assert blobs.store(DATA) == NAME
    assert (tmp_path / "state" / "blobs" / NAME).stat().st_ino == inode


def test_only_the_owner_may_look(blobs: Blobs, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        blobs.store(DATA)
    finally:
        os.umask(old)
    for folder in (tmp_path / "state", tmp_path / "state" / "blobs"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state" / "blobs" / NAME).stat().st_mode) == 0o600


def test_a_changed_blob_is_never_handed_out(blobs: Blobs, tmp_path: Path) -> None:
    blobs.store(DATA)
    file = tmp_path / "state" / "blobs" / NAME
    for wrong in (b"", DATA[:-1], DATA + b"x", b"A" + DATA[1:]):
        file.write_bytes(wrong)
        with pytest.raises(CorruptStore) as caught:
            blobs.load(NAME)
        assert caught.value.details == {"table": "blobs", "row": NAME}
    blobs.store(DATA)
    assert blobs.load(NAME) == DATA


def test_what_is_not_held_is_said(blobs: Blobs) -> None:
    with pytest.raises(NotFound) as caught:
        blobs.load("0" * 64)
    assert caught.value.code == "blob-not-held"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "0" * 63, "A" * 64, f"{'0' * 63}/", "0" * 64 + "\n"])
def test_names_are_digests_and_lead_nowhere_else(blobs: Blobs, name: str) -> None:
    for ask in (blobs.load, blobs.holds):
        with pytest.raises(InvalidInput):
            ask(name)


def test_links_are_not_followed(blobs: Blobs, tmp_path: Path) -> None:
    blobs.store(b"x")
    (tmp_path / "elsewhere").write_bytes(DATA)
    (tmp_path / "state" / "blobs" / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        blobs.load(NAME)


def test_strangers_and_leftovers_are_not_listed(blobs: Blobs, tmp_path: Path) -> None:
    blobs.store(DATA)
    for name in (".abc.0.unfinished", "notes.txt", "A" * 64):
        (tmp_path / "state" / "blobs" / name).write_bytes(b"")
    assert list(blobs.digests()) == [NAME]


def test_each_durable_step_comes_before_the_next(blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs.store(b"so that the folder exists")
    steps: list[str] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        steps.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        real_sync(descriptor)

    def replace(source: Path, target: Path) -> None:
        steps.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    blobs.store(DATA)
    assert steps == ["sync file", "rename", "sync folder"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_nothing_behind(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    blobs.store(b"so that the folder exists")

    def refuse(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, refuse)
        with pytest.raises(Unavailable) as caught:
            blobs.store(DATA)
    assert caught.value.code == "blob-not-stored"
    assert [path.name for path in (tmp_path / "state" / "blobs").iterdir() if path.name.startswith(".")] == []
    assert not blobs.holds(NAME)
    assert blobs.store(DATA) == NAME


def store_many(folder: Path) -> None:
    for number in range(40):
        Blobs(folder).store(b"%d" % number)


def test_several_processes_store_the_same_blobs(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "blobs"
    context = get_context("fork")
    workers = [context.Process(target=store_many, args=(folder,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    blobs = Blobs(folder)
    assert sorted(blobs.load(name) for name in blobs.digests()) == sorted(b"%d" % number for number in range(40))
    assert len(list(folder.iterdir())) == 40
