"""How deployments changed, as the index says: of one place, one environment, one version or one model."""

from __future__ import annotations

import msgspec

from muniment.core.format import digest as digests
from muniment.index.listing import Extent
from muniment.index.rows import ChangeRow


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """Which changes: those that all of the fields given agree with. `name` is that of a deployment."""

    environment: str | None = None
    name: str | None = None
    version: str | None = None
    model: str | None = None


def list_changes(extent: Extent, of: Served, before: int | None, limit: int) -> list[ChangeRow]:
    """The newest changes first. Raises InvalidInput for what is no digest."""
    conditions = ["idx < :stop"]
    if of.environment is not None:
        conditions.append("environment = :environment")
    if of.name is not None:
        conditions.append("name = :name")
    if of.version is not None:
        conditions.append("version = :version")
    if of.model is not None:
        conditions.append("version IN (SELECT digest FROM version WHERE kind = 'version' AND name = :model)")
    newest = f"SELECT * FROM deployment WHERE {' AND '.join(conditions)} ORDER BY idx DESC LIMIT :limit"
    # The names are joined to the few rows that are wanted, not to all that there are.
    sql = f"""SELECT t.idx, b.time, e.actor, t.environment, t.name, t.version, v.ordinal, v.name, t.transition, t.status
      FROM ({newest}) t JOIN event e ON e.idx = t.idx JOIN block b ON b.idx = e.block
      JOIN version v ON v.digest = t.version AND v.kind = 'version' ORDER BY t.idx DESC"""
    bound = {
        "stop": extent.size if before is None else min(before, extent.size),
        "environment": of.environment,
        "name": of.name,
        "version": None if of.version is None else digests.parse(of.version),
        "model": of.model,
        "limit": max(limit, 0),
    }
    return [
        ChangeRow(
            index=index,
            time=time,
            actor=actor,
            environment=environment,
            name=name,
            version=version.hex(),
            ordinal=ordinal,
            model=model,
            transition=transition,
            status=status,
        )
        for index, time, actor, environment, name, version, ordinal, model, transition, status in extent.sql.execute(sql, bound)
    ]
