"""A training run, recorded from start to finish without ever standing in its way.

    with ledger.training("credit-risk", inputs={"training": data}, parameters={"max_depth": 6}) as run:
        run.metric("auc", 0.913)
        run.output("confusion-matrix", "out/matrix.csv")
        version = run.register("credit-risk", "out/model")

What cannot be recorded now is signed and kept in the spool; what cannot be recorded at all is said as a warning. With
`strict=True` both raise. Metrics go to a run log whose digest is recorded: never one entry a step.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, TypeVar

from muniment.capture import environment, files, git
from muniment.client import capturing
from muniment.client.drafting import Plain, measured
from muniment.client.things import Recorded, Version
from muniment.client.writing import Writer
from muniment.core.format import decimal, encoding
from muniment.errors import MunimentError, Unavailable

T = TypeVar("T")


class Register(Protocol):
    """`Ledger.register`."""

    def __call__(self, model: str, path: capturing.PathLike, *, run: str | None = None) -> Version: ...


class RecordingWarning(UserWarning):
    """Something about a training run could not be recorded; the training itself went on."""


class Training:
    """One run. `id` is the eventId of its start, None until `with` is entered, or where nothing could be recorded."""

    def __init__(self, writer: Writer, register: Register, fields: dict[str, Plain], *, strict: bool) -> None:
        self._writer = writer
        self._register = register
        self._fields = fields
        self._strict = strict
        self._began = 0.0
        self._log: list[bytes] = []
        self._last: dict[str, str] = {}
        self._outputs: list[Plain] = []
        self.id: str | None = None
        self.started: Recorded | None = None
        self.finished: Recorded | None = None

    def __enter__(self) -> Training:
        self._began = time.monotonic()
        self.started = self._attempt(self._record_start)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        status = "finished" if kind is None else "killed" if issubclass(kind, KeyboardInterrupt | SystemExit) else "failed"
        if self.id is not None:
            self.finished = self._attempt(lambda: self._record_finish(status))

    def metric(self, name: str, value: float, *, step: int | None = None) -> None:
        """Note a value. Every value goes to the run log, the last of each name into the record."""
        text = decimal.format_float(float(value))
        line: dict[str, Plain] = {"metric": name, "value": text, "step": step}
        self._log.append(encoding.encode({key: item for key, item in line.items() if item is not None}) + b"\n")
        self._last[name] = text

    def output(self, name: str, path: capturing.PathLike) -> str | None:
        """Name files that the run left behind; returns their manifest root."""
        captured = self._attempt(lambda: capturing.capture(path, self._writer.manifests))
        if captured is None:
            return None
        self._outputs.append({"name": name, "digest": captured.digest})
        return captured.digest

    def register(self, model: str, path: capturing.PathLike, *, progress: files.Progress | None = None) -> Version | None:
        """Register what the run made as a version of `model`. `version.number` is None until the ledger sealed it."""
        version = self._attempt(lambda: self._register(model, path, run=self.id))
        if version is not None:
            self._outputs.append({"name": model, "digest": version.digest})
        return version

    def _record_start(self) -> Recorded:
        source = git.read()
        found = environment.read()
        described = environment.encode(found)
        observed: dict[str, Plain] = {
            "gitCommit": source.commit if source else None,
            "dirtyDigest": source.dirty if source else None,
            "environmentDigest": self._writer.blobs.store(described),
            "hardwareClass": found.hardware,
            "grade": "observed",
        }
        return self._write("training.started", {**observed, **self._fields})

    def _record_finish(self, status: str) -> Recorded:
        return self._write(
            "training.finished",
            {
                "run": self.id,
                "status": status,
                "outputs": self._outputs,
                "metrics": measured(self._last),
                "metricLogDigest": self._writer.blobs.store(b"".join(self._log)) if self._log else None,
                "durationSeconds": f"{time.monotonic() - self._began:.3f}",
                "grade": "observed",
            },
        )

    def _write(self, name: str, fields: dict[str, Plain]) -> Recorded:
        event, raw = self._writer.sign(name, fields)
        if self.id is None:
            self.id = event.event_id
        try:
            return self._writer.append(event, raw)
        except Unavailable:
            if self._strict:
                raise
            self._writer.keep(raw)
            return Recorded(event=name, event_id=event.event_id)

    def _attempt(self, action: Callable[[], T]) -> T | None:
        """Do what recording needs. Whatever goes wrong is a warning: a run is worth more than its record."""
        try:
            return action()
        except Exception as error:
            if self._strict:
                raise
            hint = f" {error.hint}" if isinstance(error, MunimentError) else ""
            warnings.warn(f"Muniment could not record this: {error}{hint}", RecordingWarning, stacklevel=3)
        return None
