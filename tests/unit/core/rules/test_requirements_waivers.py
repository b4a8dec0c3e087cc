"""What a waiver lets pass: its own rule, version and environment, until its end, by somebody who has no part in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import machine as machines
from machine import Bank, production
from muniment.core.rules.policy import DataTerms, Threshold
from muniment.core.rules.requirements import WAIVABLE

A, B, D = "a" * 64, "b" * 64, "d" * 64
AWARE = {"severity": "high", "awareAt": "2026-11-23T00:00:00.000000Z"}


def bank(**terms: Any) -> Bank:
    """A version that Tom trained and registered, and what production asks for."""
    bank = Bank(production(**terms), production("test"))
    bank.data()
    bank.train(inputs=[{"data": D, "role": "training"}])
    return bank


def held(bank: Bank) -> None:
    bank.say("incident.recorded", version=A, hold=True, **AWARE)


def rejected(bank: Bank) -> None:
    bank.decide("amy", "reject")


def retired(bank: Bank) -> None:
    bank.say("model.retired", model="m", version=A, cause="cost")


def withdrawn(bank: Bank) -> None:
    bank.say("dataset.withdrawn", data=D, cause="consent")


def untouched(bank: Bank) -> None:
    """What speaks against the version is what it lacks."""


def unknown() -> Bank:
    bank = Bank(production(data=DataTerms(allow_unknown_ancestry=False)), production("test"))
    bank.train()
    return bank


AUC = Threshold(metric="auc", comparator="ge", threshold="0.9", dataset_role="test")
CASES: dict[str, tuple[Callable[[], Bank], Callable[[Bank], None]]] = {
    "approvals": (lambda: bank(approvals={"approver": 1}), untouched),
    "evaluations": (lambda: bank(evaluations=(AUC,)), untouched),
    "hold": (bank, held),
    "licence": (lambda: bank(data=DataTerms(licences=("MIT",))), untouched),
    "purpose": (lambda: bank(data=DataTerms(purposes=("credit",))), untouched),
    "rejected": (bank, rejected),
    "retired": (bank, retired),
    "unknown-ancestry": (unknown, untouched),
    "withdrawn": (bank, withdrawn),
}


def test_every_rule_that_can_be_waived_is_tried() -> None:
    assert sorted({*CASES, "gate", "separation"}) == list(WAIVABLE)


@pytest.mark.parametrize("rule", CASES)
def test_a_waiver_lets_its_own_rule_pass_and_no_other(rule: str) -> None:
    found, prepare = CASES[rule]
    bank = found()
    prepare(bank)
    assert bank.against() == [rule]
    wrong = [bank.waive(other) for other in WAIVABLE if other != rule]
    # `separation` waives nothing here, since nobody is kept apart.
    assert bank.against(waivers=wrong) == [rule]
    assert bank.against(waivers=[*wrong, bank.waive(rule)]) == []
    # What only a waiver let pass was not admitted by the policy: it comes back only with a waiver.
    assert "admitted" not in bank.state(f"version/{A}")
    assert bank.against(transition="stop") == []
    assert bank.against(transition="rollback") == [rule]


def test_a_waiver_is_for_one_version_in_one_environment() -> None:
    bank, prepare = CASES["approvals"][0](), CASES["approvals"][1]
    prepare(bank)
    bank.train(version=B)
    elsewhere = [bank.waive("approvals", version=B), bank.waive("approvals", place="test")]
    assert bank.against(waivers=elsewhere) == ["approvals"]
    assert bank.against(waivers=elsewhere, version=B) == []


def test_a_waiver_ends_at_its_expiry() -> None:
    bank = CASES["hold"][0]()
    held(bank)
    ends = machines.time.format(machines.time.parse(bank.position.time) + 3 * machines.SECOND)
    waiver = bank.waive("hold", expiresAt=ends)
    assert bank.against(name="x", waivers=[waiver]) == []
    assert bank.position.time < ends
    assert bank.against(name="y", waivers=[waiver]) == ["hold"]


@pytest.mark.parametrize(("later", "against"), [(0, ["hold"]), (1, [])])
def test_a_waiver_of_a_disputed_key_lets_nothing_pass(later: int, against: list[str]) -> None:
    bank = CASES["hold"][0]()
    held(bank)
    waiver = bank.waive("hold")
    index = bank.state(f"waiver/{waiver}")["index"]
    bank.say("key.changed", of="rita", change="compromise", key=bank.key_of("rita"), fromIndex=index + later)
    assert bank.against(waivers=[waiver]) == against


@pytest.mark.parametrize("granter", ["job", "tom"])
def test_nobody_waives_approvals_for_what_is_his_own(granter: str) -> None:
    bank = CASES["approvals"][0]()
    assert bank.against(waivers=[bank.waive("approvals", granter)]) == []
    bank = Bank(production(approvals={"approver": 1}, separation=("trainer",)))
    bank.train()
    assert bank.against(waivers=[bank.waive("approvals", granter)]) == ["approvals"]
    assert bank.against(waivers=[bank.waive("approvals", onBehalfOf=["tom"])]) == ["approvals"]
    assert bank.against(waivers=[bank.waive("approvals")]) == []


def test_the_deployer_does_not_waive_for_himself() -> None:
    bank = Bank(production(approvals={"approver": 1}, separation=("deployer",)))
    bank.train("ada")
    waiver = bank.waive("approvals", "dan")
    assert bank.against("dan", waivers=[waiver]) == ["approvals"]
    assert bank.against("ada", waivers=[waiver]) == []


# Separation


def apart() -> tuple[Bank, list[str]]:
    """Production asks for two approvers apart from the deployer; Tom and Amy approve, and Tom deploys."""
    bank = Bank(production(approvals={"approver": 2}, separation=("deployer",)))
    bank.train("ada")
    return bank, [bank.decide("tom"), bank.decide("amy")]


def test_a_waiver_of_separation_lets_the_voices_of_the_parties_count() -> None:
    bank, named = apart()
    assert bank.against("tom", approvals=named, waivers=[bank.waive("approvals")]) == ["separation"]
    assert bank.against("tom", approvals=named, waivers=[bank.waive("separation", "tom")]) == ["separation"]
    assert bank.against("tom", approvals=named, waivers=[bank.waive("separation", "job")]) == ["separation"]
    assert bank.against("tom", approvals=named, waivers=[bank.waive("separation")]) == []
    assert "admitted" not in bank.state(f"version/{A}")


def test_under_a_waiver_of_separation_its_author_has_no_voice() -> None:
    bank, named = apart()
    mine = bank.waive("separation", "amy")
    assert bank.against("tom", approvals=named, waivers=[mine]) == ["separation"]
    more = [*named, bank.decide("ben")]
    assert bank.against("tom", approvals=more, waivers=[mine]) == []
    # Each waiver is asked by itself: one that fits is enough.
    bank, named = apart()
    both = [bank.waive("separation", "amy"), bank.waive("separation")]
    assert bank.against("tom", approvals=named, waivers=both) == []


def test_a_waiver_of_separation_makes_up_for_no_missing_voice() -> None:
    bank, named = apart()
    assert bank.against("tom", approvals=named[:1], waivers=[bank.waive("separation")]) == ["approvals"]
    assert bank.against("tom", approvals=named[:1], waivers=[bank.waive("separation"), bank.waive("approvals")]) == []


def test_a_party_that_nobody_answers_for_is_waived_like_any_other() -> None:
    bank, named = apart()
    assert bank.against("ghost", approvals=named) == ["separation"]
    assert bank.against("ghost", approvals=named, waivers=[bank.waive("separation")]) == []


# What is granted


def test_a_waiver_is_of_a_rule_that_can_be_waived() -> None:
    bank = CASES["hold"][0]()
    scope = {"version": A, "environment": "production", "expiresAt": "2027-01-01T00:00:00.000000Z"}
    for rule in ("amendment", "ancestry-limit", "environment", "role"):
        (reason,) = bank.reasons("waiver.granted", "rita", rule=rule, **scope)
        assert (reason.rule, reason.found) == ("waiver", f"This one is of {rule}.")
    assert reason.required == f"A waiver is of one of these rules: {', '.join(WAIVABLE)}."


def test_a_waiver_ends_later_than_it_begins_and_is_answered_for() -> None:
    bank = CASES["hold"][0]()
    now = machines.time.format(machines.time.parse(bank.position.time) + machines.SECOND)
    scope = {"rule": "hold", "version": A, "environment": "production"}
    (reason,) = bank.reasons("waiver.granted", "rita", **scope, expiresAt=now)
    assert (reason.rule, reason.sentence()) == (
        "expired",
        f"An expiry lies in the future. {now} is past: the block's time is {now}.",
    )
    late = {**scope, "expiresAt": "2027-01-01T00:00:00.000000Z"}
    assert bank.refusals("waiver.granted", "ghost", **late) == ["persons"]
    assert bank.refusals("waiver.granted", "ghost", **late, onBehalfOf=["rita"]) == ["persons"]
    assert bank.refusals("waiver.granted", "rita", **{**late, "environment": "other"}) == ["environment"]
