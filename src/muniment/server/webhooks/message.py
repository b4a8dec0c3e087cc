"""What is delivered: which events a hook chose, and the small message about each. No prose leaves the server in it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from muniment.core.format import dsse, time
from muniment.core.rules import events
from muniment.index.rows import EventRow, Query
from muniment.ledger.embedded import system_clock
from muniment.ledger.engine import View
from muniment.server import naming
from muniment.server.explorer import links
from muniment.server.hosting import Hosted
from muniment.server.location import locate
from muniment.server.settings import Settings
from muniment.server.webhooks.hook import ANY, PING, Hook, Selection

WINDOW = 256


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message is about: the ledger, the event as it is listed, its page, and the proof that it is recorded."""

    ledger: str
    origin: str
    event: EventRow | None = None
    page: str = ""
    proof: str = ""


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """The body (Standard Webhooks): `timestamp` is when the event was sealed."""

    type: str
    timestamp: str
    data: Data


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message. The id is the same whenever this event is delivered to this hook: receivers know repetitions by it."""

    id: str
    event: str
    index: int | None
    body: bytes


def read_window(hosted: Hosted, hook: Hook, start: int) -> tuple[list[EventRow], int]:
    """The chosen events among the next entries from `start` on, in order, and the position after all that was looked at."""
    with hosted.reader.view() as view:
        # Inside the view, so that the index is never behind it: else what was written in between would be passed over.
        index = hosted.reader.index
        stop = min(start + WINDOW, view.size)
        if start >= stop:
            return [], start
        rows = [row for row in reversed(index.events(before=stop, limit=stop - start)) if row.index >= start]
        return [row for row in rows if is_chosen(hook.selection, row, index, view)], stop


def is_chosen(selection: Selection, row: EventRow, index: Query, view: View) -> bool:
    """Does a hook want to be told of an event?"""
    if ANY not in selection.events and row.name not in selection.events:
        return False
    if not selection.environments and not selection.models:
        return True
    event = events.decode(dsse.decode(view.entry(row.index)).payload)
    if selection.environments and naming.environments_of(event).isdisjoint(selection.environments):
        return False
    return not selection.models or not set(_models(event, index)).isdisjoint(selection.models)


def write_message(settings: Settings, hosted: Hosted, hook: Hook, row: EventRow) -> Message:
    """The message about an event."""
    data = Data(
        ledger=hosted.reader.id,
        origin=hosted.origin,
        event=row,
        page=locate(settings, hosted, links.entry("", row.index)),
        proof=locate(settings, hosted, f"/v1/entries/{row.index}/receipt"),
    )
    body = msgspec.json.encode(Payload(type=row.name, timestamp=row.time, data=data))
    return Message(id=f"msg_{hook.id}_{row.event_id}", event=row.name, index=row.index, body=body)


def write_ping(hosted: Hosted, hook: Hook) -> Message:
    """A message that says nothing but that messages arrive."""
    data = Data(ledger=hosted.reader.id, origin=hosted.origin)
    body = msgspec.json.encode(Payload(type=PING, timestamp=time.format(system_clock()), data=data))
    return Message(id=f"msg_{hook.id}_{os.urandom(8).hex()}", event=PING, index=None, body=body)


def _models(event: events.Event, index: Query) -> Iterator[str]:
    for stream in events.streams(event):
        kind, _, rest = stream.partition("/")
        if kind == "model":
            yield rest
        elif kind == "version":
            yield (index.name_of(rest) or "").rpartition("@")[0]
