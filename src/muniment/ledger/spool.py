"""The spool: signed events that a client owes the ledger, kept until the ledger has them.

    spool = Spool(folder)
    spool.store(envelope)                   # durable when it returns; nothing else is asked of the ledger
    spool.drain(engine)                     # admitted ones are deleted, refused ones move to rejected/ with every reason

One file for each envelope, named so that the order of names is the order of storing. What a crash leaves:

- while storing: a file `.….unfinished`, which nobody was told is stored; `drain` sweeps it away after a day.
- after the ledger acknowledged, before the file is deleted: it is submitted again, and the ledger answers with the first
  index, because event ids are unique.
- between writing the reasons and moving the envelope: it is submitted again, refused again, and its reasons are written anew.
"""

from __future__ import annotations

import fcntl
import os
import re
import time as clocks
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import msgspec

from muniment import disk
from muniment.core.format import dsse, time
from muniment.core.format.encoding import MAX_ENTRY_BYTES
from muniment.core.rules.policy import Reason, Verdict
from muniment.errors import InvalidInput, Unavailable

REJECTED = "rejected"
BATCH_EVENTS = 100
LOCK_TIMEOUT_S = 30.0

_LOCK = "lock"
_LOCK_POLL_S = 0.02
_STALE_S = 24 * 3_600
_envelope_name = re.compile(r"[0-9]{20}-[0-9a-f]{8}\.json\Z")


