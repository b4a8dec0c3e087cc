"""What a question is answered from (docs/spec 10.7): each of these fails where the file does not have it."""

from __future__ import annotations

from typing import Protocol

from second.forms import Json
from second.head import demand


class Refused(Exception):
    """Invalid input: the code."""


class Ground(Protocol):
    """What is asked for; each of these fails where the file does not have it."""

    now: str

    def record(self, stream: str) -> Json | None: ...

    def events(self, stream: str) -> list[tuple[int, Json]]: ...

    def event(self, index: int) -> Json: ...

    def time(self, index: int) -> str: ...

    def state(self, stream: str) -> Json | None: ...


def only(stream: str, *kinds: str) -> None:
    """What a question can be asked of."""
    if stream.split("/")[0] not in kinds:
        raise Refused("bad-question")


def lean(value: Json) -> Json:
    """Without what says nothing."""
    return {key: item for key, item in value.items() if item not in (None, False, [], "")}


def name_of(g: Ground, stream: str) -> str:
    kind, _, rest = stream.partition("/")
    if kind in ("version", "data"):
        state = g.state(stream)
        return stream if state is None else f"{state.get('model', state.get('name'))}@{state['ordinal']}"
    return rest or stream


def entry(g: Ground, index: int, name: str, stream: str) -> Json:
    """The entry that the record of a stream names: of its kind, and about the very thing."""
    e = g.event(index)
    demand(e["_name"] == name, 11, "event-kind")
    about = {
        "dataset.transformed": lambda: [f"data/{each}" for each in e["outputs"]],
        "dataset.withdrawn": lambda: [f"data/{e['data']}"],
        "deployment.changed": lambda: [f"deployment/{e['environment']}/{e['name']}"],
        "model.registered": lambda: [f"version/{e['version']}"],
        "training.started": lambda: [f"run/{e['eventId']}"],
    }
    demand(stream in about[name](), 11, "event-kind")
    return e
