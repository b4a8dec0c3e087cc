"""`GET /v1/notes`: what people added in words to a thing, as a thread. Nothing answers a single note; all are about the thing."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import Parameter

from muniment.client import showing
from muniment.core.rules.events import NoteAdded
from muniment.server.hosting import Hosted

MAX_LIMIT = 1_000

Of = Annotated[str, Parameter(min_length=1, max_length=352, description="The thing: its stream, or any name that it has.")]
Cursor = Annotated[str | None, Parameter(pattern=r"^[0-9]{1,15}$", description="`next` of the answer before.")]
Limit = Annotated[int, Parameter(ge=1, le=MAX_LIMIT)]


class Note(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A note. `text` is null where the vault of this server does not hold it; `time` is when it was sealed."""

    index: int
    event_id: str
    actor: str
    time: str
    occurred_at: str
    text: str | None


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """The newest notes about the thing of a stream, in the order in which they were recorded; `next` leads to earlier ones."""

    stream: str
    items: tuple[Note, ...]
    size: int
    next: str | None = None


@get("/v1/notes", opt={"scope": "read"}, tags=["notes"], sync_to_thread=True)
def list_notes(hosted: NamedDependency[Hosted], of: Of, cursor: Cursor = None, limit: Limit = 50) -> Thread:
    """The notes about a model, a version, a data set, a deployment, an incident, or whatever else is recorded."""
    return read_thread(hosted, of, None if cursor is None else int(cursor), limit)


def read_thread(hosted: Hosted, of: str, before: int | None = None, limit: int = 50) -> Thread:
    """The thread of a thing, below entry `before`. Raises NotFound, InvalidInput (`ambiguous`, `no-history`)."""
    stream = hosted.reader.stream_of(of)
    with hosted.reader.view() as view:
        index = hosted.reader.index
        rows = index.events(stream, [NoteAdded.NAME], before, limit)
        notes: list[Note] = []
        for row in reversed(rows):
            said = showing.say(row.index, index, view, hosted.writer)
            text = said.opened.get("text") if said is not None else None
            notes.append(
                Note(
                    index=row.index,
                    event_id=row.event_id,
                    actor=row.actor,
                    time=row.time,
                    occurred_at=row.occurred_at,
                    text=text if isinstance(text, str) else None,
                )
            )
        return Thread(stream=stream, items=tuple(notes), size=view.size, next=str(rows[-1].index) if len(rows) == limit else None)


ROUTES = (list_notes,)
