"""What a measurement said, in the form in which thresholds ask for it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from muniment.core.rules import events
from muniment.core.rules.events import EvaluationCompleted
from muniment.core.rules.policy import DatasetRole
from muniment.errors import InvariantError


class Measurement(msgspec.Struct, frozen=True):
    """The role of the data that it was made on, and the values of each metric: of the whole and, where there are any, of slices.

    A metric that was measured on slices alone says nothing of the whole, and is left out.
    """

    dataset_role: DatasetRole | msgspec.UnsetType
    values: Mapping[str, tuple[str, ...]]


def decode(payload: bytes) -> Measurement:
    """The measurement in the signed payload of an `evaluation.completed` that was admitted."""
    event = events.decode(payload)
    if not isinstance(event, EvaluationCompleted):
        raise InvariantError(f"{event.NAME} measures nothing")
    values: dict[str, list[str]] = {result.metric: [] for result in event.results if not result.slice}
    for result in event.results:
        if result.metric not in values:
            continue
        values[result.metric].append(result.value)
    return Measurement(event.dataset_role, {metric: tuple(found) for metric, found in values.items()})
