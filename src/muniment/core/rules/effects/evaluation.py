"""Effects of evaluations: whether a plan was met is computed here, never claimed."""

import msgspec

from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import EvaluationCompleted, EvaluationPlanned
from muniment.core.rules.records import Evaluation, Model, Plan, Version


@effect.register
def _planned(event: EvaluationPlanned, context: Context) -> None:
    if event.data is not msgspec.UNSET:
        context.require_data(event.data)
    # A plan may come before the first version of its model: it names what will be asked of it.
    if context.read(f"model/{event.model}", Model) is None:
        context.write(f"model/{event.model}", Model(count=0))
    context.write(
        f"plan/{event.event_id}",
        Plan(
            comparator=event.comparator,
            data=event.data,
            dataset_role=event.dataset_role,
            index=context.index,
            metric=event.metric,
            model=event.model,
            sliced=bool(event.slices),
            threshold=event.threshold,
        ),
    )


@effect.register
def _completed(event: EvaluationCompleted, context: Context) -> None:
    version = context.require_version(event.version)
    if event.data is not msgspec.UNSET:
        context.require_data(event.data)
    passed: bool | msgspec.UnsetType = msgspec.UNSET
    if event.plan is not msgspec.UNSET:
        plan = context.require(f"plan/{event.plan}", Plan, f"The plan {event.plan}")
        if plan is not None and version is not None:
            _check_plan(event, plan, version, context)
            passed = _passes(event, plan, context)
    context.write(
        f"evaluation/{event.event_id}",
        Evaluation(index=context.index, passed=passed, persons=context.persons, plan=event.plan, version=event.version),
    )


def _check_plan(event: EvaluationCompleted, plan: Plan, version: Version, context: Context) -> None:
    """What is compared with a plan is what the plan asked for: its model, and its data where it names any."""
    if plan.model != version.model:
        context.refuse("plan", f"This plan is about {plan.model}.", f"The version belongs to {version.model}.")
    for what, planned, measured in (
        ("data", plan.data, event.data),
        ("data set role", plan.dataset_role, event.dataset_role),
    ):
        if planned is not msgspec.UNSET and planned != measured:
            found = "none" if measured is msgspec.UNSET else measured[:16]
            context.refuse("plan", f"The plan names the {what} {planned[:16]} to measure on.", f"The event names {found}.")


def _passes(event: EvaluationCompleted, plan: Plan, context: Context) -> bool:
    if not plan.sliced:
        return event.meets(plan.metric, plan.comparator, plan.threshold)
    planned = context.find(plan.index, EvaluationPlanned)
    return event.meets(plan.metric, plan.comparator, plan.threshold, planned.slices)
