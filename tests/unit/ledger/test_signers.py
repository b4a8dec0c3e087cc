"""ledger.signers: keys in memory, in files and in the keyring."""

from __future__ import annotations

import builtins
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from muniment.core.format import keys
from muniment.errors import Conflict, InvalidInput, NotFound, Unavailable
from muniment.ledger import signers

# RFC 8032, section 7.1, test 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


class MemoryKeyring:
    """A keyring that keeps what it is given."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], str] = {}

    def get_password(self, service_name: str, username: str) -> str | None:
        return self.secrets.get((service_name, username))

    def set_password(self, service_name: str, username: str, password: str) -> None:
        self.secrets[service_name, username] = password


class ForgetfulKeyring(MemoryKeyring):
    """Takes secrets and keeps none, as `keyring.backends.null` does."""

    def set_password(self, service_name: str, username: str, password: str) -> None:
        return


class LockedKeyring(MemoryKeyring):
    """Fails as a desktop's secret service does without a session."""

    def get_password(self, service_name: str, username: str) -> str | None:
        raise RuntimeError("no session; the secret was hunter2")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "log.key"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_seed_signs_as_rfc_8032_says() -> None:
    signer = signers.SeedSigner(SEED)
    assert signer.public_key == PUBLIC
    assert signer.sign(b"\x72") == SIGNATURE
    with pytest.raises(InvalidInput) as caught:
        signers.SeedSigner(SEED[:31])
    assert caught.value.code == "bad-seed"


def test_a_new_key_is_written_and_read_back(file: Path) -> None:
    made: keys.Signer = signers.create_file(file, "example.com/log")
    loaded = signers.load_file(file)
    assert loaded.public_key == made.public_key
    assert (loaded.path, loaded.purpose) == (file, "example.com/log")
    assert keys.is_valid(made.public_key, b"message", loaded.sign(b"message"))
    assert signers.create_file(file.with_name("other.key"), "other").public_key != made.public_key


def test_the_file_is_for_its_owner_alone(file: Path) -> None:
    before = os.umask(0)
    try:
        signers.create_file(file, "log")
    finally:
        os.umask(before)
    assert mode(file) == 0o600
    assert mode(file.parent) == 0o700
    assert os.listdir(file.parent) == ["log.key"]
    lines = file.read_text().splitlines()
    assert lines[0].startswith("#")
    assert [line.split(": ")[0] for line in lines[1:]] == ["purpose", "public", "seed"]


def test_a_seed_is_never_shown(file: Path) -> None:
    signer = signers.create_file(file, "log")
    seed = file.read_text().split("seed: ")[1].strip()
    for shown in (repr(signer), str(signer), f"{signer}"):
        assert seed not in shown
        assert signer.public_key.hex() in shown
    file.write_text(file.read_text().replace(seed, seed[:-1] + "!"))
    with pytest.raises(InvalidInput) as caught:
        signers.load_file(file)
    assert seed[:8] not in f"{caught.value} {caught.value.details}"


def test_a_key_is_never_overwritten(file: Path) -> None:
    signers.create_file(file, "log")
    before = file.read_bytes()
    with pytest.raises(Conflict) as caught:
        signers.create_file(file, "log")
    assert caught.value.code == "key-exists"
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == ["log.key"]


def test_a_link_to_nowhere_is_not_followed(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir(mode=0o700)
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict):
        signers.create_file(file, "log")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("permissions", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_file_that_others_can_read_is_refused(file: Path, permissions: int) -> None:
    signers.create_file(file, "log")
    file.chmod(permissions)
    with pytest.raises(Unavailable) as caught:
        signers.load_file(file)
    assert caught.value.code == "key-permissions"
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("permissions", [0o770, 0o707, 0o777])
def test_a_folder_where_others_could_replace_the_file_is_refused(file: Path, permissions: int) -> None:
    file.parent.mkdir()
    file.parent.chmod(permissions)
    with pytest.raises(Unavailable) as caught:
        signers.create_file(file, "log")
    assert caught.value.code == "key-permissions"
    assert os.listdir(file.parent) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_file_of_another_user_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signers.create_file(file, "log")
    os.chown(file, 12345, -1)
    signers.load_file(file)  # Root reads everything anyway.
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(Unavailable) as caught:
        signers.load_file(file)
    assert caught.value.code == "key-permissions"


def test_what_is_not_there_is_not_found(file: Path) -> None:
    with pytest.raises(NotFound) as caught:
        signers.load_file(file)
    assert caught.value.code == "key-not-found"


def test_a_folder_or_a_pipe_is_no_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(InvalidInput) as caught:
            signers.load_file(path)
        assert caught.value.code == "bad-key-file"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("purpose: log", "purpose: "),
        ("purpose: log", "purpose: l\to"),
        ("purpose: log", "purpose: " + "l" * 129),
        ("public: ", "public: 00"),
        ("public: ", "public:"),
        ("# A", "# B"),
        ("seed: ", "seed:  "),
        ("seed: ", "seed: \xff"),
    ],
)
def test_a_file_that_was_changed_is_refused(file: Path, old: str, new: str) -> None:
    signers.create_file(file, "log")
    file.write_text(file.read_text().replace(old, new), encoding="latin-1")
    with pytest.raises(InvalidInput) as caught:
        signers.load_file(file)
    assert caught.value.code == "bad-key-file"


