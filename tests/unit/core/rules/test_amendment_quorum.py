"""An amendment rule that asks for a quorum: more than two thirds of the members who are there when the change is judged."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import machine as machines
from machine import Machine
from muniment.core.rules import chain, events, members
from muniment.core.rules import policy as policies
from muniment.core.rules.genesis import Founder, Genesis
from muniment.core.rules.policy import MAX_QUORUM, QUORUM, Agreement, Policy, Role
from muniment.errors import InvalidInput

NAMES = tuple(f"m{number:02}" for number in range(1, 14))
OWNER = Role(name="owner", may=("*",))
QUORATE = (Agreement(role="owner", count=QUORUM),)
COMMON = {
    "ledger": "a" * 64,
    "eventId": "01890000-0000-7000-8000-000000000000",
    "occurredAt": "2026-11-23T12:00:00.000000Z",
    "actor": "ada",
}


def founding(*asked: Agreement, people: tuple[str, ...] = NAMES) -> Genesis:
    """A person of each organisation, called p01 for m01, who may write everything."""
    actors = tuple(
        Founder(
            id=person(name),
            kind="person",
            keys=(machines.prove_key(person(name), machines.signer_of(person(name))),),
            organisation=name,
            roles=("owner",),
        )
        for name in people
    )
    plain = machines.founding()
    policy = Policy(roles=(OWNER,), amendment=asked or QUORATE)
    return msgspec.structs.replace(plain, actors=actors, policy=policy)


def person(organisation: str) -> str:
    return f"p{organisation[1:]}"


def council(*names: str, asked: tuple[Agreement, ...] = QUORATE) -> Machine:
    """A consortium of these members, whose rule asks for this."""
    return Machine(machines.consortium(*names, founding_=founding(*asked)))


def admission(name: str) -> dict[str, Any]:
    keys = {"validatorKey": machines.member_key(name, "validator"), "cosignerKey": machines.member_key(name, "cosigner")}
    return {"member": name, "change": "admit", **keys}


def removal(name: str) -> dict[str, Any]:
    return {"member": name, "change": "remove"}


def vote(machine: Machine, change: dict[str, Any], *organisations: str) -> list[str]:
    """A person of each agrees; their approvals."""
    (told,) = chain.open_submissions([machine.sign("member.changed", person("m01"), **change)])
    of = {"member": change["member"], "terms": told.event.terms()}  # type: ignore[attr-defined]
    said = {"of": of, "decision": "approve", "meaning": "approval"}
    return sorted(machine.say("approval.decided", person(each), **said) for each in organisations)


def refused(machine: Machine, change: dict[str, Any], named: list[str]) -> str:
    """What the rule asks for, where it alone refuses a change."""
    (reason,) = machine.reasons("member.changed", person("m01"), **change, approvals=named)
    assert reason.rule == "amendment"
    return reason.required


def make(machine: Machine, change: dict[str, Any], named: list[str]) -> None:
    machine.say("member.changed", person("m01"), **change, approvals=named)


def active(machine: Machine) -> list[str]:
    found: list[str] = machine.state("members")["active"]
    return found


def test_it_asks_for_more_as_the_members_become_more() -> None:
    machine = council(*NAMES[:4])
    for name in NAMES[4:]:
        seated = active(machine)
        needed = 2 * len(seated) // 3 + 1
        change = admission(name)
        named = vote(machine, change, *seated[: needed - 1])
        asked = refused(machine, change, named)
        assert asked == (
            f"The policy in force asks for {needed} members (more than two thirds of {len(seated)}) in the role owner "
            "to approve this member."
        )
        make(machine, change, sorted([*named, *vote(machine, change, seated[needed - 1])]))
    assert len(active(machine)) == 13
    # Three of the four who founded it do no longer.
    assert "asks for 9 members (more than two thirds of 13)" in refused(
        machine, removal("m13"), vote(machine, removal("m13"), *NAMES[:8])
    )


def test_it_asks_for_less_as_the_members_become_fewer() -> None:
    machine = council(*NAMES)
    for name in reversed(NAMES[1:]):
        seated = active(machine)
        needed = members.quorum(len(seated))
        named = vote(machine, removal(name), *seated[: needed - 1])
        if named:
            refused(machine, removal(name), named)
        make(machine, removal(name), sorted([*named, *vote(machine, removal(name), seated[needed - 1])]))
    assert active(machine) == ["m01"]


@pytest.mark.parametrize(("before", "then", "enough"), [(4, 7, 5), (7, 13, 9), (4, 13, 9)])
def test_what_was_proposed_among_few_is_judged_among_many(before: int, then: int, enough: int) -> None:
    """Approvals that were enough when they were given are not, once members came."""
    machine = council(*NAMES[:before])
    early = vote(machine, removal("m02"), *NAMES[: members.quorum(before)])
    for name in NAMES[before:then]:
        seated = active(machine)
        make(machine, admission(name), vote(machine, admission(name), *seated[: members.quorum(len(seated))]))
    assert f"asks for {enough} members (more than two thirds of {then})" in refused(machine, removal("m02"), early)
    missing = enough - len(early)
    make(machine, removal("m02"), sorted([*early, *vote(machine, removal("m02"), *NAMES[before : before + missing])]))


def test_what_was_short_among_many_is_enough_among_few() -> None:
    machine = council(*NAMES[:7])
    publish = {"member": "m01", "change": "publish", "publisherKey": "a" * 64}
    early = vote(machine, publish, *NAMES[:4])
    assert "asks for 5 members (more than two thirds of 7)" in refused(machine, publish, early)
    for name in ("m07", "m06"):
        make(machine, removal(name), vote(machine, removal(name), *NAMES[:5]))
    make(machine, publish, early)


def test_who_was_removed_counts_neither_as_a_voice_nor_as_a_member() -> None:
    machine = council(*NAMES[:7])
    early = vote(machine, removal("m06"), *NAMES[2:7])
    make(machine, removal("m07"), vote(machine, removal("m07"), *NAMES[:5]))
    # Of five voices one is gone, and six members ask for five.
    asked = refused(machine, removal("m06"), early)
    assert "asks for 5 members (more than two thirds of 6)" in asked
    make(machine, removal("m06"), sorted([*early, *vote(machine, removal("m06"), "m01")]))
    # Who comes back speaks again, with what was said before too.
    late = vote(machine, removal("m05"), "m07", *NAMES[:3])
    refused(machine, removal("m05"), late[:3])
    make(
        machine,
        admission("m07") | {"cosignerKey": "b" * 64},
        vote(machine, admission("m07") | {"cosignerKey": "b" * 64}, *NAMES[:4]),
    )
    assert "asks for 5 members (more than two thirds of 6)" in refused(machine, removal("m05"), late)
    make(machine, removal("m05"), sorted([*late, *vote(machine, removal("m05"), "m04")]))


def test_each_change_of_a_block_is_judged_among_those_whom_the_one_before_it_left() -> None:
    machine = council(*NAMES[:4])
    first, second = admission("m05"), admission("m06")
    named = [vote(machine, each, *NAMES[:3]) for each in (first, second)]
    rows = [
        machine.sign("member.changed", person("m01"), **each, approvals=given)
        for each, given in zip((first, second), named, strict=True)
    ]
    verdicts = machine.block(*rows)
    assert [each.decision for each in verdicts] == ["admitted", "refused"]
    assert "asks for 4 members (more than two thirds of 5)" in verdicts[1].reasons[0].required


def test_many_persons_of_a_member_are_one_voice() -> None:
    twice = founding()
    extra = tuple(msgspec.structs.replace(each, organisation="m01") for each in twice.actors if each.id in ("p05", "p06", "p07"))
    actors = tuple(sorted([*twice.actors[:4], *extra], key=lambda each: each.id))
    machine = Machine(machines.consortium(*NAMES[:4], founding_=msgspec.structs.replace(twice, actors=actors)))
    named = vote(machine, removal("m04"), "m01", "m05", "m06", "m07", "m02")
    assert "asks for 3 members (more than two thirds of 4)" in refused(machine, removal("m04"), named)


def test_policy_and_protocol_follow_it_too() -> None:
    machine = council(*NAMES[:7])
    wanted = Policy(roles=(OWNER,), amendment=QUORATE, hold_roles=("owner",))
    said = {"of": {"policy": policies.identify(wanted)}, "decision": "approve", "meaning": "approval"}
    named = [machine.say("approval.decided", person(each), **said) for each in NAMES[:5]]
    fields = {"policy": msgspec.to_builtins(wanted)}
    (reason,) = machine.reasons("policy.amended", person("m01"), **fields, approvals=sorted(named[:4]))
    assert reason.required == (
        "The policy in force asks for 5 members (more than two thirds of 7) in the role owner to approve this policy."
    )
    assert reason.missing == ("1 more approval by owner",)
    machine.say("policy.amended", person("m01"), **fields, approvals=sorted(named))
    assert chain.policy_in_force(machine.replay) == wanted
    assert b'"amendment":[{"count":"quorum","role":"owner"}]' in policies.encode(wanted)
    (reason,) = machine.reasons("protocol.upgraded", person("m01"), protocol=2)
    assert "asks for 5 members (more than two thirds of 7) in the role owner to approve this protocol" in reason.required


def test_a_number_stays_what_it_is() -> None:
    """Which is why a quorum can be asked for."""
    machine = council(*NAMES, asked=(Agreement(role="owner", count=3),))
    make(machine, removal("m13"), vote(machine, removal("m13"), *NAMES[:3]))


def test_a_number_and_a_quorum_stand_side_by_side() -> None:
    role = Role(name="risk", may=("approval.decided",))
    found = founding()
    risky = tuple(
        msgspec.structs.replace(each, roles=("owner", "risk")) if each.id in ("p01", "p02") else each for each in found.actors
    )
    policy = Policy(roles=(OWNER, role), amendment=(*QUORATE, Agreement(role="risk", count=2)))
    machine = Machine(machines.consortium(*NAMES[:4], founding_=msgspec.structs.replace(found, actors=risky, policy=policy)))
    (reason,) = machine.reasons(
        "member.changed", person("m01"), **removal("m04"), approvals=vote(machine, removal("m04"), "m01", "m03", "m04")
    )
    assert "asks for 2 members in the role risk" in reason.required
    make(machine, removal("m03"), vote(machine, removal("m03"), "m01", "m02", "m03"))


def test_where_there_are_no_members_one_person_is_a_quorum() -> None:
    machine = Machine(founding())
    (reason,) = machine.reasons("member.changed", person("m01"), **admission("m01"))
    assert reason.required == "The policy in force asks for 1 person in the role owner to approve this member."
    make(machine, admission("m01"), vote(machine, admission("m01"), "m02"))
    # From now on it is the member's own voice that counts.
    assert "asks for 1 member (more than two thirds of 1)" in refused(
        machine, admission("m02"), vote(machine, admission("m02"), "m03")
    )
    make(machine, admission("m02"), vote(machine, admission("m02"), "m01"))


def test_a_ledger_moves_in_with_all_of_its_members_at_once() -> None:
    """Each admission of the block asks for a quorum of those before it."""
    machine = Machine(founding())
    named = {name: vote(machine, admission(name), *NAMES[:number]) for number, name in enumerate(NAMES[:4])}
    named["m01"] = vote(machine, admission("m01"), "m01")
    rows = [machine.sign("member.changed", person("m01"), **admission(name), approvals=given) for name, given in named.items()]
    assert [each.decision for each in machine.block(*rows)] == ["admitted"] * 4


# The form


@pytest.mark.parametrize(
    ("count", "code", "said"),
    [
        (0, "bad-policy", "at least one person"),
        (65, "bad-policy", "more than 64 approvals"),
        (-1, "schema", "count"),
        ("Quorum", "schema", "'Quorum'"),
        ("all", "schema", "'all'"),
        ("", "schema", "''"),
        ("3", "schema", "'3'"),
        (True, "schema", "bool"),
        (1.5, "float", "floating-point"),
        (None, "null", "null"),
        ([3], "schema", "array"),
    ],
)
def test_another_count_is_refused(count: object, code: str, said: str) -> None:
    wanted = {"roles": [msgspec.to_builtins(OWNER)], "amendment": [{"role": "owner", "count": count}]}
    with pytest.raises(InvalidInput, match=said) as caught:
        events.build("policy.amended", {**COMMON, "policy": wanted})
    assert caught.value.code == code
    assert caught.value.hint


def test_an_environment_asks_for_persons_and_knows_no_quorum() -> None:
    asked = [{"name": "production", "approvals": [{"role": "owner", "count": "quorum"}]}]
    with pytest.raises(InvalidInput, match="count") as caught:
        events.build("policy.amended", {**COMMON, "policy": {"roles": [msgspec.to_builtins(OWNER)], "environments": asked}})
    assert caught.value.code == "schema"


def test_an_event_can_name_the_quorum_of_as_many_members_as_there_can_be() -> None:
    assert MAX_QUORUM == members.quorum(members.MAX_MEMBERS) == 43
    risk = Role(name="risk", may=("approval.decided",))
    for count, fits in ((21, True), (22, False), (QUORUM, False)):
        asked = (*QUORATE, Agreement(role="risk", count=count))
        if fits:
            assert Policy(roles=(OWNER, risk), amendment=asked).amendment == asked
            continue
        with pytest.raises(InvalidInput, match="more than 64 approvals") as caught:
            Policy(roles=(OWNER, risk), amendment=asked)
        assert caught.value.code == "bad-policy"


def test_sixty_four_members_can_change_their_rules() -> None:
    everybody = tuple(f"m{number:02}" for number in range(64))
    machine = Machine(machines.consortium(*everybody, founding_=founding(people=everybody)))
    named = vote(machine, removal("m63"), *everybody[:43])
    assert "asks for 43 members (more than two thirds of 64)" in refused(machine, removal("m63"), named[1:])
    make(machine, removal("m63"), named)
