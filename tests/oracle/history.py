"""What was admitted, in order, and the simplest questions about things: each one a pass over everything before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]


class Entry(NamedTuple):
    """One event: where it stands (or would stand), its block's height and time, the key that signed it, its predicate."""

    index: int
    height: int
    time: str
    key: str
    name: str
    event: Json


class History(NamedTuple):
    """The genesis and all admitted events, in order."""

    genesis: Json
    entries: tuple[Entry, ...] = ()

    def before(self, entry: Entry) -> History:
        """What was there when this entry was judged: earlier blocks, and earlier entries of its own."""
        return History(self.genesis, tuple(each for each in self.entries if each.index < entry.index))

    def all(self, name: str, /, **fields: object) -> Iterator[Entry]:
        """The entries of this name whose fields have these values, in order."""
        for entry in self.entries:
            if entry.name == name and all(entry.event.get(field) == value for field, value in fields.items()):
                yield entry

    def first(self, name: str, /, **fields: object) -> Entry | None:
        """The first of them."""
        return next(self.all(name, **fields), None)

    def last(self, name: str, /, **fields: object) -> Entry | None:
        """The newest of them."""
        found = list(self.all(name, **fields))
        return found[-1] if found else None


def read_entry(index: int, height: int, time: str, key: str, payload: bytes) -> Entry:
    """An entry from the bytes that were signed."""
    statement = json.loads(payload)
    return Entry(index, height, time, key, statement["predicateType"].split(":")[3], statement["predicate"])


# Things


def registration(history: History, version: str) -> Entry | None:
    """The entry that registered a version."""
    return history.first("model.registered", version=version)


def data_set(history: History, data: str) -> Entry | None:
    """The entry that registered a data set."""
    return history.first("dataset.registered", data=data)


def producer(history: History, data: str) -> Entry | None:
    """The entry that made a data set out of others."""
    return next((each for each in history.all("dataset.transformed") if data in each.event["outputs"]), None)


def is_withdrawn(history: History, data: str) -> bool:
    """Was it ever withdrawn?"""
    return history.first("dataset.withdrawn", data=data) is not None


def run_of(history: History, run: str) -> Entry | None:
    """The start of a run."""
    return history.first("training.started", eventId=run)


def run_model(history: History, run: str) -> str | None:
    """The model of a run: as it said itself, else that of the first version that was registered as its result."""
    started = run_of(history, run)
    if started is not None and "model" in started.event:
        return str(started.event["model"])
    registered = history.first("model.registered", run=run)
    return None if registered is None else str(registered.event["model"])


def is_retired(history: History, version: str) -> bool:
    """Was it retired?"""
    return history.first("model.retired", version=version) is not None


def is_held(history: History, version: str) -> bool:
    """Is an incident that holds it open?"""
    incidents = history.all("incident.recorded", version=version, hold=True)
    return any(history.first("incident.closed", incident=each.event["eventId"]) is None for each in incidents)


def running(history: History, environment: str, name: str) -> str | None:
    """The version that serves under this name there."""
    last = history.last("deployment.changed", environment=environment, name=name)
    return None if last is None or last.event["transition"] == "stop" else str(last.event["version"])


def runs_anywhere(history: History, version: str) -> bool:
    """Does any deployment serve it?"""
    places = {(each.event["environment"], each.event["name"]) for each in history.all("deployment.changed")}
    return any(running(history, *place) == version for place in sorted(places))


def decision(history: History, event_id: str) -> Entry | None:
    """A decision that may be relied on or revoked; a revocation is none."""
    found = history.first("approval.decided", eventId=event_id)
    return None if found is None or found.event["decision"] == "revoke" else found


def is_open(history: History, event_id: str) -> bool:
    """Was this decision never revoked?"""
    return history.first("approval.decided", decision="revoke", revokes=event_id) is None


def is_rejected(history: History, version: str, environment: str) -> bool:
    """Does somebody's rejection stand?"""
    of = {"version": version, "environment": environment}
    return any(is_open(history, each.event["eventId"]) for each in history.all("approval.decided", decision="reject", of=of))
