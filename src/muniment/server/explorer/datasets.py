"""Data sets: all of them, one with its versions, and one version: its terms, what it was made from, and what learned from it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from muniment.core.rules.events import DatasetRegistered, DatasetTransformed, DatasetWithdrawn
from muniment.core.rules.records import Data, Dataset
from muniment.errors import NotFound
from muniment.index import DataRow, DatasetRow, DeploymentRow, EventRow
from muniment.server.explorer.drawing import graph
from muniment.server.explorer.files import Files, read_files
from muniment.server.explorer.kinship import Kin, draw_kin, read_kin
from muniment.server.explorer.notes import Note, read_notes
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Prose, Source, known, open_source
from muniment.server.hosting import Hosted

PAGE = 100
MAX_HISTORY = 30
IMPACT_STEPS = 6
"""How many steps of what was made of a data set its page follows; the whole, proved, is the answer to `impact`."""


class DatasetsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Data sets by name; `next_` is the number of the page that goes on."""

    count: int
    datasets: tuple[DatasetRow, ...]
    next_: int | None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a data set may be used for; what nobody said is empty."""

    licence: str
    purposes: tuple[str, ...]
    personal: str


class DataLine(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a data set in a list."""

    row: DataRow
    terms: Terms


class DatasetPage(msgspec.Struct, frozen=True, kw_only=True):
    """A data set with its versions, the newest first; `older` is the ordinal below which the list goes on."""

    name: str
    count: int
    versions: tuple[DataLine, ...]
    older: int | None
    history: tuple[EventRow, ...]


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The transformation that made a data set."""

    row: EventRow
    operation: str
    inputs: tuple[tuple[str, str], ...]


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """That a data set may no longer be used, and why."""

    row: EventRow
    cause: str
    remedy: Prose | None
    reason: Prose | None


class DataPage(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a data set. `learned` are the versions that learned from it, `running` where they run now."""

    name: str
    ordinal: int
    digest: str
    registered: EventRow
    grade: str
    terms: Terms
    facts: tuple[tuple[str, str], ...]
    bytes: int
    file_count: int
    origin: Prose | None
    reason: Prose | None
    made: Made | None
    withdrawn: Withdrawn | None
    files: Files | None
    kin: Kin
    running: tuple[DeploymentRow, ...]
    drawing: str
    notes: tuple[Note, ...]
    history: tuple[EventRow, ...]

    @property
    def title(self) -> str:
        """`loans@2`"""
        return f"{self.name}@{self.ordinal}"

    @property
    def whole(self) -> bool:
        """Is everything that learned from it on the page?"""
        return not self.kin.cut and not self.kin.further_down


def read_datasets(source: Source, number: int) -> DatasetsPage:
    """One page of the list; numbers begin at 1."""
    rows = source.index.datasets()
    shown = rows[(number - 1) * PAGE : number * PAGE]
    return DatasetsPage(count=len(rows), datasets=tuple(shown), next_=number + 1 if number * PAGE < len(rows) else None)


