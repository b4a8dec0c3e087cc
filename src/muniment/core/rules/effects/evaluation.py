"""Effects of evaluations: whether a plan was met is computed here, never claimed."""

import msgspec

from muniment.core.format import decimal
from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import EvaluationCompleted, EvaluationPlanned
from muniment.core.rules.records import Evaluation, Model, Plan


@effect.register
def _planned(event: EvaluationPlanned, context: Context) -> None:
    if event.data is not msgspec.UNSET:
        context.require_data(event.data)
    # A plan may come before the first version of its model: it names what will be asked of it.
    if context.read(f"model/{event.model}", Model) is None:
        context.write(f"model/{event.model}", Model(count=0, owner=event.actor))
    context.write(
        f"plan/{event.event_id}",
        Plan(
            comparator=event.comparator,
            dataset_role=event.dataset_role,
            index=context.index,
            metric=event.metric,
            model=event.model,
            threshold=event.threshold,
        ),
    )


@effect.register
def _completed(event: EvaluationCompleted, context: Context) -> None:
    context.require_version(event.version)
    if event.data is not msgspec.UNSET:
        context.require_data(event.data)
    passed: bool | msgspec.UnsetType = msgspec.UNSET
    if event.plan is not msgspec.UNSET:
        plan = context.require(f"plan/{event.plan}", Plan, f"The plan {event.plan}")
        if plan is not None:
            passed = _passes(event, plan)
    context.write(
        f"evaluation/{event.event_id}",
        Evaluation(index=context.index, passed=passed, plan=event.plan, version=event.version),
    )


def _passes(event: EvaluationCompleted, plan: Plan) -> bool:
    """At least one result of the planned metric, and every one of them meets the threshold."""
    values = [result.value for result in event.results if result.metric == plan.metric]
    return bool(values) and all(decimal.holds(value, plan.comparator, plan.threshold) for value in values)
