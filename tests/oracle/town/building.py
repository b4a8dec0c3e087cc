"""What builders do: data sets, runs, versions, parameters, measurements, hand-offs."""

from __future__ import annotations

from collections.abc import Iterable

from oracle.conditions import owner
from oracle.history import Json, data_set, registration
from oracle.town.people import DATA, MODELS, NAMES, VERSIONS, Town


def register_data(town: Town) -> list[bytes]:
    data = town.one(DATA)
    known = data_set(town.chronicle.history, data)
    if known is not None and town.maybe(0.5):
        return [town.say("dataset.registered", "tess", name="loans", data=data, bytes=1, files=1)]
    terms = {"licence": town.random.choice(("MIT", "MIT", "CC0", "GPL", None)), "purposes": town.some(("ads", "credit"), 0.8)}
    return [town.say("dataset.registered", "tess", name="loans", data=data, bytes=1, files=1, **terms)]


def transform_data(town: Town) -> list[bytes]:
    source, made = town.random.sample(DATA, 2)
    return [town.say("dataset.transformed", "tess", operation="clean", inputs=[source], outputs=[made])]


def withdraw_data(town: Town) -> list[bytes]:
    return [town.say("dataset.withdrawn", "adam", data=town.one(DATA), cause="consent")]


def train(town: Town) -> list[bytes]:
    """A run, its end, and the version that it made."""
    run, trainer = town.fresh(), town.one(("tess", "tess", "tess", "ci", "ci", "ci", "ci", "eva", "eva", "bot"))
    inputs = [{"data": each, "role": town.one(("training", "training", "test"))} for each in town.data(0.4)]
    parameters = [{"key": "depth", "value": town.random.choice((6, True, "6", {"sealed": "A" * 43}))}]
    model = town.one((*MODELS, MODELS[0], MODELS[0]))
    bases = [town.version()] if town.maybe(0.2) else []
    start = town.say(
        "training.started",
        trainer,
        run,
        model=model if town.maybe(0.7) else None,
        inputs=inputs,
        parameters=parameters,
        baseVersions=bases,
    )
    finish = town.say("training.finished", town.one((trainer, trainer, "eva")), run=run, status="finished")
    version = town.one(VERSIONS)
    made = {"model": model if town.maybe(0.95) else town.one(MODELS), "version": version, "derivation": "trained", "run": run}
    licence = town.random.choice((None, None, "MIT", "Own"))
    registered = town.say("model.registered", town.one((trainer, trainer, "eva")), licence=licence, **made)
    return [start, finish, registered] if town.maybe(0.8) else [start, registered, finish]


def register(town: Town) -> list[bytes]:
    """A version without a run; its parents are registered, mostly."""
    version = town.one(VERSIONS)
    made = {
        "model": town.one(MODELS),
        "version": version,
        "derivation": "imported",
        "grade": town.random.choice((None, "declared", "observed")),
    }
    known = [each for each in VERSIONS if registration(town.chronicle.history, each) or town.maybe(0.05)]
    parents = [each for each in town.some(known, 0.3) if each != version]
    data = town.data(0.3)
    return [town.say("model.registered", town.one(("tess", "tess", "eva", "eva", "bot")), parents=parents, data=data, **made)]


def end_run(town: Town) -> list[bytes]:
    return [town.say("training.finished", town.one(("tess", "eva")), run=town.id("training.started"), status="killed")]


def tune(town: Town) -> list[bytes]:
    of = {"version": town.version()} if town.maybe(0.8) else {"environment": town.place(), "name": town.one(NAMES)}
    sealed = [{"sealed": each * 42 + "A", "digest": "b" * 64} for each in "BC"]
    values = (6, True, "6", 7, *sealed)
    target = town.one(("hyperparameter", "hyperparameter", "threshold"))
    old, new = town.random.choice((*values, None)), town.random.choice(values)
    return [town.say("parameter.changed", town.one(("tess", "eva")), of=of, target=target, path="depth", old=old, new=new)]


def plan(town: Town) -> list[bytes]:
    slices = [[{"key": "age", "value": "young"}]] if town.maybe(0.4) else []
    wanted = {
        "metric": "auc",
        "comparator": "ge",
        "threshold": town.one(("0.8", "0.92")),
        "datasetRole": town.random.choice((None, "test")),
    }
    data = town.one(DATA) if town.maybe(0.2) else None
    return [town.say("evaluation.planned", "eva", model=town.one(MODELS), slices=slices, data=data, **wanted)]


def measurement(town: Town, version: str, asked: Iterable[Json], event_id: str = "") -> bytes:
    """A measurement of what is asked for, most of it good enough."""
    wanted = list(asked)
    results = [{"metric": each["metric"], "value": _value(town, each["comparator"])} for each in wanted]
    if town.maybe(0.3):
        results.append({"metric": "auc", "value": _value(town, "ge"), "slice": [{"key": "age", "value": "young"}]})
    results = list({(each["metric"], "slice" in each): each for each in results}.values())
    role = town.random.choice([each["datasetRole"] for each in wanted] or ["test", "training"])
    planned = _plan_for(town, version) if town.maybe(0.35) else None
    return town.say(
        "evaluation.completed",
        town.one(("eva", "eva", "ci", *town.holders("builder"), *town.holders("builder"))),
        event_id,
        version=version,
        plan=planned,
        results=results or [{"metric": "auc", "value": "0.95"}],
        datasetRole=role if town.maybe(0.95) else None,
    )


def _plan_for(town: Town, version: str) -> str:
    """A plan, most often one of the version's model."""
    history = town.chronicle.history
    entry = registration(history, version)
    own = history.all("evaluation.planned", **({"model": entry.event["model"]} if entry and town.maybe(0.9) else {}))
    return town.one([each.event["eventId"] for each in own] or [town.fresh()])


def _value(town: Town, comparator: str) -> str:
    good = {"eq": ("1", "1.0"), "ge": ("0.9", "9.0e-1"), "gt": ("1e400",), "le": ("0.1", "0.10", "-3"), "lt": ("0.09",)}
    return town.one(good[comparator] if town.maybe(0.85) else ("NaN", "Infinity", "0.899", "0.5", "-1e-400"))


def measure(town: Town) -> list[bytes]:
    return [measurement(town, town.version(), ({"metric": "auc", "comparator": "ge", "datasetRole": "test"},))]


def hand_over(town: Town) -> list[bytes]:
    """An owner, or somebody else, offers a model; the receiver accepts, or somebody else does."""
    model = town.one(MODELS)
    held = owner(town.chronicle.history, model)
    giver = held if held and town.maybe(0.9) else "eva"
    taker = town.one(each for each in ("adam", "eva", "tess") if each != giver)
    offer = town.fresh()
    offered = town.say("ownership.offered", giver, offer, model=model, to=taker, **{"from": giver})
    return [offered, town.say("ownership.accepted", taker if town.maybe(0.9) else "adam", model=model, offer=offer)]
