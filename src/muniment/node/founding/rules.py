"""The rules that a consortium begins with.

A ready policy was written for one house. In a consortium its amendment rule is another one: more than two thirds of the members,
each through a person of its own, agree to what changes the policy, the members or the protocol, however many members there are
then. A policy file is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from muniment.core.rules import members, policy_text
from muniment.core.rules.policy import QUORUM, Agreement, Role
from muniment.core.rules.policy_text import File
from muniment.node.founding.draft import PROTECTED_FROM, Draft, Rules

ROLE = "member"
"""Who speaks for a member about what binds all of them."""

_MAY = ("approval.decided", "member.changed", "policy.amended", "protocol.upgraded")


def adapt(file: File) -> Rules:
    """A ready policy for a consortium: the first person of each member holds the founder's roles and speaks for it."""
    others = [each for each in file.policy.roles if each.name != ROLE]
    roles = tuple(sorted([*others, Role(name=ROLE, may=_MAY)], key=lambda each: each.name))
    policy = msgspec.structs.replace(file.policy, roles=roles, amendment=(Agreement(role=ROLE, count=QUORUM),))
    return Rules(founder=tuple(sorted({*file.founder, ROLE})), policy=policy)


def doubts(draft: Draft) -> Iterator[str]:
    """What was perhaps not meant, in sentences."""
    if isinstance(draft.rules, Rules):
        yield from policy_text.doubt_quorum(draft.rules.policy, len(draft.members))


def describe_strength(count: int) -> str:
    """What so many organisations protect their readers from, in a sentence."""
    if count == 1:
        return "One organisation alone decides everything here: below four members BFT protects nobody (f = 0)."
    if count < PROTECTED_FROM:
        return f"With {count} organisations BFT protects nobody (f = 0): all must take part, and one that fails stops the ledger."
    harmless, quorum = members.tolerated(count), members.quorum(count)
    return f"Of {count} organisations {harmless} may fail or lie without harm, and {quorum} together make a proof."
