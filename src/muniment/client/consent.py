"""How far the amendment rule is met: who has agreed to a change of the policy, the members or the protocol, and who is missing.

The same counting as the rules do it (core.rules.effects.governance): in a ledger of one operator persons are counted, in a
consortium members, each of which has one voice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from muniment.client import moments
from muniment.client.governed import Tally
from muniment.client.questions import Questions
from muniment.client.world import World
from muniment.core.rules.policy import MAX_NAMED, Agreement, Policy
from muniment.core.rules.records import Approval, Consortium
from muniment.core.rules.requirements import Asked, Heard, count_members, count_voices, hear

_PAGE = 1_000


class Consent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a change is agreed to. `approvals` stand for it, by event id; `silent` do not count, each with the reason."""

    tallies: tuple[Tally, ...]
    approvals: tuple[str, ...]
    silent: tuple[str, ...]

    @property
    def sufficient(self) -> bool:
        """Does the amendment rule ask for no more?"""
        return all(not each.missing for each in self.tallies)


def weigh(questions: Questions, world: World, policy: Policy, of: str, since: int) -> Consent:
    """What the amendment rule still asks for before `of` may change, which was decided last at entry `since` (-1: never).

    of: `policy/<digest>`, `member/<organisation>/<terms>` or `protocol/<number>`
    """
    consortium = world.read("members", Consortium)
    asked = Asked(of=of, time=moments.now(), after=since)
    heard = hear(world, asked, dict.fromkeys(_find_approvals(questions, world, of)))
    active = () if consortium is None else consortium.active
    voices = [count_members(heard, each.role, active) if active else count_voices(heard, each.role) for each in policy.amendment]
    tallies = tuple(_tally(wanted, given, active) for wanted, given in zip(policy.amendment, voices, strict=True))
    return Consent(
        tallies=tallies,
        approvals=tuple(each.stream.partition("/")[2] for each in _cite(heard, tallies, voices)),
        silent=tuple(f"{each.told()}: {each.silent}" for each in heard if each.silent),
    )


def _cite(heard: list[Heard], tallies: Sequence[Tally], voices: Sequence[list[Heard]]) -> list[Heard]:
    """What a change names: every approval that stands, or, where an event cannot name so many, those that are asked for."""
    standing = [each for each in heard if not each.silent]
    if len(standing) <= MAX_NAMED:
        return standing
    asked = {each.stream for tally, given in zip(tallies, voices, strict=True) for each in given[: tally.count]}
    return [each for each in standing if each.stream in asked]


def _tally(wanted: Agreement, voices: list[Heard], active: Sequence[str]) -> Tally:
    needed = wanted.needed(len(active))
    return Tally(
        role=wanted.role,
        count=needed,
        quorum_of=len(active) if wanted.grows else 0,
        persons=tuple(sorted({person for each in voices for person in each.approval.persons})),
        organisations=tuple(sorted(str(each.approval.organisation) for each in voices)) if active else (),
        missing=max(needed - len(voices), 0),
    )


def _find_approvals(questions: Questions, world: World, of: str) -> Iterator[str]:
    """The decisions about something, by event id, found through the index page by page."""
    kind, _, thing = of.partition("/")
    before: int | None = None
    while rows := questions.index.events(names=("approval.decided",), before=before, limit=_PAGE):
        for row in rows:
            decision = row.stream.partition("/")[2]
            if not row.stream.startswith("approval/"):
                continue
            if kind == "policy":
                if row.digest == thing:
                    yield decision
            elif row.digest is None:
                # The index knows the digests of policies and versions; of what else was decided the record tells.
                known = world.read(row.stream, Approval)
                if known is not None and known.of == of:
                    yield decision
        before = rows[-1].index
