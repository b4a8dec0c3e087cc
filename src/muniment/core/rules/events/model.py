"""Events of models: a version registered, a parameter changed, a version retired."""

from __future__ import annotations

from typing import ClassVar, Literal

from muniment.core.format.encoding import EventId, HexDigest, Identifier, Integer, Natural, Segment, Time
from muniment.core.rules.events import stream_name
from muniment.core.rules.events.predicate import Event, require
from muniment.core.rules.events.value import UNSET, Absent, ClearText, Fields, Key, SealedText

Derivation = Literal["adapter", "distilled", "finetuned", "imported", "merged", "quantised", "trained"]
Target = Literal["configuration", "feature", "guardrail", "hyperparameter", "prompt", "threshold"]
RetirementCause = Literal["cost", "defect", "legal", "other", "risk", "superseded", "unused"]


class ModelRegistered(Event, frozen=True, kw_only=True):
    """A version of a model is registered under its manifest root; it is never replaced.

    model: the name of the model
    version: the root of the version's manifest, which is its identity
    omsDigest: digest of the OpenSSF Model Signing manifest of the same files
    format: how its files are written, such as safetensors
    parameterCount: how many parameters it has
    architecture: its architecture, such as gradient-boosting
    precision: the precision of its weights, such as float16
    derivation: how it came to be
    parents: the versions that it was made of
    run: the training run that made it, by the eventId of its start
    data: manifest roots of what it learned from, where there is no run to say so
    licence: its licence, an SPDX identifier
    """

    NAME: ClassVar[str] = "model.registered"
    STREAMS: ClassVar[tuple[str, ...]] = ("version", "model", "run", "data")

    model: Identifier
    version: HexDigest
    oms_digest: HexDigest | Absent = UNSET
    format: Segment | Absent = UNSET
    parameter_count: Natural | Absent = UNSET
    architecture: Identifier | Absent = UNSET
    precision: Segment | Absent = UNSET
    derivation: Derivation
    parents: tuple[HexDigest, ...] = ()
    run: EventId | Absent = UNSET
    data: tuple[HexDigest, ...] = ()
    licence: Segment | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        names = [f"version/{self.version}", f"model/{self.model}", *[f"version/{each}" for each in self.parents]]
        names += [f"data/{each}" for each in self.data]
        if self.run is not UNSET:
            names.append(f"run/{self.run}")
        return tuple(names)

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((self.model, self.version),)

    def check(self) -> None:
        super().check()
        require(not self.data or self.run is UNSET, "data is named only where there is no run that names its inputs")
        require(self.version not in self.parents, "a version cannot be made of itself")


class ParameterOwner(Fields, frozen=True, kw_only=True):
    """What a parameter belongs to: a version, or a deployment by its environment and name.

    version: the manifest root of the version
    environment: the environment of the deployment
    name: the name of the deployment
    """

    version: HexDigest | Absent = UNSET
    environment: Segment | Absent = UNSET
    name: Identifier | Absent = UNSET

    def stream(self) -> str:
        """The stream of the version or deployment."""
        if self.version is not UNSET:
            return f"version/{self.version}"
        return stream_name.deployment(str(self.environment), str(self.name))


class ParameterChanged(Event, frozen=True, kw_only=True):
    """A setting of a version or a deployment was changed.

    of: the version or deployment that it belongs to
    target: what kind of setting it is
    path: its dotted key
    old: its value before; absent where it was not set
    new: its value from now on; absent where it is no longer set
    unit: the unit of the values
    ticket: the change request, by its id in another system
    """

    NAME: ClassVar[str] = "parameter.changed"
    STREAMS: ClassVar[tuple[str, ...]] = ("version", "deployment", "parameter")

    of: ParameterOwner
    target: Target
    path: Key
    old: Integer | bool | ClearText | SealedText | Absent = UNSET
    new: Integer | bool | ClearText | SealedText | Absent = UNSET
    unit: Identifier | Absent = UNSET
    ticket: Identifier | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        owner = self.of.stream()
        return (owner, stream_name.parameter(owner, self.target, self.path))

    def things(self) -> tuple[tuple[str, str], ...]:
        return () if self.of.version is UNSET else ((f"version/{self.of.version}", self.of.version),)

    def check(self) -> None:
        super().check()
        deployed = self.of.environment is not UNSET, self.of.name is not UNSET
        require(
            deployed == ((False, False) if self.of.version is not UNSET else (True, True)),
            "a parameter belongs to {version} or to {environment, name}",
            "one-form",
        )
        require(self.old is not UNSET or self.new is not UNSET, "a change has an old value, a new one or both")


class ModelRetired(Event, frozen=True, kw_only=True):
    """A version of a model is retired.

    model: the name of the model
    version: the version that is retired
    cause: why
    replacement: the version that takes its place
    lastServedAt: when it last answered a request
    """

    NAME: ClassVar[str] = "model.retired"
    STREAMS: ClassVar[tuple[str, ...]] = ("version", "model")

    model: Identifier
    version: HexDigest
    cause: RetirementCause
    replacement: HexDigest | Absent = UNSET
    last_served_at: Time | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (f"version/{self.version}", f"model/{self.model}")

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((self.model, self.version),)
