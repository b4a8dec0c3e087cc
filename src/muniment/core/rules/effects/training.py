"""Effects of training runs."""

import msgspec

from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import TrainingFinished, TrainingStarted
from muniment.core.rules.records import Run


@effect.register
def _started(event: TrainingStarted, context: Context) -> None:
    for each in event.inputs:
        data = context.require_data(each.data)
        if data is not None:
            context.require_fresh(data, each.data)
    for version in event.base_versions:
        context.require_version(version)
    context.write(f"run/{event.event_id}", Run(model=event.model, persons=context.persons, start=context.index, status="started"))


@effect.register
def _finished(event: TrainingFinished, context: Context) -> None:
    run = context.require_run(event.run)
    if run is None:
        return
    if run.finish is not msgspec.UNSET:
        context.refuse("once", "A run finishes once.", f"Entry {run.finish} already says how this one ended.")
        return
    # Who ends a run does not stand in for whoever started it.
    persons = tuple(sorted({*run.persons, *context.persons})) if run.persons else ()
    context.write(f"run/{event.run}", msgspec.structs.replace(run, finish=context.index, persons=persons, status=event.status))
