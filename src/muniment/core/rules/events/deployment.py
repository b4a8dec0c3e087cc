"""Events of deployments: what was decided to serve, and what was seen serving."""

from __future__ import annotations

from typing import ClassVar, Literal

from muniment.core.format import decimal
from muniment.core.format.encoding import Decimal, HexDigest, Identifier, Segment
from muniment.core.rules.events import stream_name
from muniment.core.rules.events.predicate import Event, require
from muniment.core.rules.events.value import UNSET, Absent, Named, check_number

Transition = Literal["promote", "rollback", "scale", "start", "stop"]
Means = Literal["attestation", "file-hash", "manual", "orchestrator", "registry"]


class DeploymentChanged(Event, frozen=True, kw_only=True):
    """A version begins, continues or ceases to serve under a name in an environment. This event is the commitment.

    transition: what happens
    environment: the environment, one segment
    name: the name of the deployment; a canary has a name of its own
    version: the version that serves, or served
    replaces: the version that served there before; absent where none did
    servingConfigDigest: digest of the serving configuration
    trafficShare: the share of requests that it gets, from 0 to 1
    region: where it runs
    approvals: the approvals that it relies on, by eventId
    evaluations: the evaluations that it relies on, by eventId
    waivers: the waivers that it relies on, by eventId
    """

    NAME: ClassVar[str] = "deployment.changed"
    STREAMS: ClassVar[tuple[str, ...]] = ("deployment", "version")

    transition: Transition
    environment: Segment
    name: Identifier
    version: HexDigest
    replaces: HexDigest | Absent = UNSET
    serving_config_digest: HexDigest | Absent = UNSET
    traffic_share: Decimal | Absent = UNSET
    region: Segment | Absent = UNSET
    approvals: Named = ()
    evaluations: Named = ()
    waivers: Named = ()

    def touches(self) -> tuple[str, ...]:
        names = (stream_name.deployment(self.environment, self.name), f"version/{self.version}")
        return names if self.replaces is UNSET else (*names, f"version/{self.replaces}")

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((f"version/{self.version}", self.version),)

    def check(self) -> None:
        super().check()
        share = self.traffic_share
        check_number("trafficShare", share)
        if share is not UNSET:
            require(decimal.holds(share, "ge", "0") and decimal.holds(share, "le", "1"), "trafficShare is between 0 and 1")


class DeploymentObserved(Event, frozen=True, kw_only=True):
    """Somebody looked at what really serves.

    environment: the environment
    name: the name of the deployment
    seen: the digest that was found there
    means: how it was found
    matches: whether it is the recorded one
    """

    NAME: ClassVar[str] = "deployment.observed"
    STREAMS: ClassVar[tuple[str, ...]] = ("deployment",)

    environment: Segment
    name: Identifier
    seen: HexDigest
    means: Means
    matches: bool

    def touches(self) -> tuple[str, ...]:
        return (stream_name.deployment(self.environment, self.name),)

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((stream_name.deployment(self.environment, self.name), self.seen),)
