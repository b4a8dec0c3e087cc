"""Laws of an amendment rule that asks for a quorum: whoever comes and goes, more than two thirds of the members always agreed.

Random changes of the members, each with the voices of some of them, judged by the machine in memory and by the second
implementation (`tests/second`), and counted here once more by plain arithmetic.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import machine as machines
import makers
from machine import Machine
from muniment.core.format import time
from muniment.core.rules import chain, members
from muniment.core.rules.genesis import Founder, Genesis
from muniment.core.rules.policy import QUORUM, Agreement, Policy, Role
from second import machine as second

POOL = tuple(f"m{number:02}" for number in range(26))
CHANGES = 8
stories = settings(
    max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.reuse, Phase.generate)
)


@given(active=st.integers(1, members.MAX_MEMBERS), count=st.integers(1, 64))
def test_a_quorum_is_the_least_number_that_is_more_than_two_thirds(active: int, count: int) -> None:
    needed = Agreement(role="owner", count=QUORUM).needed(active)
    assert 3 * needed > 2 * active >= 3 * (needed - 1)
    assert needed <= active
    # Two quorums share more members than may lie: those who decide twice know of each other.
    assert 2 * needed - active > members.tolerated(active)
    assert Agreement(role="owner", count=count).needed(active) == min(count, active)


class Story:
    """A consortium whose members come and go, in two machines."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.machine = Machine(self._found())
        self.second = second.Ledger.found(self.machine.entries[0])
        self.turn = 0

    @property
    def active(self) -> list[str]:
        found: list[str] = self.machine.state("members")["active"]
        return found

    def change(self) -> tuple[int, int, bool]:
        """One change: how many members agreed, of how many, and whether it was made."""
        chance, seated = self.random, self.active
        absent = [each for each in POOL if each not in seated]
        comes = bool(absent) and (len(seated) == 1 or chance.random() < 0.5)
        self.turn += 1
        change: dict[str, Any] = {"member": chance.choice(absent if comes else seated), "change": "admit" if comes else "remove"}
        if comes:
            keys = {name: machines.member_key(change["member"], f"{name} {self.turn}") for name in ("validatorKey", "cosignerKey")}
            change |= keys
        quorum = 2 * len(seated) // 3 + 1
        agreed = chance.sample(seated, min(len(seated), max(0, quorum + chance.choice((-2, -1, -1, 0, 0, 1)))))
        strangers = chance.sample(absent, min(len(absent), 5 if chance.random() < 0.5 else 0))
        named = self._vote(change, [*agreed, *strangers])
        (made,) = self._block([self.machine.sign("member.changed", "m00", approvals=sorted(named), **change)])
        return len(agreed), len(seated), made

    def _vote(self, change: dict[str, Any], voices: list[str]) -> list[str]:
        (told,) = chain.open_submissions([self.machine.sign("member.changed", "m00", **change)])
        of = {"member": change["member"], "terms": told.event.terms()}  # type: ignore[attr-defined]
        said = {"of": of, "decision": "approve", "meaning": "approval"}
        ids = {each: makers.next_id() for each in voices}
        assert all(self._block([self.machine.sign("approval.decided", each, None, id_, **said) for each, id_ in ids.items()]))
        return [*ids.values()]

    def _block(self, raws: list[bytes]) -> list[bool]:
        """Which events of a block are admitted, by both machines alike."""
        moment = time.format(time.parse(self.machine.position.time) + machines.SECOND)
        before = len(self.machine.entries)
        verdicts = self.machine.block(*raws)
        header, found = self.second.run(moment, raws, [])
        assert header == (self.machine.entries[-1] if len(self.machine.entries) > before else b"")
        assert [each.decision for each in verdicts] == [each["decision"] for each in found]
        assert {reason.rule for each in verdicts for reason in each.reasons} <= {"amendment", "member"}
        return [each.decision == "admitted" for each in verdicts]

    def _found(self) -> Genesis:
        actors = tuple(
            Founder(
                id=name,
                kind="person",
                keys=(machines.prove_key(name, machines.signer_of(name)),),
                organisation=name,
                roles=("owner",),
            )
            for name in POOL
        )
        policy = Policy(roles=(Role(name="owner", may=("*",)),), amendment=(Agreement(role="owner", count=QUORUM),))
        found = msgspec.structs.replace(machines.founding(), actors=actors, policy=policy)
        number = self.random.choice((1, 2, 3, 4, 7, 13, 25))
        return machines.consortium(*self.random.sample(POOL, number), founding_=found)


@stories
@given(seed=st.integers(0, 2**32))
def test_members_change_only_by_more_than_two_thirds_of_those_who_are_there(seed: int) -> None:
    story = Story(seed)
    for _ in range(CHANGES):
        before = story.active
        agreed, seated, made = story.change()
        assert made == (3 * agreed > 2 * seated)
        assert (story.active != before) == made
    assert story.second.records["members"]["state"]["active"] == story.active


def test_stories_have_both_outcomes_at_the_edge() -> None:
    """A voice short, and just enough: else the law above would show little."""
    seen: set[tuple[int, bool]] = set()
    for seed in range(2):
        story = Story(seed)
        for _ in range(CHANGES):
            agreed, seated, made = story.change()
            seen.add((agreed - (2 * seated // 3 + 1), made))
    assert {(-1, False), (0, True)} <= seen
