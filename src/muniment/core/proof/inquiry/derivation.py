"""What was made of what, up and down, from a ground.

Up is the walk that the rules make as well (core.rules.ancestry). Down, each thing's own complete stream names whatever was
made of it: a transformation, a run that did not merely test on it, a version that names it as parent or data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from muniment.core.format.encoding import Natural
from muniment.core.proof.inquiry.ground import Ground, failure, find, read, title
from muniment.core.proof.part import UNSET, Absent, Part, Text
from muniment.core.rules import ancestry
from muniment.core.rules.ancestry import MAX_THINGS, Ancestry, Step
from muniment.core.rules.events import DatasetTransformed, Event, ModelRegistered, TrainingStarted
from muniment.core.rules.events.stream_name import Stream
from muniment.core.rules.records import Data, Run, State, Version
from muniment.errors import InvalidInput

S = TypeVar("S", bound=State)

BASE, TEST, TRAINING = "base", "test", "training"


class Derived(Part, frozen=True, kw_only=True):
    """A version or data set on the way up or down, and how it is tied to `near`, its neighbour nearer to the thing asked about.

    relation: its role in a run (`training`, `base`, ...), the derivation of a version or the operation of a transformation
    via: the run in between
    withdrawn: the entry that withdrew this data set; retired, holds: how this version stands
    """

    holds: Natural = 0
    name: Text
    near: Stream | Absent = UNSET
    relation: Text | Absent = UNSET
    retired: bool = False
    stream: Stream
    via: Stream | Absent = UNSET
    withdrawn: Natural | Absent = UNSET


def path_to(things: Iterable[Derived], stream: str) -> tuple[str, ...]:
    """The streams from the thing asked about to one that was found, the runs in between included."""
    by_stream = {each.stream: each for each in things}
    path: list[str] = []
    at = by_stream.get(stream)
    while at is not None:
        path.append(at.stream)
        if at.via is not UNSET:
            path.append(at.via)
        at = None if at.near is UNSET else by_stream.get(at.near)
    return tuple(reversed(path))


def climb(ground: Ground, stream: str) -> Ancestry:
    """All that a recorded version or data set was made of, as the rules walk it. Raises VerificationError (step 11)."""
    return ancestry.climb(World(ground), stream)


def ascend(ground: Ground, stream: str) -> tuple[tuple[Derived, ...], tuple[str, ...], bool]:
    """All that a recorded thing was made of, the versions of unknown origin, and whether the walk ended at its limit."""
    found = climb(ground, stream)
    return tuple(describe(ground, step) for step in found.steps), found.unknown, bool(found.exceeded)


def descend(ground: Ground, roots: Iterable[str]) -> tuple[Derived, ...]:
    """All that was made of some things, breadth first, each once, themselves included.

    Raises InvalidInput (`too-many-things`) beyond 4,096 things.
    """
    steps = [Step(stream) for stream in roots]
    seen = {step.stream for step in steps}
    waiting = deque(steps)
    while waiting:
        for step in _made_of(ground, waiting.popleft().stream):
            if step.stream in seen:
                continue
            if len(seen) == MAX_THINGS:
                raise InvalidInput(
                    f"more than {MAX_THINGS:,} things were made of this",
                    code="too-many-things",
                    hint="Ask about something that was made of it.",
                )
            seen.add(step.stream)
            steps.append(step)
            waiting.append(step)
    return tuple(describe(ground, step) for step in steps)


def describe(ground: Ground, step: Step) -> Derived:
    """A thing that was found, with what its record says against it."""
    withdrawn: int | Absent = UNSET
    retired, holds = False, 0
    if step.stream.startswith("data/"):
        data = read(ground, step.stream, Data)
        withdrawn = UNSET if data is None else data.withdrawn
    else:
        version = read(ground, step.stream, Version)
        if version is not None:
            retired, holds = version.status != "registered", version.holds
    return Derived(
        holds=holds,
        name=title(ground, step.stream),
        near=step.child or UNSET,
        relation=step.relation or UNSET,
        retired=retired,
        stream=step.stream,
        via=step.via or UNSET,
        withdrawn=withdrawn,
    )


def _made_of(ground: Ground, stream: str) -> Iterator[Step]:
    """What was made of a thing in one step, in the order of the entries that say so."""
    kind, _, digest = stream.partition("/")
    for told in ground.events(stream):
        event = told.event
        if isinstance(event, DatasetTransformed) and kind == "data" and digest in event.inputs:
            yield from (Step(f"data/{each}", stream, event.operation) for each in event.outputs)
        elif isinstance(event, ModelRegistered) and kind == "data" and digest in event.data:
            yield Step(f"version/{event.version}", stream, TRAINING)
        elif isinstance(event, ModelRegistered) and kind == "version" and digest in event.parents:
            yield Step(f"version/{event.version}", stream, event.derivation)
        elif isinstance(event, TrainingStarted):
            for relation in _roles(event, kind, digest):
                yield from _made_by(ground, f"run/{event.event_id}", stream, relation)


def _roles(event: TrainingStarted, kind: str, digest: str) -> Sequence[str]:
    """As what a run took a thing; what it only tested on taught it nothing."""
    if kind == "version":
        return [BASE] if digest in event.base_versions else []
    return [each.role for each in event.inputs if each.data == digest and each.role != TEST][:1]


def _made_by(ground: Ground, run: str, stream: str, relation: str) -> Iterator[Step]:
    """The versions that were registered as the result of a run."""
    for told in ground.events(run):
        event = told.event
        if isinstance(event, ModelRegistered) and f"run/{event.run}" == run:
            yield Step(f"version/{event.version}", stream, relation, run)


class World:
    """A ground as the walk of the rules wants it (core.rules.ancestry.World).

    The walk trusts its records; here each entry that a record names is checked to be what it should (`find`).
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._due: dict[int, tuple[type[Event], str]] = {}

    def read(self, stream: str, kind: type[S]) -> S | None:
        """A state; a version that something names is recorded. Raises VerificationError (step 11)."""
        state = read(self._ground, stream, kind)
        if isinstance(state, Version):
            self._due[state.made] = ModelRegistered, stream
        elif isinstance(state, Data) and state.made is not UNSET:
            self._due[state.made] = DatasetTransformed, stream
        elif isinstance(state, Run):
            self._due[state.start] = TrainingStarted, stream
        elif state is None and stream.startswith("version/"):
            raise failure("event-kind", f"{stream} is named as a parent and was never recorded")
        return state

    def body(self, index: int) -> bytes:
        """The payload of the event that a record named. Raises VerificationError (step 11, `event-kind`)."""
        kind, stream = self._due[index]
        find(self._ground, index, kind, stream)
        return self._ground.event(index).payload
