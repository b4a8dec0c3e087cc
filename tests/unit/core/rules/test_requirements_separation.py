"""Who has to be kept apart: trainer, registrar, evaluator and deployer, compared by the persons who answer."""

from __future__ import annotations

from typing import Any

import pytest

from machine import Bank, production

A = "a" * 64


def apart(*parties: str, count: int = 1, **terms: Any) -> Bank:
    """Production asks for approvers who are not one of these parties."""
    return Bank(production(approvals={"approver": count}, separation=tuple(sorted(parties)), **terms))


def refused(bank: Bank, actor: str, **fields: object) -> list[str]:
    """The rules by which an approval of the version is refused."""
    of = {"version": A, "environment": "production"}
    return bank.refusals("approval.decided", actor, of=of, decision="approve", meaning="approval", **fields)


@pytest.mark.parametrize("actor", ["tom", "job"])
@pytest.mark.parametrize("trainer", ["tom", "job"])
def test_the_trainer_approves_nothing_of_his_own_nor_does_his_service(trainer: str, actor: str) -> None:
    bank = apart("trainer")
    bank.train(trainer, registrar="ada")
    assert refused(bank, actor) == ["separation"]
    assert refused(bank, "amy", onBehalfOf=["tom"]) == ["separation"]
    assert bank.against(approvals=[bank.decide("amy")]) == []


def test_the_refusal_names_the_person() -> None:
    bank = apart("registrar", "trainer")
    bank.train("job", registrar="dan")
    of = {"version": A, "environment": "production"}
    # Dan registered what came out of Tom's run, so that he is held to have had a part in it.
    for actor, parties in (("tom", ["trainer"]), ("dan", ["trainer", "registrar"])):
        reasons = bank.reasons("approval.decided", actor, of=of, decision="approve", meaning="approval")
        assert [(reason.rule, reason.sentence()) for reason in reasons] == [
            (
                "separation",
                f"In production nobody approves what the same person has made: approvers are apart from the {party}. "
                f"The {party} is {actor}. Somebody else approves it: `muniment approve m@1 --environment production`.",
            )
            for party in parties
        ]


def test_who_ended_a_run_or_was_acted_for_is_its_trainer() -> None:
    bank = apart("trainer")
    run = bank.train("ada", onBehalfOf=["amy"])
    bank.say("training.finished", "tom", run=run, status="finished")
    assert [refused(bank, actor) for actor in ("ada", "amy", "tom")] == [["separation"]] * 3
    assert bank.against(approvals=[bank.decide("ben")]) == []


def test_a_version_without_a_run_was_trained_by_its_registrar() -> None:
    bank = apart("trainer")
    bank.say("model.registered", "tom", model="m", version=A, derivation="imported")
    assert refused(bank, "tom") == ["separation"]


@pytest.mark.parametrize("also", [[], ["tom"]])
def test_nobody_hides_behind_the_run_of_another(also: list[str]) -> None:
    bank = apart("trainer")
    run = bank.say("training.started", "tom")
    fields = {"onBehalfOf": also} if also else {}
    bank.say("model.registered", "dan", model="m", version=A, derivation="trained", run=run, **fields)
    assert [refused(bank, actor) for actor in ("tom", "dan")] == [["separation"], ["separation"]]
    assert bank.against(approvals=[bank.decide("amy")]) == []


def test_nobody_hides_behind_a_service_that_nobody_answers_for() -> None:
    bank = apart("trainer")
    run = bank.say("training.started", "tom")
    bank.say("model.registered", "ghost", model="m", version=A, derivation="trained", run=run)
    assert refused(bank, "dan") == ["separation"]


def test_a_run_that_nobody_started_stays_nobodys(  # whoever ends it or registers what it made
) -> None:
    bank = apart("trainer")
    run = bank.train("ghost", registrar="ada")
    bank.say("training.finished", "tom", run=run, status="finished")
    assert "persons" not in bank.state(f"run/{run}")
    assert refused(bank, "amy") == ["separation"]


