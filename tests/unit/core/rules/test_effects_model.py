"""Effects of models: versions, parameters, retirement."""

from __future__ import annotations

import hashlib

import pytest

import makers
from machine import Machine

A, B, C, LOANS = "a" * 64, "b" * 64, "c" * 64, "d" * 64


def test_a_version_gets_the_next_ordinal_of_its_model(registered: Machine) -> None:
    run = registered.say("training.started")
    registered.say("model.registered", "ci", model="m", version=C, derivation="trained", run=run)
    made = registered.position.frontier.size - 2
    assert registered.state(f"version/{C}") == {"made": made, "model": "m", "ordinal": 3, "run": run, "status": "registered"}
    # The owner is who registered the first one.
    assert registered.state("model/m") == {"count": 3, "latest": C, "owner": "ada"}
    assert registered.state(f"run/{run}")["model"] == "m"


def test_what_a_version_is_made_of_exists(machine: Machine) -> None:
    fields = {"model": "m", "version": A, "derivation": "merged"}
    assert machine.refusals("model.registered", **fields, parents=[B, C], data=[LOANS]) == ["unknown"] * 3
    assert machine.refusals("model.registered", **fields, run=makers.next_id()) == ["unknown"]


def test_a_version_is_registered_once(registered: Machine) -> None:
    before = registered.position
    (again,) = registered.block(registered.sign("model.registered", model="m", version=A, derivation="imported"))
    assert (again.decision, again.index) == ("repeated", 3)
    (other,) = registered.block(registered.sign("model.registered", model="other", version=A, derivation="trained"))
    assert [reason.rule for reason in other.reasons] == ["once"]
    assert "m@1" in other.reasons[0].found
    assert registered.position == before
    assert registered.record("model/other") is None


@pytest.mark.parametrize("value", [1, True, False, -1, "0.5", "-1.5e-400", "words", {"sealed": "A" * 43, "digest": A}])
def test_a_parameter_keeps_its_newest_value(registered: Machine, value: object) -> None:
    stream = f"parameter/version/{A}/{hashlib.sha256(b'threshold/score.cutoff').hexdigest()}"
    fields = {"of": {"version": A}, "target": "threshold", "path": "score.cutoff"}
    registered.say("parameter.changed", **fields, new="0.4")
    registered.say("parameter.changed", **fields, new=value)
    index = registered.position.frontier.size - 2
    state = registered.state(stream)
    assert state == {"index": index, "value": value}
    assert type(state["value"]) is type(value)
    registered.say("parameter.changed", **fields, old=value)
    assert registered.state(stream) == {"index": index + 2}


def test_a_parameter_belongs_to_what_exists(registered: Machine) -> None:
    fields = {"target": "prompt", "path": "p", "new": 1}
    assert registered.refusals("parameter.changed", of={"version": C}, **fields) == ["unknown"]
    assert registered.refusals("parameter.changed", of={"environment": "p", "name": "m"}, **fields) == ["unknown"]
    registered.say("deployment.changed", transition="start", environment="p", name="m", version=A)
    registered.say("parameter.changed", of={"environment": "p", "name": "m"}, **fields)


def test_a_version_is_retired_under_its_own_model(registered: Machine) -> None:
    registered.say("model.registered", model="other", version=C, derivation="trained")
    assert registered.refusals("model.retired", model="other", version=A, cause="cost") == ["model"]
    assert registered.refusals("model.retired", model="m", version=LOANS, cause="cost") == ["unknown"]
    registered.say("model.retired", model="m", version=A, cause="cost", replacement=B)
    assert registered.state(f"version/{A}")["status"] == "retired"
