"""What a version was made of (docs/spec 6.8)."""

from __future__ import annotations

from typing import Protocol

from second.forms import Json

MOST, MOST_OF_BLOCK = 4_096, 32_768


class World(Protocol):
    """What can be looked up: records as they stand, and what was said at an entry."""

    def state(self, stream: str) -> Json | None:
        """The state of a stream that exists."""

    def body(self, index: int) -> Json:
        """The predicate of an event."""


class Beyond(Exception):
    """The walk met a limit, after `found` things."""

    def __init__(self, rule: str, found: int) -> None:
        super().__init__(rule)
        self.rule, self.found = rule, found


def parents_of(world: World, stream: str) -> list[str]:
    """What a thing was made of, in the order of the page."""
    state = world.state(stream)
    assert state is not None, stream
    if stream.startswith("data/"):
        return [f"data/{each}" for each in world.body(state["made"])["inputs"]] if "made" in state else []
    made = world.body(state["made"])
    found = [f"version/{each}" for each in made.get("parents", [])] + [f"data/{each}" for each in made.get("data", [])]
    if "run" in state:
        run = world.state(f"run/{state['run']}")
        assert run is not None
        started = world.body(run["start"])
        found += [f"data/{each['data']}" for each in started.get("inputs", []) if each["role"] != "test"]
        found += [f"version/{each}" for each in started.get("baseVersions", [])]
    return found


def walk(world: World, version: str, budget: int) -> dict[str, list[str]]:
    """Every thing of the ancestry with its parents; `budget` is how many the block may still find. Raises Beyond."""
    things = {f"version/{version}": list[str]()}
    waiting = list(things)
    if budget <= 0:
        raise Beyond("ancestry-block-limit", 0)
    for thing in waiting:
        things[thing] = parents_of(world, thing)
        for parent in things[thing]:
            if parent in things:
                continue
            if len(things) == MOST:
                raise Beyond("ancestry-limit", MOST)
            if len(things) == budget:
                raise Beyond("ancestry-block-limit", budget)
            things[parent] = []
            waiting.append(parent)
    return things
