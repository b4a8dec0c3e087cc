"""What the SDK says about policies: how one came into force, what another would change, what a deployment still lacks."""

from __future__ import annotations

import msgspec

from muniment.core.rules.policy import Policy
from muniment.core.rules.policy_text import Change
from muniment.core.rules.requirements import Finding


class Approved(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An approval that a policy relied on: its event, its entry, the persons who gave it and the roles they held."""

    event_id: str
    index: int
    persons: tuple[str, ...]
    roles: tuple[str, ...]


class Enacted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A policy and how it came into force; `actor` is empty and there are no approvals where the genesis brought it.

    time: of the header that sealed it
    """

    policy: Policy
    digest: str
    index: int
    height: int
    time: str
    actor: str = ""
    approvals: tuple[Approved, ...] = ()


class Tally(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far the amendment rule is met for one role: whose voices count, and how many more it asks for.

    count: so many voices as of now
    quorum_of: of how many members they are more than two thirds; 0 where the rule says a number, or there are no members
    organisations: in a consortium, whose voices these are: one for each member
    """

    role: str
    count: int
    quorum_of: int = 0
    persons: tuple[str, ...]
    missing: int
    organisations: tuple[str, ...] = ()


class Proposal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A policy that may take the place of the one in force, as of now.

    approvals: those that stand for it, by event id
    silent: those that do not count, each with the reason
    doubts: what it allows that was perhaps not meant, and the one in force does not, in sentences
    stranded: actors who hold a role that it does not have any more, with these roles
    vacancies: where it asks for more persons than hold a role now, in sentences
    locked_out: nobody who is enrolled could enrol anybody under it, so that nothing could ever be mended
    """

    digest: str
    in_force: bool
    changes: tuple[Change, ...]
    tallies: tuple[Tally, ...]
    approvals: tuple[str, ...]
    silent: tuple[str, ...]
    doubts: tuple[str, ...]
    stranded: tuple[str, ...]
    vacancies: tuple[str, ...]
    locked_out: bool

    @property
    def sufficient(self) -> bool:
        """Does the amendment rule ask for no more?"""
        return all(not each.missing for each in self.tallies)


class Explanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an environment asks of a version, requirement by requirement, as if it were deployed now.

    title: the version by name and number
    deployer: who would deploy it; None where that is left open
    policy, since: the digest of the policy in force, and its entry
    entries: the entry of each stream that a finding names
    """

    environment: str
    version: str
    title: str
    transition: str
    deployer: str | None
    policy: str
    since: int
    findings: tuple[Finding, ...]
    entries: dict[str, int]

    @property
    def admitted(self) -> bool:
        """Would nothing speak against it?"""
        return all(each.holds for each in self.findings)
