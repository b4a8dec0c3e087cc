"""Signing keys: in memory, in a file that only its owner reads, in the operating system's keyring.

    signer = signers.create_file(folder / "log.key", "example.com/log")
    signer = signers.load_file(folder / "log.key")
    signer.sign(message)

All three fulfil core.format.keys.Signer. A seed is 32 random bytes; it is written once and never replaced, and no repr,
error or log line shows it. The text of a key, in a file and in a keyring alike:

    # A signing key of Muniment. Whoever reads it can sign in your name: never share it.
    purpose: example.com/log
    public: <64 hex>
    seed: <64 hex>
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from nacl.signing import SigningKey

from muniment import disk
from muniment.errors import Conflict, InvalidInput, MunimentError, NotFound, Unavailable

SEED_BYTES = 32
MAX_PURPOSE_CHARACTERS = 128
KEYRING_SERVICE = "muniment"

_MAX_FILE_BYTES = 4_096
_HEAD = "# A signing key of Muniment. Whoever reads it can sign in your name: never share it.\n"
_form = re.compile(re.escape(_HEAD) + r"purpose: ([^\n]+)\npublic: ([0-9a-f]{64})\nseed: ([0-9a-f]{64})\n")


class SeedSigner:
    """Signs with an Ed25519 key that is held in memory."""

    __slots__ = ("_key", "public_key")

    public_key: bytes

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise InvalidInput(f"a seed has {SEED_BYTES} bytes, not {len(seed)}", code="bad-seed")
        self._key = SigningKey(seed)
        self.public_key = bytes(self._key.verify_key)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature of `message` (RFC 8032, Ed25519)."""
        return self._key.sign(message).signature

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.public_key.hex()}>"


class FileSigner(SeedSigner):
    """Signs with the key of a file; the file is read once, when the signer is loaded."""

    __slots__ = ("path", "purpose")

    def __init__(self, path: Path, purpose: str, seed: bytes) -> None:
        super().__init__(seed)
        self.path = path
        self.purpose = purpose


class KeyringSigner(SeedSigner):
    """Signs with a key of the operating system's keyring; the keyring is asked once, when the signer is loaded."""

    __slots__ = ("account", "purpose")

    def __init__(self, account: str, purpose: str, seed: bytes) -> None:
        super().__init__(seed)
        self.account = account
        self.purpose = purpose


class Keyring(Protocol):
    """What is needed of the `keyring` package."""

    def get_password(self, service_name: str, username: str) -> str | None:
        """The secret that is kept under a name, if any."""

    def set_password(self, service_name: str, username: str, password: str) -> None:
        """Keep a secret under a name."""


def create_file(path: Path, purpose: str) -> FileSigner:
    """Make a new key and write it to `path`, durably, before the signer is returned. Raises as `_keep`."""
    return _keep(path, purpose, os.urandom(SEED_BYTES))


def copy_file(source: Path, path: Path) -> FileSigner:
    """Write the key of another file to `path` as well, durably. Raises as `load_file` and `_keep`."""
    return _keep(path, *_read(source))


def _keep(path: Path, purpose: str, seed: bytes) -> FileSigner:
    """Write a key file. Raises InvalidInput for a purpose that is not one printable line, and as `write_secret`."""
    write_secret(path, _format(purpose, seed).encode())
    return FileSigner(path, purpose, seed)


def write_secret(path: Path, raw: bytes) -> None:
    """Write a file that only its owner reads, durably; for keys that other programs read in forms of their own.

    Raises Conflict (`key-exists`) where something is already there, Unavailable (`key-permissions`) where other users could
    read or replace the file, (`key-unwritable`) otherwise.
    """
    try:
        disk.make_folder(path.parent)
        _check_folder(path.parent)
        _write_once(path, raw)
    except FileExistsError:
        raise _exists(str(path)) from None
    except OSError as error:
        raise Unavailable(
            f"the key file {path} cannot be written: {error.strerror}",
            code="key-unwritable",
            hint="Choose a folder of your own on a local disk.",
        ) from None


def load_file(path: Path) -> FileSigner:
    """Read the key at `path`. Raises as `_read`."""
    return FileSigner(path, *_read(path))


def _read(path: Path) -> tuple[str, bytes]:
    """The purpose and the seed in a key file. Raises as `read_secret`, InvalidInput (`bad-key-file`) for a changed text."""
    try:
        return _parse(read_secret(path).decode())
    except UnicodeDecodeError:
        raise _bad_key() from None


