"""ledger.spool: what is stored is there until the ledger has it, and what it refuses is never lost."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from muniment import disk
from muniment.core.format import dsse
from muniment.core.rules.policy import Reason, Verdict
from muniment.errors import CorruptStore, InvalidInput, Unavailable
from muniment.ledger import spool as module
from muniment.ledger.signers import SeedSigner
from muniment.ledger.spool import Spool

SIGNER = SeedSigner(bytes([7]) * 32)
REASON = Reason(rule="role", required="`model.registered` is for nobody.", found="alice holds no role.")


def envelope(number: int) -> bytes:
    return dsse.encode(dsse.sign(b"event %d" % number, SIGNER))


class Ledger:
    """An engine that admits an event once and answers a repetition with the first index."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.calls: list[int] = []
        self.refused: set[bytes] = set()
        self.bad: set[bytes] = set()
        self.before: Callable[[], None] = lambda: None
        self.origin, self.ledger = "example.org/models", "0" * 64

    def append(self, entries: Sequence[bytes]) -> list[Verdict]:
        self.before()
        self.calls.append(len(entries))
        for raw in entries:
            if raw in self.bad:
                raise InvalidInput("the signature does not fit", code="bad-signature")
        return [self._judge(raw) for raw in entries]

    def _judge(self, raw: bytes) -> Verdict:
        if raw in self.refused:
            return Verdict(decision="refused", event_id="e", reasons=(REASON,))
        if raw in self.entries:
            return Verdict(decision="repeated", event_id="e", index=self.entries.index(raw))
        self.entries.append(raw)
        return Verdict(decision="admitted", event_id="e", index=len(self.entries) - 1)

    def judge(self, entries: Sequence[bytes]) -> list[Verdict]:
        raise NotImplementedError

    def view(self):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "client" / "spool")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_what_is_stored_is_sent_in_order_and_deleted(spool: Spool, ledger: Ledger) -> None:
    owed = [envelope(number) for number in range(250)]
    paths = [spool.store(raw) for raw in owed]
    assert spool.pending() == Spool(spool.folder).pending() == paths
    assert [path.read_bytes() for path in paths] == owed
    drained = spool.drain(ledger)
    assert ledger.entries == owed
    assert ledger.calls == [100, 100, 50]
    assert [verdict.index for verdict in drained.admitted] == list(range(250))
    assert (drained.refused, drained.waiting, drained.obstacle) == ((), 0, None)
    assert spool.pending() == spool.rejected() == []


def test_files_are_for_their_owner_alone(spool: Spool, ledger: Ledger) -> None:
    ledger.refused.add(envelope(1))
    path = spool.store(envelope(1))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    spool.drain(ledger)
    for each in (spool.folder / "rejected").iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