@pytest.mark.parametrize("decision", ["reject", "conditional"])
def test_the_trainer_may_still_object(decision: str) -> None:
    bank = apart("trainer")
    bank.train()
    bank.decide("tom", decision)


def test_an_approval_that_came_before_its_author_became_a_party_does_not_count() -> None:
    bank = apart("trainer")
    run = bank.train("ada")
    approval = bank.decide("tom")
    bank.say("training.finished", "job", run=run, status="finished")
    (reason,) = bank.deploy(approvals=[approval])
    assert (reason.rule, reason.found) == ("separation", "None counts. Not tom (entry 5): the same person is the trainer.")


@pytest.mark.parametrize("deployer", ["tom", "job"])
def test_the_deployer_is_kept_apart_through_his_service_too(deployer: str) -> None:
    bank = apart("deployer")
    bank.train("ada")
    named = [bank.decide("tom")]
    assert bank.against(deployer, approvals=named) == ["separation"]
    assert bank.against("ada", approvals=named, onBehalfOf=["tom"]) == ["separation"]
    assert bank.against("ada", approvals=named) == []


def test_the_evaluator_is_who_measured_what_is_named() -> None:
    bank = apart("evaluator")
    bank.train("ada")
    named = [bank.decide("tom")]
    measured, other = bank.measure("0.9", "job"), bank.measure("0.9", "ada")
    assert bank.against(approvals=named, evaluations=sorted([measured, other])) == ["separation"]
    assert bank.against(approvals=named, evaluations=[other]) == []
    assert bank.against(transition="promote", approvals=named) == []


def test_naming_what_nobody_measured_gives_the_evaluator_no_waiver() -> None:
    bank = apart("evaluator")
    bank.train("ada")
    named, measured = [bank.decide("amy")], sorted([bank.measure("1", "ghost"), bank.measure("1", "tom")])
    mine, other = bank.waive("separation", "tom"), bank.waive("separation")
    assert bank.against(approvals=named, evaluations=measured, waivers=[mine]) == ["separation"]
    assert bank.against(approvals=named, evaluations=measured, waivers=[other]) == []


def test_a_role_that_falls_short_anyway_is_refused_by_approvals() -> None:
    bank = apart("deployer", count=2)
    bank.train("ada")
    named = [bank.decide("tom"), bank.decide("amy")]
    assert bank.against("tom", approvals=named) == ["separation"]
    assert bank.against("tom", approvals=named[:1]) == ["approvals"]
    (reason,) = bank.deploy("tom", approvals=named)
    assert reason.sentence() == (
        "production asks for 2 approvals by approver, apart from the deployer."
        " amy (entry 7) counts. Not tom (entry 5): the same person is the deployer."
        " Let somebody else with that role approve it: `muniment approve m@1 --environment production`."
    )
    assert reason.missing == ("1 more approval by approver",)


@pytest.mark.parametrize("party", ["trainer", "registrar"])
def test_where_nobody_answers_for_a_party_nobody_can_be_kept_apart(party: str) -> None:
    bank = apart(party)
    bank.train("ghost", onBehalfOf=["ada"])
    of = {"version": A, "environment": "production"}
    (reason,) = bank.reasons("approval.decided", "amy", of=of, decision="approve", meaning="approval")
    assert (reason.rule, reason.found) == ("separation", f"Nobody answers for the {party}.")
    assert bank.against() == ["separation"]


def test_where_nobody_answers_for_the_deployer_or_for_a_measurement_no_approval_counts() -> None:
    bank = apart("deployer", "evaluator")
    bank.train("ada")
    named, measured = [bank.decide("amy")], sorted([bank.measure("1", "ghost"), bank.measure("1", "tom")])
    (reason,) = bank.deploy("ghost", approvals=named)
    assert (reason.rule, "Nobody answers for the deployer" in reason.found) == ("separation", True)
    assert bank.against(approvals=named, evaluations=measured) == ["separation"]
    assert bank.against(approvals=named) == []


def test_where_no_approval_is_asked_for_nobody_is_kept_apart() -> None:
    bank = Bank(production(separation=("deployer", "trainer")))
    bank.train("ghost")
    assert bank.against("ghost") == []
