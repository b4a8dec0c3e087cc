"""A training run, recorded from start to finish without ever standing in its way.

    with ledger.training("credit-risk", inputs={"training": data}, parameters={"max_depth": 6}) as run:
        run.metric("auc", 0.913)
        run.output("confusion-matrix", "out/matrix.csv")
        version = run.register("credit-risk", "out/model")

What cannot be recorded now is signed and kept in the spool; what cannot be recorded at all is said as a warning. With
`strict=True` both raise. Metrics go to a run log whose digest is recorded: never one entry a step.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TypeVar

import msgspec

from muniment.capture import environment, git
from muniment.capture.hashing import Progress
from muniment.client.capturing import PathLike
from muniment.client.drafting import Plain, measured
from muniment.client.termination import Terminated, Watch
from muniment.client.things import Recorded, Version
from muniment.client.writing import Writer
from muniment.core.format import decimal, encoding
from muniment.core.format.encoding import Identifier
from muniment.core.rules.events.training import RunStatus
from muniment.errors import InvalidInput, MunimentError

# What the record of a run holds besides its log, so that it fits an entry.
MAX_SUMMARIES = 200

T = TypeVar("T")
Write = Callable[[str, Mapping[str, Plain]], Recorded]
Describe = Callable[[], dict[str, Plain]]
# `Ledger.register`, with the way in which the event is written as its first argument.
Register = Callable[..., Version]


class RecordingWarning(UserWarning):
    """Something could not be recorded, or not yet; the training itself went on."""


class Training:
    """One run. `id` is the eventId of its start; None before `with` is entered, and where it could not be recorded.

    `status` says how it ended, once it has. A process that is forked during the run may leave the block too: the run stays
    its parent's to end.
    """

    def __init__(self, writer: Writer, register: Register, describe: Describe, *, strict: bool) -> None:
        self._writer = writer
        self._register = register
        self._describe = describe
        self._strict = strict
        self._watch = Watch()
        self._process = 0
        self._began = 0.0
        self._base: list[Plain] = []
        self._log: list[bytes] = []
        self._last: dict[str, str] = {}
        self._outputs: dict[str, str] = {}
        self.status: RunStatus = "finished"
        self.id: str | None = None
        self.started: Recorded | None = None
        self.finished: Recorded | None = None

    def __enter__(self) -> Training:
        self._process = os.getpid()
        self._began = time.monotonic()
        self.started = self._attempt(self._record_start)
        self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if os.getpid() != self._process:
            return
        self._watch.stop()
        if error is not None:
            # What ended the run is not hidden behind what its record met.
            self._strict = False
            self.status = _status_of(error)
        if self.id is not None:
            self.finished = self._attempt(self._record_finish)
        if waiting := self._writer.spool.pending():
            said = "1 event waits" if len(waiting) == 1 else f"{len(waiting)} events wait"
            warnings.warn(f"{said} to be sent: see `muniment log --pending`", RecordingWarning, stacklevel=2)

    def fail(self, status: RunStatus = "failed") -> None:
        """Say that the run did not succeed although no exception will show it."""
        self.status = status

    def metric(self, name: str, value: float, *, step: int | None = None) -> None:
        """Note a value. Every value goes to the run log, the last of each name into the record."""
        self._attempt(lambda: self._note(name, value, step))

    def output(self, name: str, path: PathLike) -> str | None:
        """Name files that the run left behind; returns their manifest root. The same name again replaces what it named."""
        return self._attempt(lambda: self._capture(name, path))

    def register(self, model: str, path: PathLike, *, progress: Progress | None = None, **fields: Plain) -> Version | None:
        """Register what the run made as a version of `model`. `version.number` is None until the ledger sealed it.

        Further fields are those of `model.registered`.
        """
        return self._attempt(lambda: self._register_output(model, path, progress, fields))

    def _record_start(self) -> Recorded:
        described = self._describe()
        started = self._write("training.started", {**self._observe(), **described})
        # Only now: a run that the ledger refused is named by nothing later.
        self.id = started.event_id
        base = described.get("baseVersions")
        self._base = list(base) if isinstance(base, list) else []
        return started

    def _observe(self) -> dict[str, Plain]:
        """What the machine shows of itself; what cannot be seen is left out."""
        source = self._attempt(git.read)
        found = self._attempt(environment.read)
        return {
            "gitCommit": source.commit if source else None,
            "dirtyDigest": source.dirty if source else None,
            "environmentDigest": self._attempt(lambda: self._writer.blobs.store(environment.encode(found))) if found else None,
            "hardwareClass": found.hardware if found else None,
            "grade": "observed",
        }

    def _record_finish(self) -> Recorded:
        summaries = dict(sorted(self._last.items())[:MAX_SUMMARIES])
        return self._write(
            "training.finished",
            {
                "run": self.id,
                "status": self.status,
                "outputs": [{"name": name, "digest": digest} for name, digest in self._outputs.items()],
                "metrics": measured(summaries),
                "metricLogDigest": self._attempt(lambda: self._writer.blobs.store(b"".join(self._log))) if self._log else None,
                "durationSeconds": f"{time.monotonic() - self._began:.3f}",
                "grade": "observed",
            },
        )

    def _note(self, name: str, value: float, step: int | None) -> None:
        _check_name(name)
        text = decimal.format_float(float(value))
        line: dict[str, str | int] = {"metric": name, "value": text} | ({} if step is None else {"step": int(step)})
        self._log.append(encoding.encode(line) + b"\n")
        self._last[name] = text

    def _capture(self, name: str, path: PathLike) -> str:
        _check_name(name)
        captured = self._writer.capture(path)
        self._outputs[name] = captured.digest
        return captured.digest

    def _register_output(self, model: str, path: PathLike, progress: Progress | None, fields: dict[str, Plain]) -> Version:
        made: dict[str, Plain] = {"derivation": "finetuned" if self._base else "trained", "parents": self._base}
        version = self._register(self._write, model, path, run=self.id, progress=progress, **{**made, **fields})
        if version.digest not in self._outputs.values():
            # A run may register several versions of one model, such as its checkpoints.
            number = sum(name == model or name.startswith(f"{model}-") for name in self._outputs) + 1
            self._outputs[model if number == 1 else f"{model}-{number}"] = version.digest
        return version

    def _write(self, name: str, fields: Mapping[str, Plain]) -> Recorded:
        return self._writer.record(name, fields) if self._strict else self._writer.record_or_keep(name, fields)

    def _attempt(self, action: Callable[[], T]) -> T | None:
        """Do what recording needs. Whatever goes wrong is a warning: a run is worth more than its record."""
        try:
            return action()
        except Exception as error:
            if self._strict:
                raise
            # What a refusal says ends with its mend.
            hint = f". {error.hint}" if isinstance(error, MunimentError) and error.hint not in str(error) else ""
            warnings.warn(f"Muniment could not record this: {error}{hint}", RecordingWarning, stacklevel=3)
        return None


def _status_of(error: BaseException) -> RunStatus:
    if isinstance(error, KeyboardInterrupt | Terminated):
        return "killed"
    return "finished" if isinstance(error, SystemExit) and error.code in (None, 0) else "failed"


def _check_name(name: str) -> None:
    """The name of a metric or an output stands in the record in clear. Raises InvalidInput (`bad-name`)."""
    try:
        msgspec.convert(name, Identifier)
    except msgspec.ValidationError:
        raise InvalidInput(
            f"{name!r} cannot name a metric or an output",
            code="bad-name",
            hint="Use letters, digits, dots, dashes, underscores and slashes, such as val/auc.",
        ) from None
