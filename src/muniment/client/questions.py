"""The reading half of the SDK: what is recorded, under which name, as of when, and with which proof."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar

import msgspec

from muniment.client import meaning
from muniment.client.reach import ReadModel
from muniment.client.writing import Writer
from muniment.core.format import digest as digests
from muniment.core.format import dsse, entry, state_map, time
from muniment.core.rules import events, genesis
from muniment.core.rules.policy import Policy
from muniment.core.rules.records import Data, Dataset, Deployment, Incident, Model, PolicyInForce, State, Version, Waiver
from muniment.errors import CorruptStore, InvariantError, NotFound, VerificationError
from muniment.index import DeploymentRow, EventRow, Thing
from muniment.index.rows import ThingKind
from muniment.ledger.blobs import Evidence
from muniment.ledger.embedded import system_clock
from muniment.ledger.engine import View

S = TypeVar("S", bound=State)

_HEX_DIGITS = 64
_event_id = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_MAX_CHANGES = 1_000
_BEGUN_BY = MappingProxyType(
    {"approval": "approval.decided", "incident": "incident.recorded", "plan": "evaluation.planned", "run": "training.started"}
)


class Questions:
    """Questions to one ledger. The index only finds things; what is proved is proved from the ledger itself."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._index: ReadModel | None = None

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
    def index(self) -> ReadModel:
        """The read model, brought up to the newest block."""
        if self._index is None:
            self._index = self._writer.reach.open_index()
        with self._writer.engine.view() as view:
            self._index.follow(view)
        return self._index

    @property
    def manifests(self) -> Evidence:
        """The lists of files that are held here, by their roots."""
        return self._writer.manifests

    def close_index(self) -> None:
        """Let go of the read model's file; the next question opens it again."""
        if self._index is not None:
            self._index.close()

    @contextmanager
    def view(self) -> Iterator[View]:
        """The ledger as of its newest sealed block."""
        with self._writer.engine.view() as view:
            yield view

    def log(self, thing: str | None = None, *, names: Collection[str] | None = None, limit: int = 50) -> list[EventRow]:
        """The newest events first: all of them, those about a thing, or those of some names."""
        index = self.index
        stream = None if thing is None else self.resolve(thing).stream
        return index.events(stream=stream, names=names, limit=limit)

    def resolve(self, text: str, kinds: Collection[ThingKind] | None = None) -> Thing:
        """What a text stands for: a name, `name@3`, `environment/name`, a digest or its beginning, an entry, an event id.

        Raises NotFound, with what was perhaps meant, and InvalidInput (`ambiguous`).
        """
        found = self.index.resolve(text, kinds)
        if not self._agrees(found, text, kinds):
            # Perhaps something was recorded in between; else the index is wrong, and made anew from the ledger.
            found = self.index.resolve(text, kinds)
            if not self._agrees(found, text, kinds):
                self.index.discard()
                found = self.index.resolve(text, kinds)
                if not self._agrees(found, text, kinds):
                    raise VerificationError(
                        f"what was found for {text!r} is not what the ledger says of it",
                        step=11,
                        code="index-disagrees",
                        hint="Name the thing by its whole digest; tell whoever runs the node that its index is wrong.",
                    )
        return found

    def event_of(self, text: str, kind: Literal["approval", "incident", "plan", "run"]) -> str:
        """The event id of a run, plan, approval or incident, given as id, stream or the entry of its event. Raises NotFound."""
        kinds: list[ThingKind] = [kind, "event"]
        found = self.resolve(text, kinds)
        stream = found.stream or ""
        with self._writer.engine.view() as view:
            if found.kind == "event":
                # By the entry itself: which id is revoked or closed is not for an index to say.
                touched = events.decode(dsse.decode(view.entry(found.index)).payload).touches()
                stream = next((each for each in touched if each.startswith(f"{kind}/")), "")
            known = stream != "" and view.record(stream) is not None
        if not known:
            raise NotFound(
                f"{text!r} is no {kind}", code=f"no-such-{kind}", hint=f"`muniment log --event {_BEGUN_BY[kind]}` lists them."
            )
        return stream.partition("/")[2]

    def describe(self, digest: str) -> str:
        """The digest of a version or data set as people read it: `credit-risk@3 · 9f86…0a08`."""
        name = self.index.name_of(digest)
        return digests.short(digest) if name is None else f"{name} · {digests.short(digest)}"

    def time_of(self, index: int) -> str:
        """When an entry was sealed, by the ledger's clock. Raises NotFound."""
        with self._writer.engine.view() as view:
            return view.header(view.sealed_by(index)).time

    def name_of(self, stream: str) -> str:
        """What people call the thing of a stream: `credit-risk@3`, `production/credit-risk`, `run 0190…`."""
        kind, _, rest = stream.partition("/")
        if kind in ("data", "version"):
            return self.index.name_of(rest) or f"{kind} {digests.short(rest)}"
        if kind in ("actor", "dataset", "deployment", "model"):
            return rest
        return f"{kind} {digests.short(rest) if len(rest) == _HEX_DIGITS else rest}".rstrip()

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

    def open_waivers(self, version: str, environment: str) -> list[str]:
        """The waivers for a version in an environment that have not expired, by event id."""
        now = time.format(system_clock())
        found = self._states(version, "waiver.granted", "waiver", Waiver)
        return [row.event_id for row, state in found if state.environment == environment and state.expires > now]

    def open_holds(self, version: str) -> list[EventRow]:
        """The incidents that hold a version, the first one first."""
        found = self._states(version, "incident.recorded", "incident", Incident)
        return [row for row, state in found if state.hold and state.status == "open"]

    def evaluations_of(self, version: str) -> list[str]:
        """The measurements of a version by event id, those that did not fail last: a refusal then says what was measured."""
        rows = self.index.evaluations(version)
        return [row.event_id for row in sorted(rows, key=lambda row: row.passed is not False)]

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
            if (change.environment, change.name) != (environment, name):
                raise VerificationError(
                    f"entry {row.index} is about {change.environment}/{change.name}, not {place}", step=11, code="index-disagrees"
                )
            if change.transition == "rollback" and change.version in versions:
                del versions[versions.index(change.version) + 1 :]
            elif change.version not in versions[-1:]:
                versions.append(change.version)
        if len(versions) < 2:
            raise NotFound(f"{place} ran nothing else before", code="no-earlier-version", hint="Name the version with --to.")
        return versions[-2]

    def _agrees(self, found: Thing, text: str, kinds: Collection[ThingKind] | None) -> bool:
        """Whether the ledger calls a thing as the index does: nobody is to decide about another version than the one he named."""
        if not meaning.can_mean(text, found, kinds):
            return False
        with self._writer.engine.view() as view:
            if found.kind == "event" and _event_id.match(text):
                return view.find(text.lower()) == found.index
            if found.kind not in ("data", "version", "deployment") or found.stream is None:
                return True
            if found.kind == "deployment":
                place = _read_state(view, found.stream, Deployment)
                return place is not None and place.version == found.digest
            named: Dataset | Model | None
            if found.kind == "version":
                version = _read_state(view, found.stream, Version)
                called = None if version is None else (version.model, version.ordinal)
                newest = f"model/{found.name}"
                named = _read_state(view, newest, Model)
            else:
                data = _read_state(view, found.stream, Data)
                called = None if data is None else (data.name, data.ordinal)
                newest = f"dataset/{found.name}"
                named = _read_state(view, newest, Dataset)
        if meaning.is_newest(text, found) and (named is None or named.latest != found.digest):
            return False
        return called == (found.name, found.ordinal)

    def _states(self, version: str, name: str, kind: str, type_: type[S]) -> list[tuple[EventRow, S]]:
        """The events of a name in a version's history, the first one first, each with what became of its own record."""
        rows = self.index.events(stream=f"version/{version}", names=(name,), limit=_MAX_CHANGES)
        with self._writer.engine.view() as view:
            found = [(row, _read_state(view, f"{kind}/{row.event_id}", type_)) for row in reversed(rows)]
        return [(row, state) for row, state in found if state is not None]

    def _change(self, index: int) -> events.DeploymentChanged:
        with self._writer.engine.view() as view:
            event = events.decode(dsse.decode(view.entry(index)).payload)
        if not isinstance(event, events.DeploymentChanged):
            raise InvariantError(f"entry {index} is no deployment")
        return event


def _read_state(view: View, stream: str, kind: type[S]) -> S | None:
    raw = view.record(stream)
    return None if raw is None else msgspec.json.decode(state_map.decode_record(raw).state, type=kind)
