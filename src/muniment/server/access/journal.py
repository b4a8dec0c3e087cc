"""The access log: what was read, exported and asked, by whom and when; one file of JSON lines for each ledger.

    <state>/access/<name>.jsonl, for the ledger at the root of the server @.jsonl       0600

    {"time":"2026-03-04T12:00:00.000000Z","request":"…","caller":"5be1…","kind":"token","method":"GET","path":"/v1/entries/12",...}

Only appended to, by any number of processes at once. A file of 64 MiB gets a name with its time, and a new one begins; nothing is
ever deleted here. It holds no token and no body. A thread of its own writes: what a crash can lose is the last fifth of a second.
Where it cannot keep up or the disk is full, requests go on, and the next line that can be written says how many were lost.
"""

from __future__ import annotations

import fcntl
import logging
import os
import queue
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import msgspec

from muniment.ledger.embedded import system_clock

FOLDER = "access"
ROOT = "@"
MAX_BYTES = 64 << 20
MAX_WAITING = 20_000
FLUSH_SECONDS = 0.2
_log = logging.getLogger("muniment.access")


class Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One request. `bytes`: of the answer's body. `thing`: what it was about, where the path does not say it.

    `lost`: so many lines before this one could not be written.
    """

    time: str
    request: str
    caller: str
    kind: str
    method: str
    path: str
    status: int
    bytes: int
    thing: str = ""
    lost: int = 0


class Journal:
    """The logs of all ledgers of one server, written by one thread of this process."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._waiting: queue.SimpleQueue[tuple[str, Line] | None] = queue.SimpleQueue()
        self._lost = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write. Raises OSError where the folder cannot be made."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        self._thread.start()

    def note(self, ledger: str, line: Line) -> None:
        """Have a line written; never waits."""
        if self._waiting.qsize() >= MAX_WAITING:
            self._lost += 1
            return
        if self._lost:
            line, self._lost = msgspec.structs.replace(line, lost=self._lost), 0
        self._waiting.put((ledger, line))

    def close(self) -> None:
        """Write what waits, and stop."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    def _run(self) -> None:
        going = True
        pause = threading.Event()
        while going:
            found = [self._waiting.get()]
            # A moment's lines are written together.
            pause.wait(FLUSH_SECONDS if found[0] is not None else 0)
            while not self._waiting.empty():
                found.append(self._waiting.get())
            going = None not in found
            lines: dict[str, list[bytes]] = defaultdict(list)
            for each in found:
                if each is not None:
                    lines[each[0]].append(msgspec.json.encode(each[1]) + b"\n")
            for ledger, written in lines.items():
                try:
                    append(path_of(self._folder, ledger), written, self._max_bytes)
                except OSError as error:
                    self._lost += len(written)
                    _log.error("the access log cannot be written: %s", error.strerror)


def path_of(folder: Path, ledger: str) -> Path:
    """The log of a ledger by its served name."""
    # Two ledgers never share a file: what is quoted has no @.
    return folder / f"{quote(ledger, safe='') or ROOT}.jsonl"


def append(path: Path, lines: list[bytes], max_bytes: int) -> None:
    """Add lines to a log; a full one gets another name first. Raises OSError."""
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            # One process at a time, so that no line is torn and a full file is moved once.
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                same = os.stat(path).st_ino == os.fstat(descriptor).st_ino
            except FileNotFoundError:
                same = False
            if not same:
                continue
            size = os.fstat(descriptor).st_size
            if size < max_bytes:
                raw = b"".join(lines)
                if file.write(raw) != len(raw):
                    # Half a line must not spoil the next one.
                    os.ftruncate(descriptor, size)
                    raise OSError(28, "the disk is full")
                return
            os.fsync(descriptor)
            os.rename(path, path.with_name(f"{path.stem}@{system_clock()}.jsonl"))


def read(folder: Path, ledger: str) -> Iterator[Line]:
    """The lines of a ledger's log, the oldest first; what is no whole line is passed over."""
    current = path_of(folder, ledger)
    older = sorted(each for each in folder.glob(f"{current.stem}@*.jsonl") if each.stem[len(current.stem) + 1 :].isdigit())
    decode = msgspec.json.Decoder(Line).decode
    for path in (*older, current):
        with suppress(FileNotFoundError), path.open("rb") as file:
            for raw in file:
                with suppress(msgspec.DecodeError):
                    yield decode(raw)


def read_last(folder: Path, ledger: str, count: int) -> tuple[Line, ...]:
    """The newest lines of a ledger's log, the oldest of them first."""
    return tuple(deque(read(folder, ledger), maxlen=count))
