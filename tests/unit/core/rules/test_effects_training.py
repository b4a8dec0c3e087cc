"""Effects of training runs."""

from __future__ import annotations

import makers
from machine import Machine

A, C, LOANS = "a" * 64, "c" * 64, "d" * 64


def test_a_run_starts_from_what_exists(registered: Machine) -> None:
    inputs = [{"data": LOANS, "role": "test"}, {"data": LOANS, "role": "training"}]
    assert registered.refusals("training.started", inputs=[{"data": C, "role": "test"}], baseVersions=[C]) == ["unknown", "unknown"]
    index = registered.position.frontier.size
    run = registered.say("training.started", model="m", inputs=inputs, baseVersions=[A])
    assert registered.state(f"run/{run}") == {"model": "m", "persons": ["ada"], "start": index, "status": "started"}
    # One data set in two roles is one stream, folded once.
    assert registered.record(f"data/{LOANS}")["count"] == 3  # type: ignore[index]


def test_a_run_finishes_once(registered: Machine) -> None:
    run = registered.say("training.started")
    index = registered.position.frontier.size
    registered.say("training.finished", "ci", run=run, status="failed", onBehalfOf=["bob"])
    # Who answered for the end answers for the run as well.
    assert registered.state(f"run/{run}") == {"finish": index, "persons": ["ada", "bob"], "start": index - 2, "status": "failed"}
    assert registered.refusals("training.finished", run=run, status="finished") == ["once"]
    assert registered.refusals("training.finished", run=makers.next_id(), status="finished") == ["unknown"]


def test_an_event_that_names_itself_as_a_run_names_nothing(machine: Machine) -> None:
    id_ = makers.next_id()
    (verdict,) = machine.block(machine.sign("training.finished", event_id=id_, run=id_, status="failed"))
    assert [reason.rule for reason in verdict.reasons] == ["unknown"]
    assert machine.record(f"run/{id_}") is None
