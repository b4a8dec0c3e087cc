"""What each event changes in the read model: the same consequences that its effect has in the state map.

Every event of a ledger was admitted, so nothing is judged again: names get their ordinals in order, and later rows count
over earlier ones. Most events change nothing but their streams.
"""

from __future__ import annotations

import uuid
from functools import singledispatch

import apsw
import msgspec

from muniment.core.rules.events import (
    ActorEnrolled,
    ApprovalDecided,
    DatasetRegistered,
    DatasetWithdrawn,
    DeploymentChanged,
    EvaluationCompleted,
    EvaluationPlanned,
    Event,
    IncidentClosed,
    IncidentRecorded,
    KeyChanged,
    ModelRegistered,
    ModelRetired,
    OwnershipAccepted,
    OwnershipOffered,
    TrainingStarted,
)
from muniment.core.rules.events.value import Slice
from muniment.core.rules.genesis import Genesis

# Streams that are a record of their own; people look for the thing that such an event is about.
_OWN_RECORDS = (
    "acts/",
    "amendment/",
    "approval/",
    "cosigner/",
    "dataset/",
    "evaluation/",
    "incident/",
    "key/",
    "members",
    "parameter/",
    "plan/",
    "validator/",
    "waiver/",
)


def main_stream(event: Event) -> str:
    """The stream of what an event is mainly about, for listings."""
    touched = event.touches()
    for stream in touched:
        if not stream.startswith(_OWN_RECORDS):
            return stream
    return touched[0] if touched else f"acts/{event.actor}"


def main_digest(event: Event) -> bytes | None:
    """The digest of the first thing that an event is about."""
    things = event.things()
    return bytes.fromhex(things[0][1]) if things else None


def project_genesis(genesis: Genesis, sql: apsw.Connection) -> None:
    """Founding actors and their keys, at entry 0."""
    for actor in genesis.actors:
        _enrol(sql, 0, actor.id, actor.kind, actor.organisation, actor.responsible, actor.roles)
        for each in actor.keys:
            _insert(sql, "key", (bytes.fromhex(each.key), 0, actor.id, 0, None, None, None))


@singledispatch
def project(event: Event, index: int, sql: apsw.Connection) -> None:
    """Write what an event at entry `index` changes, besides its streams."""


@project.register
def _dataset(event: DatasetRegistered, index: int, sql: apsw.Connection) -> None:
    _insert(sql, "version", (index, "data", event.name, _next_ordinal(sql, "data", event.name), bytes.fromhex(event.data)))


@project.register
def _withdrawn(event: DatasetWithdrawn, index: int, sql: apsw.Connection) -> None:
    _insert(sql, "ending", (bytes.fromhex(event.data), "data", index))


@project.register
def _model(event: ModelRegistered, index: int, sql: apsw.Connection) -> None:
    ordinal = _next_ordinal(sql, "version", event.model)
    _insert(sql, "version", (index, "version", event.model, ordinal, bytes.fromhex(event.version)))
    _found_model(sql, index, event.model, event.actor)


@project.register
def _retired(event: ModelRetired, index: int, sql: apsw.Connection) -> None:
    _insert(sql, "ending", (bytes.fromhex(event.version), "version", index))


@project.register
def _planned(event: EvaluationPlanned, index: int, sql: apsw.Connection) -> None:
    _found_model(sql, index, event.model, None)
    row = (_bytes(event.event_id), event.model, event.metric, event.comparator, event.threshold, _text(event.dataset_role))
    _insert(sql, "plan", (index, *row, msgspec.json.encode(event.slices)))


@project.register
def _evaluated(event: EvaluationCompleted, index: int, sql: apsw.Connection) -> None:
    passed = None
    if event.plan is not msgspec.UNSET:
        plans = "SELECT metric, comparator, threshold, slices FROM plan WHERE id = ? ORDER BY idx LIMIT 1"
        row = sql.execute(plans, (_bytes(event.plan),)).fetchone()
        if row is not None:
            metric, comparator, threshold, slices = row
            passed = event.meets(metric, comparator, threshold, msgspec.json.decode(slices, type=tuple[Slice, ...]))
    plan = None if event.plan is msgspec.UNSET else _bytes(event.plan)
    data = None if event.data is msgspec.UNSET else bytes.fromhex(event.data)
    _insert(sql, "evaluation", (index, bytes.fromhex(event.version), plan, passed, data, _text(event.dataset_role)))


