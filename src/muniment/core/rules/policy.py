"""The policy: what may happen, as a closed typed struct that lives in the ledger (docs/spec, section 6.6).

It is data, not a language: every field has a fixed meaning, so that a reader of the ledger in ten years evaluates the same
requirements. Arrays that are sets are sorted and unique, so that one policy has one digest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from muniment.core.format import decimal, digest, encoding
from muniment.core.format.decimal import Comparator
from muniment.core.format.encoding import Decimal, Identifier, Natural, Segment, require_sorted
from muniment.core.rules import members
from muniment.errors import InvalidInput, MunimentError

Party = Literal["deployer", "evaluator", "registrar", "trainer"]
DatasetRole = Literal["test", "training", "validation"]
EventName = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+(?:_[a-z]+)*\.[a-z]+(?:_[a-z]+)*$(?!\n)", max_length=64)]
Writable = Annotated[str, msgspec.Meta(pattern=r"^(?:\*|[a-z]+(?:_[a-z]+)*\.[a-z]+(?:_[a-z]+)*)$(?!\n)", max_length=64)]
ANY = "*"
MAX_NAMED = 64
"""How many approvals an event can name; the same for measurements and waivers."""
Quorum = Literal["quorum"]
QUORUM: Quorum = "quorum"
"""In place of a number of voices: more than two thirds of the members."""
MAX_QUORUM = members.quorum(members.MAX_MEMBERS)
"""How many voices a quorum is at most."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """The common shape of every part of a policy."""


class Role(_Part, frozen=True, kw_only=True):
    """What the holders of a role may write: names of events, or `*`."""

    name: Segment
    may: tuple[Writable, ...] = ()

    def __post_init__(self) -> None:
        require_sorted(self.may, "may")


class Approvals(_Part, frozen=True, kw_only=True):
    """How many distinct responsible persons must approve while they hold a role."""

    role: Segment
    count: Natural


class Agreement(_Part, frozen=True, kw_only=True):
    """Who must agree to a change of the rules, of the members or of the protocol: so many voices of a role, or `quorum` of them.

    count: a quorum is more than two thirds of the members that there are when the change is judged, so that the number grows and
        shrinks with them; where there are none, each person has a voice and one is enough
    """

    role: Segment
    count: Natural | Quorum

    @property
    def grows(self) -> bool:
        """Does the number follow the members?"""
        return self.count == QUORUM

    @property
    def most(self) -> int:
        """How many voices it asks for at most, whoever the members will be."""
        return self.count if isinstance(self.count, int) else MAX_QUORUM

    def needed(self, active: int) -> int:
        """How many voices it asks for while there are so many members (0: the ledger has one operator); never more than these."""
        if not isinstance(self.count, int):
            return members.quorum(active)
        return min(self.count, active) if active else self.count


class Threshold(_Part, frozen=True, kw_only=True):
    """An evaluation that must have passed before a deployment."""

    metric: Identifier
    comparator: Comparator
    threshold: Decimal
    dataset_role: DatasetRole

    def __post_init__(self) -> None:
        # Rules will compare with it: a number, within the limits of decimals.
        decimal.parse(self.threshold)

    def order(self) -> str:
        """What the array is sorted by: metric, data set role, comparator and threshold in turn; no form holds a space."""
        return f"{self.metric} {self.dataset_role} {self.comparator} {self.threshold}"


class DataTerms(_Part, frozen=True, kw_only=True):
    """What the whole ancestry of a version must allow. An absent list allows anything."""

    licences: tuple[Segment, ...] = ()
    purposes: tuple[Identifier, ...] = ()
    allow_unknown_ancestry: bool = False

    def __post_init__(self) -> None:
        require_sorted(self.licences, "licences")
        require_sorted(self.purposes, "purposes")


class Environment(_Part, frozen=True, kw_only=True):
    """What one environment asks of a deployment."""

    name: Segment
    approvals: tuple[Approvals, ...] = ()
    separation: tuple[Party, ...] = ()
    evaluations: tuple[Threshold, ...] = ()
    data: DataTerms | msgspec.UnsetType = msgspec.UNSET
    max_approval_age_days: Natural | msgspec.UnsetType = msgspec.UNSET

    @property
    def asks(self) -> bool:
        """Does it ask for anything that a version could meet?"""
        return bool(self.approvals or self.evaluations) or self.data is not msgspec.UNSET

    def __post_init__(self) -> None:
        require_sorted([each.role for each in self.approvals], "approvals")
        require_sorted(self.separation, "separation")
        require_sorted([each.order() for each in self.evaluations], "evaluations")


class Policy(_Part, frozen=True, kw_only=True):
    """The rules in force. An amendment carries a whole new one."""

    roles: tuple[Role, ...]
    environments: tuple[Environment, ...] = ()
    amendment: tuple[Agreement, ...] = ()
    hold_roles: tuple[Segment, ...] = ()
    record_refusals: tuple[EventName, ...] = ()

    def __post_init__(self) -> None:
        require_sorted([role.name for role in self.roles], "roles")
        require_sorted([environment.name for environment in self.environments], "environments")
        require_sorted([each.role for each in self.amendment], "amendment")
        require_sorted(self.hold_roles, "holdRoles")
        require_sorted(self.record_refusals, "recordRefusals")
        _require_roles(self)

    def may(self, roles: Iterable[str], event: str) -> bool:
        """May a holder of any of `roles` write events of this name?"""
        held = set(roles)
        return any(role.name in held and (event in role.may or ANY in role.may) for role in self.roles)

    def environment(self, name: str) -> Environment | None:
        """What an environment asks for; None for one that the policy does not list."""
        return next((each for each in self.environments if each.name == name), None)

    def check_environment(self, name: str) -> Reason | None:
        """What speaks against an environment: that the policy lists others. One that lists none knows them all."""
        if not self.environments or self.environment(name) is not None:
            return None
        return Reason(
            rule="environment",
            required="Versions run in the environments that the policy lists.",
            found=f"It lists {', '.join(each.name for each in self.environments)}, and not {name}.",
            mend="Name one of them, or amend the policy.",
        )

    def may_hold(self, roles: Iterable[str]) -> bool:
        """May a holder of any of `roles` open and release holds? Where the policy names nobody, whoever may write the event."""
        return not self.hold_roles or bool(set(self.hold_roles) & set(roles))

    def roles_that_may(self, event: str) -> tuple[str, ...]:
        """The roles that may write events of this name, sorted."""
        return tuple(role.name for role in self.roles if event in role.may or ANY in role.may)


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an event was refused: the rule, what it asks, what was there, and the command that mends it."""

    rule: str
    required: str
    found: str
    missing: tuple[str, ...] = ()
    mend: str = ""

    def sentence(self) -> str:
        """The reason as one plain sentence or two."""
        text = f"{self.required} {self.found}".strip()
        return f"{text} {self.mend}".strip()


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the state machine decided about one event. `index` is where the event stands in the ledger, if it does."""

    decision: Literal["admitted", "repeated", "refused"]
    event_id: str
    index: int = -1
    reasons: tuple[Reason, ...] = ()


class PolicyViolation(MunimentError):
    """Refused by the rules in force. `.verdict` carries every reason."""

    code = "refused"
    hint = "Meet what is missing, then submit the event again."

    def __init__(self, verdict: Verdict) -> None:
        first = verdict.reasons[0]
        super().__init__(
            " ".join(reason.sentence() for reason in verdict.reasons),
            code=f"refused-{first.rule}",
            hint=first.mend or self.hint,
            details={
                "eventId": verdict.event_id,
                "reasons": [msgspec.to_builtins(each) for each in verdict.reasons],
            },
        )
        self.verdict = verdict


def encode(policy: Policy) -> bytes:
    """The canonical bytes of a policy."""
    return encoding.encode_struct(policy)


def identify(policy: Policy) -> str:
    """The digest that approvals of an amendment name: lower hex."""
    return digest.format(digest.sha256(encode(policy)))


def _require_roles(policy: Policy) -> None:
    """What counts approvals or holds names a role that exists, and asks for at least one. Raises InvalidInput (`bad-policy`)."""
    known = {role.name for role in policy.roles}
    lists: list[tuple[Approvals | Agreement, ...]] = [policy.amendment, *[each.approvals for each in policy.environments]]
    unknown = sorted({each.role for listed in lists for each in listed} - known | set(policy.hold_roles) - known)
    if unknown:
        raise InvalidInput(
            f"the policy asks for roles that it does not define: {', '.join(unknown)}",
            code="bad-policy",
            hint="Define each of them under `roles`, with what its holders may write.",
        )
    counts = [[each.most for each in policy.amendment]]
    counts += [[each.count for each in environment.approvals] for environment in policy.environments]
    if any(sum(listed) > MAX_NAMED for listed in counts):
        raise InvalidInput(
            f"more than {MAX_NAMED} approvals are asked for, and an event can name no more",
            code="bad-policy",
            hint="Ask for fewer.",
        )
    if any(count < 1 for listed in counts for count in listed):
        raise InvalidInput("approvals are asked for by at least one person", code="bad-policy", hint="Write a count of 1 or more.")
