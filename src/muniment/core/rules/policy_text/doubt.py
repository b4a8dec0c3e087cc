"""What a valid policy allows, or makes impossible, that was perhaps not meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from muniment.core.rules import members
from muniment.core.rules.events.catalogue import TYPES
from muniment.core.rules.policy import ANY, QUORUM, Environment, Policy
from muniment.core.rules.policy_text.sentence import join

SERVICE = "node"
"""The role that `muniment init` gives to the ledger's own service."""

_NEEDED = (
    ("actor.enrolled", "enrol anybody, so only the founders can ever write"),
    ("model.registered", "register a version of a model"),
    ("deployment.changed", "deploy anything"),
    ("dataset.withdrawn", "withdraw a data set, so what is withdrawn elsewhere goes on running here"),
)
_HOLDS = (("incident.recorded", "open a hold"), ("incident.closed", "release a hold"))
# What happens in the life of a model, and to those who write.
_life = re.compile(
    r"(?:actor|approval|dataset|deployment|evaluation|incident|key|model|note|ownership|parameter|record|training|waiver)\."
)
# Of these a sentence of its own says what follows.
_TOLD = frozenset(event for event, _ in (*_NEEDED, *_HOLDS))


def doubts(policy: Policy, active: int | None = None) -> Iterator[str]:
    """Every doubt as one sentence; none where there is nothing to say.

    active: how many members there are, 0 in a ledger of one operator, None where that is open
    """
    for event, what in _NEEDED:
        if not policy.roles_that_may(event):
            yield f"Nobody may {what}: no role may write {event}."
    yield from _doubt_amendment(policy, active)
    yield from _doubt_holds(policy)
    asked = [each for each in TYPES if _life.match(each) and each not in _TOLD]
    if unwritten := [each for each in asked if not policy.roles_that_may(each)]:
        yield f"No role may write {join(unwritten, 'or')}, so nobody can record that."
    if not policy.environments:
        yield "No environment is listed, so nothing is asked of any deployment."
    for environment in policy.environments:
        yield from _doubt_environment(policy, environment)
    for role in policy.roles:
        if not role.may:
            yield f"The role {role.name} may write nothing."
        if ANY in role.may and len(role.may) > 1:
            yield f"The role {role.name} may write everything; the events that stand beside it change nothing."
    if SERVICE not in {role.name for role in policy.roles}:
        yield f"There is no role {SERVICE}, which `muniment init` gives to the ledger's own service."


def doubt_quorum(policy: Policy, active: int) -> Iterator[str]:
    """Whether fewer of so many members can change the rules for all than it takes to make a proof."""
    asked, quorum = max((each.needed(active) for each in policy.amendment), default=0), members.quorum(active)
    if asked < quorum:
        said = "nobody's approval" if not asked else "1 member's approval" if asked == 1 else f"the approval of {asked} members"
        role = next((each.role for each in policy.amendment), "ROLE")
        yield (
            f"A change of the policy, of the members or of the protocol needs {said}, while it takes {quorum} of {active} members "
            f'to make a proof: fewer could change the rules for all. `amendment = {{ {role} = "{QUORUM}" }}` asks for more than '
            "two thirds of the members, however many there are."
        )


def _doubt_amendment(policy: Policy, active: int | None) -> Iterator[str]:
    if active:
        yield from doubt_quorum(policy, active)
    elif not policy.amendment:
        yield "The policy can be changed by one person alone: `amendment` asks for no approval."
    else:
        alone = max(each.needed(0) for each in policy.amendment) == 1
        if any(each.grows for each in policy.amendment):
            then = ": one person could approve a change of the policy there alone" if alone else ""
            yield f"In a ledger of one operator, which has no members, `{QUORUM}` is one voice{then}."
        elif alone:
            yield "One person who holds every role named could approve a change of the policy alone."


def _doubt_holds(policy: Policy) -> Iterator[str]:
    for event, what in _HOLDS:
        able = set(policy.roles_that_may(event))
        if policy.hold_roles:
            able &= set(policy.hold_roles)
        if not able:
            among = f"none of {', '.join(policy.hold_roles)}" if policy.hold_roles else "no role"
            yield f"Nobody may {what}: {among} may write {event}."


def _doubt_environment(policy: Policy, environment: Environment) -> Iterator[str]:
    name = environment.name
    if environment == Environment(name=name):
        yield f"{name} asks for nothing."
        return
    if environment.approvals and max(each.count for each in environment.approvals) == 1 and len(environment.approvals) > 1:
        yield f"One person who holds every role named could give all approvals of {name}: each role counts on its own."
    elif [each.count for each in environment.approvals] == [1]:
        yield f"One person alone could give all approvals of {name}."
    if environment.approvals and not environment.separation:
        yield f"Whoever trained a version may approve it for {name}: `separation` names nobody."
    if environment.separation and not environment.approvals:
        yield f"`separation` of {name} has no effect, because no approvals are asked for."
    if environment.max_approval_age_days is not msgspec.UNSET and not environment.approvals:
        yield f"`max-approval-age-days` of {name} has no effect, because no approvals are asked for."
    if "evaluator" in environment.separation and not environment.evaluations:
        yield f"The evaluator is separated in {name} only where a deployment names an evaluation, and none is asked for."
    if environment.evaluations and not policy.roles_that_may("evaluation.completed"):
        yield f"Nobody may deploy to {name}: it asks for measurements, and no role may write evaluation.completed."
