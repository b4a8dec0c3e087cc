"""The commit and what differs from it, told without running anything that a repository brings along."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from muniment.capture import git
from muniment.errors import CaptureError


@pytest.fixture(autouse=True)
def no_settings_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    ask(folder, "init", "--quiet")
    ask(folder, "config", "user.name", "Test")
    ask(folder, "config", "user.email", "test@example.org")
    return folder


def ask(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True).stdout


def commit(folder: Path, **contents: str) -> str:
    for name, text in contents.items():
        (folder / name).write_text(text)
    ask(folder, "add", "--all")
    ask(folder, "commit", "--quiet", "--allow-empty", "--message", "a change")
    return ask(folder, "rev-parse", "HEAD").decode().strip()


def look(folder: Path) -> git.Git:
    found = git.read(folder)
    assert found is not None
    return found


def test_without_a_repository_or_without_git_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git.read(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.read(tmp_path) is None


def test_before_the_first_commit(repository: Path) -> None:
    assert look(repository) == git.Git(None, None, 0)
    (repository / "train.py").write_text("pass\n")
    untracked = look(repository)
    assert (untracked.commit, untracked.untracked) == (None, 1)
    ask(repository, "add", "train.py")
    staged = look(repository)
    assert (staged.commit, staged.untracked) == (None, 0)
    assert None not in (untracked.dirty, staged.dirty)
    assert untracked.dirty != staged.dirty


def test_a_clean_tree_is_its_commit(repository: Path) -> None:
    name = commit(repository, a="1")
    (repository / "sub").mkdir()
    assert look(repository) == look(repository / "sub") == git.Git(name, None, 0)
    (repository / "bytes").write_bytes(bytes(range(256)))
    name = commit(repository)
    for file in ("a", "bytes"):
        os.utime(repository / file, ns=(1, 1))
    assert look(repository) == git.Git(name, None, 0)


def test_the_digest_is_the_one_that_the_docstring_defines(repository: Path) -> None:
    commit(repository, a="1\n")
    (repository / "a").write_text("2\n")
    (repository / "new").write_text("x")
    patch = ask(repository, "diff", "--binary", "--full-index", "HEAD")
    names = ask(repository, "ls-files", "-z", "--others", "--exclude-standard")
    expected = hashlib.sha256(hashlib.sha256(patch).digest() + hashlib.sha256(names).digest()).hexdigest()
    assert b"+2" in patch
    assert names == b"new\0"
    assert look(repository).dirty == expected


def test_every_kind_of_change_counts(repository: Path) -> None:
    name = commit(repository, a="1\n", b="1\n")
    seen = {None}
    for change in (
        lambda: (repository / "a").write_text("2\n"),
        lambda: (repository / "b").unlink(),
        lambda: (repository / "c").write_text("untracked"),
        lambda: ask(repository, "add", "c"),
        lambda: (repository / "a").write_bytes(bytes(range(256))),
        lambda: (repository / "a").chmod(0o755),
    ):
        change()
        found = look(repository)
        assert found.commit == name
        assert found.dirty not in seen
        seen.add(found.dirty)
    (repository / ".git" / "info" / "exclude").write_text("noise\n")
    (repository / "noise").write_text("ignored")
    assert look(repository).dirty in seen


def test_settings_of_the_user_do_not_change_the_digest(repository: Path) -> None:
    commit(repository, a="1\n2\n3\n4\n5\n6\n7\n8\n9\n", ü="1\n")
    (repository / "a").write_text("1\n2\n3\n4\nfive\n6\n7\n8\n9\n")
    (repository / "moved").write_text("1\n")
    ask(repository, "add", "moved")
    (repository / "ü").unlink()
    plain = look(repository)
    for key, value in {
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.context": "9",
        "diff.algorithm": "patience",
        "diff.renames": "copies",
        "color.diff": "always",
        "core.quotePath": "false",
        "core.abbrev": "7",
        "diff.orderFile": str(repository / "a"),
        "diff.suppressBlankEmpty": "true",
        "diff.relative": "true",
    }.items():
        ask(repository, "config", key, value)
    assert look(repository) == plain


def test_nothing_that_the_repository_brings_is_run(repository: Path, tmp_path: Path) -> None:
    commit(repository, a="1\n", b="1\n")
    evidence = tmp_path / "it-ran"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{evidence}'\ncat\n")
    trap.chmod(0o755)
    for hook in ("post-index-change", "pre-commit", "fsmonitor-watchman", "reference-transaction"):
        shutil.copy(trap, repository / ".git" / "hooks" / hook)
    for key in (
        *("core.fsmonitor", "diff.external", "diff.x.command", "diff.x.textconv", "core.pager", "pager.diff"),
        *("filter.x.clean", "filter.x.smudge", "filter.x.process", "filter.a=b.clean", "core.sshCommand", "alias.diff"),
    ):
        section, _, name = key.rpartition(".")
        with (repository / ".git" / "config").open("a") as file:
            first, _, rest = section.partition(".")
            file.write(f'[{first} "{rest}"]\n' if rest else f"[{first}]\n")
            file.write(f'\t{name} = "{"!" if first == "alias" else ""}{trap}"\n')
    with (repository / ".git" / "config").open("a") as file:
        file.write('[filter "x"]\n\trequired = true\n')
    (repository / ".gitattributes").write_text("a filter=x diff=x\nb filter=a=b diff=x\n")
    (repository / "a").write_text("2\n")
    (repository / "b").write_text("2\n")
    assert look(repository).dirty is not None
    assert not evidence.exists()
    # The trap is a real one: plain git falls into it.
    subprocess.run(["git", "diff", "HEAD"], cwd=repository, check=False, capture_output=True)
    assert evidence.exists()


def test_large_files_of_git_lfs_stay_clean(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git-lfs").write_text("#!/bin/sh\nsha256sum\n")
    (tools / "git-lfs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    ask(repository, "config", "filter.lfs.clean", "git-lfs clean -- %f")
    commit(repository, **{".gitattributes": "*.bin filter=lfs\n", "model.bin": "weights"})
    os.utime(repository / "model.bin", ns=(1, 1))
    assert look(repository).dirty is None


def test_filters_of_the_user_are_the_users(repository: Path, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text('[filter "strip"]\n\tclean = "tr -d 0-9"\n')
    name = commit(repository, **{".gitattributes": "* filter=strip\n", "notebook": "out 1\n"})
    (repository / "notebook").write_text("out 22\n")
    assert look(repository) == git.Git(name, None, 0)


def test_looking_writes_nothing(repository: Path) -> None:
    commit(repository, a="1\n")
    (repository / "b").write_text("new")
    os.utime(repository / "a", ns=(1, 1))
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*") if path.is_file()}
    look(repository)
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*") if path.is_file()} == before


def test_a_git_that_fails_or_hangs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for script, code, timeout_s in (
        ("echo 'fatal: detected dubious ownership' >&2; exit 128", "git-failed", 60.0),
        ("exec sleep 60", "git-timeout", 0.3),
    ):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        with pytest.raises(CaptureError) as caught:
            git.read(tmp_path, timeout_s=timeout_s)
        assert caught.value.code == code
    with pytest.raises(CaptureError):
        git.read(tmp_path / "missing")


def test_a_bare_repository_has_no_tree_to_look_at(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    ask(bare, "init", "--quiet", "--bare")
    assert git.read(bare) is None


def test_a_repository_of_sha_256_names(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    ask(folder, "init", "--quiet", "--object-format=sha256")
    assert look(folder) == git.Git(None, None, 0)
    ask(folder, "config", "user.name", "Test")
    ask(folder, "config", "user.email", "test@example.org")
    name = commit(folder, a="1")
    assert look(folder) == git.Git(name, None, 0)
    assert len(name) == 64