@project.register
def _decided(event: ApprovalDecided, index: int, sql: apsw.Connection) -> None:
    version = None if event.of.version is msgspec.UNSET else bytes.fromhex(event.of.version)
    revokes = None if event.revokes is msgspec.UNSET else _bytes(event.revokes)
    row = (version, _text(event.of.environment), event.decision, event.meaning, _text(event.expires_at), revokes)
    _insert(sql, "approval", (index, *row))


@project.register
def _deployed(event: DeploymentChanged, index: int, sql: apsw.Connection) -> None:
    since = index
    if event.transition == "scale":
        place = (event.environment, event.name)
        earlier = sql.execute(
            "SELECT since FROM deployment WHERE environment = ? AND name = ? ORDER BY idx DESC LIMIT 1", place
        ).get
        since = index if earlier is None else earlier
    status = "stopped" if event.transition == "stop" else "running"
    row = (event.environment, event.name, index, bytes.fromhex(event.version), since, status, event.transition)
    _insert(sql, "deployment", row)


@project.register
def _incident(event: IncidentRecorded, index: int, sql: apsw.Connection) -> None:
    _insert(sql, "incident", (_bytes(event.event_id), index, index, int(event.hold)))


@project.register
def _closed(event: IncidentClosed, index: int, sql: apsw.Connection) -> None:
    id = _bytes(event.incident)
    opened = sql.execute("SELECT opened FROM incident WHERE id = ? ORDER BY idx LIMIT 1", (id,)).get
    if opened is not None:
        # What is closed holds nothing; 0 opened it, which no event does.
        _insert(sql, "incident", (id, index, 0, 0))


@project.register
def _started(event: TrainingStarted, index: int, sql: apsw.Connection) -> None:
    if event.git_commit is not msgspec.UNSET:
        _insert(sql, "revision", (event.git_commit, index))


@project.register
def _offered(event: OwnershipOffered, index: int, sql: apsw.Connection) -> None:
    _insert(sql, "model", (event.model, index, event.from_, event.to))


@project.register
def _accepted(event: OwnershipAccepted, index: int, sql: apsw.Connection) -> None:
    _insert(sql, "model", (event.model, index, event.actor, None))


@project.register
def _enrolled(event: ActorEnrolled, index: int, sql: apsw.Connection) -> None:
    _enrol(sql, index, event.of, event.kind, event.organisation, event.responsible, event.roles)
    for each in event.keys:
        _insert(sql, "key", (bytes.fromhex(each.key), index, event.of, index, None, None, None))


@project.register
def _key(event: KeyChanged, index: int, sql: apsw.Connection) -> None:
    if event.proof is not msgspec.UNSET:
        _insert(sql, "key", (bytes.fromhex(event.key), index, event.of, index, None, None, _text(event.expires_at)))
    ended = event.replaces if event.change == "rotate" else event.key
    if event.change == "add" or ended is msgspec.UNSET:
        return
    key = bytes.fromhex(ended)
    row = sql.execute(
        "SELECT actor, since, until, disputed, expires FROM key WHERE key = ? ORDER BY idx DESC LIMIT 1", (key,)
    ).fetchone()
    if row is not None:
        actor, since, until, disputed, expires = row
        if event.from_index is not msgspec.UNSET:
            disputed = event.from_index if disputed is None else min(disputed, event.from_index)
        _insert(sql, "key", (key, index, actor, since, index if until is None else until, disputed, expires))


def _found_model(sql: apsw.Connection, index: int, name: str, owner: str | None) -> None:
    """A model begins with its first version or plan, whichever comes first, and is owned from its first version on."""
    known = "SELECT 1 FROM model WHERE name = ? AND (owner IS NOT NULL OR ? IS NULL) LIMIT 1"
    if sql.execute(known, (name, owner)).get is None:
        _insert(sql, "model", (name, index, owner, None))


def _enrol(
    sql: apsw.Connection,
    index: int,
    id: str,
    kind: str,
    organisation: str | msgspec.UnsetType,
    responsible: tuple[str, ...],
    roles: tuple[str, ...],
) -> None:
    # Ids and roles are single segments, so a space separates them.
    _insert(sql, "actor", (id, index, kind, _text(organisation), " ".join(responsible), " ".join(roles)))


def _next_ordinal(sql: apsw.Connection, kind: str, name: str) -> int:
    newest: int | None = sql.execute("SELECT max(ordinal) FROM version WHERE kind = ? AND name = ?", (kind, name)).get
    return (newest or 0) + 1


def _insert(sql: apsw.Connection, table: str, row: tuple[str | int | bytes | None, ...]) -> None:
    sql.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _bytes(event_id: str) -> bytes:
    return uuid.UUID(event_id).bytes


def _text(value: str | msgspec.UnsetType) -> str | None:
    return None if value is msgspec.UNSET else value
