"""client.governing: the policy over time, proposals, and what a deployment still lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from muniment.client import identity, opening, policy_file
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.core.rules import policy as policies
from muniment.core.rules.policy import Policy, PolicyViolation
from muniment.errors import InvalidInput, NotFound

ORIGIN = "example.com/credit"
HOME = ".muniment"


@pytest.fixture
def team() -> Iterator[Ledger]:
    """A ledger under the ready policy `team`: alice founded it; bob, carol and dave are approvers."""
    with opening.init(origin=ORIGIN, actor="alice", policy="team") as ledger:
        for person in ("bob", "carol", "dave"):
            ledger.keys.admit(identity.request(Home(Path(HOME)), ORIGIN, person, "person"), roles=["approver"])
        yield ledger


def acting(actor: str) -> Ledger:
    return opening.open(HOME, actor=actor)


def another() -> Policy:
    """The team's policy, with a lower threshold."""
    text = policy_file.read("team").replace("auc >= 0.80", "auc >= 0.70")
    Path("next.toml").write_text(text)
    return policy_file.load("next.toml").policy


def test_the_first_policy_is_that_of_the_genesis(team: Ledger) -> None:
    enacted = team.policies.in_force()
    assert (enacted.policy, enacted.index, enacted.height) == (policy_file.load("team").policy, 0, 0)
    assert (enacted.actor, enacted.approvals, enacted.digest) == ("", (), policies.identify(enacted.policy))
    assert team.policies.history() == [enacted]


def test_an_amendment_needs_what_the_rule_in_force_asks(team: Ledger) -> None:
    new = another()
    proposal = team.policies.propose(new)
    assert (proposal.sufficient, proposal.in_force, proposal.locked_out) == (False, False, False)
    assert [(each.role, each.count, each.persons, each.missing) for each in proposal.tallies] == [("approver", 2, (), 2)]
    assert [change.effect for change in proposal.changes] == ["looser"]
    with pytest.raises(PolicyViolation) as caught:
        team.policies.amend(new)
    assert [reason.rule for reason in caught.value.verdict.reasons] == ["amendment"]
    with acting("bob") as bob:
        bob.policies.approve(new)
        bob.policies.approve(new)
    assert team.policies.propose(new).tallies[0].persons == ("bob",)
    with acting("carol") as carol:
        given = carol.policies.approve(policies.identify(new))
        carol.revoke(given)
    assert [each.split(": ")[1] for each in team.policies.propose(new).silent] == ["it was revoked"]
    with acting("dave") as dave:
        dave.policies.approve(new)
    assert team.policies.propose(new).sufficient
    before = team.policies.in_force()
    done = team.policies.amend(new, reason="nothing reaches 0.80")
    first, second = team.policies.history()
    assert (first, second.policy, second.index, second.actor) == (before, new, done.index, "alice")
    assert {person for each in second.approvals for person in each.persons} == {"bob", "dave"}
    assert team.policies.in_force() == second
    assert team.policy() == new


def test_what_is_in_force_is_not_amended(team: Ledger) -> None:
    same = team.policies.in_force().policy
    assert team.policies.propose(same).in_force
    with pytest.raises(InvalidInput) as caught:
        team.policies.amend(same)
    assert caught.value.code == "same-policy"


def test_nobody_is_locked_out(ledger: Ledger) -> None:
    proposal = ledger.policies.propose(policy_file.load("team").policy)
    assert (proposal.sufficient, proposal.locked_out, proposal.stranded) == (True, True, ("alice (owner)",))
    assert "production needs 2 as approver, and nobody holds that role." in proposal.vacancies
    with pytest.raises(InvalidInput) as caught:
        ledger.policies.amend(policy_file.load("team").policy)
    assert caught.value.code == "locked-out"
    assert ledger.policies.history()[-1].index == 0


def test_from_solo_to_team_in_two_steps(ledger: Ledger) -> None:
    team = policy_file.load("team").policy
    solo = policy_file.load("solo").policy
    owner = next(role for role in solo.roles if role.name == "owner")
    both = msgspec.structs.replace(team, roles=tuple(sorted((*team.roles, owner), key=lambda role: role.name)))
    ledger.policies.amend(both)
    for person in ("bob", "carol"):
        ledger.keys.admit(identity.request(Home(Path(HOME)), ORIGIN, person, "person"), roles=["approver"])
    with acting("alice") as alice:
        alice.keys.assign("alice", roles=["admin", "deployer", "trainer"])
        for person in ("bob", "carol"):
            with acting(person) as approver:
                approver.policies.approve(team)
        alice.policies.amend(team)
        assert [each.digest for each in alice.policies.history()] == [policies.identify(each) for each in (solo, both, team)]


def test_explain_says_what_is_met_and_what_is_missing(team: Ledger, loans: Path, model: Path) -> None:
    data = team.dataset("loans", loans)
    version = team.register("credit-risk", model, data=[data])
    lacking = team.policies.explain("production", "credit-risk@1")
    assert (lacking.title, lacking.deployer, lacking.admitted, lacking.since) == ("credit-risk@1", "alice", False, 0)
    assert [each.rule for each in lacking.findings if not each.holds] == ["approvals", "evaluations"]
    assert all(each.mend for each in lacking.findings if not each.holds)
    with pytest.raises(PolicyViolation) as caught:
        team.deploy(version, "production")
    assert caught.value.verdict.reasons == tuple(each.reason() for each in lacking.findings if not each.holds)
    measured = team.evaluate(version, {"auc": 0.9}, dataset=data, role="test")
    approvals = []
    for person in ("bob", "carol"):
        with acting(person) as approver:
            approvals.append(approver.approve(version, "production"))
    found = team.policies.explain("production", "credit-risk")
    assert found.admitted
    assert sorted(found.entries.values()) == sorted([measured.index, *(each.index for each in approvals)])
    with acting("bob") as bob:
        # bob may not deploy: who does is left open, and his own approval counts.
        open_ended = bob.policies.explain("production", version.digest)
        assert (open_ended.deployer, open_ended.admitted) == (None, True)
        other = bob.policies.explain("production", version.digest, deployer="bob")
    assert [each.rule for each in other.findings if not each.holds] == ["role", "separation"]
    assert [each.rule for each in team.policies.explain("prod", version.digest).findings if not each.holds] == ["environment"]
    team.deploy(version, "production")


def test_explain_knows_what_it_is_asked(team: Ledger, model: Path) -> None:
    with pytest.raises(NotFound):
        team.policies.explain("production", "credit-risk@1")
    with pytest.raises(NotFound) as caught:
        team.policies.explain("production", "0" * 64)
    assert caught.value.code == "no-such-version"
    version = team.register("credit-risk", model)
    with pytest.raises(NotFound) as caught:
        team.policies.explain("production", version.digest, deployer="mallory")
    assert caught.value.code == "no-such-actor"