def test_a_spool_without_a_folder_owes_nothing(spool: Spool, ledger: Ledger) -> None:
    assert spool.pending() == spool.rejected() == []
    assert spool.drain(ledger).waiting == 0
    assert not spool.folder.exists()


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff" * 70_000, envelope(1) + b"\n"])
def test_only_envelopes_are_stored(spool: Spool, raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        spool.store(raw)
    assert spool.pending() == []


def test_the_order_survives_a_clock_that_goes_back(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 2_000_000_000_000_000_000
    monkeypatch.setattr(module.clocks, "time_ns", lambda: now)
    paths = [spool.store(envelope(number)) for number in range(3)]
    now -= 3_600 * 10**9
    paths.append(spool.store(envelope(3)))
    paths.append(Spool(spool.folder).store(envelope(4)))
    assert spool.pending() == paths


def test_what_is_refused_is_kept_with_every_reason(spool: Spool, ledger: Ledger) -> None:
    owed = [envelope(number) for number in range(3)]
    paths = [spool.store(raw) for raw in owed]
    ledger.refused.add(owed[1])
    drained = spool.drain(ledger)
    assert ledger.entries == [owed[0], owed[2]]
    (rejected,) = drained.refused
    assert (len(drained.admitted), drained.waiting) == (2, 0)
    assert spool.rejected() == [rejected]
    assert rejected.path == spool.folder / "rejected" / paths[1].name
    assert rejected.path.read_bytes() == owed[1]
    assert rejected.refusal is not None
    assert (rejected.refusal.code, rejected.refusal.event_id, rejected.refusal.reasons) == ("refused-role", "e", (REASON,))
    beside = rejected.path.with_name(f"{rejected.path.stem}.reasons.json")
    said = msgspec.json.decode(beside.read_bytes())
    assert said["reasons"] == [{"rule": "role", "required": REASON.required, "found": REASON.found}]
    assert "alice holds no role" in said["message"]
    # Never deleted, never sent again.
    assert spool.drain(ledger).refused == ()
    assert spool.rejected() == [rejected]
    beside.unlink()
    assert [each.refusal for each in spool.rejected()] == [None]


def test_one_bad_envelope_does_not_keep_the_others(spool: Spool, ledger: Ledger) -> None:
    owed = [envelope(number) for number in range(5)]
    for raw in owed:
        spool.store(raw)
    ledger.bad.add(owed[2])
    drained = spool.drain(ledger)
    assert ledger.entries == [*owed[:2], *owed[3:]]
    (rejected,) = drained.refused
    assert rejected.path.read_bytes() == owed[2]
    assert rejected.refusal is not None
    assert (rejected.refusal.code, rejected.refusal.message) == ("bad-signature", "the signature does not fit")


def test_a_file_that_was_torn_is_rejected_and_not_lost(spool: Spool) -> None:
    from muniment.core.rules import chain

    class Strict(Ledger):
        def append(self, entries: Sequence[bytes]) -> list[Verdict]:
            for raw in entries:
                chain.open_submission(raw)
            return super().append(entries)

    path = spool.store(envelope(1))
    for torn in (b"", envelope(1)[:100], b"x" * 70_000):
        path.write_bytes(torn)
        (rejected,) = spool.drain(Strict()).refused
        assert rejected.path.read_bytes() == torn
        os.rename(rejected.path, path)


def test_an_unavailable_ledger_keeps_everything(spool: Spool, ledger: Ledger) -> None:
    for number in range(150):
        spool.store(envelope(number))

    def refuse_later() -> None:
        if ledger.calls:
            raise Unavailable("the node is away", code="no-connection", retry_after=5.0)

    ledger.before = refuse_later
    drained = spool.drain(ledger)
    assert (len(drained.admitted), drained.waiting) == (100, 50)
    assert drained.obstacle is not None
    assert (drained.obstacle.code, drained.obstacle.retry_after) == ("no-connection", 5.0)
    assert len(spool.pending()) == 50
    ledger.before = lambda: None
    assert len(spool.drain(ledger).admitted) == 50
    assert ledger.entries == [envelope(number) for number in range(150)]


def test_other_failures_are_raised_and_lose_nothing(spool: Spool, ledger: Ledger) -> None:
    spool.store(envelope(1))

    def fail() -> None:
        raise CorruptStore("a row is wrong")

    ledger.before = fail
    with pytest.raises(CorruptStore):
        spool.drain(ledger)
    assert len(spool.pending()) == 1
    ledger.before = lambda: None
    assert len(spool.drain(ledger).admitted) == 1


class TestCrashes:
    """What a crash at each step leaves, and what the next start makes of it."""

    def test_after_the_acknowledgement(self, spool: Spool, ledger: Ledger) -> None:
        path = spool.store(envelope(1))
        ledger.append([envelope(1)])
        (verdict,) = spool.drain(ledger).admitted
        assert (verdict.decision, verdict.index, path.exists()) == ("repeated", 0, False)
        assert len(ledger.entries) == 1

    def test_between_the_reasons_and_the_move(self, spool: Spool, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        spool.store(envelope(1))
        ledger.refused.add(envelope(1))
        rename = os.rename

        def crash(source: Path, target: Path) -> None:
            if not str(source).startswith(str(spool.folder / "rejected")):
                raise KeyboardInterrupt
            rename(source, target)

        monkeypatch.setattr(module.os, "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            spool.drain(ledger)
        monkeypatch.undo()
        assert (len(spool.pending()), spool.rejected()) == (1, [])
        assert len(spool.drain(ledger).refused) == 1
        assert (spool.pending(), len(spool.rejected())) == ([], 1)

    @pytest.mark.parametrize("step", ["fsync", "replace"])
    def test_while_storing(self, spool: Spool, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
        spool.store(envelope(0))

        def fail(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(module.os, step, fail)
        with pytest.raises(Unavailable):
            spool.store(envelope(1))
        monkeypatch.undo()
        assert len(spool.pending()) == 1
        assert list(spool.folder.glob(".*")) == []

    def test_what_a_crash_left_is_swept_away_once_it_is_surely_nobodys(self, spool: Spool, ledger: Ledger) -> None:
        path = spool.store(envelope(0))
        left = disk.name_beside(path)
        left.write_bytes(envelope(1)[:100])
        assert len(spool.pending()) == 1
        spool.drain(ledger)
        assert left.exists()
        os.utime(left, (0, 0))
        spool.store(envelope(2))
        spool.drain(ledger)
        assert not left.exists()
        assert ledger.entries == [envelope(0), envelope(2)]


def test_a_full_or_forbidden_disk_is_said(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "client").write_text("a file where a folder should be")
    with pytest.raises(Unavailable) as caught:
        spool.store(envelope(1))
    assert caught.value.code == "spool-unwritable"


def test_a_spool_that_is_being_drained_is_waited_for(spool: Spool, ledger: Ledger) -> None:
    spool.store(envelope(1))
    with open(spool.folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unavailable) as caught:
            spool.drain(ledger, timeout_s=0.05)
        assert caught.value.code == "spool-busy"
        assert spool.store(envelope(2)).exists()
    assert len(spool.drain(ledger).admitted) == 2


class _Shared(Ledger):
    """An engine whose entries are files, so that several processes can write to it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def _judge(self, raw: bytes) -> Verdict:
        name = dsse.decode(raw).payload.decode()
        # Appending says how often an event was taken: more than once would be a double submission.
        with open(self.folder / name, "ab") as file:
            file.write(b".")
        return Verdict(decision="admitted", event_id=name, index=0)


def _store_and_drain(folder: Path, entries: Path, first: int) -> None:
    spool, ledger = Spool(folder), _Shared(entries)
    for number in range(first, first + 20):
        spool.store(envelope(number))
        if number % 5 == 0:
            spool.drain(ledger)
    spool.drain(ledger)


def test_several_processes_share_a_spool(spool: Spool, tmp_path: Path) -> None:
    entries = tmp_path / "entries"
    entries.mkdir()
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_store_and_drain, args=(spool.folder, entries, first)) for first in (0, 100, 200)]
    for child in children:
        child.start()
    for child in children:
        child.join(180)
        assert child.exitcode == 0
    assert spool.pending() == spool.rejected() == []
    taken = {path.name: path.read_bytes() for path in entries.iterdir()}
    assert taken == {f"event {first + number}": b"." for first in (0, 100, 200) for number in range(20)}
