"""The reading half of the SDK: what is recorded, under which name, as of when, and with which proof."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from muniment.client.writing import Writer
from muniment.core.format import digest as digests
from muniment.core.format import dsse, entry, state_map, time
from muniment.core.rules import events, genesis
from muniment.core.rules.policy import Policy
from muniment.core.rules.records import PolicyInForce, State, Version
from muniment.errors import CorruptStore, InvariantError, NotFound
from muniment.index import ApprovalRow, DeploymentRow, EventRow, Index, Thing
from muniment.index.rows import ThingKind
from muniment.ledger.blobs import Blobs
from muniment.ledger.embedded import system_clock
from muniment.ledger.engine import View

S = TypeVar("S", bound=State)

_MAX_CHANGES = 1_000


class Questions:
    """Questions to one ledger. The index only finds things; what is proved is proved from the ledger itself."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._index: Index | None = None

    @property
    def origin(self) -> str:
        """The ledger's origin."""
        return self._writer.trust.origin

    @property
    def id(self) -> str:
        """The ledger's id."""
        return self._writer.trust.ledger

    @property
    def home(self) -> Path:
        """The folder of the ledger."""
        return self._writer.home.folder

    @property
    def actor(self) -> str:
        """Who writes. Raises InvalidInput (`no-actor`) where that is not clear."""
        return self._writer.actor

    @property
    def index(self) -> Index:
        """The read model, brought up to the newest block."""
        if self._index is None:
            self._index = Index(self._writer.home.index)
        with self._writer.engine.view() as view:
            self._index.follow(view)
        return self._index

    @property
    def manifests(self) -> Blobs:
        """The lists of files that are held here, by their roots."""
        return self._writer.manifests

    @contextmanager
    def view(self) -> Iterator[View]:
        """The ledger as of its newest sealed block."""
        with self._writer.engine.view() as view:
            yield view

    def log(self, thing: str | None = None, *, names: Collection[str] | None = None, limit: int = 50) -> list[EventRow]:
        """The newest events first: all of them, those about a thing, or those of some names."""
        index = self.index
        stream = None if thing is None else index.resolve(thing).stream
        return index.events(stream=stream, names=names, limit=limit)

    def resolve(self, text: str, kinds: Collection[ThingKind] | None = None) -> Thing:
        """What a text stands for: a name, `name@3`, `environment/name`, a digest or its beginning, an entry, an event id.

        Raises NotFound, with what was perhaps meant, and InvalidInput (`ambiguous`).
        """
        return self.index.resolve(text, kinds)

    def event_of(self, text: str, kind: Literal["approval", "plan", "run"]) -> str:
        """The event id of a run, plan or approval, given as its id, its stream or the entry of its event. Raises NotFound."""
        kinds: list[ThingKind] = [kind, "event"]
        found = self.resolve(text, kinds)
        stream = found.stream or ""
        if found.kind == "event" and not stream.startswith(f"{kind}/"):
            stream = f"{kind}/{self.index.event(found.index).event_id}"
        with self._writer.engine.view() as view:
            known = view.record(stream) is not None
        if not known:
            raise NotFound(f"{text!r} is no {kind}", code=f"no-such-{kind}", hint="`muniment log` lists what is recorded.")
        return stream.partition("/")[2]

    def describe(self, digest: str) -> str:
        """The digest of a version or data set as people read it: `credit-risk@3 · 9f86…0a08`."""
        name = self.index.name_of(digest)
        return digests.short(digest) if name is None else f"{name} · {digests.short(digest)}"

    def state(self, stream: str, kind: type[S]) -> S | None:
        """What the ledger now says about a stream, without a proof."""
        with self._writer.engine.view() as view:
            return _read_state(view, stream, kind)

    def policy(self) -> Policy:
        """The policy in force."""
        with self._writer.engine.view() as view:
            found = _read_state(view, "policy", PolicyInForce)
            raw = view.entry(0 if found is None else found.index)
        read = entry.decode(raw)
        if isinstance(read, entry.Header):
            return genesis.decode(bytes(read.genesis or b"")).policy
        event = events.decode(read.payload)
        if not isinstance(event, events.PolicyAmended):
            raise CorruptStore(f"entry {found and found.index} carries no policy", details={"table": "record", "row": "policy"})
        return event.policy

    def deployments(self, environment: str | None = None) -> list[DeploymentRow]:
        """What serves where."""
        return self.index.deployments(environment)

    def open_approvals(self, version: str, environment: str) -> list[str]:
        """The approvals of a version for an environment that were neither revoked nor have expired, by event id."""
        now = time.format(system_clock())
        return [
            row.event_id
            for row in self.index.approvals(version)
            if row.environment == environment
            and row.decision == "approve"
            and row.revoked is None
            and (row.expires_at or now) >= now
        ]

    def objections(self, version: str, environment: str) -> list[ApprovalRow]:
        """The rejections of a version for an environment that were not revoked."""
        return [
            row
            for row in self.index.approvals(version)
            if row.environment == environment and row.decision == "reject" and row.revoked is None
        ]

    def evaluations_of(self, version: str) -> list[str]:
        """The measurements of a version that did not fail, by event id."""
        return [row.event_id for row in self.index.evaluations(version) if row.passed is not False]

    def plan_for(self, version: str, metrics: Collection[str]) -> str | None:
        """The newest plan of a version's model for one of these metrics, by event id."""
        state = self.state(f"version/{version}", Version)
        plans = [] if state is None else [row for row in self.index.plans(state.model) if row.metric in metrics]
        return plans[-1].event_id if plans else None

    def version_before(self, environment: str, name: str) -> str:
        """The version to go back to: the one that was replaced by what a deployment runs now. Raises NotFound.

        What was left by a rollback is not offered again.
        """
        place = f"{environment}/{name}"
        stream = self.resolve(place, ["deployment"]).stream
        versions: list[str] = []
        for row in reversed(self.index.events(stream=stream, names=("deployment.changed",), limit=_MAX_CHANGES)):
            change = self._change(row.index)
            if change.transition == "rollback" and change.version in versions:
                del versions[versions.index(change.version) + 1 :]
            elif change.version not in versions[-1:]:
                versions.append(change.version)
        if len(versions) < 2:
            raise NotFound(f"{place} ran nothing else before", code="no-earlier-version", hint="Name the version with --to.")
        return versions[-2]

    def _change(self, index: int) -> events.DeploymentChanged:
        with self._writer.engine.view() as view:
            event = events.decode(dsse.decode(view.entry(index)).payload)
        if not isinstance(event, events.DeploymentChanged):
            raise InvariantError(f"entry {index} is no deployment")
        return event


def _read_state(view: View, stream: str, kind: type[S]) -> S | None:
    raw = view.record(stream)
    return None if raw is None else msgspec.json.decode(state_map.decode_record(raw).state, type=kind)
