"""What the read model answers, and the questions that it takes.

Digests and keys are lower hex, indices are entry indices, times are those of the sealing header unless the name says
otherwise. What is not there is None.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Protocol

import msgspec

from muniment.core.format import layout

ThingKind = Literal[
    "actor",
    "approval",
    "amendment",
    "acts",
    "attempts",
    "cosigner",
    "data",
    "dataset",
    "deployment",
    "evaluation",
    "event",
    "header",
    "incident",
    "key",
    "link",
    "member",
    "members",
    "model",
    "parameter",
    "plan",
    "policy",
    "protocol",
    "run",
    "system",
    "validator",
    "version",
    "waiver",
]


class _Row(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The shape of every answer."""


class Thing(_Row, frozen=True, kw_only=True):
    """What a text stands for. `index` is the entry that made it, or last changed it where it is no version or entry.

    `stream` is its history; for an event the main one that it belongs to, and None for a header. `name` is what people call
    it, without its ordinal. `ordinal` and `digest` belong to a version of a model or data set, or to what a deployment runs.
    """

    kind: ThingKind
    stream: str | None
    name: str
    ordinal: int | None = None
    digest: str | None = None
    index: int

    def title(self) -> str:
        """The thing as people write it: `credit-risk@3`, `production/credit-risk`."""
        return f"{self.name}@{self.ordinal}" if self.kind in ("version", "data") else self.name


class EventRow(_Row, frozen=True, kw_only=True):
    """An event in a listing. `stream` is what it is mainly about, `thing` what people call that, `digest` its version, if any."""

    index: int
    height: int
    time: str
    name: str
    actor: str
    event_id: str
    occurred_at: str
    stream: str
    thing: str
    digest: str | None


class ModelRow(_Row, frozen=True, kw_only=True):
    """A model: `count` versions, the newest of which is `latest`. Nobody owns it before the first one."""

    name: str
    owner: str | None
    offered_to: str | None
    count: int
    latest: str | None


class VersionRow(_Row, frozen=True, kw_only=True):
    """A version of a model; `retired` is the entry that says so."""

    model: str
    ordinal: int
    digest: str
    index: int
    time: str
    actor: str
    retired: int | None


class DatasetRow(_Row, frozen=True, kw_only=True):
    """A data set: `count` versions, the newest of which is `latest`."""

    name: str
    count: int
    latest: str


class DataRow(_Row, frozen=True, kw_only=True):
    """A version of a data set; `withdrawn` is the first entry that says so."""

    name: str
    ordinal: int
    digest: str
    index: int
    time: str
    actor: str
    withdrawn: int | None


class DeploymentRow(_Row, frozen=True, kw_only=True):
    """What serves under a name in an environment since entry `since`; `index` is the last change."""

    environment: str
    name: str
    version: str
    ordinal: int
    model: str
    status: str
    transition: str
    since: int
    index: int
    time: str
    actor: str


class ChangeRow(_Row, frozen=True, kw_only=True):
    """One change of a deployment: from entry `index` on, `version` serves there, or no longer does where `status` is `stopped`."""

    index: int
    time: str
    actor: str
    environment: str
    name: str
    version: str
    ordinal: int
    model: str
    transition: str
    status: str


class ActorRow(_Row, frozen=True, kw_only=True):
    """An actor as enrolled last, by entry `index`."""

    id: str
    kind: str
    organisation: str | None
    responsible: tuple[str, ...]
    roles: tuple[str, ...]
    index: int


class KeyRow(_Row, frozen=True, kw_only=True):
    """A key: usable from entry `since` until entry `until`, disputed from entry `disputed_from` on."""

    key: str
    actor: str
    since: int
    until: int | None
    disputed_from: int | None
    expires_at: str | None


class ApprovalRow(_Row, frozen=True, kw_only=True):
    """A decision about a version in an environment; `revoked` is the entry that took it back."""

    index: int
    event_id: str
    time: str
    actor: str
    version: str
    environment: str
    decision: str
    meaning: str
    expires_at: str | None
    revoked: int | None


class PlanRow(_Row, frozen=True, kw_only=True):
    """What a model must reach."""

    index: int
    event_id: str
    time: str
    actor: str
    model: str
    metric: str
    comparator: str
    threshold: str
    dataset_role: str | None


class EvaluationRow(_Row, frozen=True, kw_only=True):
    """A measurement of a version; `passed` is None where it was measured without a plan."""

    index: int
    event_id: str
    time: str
    actor: str
    version: str
    plan: str | None
    passed: bool | None
    data: str | None
    dataset_role: str | None


class IncidentRow(_Row, frozen=True, kw_only=True):
    """An open incident; `hold` says that its version may not be deployed while it is open."""

    event: EventRow
    hold: bool


class RunRow(_Row, frozen=True, kw_only=True):
    """A training run by the event that started it, and the commit of its code."""

    event: EventRow
    commit: str


class Query(Protocol):
    """The questions that a read model answers, here or elsewhere."""

    @property
    def size(self) -> int:
        """The number of entries that the answers are about."""

    def events(
        self, stream: str | None = None, names: Collection[str] | None = None, before: int | None = None, limit: int = 50
    ) -> list[EventRow]:
        """The newest events first: of one stream, of some names, at entries before `before`."""

    def event(self, index: int) -> EventRow:
        """The event at an entry. Raises NotFound."""

    def stream_indices(self, stream: str) -> list[int]:
        """Every entry that the stream folds, ascending: what a completeness answer hands over."""

    def resolve(self, text: str, kinds: Collection[ThingKind] | None = None) -> Thing:
        """What a text stands for, among `kinds`. Raises NotFound; InvalidInput (`ambiguous`) where it is several things."""

    def name_of(self, digest: str) -> str | None:
        """`credit-risk@3` for the digest of a version of a model or data set."""

    def models(self) -> list[ModelRow]:
        """All models by name."""

    def versions(self, model: str) -> list[VersionRow]:
        """The versions of a model, the first one first."""

    def datasets(self) -> list[DatasetRow]:
        """All data sets by name."""

    def data(self, dataset: str) -> list[DataRow]:
        """The versions of a data set, the first one first."""

    def deployments(self, environment: str | None = None) -> list[DeploymentRow]:
        """What serves where, stopped deployments included, by environment and name."""

    def actors(self, kind: str | None = None) -> list[ActorRow]:
        """All actors, or those of a kind, by id."""

    def keys_of(self, actor: str | None = None) -> list[KeyRow]:
        """All keys, or those of an actor, in order of their enrolment."""

    def approvals(self, version: str) -> list[ApprovalRow]:
        """The decisions about a version, the first one first."""

    def plans(self, model: str) -> list[PlanRow]:
        """The evaluation plans of a model, the first one first."""

    def evaluations(self, version: str) -> list[EvaluationRow]:
        """The measurements of a version, the first one first."""


layout.settle(globals().values())
