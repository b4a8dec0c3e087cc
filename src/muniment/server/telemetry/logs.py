"""Log lines on standard error: JSON, one object a line, or text for people who watch."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from types import MappingProxyType
from typing import TextIO

import msgspec

from muniment.core.format import time
from muniment.ledger.embedded import system_clock

MAX_LINES = 1_000

_encode = msgspec.json.Encoder(enc_hook=str).encode

_LEVELS = MappingProxyType({"DEBUG": "debug", "INFO": "info", "WARNING": "warning", "ERROR": "error", "CRITICAL": "error"})
# The libraries below us speak only when something is wrong, and the last two not even then: what is cut is counted.
_QUIET = MappingProxyType({"uvicorn.error": logging.ERROR, "uvicorn.access": logging.CRITICAL, "litestar": logging.ERROR})


class Lines(logging.Formatter):
    """A record as one line. `fields` of a record (`extra={"fields": {...}}`) stand beside its time, level and message."""

    def __init__(self, *, as_json: bool, worker: str) -> None:
        super().__init__()
        self._as_json = as_json
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the record holds."""
        fields: dict[str, object] = dict(getattr(record, "fields", {}))
        if record.exc_info:
            fields["error"] = "".join(traceback.format_exception(*record.exc_info))
        return self.write(_LEVELS.get(record.levelname, "info"), record.getMessage(), fields)

    def write(self, level: str, message: str, fields: Mapping[str, object]) -> str:
        """One line of these: line ends are escaped, so that nobody can write a line of his own."""
        now = time.format(system_clock())
        if self._as_json:
            head: dict[str, object] = {"time": now, "level": level, "message": message}
            if self._worker:
                head["worker"] = self._worker
            head.update(fields)
            try:
                return _encode(head).decode()
            except UnicodeEncodeError:
                # A file's name may hold bytes that are no UTF-8.
                return json.dumps(head, default=str)
        said = " ".join(f"{key}={_plain(value)}" for key, value in fields.items() if key != "error" and value not in ("", None))
        trace = f"\n{fields['error']}" if "error" in fields else ""
        return f"{now[11:19]} {level:<7} {_plain(message)} {said}".rstrip() + trace


class Gathering(logging.StreamHandler[TextIO]):
    """Writes warnings and errors at once, and what is merely information together: `tick` does so, ten times a second.

    A write for each request would hand the interpreter to the thread that writes the ledger. A crash loses a tenth of a second
    of such lines, and no others.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._ticks = False

    def note(self, message: str, fields: Mapping[str, object]) -> None:
        """Take one line of information without a record, which costs as much as a request's whole way through the server."""
        if isinstance(self.formatter, Lines):
            line = self.formatter.write("info", message, fields) + self.terminator
            with self.lock or nullcontext():
                self._lines.append(line)
                if not self._ticks or len(self._lines) >= MAX_LINES:
                    self._write()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record."""
        try:
            self._lines.append(self.format(record) + self.terminator)
            if record.levelno >= logging.WARNING or not self._ticks or len(self._lines) >= MAX_LINES:
                self._write()
        except Exception:
            self.handleError(record)

    def tick(self) -> None:
        """Write what was gathered; whoever calls it once promises to do it again."""
        self._ticks = True
        with self.lock or nullcontext():
            self._write()

    def close(self) -> None:
        """Write the rest."""
        self._ticks = False
        self._write()
        super().close()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self.stream.write("".join(lines))
            self.stream.flush()


def tick() -> None:
    """Write what was gathered."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Gathering):
            handler.tick()


def note(message: str, fields: Mapping[str, object]) -> None:
    """Write a line of information, if this process writes a log."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Gathering):
            handler.note(message, fields)


def begin(form: str, worker: str = "", stream: TextIO | None = None) -> None:
    """Write the log of this process. `form`: `json` or `text`; `worker` says which of several processes this is."""
    handler = Gathering(stream or sys.stderr)
    handler.setFormatter(Lines(as_json=form == "json", worker=worker))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("muniment").setLevel(logging.INFO)
    logging.captureWarnings(True)
    for name, level in _QUIET.items():
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True
        library.setLevel(level)


def say(code: str, message: str, **fields: object) -> None:
    """Say something about the server itself, as a warning."""
    logging.getLogger("muniment.server").warning(message, extra={"fields": {"code": code, **fields}})


def _plain(value: object) -> str:
    text = str(value)
    return text if text.isprintable() else ascii(text)
