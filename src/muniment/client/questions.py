"""The reading half of the SDK: what is recorded, under which name, as of when, and with which proof."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from muniment.client.writing import Writer
from muniment.core.format import state_map
from muniment.core.rules.records import State
from muniment.errors import NotFound
from muniment.index import DeploymentRow, EventRow, Index, Thing
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

    def resolve(self, text: str) -> Thing:
        """What a text stands for: a name, `name@3`, `environment/name`, a digest or its beginning, an entry, an event id."""
        return self.index.resolve(text)

    def number_of(self, digest: str) -> int | None:
        """The number of a version or data set; None until the ledger has sealed it."""
        try:
            return self.index.resolve(digest).ordinal
        except NotFound:
            return None

    def name_of(self, digest: str) -> str:
        """The name of a registered version or data set, without its number; the digest itself where nothing is registered."""
        try:
            return self.index.resolve(digest, ("version", "data")).name
        except NotFound:
            return digest

    def state(self, stream: str, kind: type[S]) -> S | None:
        """What the ledger now says about a stream, without a proof."""
        with self._writer.engine.view() as view:
            raw = view.record(stream)
        return None if raw is None else msgspec.json.decode(state_map.decode_record(raw).state, type=kind)

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