def read_dataset(source: Source, name: str, before: int | None = None) -> DatasetPage:
    """A data set with its versions below an ordinal. Raises NotFound."""
    state = source.state(f"dataset/{name}", Dataset)
    if state is None:
        source.hosted.reader.resolve(name, ["dataset"])
        raise NotFound(f"there is no data set {name[:80]!r}", code="no-such-thing", hint="See all data sets at /datasets.")
    rows = [row for row in source.index.data(name) if before is None or row.ordinal < before]
    shown = list(reversed(rows[-PAGE // 2 :]))
    return DatasetPage(
        name=name,
        count=state.count,
        versions=tuple(DataLine(row=row, terms=_tell_terms(source.state(f"data/{row.digest}", Data))) for row in shown),
        older=shown[-1].ordinal if shown and shown[-1].ordinal > 1 else None,
        history=tuple(source.list_rows(f"dataset/{name}", limit=MAX_HISTORY)),
    )


def read_data(source: Source, digest: str) -> DataPage:
    """A version of a data set by its digest. Raises NotFound, InvalidInput for what is no digest."""
    found = source.hosted.reader.resolve(f"data/{digest}", ["data"])
    stream = f"data/{found.digest}"
    state = source.state(stream, Data)
    event = source.find(found.index, DatasetRegistered)
    if state is None or event is None:
        raise NotFound(f"there is no data set {digest[:80]!r}", code="no-such-thing", hint="See all data sets at /datasets.")
    kin = read_kin(source, stream, up=1, down=IMPACT_STEPS)
    learned = {each.stream.partition("/")[2] for each in kin.versions}
    title = f"{state.name}@{state.ordinal}"
    near = read_kin(source, stream, up=1, down=1)
    named = ("kin", f"What {title} was made from, and what was made of it", "One step up and one down; the table says the same.")
    return DataPage(
        name=state.name,
        ordinal=state.ordinal,
        digest=event.data,
        registered=source.index.event(found.index),
        grade=known(event.grade) or "declared",
        terms=_tell_terms(state),
        facts=_list_facts(event),
        bytes=event.bytes,
        file_count=event.files,
        origin=source.open_prose(event.origin),
        reason=source.open_prose(event.reason),
        made=None if state.made is msgspec.UNSET else _read_made(source, state.made),
        withdrawn=None if state.withdrawn is msgspec.UNSET else _read_withdrawn(source, state.withdrawn),
        files=read_files(source, event.data),
        kin=kin,
        running=tuple(each for each in source.index.deployments() if each.status == "running" and each.version in learned),
        drawing=graph.draw(draw_kin(near, source.base), named),
        notes=read_notes(source, stream),
        history=tuple(source.list_rows(stream, limit=MAX_HISTORY)),
    )


def _tell_terms(state: Data | None) -> Terms:
    if state is None:
        return Terms(licence="", purposes=(), personal="")
    return Terms(licence=known(state.licence), purposes=state.purposes, personal=known(state.personal_data))


def _list_facts(event: DatasetRegistered) -> tuple[tuple[str, str], ...]:
    rows = msgspec.UNSET if event.rows is msgspec.UNSET else f"{event.rows:,}"
    snapshot = event.snapshot
    table = msgspec.UNSET if snapshot is msgspec.UNSET else f"{snapshot.table} at {snapshot.version}, in {snapshot.system}"
    said = (
        ("Records", rows),
        ("Format", event.format),
        ("How it came to be", event.collection_process),
        ("Kind of source", event.source_category),
        ("Read from", table),
    )
    return tuple((name, known(value)) for name, value in said if known(value))


def _read_made(source: Source, index: int) -> Made | None:
    event = source.find(index, DatasetTransformed)
    if event is None:
        return None
    inputs = tuple((each, source.name(each) or f"data {each[:8]}…") for each in event.inputs)
    return Made(row=source.index.event(index), operation=event.operation, inputs=inputs)


def _read_withdrawn(source: Source, index: int) -> Withdrawn | None:
    event = source.find(index, DatasetWithdrawn)
    if event is None:
        return None
    return Withdrawn(
        row=source.index.event(index),
        cause=event.cause,
        remedy=source.open_prose(event.remedy),
        reason=source.open_prose(event.reason),
    )


@page("/datasets")
def show_datasets(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], number: FromQuery[int] = 1) -> Response[bytes]:
    """All data sets."""
    with open_source(hosted) as source:
        found = read_datasets(source, max(number, 1))
    return render(request, hosted, "datasets.html", "Data sets", found, section="datasets")


@page("/datasets/{name:path}")
def show_dataset(
    request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], name: FromPath[str], before: FromQuery[int | None] = None
) -> Response[bytes]:
    """One data set with its versions."""
    with open_source(hosted) as source:
        found = read_dataset(source, name.strip("/"), before)
    return render(request, hosted, "dataset.html", found.name, found, section="datasets")


@page("/data/{digest:str}")
def show_data(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], digest: FromPath[str]) -> Response[bytes]:
    """One version of a data set, with what learned from it."""
    with open_source(hosted) as source:
        found = read_data(source, digest)
    return render(request, hosted, "data.html", found.title, found, section="datasets")


ROUTES = (show_datasets, show_dataset, show_data)
