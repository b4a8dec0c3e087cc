"""The reading half of the SDK: what is recorded, under which name, as of when, and with which proof."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from muniment.client.writing import Writer
from muniment.core.format import digest as digests
from muniment.core.format import entry, state_map
from muniment.core.rules import events, genesis
from muniment.core.rules.policy import Policy
from muniment.core.rules.records import PolicyInForce, State
from muniment.errors import CorruptStore, NotFound
from muniment.index import DeploymentRow, EventRow, Index, Thing
from muniment.index.rows import ThingKind
from muniment.ledger.engine import View

S = TypeVar("S", bound=State)


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
    def index(self) -> Index:
        """The read model, brought up to the newest block."""
        if self._index is None:
            self._index = Index(self._writer.home.index)
        with self._writer.engine.view() as view:
            self._index.follow(view)
        return self._index

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
        """The approvals of a version for an environment that were not revoked, by event id."""
        return [
            row.event_id
            for row in self.index.approvals(version)
            if row.environment == environment and row.decision == "approve" and row.revoked is None
        ]

    def evaluations_of(self, version: str) -> list[str]:
        """The measurements of a version that did not fail, by event id."""
        return [row.event_id for row in self.index.evaluations(version) if row.passed is not False]

    def version_before(self, environment: str, name: str) -> str:
        """The version that a deployment ran before the one that it runs now. Raises NotFound."""
        stream = f"deployment/{environment}/{name}"
        changes = self.index.events(stream=stream, names=("deployment.changed",), limit=1_000)
        current = changes[0].digest if changes else None
        for row in changes:
            if row.digest and row.digest != current:
                return row.digest
        raise NotFound(
            f"{environment}/{name} ran nothing else before", code="no-earlier-version", hint="Name the version with --to."
        )


def _read_state(view: View, stream: str, kind: type[S]) -> S | None:
    raw = view.record(stream)
    return None if raw is None else msgspec.json.decode(state_map.decode_record(raw).state, type=kind)
