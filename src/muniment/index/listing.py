"""Listings: what the index says, as of a size."""

from __future__ import annotations

import heapq
import uuid
from collections.abc import Collection, Iterator
from itertools import islice
from typing import NamedTuple

import apsw

from muniment.core.format import digest as digests
from muniment.errors import NotFound
from muniment.index.rows import (
    ActorRow,
    ApprovalRow,
    DataRow,
    DatasetRow,
    DeploymentRow,
    EvaluationRow,
    EventRow,
    KeyRow,
    ModelRow,
    PlanRow,
    VersionRow,
)


class Extent(NamedTuple):
    """The index up to a number of entries."""

    sql: apsw.Connection
    size: int


# entry, height, time, name, actor, id, claimed time, stream, digest
_Event = tuple[int, int, str, str, str, bytes, str, str, bytes | None]

_EVENT = """SELECT e.idx, b.height, b.time, e.name, e.actor, e.id, e.occurred, s.name, e.digest
  FROM event e JOIN block b ON b.idx = e.block JOIN stream s ON s.id = e.stream """
# The newest row of each thing; SQLite takes the other columns from the row that has the maximum.
_NEWEST = "SELECT *, max(idx) FROM {table} WHERE idx < :size GROUP BY {key}"
_SAID = "JOIN event e ON e.idx = t.idx JOIN block b ON b.idx = e.block"


def events(
    extent: Extent, stream: str | None = None, names: Collection[str] | None = None, before: int | None = None, limit: int = 50
) -> list[EventRow]:
    """The newest events first."""
    stop = extent.size if before is None else min(before, extent.size)
    wanted = None if names is None else sorted(set(names))
    found: Iterator[_Event]
    if stream is not None:
        among = "" if wanted is None else f" AND e.name IN ({', '.join('?' * len(wanted))})"
        which = f"JOIN touch t ON t.idx = e.idx WHERE t.stream = ?{among} AND t.idx"
        found = _said(extent, which, stream_number(extent, stream), *(wanted or ()), stop)
    elif wanted is not None:
        # One ordered walk for each name, merged: a rare name costs no walk over all the others.
        found = heapq.merge(
            *[_said(extent, "WHERE e.name = ? AND e.idx", name, stop) for name in wanted], key=lambda row: row[0], reverse=True
        )
    else:
        found = _said(extent, "WHERE e.idx", stop)
    return [_event(extent, row) for row in list(islice(found, max(limit, 0)))]


def event(extent: Extent, index: int) -> EventRow:
    """The event at an entry. Raises NotFound."""
    for row in _said(extent, "WHERE e.idx = ? AND e.idx", index, extent.size):
        return _event(extent, row)
    raise NotFound(f"entry {index} is no event", code="no-event", hint=f"The ledger has {extent.size} entries.")


def stream_number(extent: Extent, stream: str) -> int:
    """The number of a stream; -1, which no stream has, where it is unknown."""
    number: int | None = extent.sql.execute("SELECT id FROM stream WHERE name = ?", (stream,)).get
    return -1 if number is None else number


def stream_indices(extent: Extent, stream: str) -> list[int]:
    """Every entry that the stream folds, ascending."""
    sql = "SELECT idx FROM touch WHERE stream = ? AND idx < ? ORDER BY idx"
    return [index for (index,) in extent.sql.execute(sql, (stream_number(extent, stream), extent.size))]


def name_of(extent: Extent, digest: str) -> str | None:
    """The name and ordinal of a version of a model, or else of a data set."""
    return _name(extent, digests.parse(digest), None)


def models(extent: Extent) -> list[ModelRow]:
    """All models by name."""
    # The newest version of each is looked up by itself: a model with thousands of them costs no more than one with two.
    sql = f"""SELECT m.name, m.owner, m.offered, coalesce(v.ordinal, 0), v.digest
      FROM ({_NEWEST.format(table="model", key="name")}) m LEFT JOIN version v ON v.idx =
        (SELECT idx FROM version WHERE kind = 'version' AND name = m.name AND idx < :size ORDER BY ordinal DESC LIMIT 1)
      ORDER BY m.name"""
    return [
        ModelRow(name=name, owner=owner, offered_to=offered, count=count, latest=_hex(latest))
        for name, owner, offered, count, latest in extent.sql.execute(sql, {"size": extent.size})
    ]


