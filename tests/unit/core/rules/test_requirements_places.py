"""Environments: which there are, what is asked everywhere, and what may come back."""

from __future__ import annotations

import pytest

import machine as machines
from machine import Bank, production

A, B, C, D = "a" * 64, "b" * 64, "c" * 64, "d" * 64
AWARE = {"severity": "high", "awareAt": "2026-11-23T00:00:00.000000Z"}
SCOPE = {"version": A, "environment": "elsewhere"}


@pytest.fixture
def bank() -> Bank:
    """Production asks for one approver; two versions of one data set."""
    bank = Bank(production(approvals={"approver": 1}))
    bank.data()
    for version in (A, B):
        bank.train(version=version, inputs=[{"data": D, "role": "training"}])
    return bank


def admit(bank: Bank, version: str, **fields: object) -> None:
    """Start a version with an approval."""
    assert bank.against(version=version, approvals=[bank.decide("amy", version=version)], **fields) == []


def test_a_policy_that_lists_no_environment_asks_nothing_of_any() -> None:
    bank = Bank()
    bank.train("ghost")
    bank.decide("amy", "reject", "anywhere")
    assert bank.against("ghost", place="anywhere") == []
    # Where nothing was asked, nothing was met that a later policy could take for granted.
    assert "admitted" not in bank.state(f"version/{A}")


def test_a_policy_that_lists_some_refuses_any_other(bank: Bank) -> None:
    (reason,) = bank.deploy(place="elsewhere")
    assert (reason.rule, reason.sentence()) == (
        "environment",
        "Versions run in the environments that the policy lists. It lists production, and not elsewhere. "
        "Name one of them, or amend the policy.",
    )
    for decision in ("approve", "conditional", "reject"):
        fields = {"of": SCOPE, "decision": decision, "meaning": "approval"}
        assert bank.refusals("approval.decided", "amy", **fields) == ["environment"]
    waiver = {"rule": "hold", "expiresAt": "2027-01-01T00:00:00.000000Z"}
    assert bank.refusals("waiver.granted", "rita", **SCOPE, **waiver) == ["environment"]


def test_what_is_asked_everywhere_is_asked_of_unlisted_ones_too(bank: Bank) -> None:
    bank.say("incident.recorded", version=A, hold=True, **AWARE)
    bank.say("dataset.withdrawn", data=D, cause="consent")
    assert bank.against(place="elsewhere") == ["environment", "hold", "withdrawn"]


def test_what_runs_in_an_environment_that_was_taken_off_the_list_can_be_stopped(bank: Bank) -> None:
    admit(bank, A)
    bank.say("policy.amended", policy={**AMENDED, "environments": [{"name": "other"}]})
    assert bank.against(transition="rollback") == ["environment"]
    assert bank.against(transition="scale") == []
    assert bank.against(transition="stop") == []


@pytest.mark.parametrize("transition", ["start", "promote", "rollback"])
def test_a_hold_stops_every_transition_into_service(bank: Bank, transition: str) -> None:
    admit(bank, A, name="other")
    incident = bank.say("incident.recorded", version=A, hold=True, **AWARE)
    bank.say("incident.recorded", version=A, hold=True, **AWARE)
    (reason, *_) = bank.deploy(transition=transition, approvals=[bank.decide("amy")])
    assert reason.sentence() == (
        "A version on hold is not deployed. m@1 has 2 open holds. Release what holds it: `muniment hold --release m@1`."
    )
    assert reason.missing == ("the release of 2 holds",)
    bank.say("incident.closed", incident=incident, version=A)
    assert bank.deploy(transition=transition, approvals=[bank.decide("amy")])[0].found == "m@1 has 1 open hold."


def test_a_version_that_was_admitted_comes_back_without_new_approvals(bank: Bank) -> None:
    admit(bank, A)
    admit(bank, B, replaces=A, transition="promote")
    assert bank.against(transition="promote", version=A, replaces=B) == ["approvals"]
    assert bank.against(transition="rollback", version=A, replaces=B) == []


def test_what_was_rejected_does_not_come_back_either(bank: Bank) -> None:
    admit(bank, A)
    admit(bank, B, replaces=A, transition="promote")
    rejection = bank.decide("cat", "reject")
    assert bank.against(transition="rollback", version=A, replaces=B) == ["rejected"]
    of = {"version": A, "environment": "production"}
    bank.say("approval.decided", "cat", of=of, decision="revoke", revokes=rejection, meaning="approval")
    assert bank.against(transition="rollback", version=A, replaces=B) == []


def test_a_version_that_was_never_admitted_does_not_come_back(bank: Bank) -> None:
    admit(bank, A)
    assert bank.against(transition="rollback", version=B, replaces=A) == ["approvals"]


@pytest.mark.parametrize("rule", ["hold", "retired", "withdrawn"])
def test_a_rollback_is_stopped_by_a_hold_a_retirement_or_a_withdrawal(bank: Bank, rule: str) -> None:
    admit(bank, A)
    admit(bank, B, replaces=A, transition="promote")
    if rule == "hold":
        bank.say("incident.recorded", version=A, hold=True, **AWARE)
    elif rule == "retired":
        bank.say("model.retired", model="m", version=A, cause="defect")
    else:
        bank.say("dataset.withdrawn", data=D, cause="consent")
    assert bank.against(transition="rollback", version=A, replaces=B) == [rule]


def test_scaling_what_only_a_waiver_let_in_admits_nothing(bank: Bank) -> None:
    assert bank.against(waivers=[bank.waive("approvals")]) == []
    assert bank.against(transition="scale") == []
    assert bank.against(transition="stop") == []
    assert "admitted" not in bank.state(f"version/{A}")
    assert bank.against(transition="rollback") == ["approvals"]


def test_a_waiver_that_was_not_needed_takes_nothing_away(bank: Bank) -> None:
    admit(bank, A, waivers=[bank.waive("approvals"), bank.waive("hold")])
    assert bank.state(f"version/{A}")["admitted"] == ["production"]


def test_a_retired_version_does_not_run_again(bank: Bank) -> None:
    bank.say("model.retired", model="m", version=A, cause="defect")
    (reason,) = bank.deploy(approvals=[bank.decide("amy")])
    assert reason.sentence() == "A retired version does not run again. m@1 is retired. Deploy another version."


def test_reasons_gather_in_their_order(bank: Bank) -> None:
    bank.say("incident.recorded", version=A, hold=True, **AWARE)
    bank.say("dataset.withdrawn", data=D, cause="consent")
    bank.say("model.retired", model="m", version=A, cause="defect")
    bank.decide("cat", "reject")
    named = [machines.makers.next_id()]
    asked = ["retired", "hold", "withdrawn", "rejected", "approvals"]
    assert bank.against() == asked
    assert bank.against(replaces=B, approvals=named) == ["unknown", "replaces", *asked]
    # Of a version that nobody registered nothing else is asked.
    assert bank.against(version=C, approvals=named) == ["unknown", "unknown"]


def test_an_unknown_requirement_cannot_be_met_by_another_environment() -> None:
    bank = Bank(production("a", approvals={"approver": 1}), production("b"))
    bank.train()
    assert bank.against(place="b") == []
    assert bank.against(transition="rollback", place="a") == ["approvals"]


AMENDED = {"roles": [{"name": "owner", "may": ["*"]}]}
