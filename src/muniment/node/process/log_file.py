"""CometBFT's log: what it prints comes through a pipe, is kept in files of a bounded size, and is read line by line on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FILE_BYTES = 8 << 20
FILES = 4
MAX_LINE_BYTES = 64 << 10
"""What is longer is kept as it is, and read up to here."""


class LogFile:
    """A file that begins anew when it is full; `engine.log.1` is the one before it. Writing never fails: the engine must go on."""

    def __init__(self, path: Path, *, file_bytes: int = FILE_BYTES, files: int = FILES) -> None:
        self._path = path
        self._file_bytes = file_bytes
        self._files = files
        self._descriptor = -1
        self._size = 0

    def write(self, raw: bytes) -> None:
        """Keep these bytes; where the disk takes them not, they are lost."""
        with suppress(OSError):
            if self._descriptor < 0:
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                self._size = os.fstat(self._descriptor).st_size
            elif self._size >= self._file_bytes:
                self._turn()
            self._size += os.write(self._descriptor, raw)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _turn(self) -> None:
        self.close()
        for number in range(self._files - 1, 0, -1):
            before = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
            with suppress(FileNotFoundError):
                os.replace(before, self._path.with_name(f"{self._path.name}.{number}"))
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = 0


class LineReader:
    """Whole lines out of what comes piece by piece."""

    def __init__(self) -> None:
        self._rest = b""

    def read(self, raw: bytes) -> Iterator[bytes]:
        """The lines that are complete now, without their ends."""
        *lines, rest = (self._rest + raw).split(b"\n")
        self._rest = rest[:MAX_LINE_BYTES]
        yield from lines
