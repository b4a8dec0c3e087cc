"""Measurements as pages tell them: every result with its slice, and whether the plan that was made beforehand was met."""

from __future__ import annotations

import msgspec

from muniment.core.format import decimal
from muniment.core.rules.events import EvaluationCompleted, EvaluationPlanned
from muniment.core.rules.events.value import Metric, Slice
from muniment.core.rules.policy_text.sentence import COMPARATORS
from muniment.index import EvaluationRow
from muniment.server.explorer.source import Prose, Source, known

MAX_MEASUREMENTS = 30
MAX_RESULTS = 60


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value; `part` names the slice, `needed` what the plan asks of it, `held` whether that holds."""

    metric: str
    part: str
    value: str
    needed: str
    held: bool | None


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement. `passed` is arithmetic, and None without a plan; `left_out` counts results beyond those shown."""

    row: EvaluationRow
    results: tuple[Result, ...]
    left_out: int
    plan: str
    data: str
    data_name: str
    harness: str
    evaluator: str
    grade: str
    reason: Prose | None


def read_measurements(source: Source, version: str) -> tuple[tuple[Measured, ...], bool]:
    """The newest measurements of a version, the newest first, and whether there are earlier ones."""
    rows = source.index.evaluations(version, MAX_MEASUREMENTS + 1)
    found = [(row, source.find(row.index, EvaluationCompleted)) for row in reversed(rows[-MAX_MEASUREMENTS:])]
    return tuple(_tell(source, row, event) for row, event in found if event is not None), len(rows) > MAX_MEASUREMENTS


def tell_plan(metric: str, comparator: str, threshold: str, role: str | None) -> str:
    """`auc at least 0.90 on test data`"""
    where = f" on {role} data" if role else ""
    return f"{metric} {COMPARATORS[comparator]} {threshold}{where}"


def name_slice(conditions: Slice) -> str:
    """`region = eu, segment = sme`; nothing for the whole."""
    return ", ".join(f"{each.key} = {tell_value(each.value)}" for each in conditions)


def tell_value(value: object) -> str:
    """A recorded value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | str) else "sealed"


def _tell(source: Source, row: EvaluationRow, event: EvaluationCompleted) -> Measured:
    plan = None
    if row.plan is not None:
        index = source.view.find(row.plan)
        plan = None if index is None else source.find(index, EvaluationPlanned)
    data = known(event.data)
    harness = "" if event.harness is msgspec.UNSET else " ".join((event.harness.name, known(event.harness.version))).strip()
    return Measured(
        row=row,
        results=tuple(_weigh(each, plan) for each in event.results[:MAX_RESULTS]),
        left_out=max(0, len(event.results) - MAX_RESULTS),
        plan="" if plan is None else tell_plan(plan.metric, plan.comparator, plan.threshold, known(plan.dataset_role)),
        data=data,
        data_name=(source.name(data) or "") if data else "",
        harness=harness,
        evaluator=known(event.evaluator_kind),
        grade=known(event.grade) or "declared",
        reason=source.open_prose(event.reason),
    )


def _weigh(result: Metric, plan: EvaluationPlanned | None) -> Result:
    asked = plan is not None and plan.metric == result.metric
    return Result(
        metric=result.metric,
        part=name_slice(result.slice),
        value=result.value,
        needed=f"{COMPARATORS[plan.comparator]} {plan.threshold}" if plan is not None and asked else "",
        held=decimal.holds(result.value, plan.comparator, plan.threshold) if plan is not None and asked else None,
    )
