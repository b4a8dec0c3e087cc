"""What the gate answers: may this start now, by whose word, and everything that speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

import msgspec

from muniment.core.format.digest import short
from muniment.core.proof.authority import Basis, Tier
from muniment.core.proof.inquiry import GateFindings
from muniment.core.proof.part import UNSET
from muniment.core.proof.verify.admission import call_version, tell_objection
from muniment.core.proof.verify.verified import Verified
from muniment.errors import MunimentError

Source = Literal["ledger", "cache", "nobody"]
"""Who said so: the ledger just now, an answer of the ledger that was kept here, or nobody who could be believed."""

WaiverState = Literal["recorded", "waiting", "refused"]

_MENDS = MappingProxyType(
    {
        "unknown": "Register these files first: `muniment register MODEL PATH`.",
        "not-deployed": "Have it deployed: `muniment deploy {title} {environment}`.",
        "other-version": "Start what the record names, or have this one deployed: `muniment deploy {title} {environment}`.",
        "hold": "`muniment show {title}` names the incident; who may release holds closes it.",
        "retired": "Start another version.",
        "withdrawn": "Train again without it, or under a waiver: `muniment waive withdrawn {title} {environment} --for 24h`.",
        "ancestry-limit": "Let the operator look at what it was made of: `muniment lineage {title}`.",
        "approval-disputed": "Have it approved again by somebody whose key stands, and deploy it again.",
        "waiver-expired": "Meet what was waived, or have it waived again, and deploy it again.",
        "waiver-disputed": "Have it waived again by somebody whose key stands, and deploy it again.",
    }
)
_TIERS = MappingProxyType(
    {
        "solo": "solo, one operator's signed log",
        "witnessed": "witnessed, outside parties cosign it",
        "consortium": "consortium, validators decide order and state",
    }
)


class Glass(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody wants to break the glass: why, in words that are sealed, and for how long."""

    reason: str
    length: timedelta


class Cause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that speaks against the start. `lifted` says by what, where something lets it start all the same."""

    code: str
    said: str
    mend: str = ""
    lifted: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The weight of the answer: as of which block, by the header's clock, how old by this machine's, on whose word.

    age: seconds since the header's time, negative where the header is later than this machine's clock
    confirmed: when a quorum of organisations had seen nothing newer, by their own clocks; empty where none cosigned
    """

    height: int
    time: str
    age: int
    clock: str
    tier: Tier
    basis: Basis
    by: tuple[str, ...] = ()
    confirmed: str = ""


