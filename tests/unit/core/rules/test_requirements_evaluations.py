"""What an environment asks of measurements: by arithmetic, on the right data, of this version."""

from __future__ import annotations

from typing import Any

import pytest

import makers
from machine import Bank, production
from muniment.core.format.decimal import Comparator
from muniment.core.rules.policy import Threshold

A, B, HOLDOUT = "a" * 64, "b" * 64, "e" * 64


def asking(comparator: Comparator = "ge", threshold: str = "0.90", metric: str = "auc", role: Any = "test") -> Threshold:
    """A threshold."""
    return Threshold(metric=metric, comparator=comparator, threshold=threshold, dataset_role=role)


@pytest.fixture
def bank() -> Bank:
    """Production asks for an auc of at least 0.90 on test data."""
    bank = Bank(production(evaluations=(asking(),)))
    bank.train()
    return bank


def test_a_measurement_that_is_named_and_good_enough_lets_it_pass(bank: Bank) -> None:
    good, bad = bank.measure("0.9"), bank.measure("0.899999")
    assert bank.against() == ["evaluations"]
    assert bank.against(evaluations=[bad]) == ["evaluations"]
    assert bank.against(evaluations=[good, bad]) == []


def test_a_refusal_says_what_was_measured(bank: Bank) -> None:
    bad, other = bank.measure("0.85"), bank.measure("0.95", datasetRole="training")
    mend = "Measure it: `muniment evaluate m@1 --metric auc=VALUE --role test`."
    (reason,) = bank.deploy(evaluations=[bad, other])
    assert reason.sentence() == (
        "production asks for auc of at least 0.90 on test data."
        " Not met by entry 5: auc was 0.85; entry 7: it measured on training data. " + mend
    )
    assert reason.missing == ("auc of at least 0.90 on test data",)
    (reason,) = bank.deploy()
    assert (
        reason.sentence() == "production asks for auc of at least 0.90 on test data. No measurement that is named shows it. " + mend
    )


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("comparator", ["eq", "ge", "gt", "le", "lt"])
def test_what_is_no_number_meets_nothing(comparator: Comparator, value: str) -> None:
    bank = Bank(production(evaluations=(asking(comparator, "0"),)))
    bank.train()
    assert bank.against(evaluations=[bank.measure(value)]) == ["evaluations"]


@pytest.mark.parametrize(
    ("comparator", "value", "met"),
    [
        ("eq", "9e-1", True),
        ("eq", "0.9000000000000000000000000000001", False),
        ("ge", "0.9", True),
        ("gt", "0.90", False),
        ("gt", "1e400", True),
        ("le", "0.90", True),
        ("lt", "-0.0", True),
        ("lt", "0.9", False),
    ],
)
def test_numbers_are_compared_exactly(comparator: Comparator, value: str, met: bool) -> None:
    bank = Bank(production(evaluations=(asking(comparator),)))
    bank.train()
    assert bank.against(evaluations=[bank.measure(value)]) == ([] if met else ["evaluations"])


def test_each_threshold_is_met_by_a_measurement_of_its_own() -> None:
    bank = Bank(production(evaluations=(asking(), asking(role="validation"), asking("le", "0.1", "bias"))))
    bank.train()
    auc, bias = bank.measure("0.95"), bank.measure("0.05", metric="bias")
    reasons = bank.deploy(evaluations=[auc, bias])
    assert [reason.missing for reason in reasons] == [("auc of at least 0.90 on validation data",)]
    assert bank.against(evaluations=[auc, bias, bank.measure("0.9", datasetRole="validation")]) == []


def test_every_slice_of_a_measurement_meets_the_threshold(bank: Bank) -> None:
    def sliced(*values: str) -> str:
        results = [{"metric": "auc", "value": value, "slice": [{"key": "age", "value": n}]} for n, value in enumerate(values)]
        return bank.measure("", results=[{"metric": "auc", "value": "0.96"}, *results])

    assert bank.against(evaluations=[sliced("0.95", "0.85")]) == ["evaluations"]
    assert bank.against(evaluations=[sliced("0.95", "NaN")]) == ["evaluations"]
    assert bank.against(evaluations=[sliced("0.95", "0.91")]) == []