def test_a_public_key_that_does_not_belong_to_the_seed_is_refused(file: Path) -> None:
    public = signers.create_file(file, "log").public_key.hex()
    file.write_text(file.read_text().replace(public, PUBLIC.hex()))
    with pytest.raises(InvalidInput):
        signers.load_file(file)
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(InvalidInput):
        signers.load_file(file)


@pytest.mark.parametrize("purpose", ["", "two\nlines", "tab\t", "x" * 129, "\ud800"])
def test_a_purpose_is_one_printable_line(file: Path, purpose: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        signers.create_file(file, purpose)
    assert caught.value.code == "bad-key-purpose"
    assert not file.exists()


def test_purposes_may_be_names_of_any_language(file: Path) -> None:
    signers.create_file(file, "Schlüssel von Zoë: Freigaben")
    assert signers.load_file(file).purpose == "Schlüssel von Zoë: Freigaben"


@pytest.mark.parametrize("call", ["link", "fsync", "fchmod"])
def test_a_failed_write_leaves_nothing(file: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    file.parent.mkdir(mode=0o700)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(Unavailable) as caught:
        signers.create_file(file, "log")
    assert caught.value.code == "key-unwritable"
    assert os.listdir(file.parent) == []


def test_the_keyring_keeps_a_key() -> None:
    keyring = MemoryKeyring()
    made: keys.Signer = signers.create_keyring("alice", "approvals", keyring)
    loaded = signers.load_keyring("alice", keyring)
    assert (loaded.public_key, loaded.account, loaded.purpose) == (made.public_key, "alice", "approvals")
    assert keys.is_valid(made.public_key, b"message", loaded.sign(b"message"))
    with pytest.raises(Conflict):
        signers.create_keyring("alice", "approvals", keyring)
    with pytest.raises(NotFound):
        signers.load_keyring("bob", keyring)


@pytest.mark.parametrize("keyring", [ForgetfulKeyring(), LockedKeyring()])
def test_a_keyring_that_cannot_be_used_is_said(keyring: MemoryKeyring) -> None:
    with pytest.raises(Unavailable) as caught:
        signers.create_keyring("alice", "approvals", keyring)
    assert caught.value.code == "keyring-unavailable"
    assert caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_a_damaged_secret_is_refused() -> None:
    keyring = MemoryKeyring()
    keyring.set_password("muniment", "alice", "not a key")
    with pytest.raises(InvalidInput) as caught:
        signers.load_keyring("alice", keyring)
    assert caught.value.code == "bad-key-file"


def test_a_system_without_the_package_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_keyring(
        name: str,
        globals_: Mapping[str, object] | None = None,
        locals_: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> object:
        if name == "keyring":
            raise ImportError(name)
        return real(name, globals_, locals_, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", without_keyring)
    with pytest.raises(Unavailable) as caught:
        signers.load_keyring("alice")
    assert caught.value.code == "keyring-unavailable"


def test_a_system_without_a_keyring_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring.core
    from keyring.backends.fail import Keyring as NoKeyring

    monkeypatch.setattr(keyring.core, "_keyring_backend", NoKeyring())  # type: ignore[no-untyped-call]
    with pytest.raises(Unavailable) as caught:
        signers.create_keyring("alice", "approvals")
    assert caught.value.code == "keyring-unavailable"
