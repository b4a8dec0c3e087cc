"""Effects on the ledger's own order: actors, keys, policy, members, protocol, disclosures, links."""

from __future__ import annotations

import msgspec
import pytest

import machine as machines
import makers
from machine import Machine
from muniment.core.rules import policy
from muniment.ledger.signers import SeedSigner

A, B = "a" * 64, "b" * 64
NEW, OTHER = SeedSigner(b"n" * 32), SeedSigner(b"o" * 32)


def key(actor: str, signer: SeedSigner = NEW) -> dict[str, str]:
    """A key with its proof, as JSON fields."""
    proof = machines.prove_key(actor, signer)
    return {"key": proof.key, "proof": proof.proof}


def test_an_actor_is_enrolled_with_keys(machine: Machine) -> None:
    machine.say("actor.enrolled", of="zoe", kind="person", organisation="acme", roles=["owner"], keys=[key("zoe")])
    assert machine.state("actor/zoe") == {"kind": "person", "organisation": "acme", "roles": ["owner"]}
    assert machine.state(f"key/{NEW.public_key.hex()}") == {"actor": "zoe", "since": 1}
    machine.block(machine.sign("system.registered", "zoe", NEW, name="s"))
    assert machine.record("system/s") is not None


def test_an_actor_stays_of_its_kind(machine: Machine) -> None:
    assert machine.refusals("actor.enrolled", of="bob", kind="service") == ["actor"]
    machine.say("actor.enrolled", of="bob", kind="person")
    assert machine.state("actor/bob") == {"kind": "person"}


def test_persons_answer_for_a_service(machine: Machine) -> None:
    assert machine.refusals("actor.enrolled", of="job", kind="service", responsible=["ci"]) == ["actor"]
    assert machine.refusals("actor.enrolled", of="job", kind="service", responsible=["job"]) == ["unknown"]
    machine.say("actor.enrolled", of="job", kind="service", responsible=["ada", "bob"])


def test_a_key_is_enrolled_once_by_who_holds_it(machine: Machine) -> None:
    assert machine.refusals("actor.enrolled", of="zoe", kind="person", keys=[key("eve")]) == ["key-proof"]
    assert machine.refusals("key.changed", of="bob", change="add", **key("eve")) == ["key-proof"]
    assert machine.refusals("key.changed", of="bob", change="add", **key("bob", machines.EVE)) == ["once"]
    assert machine.refusals("key.changed", of="nobody", change="add", **key("nobody")) == ["unknown"]
    assert machine.record(f"key/{NEW.public_key.hex()}") is None
    machine.say("key.changed", of="bob", change="add", **key("bob"), claimsDigest=A)
    assert machine.state(f"key/{NEW.public_key.hex()}") == {"actor": "bob", "claims": A, "since": 1}


def test_a_rotation_ends_one_key_and_begins_another(machine: Machine) -> None:
    old = machine.key_of("bob")
    machine.say("key.changed", of="bob", change="rotate", **key("bob"), replaces=old)
    assert machine.state(f"key/{old}") == {"actor": "bob", "since": 0, "until": 1}
    assert machine.state(f"key/{NEW.public_key.hex()}") == {"actor": "bob", "since": 1}
    rotation = {"of": "bob", "change": "rotate", **key("bob", OTHER)}
    assert machine.refusals("key.changed", **rotation, replaces=machine.key_of("eve")) == ["key"]
    assert machine.refusals("key.changed", **rotation, replaces=A) == ["unknown"]
    # A key that ended cannot come back, and the end of an ended key stays where it is.
    assert machine.refusals("key.changed", of="bob", change="add", **key("bob", machines.SIGNERS["bob"])) == ["once"]
    machine.say("key.changed", of="bob", change="revoke", key=old)
    assert machine.state(f"key/{old}")["until"] == 1


def test_a_compromised_key_is_disputed_from_an_entry_on(machine: Machine) -> None:
    old = machine.key_of("bob")
    machine.say("key.changed", of="bob", change="compromise", key=old, fromIndex=0)
    assert machine.state(f"key/{old}") == {"actor": "bob", "disputedFrom": 0, "since": 0, "until": 1}
    assert machine.refusals("key.changed", of="eve", change="compromise", key=old, fromIndex=0) == ["key"]
    assert machine.refusals("key.changed", of="bob", change="revoke", key=A) == ["unknown"]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("policy.amended", {"policy": {"roles": [{"name": "owner", "may": ["*"]}]}}),
        ("member.changed", {"member": "acme", "change": "admit", "validatorKey": A, "cosignerKey": B}),
    ],
)
def test_the_approvals_that_it_relies_on_exist(machine: Machine, name: str, fields: dict[str, object]) -> None:
    assert machine.refusals(name, **fields, approvals=[makers.next_id()]) == ["unknown"]
    approval = machine.say("approval.decided", of={"policy": A}, decision="approve", meaning="approval")
    machine.say(name, **fields, approvals=[approval])


def test_a_policy_is_known_by_its_digest(machine: Machine) -> None:
    amended = policy.Policy(roles=(policy.Role(name="owner", may=("*",)),))
    machine.say("policy.amended", policy=msgspec.to_builtins(amended))
    assert machine.state("policy") == {"digest": policy.identify(amended), "index": 1}


def test_what_only_counts(machine: Machine) -> None:
    attempt = {"attempted": "model.registered", "payloadDigest": A, "rules": ["role"]}
    assert machine.refusals("attempt.refused", "ci", of="nobody", **attempt) == ["unknown"]
    machine.say("attempt.refused", "ci", of="eve", **attempt)
    assert machine.state("attempts/eve") == {}
    assert machine.refusals("disclosure.made", exportDigest=A, events=[makers.next_id()]) == ["unknown"]
    machine.say("disclosure.made", exportDigest=A, events=machine.event_ids())
    machine.say("ledger.linked", linked=B, origin="example.com/other", trustDigest=A)
    assert machine.state(f"link/{B}") == {"genesis": B, "trust": A}


def test_a_refusal_is_recorded_by_the_service_that_refused(machine: Machine) -> None:
    attempt = {"of": "eve", "attempted": "model.registered", "payloadDigest": A, "rules": ["role"]}
    (reason,) = machine.reasons("attempt.refused", **attempt)
    assert (reason.rule, reason.sentence()) == ("actor", "A refusal is recorded by the service that refused. ada is a person.")
