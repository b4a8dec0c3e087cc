"""Effects of models: a version registered once, its parameters changed, its retirement."""

import msgspec

from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import ModelRegistered, ModelRetired, ParameterChanged, stream_name
from muniment.core.rules.records import Model, Parameter, Version


@effect.register
def _registered(event: ModelRegistered, context: Context) -> None:
    known = context.read(f"version/{event.version}", Version)
    if known is not None:
        context.repeat("model version", event.model, f"version/{event.version}", known.model, known.ordinal)
        return
    for parent in event.parents:
        context.require_version(parent)
    for data in event.data:
        context.require_data(data)
    if event.run is not msgspec.UNSET:
        run = context.require_run(event.run)
        if run is not None and run.model is msgspec.UNSET:
            context.write(f"run/{event.run}", msgspec.structs.replace(run, model=event.model))
    model = context.read(f"model/{event.model}", Model)
    ordinal = 1 if model is None else model.count + 1
    context.write(
        f"model/{event.model}",
        Model(count=1, latest=event.version, owner=event.actor)
        if model is None
        else msgspec.structs.replace(model, count=ordinal, latest=event.version),
    )
    context.write(
        f"version/{event.version}",
        Version(made=context.index, model=event.model, ordinal=ordinal, run=event.run, status="registered"),
    )


@effect.register
def _parameter(event: ParameterChanged, context: Context) -> None:
    owner = event.of.stream()
    context.require_stream(owner, "What the parameter belongs to")
    context.write(stream_name.parameter(owner, event.target, event.path), Parameter(index=context.index, value=event.new))


@effect.register
def _retired(event: ModelRetired, context: Context) -> None:
    version = context.require_version(event.version)
    if version is not None:
        if version.model != event.model:
            context.refuse("model", "A version is retired under its own model.", f"It belongs to {version.model}.")
        context.write(f"version/{event.version}", msgspec.structs.replace(version, status="retired"))
