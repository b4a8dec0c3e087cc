"""What a version was made of, through any number of steps (docs/spec 6.8)."""

from __future__ import annotations

from oracle.history import History, producer, registration, run_of

Thing = tuple[str, str]


def parents(history: History, thing: Thing) -> list[Thing]:
    """The data sets and versions that a thing was made of, in one step."""
    kind, digest = thing
    if kind == "data":
        made = producer(history, digest)
        return [] if made is None else [("data", each) for each in made.event["inputs"]]
    made = registration(history, digest)
    assert made is not None, "only what is registered is a parent"
    found = [("version", each) for each in made.event.get("parents", ())] + [("data", each) for each in made.event.get("data", ())]
    if "run" in made.event:
        started = run_of(history, made.event["run"])
        assert started is not None
        found += [("data", each["data"]) for each in started.event.get("inputs", ()) if each["role"] != "test"]
        found += [("version", each) for each in started.event.get("baseVersions", ())]
    return found


def ancestry(history: History, version: str) -> set[Thing]:
    """The version and all that it was made of."""
    found: set[Thing] = set()

    def climb(thing: Thing) -> None:
        if thing not in found:
            found.add(thing)
            for parent in parents(history, thing):
                climb(parent)

    climb(("version", version))
    return found


def has_unknown_origin(history: History, thing: Thing) -> bool:
    """Is this a version of which nobody said what it was made of?"""
    return thing[0] == "version" and not parents(history, thing)
