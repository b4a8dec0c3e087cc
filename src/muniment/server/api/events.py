"""Events in listings, newest first, a page at a time."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import Parameter, QueryParameter

from muniment.core.format.encoding import MAX_INTEGER
from muniment.core.rules.policy import EventName
from muniment.errors import InvalidInput
from muniment.index.rows import EventRow
from muniment.server.api import answering
from muniment.server.api.answering import Asked
from muniment.server.api.parameters import MAX_EVENT_NAMES, MAX_THING, STREAM, Index, StreamPath
from muniment.server.api.proofs import parse_stream
from muniment.server.hosting import Hosted
from muniment.server.listing import Listed

DEFAULT_PAGE = 50
MAX_PAGE = 1_000

About = Annotated[
    str | None, Parameter(pattern=STREAM, max_length=MAX_THING, description="Only events of this stream, by its whole name.")
]
Names = Annotated[
    list[EventName] | None,
    QueryParameter(name="name", max_items=MAX_EVENT_NAMES, description="Only events of these names, such as `model.registered`."),
]
Before = Annotated[int | None, Parameter(ge=0, le=MAX_INTEGER, description="Only events at entries before this one.")]
Limit = Annotated[int, Parameter(ge=1, le=MAX_PAGE, description="How many at most.")]
Cursor = Annotated[
    str | None, Parameter(pattern=r"^[0-9]{1,15}$", description="`next` of the answer before: goes on where that one ended.")
]


@get(
    "/v1/events",
    opt=answering.told(Listed[EventRow], "A page, and the cursor of the next.", tagged=True),
    sync_to_thread=True,
)
def list_events(
    request: Asked,
    hosted: NamedDependency[Hosted],
    stream: About = None,
    names: Names = None,
    before: Before = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response[bytes]:
    """The newest events first: all, those of a stream, those of some names, those before an entry."""
    of = None if stream is None else parse_stream(stream)
    for name in names or ():
        _check_name(name)
    stops = [each for each in (before, None if cursor is None else int(cursor)) if each is not None]

    def page() -> Listed[EventRow]:
        found = answering.listing(hosted, lambda index: index.events(of, names, min(stops, default=None), limit + 1))
        rows = found.items[:limit]
        more = str(rows[-1].index) if len(found.items) > limit else None
        return msgspec.structs.replace(found, items=rows, next=more)

    return answering.answer(request, hosted, page)


@get(
    "/v1/events/{index:int}",
    opt=answering.told(EventRow, "The event.", tagged=True),
    sync_to_thread=True,
)
def read_event(request: Asked, hosted: NamedDependency[Hosted], index: Index) -> Response[bytes]:
    """The event at an entry, as it stands in listings."""
    return answering.answer(request, hosted, lambda: hosted.reader.index.event(index))


@get(
    "/v1/streams/{stream:path}",
    opt=answering.told(Listed[int], "The indices, ascending.", tagged=True),
    sync_to_thread=True,
)
def list_indices(request: Asked, hosted: NamedDependency[Hosted], stream: StreamPath) -> Response[bytes]:
    """Every entry that a stream folds. A stream of which nothing is recorded has none."""
    name = parse_stream(stream)
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.stream_indices(name)))


def _check_name(name: str) -> None:
    try:
        msgspec.convert(name, EventName)
    except msgspec.ValidationError:
        raise InvalidInput(
            f"{name[:64]!r} is no name of an event", code="bad-name", hint="Write it like model.registered."
        ) from None


ROUTES = (list_events, read_event, list_indices)
