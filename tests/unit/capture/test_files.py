"""Reading folders and files: every byte hashed, nothing followed, nothing half-changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from muniment.capture import files, hashing
from muniment.capture.hashing import Source, Status
from muniment.core.format import manifest
from muniment.errors import CaptureError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "config.json").write_bytes(b"{}")
    (folder / "sub" / "weights.bin").write_bytes(bytes(range(256)) * 9000)
    (folder / "sub" / "deep" / "empty").write_bytes(b"")
    return folder


def code_of(path: Path, **options: object) -> str:
    with pytest.raises(CaptureError) as caught:
        files.read(path, **options)  # type: ignore[arg-type]
    return caught.value.code


def test_a_folder_is_its_files_by_path(model: Path) -> None:
    found = files.read(model)
    assert found.name == "model"
    assert found.ignored == ()
    assert [(line.path, line.size) for line in found.manifest.lines] == [
        ("config.json", 2),
        ("sub/deep/empty", 0),
        ("sub/weights.bin", 2_304_000),
    ]
    for line in found.manifest.lines:
        assert line.sha256 == hashlib.sha256((model / line.path).read_bytes()).hexdigest()
    assert manifest.decode(manifest.encode(found.manifest)) == found.manifest


@pytest.mark.parametrize("threads", [1, 2, 7, 99])
def test_the_number_of_threads_changes_nothing(model: Path, threads: int) -> None:
    for number in range(40):
        (model / f"{number}.txt").write_bytes(b"%d" % number)
    assert files.read(model, threads=threads) == files.read(model)


def test_one_file_is_a_manifest_of_one_line(model: Path) -> None:
    found = files.read(model / "config.json")
    assert found.name == "config.json"
    assert [(line.path, line.size) for line in found.manifest.lines] == [("config.json", 2)]


def test_relative_paths_and_trailing_slashes_name_the_same(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model)
    assert files.read(".") == files.read(model) == files.read(f"{model}/") == files.read("../model")


def test_the_openssf_ignore_list_applies_at_the_top_only(model: Path) -> None:
    before = files.read(model)
    (model / ".git" / "objects").mkdir(parents=True)
    (model / ".git" / "HEAD").write_text("ref")
    (model / ".git" / "link").symlink_to("HEAD")
    (model / ".gitignore").write_text("*")
    (model / "model.sig").write_text("{}")
    after = files.read(model)
    assert after.manifest == before.manifest
    assert after.ignored == (".git", ".gitignore", "model.sig")
    (model / "sub" / ".gitignore").write_text("*")
    assert "sub/.gitignore" in [line.path for line in files.read(model).manifest.lines]


def test_what_is_ignored_can_be_chosen(model: Path) -> None:
    found = files.read(model, ignore=["sub/deep", "config.json"])
    assert [line.path for line in found.manifest.lines] == ["sub/weights.bin"]
    assert found.ignored == ("config.json", "sub/deep")


@pytest.mark.parametrize("target", ["config.json", "sub", "nowhere", "/etc/passwd"])
def test_symbolic_links_are_refused(model: Path, target: str) -> None:
    (model / "link").symlink_to(target)
    assert code_of(model) == "symlink"


def test_a_link_to_the_folder_is_refused_and_the_target_named(model: Path) -> None:
    link = model.parent / "latest"
    link.symlink_to(model)
    with pytest.raises(CaptureError) as caught:
        files.read(link)
    assert caught.value.code == "symlink"
    assert str(model) in caught.value.hint


def test_special_files_are_refused_without_opening_them(model: Path) -> None:
    os.mkfifo(model / "pipe")
    assert code_of(model) == "special-file"
    assert code_of(model / "pipe") == "special-file"


def test_nothing_to_hash_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty" / "sub").mkdir(parents=True)
    assert code_of(tmp_path / "empty") == "no-files"
    (tmp_path / "empty" / ".gitignore").write_text("*")
    assert code_of(tmp_path / "empty") == "no-files"
    assert code_of(tmp_path / "missing") == "missing"
    assert code_of(tmp_path / "empty" / ".gitignore" / "under-a-file") == "unreadable"
    assert code_of(Path("nul\0inside")) == "unreadable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_an_error(model: Path) -> None:
    (model / "config.json").chmod(0)
    assert code_of(model) == "unreadable"
    (model / "config.json").chmod(0o600)
    (model / "sub").chmod(0)
    assert code_of(model) == "unreadable"
    (model / "sub").chmod(0o700)


def test_names_are_brought_into_normal_form_c(model: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "größe.txt")
    (model / decomposed).write_bytes(b"1")
    assert "größe.txt" in [line.path for line in files.read(model).manifest.lines]
    assert files.read(model / decomposed).name == "größe.txt"
    (model / "größe.txt").write_bytes(b"2")
    assert code_of(model) == "same-path"


@pytest.mark.parametrize("name", ["line\nbreak", "back\\slash", "\u202eexe.txt", os.fsdecode(b"latin\xe9")])
def test_names_that_a_manifest_cannot_hold_are_errors(model: Path, name: str) -> None:
    (model / name).write_bytes(b"")
    assert code_of(model) == "bad-path"


def test_too_many_files_are_refused_before_hashing(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "MAX_LINES", 2)
    assert code_of(model) == "too-many-files"


def test_progress_goes_from_nothing_to_everything(model: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    files.read(model, progress=lambda done, total, path: seen.append((done, total, path)))
    assert seen[0][0] == 0
    assert seen[-1][:2] == (2_304_002, 2_304_002)
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert {total for _, total, _ in seen} == {2_304_002}
    assert {path for _, _, path in seen} <= {line.path for line in files.read(model).manifest.lines}


def test_what_progress_raises_stops_the_reading(model: Path) -> None:
    def interrupt(done: int, total: int, path: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.read(model, progress=interrupt)


def test_describe_counts_without_hashing(model: Path) -> None:
    assert files.describe(model) == (3, 2_304_002)
    assert files.describe(model / "config.json") == (1, 2)
    with pytest.raises(CaptureError):
        files.describe(model / "missing")


@pytest.mark.parametrize("ahead", [False, True])
def test_pieces_join_whatever_way_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: bool) -> None:
    monkeypatch.setattr(hashing, "_LARGE_BYTES", 1 if ahead else 1 << 40)
    for size in (1, 2**20 - 1, 2**20, 2**20 + 1, 2**22, 2**22 + 1, 2**23, 9_000_001):
        data = os.urandom(size)
        (tmp_path / "file").write_bytes(data)
        assert files.read(tmp_path / "file", threads=2).manifest.lines[0].sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("ahead", [False, True])
def test_a_file_that_changes_while_it_is_hashed_is_an_error(model: Path, monkeypatch: pytest.MonkeyPatch, ahead: bool) -> None:
    monkeypatch.setattr(hashing, "_LARGE_BYTES", 1 if ahead else 1 << 40)
    target = model / "sub" / "weights.bin"

    def listed() -> Source:
        return Source("sub/weights.bin", str(target), Status.of(target.stat()))

    for meddle in (
        lambda: target.write_bytes(b"shorter"),
        lambda: target.write_bytes(b"x" * 3_000_000),
        lambda: os.utime(target, ns=(1, 1)),
        lambda: (target.unlink(), target.write_bytes(b"another file")),
    ):
        source = listed()
        meddle()
        with pytest.raises(CaptureError) as caught:
            hashing.hash_all([source], threads=2)
        assert caught.value.code == "changed"
        assert caught.value.details["paths"] == ["sub/weights.bin"]


def test_a_file_that_grows_without_end_is_not_read_without_end(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = model / "config.json"
    source = Source("config.json", str(target), Status.of(target.stat()))
    monkeypatch.setattr(hashing, "_check_status", lambda source, file: None)
    target.write_bytes(b"x" * 5_000_000)
    with pytest.raises(CaptureError):
        hashing.hash_all([source])


def test_a_file_swapped_for_a_link_after_the_listing_is_not_followed(model: Path) -> None:
    target = model / "config.json"
    source = Source("config.json", str(target), Status.of(target.stat()))
    target.unlink()
    target.symlink_to("/etc/hostname")
    with pytest.raises(CaptureError):
        hashing.hash_all([source])
    target.unlink()
    os.mkfifo(target)
    with pytest.raises(CaptureError):
        hashing.hash_all([source])


@pytest.mark.parametrize("what", ["added", "removed", "rewritten"])
def test_a_folder_that_changes_behind_the_hashing_is_an_error(model: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    actions = {
        "added": lambda: (model / "late.json").write_bytes(b"{}"),
        "removed": lambda: (model / "config.json").unlink(),
        "rewritten": lambda: (model / "config.json").write_bytes(b"[]"),
    }
    real = hashing.hash_all

    def hash_and_meddle(*arguments: object, **options: object) -> list[manifest.Line]:
        lines = real(*arguments, **options)  # type: ignore[arg-type]
        actions[what]()
        return lines

    monkeypatch.setattr(files, "hash_all", hash_and_meddle)
    with pytest.raises(CaptureError) as caught:
        files.read(model)
    assert caught.value.code == "changed"
    assert caught.value.details["paths"] == ["late.json" if what == "added" else "config.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    for name, size in {"one": 200, "two": 100, "three": 100}.items():
        with (tmp_path / name).open("wb") as file:
            file.truncate(size * 1024 * 1024)
    program = (
        "import sys; from muniment.capture import files; files.read(sys.argv[1], threads=2); files.read(sys.argv[1] + '/one');"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 80 * 1024
