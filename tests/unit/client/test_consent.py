"""client.consent: the same counting as the rules do it, and an event names no more approvals than it can."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

import machine as machines
from machine import Machine, World
from muniment.client import consent
from muniment.core.rules import policy as policies
from muniment.core.rules.genesis import Founder
from muniment.core.rules.policy import MAX_NAMED, QUORUM, Agreement, Policy, Role

NAMES = tuple(f"m{number:02}" for number in range(13))
PERSONS = 6
"""Of each member."""
BOTH = Policy(
    roles=(Role(name="owner", may=("*",)), Role(name="risk", may=("approval.decided",))),
    amendment=(Agreement(role="owner", count=QUORUM), Agreement(role="risk", count=2)),
)


@pytest.fixture(scope="module")
def crowd() -> Machine:
    """Thirteen members, each with six persons who hold both roles; all of them approve the same policy."""
    ids = [(name, f"{name}-{number}") for name in NAMES for number in range(PERSONS)]
    actors = tuple(
        Founder(
            id=id_,
            kind="person",
            keys=(machines.prove_key(id_, machines.signer_of(id_)),),
            organisation=name,
            roles=("owner", "risk"),
        )
        for name, id_ in ids
    )
    found = msgspec.structs.replace(machines.founding(), actors=actors, policy=BOTH)
    machine = Machine(machines.consortium(*NAMES, founding_=found))
    said = {"of": {"policy": policies.identify(wanted())}, "decision": "approve", "meaning": "approval"}
    verdicts = machine.block(*[machine.sign("approval.decided", id_, **said) for _, id_ in ids])
    assert {each.decision for each in verdicts} == {"admitted"}
    return machine


def wanted() -> Policy:
    return msgspec.structs.replace(BOTH, hold_roles=("owner",))


def weigh(machine: Machine, policy: Policy) -> consent.Consent:
    """What the rule of a policy still asks for, with an index that knows all decisions."""
    rows = [
        SimpleNamespace(stream=f"approval/{id_}", digest=policies.identify(wanted()), index=machine.replay.find(id_))
        for id_ in machine.event_ids()
    ]
    index = SimpleNamespace(events=lambda *, before, **_: rows if before is None else [])
    asked = cast(Any, SimpleNamespace(index=index))
    return consent.weigh(asked, cast(Any, World(machine)), policy, f"policy/{policies.identify(wanted())}", 0)


def test_of_more_approvals_than_an_event_names_those_are_named_that_are_asked_for(crowd: Machine) -> None:
    found = weigh(crowd, BOTH)
    assert len(crowd.event_ids()) == len(NAMES) * PERSONS > MAX_NAMED
    assert [(each.role, each.count, each.quorum_of, each.missing) for each in found.tallies] == [
        ("owner", 9, 13, 0),
        ("risk", 2, 0, 0),
    ]
    assert found.sufficient
    # The first person of each member speaks for it, and for both roles.
    assert found.approvals == tuple(crowd.event_ids()[::PERSONS][:9])
    fields = {"policy": msgspec.to_builtins(wanted())}
    assert crowd.refusals("policy.amended", "m00-0", **fields, approvals=sorted(found.approvals[1:])) == ["amendment"]
    (verdict,) = crowd.block(crowd.sign("policy.amended", "m00-0", **fields, approvals=sorted(found.approvals)))
    assert verdict.decision == "admitted"


def test_a_rule_that_asks_nobody_names_none_of_too_many(crowd: Machine) -> None:
    found = weigh(crowd, msgspec.structs.replace(BOTH, amendment=()))
    assert (found.tallies, found.approvals, found.sufficient) == ((), (), True)


def test_the_tally_says_what_the_rules_will_say(crowd: Machine) -> None:
    """For whatever number or quorum a policy asks."""
    for count in (1, 9, 13, 14, 64, QUORUM):
        asked = Agreement(role="owner", count=count)
        (tally,) = weigh(crowd, msgspec.structs.replace(BOTH, amendment=(asked,))).tallies
        assert tally.count == asked.needed(len(NAMES))
        assert tally.missing == 0
        assert tally.organisations == NAMES
