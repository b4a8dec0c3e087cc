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
    assert registered.state(f"version/{C}") == {
        "made": made,
        "model": "m",
        "ordinal": 3,
        "persons": ["ada"],
        "run": run,
        "status": "registered",
    }
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


def test_who_registers_again_does_not_say_otherwise_where_it_comes_from(registered: Machine) -> None:
    run = registered.say("training.started", model="m")
    fields = {"model": "m", "version": A, "derivation": "trained"}
    assert registered.refusals("model.registered", **fields, run=run) == ["once"]
    assert registered.refusals("model.registered", **fields, parents=[B], data=[LOANS], licence="MIT") == ["once"] * 2
    registered.say("model.registered", model="n", version=C, derivation="trained", run=registered.say("training.started"))
    # Another run that comes to the same bytes says nothing else.
    again = registered.sign("model.registered", model="n", version=C, derivation="trained", run=registered.say("training.started"))
    assert registered.block(again)[0].decision == "repeated"


@pytest.mark.parametrize("value", [1, True, False, -1, "0.5", "-1.5e-400", "words", {"sealed": "A" * 43, "digest": A}])
def test_a_parameter_keeps_its_newest_value(registered: Machine, value: object) -> None:
    stream = f"parameter/version/{A}/{hashlib.sha256(b'threshold/score.cutoff').hexdigest()}"
    fields = {"of": {"version": A}, "target": "threshold", "path": "score.cutoff"}
    registered.say("parameter.changed", **fields, new="0.4")
    registered.say("parameter.changed", **fields, old="0.4", new=value)
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


def test_a_version_that_is_retired_runs_nowhere_and_is_retired_once(registered: Machine) -> None:
    retirement = {"model": "m", "version": A, "cause": "cost"}
    assert registered.refusals("model.retired", **retirement, replacement=C) == ["unknown"]
    for name in ("one", "two"):
        registered.say("deployment.changed", transition="start", environment="p", name=name, version=A)
    (reason,) = registered.reasons("model.retired", **retirement)
    assert (reason.rule, reason.sentence()) == (
        "running",
        "What is retired runs nowhere. m@1 runs in 2 places. Stop it first: `muniment deploy m@1 ENVIRONMENT --transition stop`, "
        "or deploy another version in its place.",
    )
    for name in ("one", "two"):
        registered.say("deployment.changed", transition="stop", environment="p", name=name, version=A)
    registered.say("model.retired", **retirement)
    (reason,) = registered.reasons("model.retired", **retirement)
    assert (reason.rule, reason.sentence()) == ("retired", "A version is retired once. m@1 is retired.")


def test_a_run_makes_versions_of_the_model_that_it_was_started_for(registered: Machine) -> None:
    run = registered.say("training.started", model="m")
    fields = {"version": C, "derivation": "trained", "run": run, "grade": "observed"}
    (reason,) = registered.reasons("model.registered", model="other", **fields)
    assert (reason.rule, reason.sentence()) == (
        "run",
        "A run makes versions of the model that it was started for. This one was for m.",
    )
    registered.say("model.registered", model="m", **fields)
    assert registered.state("model/m")["count"] == 3


def test_a_run_without_a_model_is_for_that_of_its_first_version(registered: Machine) -> None:
    run = registered.say("training.started")
    registered.say("model.registered", model="first", version=C, derivation="trained", run=run)
    fields = {"version": "e" * 64, "derivation": "quantised", "run": run}
    assert registered.refusals("model.registered", model="second", **fields) == ["run"]
    registered.say("model.registered", model="first", **fields)


@pytest.mark.parametrize("grade", ["attested", "countersigned", "declared", "imported", "observed", "reproduced", ""])
def test_without_a_run_a_version_is_declared_or_imported(machine: Machine, grade: str) -> None:
    fields = {"model": "m", "version": A, "derivation": "trained", **({"grade": grade} if grade else {})}
    if grade in ("", "declared", "imported"):
        machine.say("model.registered", **fields)
        return
    (reason,) = machine.reasons("model.registered", **fields)
    assert (reason.rule, reason.sentence()) == (
        "grade",
        f"A version without a run is declared or imported. The event says {grade}. "
        "Name the run that made it, or claim no more than you know.",
    )


