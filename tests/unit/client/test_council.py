"""client.council: who votes, what a change of the members still needs, and the change itself."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import founders
from muniment.client import identity, opening
from muniment.client.council import Change
from muniment.client.following import MembersWarning
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.core.format import dsse, entry
from muniment.core.rules import events, members
from muniment.core.rules.policy import QUORUM, Agreement, PolicyViolation
from muniment.errors import InvalidInput, NotFound
from muniment.node.founding import joining
from muniment.node.founding.answer import Answer
from muniment.node.founding.draft import Rules
from muniment.node.homes import NodeHome


class Council:
    """Four members whose people write to one ledger."""

    def __init__(self, folder: Path, answers: list[Answer]) -> None:
        self.folder = folder
        self.answers = {each.organisation: each for each in answers}

    def of(self, organisation: str, actor: str = "") -> Ledger:
        return opening.open(self.folder / organisation, actor=actor or f"{organisation}-ada")

    def newcomer(self, name: str = "newcomer") -> tuple[Answer, Change]:
        sealed = NodeHome(self.folder / "lab").load_consortium()
        invitation = joining.Invitation(draft=sealed.draft, sealed=sealed)
        answer = joining.join(self.folder / name, invitation, name, joining.Asked(person=f"{name}-ada"))
        body = answer.body
        return answer, Change(member=name, change="admit", validator_key=body.validator, cosigner_key=body.cosigner)


@pytest.fixture
def them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Council:
    given = founders.found(tmp_path / "all")
    founders.meet(monkeypatch, tmp_path / "all")
    return Council(tmp_path / "all", given)


def test_who_votes(them: Council) -> None:
    with them.of("bank") as ledger:
        council = ledger.members.in_force()
        assert council is not None
        assert [each.organisation for each in council.members] == list(founders.MEMBERS)
        assert (council.quorum, council.tolerated) == (3, 1)
        assert council.publisher is not None
        assert council.publisher.organisation == "lab"
        seat = ledger.members.show("lab")
        body = them.answers["lab"].body
        assert (seat.key, seat.cosigner, seat.publishes, seat.status) == (body.validator, body.cosigner, True, "active")
        assert seat.address == members.address(body.validator)
        assert seat.people == ("lab-ada", "lab-node")
        with pytest.raises(NotFound) as caught:
            ledger.members.show("mallory")
        assert caught.value.code == "no-such-member"


def test_the_terms_are_those_of_the_event(them: Council) -> None:
    """What people approve by digest is what the rules look for."""
    _, admit = them.newcomer()
    with them.of("bank") as ledger:
        for change in (
            admit,
            Change(member="lab", change="remove"),
            Change(member="lab", change="rotate", cosigner_key="a" * 64),
            Change(member="lab", change="publish", publisher_key="b" * 64),
        ):
            terms = ledger.members.identify(change)
            event = events.build(
                "member.changed", {k: v for k, v in {**_common(ledger), **change.fields()}.items() if v is not None}
            )
            assert isinstance(event, events.MemberChanged)
            assert terms == event.terms()
        with pytest.raises(InvalidInput):
            ledger.members.identify(Change(member="lab", change="admit"))


def _common(ledger: Ledger) -> dict[str, object]:
    return {
        "ledger": ledger.id,
        "eventId": "01930000-0000-7000-8000-000000000000",
        "occurredAt": founders.TIME,
        "actor": "somebody",
    }


def test_a_member_is_removed_by_three_of_four(them: Council) -> None:
    change = Change(member="clinic", change="remove")
    for number, organisation in enumerate(("auditor", "bank", "lab")):
        with them.of(organisation) as ledger:
            motion = ledger.members.propose(change)
            (tally,) = motion.consent.tallies
            assert (tally.role, tally.count, tally.missing, motion.consent.sufficient) == ("member", 3, 3 - number, False)
            assert tally.quorum_of == 4
            with pytest.raises(PolicyViolation):
                ledger.members.record(change)
            ledger.members.approve(change)
    with them.of("bank") as ledger:
        (tally,) = ledger.members.propose(change).consent.tallies
        assert (tally.organisations, tally.missing) == (("auditor", "bank", "lab"), 0)
        done = ledger.members.record(change)
        with ledger.view() as view:
            read = events.decode(dsse.decode(view.entry(done.index)).payload)
        assert isinstance(read, events.MemberChanged)
        assert len(read.approvals) == 3
        council = ledger.members.in_force()
        assert council is not None
        assert [each.organisation for each in council.members] == ["auditor", "bank", "lab"]
        assert ledger.members.show("clinic").status == "removed"
        # What was agreed to once is used up.
        assert not ledger.members.propose(change).consent.sufficient


def test_one_member_has_one_voice(them: Council) -> None:
    """However many people of it agree."""
    change = Change(member="clinic", change="remove")
    with them.of("bank") as ledger:
        for name in ("bank-eve", "bank-mallory", "bank-trudy"):
            asked = identity.request(Home(them.folder / "bank"), founders.ORIGIN, name, "person")
            ledger.keys.admit(asked, roles=["member"], organisation="bank")
    for name in ("bank-ada", "bank-eve", "bank-mallory", "bank-trudy"):
        with them.of("bank", name) as ledger:
            ledger.members.approve(change)
            motion = ledger.members.propose(change)
            (tally,) = motion.consent.tallies
            assert (tally.missing, tally.organisations) == (2, ("bank",))
            with pytest.raises(PolicyViolation) as caught:
                ledger.members.record(change)
            assert {each.rule for each in caught.value.verdict.reasons} == {"amendment"}


def test_nobody_enrols_the_people_of_another_member(them: Council) -> None:
    with them.of("bank") as ledger:
        asked = identity.request(Home(them.folder / "bank"), founders.ORIGIN, "clinic-eve", "person")
        with pytest.raises(PolicyViolation) as caught:
            ledger.keys.admit(asked, roles=["member"], organisation="clinic")
        assert {each.rule for each in caught.value.verdict.reasons} == {"organisation"}


def test_an_organisation_is_let_in_with_its_people(them: Council) -> None:
    answer, change = them.newcomer()
    for organisation in ("auditor", "bank", "lab"):
        with them.of(organisation) as ledger:
            ledger.members.approve(change)
    with them.of("lab") as ledger:
        with pytest.raises(InvalidInput) as caught:
            ledger.members.record(change)
        assert caught.value.code == "nobody-enrolled"
        first = ledger.members.enrol("newcomer", *answer.list_requests(), ("member",))
        assert [each.event for each in first] == ["actor.enrolled", "actor.enrolled"]
        assert ledger.members.enrol("newcomer", *answer.list_requests(), ("member",)) == []
        ledger.members.record(change)
        council = ledger.members.in_force()
        assert council is not None
        assert council.quorum == 4
        assert ledger.members.show("newcomer").people == ("newcomer-ada", "newcomer-node")
        with pytest.raises(InvalidInput) as caught:
            ledger.members.enrol("bank", *answer.list_requests(), ("member",))
        assert caught.value.code == "other-organisation"


def test_the_voices_that_are_asked_for_follow_the_members(them: Council) -> None:
    """Three of four let a fifth one in; then it takes four."""
    answer, change = them.newcomer()
    gone = Change(member="clinic", change="remove")
    for organisation in ("auditor", "bank", "lab"):
        with them.of(organisation) as ledger:
            ledger.members.approve(change)
            ledger.members.approve(gone)
    with them.of("lab") as ledger:
        assert ledger.members.propose(gone).consent.sufficient
        assert ledger.policies.members() == 4
        ledger.members.enrol("newcomer", *answer.list_requests(), ("member",))
        ledger.members.record(change)
        assert ledger.policies.members() == 5
        (tally,) = ledger.members.propose(gone).consent.tallies
        assert (tally.count, tally.quorum_of, tally.missing) == (4, 5, 1)
        with pytest.raises(PolicyViolation, match=r"asks for 4 members \(more than two thirds of 5\) in the role member"):
            ledger.members.record(gone)
    with them.of("clinic") as ledger, pytest.warns(MembersWarning, match="newcomer was admitted"):
        ledger.members.approve(gone)
    with them.of("clinic") as ledger:
        ledger.members.record(gone)
        (tally,) = ledger.members.propose(Change(member="lab", change="remove")).consent.tallies
        assert (tally.count, tally.quorum_of) == (3, 4)


def test_whoever_lacks_a_voice_is_told(them: Council) -> None:
    """Members who have nobody with the role, however many persons others have."""
    with them.of("bank") as ledger:
        current = ledger.policies.in_force().policy
        assert not any("change of the policy" in each for each in ledger.policies.vacancies(current))
        risky = msgspec.structs.replace(current, amendment=(Agreement(role="approver", count=QUORUM),))
        assert "A change of the policy needs 3 as approver, and no member has somebody with that role." in (
            ledger.policies.vacancies(risky)
        )
        for name in ("bank-eve", "bank-mallory", "bank-trudy"):
            asked = identity.request(Home(them.folder / "bank"), founders.ORIGIN, name, "person")
            ledger.keys.admit(asked, roles=["approver"], organisation="bank")
        assert "A change of the policy needs 3 as approver, and 1 member has somebody with that role." in (
            ledger.policies.propose(risky).vacancies
        )


def test_an_agreement_is_taken_back(them: Council) -> None:
    change = Change(member="clinic", change="remove")
    with them.of("bank") as ledger:
        done = ledger.members.approve(change)
        assert ledger.members.propose(change).consent.tallies[0].missing == 2
        ledger.revoke(done)
        consent = ledger.members.propose(change).consent
        assert consent.tallies[0].missing == 3
        assert ["revoked" in each for each in consent.silent] == [True]


def test_other_terms_are_not_agreed_to(them: Council) -> None:
    keys = ["a" * 64, "b" * 64]
    with them.of("bank") as ledger:
        ledger.members.approve(Change(member="lab", change="rotate", validator_key=keys[0]))
        assert ledger.members.propose(Change(member="lab", change="rotate", validator_key=keys[0])).consent.approvals
        assert not ledger.members.propose(Change(member="lab", change="rotate", validator_key=keys[1])).consent.approvals
        assert not ledger.members.propose(Change(member="lab", change="rotate", cosigner_key=keys[0])).consent.approvals


def test_the_policy_is_agreed_to_by_members_too(them: Council) -> None:
    with them.of("bank") as ledger:
        policy = founders.draft(policy="regulated").rules
        assert isinstance(policy, Rules)
        ledger.policies.approve(policy.policy)
        (tally,) = ledger.policies.propose(policy.policy).tallies
        assert (tally.organisations, tally.count, tally.missing) == (("bank",), 3, 2)


def test_the_next_protocol(them: Council, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody proposes what this release does not speak; what it speaks, a quorum takes."""
    with them.of("bank") as ledger:
        assert ledger.protocols.in_force() == 1
        for number in (1, 2, 3):
            with pytest.raises(InvalidInput) as caught:
                ledger.protocols.upgrade(number)
            assert caught.value.code == ("protocol-order" if number == 1 else "protocol-not-spoken")
        monkeypatch.setattr(entry, "PROTOCOLS", frozenset({1, 2, 3}))
        with pytest.raises(InvalidInput) as caught:
            ledger.protocols.propose(3)
        assert caught.value.code == "protocol-order"
        with pytest.raises(PolicyViolation):
            ledger.protocols.upgrade(2)
    for organisation in ("auditor", "bank", "lab"):
        with them.of(organisation) as ledger:
            ledger.protocols.approve(2)
    with them.of("bank") as ledger:
        found = ledger.protocols.propose(2)
        assert (found.in_force, found.protocol, found.consent.sufficient) == (1, 2, True)
        ledger.protocols.upgrade(2)
        assert ledger.protocols.in_force() == 2
