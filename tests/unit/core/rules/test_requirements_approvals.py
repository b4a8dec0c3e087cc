"""What an environment asks of approvals: voices by role, their age and end, disputed keys, and rejections."""

from __future__ import annotations

import msgspec
import pytest

import machine as machines
from machine import Bank, World, production
from muniment.core.rules.requirements import Asked, hear

A, B = "a" * 64, "b" * 64


@pytest.fixture
def bank() -> Bank:
    """Production asks for two approvers and one of risk."""
    bank = Bank(production(approvals={"approver": 2, "risk": 1}))
    bank.train()
    return bank


def two(**terms: object) -> Bank:
    """Production asks for two approvers and for what else is given."""
    bank = Bank(production(approvals={"approver": 2}, **terms))
    bank.train()
    return bank


def test_enough_voices_of_each_role_let_it_pass(bank: Bank) -> None:
    named = [bank.decide(actor) for actor in ("amy", "ben", "rita")]
    assert bank.against(approvals=named[:2]) == ["approvals"]
    assert bank.against(approvals=named[2:]) == ["approvals"]
    assert bank.against() == ["approvals", "approvals"]
    assert bank.against(approvals=named) == []
    assert bank.state(f"version/{A}")["admitted"] == ["production"]


def test_a_refusal_says_what_is_there_and_what_is_missing(bank: Bank) -> None:
    reasons = bank.deploy(approvals=[bank.decide("amy")])
    assert [reason.sentence() for reason in reasons] == [
        "production asks for 2 approvals by approver. amy (entry 5) counts."
        " Let somebody else with that role approve it: `muniment approve m@1 --environment production`.",
        "production asks for 1 approval by risk. None counts. Not amy (entry 5): not in the role risk."
        " Let somebody else with that role approve it: `muniment approve m@1 --environment production`.",
    ]
    assert [reason.missing for reason in reasons] == [("1 more approval by approver",), ("1 more approval by risk",)]


def test_one_person_is_one_voice() -> None:
    bank = two()
    twice = [bank.decide("amy"), bank.decide("amy")]
    (reason,) = bank.deploy(approvals=twice)
    assert "Not amy (entry 7): the same person has spoken already." in reason.found
    assert bank.against(approvals=[twice[1], bank.decide("ben")]) == []


def test_a_service_speaks_with_the_voice_of_its_persons() -> None:
    bank = two()
    assert bank.against(approvals=[bank.decide("tom"), bank.decide("job")]) == ["approvals"]
    # All of an approval's persons have spoken, and it is one voice all the same.
    assert bank.against(approvals=[bank.decide("amy", onBehalfOf=["ben", "cat"]), bank.decide("ben")]) == ["approvals"]


def test_nobody_is_made_to_speak_by_a_service_that_nobody_answers_for() -> None:
    bank = two()
    of = {"version": A, "environment": "production"}
    for person in ("amy", "ben"):
        fields = {"of": of, "decision": "approve", "meaning": "approval", "onBehalfOf": [person]}
        assert bank.refusals("approval.decided", "ghost", **fields) == ["persons"]


@pytest.mark.parametrize("decision", ["reject", "conditional"])
def test_only_approving_counts(decision: str) -> None:
    bank = two()
    named = [bank.decide("amy"), bank.decide("ben", decision)]
    (reason,) = [each for each in bank.deploy(approvals=named) if each.rule == "approvals"]
    assert f"Not ben (entry 7): it says {decision}." in reason.found


def test_an_approval_is_of_one_version_and_one_environment() -> None:
    bank = Bank(production(approvals={"approver": 1}), production("test"))
    bank.train()
    bank.train(version=B)
    for other in (bank.decide("amy", version=B), bank.decide("amy", place="test")):
        (reason,) = bank.deploy(approvals=[other])
        assert "it is about something else" in reason.found
    assert bank.against(approvals=[bank.decide("amy")]) == []


def test_a_role_counts_as_it_was_held_at_admission() -> None:
    bank = two()
    named = [bank.decide("amy"), bank.decide("ben")]
    bank.say("actor.enrolled", of="ben", kind="person", roles=["risk"])
    late = bank.decide("ben")
    assert bank.against(approvals=[named[0], late]) == ["approvals"]
    assert bank.against(approvals=named) == []


def test_an_approval_ends_at_its_expiry() -> None:
    bank = two()
    # The blocks are a second apart: this one expires with the block of the first deployment, which is too late.
    moments = [machines.time.format(machines.time.parse(bank.position.time) + seconds * machines.SECOND) for seconds in (3, 5)]
    named = [bank.decide("amy"), bank.decide("ben", expiresAt=moments[0])]
    (reason,) = bank.deploy(approvals=named)
    assert f"Not ben (entry 7): it expired at {moments[0]}." in reason.found
    assert bank.against(approvals=[named[0], bank.decide("ben", expiresAt=moments[1])]) == []


