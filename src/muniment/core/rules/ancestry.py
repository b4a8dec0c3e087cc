"""What a model version was made of, all the way up (docs/spec, section 6.8): used by the rules, by proofs and by the index.

    ancestry = walk(world, version)
    ancestry.path("data/9f86...")        # ("version/4a1c...", "data/77aa...", "data/9f86...")

A step upwards is what a signed event named: a version's parents, data and run, a run's inputs and base versions, the inputs of
the transformation that made a data set. What a run only tested on taught it nothing, and is no ancestor.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol, TypeVar

import msgspec

from muniment.core.rules.records import Data, Run, State, Version
from muniment.errors import InvariantError

MAX_THINGS = 4_096
"""What one ancestry may have, its version included."""
MAX_THINGS_OF_BLOCK = 32_768
"""What the ancestries that are walked for one block may have together: some thirty things for each of 1,000 deployments."""
LIMIT, BLOCK_LIMIT = "ancestry-limit", "ancestry-block-limit"

S = TypeVar("S", bound=State)


class World(Protocol):
    """What the walk asks for: records as they stand, and what admitted events say."""

    def read(self, stream: str, kind: type[S]) -> S | None:
        """The state of a stream, or None where nothing ever touched it."""

    def body(self, index: int) -> bytes:
        """The signed payload of the event at an entry index."""


class Parent(msgspec.Struct, frozen=True, gc=False):
    """What a thing was made of, and how: `via` is the run that read it, `relation` its role there, its derivation or operation."""

    stream: str
    relation: str
    via: str = ""


class Origin(msgspec.Struct, frozen=True):
    """Where a thing comes from. `known` is False for a version of which nobody said it; `licence` is a version's own."""

    parents: tuple[Parent, ...] = ()
    known: bool = True
    licence: str = ""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One thing of an ancestry; `child` is what was first found to be made of it, empty for the version itself."""

    stream: str
    child: str = ""
    relation: str = ""
    via: str = ""


class Ancestry(msgspec.Struct, frozen=True):
    """All that a version was made of, each thing once, the nearest first. `exceeded` names the limit at which the walk ended."""

    steps: tuple[Step, ...]
    origins: dict[str, Origin]
    exceeded: str = ""

    @property
    def unknown(self) -> tuple[str, ...]:
        """The versions of which nobody said where they come from."""
        return tuple(step.stream for step in self.steps if step.stream in self.origins and not self.origins[step.stream].known)

    def path(self, stream: str) -> tuple[str, ...]:
        """The shortest way from the version up to one of its ancestors, both included."""
        children = {step.stream: step.child for step in self.steps}
        path = [stream]
        while path[-1] and children[path[-1]]:
            path.append(children[path[-1]])
        return tuple(reversed(path))


def walk(world: World, version: str, left: int = MAX_THINGS) -> Ancestry:
    """Everything that a version (its digest) was made of, breadth first, in the order in which the events name it.

    `left` is how many things the walks of a block may still have.
    """
    return climb(world, f"version/{version}", left)


def climb(world: World, stream: str, left: int = MAX_THINGS) -> Ancestry:
    """The same of a version or data set by its stream; either is recorded."""
    if left <= 0:
        return Ancestry((), {}, BLOCK_LIMIT)
    steps = [Step(stream)]
    seen = {steps[0].stream}
    origins: dict[str, Origin] = {}
    shared: dict[str, Parent] = {}
    waiting = deque(steps)
    while waiting:
        child = waiting.popleft().stream
        origin = origins[child] = _share(origin_of(world, child), shared)
        for parent in origin.parents:
            if parent.stream in seen:
                continue
            if len(steps) == min(MAX_THINGS, left):
                return Ancestry(tuple(steps), origins, LIMIT if len(steps) == MAX_THINGS else BLOCK_LIMIT)
            seen.add(parent.stream)
            step = Step(parent.stream, child, parent.relation, parent.via)
            steps.append(step)
            waiting.append(step)
    return Ancestry(tuple(steps), origins)


def origin_of(world: World, stream: str) -> Origin:
    """What a version or data set that is recorded was made of."""
    if stream.startswith("data/"):
        data = world.read(stream, Data)
        return _NO_PARENTS if data is None or data.made is msgspec.UNSET else _origin_of_data(world, data.made)
    version = world.read(stream, Version)
    if version is None:
        raise InvariantError(f"{stream} was cited before it was registered")
    return _origin_of_version(world, version)


def _share(origin: Origin, shared: dict[str, Parent]) -> Origin:
    """The same origin, whose parents are those that stand for their things in others already.

    4,096 things may name a million parents between them, which would take 170 MB apart.
    """
    parents: list[Parent] = []
    for each in origin.parents:
        known = shared.setdefault(each.stream, each)
        parents.append(known if (known.relation, known.via) == (each.relation, each.via) else each)
    return Origin(tuple(parents), origin.known, origin.licence)


_NO_PARENTS = Origin()
_TESTING = "test"


class _Input(msgspec.Struct):
    data: str
    role: str


class _Facts(msgspec.Struct, rename="camel"):
    """The fields of any event that say what something was made of."""

    base_versions: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    derivation: str = ""
    inputs: tuple[_Input | str, ...] = ()
    licence: str = ""
    operation: str = ""
    parents: tuple[str, ...] = ()


class _Statement(msgspec.Struct):
    predicate: _Facts


_decode = msgspec.json.Decoder(_Statement).decode


def _origin_of_data(world: World, made: int) -> Origin:
    facts = _decode(world.body(made)).predicate
    return Origin(tuple(Parent(f"data/{each}", facts.operation) for each in facts.inputs if isinstance(each, str)))


def _origin_of_version(world: World, version: Version) -> Origin:
    facts = _decode(world.body(version.made)).predicate
    parents = [Parent(f"version/{each}", facts.derivation) for each in facts.parents]
    parents += [Parent(f"data/{each}", "training") for each in facts.data]
    run = msgspec.UNSET if version.run is msgspec.UNSET else world.read(f"run/{version.run}", Run)
    if isinstance(run, Run):
        via = f"run/{version.run}"
        started = _decode(world.body(run.start)).predicate
        inputs = [each for each in started.inputs if isinstance(each, _Input) and each.role != _TESTING]
        parents += [Parent(f"data/{each.data}", each.role, via) for each in inputs]
        parents += [Parent(f"version/{each}", "base", via) for each in started.base_versions]
    return Origin(tuple(parents), bool(parents), facts.licence)
