"""What a policy says, in sentences that need no knowledge of its form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType

import msgspec

from muniment.core.rules.policy import ANY, Agreement, Approvals, Environment, Party, Policy, Role, Threshold

PARTIES: MappingProxyType[Party, str] = MappingProxyType(
    {
        "deployer": "deploys",
        "evaluator": "evaluated",
        "registrar": "registered",
        "trainer": "trained",
    }
)
QUORATE = "more than two thirds of the members"
COMPARATORS = MappingProxyType({"ge": "at least", "le": "at most", "gt": "more than", "lt": "less than", "eq": "exactly"})

# Whom a deployment needs besides those whose approval is counted.
_STEPS = ("model.registered", "evaluation.completed", "deployment.changed")


def sentences(policy: Policy, active: int = 0) -> Iterator[str]:
    """What a policy asks for, and of whom; what each role may write is for `describe_role`.

    active: how many members there are, in a consortium
    """
    if not policy.environments:
        yield "No environment is listed: a version may run anywhere, and nothing is asked of it."
    for environment in policy.environments:
        yield from describe_environment(environment)
    if policy.environments:
        yield f"Nothing runs in any other environment than {join(each.name for each in policy.environments)}."
    yield amendment(policy, active)
    if policy.hold_roles:
        yield f"Only {_roles(policy.hold_roles)} may open and release a hold, or revoke the decisions of others."
    else:
        yield "Whoever may write the event may open and release a hold, and revoke the decisions of others."
    if policy.record_refusals:
        yield f"When an attempt at {join(policy.record_refusals, 'or')} is refused, the refusal itself is recorded."


def describe_environment(environment: Environment) -> Iterator[str]:
    """What one environment asks of a version."""
    name = environment.name
    if environment == Environment(name=name):
        yield f"{name} asks for nothing, but that a version is neither retired, nor on hold, nor made from withdrawn data."
        return
    if environment.approvals:
        said = f"{name} asks for the approval of {count(environment.approvals)}"
        if environment.separation:
            said += f"; the word of {whoever(environment.separation)} does not count"
        yield f"{said}."
        if environment.max_approval_age_days is not msgspec.UNSET:
            yield f"There an approval counts for {environment.max_approval_age_days} days."
    else:
        yield f"{name} asks for no approval."
    if environment.evaluations:
        yield f"{name} asks for a measurement of {join(map(describe_threshold, environment.evaluations))}."
    terms = environment.data
    if terms is msgspec.UNSET:
        return
    if terms.licences:
        yield f"{name} takes only what learned from data under {join(terms.licences, 'or')}, through any number of steps."
    if terms.purposes:
        yield f"{name} takes only what learned from data that may be used for {join(terms.purposes)}."
    if not terms.allow_unknown_ancestry:
        yield f"{name} takes only what is known to the last step: every model and data set that it came from is recorded."


def amendment(policy: Policy, active: int = 0) -> str:
    """Who may put another policy in the place of this one."""
    writers = policy.roles_that_may("policy.amended")
    if not writers:
        return "Nobody may change this policy."
    if not policy.amendment:
        return f"Any one person with {_roles(writers, 'or')} may change this policy alone."
    asked = join(_agreement(each, active) for each in policy.amendment)
    have = "has" if [each.count for each in policy.amendment] == [1] else "have"
    return f"This policy is changed by {_roles(writers, 'or')}, once {asked} {have} approved the new one."


def describe_role(role: Role) -> str:
    """What the holders of a role may write."""
    if ANY in role.may:
        return f"{role.name} may write everything."
    return f"{role.name} may write {join(role.may)}." if role.may else f"{role.name} may write nothing."


def needed_first(policy: Policy, roles: Sequence[str]) -> Iterator[str]:
    """Whom somebody with these roles must enrol before a version can run in each environment, in words."""
    for environment in policy.environments:
        missing = [f"{each.count} as {each.role}" for each in environment.approvals]
        for event in _STEPS:
            if event == "evaluation.completed" and not environment.evaluations:
                continue
            able = policy.roles_that_may(event)
            if able and not set(able) & set(roles):
                missing.append(f"1 as {join(able, 'or')}")
        if missing:
            yield f"for {environment.name}: {join(dict.fromkeys(missing))}"


def count(approvals: Sequence[Approvals]) -> str:
    """`2 persons as approver and 1 person as risk`"""
    return join(f"{_persons(each.count)} as {each.role}" for each in approvals)


def describe_threshold(threshold: Threshold) -> str:
    """`auc at least 0.90 on test data`"""
    sign = COMPARATORS[threshold.comparator]
    return f"{threshold.metric} {sign} {threshold.threshold} on {threshold.dataset_role} data"


def whoever(parties: Iterable[Party]) -> str:
    """`whoever deploys, registered or trained it`"""
    return f"whoever {join((PARTIES[each] for each in parties), 'or')} it"


def join(words: Iterable[str], last: str = "and") -> str:
    """`one, two and three`"""
    *most, final = list(words) or [""]
    return f"{', '.join(most)} {last} {final}" if most else final


def _roles(roles: Sequence[str], last: str = "and") -> str:
    return f"the {'role' if len(roles) == 1 else 'roles'} {join(roles, last)}"


def _agreement(wanted: Agreement, active: int) -> str:
    """`more than two thirds of the members (now 3 of 4) as member`"""
    if isinstance(wanted.count, int):
        asked = _persons(wanted.count) if not active else "1 member" if wanted.count == 1 else f"{wanted.count} members"
    else:
        asked = f"{QUORATE} (now {wanted.needed(active)} of {active})" if active else QUORATE
    return f"{asked} as {wanted.role}"


def _persons(number: int) -> str:
    return "1 person" if number == 1 else f"{number} persons"
