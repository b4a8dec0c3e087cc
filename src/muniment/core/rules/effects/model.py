"""Effects of models: a version registered once, its parameters changed, its retirement."""

import msgspec

from muniment.core.format import encoding
from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import ModelRegistered, ModelRetired, ParameterChanged, TrainingStarted, stream_name
from muniment.core.rules.events.value import SealedText
from muniment.core.rules.records import Model, Parameter, Run, Version

_WITHOUT_RUN = frozenset({"declared", "imported"})

Value = int | bool | str | SealedText | msgspec.UnsetType


@effect.register
def _registered(event: ModelRegistered, context: Context) -> None:
    known = context.read(f"version/{event.version}", Version)
    if known is not None:
        context.repeat("model version", event.model, f"version/{event.version}", known.model, known.ordinal)
        if event.model == known.model:
            _compare_origin(event, known, context)
        return
    for parent in event.parents:
        context.require_version(parent)
    for data in event.data:
        context.require_data(data)
    _check_run(event, context)
    model = context.read(f"model/{event.model}", Model) or Model(count=0)
    owner = event.actor if model.owner is msgspec.UNSET else model.owner
    ordinal = model.count + 1
    context.write(f"model/{event.model}", msgspec.structs.replace(model, count=ordinal, latest=event.version, owner=owner))
    context.write(
        f"version/{event.version}",
        Version(
            made=context.index,
            model=event.model,
            ordinal=ordinal,
            persons=context.persons,
            run=event.run,
            status="registered",
        ),
    )


def _compare_origin(event: ModelRegistered, known: Version, context: Context) -> None:
    """Whoever registers a version first says where it comes from; who says otherwise is told so, and who says nothing agrees.

    Another run that comes to the same bytes is no contradiction.
    """
    first = context.find(known.made, ModelRegistered)
    run = event.run is not msgspec.UNSET and first.run is msgspec.UNSET
    licence = event.licence is not msgspec.UNSET and event.licence != first.licence
    differs = {
        "data": bool(event.data) and event.data != first.data,
        "licence": licence,
        "parents": bool(event.parents) and event.parents != first.parents,
        "run": run,
    }
    for what in [each for each, other in differs.items() if other]:
        context.refuse(
            "once",
            "A version is registered once, and says once where it comes from.",
            f"{known.model}@{known.ordinal} (entry {known.made}) says something else of its {what}, or nothing.",
            mend="Look at what is recorded; what was recorded wrongly is held or retired, and never replaced.",
        )


def _check_run(event: ModelRegistered, context: Context) -> None:
    """A run makes versions of the one model that it was started for; without one nobody watched."""
    if event.run is msgspec.UNSET:
        if event.grade is not msgspec.UNSET and event.grade not in _WITHOUT_RUN:
            context.refuse(
                "grade",
                "A version without a run is declared or imported.",
                f"The event says {event.grade}.",
                mend="Name the run that made it, or claim no more than you know.",
            )
        return
    run = context.require_run(event.run)
    if run is None:
        return
    if run.model is msgspec.UNSET:
        context.write(f"run/{event.run}", msgspec.structs.replace(run, model=event.model))
    elif run.model != event.model:
        context.refuse("run", "A run makes versions of the model that it was started for.", f"This one was for {run.model}.")


@effect.register
def _parameter(event: ParameterChanged, context: Context) -> None:
    owner = event.of.stream()
    if not context.exists(owner):
        context.require_stream(owner, "What the parameter belongs to")
        return
    stream = stream_name.parameter(owner, event.target, event.path)
    recorded = _recorded_value(event, stream, context)
    if not (recorded is _SEALED and isinstance(event.old, SealedText)) and not _is_same(event.old, recorded):
        context.refuse(
            "old-value",
            "A change names the value that is recorded.",
            f"Recorded is {_tell(recorded)}, and the event says {_tell(event.old)}.",
            mend=f"See who set it: `muniment blame {owner} {event.path}`.",
        )
    context.write(stream, Parameter(index=context.index, value=event.new))


_SEALED = SealedText(sealed="", digest="")
"""Stands for a sealed value of a run, which has no digest that another one could be compared with."""


def _recorded_value(event: ParameterChanged, stream: str, context: Context) -> Value:
    """What the ledger says about a parameter: its last change, else what its version's run started with."""
    known = context.read(stream, Parameter)
    if known is not None:
        return known.value
    version = None if event.of.version is msgspec.UNSET else context.read(f"version/{event.of.version}", Version)
    run = None if version is None or version.run is msgspec.UNSET else context.read(f"run/{version.run}", Run)
    if run is None or event.target != "hyperparameter":
        return msgspec.UNSET
    started = context.find(run.start, TrainingStarted)
    found = next((each.value for each in started.parameters if each.key == event.path), msgspec.UNSET)
    return found if isinstance(found, int | str | msgspec.UnsetType) else _SEALED


def _is_same(left: Value, right: Value) -> bool:
    """The same JSON value: `true` is not 1, and sealed texts are compared by their digest."""
    if isinstance(left, SealedText) and isinstance(right, SealedText):
        return left.digest == right.digest
    return type(left) is type(right) and left == right


def _tell(value: Value) -> str:
    if value is msgspec.UNSET:
        return "nothing"
    return "a sealed text" if isinstance(value, SealedText) else encoding.encode(value).decode()


@effect.register
def _retired(event: ModelRetired, context: Context) -> None:
    version = context.require_version(event.version)
    if event.replacement is not msgspec.UNSET:
        context.require_version(event.replacement)
    if version is None:
        return
    name = f"{version.model}@{version.ordinal}"
    if version.model != event.model:
        context.refuse("model", "A version is retired under its own model.", f"It belongs to {version.model}.")
    if version.status != "registered":
        context.refuse("retired", "A version is retired once.", f"{name} is {version.status}.")
    if version.running:
        context.refuse(
            "running",
            "What is retired runs nowhere.",
            f"{name} runs in {version.running} {'place' if version.running == 1 else 'places'}.",
            mend=f"Stop it first: `muniment deploy {name} ENVIRONMENT --transition stop`, or deploy another version in its place.",
        )
    context.write(f"version/{event.version}", msgspec.structs.replace(version, status="retired"))
