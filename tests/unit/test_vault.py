"""vault: disclosures are durable before they are needed, and hash to what was sealed."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment import vault as module
from muniment.core.format.encoding import Value
from muniment.core.format.statement import Sealed, disclose, seal
from muniment.errors import CorruptStore, InvalidInput, Unavailable, VerificationError
from muniment.vault import Vault

ABSENT = Sealed(sealed="A" * 43)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


def test_what_is_sealed_is_disclosed(vault: Vault) -> None:
    values: list[Value] = ["reviewed twice", "", 'ö\n"\\', 7, True, [1, "x"], {"a": {"b": []}}]
    sealed = vault.seal_all(values)
    assert [vault.disclose(each) for each in sealed] == values
    assert [Vault(vault.path).disclose(each) for each in sealed] == values
    assert vault.disclose(ABSENT) is None
    assert vault.check() == ()


def test_the_same_value_is_never_sealed_alike(vault: Vault) -> None:
    first, second = vault.seal("yes"), vault.seal("yes")
    assert first != second
    assert vault.disclose(first) == vault.disclose(second) == "yes"


def test_a_vault_without_a_file_discloses_nothing(vault: Vault) -> None:
    assert vault.disclose(ABSENT) is None
    assert vault.check() == ()
    vault.store(())
    assert not vault.path.exists()


def test_the_file_is_plain_canonical_and_for_its_owner_alone(vault: Vault) -> None:
    sealed = vault.seal("reviewed")
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
    (line,) = vault.path.read_bytes().splitlines(keepends=True)
    read = json.loads(line)
    assert (read["digest"], read["value"], len(read["salt"])) == (sealed.sealed, "reviewed", 22)
    assert line == json.dumps(read, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_disclosures_of_others_are_kept(vault: Vault) -> None:
    salt = bytes(16)
    vault.store([(seal("theirs", salt), disclose("theirs", salt))])
    assert vault.disclose(seal("theirs", salt)) == "theirs"


def test_what_does_not_belong_together_is_not_kept(vault: Vault) -> None:
    with pytest.raises(VerificationError):
        vault.store([(seal("one", bytes(16)), disclose("another", bytes(16)))])
    for value in (1.5, None, {"bad key": 1}, "x" * (1 << 20)):
        with pytest.raises(InvalidInput):
            vault.seal(value)  # type: ignore[arg-type]
    assert not vault.path.exists()


def test_two_vaults_on_one_file_follow_each_other(vault: Vault) -> None:
    other = Vault(vault.path)
    for number in range(5):
        writer, reader = (vault, other) if number % 2 else (other, vault)
        assert reader.disclose(writer.seal(number)) == number


def test_only_what_was_appended_is_read(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    old = vault.seal("old" * 1_000)
    assert vault.disclose(old)
    size = vault.path.stat().st_size
    vault.seal("new")
    offsets: list[int] = []
    real = os.pread

    def watch(descriptor: int, length: int, offset: int) -> bytes:
        offsets.append(offset)
        return real(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", watch)
    assert vault.disclose(ABSENT) is None
    assert min(offsets) == size


def test_another_file_in_its_place_is_noticed(vault: Vault, tmp_path: Path) -> None:
    first = vault.seal("first")
    backup = vault.path.read_bytes()
    second = vault.seal("second")
    assert vault.disclose(second) == "second"
    restored = tmp_path / "restored"
    restored.write_bytes(backup)
    os.replace(restored, vault.path)
    assert vault.disclose(first) == "first"
    assert vault.disclose(second) is None
    os.truncate(vault.path, 0)
    assert vault.disclose(first) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b"reviewed", b"reviewee"),
        lambda line: line.replace(b'"salt":"', b'"salt":"A')[:-3] + b'"}\n',
        lambda line: line.replace(b'"value":"', b'"value": "'),
        lambda line: line.replace(b"reviewed", b"re\xffiewed"),
        lambda line: line.replace(b"}\n", b',"x":1}\n'),
    ],
    ids=["value", "salt", "form", "encoding", "member"],
)
def test_a_changed_line_is_never_shown(vault: Vault, change: Callable[[bytes], bytes]) -> None:
    kept = vault.seal("kept")
    sealed = vault.seal("reviewed")
    lines = vault.path.read_bytes().splitlines(keepends=True)
    vault.path.write_bytes(lines[0] + change(lines[1]))
    fresh = Vault(vault.path)
    assert fresh.disclose(kept) == "kept"
    assert fresh.check() == (2,)
    try:
        assert fresh.disclose(sealed) is None
    except CorruptStore as error:
        found = (error.code, error.details["row"])
    else:
        return
    assert found == ("vault-damaged", sealed.sealed)


def test_a_changed_value_is_corrupt(vault: Vault) -> None:
    sealed = vault.seal("reviewed")
    vault.path.write_bytes(vault.path.read_bytes().replace(b"reviewed", b"rejected"))
    for reader in (vault, Vault(vault.path)):
        with pytest.raises(CorruptStore) as caught:
            reader.disclose(sealed)
        assert caught.value.code == "vault-damaged"


def test_any_flipped_bit_is_never_shown_as_another_value(vault: Vault) -> None:
    sealed = vault.seal("abc")
    raw = vault.path.read_bytes()
    for bit in range(len(raw) * 8 - 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        vault.path.write_bytes(changed)
        fresh = Vault(vault.path)
        assert fresh.check() != ()
        try:
            assert fresh.disclose(sealed) is None
        except CorruptStore:
            continue


def test_a_torn_last_line_is_ignored_and_then_ended(vault: Vault) -> None:
    kept = vault.seal_all(["one", "two"])
    whole = vault.path.read_bytes()
    torn = vault.seal("lost")
    raw = vault.path.read_bytes()
    for end in range(len(whole), len(raw)):
        vault.path.write_bytes(raw[:end])
        reader = Vault(vault.path)
        assert [reader.disclose(each) for each in (*kept, torn)] == ["one", "two", None]
        assert reader.check() == ()
        after = Vault(vault.path).seal("after")
        for again in (reader, Vault(vault.path)):
            assert [again.disclose(each) for each in (*kept, torn, after)] == ["one", "two", None, "after"]
            assert again.check() == ()


def test_a_repair_that_is_torn_is_repaired(vault: Vault) -> None:
    kept = vault.seal("kept")
    before = vault.path.read_bytes()
    for rest in (b'{"digest":"', b'{"digest":"#', b'{"digest":"#torn', b"\0" * 9):
        vault.path.write_bytes(before + rest)
        reader = Vault(vault.path)
        after = reader.seal("after")
        assert [reader.disclose(kept), reader.disclose(after)] == ["kept", "after"]
        assert reader.check() == ()


def test_a_writer_that_fails_midway_loses_nothing(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = vault.seal("kept")
    real = os.write

    def half(descriptor: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", full)
        return real(descriptor, data[: len(data) // 2])

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(Unavailable) as caught:
        vault.seal("lost")
    assert caught.value.code == "vault-unwritable"
    monkeypatch.setattr(os, "write", real)
    after = vault.seal("after")
    assert [vault.disclose(kept), vault.disclose(after)] == ["kept", "after"]
    assert vault.check() == ()


def test_nothing_is_acknowledged_that_was_not_synced(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    real = os.fsync

    def watch(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    vault.seal_all(["one", "two", "three"])
    assert synced == [False, True]  # The file, then its name.
    vault.seal("four")
    assert synced == [False, True, False]

    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unavailable):
        vault.seal("five")


def test_a_file_that_others_can_read_takes_nothing_more(vault: Vault) -> None:
    sealed = vault.seal("one")
    vault.path.chmod(0o644)
    with pytest.raises(Unavailable) as caught:
        vault.seal("two")
    assert caught.value.code == "vault-permissions"
    assert vault.disclose(sealed) == "one"


def test_a_missing_folder_or_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        Vault(tmp_path / "none" / "vault").seal("x")
    assert caught.value.code == "vault-unwritable"
    with pytest.raises(Unavailable) as caught:
        Vault(tmp_path).disclose(ABSENT)
    assert caught.value.code == "vault-unreadable"


def test_a_lock_that_is_never_given_back_is_said(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.seal("one")
    monkeypatch.setattr(module, "_LOCK_TIMEOUT_S", 0.02)
    with vault.path.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(Unavailable) as caught:
            vault.seal("two")
    assert caught.value.code == "vault-busy"
    assert vault.disclose(vault.seal("two")) == "two"


def test_several_processes_and_threads_write_one_file(vault: Vault) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        work = pool.map_async(_seal_many, [(vault.path, start) for start in (0, 100)])
        kept: dict[str, object] = {}
        threads = [
            threading.Thread(target=lambda start=start: kept.update(_seal_many((vault.path, start)))) for start in (200, 300)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for part in work.get(timeout=180):
            kept.update(part)
    assert len(kept) == 100
    assert {digest: vault.disclose(Sealed(sealed=digest)) for digest in kept} == kept
    assert vault.check() == ()


def _seal_many(task: tuple[Path, int]) -> dict[str, object]:
    path, start = task
    vault = Vault(path)
    kept: dict[str, object] = {}
    for number in range(start, start + 25):
        value = f"{number} " * number
        sealed = vault.seal(value)
        kept[sealed.sealed] = value
        assert vault.disclose(sealed) == value
    return kept


def test_long_files_are_read_in_pieces(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK_BYTES", 256)
    sealed = vault.seal_all([f"value {number}" for number in range(50)])
    assert [vault.disclose(each) for each in sealed] == [f"value {number}" for number in range(50)]
    with vault.path.open("ab") as file:
        file.write(b"\0" * 600 + b"\n")
    last = Vault(vault.path).seal("last")
    assert [vault.disclose(sealed[0]), vault.disclose(last)] == ["value 0", "last"]
    assert vault.check() == (51,)
