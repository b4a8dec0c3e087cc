"""What changes the ledger's own order: counted by the amendment rule in force, and no waiver helps."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import pytest

import makers
from machine import Bank, production
from muniment.core.rules import events, policy
from muniment.core.rules.policy import Agreement, Policy, Role
from muniment.errors import InvalidInput

A, B, C = "a" * 64, "b" * 64, "c" * 64
EVERYTHING = Role(name="owner", may=("*",))
COMMON = {
    "ledger": A,
    "eventId": "01890000-0000-7000-8000-000000000000",
    "occurredAt": "2026-11-23T12:00:00.000000Z",
    "actor": "ada",
}


@pytest.fixture
def bank() -> Bank:
    """A new policy needs two approvers and one of risk."""
    return Bank(amendment={"approver": 2, "risk": 1})


def amended(**changes: Any) -> Policy:
    """The policy that is wanted."""
    return Policy(roles=(Role(name="approver", may=("approval.decided",)), EVERYTHING), **changes)


def decide(bank: Bank, actor: str, wanted: Policy, decision: str = "approve", **fields: Any) -> str:
    """A decision about a policy."""
    of = {"policy": policy.identify(wanted)}
    return bank.say("approval.decided", actor, of=of, decision=decision, meaning="approval", **fields)


def amend(bank: Bank, wanted: Policy, *approvals: str) -> list[str]:
    """The reasons against an amendment, as rules; none where it is admitted."""
    raw = bank.sign("policy.amended", policy=msgspec.to_builtins(wanted), approvals=list(approvals))
    return [reason.rule for reason in bank.block(raw)[0].reasons]


def test_a_policy_changes_with_the_approvals_that_the_one_in_force_asks_for(bank: Bank) -> None:
    wanted = amended()
    named = [decide(bank, actor, wanted) for actor in ("amy", "ben", "rita")]
    assert amend(bank, wanted) == ["amendment", "amendment"]
    assert amend(bank, wanted, *named[:2]) == ["amendment"]
    assert amend(bank, wanted, *named[1:]) == ["amendment"]
    assert amend(bank, amended(hold_roles=("owner",)), *named) == ["amendment", "amendment"]
    assert amend(bank, wanted, *named) == []
    assert bank.state("policy")["digest"] == policy.identify(wanted)
    # From now on the new one counts, which asks for nothing.
    assert amend(bank, amended(hold_roles=("owner",))) == []


def test_a_refusal_says_who_was_heard(bank: Bank) -> None:
    wanted = amended()
    named = [decide(bank, "amy", wanted), decide(bank, "ben", wanted, "reject"), decide(bank, "rita", wanted)]
    fields = {"policy": msgspec.to_builtins(wanted), "approvals": named}
    (reason,) = bank.reasons("policy.amended", **fields)
    assert (reason.rule, reason.missing) == ("amendment", ("1 more approval by approver",))
    assert "amy (entry 1)" in reason.found
    assert "Not ben (entry 3): it says reject." in reason.found


def test_one_person_is_one_voice_and_a_service_is_its_persons(bank: Bank) -> None:
    wanted = amended()
    risk = decide(bank, "rita", wanted)
    for one, two in (("amy", "amy"), ("tom", "job")):
        assert amend(bank, wanted, *sorted([decide(bank, one, wanted), decide(bank, two, wanted)]), risk) == ["amendment"]
    fields = {"of": {"policy": policy.identify(wanted)}, "decision": "approve", "meaning": "approval"}
    assert bank.refusals("approval.decided", "ghost", **fields, onBehalfOf=["ben"]) == ["persons"]


def test_an_expired_a_revoked_and_a_disputed_approval_do_not_count(bank: Bank) -> None:
    wanted = amended()
    named = [decide(bank, actor, wanted) for actor in ("amy", "ben", "rita")]
    revoked = decide(bank, "cat", wanted)
    bank.say(
        "approval.decided",
        "cat",
        of={"policy": policy.identify(wanted)},
        decision="revoke",
        meaning="approval",
        revokes=revoked,
    )
    assert amend(bank, wanted, *sorted([named[0], named[2], revoked])) == ["amendment"]
    key, index = bank.key_of("ben"), bank.state(f"approval/{named[1]}")["index"]
    bank.say("key.changed", of="ben", change="compromise", key=key, fromIndex=index)
    assert amend(bank, wanted, *named) == ["amendment"]


def test_an_approval_of_a_version_or_of_another_thing_is_none_of_a_policy(bank: Bank) -> None:
    wanted = amended()
    bank.train()
    other = bank.say("approval.decided", "amy", of={"member": "acme", "terms": A}, decision="approve", meaning="approval")
    named = sorted([other, bank.decide("ben"), decide(bank, "cat", wanted), decide(bank, "rita", wanted)])
    assert amend(bank, wanted, *named) == ["amendment"]


def test_no_waiver_helps(bank: Bank) -> None:
    bank.train()
    scope = {"version": A, "environment": "p", "expiresAt": "2027-01-01T00:00:00.000000Z"}
    for rule in ("amendment", "policy"):
        assert bank.refusals("waiver.granted", "rita", rule=rule, **scope) == ["waiver"]
    waiver = bank.waive("approvals", place="p")
    # A waiver is no approval, though both are known by an event id.
    assert amend(bank, amended(), waiver) == ["unknown", "amendment", "amendment"]


def test_members_and_protocols_follow_the_same_rule(bank: Bank) -> None:
    admit = {"member": "acme", "change": "admit", "validatorKey": A, "cosignerKey": B}
    assert bank.refusals("member.changed", **admit) == ["amendment", "amendment"]
    assert bank.refusals("protocol.upgraded", protocol=2) == ["amendment", "amendment"]
    assert bank.refusals("protocol.upgraded", protocol=3) == ["amendment", "amendment", "protocol"]
    bank.say("member.changed", **admit, approvals=agree(bank, admit))
    assert bank.state("member/acme")["status"] == "active"


def test_an_approval_of_a_member_is_for_one_change_with_all_its_terms(bank: Bank) -> None:
    admit = {"member": "acme", "change": "admit", "validatorKey": A, "cosignerKey": B}
    named = agree(bank, admit)
    for other in ({"member": "other"}, {"validatorKey": C}, {"cosignerKey": C}, {"change": "rotate"}):
        assert bank.refusals("member.changed", **{**admit, **other}, approvals=named)[:2] == ["amendment", "amendment"]
    bank.say("member.changed", **admit, approvals=named)
    # It is used up: what came before the last change of the member counts no more.
    assert bank.refusals("member.changed", **admit, approvals=named)[:2] == ["amendment", "amendment"]


def agree(bank: Bank, change: dict[str, str]) -> list[str]:
    """The approvals that a change of a member needs."""
    plain = {"change": "", "cosignerKey": "", "member": "", "publisherKey": "", "validatorKey": "", **change}
    terms = hashlib.sha256(json.dumps({k: v for k, v in plain.items() if v}, separators=(",", ":")).encode()).hexdigest()
    of = {"member": change["member"], "terms": terms}
    return [bank.say("approval.decided", actor, of=of, decision="approve", meaning="approval") for actor in ("amy", "ben", "rita")]


def test_what_brought_a_policy_into_force_does_not_bring_it_back() -> None:
    bank = Bank(amendment={"approver": 1})
    asked = (Agreement(role="approver", count=1),)
    first, second = amended(amendment=asked), amended(amendment=asked, hold_roles=("owner",))
    named, later = decide(bank, "amy", first), decide(bank, "amy", second)
    assert amend(bank, first, named) == []
    # Both were given before the policy that is in force now.
    assert (amend(bank, first, named), amend(bank, second, later)) == (["amendment"], ["amendment"])
    assert amend(bank, second, decide(bank, "amy", second)) == []
    (reason,) = bank.reasons("policy.amended", policy=msgspec.to_builtins(first), approvals=[named])
    assert reason.sentence() == (
        "The policy in force asks for 1 person in the role approver to approve this policy. "
        f"Counted: nobody. Not amy (entry 1): it was used up by entry {bank.state('policy')['index']}. "
        "Approvers run `muniment policy approve FILE`."
    )
    assert amend(bank, first, decide(bank, "amy", first)) == []


def test_the_rule_in_force_judges_two_amendments_of_one_block() -> None:
    bank = Bank()
    strict = amended(amendment=(Agreement(role="owner", count=1),))
    # Strict it is only from the next block on, so that nobody has to approve the second one either.
    verdicts = bank.block(
        bank.sign("policy.amended", policy=msgspec.to_builtins(strict)),
        bank.sign("policy.amended", policy=msgspec.to_builtins(amended())),
    )
    assert [verdict.decision for verdict in verdicts] == ["admitted", "admitted"]
    assert bank.state("policy")["digest"] == policy.identify(amended())


# The form of a policy


@pytest.mark.parametrize(
    "wrong",
    [
        {"amendment": [{"role": "king", "count": 1}]},
        {"amendment": [{"role": "owner", "count": 0}]},
        {"environments": [{"name": "p", "approvals": [{"role": "king", "count": 1}]}]},
        {"environments": [{"name": "p", "approvals": [{"role": "owner", "count": 0}]}]},
        {"holdRoles": ["king"]},
    ],
)
def test_a_policy_asks_for_roles_that_it_defines_and_for_at_least_one(wrong: dict[str, object]) -> None:
    plain = {"roles": [msgspec.to_builtins(EVERYTHING)], **wrong}
    with pytest.raises(InvalidInput) as caught:
        events.build("policy.amended", {**COMMON, "policy": plain})
    assert caught.value.code == "bad-policy"


def test_roles_are_those_of_the_policy_in_force(bank: Bank) -> None:
    (reason,) = bank.reasons("actor.enrolled", of="zoe", kind="person", roles=["approver", "king", "queen"])
    assert (reason.rule, reason.sentence()) == (
        "roles",
        "Roles are those of the policy in force: approver, owner, risk. It has no king, queen.",
    )
    bank.say("actor.enrolled", of="zoe", kind="person", roles=["approver"])


def test_environments_are_of_the_policy_in_force() -> None:
    bank = Bank(production())
    bank.train()
    wanted = {**msgspec.to_builtins(amended()), "environments": [{"name": "next"}]}
    verdicts = bank.block(
        bank.sign("policy.amended", policy=wanted),
        bank.sign("deployment.changed", transition="start", environment="next", name="m", version=A),
    )
    assert [verdict.decision for verdict in verdicts] == ["admitted", "refused"]
    assert bank.against(place="next") == []


def test_what_is_named_exists(bank: Bank) -> None:
    assert amend(bank, amended(), makers.next_id()) == ["unknown", "amendment", "amendment"]
