"""What needs no role: to end or replace a key of one's own, and to take back a decision of one's own."""

from __future__ import annotations

import pytest

import machine as machines
from machine import Bank
from muniment.ledger.signers import SeedSigner

A = "a" * 64
NEW, SPARE = SeedSigner(b"n" * 32), SeedSigner(b"o" * 32)
OF = {"version": A, "environment": "production"}
ASK = "Let somebody with that role do it: `muniment keys list` shows who has which."
NO_ROLE = f"`key.changed` is for owner. eve holds no role. {ASK}"


def key(actor: str) -> dict[str, str]:
    """A new key with its proof, as JSON fields."""
    proof = machines.prove_key(actor, NEW)
    return {"key": proof.key, "proof": proof.proof}


@pytest.fixture
def bank() -> Bank:
    """Eve and Amy may not change keys; holds are for risk."""
    bank = Bank(hold_roles=("risk",))
    bank.train()
    return bank


@pytest.mark.parametrize("change", ["revoke", "compromise"])
def test_an_actor_ends_a_key_of_his_own_without_a_role(bank: Bank, change: str) -> None:
    fields = {"fromIndex": 0} if change == "compromise" else {}
    own = bank.key_of("eve")
    index = bank.position.frontier.size
    bank.say("key.changed", "eve", of="eve", change=change, key=own, **fields)
    assert bank.state(f"key/{own}")["until"] == index
    # That was the last thing that it signed.
    assert bank.refusals("key.changed", "eve", of="eve", change=change, key=own, **fields) == ["key"]


def test_an_actor_rotates_a_key_of_his_own_without_a_role(bank: Bank) -> None:
    own = bank.key_of("eve")
    bank.say("key.changed", "eve", of="eve", change="rotate", **key("eve"), replaces=own)
    assert bank.state(f"key/{NEW.public_key.hex()}")["actor"] == "eve"
    assert bank.block(bank.sign("key.changed", "eve", NEW, of="eve", change="revoke", key=own))[0].decision == "admitted"


def test_nobody_adds_a_key_or_changes_another_ones_without_a_role(bank: Bank) -> None:
    (reason,) = bank.reasons("key.changed", "eve", of="eve", change="add", **key("eve"))
    assert (reason.rule, reason.sentence()) == ("role", NO_ROLE)
    assert bank.refusals("key.changed", "eve", of="amy", change="revoke", key=bank.key_of("amy")) == ["role"]
    assert bank.refusals("key.changed", "eve", of="amy", change="rotate", **key("amy"), replaces=bank.key_of("amy")) == ["role"]
    # Nor by saying that another one's key is his own.
    assert bank.refusals("key.changed", "eve", of="eve", change="revoke", key=bank.key_of("amy")) == ["key"]
    assert bank.refusals("key.changed", "eve", of="eve", change="rotate", **key("eve"), replaces=bank.key_of("amy")) == ["key"]


def test_only_a_living_key_is_rotated(bank: Bank) -> None:
    own, proof = bank.key_of("eve"), machines.prove_key("eve", SPARE)
    bank.say("key.changed", "eve", of="eve", change="rotate", **key("eve"), replaces=own)
    fields = {"of": "eve", "change": "rotate", "key": proof.key, "proof": proof.proof, "replaces": own}
    (reason,) = bank.block(bank.sign("key.changed", "eve", NEW, **fields))[0].reasons
    assert reason.sentence() == "A key is rotated while it is valid. The one that it replaces has ended."
    # Nor does somebody whose role it is.
    assert bank.refusals("key.changed", **fields) == ["key"]


def test_who_rotates_without_a_role_gains_no_time(bank: Bank) -> None:
    proof, spare = machines.prove_key("eve", NEW), machines.prove_key("eve", SPARE)
    soon, later = "2027-01-01T00:00:00.000000Z", "2027-01-01T00:00:00.000001Z"
    bank.say("key.changed", of="eve", change="add", key=proof.key, proof=proof.proof, expiresAt=soon)
    fields = {"of": "eve", "change": "rotate", "key": spare.key, "proof": spare.proof, "replaces": proof.key}
    for more in ({}, {"expiresAt": later}):
        (reason,) = bank.reasons("key.changed", "eve", **fields, **more)
        assert reason.sentence() == (
            "A key that expires is rotated to one that expires no later. "
            f"The old one expires at {soon}. Ask somebody who may change keys."
        )
    bank.say("key.changed", "eve", **fields, expiresAt=soon)
    assert bank.state(f"key/{spare.key}")["expires"] == soon


