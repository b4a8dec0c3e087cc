"""client.gating: where answers are kept, what cannot be kept, and glass that is broken over whatever went wrong."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import msgspec
import pytest

import muniment
import proving
from muniment import config
from muniment.client import identity, opening
from muniment.client.gating import entrance
from muniment.client.gating.decision import Gated, Glass, tell_objections
from muniment.client.gating.entrance import Terms
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.reach import Here
from muniment.core.format import keys
from muniment.core.proof.inquiry import GateFindings, Objection
from muniment.core.proof.inquiry.gate import Rule
from muniment.core.proof.trust import Cosigner
from muniment.core.proof.verify import verify_answer
from muniment.errors import Unavailable
from muniment.ledger import embedded, signers
from muniment.ledger.embedded import Embedded
from muniment.ledger.spool import Spool

PLACE = "production/credit-risk"
WEEK = Terms(max_age=7 * 86_400)
GLASS = Glass(reason="it must run", length=timedelta(hours=1))


@pytest.fixture
def serving(ledger: Ledger, model: Path) -> Ledger:
    """A version that runs in production."""
    ledger.register("credit-risk", model)
    ledger.deploy("credit-risk@1", "production")
    return ledger


def codes(gated: Gated) -> list[str]:
    """What speaks against the start."""
    return [each.code for each in gated.causes]


def gate(ledger: Ledger, model: Path | str, broken: Glass | None = None, *, terms: Terms = WEEK, actor: str | None = None) -> Gated:
    """As the command asks, which opens the ledger itself."""
    named = {} if actor is None else {"actor": actor}
    settings = config.resolve({"XDG_STATE_HOME": str(ledger.home.parent.parent / "state")}, ledger.home.parent, named)
    return entrance.gate(settings, PLACE, model, terms, broken=broken)


def test_the_sdk_asks_alike(serving: Ledger, model: Path) -> None:
    gated = serving.gate(PLACE, model)
    assert (gated.allowed, gated.code, gated.asked, gated.name) == (True, "admitted", "ledger", "credit-risk@1")
    assert gated.shown is not None
    assert (gated.shown.tier, gated.shown.basis, gated.shown.age < 60) == ("solo", "asserted", True)
    verified = verify_answer(Path(gated.receipt).read_bytes(), serving._writer.trust)
    assert isinstance(verified.result.findings, GateFindings)
    assert muniment.Gated is Gated
    assert muniment.Glass is Glass
    # The ledger stays open.
    serving.hold("credit-risk@1", severity="high")
    refused = serving.gate(PLACE, model)
    assert (refused.allowed, codes(refused)) == (False, ["hold"])
    broken = serving.gate(PLACE, model, broken=GLASS)
    assert (broken.allowed, broken.code, broken.waiver_state) == (True, "broken-glass", "recorded")
    assert serving.gate(PLACE, model).code == "waived"


def test_an_answer_is_kept_beside_the_files_or_where_it_is_said(serving: Ledger, model: Path, tmp_path: Path) -> None:
    digest = serving.gate(PLACE, model).version
    assert (model.parent / "model.muniment-gate.json").is_file()
    # What lies in the folder would change what it is.
    assert sorted(path.name for path in model.iterdir()) == ["config.json", "weights.bin"]
    kept = tmp_path / "somewhere" / "else.json"
    assert serving.gate(PLACE, f"{model}/", receipt=kept).receipt == str(kept)
    assert kept.is_file()
    by_digest = Path(serving.gate(PLACE, digest).receipt)
    assert (by_digest.parent.name, by_digest.is_file()) == ("gate", True)
    other = Path(serving.gate("staging/credit-risk", digest).receipt)
    assert other != by_digest


def test_files_under_a_digest_as_their_name_are_measured(
    serving: Ledger, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = serving.gate(PLACE, model).version
    monkeypatch.chdir(tmp_path)
    assert gate(serving, digest).allowed
    # A store of models by their digests, in which somebody put other files under this one.
    (tmp_path / digest).mkdir()
    (tmp_path / digest / "weights.bin").write_bytes(b"something else")
    gated = gate(serving, digest)
    assert (gated.allowed, codes(gated)[:1], gated.version == digest) == (False, ["unknown"], False)
    assert gated.receipt == str(tmp_path / f"{digest}.muniment-gate.json")


def test_an_answer_that_cannot_be_kept_is_said(serving: Ledger, model: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    gated = serving.gate(PLACE, model, receipt=blocked / "x.json")
    assert gated.allowed
    assert "could not be kept" in gated.notes[-1]


def test_a_pipe_in_the_place_of_an_answer_holds_nothing_up(serving: Ledger, model: Path) -> None:
    kept = model.with_name("model.muniment-gate.json")
    os.mkfifo(kept)
    os.mkfifo(kept.with_name(f"{kept.name}.waiver"))
    (serving.home / "ledger.db").rename(serving.home / "away.db")
    assert codes(gate(serving, model)) == ["not-asked", "cache-broken"]


def test_a_refusal_that_cannot_be_kept_takes_the_permission_away(
    serving: Ledger, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serving.gate(PLACE, model).allowed
    serving.hold("credit-risk@1", severity="high")

    def fail(*_: object) -> Path:
        raise Unavailable("the disk is full", code="disk-full")

    monkeypatch.setattr("muniment.client.proving.save", fail)
    gated = serving.gate(PLACE, model)
    assert (gated.allowed, "could not be kept" in gated.notes[-1]) == (False, True)
    assert not (model.parent / "model.muniment-gate.json").exists()
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError("busy")))
    assert "REMOVE" in serving.gate(PLACE, model).notes[-1]


def test_a_kept_answer_needs_the_quorum_of_the_trust_file(serving: Ledger, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gate(serving, model).allowed
    (serving.home / "ledger.db").rename(serving.home / "away.db")
    assert gate(serving, model).allowed
    witness = keys.derive("alpha.example/w", proving.WITNESSES["alpha"].public_key, keys.COSIGNATURE)
    asking = msgspec.structs.replace(serving._writer.trust, cosigners=(Cosigner(witness, "alpha", "append-only"),), quorum=1)
    monkeypatch.setattr(Home, "load_trust", lambda *_: asking)
    assert codes(gate(serving, model)) == ["not-asked", "quorum"]


def test_the_clock_decides_about_waivers(serving: Ledger, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving.hold("credit-risk@1", severity="high")
    serving.waive("gate", "credit-risk@1", "production", until=timedelta(minutes=5))
    assert gate(serving, model).code == "waived"
    # Nothing was recorded since, so that the newest header is from before its end; this machine's clock is not.
    monkeypatch.setattr(embedded, "clocks", SimpleNamespace(time_ns=lambda: time.time_ns() + 600 * 10**9))
    assert codes(gate(serving, model)) == ["waiver-expired", "hold"]


def test_a_busy_ledger_takes_the_waiver_later(serving: Ledger, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving.hold("credit-risk@1", severity="high")

    def busy(*_: object) -> list[object]:
        raise Unavailable("another process writes", code="busy")

    monkeypatch.setattr(Embedded, "append", busy)
    gated = gate(serving, model, GLASS)
    assert (gated.code, gated.waiver_state, gated.allowed) == ("broken-glass", "waiting", True)
    again = gate(serving, model)
    assert (again.code, again.asked, codes(again)) == ("broken-glass", "ledger", ["hold"])
    monkeypatch.undo()


@pytest.mark.parametrize("held", [True, False])
def test_an_old_state_keeps_no_broken_glass_from_counting(
    serving: Ledger, model: Path, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    """A member's node that replays what was long ago takes no waiver either: the glass is there for just that."""
    if held:
        serving.hold("credit-risk@1", severity="high")

    def busy(*_: object) -> list[object]:
        raise Unavailable("it cannot be reached", code="unreachable")

    monkeypatch.setattr(Embedded, "append", busy)
    monkeypatch.setattr(Here, "may_lag", property(lambda _: True))
    old = Terms(max_age=0)
    assert codes(gate(serving, model, terms=old)) == (["hold"] if held else ["stale"])
    assert gate(serving, model, GLASS, terms=old).code == "broken-glass"
    again = gate(serving, model, terms=old)
    assert (again.code, again.allowed, codes(again)) == ("broken-glass", True, ["hold"] if held else ["stale"])


