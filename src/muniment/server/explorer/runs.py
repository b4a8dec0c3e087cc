"""A training run: how it was begun, on what, what it measured, and what came out of it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from muniment.capture import environment
from muniment.core.rules.events import ModelRegistered, TrainingFinished, TrainingOutput, TrainingStarted
from muniment.core.rules.records import Data, Run
from muniment.errors import MunimentError
from muniment.index import EventRow
from muniment.server.explorer.measurements import name_slice, tell_value
from muniment.server.explorer.metric_log import Log, read_log
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Prose, Source, known, open_source
from muniment.server.hosting import Hosted

MAX_VERSIONS = 50
MAX_HISTORY = 30
MAX_ENVIRONMENT_BYTES = 1 << 20
MAX_PACKAGES = 400


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """A data set that the run read, and as what."""

    digest: str
    name: str
    role: str
    withdrawn: int | None


class Packages(msgspec.Struct, frozen=True, kw_only=True):
    """What was installed, by name and version, as far as a page shows it."""

    python: str
    platform: str
    count: int
    shown: tuple[tuple[str, str], ...]


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """A training run. `finished` is None while nobody said how it ended."""

    id: str
    model: str
    status: str
    persons: tuple[str, ...]
    started: EventRow
    finished: EventRow | None
    grade: str
    finished_grade: str
    reason: Prose | None
    entry_point: str
    commit: str
    dirty: str
    container: str
    environment: str
    packages: Packages | None
    hardware: str
    seed: str
    seconds: str
    flop: str
    energy: str
    settings: tuple[tuple[str, str], ...]
    inputs: tuple[Input, ...]
    bases: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str, str], ...]
    metrics: tuple[tuple[str, str, str], ...]
    versions: tuple[tuple[str, str], ...]
    log: Log | None
    history: tuple[EventRow, ...]

    @property
    def title(self) -> str:
        """`Run of credit-risk`, or by its id alone."""
        return f"Training run of {self.model}" if self.model else "Training run"


def read_run(source: Source, id_: str) -> RunPage:
    """A run by the event id of its start. Raises NotFound."""
    row, event = source.find_id(id_, TrainingStarted)
    stream = f"run/{row.event_id}"
    state = source.state(stream, Run)
    finish = None if state is None or state.finish is msgspec.UNSET else state.finish
    finished = None if finish is None else source.find(finish, TrainingFinished)
    installed = known(event.environment_digest)
    log = known(finished.metric_log_digest) if finished is not None else ""
    made = source.list_events(stream, ModelRegistered, MAX_VERSIONS)
    return RunPage(
        id=row.event_id,
        model=known(event.model),
        status="started" if state is None else state.status,
        persons=() if state is None else state.persons,
        started=row,
        finished=None if finish is None else source.index.event(finish),
        grade=known(event.grade) or "declared",
        finished_grade="" if finished is None else known(finished.grade) or "declared",
        reason=source.open_prose(event.reason),
        entry_point=known(event.entry_point),
        commit=known(event.git_commit),
        dirty=known(event.dirty_digest),
        container=known(event.container_digest),
        environment=installed,
        packages=_read_packages(source, installed) if installed else None,
        hardware=known(event.hardware_class),
        seed=known(event.seed),
        seconds="" if finished is None else known(finished.duration_seconds),
        flop="" if finished is None else known(finished.compute_flop),
        energy="" if finished is None else known(finished.energy_kwh),
        settings=tuple((each.key, tell_value(each.value)) for each in event.parameters),
        inputs=tuple(_describe_input(source, each.data, each.role) for each in event.inputs),
        bases=tuple((each, source.name(each) or each[:8]) for each in event.base_versions),
        outputs=() if finished is None else tuple(_name_output(source, each) for each in finished.outputs),
        metrics=() if finished is None else tuple((each.metric, name_slice(each.slice), each.value) for each in finished.metrics),
        versions=tuple((each.version, source.name(each.version) or each.model) for _, each in reversed(made)),
        log=read_log(source, log) if log else None,
        history=tuple(source.list_rows(stream, limit=MAX_HISTORY)),
    )


def _name_output(source: Source, output: TrainingOutput) -> tuple[str, str, str]:
    """The name and digest of what a run left behind, and what the ledger calls it."""
    return output.name, output.digest, source.name(output.digest) or ""


def _describe_input(source: Source, digest: str, role: str) -> Input:
    state = source.state(f"data/{digest}", Data)
    withdrawn = None if state is None or state.withdrawn is msgspec.UNSET else state.withdrawn
    return Input(digest=digest, name=source.name(digest) or f"data {digest[:8]}…", role=role, withdrawn=withdrawn)


def _read_packages(source: Source, digest: str) -> Packages | None:
    """The installed packages behind the digest of an environment, where it is held here."""
    size = source.blobs.size(digest)
    if size is None or size > MAX_ENVIRONMENT_BYTES:
        return None
    try:
        found = environment.decode(source.blobs.load(digest))
    except MunimentError:
        return None
    named = tuple((each.name, each.version) for each in found.packages[:MAX_PACKAGES])
    return Packages(python=found.python, platform=found.platform, count=len(found.packages), shown=named)


@page("/runs/{id_:str}")
def show_run(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], id_: FromPath[str]) -> Response[bytes]:
    """One training run."""
    with open_source(hosted) as source:
        found = read_run(source, id_)
    return render(request, hosted, "run.html", found.title, found, section="models")


ROUTES = (show_run,)