def test_an_approval_may_be_so_old_and_no_older() -> None:
    bank = two(max_approval_age_days=30)
    named = [bank.decide("amy"), bank.decide("ben")]
    # The next block comes a second later by itself: 30 days after the second approval, 30 days and a second after the first.
    bank.waited = 30 * 24 * 3_600 * machines.SECOND - machines.SECOND
    (reason,) = bank.deploy(approvals=named)
    assert "ben (entry 7) counts. Not amy (entry 5): it is older than 30 days." in reason.found
    bank.waited = 0
    assert bank.against(approvals=[bank.decide("amy"), bank.decide("cat")]) == []


def test_a_revoked_approval_counts_no_more() -> None:
    bank = two()
    named = [bank.decide("amy"), bank.decide("ben")]
    bank.decide("ben", "revoke", revokes=named[1])
    (reason,) = bank.deploy(approvals=named)
    assert "Not ben (entry 7): it was revoked." in reason.found


@pytest.mark.parametrize(("before", "against"), [(0, ["approvals"]), (-1, [])])
def test_what_a_disputed_key_approved_does_not_count(before: int, against: list[str]) -> None:
    bank = two()
    named = [bank.decide("amy"), bank.decide("ben")]
    index = bank.state(f"approval/{named[1]}")["index"]
    bank.say("key.changed", of="ben", change="compromise", key=bank.key_of("ben"), fromIndex=index - before)
    reasons = bank.deploy(approvals=named)
    assert [reason.rule for reason in reasons] == against
    assert all("Not ben (entry 7): its key was compromised: approval disputed." in reason.found for reason in reasons)


def test_a_rejection_blocks_until_it_is_revoked() -> None:
    bank = two()
    named = [bank.decide("amy"), bank.decide("ben")]
    rejections = [bank.decide("cat", "reject"), bank.decide("dan", "reject")]
    assert bank.state(f"version/{A}")["rejected"] == [{"count": 2, "environment": "production"}]
    (reason,) = bank.deploy(approvals=named)
    assert (reason.rule, reason.found) == ("rejected", "m@1 has 2 open rejections.")
    assert reason.missing == ("the revocation of 2 rejections",)
    bank.decide("cat", "revoke", revokes=rejections[0])
    (reason,) = bank.deploy(approvals=named)
    assert reason.found == "m@1 has 1 open rejection."
    bank.decide("dan", "revoke", revokes=rejections[1])
    assert "rejected" not in bank.state(f"version/{A}")
    assert bank.against(approvals=named) == []


def test_a_rejection_is_for_one_environment() -> None:
    bank = Bank(production("live"), production("test"))
    bank.train()
    bank.decide("amy", "reject", "test")
    assert bank.against(place="test") == ["rejected"]
    assert bank.against(place="live") == []


def test_events_of_a_block_see_each_other() -> None:
    bank = two()
    of = {"version": A, "environment": "production"}
    decision = {"of": of, "decision": "approve", "meaning": "approval"}
    ids = [machines.makers.next_id() for _ in range(3)]
    deploy = {"transition": "start", "name": "m", "environment": "production", "version": A, "approvals": ids[:2]}
    verdicts = bank.block(
        bank.sign("approval.decided", "amy", event_id=ids[0], **decision),
        bank.sign("deployment.changed", **deploy),
        bank.sign("approval.decided", "ben", event_id=ids[1], **decision),
        bank.sign("deployment.changed", **deploy),
        bank.sign("deployment.changed", **{**deploy, "transition": "stop", "approvals": []}),
        bank.sign("approval.decided", "ben", **{**decision, "decision": "revoke"}, revokes=ids[1]),
        bank.sign("deployment.changed", **deploy),
    )
    assert [[reason.rule for reason in verdict.reasons] for verdict in verdicts] == [
        [],
        ["unknown", "approvals"],
        [],
        [],
        [],
        [],
        ["approvals"],
    ]


def test_what_is_scaled_or_stopped_needs_no_approval() -> None:
    bank = two()
    assert bank.against(approvals=[bank.decide("amy"), bank.decide("ben")]) == []
    bank.decide("cat", "reject")
    assert bank.against(transition="scale") == []
    assert bank.against(transition="promote") == ["rejected", "approvals"]
    assert bank.against(transition="stop") == []


@pytest.mark.parametrize("moment", ["2026-02-30T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z"])
def test_an_approval_of_no_day_of_the_calendar_is_too_old_and_no_error(moment: str) -> None:
    """A header of another ledger's operator may say 30 February; judging it again still ends in a verdict."""
    bank = two()
    approval = bank.decide("amy")
    asked = Asked(of=f"version/{A}", environment="production", time="2026-02-30T00:00:00.000000Z", max_age_days=30)
    for each in (asked, msgspec.structs.replace(asked, time=moment)):
        (heard,) = hear(World(bank), each, [approval])
        assert heard.silent == ("" if each.time.startswith("2026-02-01") else "it is older than 30 days")
