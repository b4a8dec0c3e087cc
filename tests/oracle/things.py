"""Conditions of the events about data sets, runs, versions, evaluations and deployments: the rules that refuse one."""

from __future__ import annotations

from collections.abc import Iterable

from oracle.deployments import JUDGED, requirements
from oracle.history import (
    Entry,
    History,
    data_set,
    decision,
    is_retired,
    is_withdrawn,
    producer,
    registration,
    run_model,
    run_of,
    running,
    runs_anywhere,
)


def unless(condition: bool, rule: str) -> set[str]:
    """The rule, where the condition does not hold."""
    return set() if condition else {rule}


def all_known(found: Iterable[object]) -> set[str]:
    """Rule `unknown`, where something is missing."""
    return unless(None not in list(found), "unknown")


def data_registration(history: History, now: Entry) -> set[str]:
    known = data_set(history, now.event["data"])
    if known is None:
        return set()
    # Whoever says less repeats it; whoever says something else does not.
    terms = [field for field in ("licence", "purposes", "personalData") if field in now.event]
    return unless(all(known.event.get(field) == now.event[field] for field in ("name", *terms)), "once")


def transformation(history: History, now: Entry) -> set[str]:
    inputs, outputs = now.event["inputs"], now.event["outputs"]
    rules = all_known(data_set(history, each) for each in (*inputs, *outputs))
    rules |= unless(not any(is_withdrawn(history, each) for each in inputs), "withdrawn")
    return rules | unless(all(producer(history, each) is None for each in outputs), "once")


def withdrawal(history: History, now: Entry) -> set[str]:
    return all_known([data_set(history, now.event["data"])])


def training(history: History, now: Entry) -> set[str]:
    inputs = [each["data"] for each in now.event.get("inputs", ())]
    rules = all_known(data_set(history, each) for each in inputs)
    rules |= all_known(registration(history, each) for each in now.event.get("baseVersions", ()))
    return rules | unless(not any(is_withdrawn(history, each) for each in inputs), "withdrawn")


def finish(history: History, now: Entry) -> set[str]:
    rules = all_known([run_of(history, now.event["run"])])
    return rules | unless(history.first("training.finished", run=now.event["run"]) is None, "once")


def model(history: History, now: Entry) -> set[str]:
    event = now.event
    known = registration(history, event["version"])
    if known is not None:
        said = [field for field in ("data", "licence", "parents") if field in event]
        same = all(known.event.get(field) == event[field] for field in ("model", *said))
        return unless(same and ("run" in known.event or "run" not in event), "once")
    rules = all_known(registration(history, each) for each in event.get("parents", ()))
    rules |= all_known(data_set(history, each) for each in event.get("data", ()))
    if "run" not in event:
        return rules | unless(event.get("grade", "declared") in ("declared", "imported"), "grade")
    rules |= all_known([run_of(history, event["run"])])
    return rules | unless(run_model(history, event["run"]) in (None, event["model"]), "run")


def retirement(history: History, now: Entry) -> set[str]:
    known = registration(history, now.event["version"])
    rules = all_known([known])
    if "replacement" in now.event:
        rules |= all_known([registration(history, now.event["replacement"])])
    rules |= unless(known is None or known.event["model"] == now.event["model"], "model")
    rules |= unless(not is_retired(history, now.event["version"]), "retired")
    return rules | unless(not runs_anywhere(history, now.event["version"]), "running")


def plan(history: History, now: Entry) -> set[str]:
    return all_known([data_set(history, now.event["data"])]) if "data" in now.event else set()


def evaluation(history: History, now: Entry) -> set[str]:
    event = now.event
    version = registration(history, event["version"])
    rules = all_known([version])
    if "data" in event:
        rules |= all_known([data_set(history, event["data"])])
    if "plan" in event:
        planned = history.first("evaluation.planned", eventId=event["plan"])
        rules |= all_known([planned])
        if planned is not None and version is not None:
            same = all(event.get(field) == planned.event[field] for field in ("data", "datasetRole") if field in planned.event)
            rules |= unless(same and version.event["model"] == planned.event["model"], "plan")
    return rules


def deployment(history: History, now: Entry) -> set[str]:
    event = now.event
    known = registration(history, event["version"])
    rules = all_known([known, *(decision(history, each) for each in event.get("approvals", ()))])
    rules |= all_known(history.first("evaluation.completed", eventId=each) for each in event.get("evaluations", ()))
    rules |= all_known(history.first("waiver.granted", eventId=each) for each in event.get("waivers", ()))
    there = running(history, event["environment"], event["name"])
    if event["transition"] not in JUDGED and there != event["version"]:
        return rules | {"recorded-version"}
    rules |= unless(event.get("replaces") == (None if there == event["version"] else there), "replaces")
    return rules | requirements(history, now) if known is not None and event["transition"] in JUDGED else rules


def observation(history: History, now: Entry) -> set[str]:
    event = now.event
    if history.first("deployment.changed", environment=event["environment"], name=event["name"]) is None:
        return {"unknown"}
    return unless(event["matches"] == (running(history, event["environment"], event["name"]) == event["seen"]), "matches")
