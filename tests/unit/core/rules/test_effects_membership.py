"""Members come, change their keys, publish and leave; no set of them could halt the engine."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import machine as machines
from machine import Bank, Machine
from muniment.core.rules import chain, members
from muniment.core.rules.members import Validators
from muniment.core.rules.policy import Agreement

A, B, C, D = (each * 64 for each in "abcd")


@pytest.fixture
def three() -> Machine:
    """A consortium of three; Ada may write everything, and no change of members needs an approval."""
    return Machine(machines.consortium("acme", "bank", "tuv"))


def key(name: str, purpose: str) -> str:
    return machines.member_key(name, purpose)


def admission(name: str, number: int = 1) -> dict[str, Any]:
    """An admission with keys of its own."""
    keys = {"validatorKey": key(name, f"validator {number}"), "cosignerKey": key(name, f"cosigner {number}")}
    return {"member": name, "change": "admit", **keys}


def in_force(machine: Machine) -> Validators:
    found = chain.validators_in_force(machine.replay)
    assert found is not None
    return found


def change(machine: Machine, **fields: Any) -> Validators:
    """A change that is admitted; the members that its header names, which are those of the records."""
    machine.say("member.changed", **fields)
    told = members.decode(msgspec.json.encode(machine.header["validators"]))
    assert told == in_force(machine)
    return told


def test_a_ledger_of_one_operator_has_no_members_until_one_is_admitted(machine: Machine) -> None:
    assert chain.validators_in_force(machine.replay) is None
    assert "validators" not in machine.header
    for wrong in ("remove", "rotate", "publish"):
        keyed = {"rotate": {"validatorKey": A}, "publish": {"publisherKey": A}}.get(wrong, {})
        assert machine.refusals("member.changed", member="acme", change=wrong, **keyed) == ["member"]
    assert machine.record("members") is None
    told = change(machine, **admission("acme"))
    assert [each.organisation for each in told.members] == ["acme"]
    assert machine.state("members") == {"active": ["acme"]}


def test_an_admission_records_whose_the_keys_are(three: Machine) -> None:
    told = change(three, **admission("lab"))
    assert [each.organisation for each in told.members] == ["acme", "bank", "lab", "tuv"]
    index = three.position.frontier.size - 2
    votes, cosigns = key("lab", "validator 1"), key("lab", "cosigner 1")
    assert three.state("member/lab") == {"cosigner": cosigns, "index": index, "key": votes, "status": "active"}
    assert three.state(f"validator/{members.address(votes)}") == {"key": votes, "member": "lab"}
    assert three.state(f"cosigner/{cosigns}") == {"member": "lab"}
    assert three.refusals("member.changed", **admission("lab", 2)) == ["member"]


def test_one_key_or_both_are_rotated(three: Machine) -> None:
    told = change(three, member="acme", change="rotate", validatorKey=A)
    assert told.find("acme") == members.Member(cosigner=key("acme", "cosigner"), key=A, organisation="acme")
    told = change(three, member="acme", change="rotate", cosignerKey=B)
    assert told.find("acme") == members.Member(cosigner=B, key=A, organisation="acme")
    told = change(three, member="acme", change="rotate", cosignerKey=key("acme", "cosigner"), validatorKey=C)
    assert told.find("acme") == members.Member(cosigner=key("acme", "cosigner"), key=C, organisation="acme")
    # What once was the key of somebody stays his.
    assert three.state(f"validator/{members.address(A)}") == {"key": A, "member": "acme"}


def test_who_leaves_comes_back_only_by_an_admission(three: Machine) -> None:
    assert [each.organisation for each in change(three, member="bank", change="remove").members] == ["acme", "tuv"]
    assert three.state("member/bank")["status"] == "removed"
    for wrong, keyed in (("remove", {}), ("rotate", {"validatorKey": A}), ("publish", {"publisherKey": A})):
        assert three.refusals("member.changed", member="bank", change=wrong, **keyed) == ["member"]
    old = {"validatorKey": key("bank", "validator"), "cosignerKey": key("bank", "cosigner")}
    told = change(three, member="bank", change="admit", **old)
    assert told == machines.consortium("acme", "bank", "tuv").validators


def test_the_set_is_never_empty_and_never_too_large(three: Machine) -> None:
    change(three, member="bank", change="remove")
    change(three, member="tuv", change="remove")
    assert three.refusals("member.changed", member="acme", change="remove") == ["member"]
    rows = [three.sign("member.changed", **admission(f"m{number:02}")) for number in range(members.MAX_MEMBERS)]
    verdicts = three.block(*rows)
    assert [each.decision for each in verdicts] == ["admitted"] * (members.MAX_MEMBERS - 1) + ["refused"]
    assert [reason.rule for reason in verdicts[-1].reasons] == ["member"]
    assert len(in_force(three).members) == members.MAX_MEMBERS


def test_names_that_no_record_holds_are_refused(machine: Machine) -> None:
    long = [f"{number:02}{'x' * 126}" for number in range(25)]
    verdicts = machine.block(*[machine.sign("member.changed", **admission(name)) for name in long])
    assert [reason.rule for reason in verdicts[-1].reasons] == ["record-size"]
    assert verdicts[-2].decision == "admitted"


@pytest.mark.parametrize(
    ("fields", "free"),
    [
        ({"change": "rotate", "validatorKey": ("bank", "validator")}, False),
        ({"change": "rotate", "validatorKey": ("bank", "cosigner")}, False),
        ({"change": "rotate", "validatorKey": ("acme", "cosigner")}, False),
        ({"change": "rotate", "validatorKey": ("tuv", "publisher")}, False),
        ({"change": "rotate", "validatorKey": ("acme", "validator")}, True),
        ({"change": "rotate", "cosignerKey": ("bank", "cosigner")}, False),
        ({"change": "rotate", "cosignerKey": ("bank", "validator")}, False),
        ({"change": "rotate", "cosignerKey": ("acme", "validator")}, False),
        ({"change": "rotate", "cosignerKey": ("tuv", "publisher")}, False),
        ({"change": "rotate", "cosignerKey": ("acme", "cosigner")}, True),
        ({"change": "publish", "publisherKey": ("bank", "validator")}, False),
        ({"change": "publish", "publisherKey": ("acme", "cosigner")}, False),
        ({"change": "publish", "publisherKey": ("tuv", "publisher")}, False),
        ({"change": "publish", "publisherKey": ("acme", "publisher")}, True),
        # Swapped within one organisation, in one event.
        ({"change": "rotate", "validatorKey": ("acme", "cosigner"), "cosignerKey": ("acme", "validator")}, False),
        # Of one that left.
        ({"change": "rotate", "validatorKey": ("gone", "validator 1")}, False),
        ({"change": "rotate", "cosignerKey": ("gone", "cosigner 1")}, False),
    ],
)
def test_a_key_serves_one_organisation_and_one_purpose(three: Machine, fields: dict[str, Any], free: bool) -> None:
    change(three, member="tuv", change="publish", publisherKey=key("tuv", "publisher"))
    change(three, **admission("gone"))
    change(three, member="gone", change="remove")
    said = {name: value if isinstance(value, str) else key(*value) for name, value in fields.items()}
    if free:
        change(three, member="acme", **said)
    else:
        assert three.refusals("member.changed", member="acme", **said) == ["member-key"]


def test_keys_of_others_are_seen_within_the_block(three: Machine) -> None:
    mine = admission("lab")
    rows = [
        mine,
        admission("two") | {"validatorKey": mine["validatorKey"]},
        admission("two") | {"cosignerKey": mine["cosignerKey"]},
    ]
    verdicts = three.block(*[three.sign("member.changed", **row) for row in rows])
    assert [[reason.rule for reason in each.reasons] for each in verdicts] == [[], ["member-key"], ["member-key"]]


def test_the_publisher_is_handed_over_and_leaves(three: Machine) -> None:
    told = change(three, member="acme", change="publish", publisherKey=A)
    assert told.publisher == members.Publisher(key=A, organisation="acme")
    assert three.state("member/acme")["index"] == three.position.frontier.size - 2
    told = change(three, member="bank", change="publish", publisherKey=B)
    assert told.publisher == members.Publisher(key=B, organisation="bank")
    told = change(three, member="acme", change="remove")
    assert told.publisher == members.Publisher(key=B, organisation="bank")
    assert change(three, member="bank", change="remove").publisher is msgspec.UNSET
    assert three.state("members") == {"active": ["tuv"]}


def test_a_header_tells_of_a_change_that_was_undone_in_its_own_block(three: Machine) -> None:
    before = in_force(three)
    there = three.sign("member.changed", member="acme", change="rotate", validatorKey=A)
    back = three.sign("member.changed", member="acme", change="rotate", validatorKey=key("acme", "validator"))
    assert [each.decision for each in three.block(there, back)] == ["admitted", "admitted"]
    assert members.decode(msgspec.json.encode(three.header["validators"])) == before
    three.say("system.registered", name="s")
    assert "validators" not in three.header
    three.block(three.sign("member.changed", member="acme", change="admit", validatorKey=B, cosignerKey=C))
    assert "validators" not in three.header


def test_marking_a_change_of_members_is_no_change(three: Machine) -> None:
    change(three, **admission("lab"))
    target = three.event_ids()[-1]
    about = sorted([*three.event(target).touches(), "acts/ada"])
    three.say("record.amended", target=target, about=about, kind="correct")
    assert "validators" not in three.header
    assert (three.record("members") or {})["count"] == 3


def vote(bank: Bank, terms: dict[str, Any], *actors: str) -> list[str]:
    """Approvals of a change of members."""
    told = bank.sign("member.changed", **terms)
    (submission,) = chain.open_submissions([told])
    of = {"member": terms["member"], "terms": submission.event.terms()}  # type: ignore[attr-defined]
    return sorted(bank.say("approval.decided", each, of=of, decision="approve", meaning="approval") for each in actors)


@pytest.fixture
def council() -> Bank:
    """Three members; amy and ben are of acme, cat of bank, dan of tuv; two approvers are asked for."""
    founding = machines.bank(amendment={"approver": 2})
    homes = {"amy": "acme", "ben": "acme", "cat": "bank", "dan": "tuv", "ada": "acme"}
    actors = tuple(msgspec.structs.replace(each, organisation=homes.get(each.id, msgspec.UNSET)) for each in founding.actors)
    bank = Bank.__new__(Bank)
    Machine.__init__(bank, machines.consortium("acme", "bank", "tuv", founding_=msgspec.structs.replace(founding, actors=actors)))
    return bank


def test_a_member_has_one_voice_however_many_speak_for_it(council: Bank) -> None:
    out: dict[str, Any] = {"member": "bank", "change": "remove"}
    assert council.refusals("member.changed", **out, approvals=vote(council, out, "amy", "ben")) == ["amendment"]
    # Tom, who has the role, belongs to nobody.
    assert council.refusals("member.changed", **out, approvals=vote(council, out, "amy", "tom")) == ["amendment"]
    council.say("member.changed", **out, approvals=vote(council, out, "amy", "dan"))
    # Who left has no voice any more.
    rotation = {"member": "acme", "change": "rotate", "validatorKey": A}
    assert council.refusals("member.changed", **rotation, approvals=vote(council, rotation, "amy", "cat")) == ["amendment"]
    council.say("member.changed", **rotation, approvals=vote(council, rotation, "ben", "dan"))


def test_all_are_enough_where_fewer_are_left_than_are_asked_for(council: Bank) -> None:
    for name, voters in (("tuv", ("amy", "cat")), ("bank", ("amy", "cat"))):
        out = {"member": name, "change": "remove"}
        council.say("member.changed", **out, approvals=vote(council, out, *voters))
    back = admission("bank", 2)
    assert council.refusals("member.changed", **back) == ["amendment"]
    (reason,) = council.reasons("member.changed", **back)
    assert reason.required == "The policy in force asks for 1 member in the role approver to approve this member."
    council.say("member.changed", **back, approvals=vote(council, back, "ben"))


def test_approvals_are_used_up_by_any_change_of_the_member(council: Bank) -> None:
    out: dict[str, Any] = {"member": "bank", "change": "remove"}
    named = vote(council, out, "amy", "dan")
    publish = {"member": "bank", "change": "publish", "publisherKey": A}
    council.say("member.changed", **publish, approvals=vote(council, publish, "amy", "dan"))
    assert council.refusals("member.changed", **out, approvals=named) == ["amendment"]


def test_nobody_enrols_people_for_another_member(council: Bank) -> None:
    person = {"of": "zoe", "kind": "person", "roles": ["approver"]}
    assert council.refusals("actor.enrolled", "ada", **person, organisation="tuv") == ["organisation"]
    assert council.refusals("actor.enrolled", "ada", of="cat", kind="person", organisation="acme") == ["organisation"]
    assert council.refusals("actor.enrolled", "ada", of="cat", kind="person") == ["organisation"]
    helper = {"of": "helper", "kind": "service", "organisation": "acme"}
    assert council.refusals("actor.enrolled", "ada", **helper, responsible=["amy", "cat"]) == ["organisation"]
    for name in ("cat", "dan"):
        stolen = machines.prove_key(name, machines.EVE)
        assert council.refusals("key.changed", "ada", of=name, change="add", key=stolen.key, proof=stolen.proof) == [
            "organisation",
            "once",
        ]
        assert council.refusals("key.changed", "ada", of=name, change="revoke", key=council.key_of(name)) == ["organisation"]
    council.say("actor.enrolled", "dan", **person, organisation="tuv")
    council.say("actor.enrolled", "ada", of="max", kind="person", organisation="guest")


def test_a_policy_is_the_members_to_change(council: Bank) -> None:
    strict = {"roles": [{"name": "owner", "may": ["*"]}], "amendment": [{"role": "owner", "count": 1}]}
    asked = Agreement(role="approver", count=2)
    assert council.refusals("policy.amended", policy=strict) == ["amendment"]
    assert asked in chain.policy_in_force(council.replay).amendment
