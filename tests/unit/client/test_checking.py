"""client.checking: whatever somebody was handed is recognised by its content and verified, or fails with its step."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

import credit
import muniment
from muniment.client import checking, recognising
from muniment.client import home as homes
from muniment.client.ledger import Ledger
from muniment.core.format import checkpoint
from muniment.core.proof import trust as trusts
from muniment.errors import CaptureError, InvalidInput, NotFound, Unavailable, VerificationError
from muniment.ledger import embedded
from muniment.ledger.signers import SeedSigner, load_file
from muniment.ledger.store.file import Store

HOME = Path(".muniment")


@pytest.fixture
def lived(ledger: Ledger) -> credit.Lived:
    return credit.live(ledger, Path())


@pytest.fixture
def proof(ledger: Ledger, lived: credit.Lived) -> Path:
    return ledger.prove("credit-risk@1").save("proof.json")


def step_of(target: str | Path | bytes, **wanted: object) -> tuple[int, str]:
    with pytest.raises(VerificationError) as caught:
        muniment.verify(target, **wanted)  # type: ignore[arg-type]
    return caught.value.step, caught.value.code


def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another machine: no ledger, nothing seen before."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other-state"))


def test_an_answer(proof: Path) -> None:
    checked = muniment.verify(proof)
    assert (checked.kind, checked.missing) == ("answer", "")
    assert any("Trust tier: solo" in sentence for sentence in checked.sentences)
    assert any("State basis: asserted" in sentence for sentence in checked.sentences)
    assert muniment.verify(proof.read_bytes()).kind == "answer"
    assert msgspec.json.decode(msgspec.json.encode(checked))["found"]["ground"]["tier"] == "solo"


def test_an_answer_with_the_files_that_it_is_about(proof: Path) -> None:
    checked = muniment.verify(proof, files="model")
    assert any("unchanged" in sentence for sentence in checked.sentences)
    Path("model/config.json").write_text("{}")
    with pytest.raises(VerificationError, match=r"config.json changed \(1 of 3 files\)") as caught:
        muniment.verify(proof, files="model")
    assert caught.value.step == 12


def test_an_answer_that_was_touched_fails(proof: Path) -> None:
    raw = proof.read_bytes()
    assert step_of(raw.replace(b'"height":2', b'"height":3')) == (11, "result")
    assert step_of(raw[:-1]) == (1, "not-canonical")
    assert step_of(raw.replace(b'"result"', b'"resulz"'))[0] == 1


def test_an_answer_must_be_as_fresh_and_as_strong_as_is_asked(proof: Path) -> None:
    assert any(sentence.startswith("Current:") for sentence in muniment.verify(proof, max_age=3_600).sentences)
    assert step_of(proof, tier="witnessed") == (4, "quorum")


def test_on_another_machine_with_only_a_trust_file(
    proof: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    raw, trust = proof.read_bytes(), trusts.parse((HOME / "trust.toml").read_text())
    receipt = ledger.receipt("3").encode()
    with ledger.view() as view:
        entry, note = view.entry(3), view.checkpoint
    elsewhere(monkeypatch, tmp_path)
    with pytest.raises(NotFound) as caught:
        muniment.verify(raw)
    assert caught.value.code == "no-trust"
    checked = muniment.verify(raw, trust=trust)
    assert any(sentence.startswith("Not compared with what this client saw") for sentence in checked.sentences)
    incomplete = muniment.verify(receipt, trust=trust)
    assert "Entry 3 is not at hand" in incomplete.missing
    assert muniment.verify(receipt, trust=trust, entry=entry).missing == ""
    assert step_of(receipt, trust=trust, entry=entry[:-1] + b" ")[0] == 7
    assert muniment.verify(note, trust=trust).kind == "checkpoint"
    with pytest.raises(NotFound) as no_ledger:
        muniment.verify(tmp_path / "work" / "model", trust=trust)
    assert no_ledger.value.code == "no-ledger"


def test_a_receipt_gets_its_entry_from_the_ledger_here(ledger: Ledger, lived: credit.Lived) -> None:
    path = Path("receipt.txt")
    path.write_text(ledger.receipt(str(lived.approved.index)))
    checked = muniment.verify(path)
    assert (checked.kind, checked.missing) == ("receipt", "")
    assert "alice decided" in checked.sentences[0]
    assert step_of(path.read_bytes().replace(b"index 7", b"index 5"))[0] == 7


def test_an_older_proof_is_shown_to_be_of_the_same_history(proof: Path, ledger: Ledger) -> None:
    ledger.record("note.added", {"about": ["policy"], "text": "later"})
    assert any("older than what this client has seen" in sentence for sentence in muniment.verify(proof).sentences)


def test_a_ledger_by_its_folder_its_file_and_its_project(ledger: Ledger, lived: credit.Lived) -> None:
    for target in (HOME, HOME / "ledger.db", Path()):
        checked = muniment.verify(target)
        assert checked.kind == "ledger"
        assert checked.found.audited.replayed
        assert "its whole history holds" in checked.sentences[0]
    assert not muniment.verify(HOME, replay=False, processes=2).found.audited.replayed


def test_a_copy_of_a_ledger_by_content(ledger: Ledger, lived: credit.Lived) -> None:
    ledger.backup("copy.db")
    Path("copy.db").rename("renamed")
    assert muniment.verify("renamed").kind == "ledger"


def test_a_ledger_that_was_changed_through_sql(ledger: Ledger, lived: credit.Lived) -> None:
    ledger.backup("copy.db")
    with sqlite3.connect("copy.db") as sql:
        sql.execute("UPDATE entry SET body = CAST(replace(body, 'CC-BY-4.0', 'CC-BY-9.0') AS BLOB) WHERE idx = 1")
    sql.close()
    assert step_of("copy.db") == (9, "signature")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM entry WHERE idx = 0",
        "DELETE FROM entry WHERE idx = 5",
        "DELETE FROM block",
        "UPDATE entry SET body = 7 WHERE idx = 3",
        "UPDATE entry SET body = 'text' WHERE idx = 4",
        "UPDATE block SET checkpoint = x'00' WHERE height = (SELECT max(height) FROM block)",
        "DROP TABLE entry",
    ],
)
def test_whatever_was_done_to_the_file_is_a_failed_verification(ledger: Ledger, lived: credit.Lived, statement: str) -> None:
    ledger.backup("copy.db")
    with sqlite3.connect("copy.db") as sql:
        sql.execute(statement)
    sql.close()
    assert step_of("copy.db")[0] > 0


@pytest.mark.parametrize("place", [0, 20, 50, 4096, 30_000])
def test_whatever_byte_was_overwritten_it_is_no_other_error(ledger: Ledger, lived: credit.Lived, place: int) -> None:
    ledger.backup("copy/ledger.db")
    path = Path("copy/ledger.db")
    raw = bytearray(path.read_bytes())
    raw[place : place + 40] = b"\xff" * 40
    path.write_bytes(raw)
    with contextlib.suppress(VerificationError):
        muniment.verify("copy")


def test_another_ledger_is_not_this_one(ledger: Ledger, proof: Path, tmp_path: Path) -> None:
    other = homes.found(tmp_path / "other", origin=ledger.origin, actor="alice")
    assert step_of(other.folder) == (3, "log-key-unknown")
    assert step_of(proof, trust=other.trust) == (3, "log-key-unknown")
    third = homes.found(tmp_path / "third", origin="example.com/third", actor="alice")
    assert step_of(proof, trust=third.trust) == (2, "origin")


def test_exported_tiles(ledger: Ledger, lived: credit.Lived) -> None:
    ledger.export_tiles("tiles")
    checked = muniment.verify("tiles")
    assert checked.kind == "tiles"
    assert checked.found.ground.pin == "same"
    ledger.record("note.added", {"about": ["policy"], "text": "later"})
    assert muniment.verify("tiles").found.ground.pin == "older"
    assert muniment.verify("tiles/checkpoint").kind == "checkpoint"
    bundle = Path("tiles/tile/entries/000.p/15")
    bundle.write_bytes(bundle.read_bytes().replace(b"payloadType", b"payloadTypo", 1))
    assert step_of("tiles") == (7, "inclusion-entry")
    bundle.unlink()
    with pytest.raises(Unavailable) as caught:
        muniment.verify("tiles")
    assert caught.value.code == "tile-missing"


def test_tiles_show_themselves_that_they_continue_what_was_seen(
    ledger: Ledger, lived: credit.Lived, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trust = trusts.parse((HOME / "trust.toml").read_text())
    ledger.backup(tmp_path / "early.db")
    ledger.record("note.added", {"about": ["policy"], "text": "later"})
    ledger.export_tiles(tmp_path / "tiles")
    elsewhere(monkeypatch, tmp_path)
    first = muniment.verify(tmp_path / "early.db", trust=trust)
    assert first.found.fingerprint
    assert any(sentence.startswith("First contact.") for sentence in first.sentences)
    assert muniment.verify(tmp_path / "tiles", trust=trust).found.ground.pin == "newer"


def test_a_model_folder_is_named_with_who_approved_it_and_where_it_runs(ledger: Ledger, lived: credit.Lived) -> None:
    told = " ".join(muniment.verify("model").sentences)
    assert told.startswith("model is credit-risk@1 (")
    assert "unchanged: all 3 files are identical" in told
    assert "Registered by alice in entry 3" in told
    assert "Approved for production by alice (owner) in entry 7." in told
    assert "It runs nowhere now." in told
    told = " ".join(muniment.verify("model-2").sentences)
    assert "Nothing here shows a decision about it" in told
    assert "It runs in production/credit-risk since entry 13." in told


def test_what_the_index_does_not_name_is_not_denied(ledger: Ledger, lived: credit.Lived) -> None:
    ledger.approve("credit-risk@2", "staging", decision="reject")
    ledger.close_index()
    with contextlib.closing(sqlite3.connect(HOME / "index.db")) as index, index:
        index.execute("DELETE FROM deployment")
        index.execute("DELETE FROM approval")
    told = " ".join(muniment.verify("model-2").sentences)
    assert "It runs in 1 place that the index here does not name." in told
    assert "For staging it has 1 open rejection." in told


def test_a_disputed_approval_is_told_of_a_folder(ledger: Ledger, lived: credit.Lived) -> None:
    compromised = load_file(HOME / "keys" / "actors" / "alice.key").public_key.hex()
    ledger.keys.rotate()
    ledger.keys.compromise(compromised, lived.approved.index)
    told = " ".join(muniment.verify("model").sentences)
    assert f"in entry 7; disputed: others may have held its key since entry {lived.approved.index}." in told


def test_a_changed_model_is_compared_with_the_nearest_version(ledger: Ledger, lived: credit.Lived) -> None:
    shutil.copytree("model", "copy")
    Path("copy/config.json").write_text("{}")
    with pytest.raises(VerificationError) as caught:
        muniment.verify("copy")
    assert caught.value.step == 12
    assert "config.json changed (1 of 3 files); weights identical" in str(caught.value)
    Path("copy/extra.bin").write_bytes(b"more")
    Path("copy/README.md").unlink()
    with pytest.raises(VerificationError) as caught:
        muniment.verify("copy")
    assert caught.value.details["added"] == ["extra.bin"]
    assert caught.value.details["removed"] == ["README.md"]


def test_one_file_out_of_a_model(ledger: Ledger, lived: credit.Lived) -> None:
    told = muniment.verify("model/model.safetensors").sentences[0]
    assert "is one of the 3 files of credit-risk@2" in told
    Path("model/model.safetensors").write_bytes(b"other")
    with pytest.raises(VerificationError, match=r"model.safetensors changed"):
        muniment.verify("model/model.safetensors")


def test_a_data_set_is_named_with_its_terms(ledger: Ledger, lived: credit.Lived) -> None:
    told = " ".join(muniment.verify("data").sentences)
    assert told.startswith("data is loans@1 (")
    assert "Terms: licence CC-BY-4.0; for credit-scoring." in told
    ledger.record("dataset.withdrawn", {"data": lived.data.digest, "cause": "licence"})
    assert "It was withdrawn by entry 15: do not use it." in " ".join(muniment.verify("data").sentences)


def test_holds_and_revoked_decisions_are_said(ledger: Ledger, lived: credit.Lived) -> None:
    incident = {"severity": "high", "version": lived.first.digest, "hold": True, "awareAt": "2026-03-04T12:00:00.000000Z"}
    ledger.record("incident.recorded", incident)
    told = " ".join(muniment.verify("model").sentences)
    assert "It is held by 1 open incident." in told
    of = {"version": lived.first.digest, "environment": "production"}
    ledger.record("approval.decided", {"of": of, "decision": "revoke", "revokes": lived.approved.event_id, "meaning": "approval"})
    assert "revoked since." in " ".join(muniment.verify("model").sentences)


def test_an_approval_that_expired_is_said_to_be(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    _, model = credit.write_files(Path())
    version = ledger.register("credit-risk", model)
    ledger.approve(version, "production", expires_at=timedelta(hours=1))
    assert "expired" not in " ".join(muniment.verify("model").sentences)
    monkeypatch.setattr(embedded, "clocks", SimpleNamespace(time_ns=lambda: time.time_ns() + 7_200 * 10**9))
    assert "; expired 2" in " ".join(muniment.verify("model").sentences)


def test_files_that_nobody_registered(ledger: Ledger, lived: credit.Lived) -> None:
    Path("other.bin").write_bytes(b"something else")
    with pytest.raises(NotFound) as caught:
        muniment.verify("other.bin")
    assert caught.value.code == "not-registered"
    with pytest.raises(CaptureError):
        muniment.verify("nowhere")


def test_bytes_that_are_nothing_of_ours(ledger: Ledger) -> None:
    with pytest.raises(InvalidInput) as caught:
        muniment.verify(b"hello")
    assert caught.value.code == "unknown-file"


def test_evidence_holds_or_not(ledger: Ledger, lived: credit.Lived) -> None:
    from muniment.core.proof import evidence as evidences

    with ledger.view() as view:
        shown = view.checkpoint
    log = load_file(HOME / "keys" / "log.key")
    forged = checkpoint.sign(checkpoint.Checkpoint(ledger.origin, 15, b"x" * 32), log)
    found = evidences.Evidence(format=evidences.FORMAT, kind="same-size", pinned=shown.decode(), shown=forged.decode())
    checked = muniment.verify(evidences.encode(found))
    assert (checked.kind, checked.sentences[0]) == ("evidence", "This evidence holds.")
    same = msgspec.structs.replace(found, shown=shown.decode())
    assert step_of(evidences.encode(same)) == (5, "evidence")
    alien = checkpoint.sign(checkpoint.Checkpoint(ledger.origin, 15, b"x" * 32), SeedSigner(b"?" * 32))
    assert step_of(evidences.encode(msgspec.structs.replace(found, shown=alien.decode())))[0] == 3


def test_a_proof_needs_no_ledger_that_can_be_read(proof: Path, ledger: Ledger) -> None:
    ledger.record("note.added", {"about": ["policy"], "text": "later"})
    ledger.close()
    (HOME / "ledger.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4_000)
    assert any(sentence.startswith("Not compared") for sentence in muniment.verify(proof).sentences)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"c2sp.org/tlog-proof@v1\nindex 0\n\n", "receipt"),
        (b'{"entries":[],"format":"urn:muniment:answer:v1"}\n', "answer"),
        (b'{"answers":[{"format":"urn:muniment:answer:v1"}],"format":"urn:muniment:bundle:v1"}\n', "bundle"),
        (b'{"format":"urn:muniment:evidence:v1"}\n', "evidence"),
        (b'{"format":"something else"}\n', "files"),
        ("a\n1\nAAAA\n\n\N{EM DASH} a b\n".encode(), "checkpoint"),
        (b"", "files"),
        (b"{", "files"),
    ],
)
def test_recognition_is_by_content(raw: bytes, kind: str) -> None:
    assert recognising.recognise_bytes(raw) == kind


def test_the_arguments_are_checked(proof: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        muniment.verify(proof, max_age=-1)
    assert caught.value.code == "no-clock"
    assert checking.verify is muniment.verify


def test_a_store_that_is_open_elsewhere_can_be_verified(ledger: Ledger, lived: credit.Lived) -> None:
    held = Store.open(HOME / "ledger.db")
    assert muniment.verify(HOME).kind == "ledger"
    held.close()
