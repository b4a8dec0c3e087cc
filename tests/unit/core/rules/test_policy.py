"""The policy in force, what it allows, and what is told about a refusal."""

from __future__ import annotations

import msgspec
import pytest

import machine as machines
from machine import Bank, Machine, World, production
from muniment.core.rules import beginning, chain, members
from muniment.core.rules.policy import Policy, PolicyViolation, Reason, Role, Verdict
from muniment.core.rules.requirements.case import title
from muniment.errors import InvalidInput

A, B = "a" * 64, "b" * 64
ROLES = (Role(name="lead", may=("*",)), Role(name="scribe", may=("model.retired", "note.added")))


def test_a_role_allows_what_it_lists() -> None:
    policy = Policy(roles=ROLES)
    assert policy.may(("scribe",), "note.added")
    assert not policy.may(("scribe", "unknown"), "waiver.granted")
    assert policy.may(("lead",), "waiver.granted")
    assert policy.roles_that_may("note.added") == ("lead", "scribe")
    assert policy.roles_that_may("waiver.granted") == ("lead",)


def test_holds_are_for_the_roles_that_the_policy_names_and_else_for_all() -> None:
    assert Policy(roles=ROLES).may_hold(())
    assert Policy(roles=ROLES, hold_roles=("scribe",)).may_hold(("lead", "scribe"))
    assert not Policy(roles=ROLES, hold_roles=("scribe",)).may_hold(("lead",))


def test_an_environment_is_found_by_its_name() -> None:
    policy = Policy(roles=ROLES, environments=(production("a"), production("b")))
    assert policy.environment("b") == production("b")
    assert policy.environment("c") is None


def test_the_policy_in_force_is_that_of_the_last_amendment() -> None:
    bank = Bank(production())
    assert chain.policy_in_force(bank.replay) == machines.bank(production()).policy
    bank.say("policy.amended", policy=msgspec.to_builtins(Policy(roles=(Role(name="owner", may=("*",)),))))
    assert chain.policy_in_force(bank.replay) == Policy(roles=(Role(name="owner", may=("*",)),))


def test_a_violation_tells_every_reason_and_carries_all_of_it() -> None:
    reasons = (
        Reason(rule="hold", required="One.", found="Two.", missing=("three",), mend="Four."),
        Reason(rule="role", required="Five.", found="Six."),
    )
    violation = PolicyViolation(Verdict(decision="refused", event_id="id", reasons=reasons))
    assert (str(violation), violation.code, violation.hint) == ("One. Two. Four. Five. Six.", "refused-hold", "Four.")
    assert violation.details == {
        "eventId": "id",
        "reasons": [
            {"rule": "hold", "required": "One.", "found": "Two.", "missing": ("three",), "mend": "Four."},
            {"rule": "role", "required": "Five.", "found": "Six."},
        ],
    }


def test_things_are_called_as_people_call_them() -> None:
    bank = Bank()
    bank.data()
    bank.train()
    assert bank.against() == []
    called = {stream: title(World(bank), stream) for stream in (f"data/{'d' * 64}", f"version/{A}", "deployment/production/m")}
    assert list(called.values()) == ["loans@1", "m@1", "m@1"]
    assert title(World(bank), f"version/{B}") == "version bbbbbbbb…"


# Founding


def test_members_may_be_there_from_the_beginning() -> None:
    machine = Machine(machines.consortium("acme", "bank"))
    keys = {purpose: machines.member_key("acme", purpose) for purpose in ("cosigner", "validator")}
    assert machine.state("members") == {"active": ["acme", "bank"]}
    assert machine.state("member/acme") == {"cosigner": keys["cosigner"], "index": 0, "key": keys["validator"], "status": "active"}
    assert machine.state(f"cosigner/{keys['cosigner']}") == {"member": "acme"}
    assert machine.state(f"validator/{members.address(keys['validator'])}") == {"key": keys["validator"], "member": "acme"}
    machine.say("member.changed", member="bank", change="remove")
    assert machine.state("member/bank")["status"] == "removed"


@pytest.mark.parametrize(
    "change",
    [
        {"responsible": ("ada",)},
        {"keys": (machines.prove_key("bob", machines.EVE),), "id": "bob"},
    ],
)
def test_founders_are_checked_against_each_other(change: dict[str, object]) -> None:
    before = machines.founding()
    actors = tuple(msgspec.structs.replace(actor, **change) if actor.id == "bob" else actor for actor in before.actors)
    with pytest.raises(InvalidInput) as caught:
        beginning.found(msgspec.structs.replace(before, actors=actors), "2026-11-23T12:00:00.000000Z")
    assert caught.value.code == "bad-genesis"
