"""What is stored, as it is stored: entries, headers, receipts, and where things stand."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import Parameter

from muniment.client.showing import Shown
from muniment.core.format import merkle, time
from muniment.core.format.encoding import MAX_INTEGER
from muniment.errors import InvalidInput, NotFound
from muniment.ledger.embedded import system_clock
from muniment.net import wire
from muniment.server.api import answering
from muniment.server.api.answering import TEXT, Asked
from muniment.server.api.parameters import TIME, EventId, Height, Index
from muniment.server.hosting import Hosted

NOW = "now"

Place = Annotated[int | None, Parameter(ge=0, le=MAX_INTEGER, description="The index of an entry.")]
Moment = Annotated[str | None, Parameter(pattern=TIME, max_length=64, description="A time, such as 2026-03-04T12:00:00.000000Z.")]


@get(
    "/v1/entries/{index:int}",
    opt=answering.told(dict, "The exact bytes of the entry.", tagged=True),
    sync_to_thread=True,
)
def read_entry(request: Asked, hosted: NamedDependency[Hosted], index: Index) -> Response[bytes]:
    """One entry: the exact bytes that are hashed into the ledger, an envelope (DSSE) or the header of a block."""
    with hosted.reader.view() as view:
        raw = view.entry(index)
    return answering.lasting(request, merkle.leaf(raw).hex(), raw)


@get(
    "/v1/entries/{index:int}/receipt",
    opt=answering.told(str, "A C2SP tlog-proof.", media=TEXT),
    sync_to_thread=True,
)
def read_receipt(hosted: NamedDependency[Hosted], index: Index) -> Response[str]:
    """The receipt of an entry: the text that shows offline that it is in the ledger (c2sp.org/tlog-proof)."""
    return Response(hosted.reader.receipt(f"entry/{_within(hosted, index)}"), media_type=TEXT)


@get(
    "/v1/entries/{index:int}/decoded",
    opt=answering.told(Shown, "What the entry says.", tagged=True),
    sync_to_thread=True,
)
def read_decoded(request: Asked, hosted: NamedDependency[Hosted], index: Index) -> Response[bytes]:
    """What an entry says, for people: its fields, the prose that the server's vault holds, and what became of the thing."""
    return answering.answer(request, hosted, lambda: hosted.reader.show(f"entry/{_within(hosted, index)}"))


@get(
    "/v1/headers/{height:int}",
    opt=answering.told(dict, "The exact bytes of the header.", tagged=True),
    sync_to_thread=True,
)
def read_header(request: Asked, hosted: NamedDependency[Hosted], height: Height) -> Response[bytes]:
    """The header of a block: the exact bytes of its entry."""
    with hosted.reader.view() as view:
        raw = view.entry(view.header(height).size)
    return answering.lasting(request, merkle.leaf(raw).hex(), raw)


@get("/v1/heights", opt={"scope": "read"}, sync_to_thread=True)
def find_height(hosted: NamedDependency[Hosted], index: Place = None, time: Moment = None) -> wire.Height:
    """The height of the block that sealed an entry, or of the newest block at or before a time: name one of the two."""
    if (index is None) == (time is None):
        raise InvalidInput("a height is asked for by an index or by a time", code="one-of", hint="Name one of `index`, `time`.")
    with hosted.reader.view() as view:
        return wire.Height(height=view.height_at(_moment(time)) if index is None and time else view.sealed_by(index or 0))


@get("/v1/ids/{event_id:str}", opt={"scope": "read"}, sync_to_thread=True)
def find_event(hosted: NamedDependency[Hosted], event_id: EventId) -> wire.Place:
    """Where the event with an id stands."""
    with hosted.reader.view() as view:
        found = view.find(event_id)
    if found is None:
        raise NotFound(f"no event has the id {event_id}", code="no-such-event", hint="It may not be sealed yet: ask again.")
    return wire.Place(index=found)


def _moment(text: str) -> str:
    return time.format(system_clock()) if text == NOW else time.parse_loosely(text)


def _within(hosted: Hosted, index: int) -> int:
    """The index, where there is such an entry. Raises NotFound."""
    with hosted.reader.view() as view:
        view.entry(index)
    return index


ROUTES = (read_entry, read_receipt, read_decoded, read_header, find_height, find_event)