def versions(extent: Extent, model: str) -> list[VersionRow]:
    """The versions of a model, the first one first."""
    return [
        VersionRow(model=model, ordinal=ordinal, digest=digest, index=index, time=time, actor=actor, retired=ended)
        for ordinal, digest, index, time, actor, ended in _versions(extent, "version", model)
    ]


def datasets(extent: Extent) -> list[DatasetRow]:
    """All data sets by name."""
    sql = "SELECT name, max(ordinal), digest FROM version WHERE kind = 'data' AND idx < ? GROUP BY name ORDER BY name"
    return [
        DatasetRow(name=name, count=count, latest=latest.hex()) for name, count, latest in extent.sql.execute(sql, (extent.size,))
    ]


def data(extent: Extent, dataset: str) -> list[DataRow]:
    """The versions of a data set, the first one first."""
    return [
        DataRow(name=dataset, ordinal=ordinal, digest=digest, index=index, time=time, actor=actor, withdrawn=ended)
        for ordinal, digest, index, time, actor, ended in _versions(extent, "data", dataset)
    ]


def deployments(extent: Extent, environment: str | None = None) -> list[DeploymentRow]:
    """What serves where, by environment and name."""
    sql = f"""SELECT t.environment, t.name, t.version, v.ordinal, v.name, t.status, t.transition, t.since, t.idx, b.time, e.actor
      FROM ({_NEWEST.format(table="deployment", key="environment, name")}) t {_SAID}
      JOIN version v ON v.digest = t.version AND v.kind = 'version'
      WHERE :environment IS NULL OR t.environment = :environment ORDER BY t.environment, t.name"""
    return [
        DeploymentRow(
            environment=place,
            name=name,
            version=version.hex(),
            ordinal=ordinal,
            model=model,
            status=status,
            transition=transition,
            since=since,
            index=index,
            time=time,
            actor=actor,
        )
        for place, name, version, ordinal, model, status, transition, since, index, time, actor in extent.sql.execute(
            sql, {"size": extent.size, "environment": environment}
        )
    ]


def actors(extent: Extent, kind: str | None = None) -> list[ActorRow]:
    """All actors, or those of a kind, by id."""
    sql = f"""SELECT id, kind, organisation, responsible, roles, idx FROM ({_NEWEST.format(table="actor", key="id")})
      WHERE :kind IS NULL OR kind = :kind ORDER BY id"""
    return [
        ActorRow(
            id=id,
            kind=found,
            organisation=organisation,
            responsible=tuple(responsible.split()),
            roles=tuple(roles.split()),
            index=index,
        )
        for id, found, organisation, responsible, roles, index in extent.sql.execute(sql, {"size": extent.size, "kind": kind})
    ]


def keys_of(extent: Extent, actor: str | None = None) -> list[KeyRow]:
    """All keys, or those of an actor, in order of their enrolment."""
    sql = f"""SELECT key, actor, since, until, disputed, expires FROM ({_NEWEST.format(table="key", key="key")})
      WHERE :actor IS NULL OR actor = :actor ORDER BY since, key"""
    return [
        KeyRow(key=key.hex(), actor=held_by, since=since, until=until, disputed_from=disputed, expires_at=expires)
        for key, held_by, since, until, disputed, expires in extent.sql.execute(sql, {"size": extent.size, "actor": actor})
    ]


def approvals(extent: Extent, version: str, limit: int = -1) -> list[ApprovalRow]:
    """The newest decisions about a version, the first one first; a negative limit is none."""
    sql = f"""SELECT t.idx, e.id, b.time, e.actor, t.environment, t.decision, t.meaning, t.expires,
      (SELECT min(r.idx) FROM approval r WHERE r.revokes = e.id AND r.idx < :size)
      FROM approval t {_SAID} WHERE t.version = :version AND t.revokes IS NULL AND t.idx < :size
      ORDER BY t.idx DESC LIMIT :limit"""
    found = [
        ApprovalRow(
            index=index,
            event_id=str(uuid.UUID(bytes=id)),
            time=time,
            actor=actor,
            version=version,
            environment=environment,
            decision=decision,
            meaning=meaning,
            expires_at=expires,
            revoked=revoked,
        )
        for index, id, time, actor, environment, decision, meaning, expires, revoked in extent.sql.execute(
            sql, {"size": extent.size, "version": digests.parse(version), "limit": limit}
        )
    ]
    return found[::-1]


