"""What is recorded of a parameter: under which kind of setting, where a person gives the key alone, and with which value."""

from __future__ import annotations

import difflib
from typing import TypeVar, get_args

import msgspec

from muniment.core.format import dsse, state_map
from muniment.core.format.statement import Sealed
from muniment.core.proof.inquiry.blame import HYPERPARAMETER
from muniment.core.rules import events
from muniment.core.rules.events import TrainingStarted, stream_name
from muniment.core.rules.events.model import Target
from muniment.core.rules.events.value import UNSET, Absent, SealedText
from muniment.core.rules.events.value import Parameter as Given
from muniment.core.rules.records import Parameter, Run, State, Version
from muniment.errors import InvalidInput, NotFound
from muniment.ledger.engine import View

S = TypeVar("S", bound=State)

Value = int | bool | str | Sealed | SealedText | Absent
"""A recorded value: absent where none is set; a text that is not shown has a digest, apart from one that a run started with."""

_TARGETS: tuple[Target, ...] = get_args(Target)


def find_target(view: View, of: str, path: str) -> Target:
    """The target under which a path of a version or deployment is recorded.

    Raises NotFound (`no-such-parameter`, with what was perhaps meant), InvalidInput (`ambiguous`).
    """
    found: list[Target] = [each for each in _TARGETS if view.record(stream_name.parameter(of, each, path)) is not None]
    begun = [each.key for each in _begun_with(view, of)]
    if path in begun and HYPERPARAMETER not in found:
        found.append(HYPERPARAMETER)
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidInput(
            f"{path} is recorded as {' and as '.join(sorted(found))}",
            code="ambiguous",
            hint="Name the target as well.",
            details={"candidates": [str(each) for each in sorted(found)]},
        )
    near = difflib.get_close_matches(path, begun, n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Name the target to prove that it was never set."
    raise NotFound(f"no parameter {path!r} is recorded there", code="no-such-parameter", hint=hint)


def find_value(view: View, of: str, target: Target, path: str) -> Value:
    """The value of a parameter: of its last change, else what the run of its version was started with."""
    recorded = _read(view, stream_name.parameter(of, target, path), Parameter)
    if recorded is not None:
        return recorded.value
    begun = _begun_with(view, of) if target == HYPERPARAMETER else ()
    return next((each.value for each in begun if each.key == path), UNSET)


def _begun_with(view: View, of: str) -> tuple[Given, ...]:
    """The hyperparameters that the run of a version was started with."""
    version = _read(view, of, Version) if of.startswith("version/") else None
    run = None if version is None or version.run is msgspec.UNSET else _read(view, f"run/{version.run}", Run)
    event = None if run is None else events.decode(dsse.decode(view.entry(run.start)).payload)
    return event.parameters if isinstance(event, TrainingStarted) else ()


def _read(view: View, stream: str, kind: type[S]) -> S | None:
    raw = view.record(stream)
    return None if raw is None else msgspec.json.decode(state_map.decode_record(raw).state, type=kind)