def test_who_may_change_keys_may_give_more_time(bank: Bank) -> None:
    proof, spare = machines.prove_key("eve", NEW), machines.prove_key("eve", SPARE)
    bank.say("key.changed", of="eve", change="add", key=proof.key, proof=proof.proof, expiresAt="2027-01-01T00:00:00.000000Z")
    bank.say("key.changed", of="eve", change="rotate", key=spare.key, proof=spare.proof, replaces=proof.key)
    assert "expires" not in bank.state(f"key/{spare.key}")


def test_a_key_is_disputed_from_an_entry_that_is_there(bank: Bank) -> None:
    own = bank.key_of("ben")
    index = bank.position.frontier.size
    compromise = {"of": "ben", "change": "compromise", "key": own}
    (reason,) = bank.reasons("key.changed", **compromise, fromIndex=index + 1)
    assert (reason.rule, reason.found) == ("from-index", f"The newest is {index - 1}, and the event says {index + 1}.")
    for from_index, disputed in ((index, index), (2, 2), (3, 2), (0, 0)):
        bank.say("key.changed", **compromise, fromIndex=from_index)
        assert bank.state(f"key/{own}")["disputedFrom"] == disputed
    # The end of the key stays where it was.
    assert bank.state(f"key/{own}")["until"] == index


@pytest.mark.parametrize("decision", ["approve", "conditional", "reject"])
def test_who_lost_his_role_takes_his_decision_back(bank: Bank, decision: str) -> None:
    decided = bank.decide("amy", decision)
    bank.say("actor.enrolled", of="amy", kind="person")
    assert bank.refusals("approval.decided", "amy", of=OF, decision="approve", meaning="approval") == ["role"]
    bank.decide("amy", "revoke", revokes=decided)
    assert bank.state(f"approval/{decided}")["status"] == "revoked"
    (reason,) = bank.reasons("approval.decided", "amy", of=OF, decision="revoke", meaning="approval", revokes=decided)
    assert (reason.rule, reason.sentence()) == ("revoke", "A decision is revoked once. This one is revoked already.")


def test_a_service_and_its_person_take_back_what_the_other_decided(bank: Bank) -> None:
    for first, second in (("tom", "job"), ("job", "tom")):
        bank.decide(second, "revoke", revokes=bank.decide(first))


def test_every_reason_against_a_revocation_is_given(bank: Bank) -> None:
    decided = bank.decide("amy")
    bank.decide("amy", "revoke", revokes=decided)
    revoke = {"decision": "revoke", "meaning": "approval", "revokes": decided}
    assert bank.refusals("approval.decided", "ben", of={**OF, "environment": "other"}, **revoke) == ["of", "revoke", "revoke"]


def test_nobody_else_takes_it_back_but_who_may_hold(bank: Bank) -> None:
    decided = bank.decide("amy", "reject")
    revoke = {"of": OF, "decision": "revoke", "meaning": "approval", "revokes": decided}
    assert bank.refusals("approval.decided", "eve", **revoke) == ["role"]
    (reason,) = bank.reasons("approval.decided", "ben", **revoke)
    assert (reason.rule, reason.sentence()) == (
        "revoke",
        "A decision is revoked by who made it, or by risk. amy made it; ben holds approver.",
    )
    # Not by saying that it is for her, nor by a service that stands for nobody.
    for actor, rules in (("eve", ["role"]), ("ben", ["revoke"]), ("ghost", ["revoke"])):
        assert bank.refusals("approval.decided", actor, **revoke, onBehalfOf=["amy"]) == rules
    bank.decide("rita", "revoke", revokes=decided)
    assert "rejected" not in bank.state(f"version/{A}")


def test_where_nobody_holds_whoever_decides_may_revoke() -> None:
    bank = Bank()
    bank.train()
    bank.decide("ben", "revoke", revokes=bank.decide("amy", "reject"))
    assert "rejected" not in bank.state(f"version/{A}")
