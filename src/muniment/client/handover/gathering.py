"""Gathering what a hand-off tells, from the index and one view of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from muniment.client import showing
from muniment.client.handover.contents import Handover, Input, Open, OpenKind, Recipe, Told, text
from muniment.client.proving import Openings
from muniment.client.questions import Questions
from muniment.client.showing import Said, Shown
from muniment.client.world import World
from muniment.client.writing import Writer
from muniment.core.format.encoding import Value
from muniment.core.rules.ancestry import walk
from muniment.core.rules.records import Data, Incident, Model, State, Waiver
from muniment.index import Query, Thing
from muniment.index.rows import EventRow, VersionRow
from muniment.ledger.engine import View

S = TypeVar("S", bound=State)

MAX_TOLD = 12
"""So many versions are told in full: those that run or are held, then the newest ones."""
_COMPARED = {"eq": "exactly", "ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_MAX_EVENTS = 1_000


def gather(questions: Questions, writer: Writer, model: str, state: Model, openings: Openings) -> Handover:
    """Everything that the page tells of a model. `openings` are the sealed fields whose text may stand on it."""
    index = questions.index
    with writer.contact() as (view, _):
        versions = tuple(index.versions(model))
        deployments = tuple(row for row in index.deployments() if row.model == model)
        running = {row.version for row in deployments if row.status == "running"}
        opened = tuple(_find_open(index, view, model, state, versions))
        held = {each.about for each in opened if each.kind in ("hold", "rejection")}
        chosen = _choose(versions, running, held)
        return Handover(
            model=model,
            origin=questions.origin,
            ledger=questions.id,
            size=view.size,
            height=view.height,
            sealed_at=view.header(view.height).time,
            owner=state.owner if isinstance(state.owner, str) else "",
            offered_to=state.offered_to if isinstance(state.offered_to, str) else "",
            versions=versions,
            deployments=deployments,
            told=tuple(_tell(row, index, view, writer, openings) for row in chosen),
            open=opened,
        )


def _choose(versions: tuple[VersionRow, ...], running: set[str], held: set[str]) -> list[VersionRow]:
    """The versions that are told in full, the newest first."""
    newest = versions[::-1]
    first = [row for row in newest if row.digest in running or _title(row) in held]
    rest = [row for row in newest if row not in first]
    chosen = (first + rest)[:MAX_TOLD]
    return [row for row in newest if row in chosen]


def _tell(row: VersionRow, index: Query, view: View, writer: Writer, openings: Openings) -> Told:
    thing = Thing(
        kind="version", stream=f"version/{row.digest}", name=row.model, ordinal=row.ordinal, digest=row.digest, index=row.index
    )
    shown = showing.show(thing, index, view, writer)
    entries = index.stream_indices(f"version/{row.digest}")
    said = [shown.ran, *[showing.say(each, index, view, writer) for each in entries]] if openings else []
    prose = [(name, value) for each in said if each is not None for name, value in _open_prose(each, openings)]
    return Told(
        title=_title(row), digest=row.digest, shown=shown, recipe=_write_recipe(shown, index, World(view)), prose=tuple(prose)
    )


def _open_prose(said: Said, openings: Openings) -> Iterator[tuple[str, str]]:
    """The sealed texts of an event that may be read."""
    for path, value in said.opened.items():
        if openings is True or (not isinstance(openings, bool) and path.rpartition(".")[2] in openings):
            yield f"{path}, entry {said.event.index}", f"{text(value)} ({said.event.actor}, {said.event.name})"


def _write_recipe(shown: Shown, index: Query, world: World) -> Recipe:
    made: Mapping[str, Value] = {} if shown.made is None else shown.made.fields
    if shown.ran is None:
        learned = [("learned from", each) for each in _digests(made.get("data"))]
        bases = _digests(made.get("parents"))
        return Recipe(inputs=tuple(_find_inputs(learned, index, world)), bases=tuple(_name(each, index) for each in bases))
    ran = shown.ran.fields
    read = [(text(each.get("role")), text(each.get("data"))) for each in _objects(ran.get("inputs"))]
    return Recipe(
        run=shown.ran.event.event_id,
        status=shown.run_status,
        commit=text(ran.get("gitCommit")),
        dirty="dirtyDigest" in ran,
        entry_point=text(ran.get("entryPoint")),
        container=text(ran.get("containerDigest")),
        environment=text(ran.get("environmentDigest")),
        hardware=text(ran.get("hardwareClass")),
        seed=text(ran.get("seed")),
        parameters=tuple((text(each.get("key")), text(each.get("value"))) for each in _objects(ran.get("parameters"))),
        inputs=tuple(_find_inputs(read, index, world)),
        bases=tuple(_name(each, index) for each in _digests(ran.get("baseVersions"))),
    )


def _find_inputs(read: list[tuple[str, str]], index: Query, world: World) -> Iterator[Input]:
    for role, digest in read:
        data = world.read(f"data/{digest}", Data)
        yield Input(
            role=role,
            title=_name(digest, index),
            digest=digest,
            licence="" if data is None or not isinstance(data.licence, str) else data.licence,
            withdrawn=data is not None and isinstance(data.withdrawn, int),
        )


def _find_open(index: Query, view: View, model: str, state: Model, versions: tuple[VersionRow, ...]) -> Iterator[Open]:
    """What the next owner has to deal with."""
    if isinstance(state.offer, str):
        entry = view.find(state.offer)
        yield Open(kind="offer", about=model, sentence=f"Offered to {state.offered_to} in entry {entry}, and not accepted yet.")
    now, world = view.header(view.height).time, World(view)
    running = {row.version for row in index.deployments() if row.status == "running"}
    for row in versions[::-1]:
        yield from _find_incidents(index, world, row)
        yield from _find_rejections(index, row)
        yield from _find_waivers(index, world, row, now)
        # What was withdrawn matters where the version runs, or may be the next one that does.
        if row.digest in running or row in versions[-MAX_TOLD:]:
            yield from _find_withdrawals(index, world, row)
    yield from _find_plans(index, model, versions)


def _find_incidents(index: Query, world: World, row: VersionRow) -> Iterator[Open]:
    for said, incident in _histories(index, world, row, "incident", Incident):
        if incident.status == "open":
            kind: OpenKind = "hold" if incident.hold else "incident"
            effect = "holds it: it is not deployed until that is released" if incident.hold else "is open"
            yield Open(
                kind=kind, about=_title(row), sentence=f"The incident of entry {said.index}, recorded by {said.actor}, {effect}."
            )


def _find_rejections(index: Query, row: VersionRow) -> Iterator[Open]:
    for each in index.approvals(row.digest):
        if each.decision == "reject" and each.revoked is None:
            said = f"{each.actor} rejected it for {each.environment} in entry {each.index}, and has not taken that back."
            yield Open(kind="rejection", about=_title(row), sentence=said)


def _find_waivers(index: Query, world: World, row: VersionRow, now: str) -> Iterator[Open]:
    for said, waiver in _histories(index, world, row, "waiver", Waiver):
        if waiver.expires > now:
            until = waiver.expires[:16].replace("T", " ")
            yield Open(
                kind="waiver",
                about=_title(row),
                sentence=f"{said.actor} waived {waiver.rule} in {waiver.environment} until {until} UTC (entry {said.index}).",
            )


def _find_withdrawals(index: Query, world: World, row: VersionRow) -> Iterator[Open]:
    """Withdrawn data that the version learned from, through any number of steps."""
    ancestry = walk(world, row.digest)
    for step in ancestry.steps:
        data = world.read(step.stream, Data) if step.stream.startswith("data/") else None
        if data is not None and isinstance(data.withdrawn, int):
            way = " ← ".join(_name(each.partition("/")[2], index) for each in ancestry.path(step.stream))
            said = f"{data.name}@{data.ordinal} was withdrawn in entry {data.withdrawn}: {way}."
            yield Open(kind="withdrawal", about=_title(row), sentence=said)


def _find_plans(index: Query, model: str, versions: tuple[VersionRow, ...]) -> Iterator[Open]:
    """Plans that the newest version has not met."""
    if not versions:
        return
    newest = versions[-1]
    measured = index.evaluations(newest.digest)
    for plan in index.plans(model):
        results = [each.passed for each in measured if each.plan == plan.event_id]
        if True not in results:
            wanted = f"{plan.metric} {_COMPARED[plan.comparator]} {plan.threshold}"
            said = "was not met" if results else "was not measured"
            yield Open(kind="plan", about=_title(newest), sentence=f"The plan of entry {plan.index}, {wanted}, {said}.")


def _histories(index: Query, world: World, row: VersionRow, kind: str, type_: type[S]) -> Iterator[tuple[EventRow, S]]:
    """The incidents or waivers of a version, the first one first, each with its record."""
    names = ("incident.recorded",) if kind == "incident" else ("waiver.granted",)
    for said in reversed(index.events(stream=f"version/{row.digest}", names=names, limit=_MAX_EVENTS)):
        found = world.read(f"{kind}/{said.event_id}", type_)
        if found is not None:
            yield said, found


def _objects(value: Value | None) -> list[dict[str, Value]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _digests(value: Value | None) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _name(digest: str, index: Query) -> str:
    return index.name_of(digest) or f"{digest[:8]}…"


def _title(row: VersionRow) -> str:
    return f"{row.model}@{row.ordinal}"
