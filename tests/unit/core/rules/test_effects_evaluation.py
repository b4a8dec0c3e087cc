"""Effects of evaluations: plans, results, and what passes."""

from __future__ import annotations

import pytest

import makers
from machine import Machine

A, C, LOANS = "a" * 64, "c" * 64, "d" * 64


def test_a_plan_says_what_will_be_asked(registered: Machine) -> None:
    fields = {"metric": "auc", "comparator": "ge", "threshold": "0.9", "datasetRole": "test"}
    index = registered.position.frontier.size
    plan = registered.say("evaluation.planned", model="m", data=LOANS, **fields)
    assert registered.state(f"plan/{plan}") == {"data": LOANS, "index": index, "model": "m", **fields}
    assert registered.refusals("evaluation.planned", model="m", data=C, **fields) == ["unknown"]


def test_a_plan_may_come_before_the_first_version(machine: Machine) -> None:
    machine.say("evaluation.planned", "ci", model="m", metric="auc", comparator="ge", threshold="0.9")
    assert machine.state("model/m") == {"count": 0}
    # Whoever registers the first version owns the model, not who planned its evaluation.
    machine.say("model.registered", model="m", version=A, derivation="trained")
    assert machine.state("model/m") == {"count": 1, "latest": A, "owner": "ada"}
    assert machine.state(f"version/{A}")["ordinal"] == 1


@pytest.mark.parametrize(
    ("results", "passed"),
    [
        ([("auc", "0.9")], True),
        ([("auc", "0.90")], True),
        ([("auc", "9e-01")], True),
        ([("auc", "0.8999999999999999999999")], False),
        ([("auc", "NaN")], False),
        ([("auc", "Infinity")], False),
        ([("f1", "0.99")], False),
        ([("auc", "0.95"), ("f1", "0.1")], True),
        ([("auc", "0.95"), ("auc", "0.1")], False),
        ([("auc", "1e400"), ("f1", "-1e-400")], True),
    ],
)
def test_passing_is_arithmetic(registered: Machine, results: list[tuple[str, str]], passed: bool) -> None:
    plan = registered.say("evaluation.planned", model="m", metric="auc", comparator="ge", threshold="0.9")
    listed = [
        {"metric": metric, "value": value, **({"slice": [{"key": "age", "value": at}]} if at else {})}
        for at, (metric, value) in enumerate(results)
    ]
    done = registered.say("evaluation.completed", version=A, plan=plan, results=listed)
    index = registered.position.frontier.size - 2
    assert registered.state(f"evaluation/{done}") == {
        "index": index,
        "passed": passed,
        "persons": ["ada"],
        "plan": plan,
        "version": A,
    }


def test_an_evaluation_names_what_exists(registered: Machine) -> None:
    results = [{"metric": "auc", "value": "1"}]
    fields = {"version": C, "data": C, "plan": makers.next_id(), "results": results}
    assert registered.refusals("evaluation.completed", **fields) == ["unknown"] * 3
    done = registered.say("evaluation.completed", version=A, data=LOANS, results=results)
    assert "passed" not in registered.state(f"evaluation/{done}")