def plans(extent: Extent, model: str) -> list[PlanRow]:
    """The evaluation plans of a model, the first one first."""
    sql = f"""SELECT t.idx, t.id, b.time, e.actor, t.metric, t.comparator, t.threshold, t.role
      FROM plan t {_SAID} WHERE t.model = ? AND t.idx < ? ORDER BY t.idx"""
    return [
        PlanRow(
            index=index,
            event_id=str(uuid.UUID(bytes=id)),
            time=time,
            actor=actor,
            model=model,
            metric=metric,
            comparator=comparator,
            threshold=threshold,
            dataset_role=role,
        )
        for index, id, time, actor, metric, comparator, threshold, role in extent.sql.execute(sql, (model, extent.size))
    ]


def evaluations(extent: Extent, version: str, limit: int = -1) -> list[EvaluationRow]:
    """The newest measurements of a version, the first one first; a negative limit is none."""
    sql = f"""SELECT t.idx, e.id, b.time, e.actor, t.plan, t.passed, t.data, t.role
      FROM evaluation t {_SAID} WHERE t.version = ? AND t.idx < ? ORDER BY t.idx DESC LIMIT ?"""
    bound = (digests.parse(version), extent.size, limit)
    found = [
        EvaluationRow(
            index=index,
            event_id=str(uuid.UUID(bytes=id)),
            time=time,
            actor=actor,
            version=version,
            plan=None if plan is None else str(uuid.UUID(bytes=plan)),
            passed=None if passed is None else bool(passed),
            data=_hex(data),
            dataset_role=role,
        )
        for index, id, time, actor, plan, passed, data, role in extent.sql.execute(sql, bound)
    ]
    return found[::-1]


def _said(extent: Extent, which: str, *bindings: str | int) -> Iterator[_Event]:
    """Rows of events, newest first; `which` joins and compares, and ends at the index that the last binding bounds."""
    yield from extent.sql.execute(f"{_EVENT}{which} < ? ORDER BY {which.rpartition(' ')[2]} DESC", bindings)


def _event(extent: Extent, row: _Event) -> EventRow:
    index, height, time, name, actor, id, occurred, stream, digest = row
    return EventRow(
        index=index,
        height=height,
        time=time,
        name=name,
        actor=actor,
        event_id=str(uuid.UUID(bytes=id)),
        occurred_at=occurred,
        stream=stream,
        thing=_title(extent, stream),
        digest=_hex(digest),
    )


def _title(extent: Extent, stream: str) -> str:
    """What people call the thing of a stream."""
    kind, _, rest = stream.partition("/")
    if kind in ("data", "version"):
        return _name(extent, bytes.fromhex(rest), kind) or f"{kind} {digests.short(rest)}"
    if kind in ("link", "key"):
        return f"{kind} {digests.short(rest)}"
    return rest if kind in ("actor", "acts", "dataset", "deployment", "member", "model", "system") else stream


def _name(extent: Extent, digest: bytes, kind: str | None) -> str | None:
    sql = """SELECT name || '@' || ordinal FROM version WHERE digest = ? AND (?2 IS NULL OR kind = ?2) AND idx < ?3
      ORDER BY kind DESC, idx LIMIT 1"""
    name: str | None = extent.sql.execute(sql, (digest, kind, extent.size)).get
    return name


def _versions(extent: Extent, kind: str, name: str) -> Iterator[tuple[int, str, int, str, str, int | None]]:
    sql = f"""SELECT t.ordinal, t.digest, t.idx, b.time, e.actor,
      (SELECT min(x.idx) FROM ending x WHERE x.digest = t.digest AND x.kind = t.kind AND x.idx < :size)
      FROM version t {_SAID} WHERE t.kind = :kind AND t.name = :name AND t.idx < :size ORDER BY t.ordinal"""
    for ordinal, digest, index, time, actor, ended in extent.sql.execute(sql, {"size": extent.size, "kind": kind, "name": name}):
        yield ordinal, digest.hex(), index, time, actor, ended


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()
