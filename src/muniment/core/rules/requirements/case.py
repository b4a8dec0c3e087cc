"""What is judged, and what is found about one requirement."""

from __future__ import annotations

import msgspec

from muniment.core.rules.ancestry import World
from muniment.core.rules.policy import Reason
from muniment.core.rules.records import Data, Deployment, Version

WAIVABLE = (
    "approvals",
    "evaluations",
    "gate",
    "hold",
    "licence",
    "purpose",
    "rejected",
    "retired",
    "separation",
    "unknown-ancestry",
    "withdrawn",
)
"""The rules that a waiver may name, sorted. `gate` waives no rule here: it is what a gate honours (docs/gate.md)."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment as it would be judged.

    version: the digest of the version; its record exists
    transition: start, promote or rollback
    time: the block's time
    deployer: the persons who answer for the deployment
    approvals, evaluations, waivers: what it names, by event id
    """

    environment: str
    version: str
    transition: str
    time: str
    deployer: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    evaluations: tuple[str, ...] = ()
    waivers: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement: whether it is met, by which streams, and what is missing. `waived` is the waiver that lets it pass."""

    rule: str
    required: str
    met: bool
    by: tuple[str, ...] = ()
    found: str = ""
    missing: tuple[str, ...] = ()
    mend: str = ""
    waived: str = ""

    @property
    def holds(self) -> bool:
        """Does nothing speak against the deployment here?"""
        return self.met or bool(self.waived)

    @classmethod
    def of(cls, reason: Reason) -> Finding:
        """What a reason says, as a requirement that is not met."""
        return cls(met=False, **msgspec.structs.asdict(reason))

    def reason(self) -> Reason:
        """The same as a reason against the deployment."""
        return Reason(rule=self.rule, required=self.required, found=self.found, missing=self.missing, mend=self.mend)


def title(world: World, stream: str) -> str:
    """What people call a version, a data set or what a deployment runs: `credit-risk@3`; else the stream's name."""
    kind, _, digest = stream.partition("/")
    if kind == "version" and (version := world.read(stream, Version)) is not None:
        return f"{version.model}@{version.ordinal}"
    if kind == "data" and (data := world.read(stream, Data)) is not None:
        return f"{data.name}@{data.ordinal}"
    if kind == "deployment" and (deployment := world.read(stream, Deployment)) is not None:
        return title(world, f"version/{deployment.version}")
    return f"{kind} {digest[:8]}…"
