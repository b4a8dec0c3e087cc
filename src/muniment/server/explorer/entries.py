"""The page of an entry: what it says, who signed it with which key, when by which clock, and the files that prove it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from muniment.core.format import encoding, entry, merkle
from muniment.core.format.encoding import Value
from muniment.core.format.entry import Header
from muniment.core.format.statement import Sealed
from muniment.core.proof.verify.statement import find_sealed
from muniment.core.rules.events import schema
from muniment.core.rules.events.catalogue import TYPES
from muniment.core.rules.records import Key
from muniment.errors import NotFound
from muniment.index import EventRow
from muniment.server.explorer import links
from muniment.server.explorer.fields import Context, Field, find_digests, lay_out
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page, redirect
from muniment.server.explorer.source import Source, known, open_source
from muniment.server.hosting import Hosted

# What stands elsewhere on the page.
_COMMON = frozenset({"actor", "eventId", "grade", "ledger", "occurredAt"})


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """The key that signed an entry, and how it stands now: "in force", "ended" or "disputed", with the entry that says so."""

    key: str
    standing: str
    tone: str
    since: int
    until: int | None
    disputed_from: int | None
    expires: str


class EntryPage(msgspec.Struct, frozen=True, kw_only=True):
    """An entry. `event` and `signature` are None for the header of a block; `fields` are what it says.

    leaf: hash of its leaf in the log's tree, hex
    raw: its exact bytes; said: the signed statement in them, with spaces
    answer: where its proof is handed out
    """

    index: int
    size: int
    height: int
    sealed: str
    event: EventRow | None
    title: str
    organisation: str
    grade: str
    meaning: str
    signature: Signature | None
    fields: tuple[Field, ...]
    leaf: str
    length: int
    raw: str
    said: str
    answer: str


def read_entry(source: Source, index: int) -> EntryPage:
    """Read an entry. Raises NotFound."""
    view = source.view
    if not 0 <= index < view.size:
        raise NotFound(
            f"there is no entry {index}", code="no-such-entry", hint=f"The newest entry is {view.size - 1}; the first one is 0."
        )
    raw = view.entry(index)
    read = entry.decode(raw)
    height = view.sealed_by(index)
    event = None if isinstance(read, Header) else source.index.event(index)
    statement = raw if isinstance(read, Header) else read.payload
    predicate = _header_fields(raw) if isinstance(read, Header) else _predicate(read.payload)
    actors = {each.id: each for each in source.index.actors()}
    type_ = None if event is None else TYPES.get(event.name)
    context = Context(
        base=source.base,
        names={each: name for each in set(find_digests(predicate)) if (name := source.name(each)) is not None},
        opened=_open_all(source, predicate),
        meanings={} if type_ is None else schema.meanings(type_),
        actors=frozenset(actors),
    )
    signer = None if event is None else actors.get(event.actor)
    return EntryPage(
        index=index,
        size=view.size,
        height=height,
        sealed=view.header(height).time,
        event=event,
        title=f"Entry {index}: header of block {height}" if event is None else f"Entry {index}: {event.name}",
        organisation="" if signer is None else signer.organisation or "",
        grade=str(predicate.get("grade", "declared")) if event is not None else "",
        meaning="" if type_ is None else (type_.__doc__ or "").strip().splitlines()[0],
        signature=None if isinstance(read, Header) else _read_signature(source, read.key.hex(), index),
        fields=lay_out({name: value for name, value in predicate.items() if name not in _COMMON}, context),
        leaf=merkle.leaf(raw).hex(),
        length=len(raw),
        raw=raw.decode("utf-8", "backslashreplace"),
        said=msgspec.json.format(statement, indent=2).decode("utf-8", "backslashreplace"),
        answer=links.answer(source.base, "prove", thing=f"entry/{index}"),
    )


def _read_signature(source: Source, key: str, index: int) -> Signature:
    state = source.state(f"key/{key}", Key)
    if state is None:
        return Signature(key=key, standing="unknown", tone="bad", since=0, until=None, disputed_from=None, expires="")
    until = None if state.until is msgspec.UNSET else state.until
    disputed_from = None if state.disputed_from is msgspec.UNSET else state.disputed_from
    standing, tone = ("in force", "good") if until is None else ("ended", "plain")
    if state.disputes(index):
        standing, tone = "disputed", "bad"
    return Signature(
        key=key,
        standing=standing,
        tone=tone,
        since=state.since,
        until=until,
        disputed_from=disputed_from,
        expires=known(state.expires),
    )


def _predicate(payload: bytes) -> dict[str, Value]:
    statement = encoding.decode(payload, limit=encoding.MAX_ENTRY_BYTES)
    found = statement.get("predicate") if isinstance(statement, dict) else None
    return found if isinstance(found, dict) else {}


def _header_fields(raw: bytes) -> dict[str, Value]:
    """The fields of a header; of the genesis, whom it founds, without what has a page of its own."""
    fields = encoding.decode(raw, limit=encoding.MAX_ENTRY_BYTES)
    return fields if isinstance(fields, dict) else {}


def _open_all(source: Source, predicate: dict[str, Value]) -> dict[str, str]:
    found = {commitment: source.open_prose(Sealed(commitment)) for _, commitment in find_sealed(predicate)}
    return {commitment: prose.text for commitment, prose in found.items() if prose is not None and prose.held}


@page("/entries/{index:int}")
def show_entry(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], index: FromPath[int]) -> Response[bytes]:
    """The page of an entry."""
    with open_source(hosted) as source:
        read = read_entry(source, index)
    return render(request, hosted, "entry.html", read.title, read)


@page("/events/{event_id:str}")
def find_event(hosted: NamedDependency[Hosted], event_id: FromPath[str]) -> Response[bytes]:
    """To the entry of an event. Raises NotFound."""
    with open_source(hosted) as source:
        index = source.locate(event_id)
    if index is None:
        raise NotFound(
            f"there is no event {event_id[:80]}", code="no-such-event", hint="Compare its id with the one that you were given."
        )
    return redirect(links.entry(hosted.base, index))


ROUTES = (show_entry, find_event)
