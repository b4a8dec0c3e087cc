"""All events of a thing, and the proof that there are no others.

A model's history is its own stream and that of each version that the stream itself names, under one header; a data set's is
`dataset/<name>` and each `data/<sha256>`; an actor's is what was decided about him, what he said and what he was refused.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from muniment.core.format.encoding import Natural
from muniment.core.proof.inquiry.ground import Ground
from muniment.core.proof.part import UNSET, Absent, Part, Status
from muniment.core.rules.events import DatasetRegistered, ModelRegistered
from muniment.core.rules.events.stream_name import Stream


class HistoryQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="history"):
    """What are all the events of a thing?"""

    of: Stream

    def about(self) -> tuple[str, ...]:
        """The streams that the question is about."""
        return (self.of,)


class Span(Part, frozen=True, kw_only=True):
    """A stream of which every event is in the file: how many, the first and the last."""

    count: Natural
    first: Natural | Absent = UNSET
    last: Natural | Absent = UNSET
    stream: Stream


class HistoryFindings(Part, frozen=True, kw_only=True, tag_field="ask", tag="history"):
    """`count` different events in all; `streams` begins with the thing's own, and has one that was never recorded as well."""

    count: Natural
    streams: Annotated[tuple[Span, ...], msgspec.Meta(min_length=1)]

    def status(self) -> Status:
        """The word of the result."""
        return "complete" if self.count else "absent"


def evaluate(question: HistoryQuestion, ground: Ground) -> HistoryFindings:
    """Every stream of the thing, each with all its events."""
    streams = streams_of(question.of, ground)
    indices = {told.index for stream in streams for told in ground.events(stream)}
    return HistoryFindings(count=len(indices), streams=tuple(_measure(stream, ground) for stream in streams))


def streams_of(thing: str, ground: Ground) -> tuple[str, ...]:
    """The streams that make up a thing: its own, then an actor's others, or those of its versions in order of registration."""
    kind, _, name = thing.partition("/")
    if kind == "actor":
        return (thing, f"acts/{name}", f"attempts/{name}")
    more: list[str] = []
    for told in ground.events(thing) if kind in ("dataset", "model") else ():
        event = told.event
        if isinstance(event, ModelRegistered) and kind == "model" and event.model == name:
            more.append(f"version/{event.version}")
        elif isinstance(event, DatasetRegistered) and kind == "dataset" and event.name == name:
            more.append(f"data/{event.data}")
    return (thing, *dict.fromkeys(more))


def _measure(stream: str, ground: Ground) -> Span:
    record = ground.record(stream)
    if record is None:
        return Span(count=0, stream=stream)
    return Span(count=record.count, first=record.first, last=record.last, stream=stream)