# Parameters

OWN = {"of": {"version": A}, "target": "threshold", "path": "cutoff"}
TEXT, SAME, OTHER = ({"sealed": letter * 43, "digest": digest} for letter, digest in (("A", A), ("Q", A), ("A", B)))


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (1, True),
        (True, 1),
        (0, False),
        (1, "1"),
        ("0.5", "0.50"),
        (1, 2),
        (1, None),
        (None, 1),
        (TEXT, OTHER),
        (TEXT, A),
        (A, TEXT),
    ],
)
def test_a_change_names_the_value_that_is_recorded(registered: Machine, recorded: object, said: object) -> None:
    if recorded is not None:
        registered.say("parameter.changed", **OWN, new=recorded)
    fields = {**OWN, "new": 9, **({} if said is None else {"old": said})}
    assert registered.refusals("parameter.changed", **fields) == ["old-value"]


def test_a_sealed_text_is_the_same_by_its_digest(registered: Machine) -> None:
    registered.say("parameter.changed", **OWN, new=TEXT)
    registered.say("parameter.changed", **OWN, old=SAME, new=OTHER)
    (reason,) = registered.reasons("parameter.changed", **OWN, old=1, new=2)
    assert reason.sentence() == (
        "A change names the value that is recorded. Recorded is a sealed text, and the event says 1. "
        f"See who set it: `muniment blame version/{A} cutoff`."
    )


def test_a_value_that_was_unset_is_recorded_as_nothing(registered: Machine) -> None:
    registered.say("parameter.changed", **OWN, new=1)
    registered.say("parameter.changed", **OWN, old=1)
    (reason,) = registered.reasons("parameter.changed", **OWN, old=1, new=2)
    assert reason.found == "Recorded is nothing, and the event says 1."
    registered.say("parameter.changed", **OWN, new=2)


def test_changes_of_one_block_follow_one_another(registered: Machine) -> None:
    values = [(None, 1), (1, 2), (1, 3), (2, 3)]
    raws = [registered.sign("parameter.changed", **OWN, new=new, **({} if old is None else {"old": old})) for old, new in values]
    assert [verdict.decision for verdict in registered.block(*raws)] == ["admitted", "admitted", "refused", "admitted"]


def test_a_hyperparameter_begins_with_what_its_run_started_with(registered: Machine) -> None:
    sealed = {"sealed": "A" * 43}
    parameters = [{"key": "depth", "value": 6}, {"key": "early", "value": True}, {"key": "note", "value": sealed}]
    run = registered.say("training.started", parameters=parameters)
    registered.say("model.registered", model="m", version=C, derivation="trained", run=run)
    of = {"of": {"version": C}, "new": 9}
    depth = {**of, "target": "hyperparameter", "path": "depth"}
    for old in (5, "6", True):
        assert registered.refusals("parameter.changed", **depth, old=old) == ["old-value"]
    (reason,) = registered.reasons("parameter.changed", **depth)
    assert reason.found == "Recorded is 6, and the event says nothing."
    assert registered.refusals("parameter.changed", **{**depth, "path": "early"}, old=1) == ["old-value"]
    assert registered.refusals("parameter.changed", **{**depth, "path": "other"}, old=6) == ["old-value"]
    # The settings of a run are hyperparameters; a threshold of the same name is another thing.
    assert registered.refusals("parameter.changed", **{**depth, "target": "threshold"}, old=6) == ["old-value"]
    registered.say("parameter.changed", **{**depth, "target": "threshold"})
    registered.say("parameter.changed", **depth, old=6)
    registered.say("parameter.changed", **{**depth, "new": 6}, old=9)
    # What a run sealed cannot be compared: any sealed text will do, and nothing else.
    note = {**depth, "path": "note"}
    assert registered.refusals("parameter.changed", **note) == ["old-value"]
    assert registered.refusals("parameter.changed", **note, old="words") == ["old-value"]
    registered.say("parameter.changed", **note, old=TEXT)


def test_a_version_without_a_run_begins_with_nothing(registered: Machine) -> None:
    assert registered.refusals("parameter.changed", **{**OWN, "target": "hyperparameter"}, old=1) == ["old-value"]