class Refusal(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Why the ledger did not take an envelope, and when this machine learned so. `code` is for form, `reasons` for rules."""

    event_id: str = ""
    code: str
    message: str
    reasons: tuple[Reason, ...] = ()
    refused_at: str


class Rejected(msgspec.Struct, frozen=True):
    """An envelope that the ledger refused. It stays until a person removes it."""

    path: Path
    refusal: Refusal | None


class Drained(msgspec.Struct, frozen=True):
    """What became of the spool: verdicts of what the ledger has now, what it refused, and how much waits for what obstacle."""

    admitted: tuple[Verdict, ...]
    refused: tuple[Rejected, ...]
    waiting: int
    obstacle: Unavailable | None


class Taker(Protocol):
    """What takes signed events; any engine does."""

    def append(self, entries: Sequence[bytes]) -> list[Verdict]:
        """As `ledger.engine.Engine.append`."""


class Spool:
    """The spool in one folder. Safe for several threads and processes, and after a fork."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._newest = 0
        self._folder_synced = False

    def store(self, envelope: bytes) -> Path:
        """Keep a signed envelope durably. Raises InvalidInput for other bytes, Unavailable (`spool-unwritable`)."""
        dsse.decode(envelope)
        try:
            disk.make_folder(self.folder)
            name = self._next_name()
            disk.replace(self.folder / name, envelope, mode=disk.PRIVATE)
            # Whoever made the folder may have died before its name was durable.
            if not self._folder_synced:
                disk.sync(self.folder.parent)
                self._folder_synced = True
        except OSError as error:
            raise self._unusable(error) from None
        return self.folder / name

    def pending(self) -> list[Path]:
        """The files of what is owed, in the order in which they were stored."""
        return _list(self.folder)

    def rejected(self) -> list[Rejected]:
        """What the ledger refused, in the order in which it was stored."""
        return [Rejected(path, _load_refusal(path)) for path in _list(self.folder / REJECTED)]

    def drain(self, engine: Taker, *, timeout_s: float = LOCK_TIMEOUT_S) -> Drained:
        """Submit what is owed, in order. Where the ledger cannot take it now, everything stays, and the answer says why.

        Raises Unavailable (`spool-busy`) where another process drains for longer than `timeout_s`, `spool-unwritable`, and
        what the engine raises besides InvalidInput and Unavailable; nothing is lost then.
        """
        if not self.pending():
            return Drained((), (), 0, None)
        admitted: list[Verdict] = []
        refused: list[Rejected] = []
        obstacle: Unavailable | None = None
        try:
            with self._locked(timeout_s):
                self._sweep()
                paths = self.pending()
                for start in range(0, len(paths), BATCH_EVENTS):
                    try:
                        self._submit(engine, paths[start : start + BATCH_EVENTS], admitted, refused)
                    except Unavailable as error:
                        obstacle = error
                        break
        except OSError as error:
            raise self._unusable(error) from None
        return Drained(tuple(admitted), tuple(refused), len(self.pending()), obstacle)

    def _submit(self, engine: Taker, paths: Sequence[Path], admitted: list[Verdict], refused: list[Rejected]) -> None:
        """Submit a batch as one; where its form is refused as a whole, one by one, so that only the culprit is rejected."""
        envelopes = [_load(path) for path in paths]
        try:
            verdicts = engine.append(envelopes)
        except InvalidInput as error:
            if len(paths) > 1:
                for path in paths:
                    self._submit(engine, [path], admitted, refused)
            else:
                refusal = Refusal(code=error.code, message=str(error), refused_at=_now())
                refused.append(self._reject(paths[0], refusal))
            return
        for path, verdict in zip(paths, verdicts, strict=True):
            if verdict.decision == "refused":
                refused.append(self._reject(path, _refusal(verdict)))
            else:
                # No fsync: what a crash brings back is submitted again, and is then a repetition.
                path.unlink(missing_ok=True)
                admitted.append(verdict)

    def _reject(self, path: Path, refusal: Refusal) -> Rejected:
        folder = self.folder / REJECTED
        folder.mkdir(mode=0o700, exist_ok=True)
        raw = msgspec.json.format(msgspec.json.encode(refusal), indent=2) + b"\n"
        disk.replace(folder / _reasons_name(path), raw, mode=disk.PRIVATE)
        moved = folder / path.name
        os.rename(path, moved)
        disk.sync(folder)
        disk.sync(self.folder)
        return Rejected(moved, refusal)

    def _next_name(self) -> str:
        """Sorts after all that this process stored, and after all that it found, even where the clock went back."""
        if self._newest == 0:
            found = self.pending()
            self._newest = int(found[-1].name[:20]) if found else 0
        self._newest = max(clocks.time_ns(), self._newest + 1)
        return f"{self._newest:020d}-{os.urandom(4).hex()}.json"

    @contextmanager
    def _locked(self, timeout_s: float) -> Iterator[None]:
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            deadline = clocks.monotonic() + timeout_s
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if clocks.monotonic() >= deadline:
                        raise Unavailable(
                            f"another process is sending what lies in {self.folder}", code="spool-busy", retry_after=timeout_s
                        ) from None
                    clocks.sleep(_LOCK_POLL_S)
            try:
                yield
            finally:
                # Explicitly: a child that was forked meanwhile holds the same lock until someone gives it back.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        for folder in (self.folder, self.folder / REJECTED):
            for path in folder.glob(f".*{disk.UNFINISHED}"):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < clocks.time() - _STALE_S:
                        path.unlink()

    def _unusable(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"the spool {self.folder} cannot be used: {error.strerror}",
            code="spool-unwritable",
            hint="Make room or correct the permissions; what is stored already is safe.",
        )


def _refusal(verdict: Verdict) -> Refusal:
    return Refusal(
        event_id=verdict.event_id,
        code=f"refused-{verdict.reasons[0].rule}" if verdict.reasons else "refused",
        message=" ".join(reason.sentence() for reason in verdict.reasons),
        reasons=verdict.reasons,
        refused_at=_now(),
    )


def _load(path: Path) -> bytes:
    """The bytes of a stored envelope; of a file that cannot be one, enough for the ledger to refuse it."""
    with path.open("rb") as file:
        return file.read(MAX_ENTRY_BYTES + 1)


def _load_refusal(path: Path) -> Refusal | None:
    """Why an envelope was refused; None where someone removed or changed the reasons."""
    try:
        return msgspec.json.decode(path.with_name(_reasons_name(path)).read_bytes(), type=Refusal)
    except (OSError, msgspec.DecodeError, UnicodeError):
        return None


def _reasons_name(path: Path) -> str:
    return f"{path.stem}.reasons.json"


def _list(folder: Path) -> list[Path]:
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise Unavailable(f"{folder} cannot be read: {error.strerror}", code="spool-unwritable") from None
    return [folder / name for name in sorted(names) if _envelope_name.match(name)]


def _now() -> str:
    return time.format(clocks.time_ns() // 1_000)
