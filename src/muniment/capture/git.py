"""Which source code this is: the commit, and whether the working tree differs from it (docs/events.md, `training.started`).

    found = read()              # None where there is no git or no repository
    found.commit, found.dirty   # "a94a8f…", and None for a clean tree

`dirty` is SHA-256(SHA-256(patch) | SHA-256(list)), as hex. The patch is what `git diff --binary HEAD` prints for the whole
repository under fixed options (before the first commit: against the empty tree); the list is that of
`git ls-files -z --others --exclude-standard`: the names of untracked files, not their contents. Neither leaves this module, because
both may hold secrets. What changed inside a submodule counts by its commit alone.

Looking must not run what a repository brings along: hooks, file system monitors, external diff and conversion commands are off, and
nothing is fetched. Filters that a repository's own configuration brings (`filter.<name>.clean`) are off too, except those of Git
LFS, without which every large file would look changed. This needs git 2.31 or newer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Timer

import msgspec

from muniment.core.format import digest
from muniment.core.format.encoding import GitDigest, HexDigest, Natural
from muniment.errors import CaptureError

TIMEOUT_S = 60.0

_PIECE_BYTES = 1024 * 1024
_COMPLAINT_BYTES = 4096
_NO_CODE_FROM_THE_REPOSITORY = (
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "protocol.allow=never"),
)
# A user's settings must not change the digest of the same tree.
_DIFF = (
    *("diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--no-relative"),
    *("--diff-algorithm=myers", "--no-indent-heuristic", "--unified=3", "--inter-hunk-context=0", "--submodule=short"),
    *("--ignore-submodules=dirty", "--src-prefix=a/", "--dst-prefix=b/", f"-O{os.devnull}"),
)
# The last one: git would otherwise rewrite its index while it looks.
_FIXED_SETTINGS = (
    *("-c", "core.quotePath=true"),
    *("-c", "diff.suppressBlankEmpty=false"),
    *("-c", "diff.autoRefreshIndex=false"),
)
_LFS = frozenset({"git-lfs clean -- %f", "git-lfs filter-process", "git-lfs filter-process --skip"})
_KEPT = frozenset({"GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH"})
_SCOPES_OF_THE_USER = frozenset({"system", "global"})
_EMPTY = digest.sha256(b"")


class Git(msgspec.Struct, frozen=True):
    """The commit (absent before the first one), the digest of what differs from it (absent for a clean tree), and the number of
    untracked files.
    """

    commit: GitDigest | None
    dirty: HexDigest | None
    untracked: Natural = 0


def read(folder: str | os.PathLike[str] = ".", *, timeout_s: float = TIMEOUT_S) -> Git | None:
    """Look at the repository that `folder` lies in; None where git is not installed or there is no working tree.

    Each of git's answers may take `timeout_s` seconds. Raises CaptureError: `git-failed` (with git's own first line),
    `git-timeout`.
    """
    program = shutil.which("git")
    if program is None:
        return None
    look = _Look(program, Path(folder), timeout_s)
    top = look.find_top()
    if top is None:
        return None
    look = _Look(program, top, timeout_s, look.find_filters())
    commit = look.find_commit()
    patch, _ = look.hash(*_DIFF, commit or look.find_empty_tree(), "--")
    names, untracked = look.hash("ls-files", "-z", "--others", "--exclude-standard", "--full-name")
    dirty = None if patch == names == _EMPTY else digest.format(digest.sha256(patch + names))
    return Git(commit, dirty, untracked)


class _Look:
    """How git is run: where, for how long at most, and without which of its configured filters."""

    def __init__(self, program: str, folder: Path, timeout_s: float, filters: Sequence[str] = ()) -> None:
        self._program = program
        self._folder = folder
        self._timeout_s = timeout_s
        self._filters = filters

    def find_top(self) -> Path | None:
        """The working tree's top folder; None outside of any."""
        code, output, complaint = self._run("rev-parse", "--is-inside-work-tree")
        if code != 0 and "not a git repository" in complaint:
            return None
        if code != 0:
            raise _failed(complaint)
        return Path(os.fsdecode(self._ask("rev-parse", "--show-toplevel"))) if output == b"true" else None

    def find_filters(self) -> tuple[str, ...]:
        """The settings of every filter that the repository's own configuration brings, but for Git LFS's."""
        code, output, complaint = self._run("config", "--null", "--show-scope", "--get-regexp", r"^filter\..*\.(clean|process)$")
        if code not in (0, 1):
            raise _failed(complaint)
        items = os.fsdecode(output).split("\0")
        found = []
        for scope, setting in zip(items[::2], items[1::2], strict=False):
            key, _, command = setting.partition("\n")
            if scope not in _SCOPES_OF_THE_USER and command not in _LFS:
                found.append(key)
        return tuple(found)

    def find_commit(self) -> str | None:
        """The commit that HEAD names; None before the first one."""
        code, output, complaint = self._run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if code not in (0, 1):
            raise _failed(complaint)
        return output.decode("ascii") if code == 0 else None

    def find_empty_tree(self) -> str:
        """The name of the tree without files, in the repository's own hash."""
        return self._ask("hash-object", "-t", "tree", os.devnull).decode("ascii")

    def hash(self, *arguments: str) -> tuple[bytes, int]:
        """SHA-256 of what git prints, however long, and how many NUL bytes are in it."""
        hasher, nuls = digest.Hasher(), 0

        def take(piece: bytes) -> None:
            nonlocal nuls
            hasher.update(piece)
            nuls += piece.count(b"\0")

        code, complaint = self._spawn(arguments, take)
        if code != 0:
            raise _failed(complaint)
        return hasher.digest(), nuls

    def _ask(self, *arguments: str) -> bytes:
        code, output, complaint = self._run(*arguments)
        if code != 0:
            raise _failed(complaint)
        return output

    def _run(self, *arguments: str) -> tuple[int, bytes, str]:
        """Exit status, output without its last newline, and the first line of complaint."""
        output = bytearray()
        code, complaint = self._spawn(arguments, output.extend)
        return code, bytes(output).removesuffix(b"\n"), complaint

    def _spawn(self, arguments: Sequence[str], take: Callable[[bytes], None]) -> tuple[int, str]:
        """Run git once and hand on its output piece by piece: exit status and the first line of complaint."""
        command = (self._program, "--no-pager", *_NO_CODE_FROM_THE_REPOSITORY, *_FIXED_SETTINGS, *arguments)
        with tempfile.TemporaryFile() as complaints:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=self._folder,
                    env=self._environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                )
            except OSError as error:
                raise _failed(f"{self._folder}: {error.strerror}") from None
            late = Event()

            def give_up() -> None:
                late.set()
                process.kill()

            timer = Timer(self._timeout_s, give_up)
            with process:
                timer.start()
                try:
                    # Streamed: a patch can be longer than memory, and what it holds belongs on no disk of ours.
                    while process.stdout is not None and (piece := process.stdout.read(_PIECE_BYTES)):
                        take(piece)
                    code = process.wait()
                finally:
                    timer.cancel()
            complaints.seek(0)
            lines = complaints.read(_COMPLAINT_BYTES).decode("utf-8", "replace").splitlines()
        if late.is_set():
            raise CaptureError(
                f"git did not answer within {self._timeout_s:g} seconds",
                code="git-timeout",
                hint="Run `git status` there: a very large or remote working tree can be that slow.",
            )
        return code, lines[0] if lines else ""

    def _environment(self) -> dict[str, str]:
        """The caller's, without what would point git elsewhere or make it talk, write or ask."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
        # Given this way, and not with -c, a filter whose name holds an equals sign is switched off too.
        switched_off = [(key, "") for key in self._filters] + [
            (f"{key.rpartition('.')[0]}.required", "false") for key in self._filters
        ]
        settings = {"GIT_CONFIG_COUNT": str(len(switched_off))}
        for number, (key, value) in enumerate(switched_off):
            settings |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return (
            kept
            | settings
            | {
                "LC_ALL": "C",
                "GIT_OPTIONAL_LOCKS": "0",
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_NO_LAZY_FETCH": "1",
                "GIT_NO_REPLACE_OBJECTS": "1",
            }
        )


def _failed(complaint: str) -> CaptureError:
    reason = complaint.removeprefix("fatal: ") or "it gave no reason"
    return CaptureError(f"git could not be asked: {reason}", code="git-failed", hint="Run `git status` there to see why.")
