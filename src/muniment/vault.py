"""The vault: disclosures of sealed fields, kept beside the store and never in the ledger (docs/spec, section 2.3).

    sealed = vault.seal("approved after the second review")     # durable when it returns; then append the event
    vault.disclose(sealed)                                      # the value, or None where this vault does not hold it

One append-only file (0600) of canonical JSON lines `{"digest", "salt", "value"}`. What a crash leaves:

- before the write: nothing.
- within it: some whole lines, which nobody refers to, and perhaps a torn last one. Readers stop before a line that has no
  newline; the next writer ends it with the mark `#torn`, which no whole line ends with.
- after the fsync, before the entry: disclosures without an entry, which are harmless. The opposite never happens.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from muniment import disk
from muniment.core.format import encoding
from muniment.core.format.encoding import Value
from muniment.core.format.statement import SALT_BYTES, Disclosure, Sealed, check_disclosure, disclose, seal
from muniment.errors import CorruptStore, InvalidInput, MunimentError, Unavailable

MAX_LINE_BYTES = 1 << 20

_LOCK_TIMEOUT_S = 30.0
_LOCK_POLL_S = 0.002
_CHUNK_BYTES = 4 * MAX_LINE_BYTES
_TORN = b"#torn\n"
# Enough to find a line again; what it says is decoded and hashed each time that it is asked for.
_line = re.compile(rb'^\{"digest":"([A-Za-z0-9_-]{43})","salt":"[A-Za-z0-9_-]{22}","value":.+\}$', re.MULTILINE)


class _View(msgspec.Struct):
    """What was read of one file so far: up to `end`, the offset and length in bytes of the line of each digest."""

    file: tuple[int, int]
    end: int = 0
    lines: dict[str, tuple[int, int]] = {}


class Vault:
    """The disclosures of one ledger. Opens its file for each call, so it may be used by threads and after a fork.

    Two threads that read on at once read the same lines twice and come to the same view.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._view = _View((0, 0))
        self._folder_synced = False

    def seal(self, value: Value) -> Sealed:
        """Draw a salt, keep the disclosure durably, and return what the event carries in place of the value."""
        return self.seal_all((value,))[0]

    def seal_all(self, values: Iterable[Value]) -> tuple[Sealed, ...]:
        """Seal several values at the price of one durable write. Raises as `store`."""
        disclosures = tuple(_draw(value) for value in values)
        self.store(disclosures)
        return tuple(sealed for sealed, _ in disclosures)

    def store(self, disclosures: Iterable[tuple[Sealed, Disclosure]]) -> None:
        """Keep disclosures durably: when this returns, the events that carry them may be appended.

        Raises VerificationError (step 12) for a disclosure that does not belong to its digest, InvalidInput for one that
        is malformed or over 1 MiB, Unavailable where the file cannot be written (`vault-unwritable`), is readable by
        others (`vault-permissions`) or stays locked (`vault-busy`).
        """
        raw = b"".join([_encode(sealed, disclosure) for sealed, disclosure in disclosures])
        if not raw:
            return
        try:
            with _locked(self.path) as descriptor:
                _append(descriptor, self.path, raw)
            # Whoever created the file may have died before its name was durable.
            if not self._folder_synced:
                disk.sync(self.path.parent)
                self._folder_synced = True
        except OSError as error:
            raise Unavailable(
                f"the vault {self.path} cannot be written: {error.strerror}",
                code="vault-unwritable",
                hint="Nothing was recorded. Make room or correct the permissions, then try again.",
            ) from None

    def disclose(self, sealed: Sealed) -> Value | None:
        """The value behind a sealed field, or None where this vault does not hold it. Raises as `find`."""
        found = self._read(sealed)
        return None if found is None else found[1]

    def find(self, sealed: Sealed) -> Disclosure | None:
        """The disclosure of a sealed field, to be shown to others, or None where this vault does not hold it.

        Raises CorruptStore (`vault-damaged`) where what is kept does not hash to what was sealed, Unavailable
        (`vault-unreadable`) where the file cannot be read.
        """
        found = self._read(sealed)
        return None if found is None else Disclosure(*found)

    def _read(self, sealed: Sealed) -> tuple[str, Value] | None:
        """Salt and value behind a sealed field."""
        with _reading(self.path) as descriptor:
            if descriptor is None:
                return None
            place = self._find(descriptor, sealed.sealed)
            if place is None:
                return None
            offset, length = place
            raw = os.pread(descriptor, length, offset)
        try:
            return _decode(raw, sealed.sealed)
        except MunimentError as error:
            raise CorruptStore(
                f"the disclosure of {sealed.sealed} was changed: {error}",
                code="vault-damaged",
                hint="The ledger and its proofs still hold; restore the vault from a backup to read this field.",
                details={"table": "vault", "row": sealed.sealed, "offset": offset},
            ) from None

    def check(self) -> tuple[int, ...]:
        """Read the whole file and hash everything again: the numbers, from 1, of the lines that are damaged.

        What a crash tore was never acknowledged and is not damage.
        """
        damaged = []
        with _reading(self.path) as descriptor:
            if descriptor is None:
                return ()
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                for number, line in enumerate(file, start=1):
                    if line.endswith(b"\n") and not line.endswith(_TORN) and not _is_intact(line[:-1]):
                        damaged.append(number)
        return tuple(damaged)

    def _find(self, descriptor: int, digest: str) -> tuple[int, int] | None:
        """The offset and length of a line, after reading what was appended since the last time."""
        status = os.fstat(descriptor)
        view = self._view
        if view.file != (status.st_dev, status.st_ino) or status.st_size < view.end:
            # Another file lies there now, such as a restored backup.
            view = self._view = _View((status.st_dev, status.st_ino))
        if digest not in view.lines:
            _read_on(descriptor, view)
        return view.lines.get(digest)


