"""client.identity: who may write, with which keys."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from muniment.client import identity, key_request, opening
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.core.rules.policy import PolicyViolation
from muniment.core.rules.records import Actor, Key
from muniment.errors import Conflict, InvalidInput, NotFound
from muniment.ledger import signers

NOTE = {"about": ["actor/alice"], "text": "seen"}


def ask(ledger: Ledger, actor: str, kind: str = "person") -> str:
    return key_request.format(identity.request(Home(ledger.home), ledger.origin, actor, kind))  # type: ignore[arg-type]


def test_a_request_needs_no_ledger(tmp_path: Path) -> None:
    home = Home(tmp_path / "elsewhere" / ".muniment")
    asked = identity.request(home, "example.com/credit", "bob", "person")
    path = home.actor_key("bob")
    assert signers.load_file(path).public_key.hex() == asked.key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert identity.request(home, "example.com/credit", "bob", "person") == asked
    with pytest.raises(InvalidInput) as caught:
        identity.request(home, "example.com/other", "bob", "person")
    assert caught.value.code == "key-of-another-ledger"


@pytest.mark.parametrize(
    ("origin", "actor", "code"),
    [("example.com/x", "../bob", "bad-actor"), ("example.com/x", "node", "bad-actor"), ("nowhere", "bob", "bad-origin")],
)
def test_a_bad_name_makes_no_key(tmp_path: Path, origin: str, actor: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        identity.request(Home(tmp_path / "new"), origin, actor, "person")
    assert caught.value.code == code
    assert not (tmp_path / "new").exists()


def test_a_second_person_is_admitted_and_writes(ledger: Ledger) -> None:
    done = ledger.keys.admit(ask(ledger, "bob"), roles=["approver", "deployer"], organisation="risk")
    assert done.event == "actor.enrolled"
    state = ledger.state("actor/bob", Actor)
    assert state is not None
    assert (state.kind, state.roles, state.organisation) == ("person", ("approver", "deployer"), "risk")
    with opening.open(ledger.home, actor="bob") as bob:
        assert bob.record("note.added", NOTE).sealed
        with pytest.raises(PolicyViolation):
            bob.keys.admit(ask(ledger, "eve"), roles=["owner"])


def test_one_who_was_not_admitted_is_refused(ledger: Ledger) -> None:
    ask(ledger, "bob")
    with opening.open(ledger.home, actor="bob") as bob, pytest.raises(PolicyViolation) as caught:
        bob.record("note.added", NOTE)
    assert caught.value.code == "refused-key"


def test_a_further_key_and_further_roles(ledger: Ledger, tmp_path: Path) -> None:
    ledger.keys.admit(ask(ledger, "bob"), roles=["approver"], organisation="risk")
    laptop = Home(tmp_path / "laptop")
    second = identity.request(laptop, ledger.origin, "bob", "person")
    assert ledger.keys.admit(second).event == "key.changed"
    third = identity.request(Home(tmp_path / "desk"), ledger.origin, "bob", "person")
    assert ledger.keys.admit(third, roles=["deployer"]).event == "actor.enrolled"
    state = ledger.state("actor/bob", Actor)
    assert state is not None
    assert (state.roles, state.organisation) == (("deployer",), "risk")
    (bob,) = [holder for holder in ledger.keys.holders() if holder.actor.id == "bob"]
    assert len(bob.keys) == 3
    assert bob.here is not None
    with pytest.raises(Conflict):
        ledger.keys.admit(second)


def test_a_service_stands_for_persons(ledger: Ledger) -> None:
    line = ask(ledger, "ci", "service")
    with pytest.raises(InvalidInput) as caught:
        ledger.keys.admit(line, roles=["trainer"])
    assert caught.value.code == "nobody-responsible"
    with pytest.raises(PolicyViolation):
        ledger.keys.admit(line, roles=["trainer"], responsible=["nobody"])
    ledger.keys.admit(line, roles=["trainer"], responsible=["alice"])
    state = ledger.state("actor/ci", Actor)
    assert state is not None
    assert state.responsible == ("alice",)


@pytest.mark.parametrize(
    ("roles", "code", "hint"),
    [
        (["aprover"], "no-such-role", "Did you mean approver?"),
        (["zzz"], "no-such-role", "Its roles are approver"),
        ([], "no-role", "--role"),
    ],
)
def test_roles_are_those_of_the_policy(ledger: Ledger, roles: list[str], code: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ledger.keys.admit(ask(ledger, "bob"), roles=roles)
    assert caught.value.code == code
    assert hint in caught.value.hint


def test_a_request_for_another_ledger_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    other = identity.request(Home(tmp_path / "x"), "example.com/other", "bob", "person")
    with pytest.raises(InvalidInput) as caught:
        ledger.keys.admit(other, roles=["approver"])
    assert caught.value.code == "other-origin"


def test_a_key_is_rotated(ledger: Ledger) -> None:
    home = Home(ledger.home)
    old = signers.load_file(home.actor_key("alice"))
    done = ledger.keys.rotate(reason="a year has passed")
    assert done.recorded is not None
    new = signers.load_file(home.actor_key("alice"))
    assert (done.key, done.replaces) == (new.public_key.hex(), old.public_key.hex())
    assert new.public_key != old.public_key
    assert signers.load_file(home.ended_key("alice", old.public_key)).public_key == old.public_key
    assert not home.next_key("alice").exists()
    assert ledger.record("note.added", NOTE).sealed
    state = ledger.state(f"key/{done.replaces}", Key)
    assert state is not None
    assert state.until == done.recorded.index
    assert home.actors() == ["alice"]


def test_a_rotation_that_a_crash_interrupted_is_completed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(ledger.home)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            ledger.keys.rotate()
    assert home.next_key("alice").exists()
    with opening.open(ledger.home) as again:
        with pytest.raises(PolicyViolation):
            again.record("note.added", NOTE)
        done = again.keys.rotate()
        assert done.recorded is None
        assert again.record("note.added", NOTE).sealed


def test_a_rotation_that_was_refused_uses_its_key_again(ledger: Ledger) -> None:
    ledger.keys.admit(ask(ledger, "bob"), roles=["approver"])
    with opening.open(ledger.home, actor="bob") as bob:
        ledger.keys.revoke(signers.load_file(Home(ledger.home).actor_key("bob")).public_key.hex())
        with pytest.raises(PolicyViolation):
            bob.keys.rotate()
        waiting = Home(ledger.home).next_key("bob").read_bytes()
        with pytest.raises(PolicyViolation):
            bob.keys.rotate()
        assert Home(ledger.home).next_key("bob").read_bytes() == waiting


def test_everybody_rotates_his_own_key(ledger: Ledger) -> None:
    ledger.keys.admit(ask(ledger, "bob"), roles=["approver"])
    ledger.keys.assign("bob", roles=())
    with opening.open(ledger.home, actor="bob") as bob:
        old = bob.keys.rotate().replaces
        with pytest.raises(PolicyViolation):
            bob.record("note.added", NOTE)
        assert bob.keys.compromise(old, 2).sealed


def test_a_key_is_revoked(ledger: Ledger) -> None:
    ledger.keys.admit(ask(ledger, "bob"), roles=["approver"])
    key = signers.load_file(Home(ledger.home).actor_key("bob")).public_key.hex()
    done = ledger.keys.revoke(key[:12], reason="left")
    with opening.open(ledger.home, actor="bob") as bob, pytest.raises(PolicyViolation):
        bob.record("note.added", NOTE)
    (holder,) = [holder for holder in ledger.keys.holders() if holder.actor.id == "bob"]
    assert holder.keys[0].until == done.index


def test_a_key_is_compromised(ledger: Ledger) -> None:
    admitted = ledger.keys.admit(ask(ledger, "bob"), roles=["approver"])
    key = signers.load_file(Home(ledger.home).actor_key("bob")).public_key.hex()
    ledger.keys.compromise(key, admitted.index)
    state = ledger.state(f"key/{key}", Key)
    assert state is not None
    assert state.disputed_from == admitted.index


def test_a_new_deployment_does_not_lean_on_a_compromised_key(ledger: Ledger, model: Path) -> None:
    ledger.keys.admit(ask(ledger, "bob"), roles=["owner"])
    ledger.register("credit-risk", model)
    with opening.open(ledger.home, actor="bob") as bob:
        disputed = bob.approve("credit-risk@1", "production")
        bob.waive("gate", "credit-risk@1", "production", until="2096-01-01")
    good = ledger.approve("credit-risk@1", "production")
    ledger.deploy("credit-risk@1", "production")
    key = signers.load_file(Home(ledger.home).actor_key("bob")).public_key.hex()
    ledger.keys.compromise(key, disputed.index)
    refused = ledger.gate("production/credit-risk", model)
    assert [each.code for each in refused.causes] == ["approval-disputed", "waiver-disputed"]
    drafted = ledger.leave_out_disputed(ledger.draft_deployment("credit-risk@1", "production"))
    assert (drafted["approvals"], drafted["waivers"]) == ([good.event_id], [])
    # What the gate says has to be done, does it.
    ledger.deploy("credit-risk@1", "production")
    assert ledger.gate("production/credit-risk", model).allowed


def test_nobody_ends_the_key_that_he_signs_with(ledger: Ledger) -> None:
    key = signers.load_file(Home(ledger.home).actor_key("alice")).public_key.hex()
    for end in (lambda: ledger.keys.revoke(key), lambda: ledger.keys.compromise(key, 1)):
        with pytest.raises(InvalidInput) as caught:
            end()
        assert caught.value.code == "own-key"
        assert "rotate" in caught.value.hint


def test_a_key_that_nobody_knows(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        ledger.keys.revoke("0" * 64)


def test_holders(ledger: Ledger) -> None:
    alice, node = ledger.keys.holders()
    assert (alice.actor.id, alice.actor.roles, len(alice.keys)) == ("alice", ("owner",), 1)
    assert alice.here == alice.keys[0].key
    assert node.actor.responsible == ("alice",)
    Home(ledger.home).actor_key("alice").unlink()
    assert ledger.keys.holders()[0].here is None


def test_what_an_actor_may_do_changes_and_its_keys_stay(ledger: Ledger) -> None:
    ledger.keys.admit(ask(ledger, "bob"), roles=["approver"])
    before = ledger.keys.holders()
    ledger.keys.assign("bob", roles=["trainer"], organisation="acme", reason="moved")
    state = ledger.state("actor/bob", Actor)
    assert state is not None
    assert (state.roles, state.organisation) == (("trainer",), "acme")
    ledger.keys.assign("bob", roles=())
    state = ledger.state("actor/bob", Actor)
    assert state is not None
    assert (state.roles, state.organisation) == ((), "acme")
    assert [each.keys for each in ledger.keys.holders()] == [each.keys for each in before]
    with pytest.raises(NotFound):
        ledger.keys.assign("nobody", roles=["trainer"])
    with pytest.raises(InvalidInput):
        ledger.keys.assign("bob", roles=["trainr"])
    with pytest.raises(InvalidInput):
        ledger.keys.assign("node", responsible=[])


def test_what_a_key_signed(ledger: Ledger) -> None:
    first = ledger.record("note.added", NOTE)
    old = ledger.keys.rotate().replaces
    second = ledger.record("note.added", NOTE)
    new = signers.load_file(Home(ledger.home).actor_key("alice")).public_key.hex()
    assert [row.index for row in ledger.keys.signed(old)] == [first.index, second.index - 2]
    assert [row.index for row in ledger.keys.signed(new)] == [second.index]
    assert ledger.keys.signed(old, second.index) == []
