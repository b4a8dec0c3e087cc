"""What a version was made of and how: data, versions before it, parameters as they stand, and the run in between."""

from __future__ import annotations

import msgspec

from muniment.core.rules.events import ModelRegistered, ParameterChanged, TrainingFinished, TrainingStarted
from muniment.core.rules.events.model import Target
from muniment.core.rules.records import Data, Run, Version
from muniment.server.explorer.measurements import tell_value
from muniment.server.explorer.source import Source, known

MAX_SETTINGS = 200


class Ingredient(msgspec.Struct, frozen=True, kw_only=True):
    """A data set or version that this one was made of, and as what."""

    stream: str
    name: str
    digest: str
    roles: tuple[str, ...]
    licence: str
    withdrawn: int | None


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter as it stands. `changed` is the entry that set it anew after training, where one did."""

    target: str
    path: str
    value: str
    changed: int | None


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """The run that made a version, in short."""

    id: str
    status: str
    persons: tuple[str, ...]
    entry_point: str
    commit: str
    dirty: str
    container: str
    environment: str
    hardware: str
    seed: str
    seconds: str
    index: int


def read_ingredients(
    source: Source, event: ModelRegistered, started: TrainingStarted | None
) -> tuple[tuple[Ingredient, ...], tuple[Ingredient, ...]]:
    """The data sets and the versions that a version was made of."""
    roles: dict[str, list[str]] = {f"data/{each}": ["training"] for each in event.data}
    for each in event.parents:
        roles[f"version/{each}"] = [event.derivation]
    if started is not None:
        for used in started.inputs:
            roles.setdefault(f"data/{used.data}", []).append(used.role)
        for base in started.base_versions:
            roles.setdefault(f"version/{base}", []).append("base")
    found = [_describe_ingredient(source, stream, tuple(dict.fromkeys(said))) for stream, said in roles.items()]
    data = tuple(each for each in found if each.stream.startswith("data/"))
    return data, tuple(each for each in found if each.stream.startswith("version/"))


def read_data(source: Source, digest: str) -> tuple[Ingredient, ...]:
    """The data sets that a version learned from by its own registration and run; none where it is not recorded."""
    state = source.state(f"version/{digest}", Version)
    event = None if state is None else source.find(state.made, ModelRegistered)
    if state is None or event is None:
        return ()
    run = None if state.run is msgspec.UNSET else source.state(f"run/{state.run}", Run)
    started = None if run is None else source.find(run.start, TrainingStarted)
    return read_ingredients(source, event, started)[0]


def _describe_ingredient(source: Source, stream: str, roles: tuple[str, ...]) -> Ingredient:
    kind, _, digest = stream.partition("/")
    data = source.state(stream, Data) if kind == "data" else None
    return Ingredient(
        stream=stream,
        name=source.name(digest) or f"{kind} {digest[:8]}…",
        digest=digest,
        roles=roles,
        licence="" if data is None else known(data.licence),
        withdrawn=None if data is None or data.withdrawn is msgspec.UNSET else data.withdrawn,
    )


def read_settings(source: Source, stream: str, started: TrainingStarted | None) -> tuple[Setting, ...]:
    """Every parameter as it stands: as training began with it, or as it was changed since."""
    hyper: Target = "hyperparameter"
    found = {
        (hyper, each.key): Setting(target=hyper, path=each.key, value=tell_value(each.value), changed=None)
        for each in (() if started is None else started.parameters)
    }
    changes = source.list_events(stream, ParameterChanged, MAX_SETTINGS)
    for row, event in reversed(changes):
        if event.of.stream() == stream:
            value = "not set" if event.new is msgspec.UNSET else tell_value(event.new)
            found[event.target, event.path] = Setting(target=event.target, path=event.path, value=value, changed=row.index)
    return tuple(found[each] for each in sorted(found))[:MAX_SETTINGS]


def read_run(source: Source, run: Run, started: TrainingStarted) -> Trained:
    """The run that made a version, as far as it was said."""
    finished = None if run.finish is msgspec.UNSET else source.find(run.finish, TrainingFinished)
    return Trained(
        id=started.event_id,
        status=run.status,
        persons=run.persons,
        entry_point=known(started.entry_point),
        commit=known(started.git_commit),
        dirty=known(started.dirty_digest),
        container=known(started.container_digest),
        environment=known(started.environment_digest),
        hardware=known(started.hardware_class),
        seed=known(started.seed),
        seconds="" if finished is None else known(finished.duration_seconds),
        index=run.start,
    )
