"""The index as an object: one connection, opened when first needed, deleted and rebuilt when it is damaged."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from muniment.errors import InvalidInput, Unavailable
from muniment.index import changes, file, finding, follower, listing, resolution
from muniment.index.changes import Served
from muniment.index.follower import Progress
from muniment.index.listing import Extent
from muniment.index.rows import (
    ActorRow,
    ApprovalRow,
    ChangeRow,
    DataRow,
    DatasetRow,
    DeploymentRow,
    EvaluationRow,
    EventRow,
    IncidentRow,
    KeyRow,
    ModelRow,
    PlanRow,
    RunRow,
    Thing,
    ThingKind,
    VersionRow,
)
from muniment.ledger.engine import View

P = ParamSpec("P")
T = TypeVar("T")


class Index:
    """The read model in one file. Safe for several threads and processes, and after a fork.

    Every question may raise Unavailable: `busy`, `index-unusable`, or `index-damaged`, after which the file is gone and
    following the ledger makes it anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sql: apsw.Connection | None = None
        self._size: int | None = None
        self._process = os.getpid()
        self._inherited: apsw.Connection | None = None
        self._lock = threading.RLock()

    def follow(self, view: View, progress: Progress | None = None) -> None:
        """Read what is new; afterwards all answers are as of this view. `progress` is told (entries read, entries)."""
        with self._lock:
            try:
                with self._guarded() as sql:
                    follower.follow(sql, view, self._writing, progress)
            except Unavailable as error:
                if error.code != "index-damaged":
                    raise
                with self._guarded() as sql:
                    follower.follow(sql, view, self._writing, progress)
            self._size = view.size

    def discard(self) -> None:
        """Delete the file; the next `follow` reads the whole ledger again."""
        with self._lock:
            self.close()
            file.delete(self.path)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._sql is not None and self._process == os.getpid():
                self._sql.close()
            self._sql = self._size = None

    @property
    def size(self) -> int:
        """The number of entries that the answers are about."""
        with self._lock, self._guarded() as sql:
            return follower.size(sql) if self._size is None else self._size

    def events(
        self, stream: str | None = None, names: Collection[str] | None = None, before: int | None = None, limit: int = 50
    ) -> list[EventRow]:
        """The newest events first: of one stream, of some names, at entries before `before`."""
        return self._ask(listing.events, stream, names, before, limit)

    def event(self, index: int) -> EventRow:
        """The event at an entry. Raises NotFound."""
        return self._ask(listing.event, index)

    def stream_indices(self, stream: str) -> list[int]:
        """Every entry that the stream folds, ascending; the genesis header is one for what it founds."""
        return self._ask(listing.stream_indices, stream)

    def resolve(self, text: str, kinds: Collection[ThingKind] | None = None) -> Thing:
        """What a text stands for, among `kinds`. Raises NotFound; InvalidInput (`ambiguous`) where it is several things."""
        return self._ask(resolution.resolve, text, kinds)

    def name_of(self, digest: str) -> str | None:
        """`credit-risk@3` for the digest of a version of a model or data set."""
        return self._ask(listing.name_of, digest)

    def models(self) -> list[ModelRow]:
        """All models by name."""
        return self._ask(listing.models)

    def versions(self, model: str) -> list[VersionRow]:
        """The versions of a model, the first one first."""
        return self._ask(listing.versions, model)

    def datasets(self) -> list[DatasetRow]:
        """All data sets by name."""
        return self._ask(listing.datasets)

    def data(self, dataset: str) -> list[DataRow]:
        """The versions of a data set, the first one first."""
        return self._ask(listing.data, dataset)

    def deployments(self, environment: str | None = None) -> list[DeploymentRow]:
        """What serves where, stopped deployments included, by environment and name."""
        return self._ask(listing.deployments, environment)

    def changes(self, of: Served, before: int | None = None, limit: int = 50) -> list[ChangeRow]:
        """How deployments changed, the newest first: at entries before `before`."""
        return self._ask(changes.list_changes, of, before, limit)

    def actors(self, kind: str | None = None) -> list[ActorRow]:
        """All actors, or those of a kind, by id."""
        return self._ask(listing.actors, kind)

    def keys_of(self, actor: str | None = None) -> list[KeyRow]:
        """All keys, or those of an actor, in order of their enrolment."""
        return self._ask(listing.keys_of, actor)

    def approvals(self, version: str, limit: int = -1) -> list[ApprovalRow]:
        """The newest decisions about a version, the first one first; a negative limit is none."""
        return self._ask(listing.approvals, version, limit)

    def plans(self, model: str) -> list[PlanRow]:
        """The evaluation plans of a model, the first one first."""
        return self._ask(listing.plans, model)

    def evaluations(self, version: str, limit: int = -1) -> list[EvaluationRow]:
        """The newest measurements of a version, the first one first; a negative limit is none."""
        return self._ask(listing.evaluations, version, limit)

    def open_incidents(self, limit: int = 50) -> list[IncidentRow]:
        """The incidents that nobody has closed, the newest first."""
        return self._ask(finding.list_open, limit)

    def runs_at(self, commit: str, limit: int = 50) -> list[RunRow]:
        """The training runs whose code was at a commit, given by the beginning of its digest; the newest first."""
        return self._ask(finding.list_runs, commit, limit)

    def _ask(self, question: Callable[Concatenate[Extent, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._lock, self._guarded() as sql:
            size = follower.size(sql) if self._size is None else self._size
            return question(Extent(sql, size), *args, **kwargs)

    @contextmanager
    def _guarded(self) -> Iterator[apsw.Connection]:
        """The connection; what SQLite raises becomes Unavailable, and a damaged file is deleted."""
        try:
            yield self._connection()
        except UnicodeEncodeError:
            raise InvalidInput("the text is not valid Unicode", code="not-unicode") from None
        except (apsw.Error, ValueError, TypeError, AttributeError) as error:
            # Pages carry no checksum: a changed byte also shows as a value that cannot be.
            unavailable = file.explain(self.path, error) if isinstance(error, apsw.Error) else None
            if unavailable is not None:
                raise unavailable from None
            self.discard()
            raise Unavailable(
                f"the index {self.path} was damaged and is deleted: {error}",
                code="index-damaged",
                hint="Try again: the index is rebuilt from the ledger.",
                retry_after=0.0,
            ) from error

    def _connection(self) -> apsw.Connection:
        if self._process != os.getpid():
            # SQLite forbids using, and even closing, a connection in a forked child; the child opens its own.
            self._inherited, self._sql, self._process = self._sql, None, os.getpid()
        if self._sql is None:
            self._sql = file.open(self.path)
        return self._sql

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction of this process, while no other one writes."""
        sql = self._connection()
        sql.execute("BEGIN IMMEDIATE")
        try:
            yield
            sql.execute("COMMIT")
        finally:
            if sql.in_transaction:
                sql.execute("ROLLBACK")