def test_an_easy_slice_says_nothing_of_the_whole(bank: Bank) -> None:
    easy = [{"metric": "auc", "value": "0.99", "slice": [{"key": "segment", "value": "easy"}]}]
    assert bank.against(evaluations=[bank.measure("", results=easy)]) == ["evaluations"]


def test_only_a_measurement_of_this_version_counts(bank: Bank) -> None:
    bank.train(version=B)
    other = bank.measure("0.99", version=B)
    assert bank.against(evaluations=[other]) == ["evaluations"]
    assert bank.against(version=B, evaluations=[other]) == []
    assert bank.against(version=A, replaces=B, evaluations=[makers.next_id()]) == ["unknown", "evaluations"]


def test_a_measurement_that_says_no_role_or_another_metric_counts_for_nothing(bank: Bank) -> None:
    silent = bank.say("evaluation.completed", version=A, results=[{"metric": "auc", "value": "0.95"}])
    (reason,) = bank.deploy(evaluations=[silent])
    assert reason.found == "Not met by entry 5: it measured on data of no named role."
    (reason,) = bank.deploy(evaluations=[bank.measure("0.95", metric="f1")])
    assert reason.found == "Not met by entry 7: it says nothing of auc on the whole of its data."


def test_a_measurement_that_failed_its_own_plan_does_not_count(bank: Bank) -> None:
    plan = bank.say("evaluation.planned", model="m", metric="auc", comparator="ge", threshold="0.99")
    failed = bank.measure("0.95", plan=plan)
    (reason,) = bank.deploy(evaluations=[failed])
    assert reason.found == "Not met by entry 7: its plan was not met."
    assert bank.against(evaluations=[bank.measure("0.99", plan=plan)]) == []


# Plans


def test_a_plan_is_of_the_model_that_is_measured(bank: Bank) -> None:
    plan = bank.say("evaluation.planned", model="other", metric="auc", comparator="ge", threshold="0.9")
    results = [{"metric": "auc", "value": "0.95"}]
    (reason,) = bank.reasons("evaluation.completed", version=A, plan=plan, results=results)
    assert (reason.rule, reason.sentence()) == ("plan", "This plan is about other. The version belongs to m.")


def test_a_plan_that_names_data_is_met_on_that_data(bank: Bank) -> None:
    bank.data()
    bank.data(HOLDOUT, "holdout")
    asked = {"model": "m", "metric": "auc", "comparator": "ge", "threshold": "0.9"}
    plan = bank.say("evaluation.planned", **asked, data=HOLDOUT, datasetRole="validation")
    fields = {"version": A, "plan": plan, "results": [{"metric": "auc", "value": "0.95"}]}
    assert bank.refusals("evaluation.completed", **fields) == ["plan", "plan"]
    assert bank.refusals("evaluation.completed", **fields, data=HOLDOUT, datasetRole="test") == ["plan"]
    assert bank.refusals("evaluation.completed", **fields, data=bank.DATA, datasetRole="validation") == ["plan"]
    done = bank.say("evaluation.completed", **fields, data=HOLDOUT, datasetRole="validation")
    assert bank.state(f"evaluation/{done}")["passed"] is True


def test_a_plan_that_names_slices_is_met_on_each_of_them(bank: Bank) -> None:
    def at(age: int, region: str = "north") -> list[dict[str, object]]:
        return [{"key": "age", "value": age}, {"key": "region", "value": region}]

    def measured(*slices: object, metric: str = "auc") -> object:
        results = [{"metric": metric, "value": "0.95", "slice": each} for each in slices]
        done = bank.say("evaluation.completed", version=A, plan=plan, results=[{"metric": "auc", "value": "1"}, *results])
        return bank.state(f"evaluation/{done}")["passed"]

    asked = {"model": "m", "metric": "auc", "comparator": "ge", "threshold": "0.9"}
    plan = bank.say("evaluation.planned", **asked, slices=[at(1), at(2)])
    assert bank.state(f"plan/{plan}")["sliced"] is True
    assert measured(at(1)) is False
    assert measured(at(1), at(2, "south")) is False
    assert measured(at(1), at(2), metric="f1") is False
    assert measured(at(1), at(2), at(3)) is True