def read_secret(path: Path) -> bytes:
    """The bytes of a file that only its owner reads; of a longer one the first 4,097.

    Raises NotFound (`key-not-found`), Unavailable (`key-permissions`) where other users can read the file,
    (`key-unreadable`) where this one cannot.
    """
    try:
        # Without O_NONBLOCK a pipe of that name would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            _check_file(path, os.fstat(descriptor))
            return os.read(descriptor, _MAX_FILE_BYTES + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise _missing(str(path)) from None
    except OSError as error:
        raise Unavailable(
            f"the key file {path} cannot be read: {error.strerror}", code="key-unreadable", hint="Run as the owner of the key."
        ) from None


def create_keyring(account: str, purpose: str, keyring: Keyring | None = None) -> KeyringSigner:
    """Make a new key and keep it in the keyring under `account`.

    Raises Conflict (`key-exists`), Unavailable (`keyring-unavailable`) where there is no keyring, it is locked, or it
    does not give back what it took.
    """
    seed = os.urandom(SEED_BYTES)
    text = _format(purpose, seed)
    with _keyring_errors():
        kept = keyring or _system_keyring()
        if kept.get_password(KEYRING_SERVICE, account) is not None:
            raise _exists(account)
        kept.set_password(KEYRING_SERVICE, account, text)
        # Some backends take a secret and keep nothing.
        if kept.get_password(KEYRING_SERVICE, account) != text:
            raise _no_keyring("it does not give back what it was given")
    return KeyringSigner(account, purpose, seed)


def load_keyring(account: str, keyring: Keyring | None = None) -> KeyringSigner:
    """Read the key of `account`. Raises NotFound (`key-not-found`), InvalidInput, Unavailable (`keyring-unavailable`)."""
    with _keyring_errors():
        text = (keyring or _system_keyring()).get_password(KEYRING_SERVICE, account)
    if text is None:
        raise _missing(account)
    purpose, seed = _parse(text)
    return KeyringSigner(account, purpose, seed)


def _write_once(path: Path, raw: bytes) -> None:
    """Write a file that either is whole or is not there, and never replaces another. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        try:
            os.fchmod(descriptor, 0o600)
            _check_file(draft, os.fstat(descriptor))
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(raw)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        # A crash up to here leaves only a draft, whose public key nobody has seen. A link fails where the name is taken.
        os.link(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    # A crash before this could lose the name after the public key was given away.
    disk.sync(path.parent)


def _check_folder(folder: Path) -> None:
    """Nobody else may put another key in the place of this one."""
    status = folder.stat()
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
        raise Unavailable(
            f"other users can replace files in the folder of the key, {folder}",
            code="key-permissions",
            hint=f"Run `chmod 700 {folder}`, or choose a folder of your own.",
        )


def _check_file(path: Path, status: os.stat_result) -> None:
    """A regular file that nobody but its owner (and root) reads, owned by this user (or root)."""
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(f"{path} is not a file", code="bad-key-file", hint="Give the path of a key file.")
    user = os.geteuid()
    if status.st_mode & 0o077 or (user != 0 and status.st_uid not in (0, user)):
        raise Unavailable(
            f"other users can read the key file {path}",
            code="key-permissions",
            hint=f"Run `chmod 600 {path}`; if others may have read it, rotate the key.",
        )


def _format(purpose: str, seed: bytes) -> str:
    if not 0 < len(purpose) <= MAX_PURPOSE_CHARACTERS or not purpose.isprintable():
        raise InvalidInput(
            f"{purpose!r} does not say in one line what a key is for",
            code="bad-key-purpose",
            hint=f"Use 1 to {MAX_PURPOSE_CHARACTERS} printable characters.",
        )
    return f"{_HEAD}purpose: {purpose}\npublic: {SeedSigner(seed).public_key.hex()}\nseed: {seed.hex()}\n"


def _parse(text: str) -> tuple[str, bytes]:
    """The purpose and the seed of a key's text. Raises InvalidInput, whose message never quotes the text."""
    match = _form.fullmatch(text)
    if match is None:
        raise _bad_key()
    purpose, seed = match[1], bytes.fromhex(match[3])
    try:
        same = _format(purpose, seed) == text
    except InvalidInput:
        same = False
    if not same:
        raise _bad_key()
    return purpose, seed


def _system_keyring() -> Keyring:
    # Finding the backends of a system takes longer than most commands, so only those that need it pay.
    import keyring

    return keyring


@contextmanager
def _keyring_errors() -> Iterator[None]:
    try:
        yield
    except MunimentError:
        raise
    except Exception as error:  # Backends raise whatever their bus, daemon or library raises.
        raise _no_keyring(type(error).__name__) from None


def _no_keyring(reason: str) -> Unavailable:
    return Unavailable(
        f"the keyring of this system cannot be used ({reason})",
        code="keyring-unavailable",
        hint="Unlock it, or keep the key in a file.",
    )


def _exists(where: str) -> Conflict:
    return Conflict(
        f"there is a key at {where} already", code="key-exists", hint="Keys are never overwritten: choose another name."
    )


def _missing(where: str) -> NotFound:
    return NotFound(f"there is no key at {where}", code="key-not-found", hint="`muniment init` and `muniment keys` make keys.")


def _bad_key() -> InvalidInput:
    return InvalidInput("the text of the key is damaged", code="bad-key-file", hint="Restore it from a backup, or rotate the key.")
