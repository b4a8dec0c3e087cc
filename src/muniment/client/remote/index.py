"""The read model of a node (index.rows.Query), asked method by method: nothing of it lies here.

It only finds things, as an index here does: what it finds is believed once it is proved. What it leaves out, nobody sees. Of
several nodes one is asked that has come as far as what this client saw.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

import msgspec

from muniment.core.proof.evidence import BEHIND
from muniment.errors import NotFound, Unavailable
from muniment.index.follower import Progress
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
    Thing,
    ThingKind,
    VersionRow,
)
from muniment.ledger.engine import View
from muniment.net import wire
from muniment.net.address import Query, segments
from muniment.net.transport import Transport
from muniment.net.ways import Ways

PAGE = 1_000
"""The longest list of events that a node gives at once."""

T = TypeVar("T")


class _List(msgspec.Struct, frozen=True):
    """A list as it comes; its items are read in their own type."""

    items: msgspec.Raw
    size: int


class RemoteIndex:
    """Questions to the read model of a node, which is as new as its newest block."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._size = 0

    @property
    def size(self) -> int:
        """The number of entries that the last answer was about."""
        return self._size

    def follow(self, view: View, progress: Progress | None = None) -> None:
        """Nothing has to be brought up to a view here: the node's index is never behind a block that it showed."""
        self._size = max(self._size, view.size)

    def discard(self) -> None:
        """There is nothing here to be made anew. Raises Unavailable: what the node's index says is not what its ledger says."""
        raise Unavailable(
            "the index of the node contradicts its ledger",
            code="bad-index",
            hint="Tell whoever runs the node: `muniment doctor` on it says more, and the index can be made anew.",
        )

    def close(self) -> None:
        """There is no file to let go of; connections belong to the engine."""

    def events(
        self, stream: str | None = None, names: Collection[str] | None = None, before: int | None = None, limit: int = 50
    ) -> list[EventRow]:
        """The newest events first: of one stream, of some names, at entries before `before`."""
        if names is not None and not names:
            return []
        query: list[tuple[str, str]] = [] if stream is None else [("stream", stream)]
        query += [("name", name) for name in sorted(names or ())]
        found: list[EventRow] = []
        while len(found) < limit:
            asked = min(limit - len(found), PAGE)
            page = [*query, ("limit", str(asked)), *([] if before is None else [("before", str(before))])]
            rows = self._list("/v1/events", EventRow, tuple(page))
            found += rows[:asked]
            if len(rows) < asked or (before is not None and rows[-1].index >= before):
                break
            before = rows[-1].index
        return found

    def event(self, index: int) -> EventRow:
        """The event at an entry. Raises NotFound."""
        return self._ways.ask(lambda way: way.read(f"/v1/events/{index}", EventRow), lacking=True)

    def stream_indices(self, stream: str) -> list[int]:
        """Every entry that the stream folds, ascending."""
        return self._list(f"/v1/streams/{segments(stream)}", int)

    def resolve(self, text: str, kinds: Collection[ThingKind] | None = None) -> Thing:
        """What a text stands for, among `kinds`. Raises NotFound; InvalidInput (`ambiguous`) where it is several things."""
        query = (("q", text), *(("kind", kind) for kind in sorted(kinds or ())))
        return self._ways.ask(lambda way: way.read("/v1/search", Thing, query=query), lacking=True)

    def name_of(self, digest: str) -> str | None:
        """`credit-risk@3` for the digest of a version of a model or data set."""
        try:
            return self._ways.ask(lambda way: way.read(f"/v1/names/{segments(digest)}", wire.Name), lacking=True).name
        except NotFound:
            return None

    def models(self) -> list[ModelRow]:
        """All models by name."""
        return self._list("/v1/models", ModelRow)

    def versions(self, model: str) -> list[VersionRow]:
        """The versions of a model, the first one first."""
        return self._list(f"/v1/models/{segments(model)}/versions", VersionRow)

    def datasets(self) -> list[DatasetRow]:
        """All data sets by name."""
        return self._list("/v1/datasets", DatasetRow)

    def data(self, dataset: str) -> list[DataRow]:
        """The versions of a data set, the first one first."""
        return self._list(f"/v1/datasets/{segments(dataset)}/versions", DataRow)

    def deployments(self, environment: str | None = None) -> list[DeploymentRow]:
        """What serves where, stopped deployments included, by environment and name."""
        return self._list("/v1/deployments", DeploymentRow, _optional("environment", environment))

    def actors(self, kind: str | None = None) -> list[ActorRow]:
        """All actors, or those of a kind, by id."""
        return self._list("/v1/actors", ActorRow, _optional("kind", kind))

    def keys_of(self, actor: str | None = None) -> list[KeyRow]:
        """All keys, or those of an actor, in order of their enrolment."""
        return self._list("/v1/keys", KeyRow, _optional("actor", actor))

    def approvals(self, version: str) -> list[ApprovalRow]:
        """The decisions about a version, the first one first."""
        return self._list(f"/v1/versions/{segments(version)}/approvals", ApprovalRow)

    def plans(self, model: str) -> list[PlanRow]:
        """The evaluation plans of a model, the first one first."""
        return self._list(f"/v1/models/{segments(model)}/plans", PlanRow)

    def evaluations(self, version: str) -> list[EvaluationRow]:
        """The measurements of a version, the first one first."""
        return self._list(f"/v1/versions/{segments(version)}/evaluations", EvaluationRow)

    def _read(self, way: Transport, path: str, query: Query) -> _List:
        found = way.read(path, _List, query=query)
        if self._ways.are_several and found.size < self._size:
            # Another node than the one that showed this client its newest block.
            raise Unavailable(
                f"{way.address.url} lists what was recorded up to entry {found.size}, and {self._size} were seen",
                code=BEHIND,
                hint="It is catching up; ask again in a moment.",
                retry_after=1.0,
            )
        return found

    def _list(self, path: str, type_: type[T], query: Query = ()) -> list[T]:
        found = self._ways.ask(lambda way: self._read(way, path, query))
        self._size = max(self._size, found.size)
        try:
            return wire.decode(bytes(found.items), list[type_])  # type: ignore[valid-type]
        except ValueError as error:
            raise Unavailable(
                f"{path} of the node has another form than this client knows: {str(error)[:200]}",
                code="bad-answer",
                hint="Compare the releases: `muniment --version` here and /v1/ledger there.",
            ) from None


def _optional(name: str, value: str | None) -> Query:
    return () if value is None else ((name, value),)
