"""A version of a model: what it is made of, who answered for what, how good it is, and where it runs."""

from __future__ import annotations

import msgspec

from muniment.core.rules.events import Event, ModelRegistered, ModelRetired, TrainingStarted
from muniment.core.rules.records import Run, Version
from muniment.errors import NotFound
from muniment.index import DeploymentRow, EventRow
from muniment.index.changes import Served
from muniment.server.explorer.decisions import Decision, Waived, read_decisions, read_waivers
from muniment.server.explorer.drawing import graph
from muniment.server.explorer.files import Files, read_files
from muniment.server.explorer.incidents import Reported, read_incidents
from muniment.server.explorer.kinship import Kin, draw_kin, read_kin
from muniment.server.explorer.measurements import Measured, read_measurements
from muniment.server.explorer.notes import Note, read_notes
from muniment.server.explorer.origins import Ingredient, Setting, Trained, read_ingredients, read_run, read_settings
from muniment.server.explorer.source import Prose, Source, known
from muniment.server.explorer.stints import MAX_STINTS, Stint, read_ran

MAX_HISTORY = 30


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind one statement about the version."""

    index: int
    said: str
    actor: str
    grade: str


class VersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a model. `before` and `after` are its neighbours; `badge` is Markdown that shows it elsewhere."""

    model: str
    ordinal: int
    digest: str
    status: str
    holds: int
    rejected: tuple[str, ...]
    registered: EventRow
    persons: tuple[str, ...]
    grade: str
    reason: Prose | None
    facts: tuple[tuple[str, str], ...]
    unknown: bool
    data: tuple[Ingredient, ...]
    parents: tuple[Ingredient, ...]
    settings: tuple[Setting, ...]
    run: Trained | None
    files: Files | None
    measured: tuple[Measured, ...]
    measured_before: bool
    decisions: tuple[Decision, ...]
    decided_before: bool
    waivers: tuple[Waived, ...]
    incidents: tuple[Reported, ...]
    notes: tuple[Note, ...]
    evidence: tuple[Evidence, ...]
    running: tuple[DeploymentRow, ...]
    ran: tuple[Stint, ...]
    retired: EventRow | None
    retired_cause: str
    before: tuple[int, str] | None
    after: tuple[int, str] | None
    environments: tuple[str, ...]
    kin: Kin
    drawing: str
    history: tuple[EventRow, ...]
    badge: str = ""

    @property
    def title(self) -> str:
        """`credit-risk@3`"""
        return f"{self.model}@{self.ordinal}"


def find_version(source: Source, digest: str) -> tuple[str, int]:
    """The model and the ordinal of a version. Raises NotFound, InvalidInput for what is no digest."""
    found = source.hosted.reader.resolve(f"version/{digest}", ["version"])
    return found.name, found.ordinal or 0


def read_version(source: Source, model: str, ordinal: int) -> VersionPage:
    """A version by the name of its model and its ordinal. Raises NotFound."""
    rows = source.index.versions(model)
    row = next((each for each in rows if each.ordinal == ordinal), None)
    state = None if row is None else source.state(f"version/{row.digest}", Version)
    event = None if state is None else source.find(state.made, ModelRegistered)
    if row is None or state is None or event is None:
        source.hosted.reader.resolve(f"{model}@{ordinal}", ["version"])
        raise NotFound(f"there is no {model}@{ordinal}", code="no-such-thing", hint="See all models at /models.")
    stream = f"version/{row.digest}"
    run = None if state.run is msgspec.UNSET else source.state(f"run/{state.run}", Run)
    started = None if run is None else source.find(run.start, TrainingStarted)
    data, parents = read_ingredients(source, event, started)
    measured, measured_before = read_measurements(source, row.digest)
    decisions, decided_before = read_decisions(source, row.digest)
    waivers = read_waivers(source, row.digest)
    registered = source.index.event(state.made)
    retired = source.list_events(stream, ModelRetired, 1) if row.retired is not None else []
    kin = read_kin(source, stream, up=1, down=1)
    neighbours = {each.ordinal: each.digest for each in rows if abs(each.ordinal - ordinal) == 1}
    title = f"{model}@{ordinal}"
    named = ("kin", f"Where {title} comes from", f"One step up and one down from {title}; the table below says the same.")
    return VersionPage(
        model=model,
        ordinal=ordinal,
        digest=row.digest,
        status=state.status,
        holds=state.holds,
        rejected=tuple(each.environment for each in state.rejected),
        registered=registered,
        persons=state.persons,
        grade=known(event.grade) or "declared",
        reason=source.open_prose(event.reason),
        facts=_list_facts(event),
        unknown=not data and not parents,
        data=data,
        parents=parents,
        settings=read_settings(source, stream, started),
        run=None if run is None or started is None else read_run(source, run, started),
        files=read_files(source, row.digest),
        measured=measured,
        measured_before=measured_before,
        decisions=decisions,
        decided_before=decided_before,
        waivers=waivers,
        incidents=read_incidents(source, row.digest),
        notes=read_notes(source, stream),
        evidence=_list_evidence(registered, event, run, started, measured, decisions),
        running=tuple(each for each in source.index.deployments() if each.version == row.digest and each.status == "running"),
        ran=read_ran(source.index, Served(version=row.digest), lambda stint: stint.version == row.digest)[:MAX_STINTS],
        retired=retired[0][0] if retired else None,
        retired_cause=retired[0][1].cause if retired else "",
        before=(ordinal - 1, neighbours[ordinal - 1]) if ordinal - 1 in neighbours else None,
        after=(ordinal + 1, neighbours[ordinal + 1]) if ordinal + 1 in neighbours else None,
        environments=tuple(each.name for each in source.policy.environments),
        kin=kin,
        drawing=graph.draw(draw_kin(kin, source.base), named),
        history=tuple(source.list_rows(stream, limit=MAX_HISTORY)),
    )


def _list_facts(event: ModelRegistered) -> tuple[tuple[str, str], ...]:
    said = (
        ("How it came to be", event.derivation),
        ("Architecture", event.architecture),
        ("Format", event.format),
        ("Parameters of the model", msgspec.UNSET if event.parameter_count is msgspec.UNSET else f"{event.parameter_count:,}"),
        ("Precision", event.precision),
        ("Licence", event.licence),
    )
    return tuple((name, known(value)) for name, value in said if known(value))


def _list_evidence(
    registered: EventRow,
    event: ModelRegistered,
    run: Run | None,
    started: TrainingStarted | None,
    measured: tuple[Measured, ...],
    decisions: tuple[Decision, ...],
) -> tuple[Evidence, ...]:
    """What stands behind each statement that this page rests on, by its name."""
    found = [_weigh(registered.index, "Its files and its origin", event)]
    if run is not None and started is not None:
        found.append(_weigh(run.start, "How it was trained", started))
    found += [Evidence(index=each.row.index, said="A measurement", actor=each.row.actor, grade=each.grade) for each in measured]
    found += [
        Evidence(index=each.index, said=f"A decision for {each.environment}", actor=each.actor, grade=each.grade)
        for each in decisions
    ]
    return tuple(found)


def _weigh(index: int, said: str, event: Event) -> Evidence:
    return Evidence(index=index, said=said, actor=event.actor, grade=known(event.grade) or "declared")
