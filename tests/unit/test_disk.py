"""disk: the old content or the new one, on disk when the call returns, and nothing beside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment import disk

STEPS: dict[Callable[..., None], list[str]] = {
    disk.replace: ["file", "replace", "folder"],
    disk.create: ["file", "link", "folder"],
    disk.write: ["file", "replace"],
}


@pytest.mark.parametrize("put", STEPS, ids=lambda put: put.__name__)
def test_the_bytes_are_on_disk_before_their_name(put: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace, link = os.fsync, os.replace, os.link

    def sync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", lambda *paths: (steps.append("replace"), replace(*paths)))
    monkeypatch.setattr(os, "link", lambda *paths: (steps.append("link"), link(*paths)))
    put(tmp_path / "a", b"new", mode=disk.PRIVATE)
    assert steps == STEPS[put]
    assert (tmp_path / "a").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == disk.PRIVATE
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_content(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.replace(tmp_path / "a", b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, refuse)
        with pytest.raises(OSError, match="space"):
            disk.replace(tmp_path / "a", b"new")
    assert (os.listdir(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"old")


def test_of_two_that_create_the_first_one_stays(tmp_path: Path) -> None:
    disk.create(tmp_path / "a", b"first")
    with pytest.raises(FileExistsError):
        disk.create(tmp_path / "a", b"second")
    assert (os.listdir(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"first")


def test_who_writes_alone_writes_over_what_a_crash_left(tmp_path: Path) -> None:
    beside = tmp_path / ".a.unfinished"
    beside.write_bytes(b"more than there will be")
    disk.write(tmp_path / "a", b"whole", beside=beside)
    assert (os.listdir(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"whole")


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"kept")
    beside = tmp_path / ".a.unfinished"
    beside.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        disk.write(tmp_path / "a", b"whole", beside=beside)
    assert (tmp_path / "elsewhere").read_bytes() == b"kept"


def test_folders_are_made_for_this_user_alone(tmp_path: Path) -> None:
    for _ in range(2):
        disk.make_folder(tmp_path / "one" / "two")
    assert stat.S_IMODE((tmp_path / "one" / "two").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o700