def test_what_waits_is_judged_where_the_ledger_can_be_asked(serving: Ledger, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving.keys.admit(identity.request(Home(serving.home), serving.origin, "bob", "person"), roles=["approver"])
    serving.hold("credit-risk@1", severity="high")
    assert codes(gate(serving, model)) == ["hold"]
    (serving.home / "ledger.db").rename(serving.home / "away.db")
    # Nobody can say yet that no role of bob's may grant waivers ...
    gated = gate(serving, model, GLASS, actor="bob")
    assert (gated.code, gated.waiver_state, gated.allowed) == ("broken-glass", "waiting", True)
    (serving.home / "away.db").rename(serving.home / "ledger.db")

    def busy(*_: object) -> list[object]:
        raise Unavailable("another process writes", code="busy")

    # ... but the ledger can, also while it cannot take the waiver.
    monkeypatch.setattr(Embedded, "append", busy)
    again = gate(serving, model)
    assert (again.allowed, again.asked, codes(again)) == (False, "ledger", ["hold", "waiver-refused"])
    monkeypatch.undo()


def test_glass_breaks_over_a_mistake_of_the_gate_and_over_a_ledger_that_is_not_believed(
    serving: Ledger, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    with serving.view() as view:
        size = view.size
    monkeypatch.setattr("muniment.client.gating.asking.ask", fail)
    assert codes(gate(serving, model)) == ["unexpected"]
    gated = gate(serving, model, GLASS)
    assert (gated.allowed, gated.code, gated.waiver_state) == (True, "broken-glass", "waiting")
    assert any("could not be checked" in note for note in gated.notes)
    # What is not believed is not written to either.
    with serving.view() as view:
        assert view.size == size
    assert len(Spool(serving.home / "spool").pending()) == 1


def test_glass_that_can_be_kept_nowhere_does_not_break(serving: Ledger, model: Path) -> None:
    (serving.home / "spool").write_text("no folder")
    (serving.home / "ledger.db").rename(serving.home / "away.db")
    gated = gate(serving, model, GLASS)
    assert (gated.allowed, codes(gated)[-1]) == (False, "spool-unwritable")
    assert "could not be broken" in gated.causes[-1].said


def test_a_key_that_the_last_answer_shows_as_ended_breaks_no_glass(serving: Ledger, model: Path) -> None:
    lost = signers.load_file(serving.home / "keys" / "actors" / "alice.key").public_key.hex()
    kept = (serving.home / "keys" / "actors" / "alice.key").read_bytes()
    serving.keys.rotate()
    (serving.home / "keys" / "actors" / "alice.key").write_bytes(kept)
    gated = gate(serving, model)
    assert gated.allowed
    (serving.home / "ledger.db").rename(serving.home / "away.db")
    (model / "weights.bin").write_bytes(b"other")
    refused = gate(serving, model, GLASS)
    assert (refused.allowed, codes(refused)[-1]) == (False, "waiver-key")
    assert lost[:4] in refused.causes[-1].said


def test_the_ledgers_own_service_breaks_no_glass(serving: Ledger, model: Path) -> None:
    settings = config.resolve({"XDG_STATE_HOME": str(serving.home / "state")}, serving.home.parent, {"actor": "node"})
    gated = entrance.gate(settings, "staging/credit-risk", model, WEEK, broken=GLASS)
    assert (gated.allowed, codes(gated)) == (False, ["not-deployed", "bad-actor"])


@pytest.mark.parametrize("rule", get_args(Rule))
def test_every_objection_has_words_and_a_mend(rule: Rule) -> None:
    objection = Objection(rule=rule, about=("approval/x", f"key/{'9' * 64}"), called=("m@1", "d@1"), index=7)
    found = GateFindings(allowed=False, place="deployment/production/m", title="m@1", objections=(objection,))
    (cause,) = tell_objections(found)
    assert (cause.code, cause.said[-1], bool(cause.mend)) == (rule, ".", True)
    assert "{" not in cause.said + cause.mend


def test_every_answer_is_told_in_sentences(serving: Ledger, model: Path) -> None:
    for gated in (
        gate(serving, model),
        gate(serving, "9" * 64),
        gate(serving, model, terms=Terms(max_age=1)),
        gate(serving, "nowhere"),
        opening.open(serving.home).gate("nothing", model),
    ):
        assert all(sentence and sentence[0] != "{" for sentence in gated.sentences)
        assert (gated.code == "admitted") is gated.allowed
        assert msgspec.json.encode(gated)