class Gated(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The gate's answer; `code` names it in one word.

    version: the digest that was asked about, empty where the files could not be read; name: what the ledger calls it
    asked: whose word it is; shown: what that word weighs
    causes: what speaks against it; where it may start nevertheless, each says what lifts it
    notes: what else must be said aloud; waiver: the waiver by which it starts, and what became of it; until: when that expires
    receipt: the file in which the ledger's answer is kept
    """

    allowed: bool
    code: str
    deployment: str
    version: str = ""
    name: str = ""
    asked: Source = "nobody"
    shown: Shown | None = None
    causes: tuple[Cause, ...] = ()
    notes: tuple[str, ...] = ()
    waiver: str = ""
    waiver_state: WaiverState | None = None
    until: str = ""
    receipt: str = ""

    @property
    def title(self) -> str:
        """What was asked about: its name, where one is known, beside its digest."""
        digest = short(self.version) if self.version else ""
        return " · ".join(each for each in (self.name, digest) if each) or "What was named"

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer told to a person: may it start, what speaks against it, what must be known, and whose word it is."""
        return (_tell_answer(self), *_tell_causes(self), *self.notes, *_tell_weight(self.shown))


def tell_objections(findings: GateFindings) -> tuple[Cause, ...]:
    """What the ledger has against a start."""
    names = {"title": call_version(findings), "environment": findings.place.split("/")[1]}
    # What the ledger does not know has no name that a command would take.
    strange = any(each.rule == "unknown" for each in findings.objections)
    return tuple(
        Cause(
            code=each.rule,
            said=tell_objection(each, findings),
            mend="" if strange and each.rule != "unknown" else _MENDS[each.rule].format(**names),
            lifted="" if each.waiver is UNSET else f"waiver {each.waiver}",
        )
        for each in findings.objections
    )


def weigh(verified: Verified, age: int) -> Shown:
    """What stands behind an answer."""
    ground = verified.ground
    # Those of a quorum come first, where there is one, and the header's next.
    clocks = iter(verified.clocks)
    confirmed = next(clocks).time if ground.tier != "solo" else ""
    return Shown(
        height=verified.head.height,
        time=verified.head.time,
        age=age,
        clock=next(clocks).whose,
        tier=ground.tier,
        basis=ground.basis,
        by=ground.basis_by,
        confirmed=confirmed,
    )


def refuse(deployment: str, error: MunimentError, *, version: str = "", name: str = "") -> Gated:
    """The answer where something went wrong before anybody could be asked."""
    cause = Cause(code=error.code, said=_sentence(str(error)), mend=error.hint)
    return Gated(allowed=False, code=error.code, deployment=deployment, version=version, name=name, causes=(cause,))


def _tell_answer(gated: Gated) -> str:
    start = f"{gated.title} may start as {gated.deployment}"
    if gated.code == "broken-glass":
        told = {"recorded": "recorded", "waiting": "signed, and NOT YET RECORDED", "refused": "REFUSED by the ledger"}
        became = told[gated.waiver_state or "waiting"]
        return f"GLASS BROKEN: {start} until {_minute(gated.until)}. The waiver {gated.waiver} is {became}."
    if gated.allowed:
        said = "the ledger was asked just now" if gated.asked == "ledger" else "by the ledger's last answer, which is kept here"
        return f"{start}: {said}." if gated.code == "admitted" else f"{start}, until {_minute(gated.until)}, by a waiver: {said}."
    if gated.asked == "ledger":
        return f"Refused by the ledger: {gated.title} must not start as {gated.deployment}."
    if gated.causes and gated.causes[0].code == "not-asked":
        return (
            f"The ledger could not be asked, and nothing kept here allows it: {gated.title} must not start as {gated.deployment}."
        )
    why = "no answer here can be believed" if gated.version else "it could not be read"
    if gated.code == "bad-deployment":
        why = "nothing could be asked about that"
    return f"{gated.title} must not start as {gated.deployment}: {why}."


def _tell_causes(gated: Gated) -> Iterator[str]:
    for cause in gated.causes:
        yield f"{cause.said} [{cause.code}]" + (f" Lifted by {cause.lifted}." if cause.lifted else "")
        if cause.mend and not gated.allowed:
            yield f"  {cause.mend}"


def _tell_weight(shown: Shown | None) -> Iterator[str]:
    if shown is None:
        return
    age = f"{_tell_length(abs(shown.age))} {'ago' if shown.age >= 0 else 'ahead'} by this machine's clock"
    yield f"As of block {shown.height}, sealed at {shown.time} ({shown.clock}), {age}."
    if shown.confirmed:
        yield f"Nothing newer was seen at {shown.confirmed} by a quorum of organisations, each by its own clock."
    basis = {"asserted": "asserted, the operator's word", "voted": "voted", "replayed-by": "replayed"}[shown.basis]
    by = f" by {', '.join(shown.by)}" if shown.by else ""
    yield f"Trust tier: {_TIERS[shown.tier]}. State basis: {basis}{by}."


def _minute(moment: str) -> str:
    """A time as people read it: UTC, and never later than it is."""
    return f"{moment[:10]} {moment[11:16]} UTC"


def _tell_length(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} s"


def blame(error: MunimentError, code: str, said: str, *, mend: str = "") -> Cause:
    """What an error has against a start."""
    return Cause(code=code, said=f"{said}: {_sentence(str(error))}", mend=mend or error.hint)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "…")) else f"{text}."
