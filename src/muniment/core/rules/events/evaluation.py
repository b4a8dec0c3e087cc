"""Events of evaluations: what shall be reached, decided beforehand, and what was measured."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from muniment.core.format import decimal
from muniment.core.format.decimal import Comparator
from muniment.core.format.encoding import Decimal, EventId, HexDigest, Identifier
from muniment.core.rules.events.predicate import Event
from muniment.core.rules.events.value import UNSET, Absent, Harness, Metric, Slice, check_decimal, check_number, order_of_slice
from muniment.core.rules.policy import DatasetRole

EvaluatorKind = Literal["automated", "human", "model"]


class EvaluationPlanned(Event, frozen=True, kw_only=True):
    """What a model must reach, said before it is measured.

    model: the name of the model
    metric: what will be measured
    comparator: how the result is compared with the threshold
    threshold: the number to be compared with
    data: the manifest root of the data set to measure on
    datasetRole: the role of that data set
    slices: the parts of the data on which it must hold as well
    harness: the program that will measure
    """

    NAME: ClassVar[str] = "evaluation.planned"
    STREAMS: ClassVar[tuple[str, ...]] = ("plan", "model")

    model: Identifier
    metric: Identifier
    comparator: Comparator
    threshold: Decimal
    data: HexDigest | Absent = UNSET
    dataset_role: DatasetRole | Absent = UNSET
    slices: tuple[Annotated[Slice, msgspec.Meta(min_length=1)], ...] = ()
    harness: Harness | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (f"plan/{self.event_id}", f"model/{self.model}")

    def check(self) -> None:
        super().check()
        check_number("threshold", self.threshold)


class EvaluationCompleted(Event, frozen=True, kw_only=True):
    """A version was measured. Whether it passed is arithmetic, never a claim.

    version: the version that was measured
    plan: the plan that it is compared with, by its eventId
    results: what came out
    data: the manifest root of the data set that it was measured on
    datasetRole: the role of that data set
    harness: the program that measured
    evaluatorKind: who or what judged
    """

    NAME: ClassVar[str] = "evaluation.completed"
    STREAMS: ClassVar[tuple[str, ...]] = ("evaluation", "version", "data")

    version: HexDigest
    plan: EventId | Absent = UNSET
    results: Annotated[tuple[Metric, ...], msgspec.Meta(min_length=1)]
    data: HexDigest | Absent = UNSET
    dataset_role: DatasetRole | Absent = UNSET
    harness: Harness | Absent = UNSET
    evaluator_kind: EvaluatorKind | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        names = (f"evaluation/{self.event_id}", f"version/{self.version}")
        return names if self.data is UNSET else (*names, f"data/{self.data}")

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((f"version/{self.version}", self.version),)

    def meets(self, metric: str, comparator: Comparator, threshold: str, slices: tuple[Slice, ...] = ()) -> bool:
        """Was the metric measured on the whole and on each of these slices, and does every result hold? Decided by arithmetic."""
        results = [result for result in self.results if result.metric == metric]
        measured = {order_of_slice(result.slice) for result in results}
        holds = all(decimal.holds(result.value, comparator, threshold) for result in results)
        return holds and "" in measured and all(order_of_slice(each) in measured for each in slices)

    def check(self) -> None:
        super().check()
        for metric in self.results:
            check_decimal(metric.value)