def _read_on(descriptor: int, view: _View) -> None:
    end = view.end
    while chunk := os.pread(descriptor, _CHUNK_BYTES, end):
        whole = chunk.rfind(b"\n") + 1
        if whole == 0:
            if len(chunk) < _CHUNK_BYTES:
                break  # A line that is being written, or that a crash tore.
            whole = len(chunk)
        for match in _line.finditer(chunk, 0, whole):
            view.lines.setdefault(match[1].decode(), (end + match.start(), match.end() - match.start()))
        end += whole
    view.end = end


def _draw(value: Value) -> tuple[Sealed, Disclosure]:
    salt = os.urandom(SALT_BYTES)
    return seal(value, salt), disclose(value, salt)


def _encode(sealed: Sealed, disclosure: Disclosure) -> bytes:
    check_disclosure(sealed, disclosure)
    raw = encoding.encode({"digest": sealed.sealed, "salt": disclosure.salt, "value": disclosure.value}) + b"\n"
    if len(raw) > MAX_LINE_BYTES:
        raise InvalidInput(f"a disclosure of {len(raw)} bytes where at most {MAX_LINE_BYTES} are allowed", code="too-long")
    return raw


def _decode(raw: bytes, digest: str) -> tuple[str, Value]:
    """Salt and value of a line, once they hash to the digest. Raises MunimentError."""
    line = encoding.decode(raw, limit=MAX_LINE_BYTES)
    if not isinstance(line, dict) or line.keys() != {"digest", "salt", "value"} or line["digest"] != digest:
        raise InvalidInput("a line does not have the form of a disclosure", code="bad-disclosure")
    salt, value = line["salt"], line["value"]
    if not isinstance(salt, str):
        raise InvalidInput("the salt is not text", code="bad-disclosure")
    check_disclosure(Sealed(sealed=digest), Disclosure(salt=salt, value=value))
    return salt, value


def _is_intact(raw: bytes) -> bool:
    match = _line.fullmatch(raw)
    if match is None:
        return False
    try:
        _decode(raw, match[1].decode())
    except MunimentError:
        return False
    return True


def _append(descriptor: int, path: Path, raw: bytes) -> None:
    """Write whole lines at the end of the locked file, durably."""
    status = os.fstat(descriptor)
    if status.st_mode & 0o077:
        raise Unavailable(
            f"other users can read the vault {path}",
            code="vault-permissions",
            hint=f"Run `chmod 600 {path}`; it holds sealed text.",
        )
    if status.st_size and os.pread(descriptor, 1, status.st_size - 1) != b"\n":
        raw = _TORN + raw
    while raw:
        raw = raw[os.write(descriptor, raw) :]
    os.fsync(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file, open for appending and locked against other writers. Raises OSError, Unavailable (`vault-busy`)."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, path)
        try:
            yield descriptor
        finally:
            # Explicitly: a child that was forked meanwhile holds the same lock until someone gives it back.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Unavailable(
                    f"another process keeps the vault {path} locked", code="vault-busy", retry_after=_LOCK_TIMEOUT_S
                ) from None
            time.sleep(_LOCK_POLL_S)


@contextmanager
def _reading(path: Path) -> Iterator[int | None]:
    """The file, open for reading, or None where there is none yet. Raises Unavailable (`vault-unreadable`)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        yield descriptor
    except OSError as error:
        raise _unreadable(path, error) from None
    finally:
        os.close(descriptor)


def _unreadable(path: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"the vault {path} cannot be read: {error.strerror}", code="vault-unreadable", hint="Run as the owner of the ledger."
    )
