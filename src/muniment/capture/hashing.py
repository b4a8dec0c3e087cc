"""SHA-256 of many files at once, as fast as the processors allow and in little memory.

A thread hashes one file at a time through one buffer of 1 MiB; hashlib and reading both release Python's lock. The largest files
go first, so that no thread is left alone with one at the end. SHA-256 of one file is sequential: where there are fewer large
files than threads, a second thread reads ahead into another buffer while the first one hashes.
"""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing
from threading import Event, Lock
from typing import NamedTuple

from muniment.core.format import digest
from muniment.core.format.manifest import Line
from muniment.errors import CaptureError

Progress = Callable[[int, int, str], None]

MAX_THREADS = 16

_BUFFER_BYTES = 1024 * 1024
_AHEAD_BYTES = 4 * 1024 * 1024
# From here on a file is worth a thread that reads ahead.
_LARGE_BYTES = 64 * 1024 * 1024
_PROGRESS_SECONDS = 0.05
# A path that was swapped for a link or a pipe since it was listed must neither be followed nor block.
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Status(NamedTuple):
    """What changes whenever a file does, as far as its system tells: device, inode, length in bytes, two times in ns."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Status:
        """What `os.stat` and its like return, reduced to these fields."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class Source(NamedTuple):
    """One file to hash: its path in the manifest, where it lies, and its status when it was listed."""

    path: str
    location: str
    status: Status


class _StoppedError(Exception):
    """Another thread failed, or the caller gave up: this one has nothing to say."""


class _Work:
    """What the threads of one call share: the files still to hash, how far they are, and whether to stop."""

    def __init__(self, sources: Sequence[Source], *, ahead: bool) -> None:
        self.todo = deque(sources)
        self.ahead = ahead
        self.current = sources[0].path
        self.done = 0
        self.stop = Event()
        self._lock = Lock()

    def run(self) -> list[Line]:
        """Hash files until none is left; the body of each thread."""
        buffer = bytearray(_BUFFER_BYTES)
        lines: list[Line] = []
        while True:
            try:
                source = self.todo.popleft()
            except IndexError:
                return lines
            try:
                lines.append(self._hash(source, buffer))
            except _StoppedError:
                return lines

    def _hash(self, source: Source, buffer: bytearray) -> Line:
        hasher = digest.Hasher()
        size = source.status.size
        taken = 0
        try:
            with _open(source) as file:
                _check_status(source, file)
                with closing(_read_ahead(file) if self.ahead and size >= _LARGE_BYTES else _read(file, buffer)) as pieces:
                    for piece in pieces:
                        hasher.update(piece)
                        taken += len(piece)
                        self._report(source.path, len(piece))
                        if taken > size:
                            break
                _check_status(source, file)
        except OSError as error:
            raise CaptureError(
                f"cannot read {source.location}: {error.strerror}", code="unreadable", hint="Check the path and its permissions."
            ) from None
        if taken != size:
            raise _changed(source)
        return Line(source.path, digest.format(hasher.digest()), size)

    def _report(self, path: str, count: int) -> None:
        if self.stop.is_set():
            raise _StoppedError
        with self._lock:
            self.done += count
            self.current = path


def hash_all(sources: Sequence[Source], *, threads: int | None = None, progress: Progress | None = None) -> list[Line]:
    """Hash every source, in any order of the result. `progress` and the errors are those of `capture.files.read`."""
    allowed = max(1, min(threads or processors(), MAX_THREADS))
    total = sum(source.status.size for source in sources)
    large = sum(1 for source in sources if source.status.size >= _LARGE_BYTES)
    ordered = sorted(sources, key=lambda source: source.status.size, reverse=True)
    work = _Work(ordered, ahead=2 * large <= allowed)
    workers = min(allowed, len(sources))
    if progress is not None:
        progress(0, total, work.current)
    with ThreadPoolExecutor(workers, thread_name_prefix="muniment-hash") as pool:
        futures = [pool.submit(work.run) for _ in range(workers)]
        try:
            _follow(futures, work, total, progress)
        finally:
            # Also when the caller presses Ctrl-C: the threads end at their next piece.
            work.stop.set()
    lines = [line for future in futures for line in future.result()]
    if progress is not None:
        progress(total, total, work.current)
    return lines


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _follow(futures: list[Future[list[Line]]], work: _Work, total: int, progress: Progress | None) -> None:
    """Wait until every thread is done or one has failed, and report meanwhile."""
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=_PROGRESS_SECONDS if progress else None, return_when=FIRST_EXCEPTION)
        if any(future.exception() for future in done):
            return
        if progress is not None:
            progress(work.done, total, work.current)


def _open(source: Source) -> io.FileIO:
    return io.FileIO(os.open(source.location, _OPEN_FLAGS), "rb")


def _read(file: io.FileIO, buffer: bytearray) -> Generator[memoryview, None, None]:
    view = memoryview(buffer)
    while count := file.readinto(buffer):
        yield view[:count]


def _read_ahead(file: io.FileIO) -> Generator[memoryview, None, None]:
    """The same pieces, the next one being read while the caller works on this one."""
    front, back = bytearray(_AHEAD_BYTES), bytearray(_AHEAD_BYTES)
    with ThreadPoolExecutor(1, thread_name_prefix="muniment-read") as reader:
        count = file.readinto(front)
        while count:
            coming = reader.submit(file.readinto, back)
            yield memoryview(front)[:count]
            count = coming.result()
            front, back = back, front


def _check_status(source: Source, file: io.FileIO) -> None:
    if Status.of(os.fstat(file.fileno())) != source.status:
        raise _changed(source)


def _changed(source: Source) -> CaptureError:
    return CaptureError(
        f"{source.path} changed while it was read",
        code="changed",
        hint="Wait until nothing writes there any more, then run the command again.",
        details={"paths": [source.path]},
    )
