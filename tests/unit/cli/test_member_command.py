"""`muniment member` and `muniment protocol`, in a consortium whose members cosign at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import founders
from muniment import exits
from muniment.core.rules import policy_text
from muniment.node.founding import document, joining
from muniment.node.homes import NodeHome

Call = Callable[..., Any]


class Speaking:
    """Commands of somebody of a member."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __call__(self, organisation: str, *arguments: str) -> Any:
        return self._call(*arguments, "--home", f"all/{organisation}", "--actor", f"{organisation}-ada")

    def agree(self, *arguments: str) -> None:
        for organisation in ("auditor", "bank", "lab"):
            answer = self(organisation, *arguments, "--approve")
            assert answer.code == 0, answer.err


@pytest.fixture
def say(call: Call, monkeypatch: pytest.MonkeyPatch) -> Speaking:
    founders.found(Path("all").resolve())
    founders.meet(monkeypatch, Path("all").resolve())
    return Speaking(call)


def newcomer() -> str:
    sealed = NodeHome(Path("all/lab")).load_consortium()
    invitation = joining.Invitation(draft=sealed.draft, sealed=sealed)
    answer = joining.join(Path("all/newcomer"), invitation, "newcomer", joining.Asked(person="newcomer-ada"))
    Path("newcomer.answer.json").write_bytes(document.encode(answer))
    return "newcomer.answer.json"


def test_list_and_show(say: Speaking) -> None:
    told = say("bank", "member", "list")
    assert told.code == 0
    assert told.out.startswith("example.com/credit: Of 4 organisations 1 may fail or lie without harm")
    assert "lab (publishes)" in told.out
    assert "bank-ada, bank-node" in told.out
    shown = say("bank", "member", "show", "lab")
    assert shown.out.startswith("lab: active, publishes the log's line\n")
    assert say("bank", "member", "show", "mallory").code == exits.NOT_FOUND
    assert len(say("bank", "member", "list", "--json").json()["council"]["members"]) == 4


def test_a_member_goes(say: Speaking) -> None:
    proposed = say("bank", "member", "remove", "clinic", "--propose")
    assert "Approved by 0 of 3 (more than two thirds of 4) as member; 3 missing" in proposed.out
    assert "Next, by those who agree: muniment member remove clinic --approve" in proposed.out
    refused = say("bank", "member", "remove", "clinic")
    assert refused.code == exits.REFUSED
    assert "amendment" in refused.err
    first = say("bank", "member", "remove", "clinic", "--approve")
    assert first.out.endswith("\nNext: muniment member remove clinic --propose, which says who is still missing\n")
    say.agree("member", "remove", "clinic")
    assert say("bank", "member", "remove", "clinic", "--approve").out.endswith("\nNext: muniment member remove clinic\n")
    agreed = say("bank", "member", "remove", "clinic", "--propose")
    assert "Approved by 3 of 3 (more than two thirds of 4) as member: auditor, bank, lab; enough" in agreed.out
    assert say("bank", "member", "remove", "clinic", "--dry-run").code == exits.OK
    done = say("bank", "member", "remove", "clinic")
    assert done.code == 0
    assert done.out.startswith("clinic is no member any more: recorded\n")
    assert "clinic: removed" in say("bank", "member", "show", "clinic").out


def test_an_organisation_comes_in(say: Speaking) -> None:
    file = newcomer()
    assert "[nobody-enrolled]" in say("bank", "member", "admit", file).err
    say.agree("member", "admit", file)
    done = say("bank", "member", "admit", file, "--role", "member")
    assert done.code == 0, done.err
    assert done.err.count("Of newcomer: actor.enrolled recorded") == 2
    assert "newcomer-ada, newcomer-node" in say("lab", "member", "list").out


def test_an_answer_for_another_ledger(say: Speaking) -> None:
    other = founders.drafting.draft_new("example.com/other", ["x"], founders.TIME)
    answer = joining.join(Path("other"), founders.invite(other), "x", joining.Asked(person="x-ada"))
    Path("x.json").write_bytes(document.encode(answer))
    assert "[other-origin]" in say("bank", "member", "admit", "x.json").err


def test_a_member_rotates_its_keys(say: Speaking) -> None:
    made = say("lab", "member", "rotate", "lab", "--new", "cosigner", "--propose", "--json").json()
    key = made["change"]["cosignerKey"]
    assert Path("all/lab/node/next/cosigner.key").exists()
    assert "[other-home]" in say("bank", "member", "rotate", "lab", "--new", "cosigner", "--propose").err
    say.agree("member", "rotate", "lab", "--cosigner-key", key)
    done = say("lab", "member", "rotate", "lab", "--new", "cosigner")
    assert done.code == 0, done.err
    assert say("lab", "member", "show", "lab", "--json").json()["cosigner"] == key
    for wrong in ((), ("--cosigner-key", "xyz"), ("--new", "validator", "--cosigner-key", key)):
        assert say("lab", "member", "rotate", "lab", *wrong).code == exits.USAGE
    reused = NodeHome(Path("all/bank")).load_consortium().validators.members[1].cosigner
    say.agree("member", "rotate", "lab", "--cosigner-key", reused)
    assert say("lab", "member", "rotate", "lab", "--cosigner-key", reused).code == exits.REFUSED


def test_another_member_publishes(say: Speaking) -> None:
    made = say("bank", "member", "publish", "bank", "--new", "--propose", "--json").json()["change"]["publisherKey"]
    say.agree("member", "publish", "bank", "--publisher-key", made)
    assert say("bank", "member", "publish", "bank", "--new").code == 0
    assert "bank (publishes)" in say("lab", "member", "list").out
    assert say("bank", "member", "publish", "bank").code == exits.USAGE


def test_the_policy_says_how_many_members_it_asks_for(say: Speaking) -> None:
    told = say("bank", "policy", "show")
    asked = "once more than two thirds of the members (now 3 of 4) as member have approved the new one"
    assert asked in told.out
    assert "proof" not in told.out
    assert any(asked in each for each in say("bank", "policy", "show", "--json").json()["sentences"])
    text = say("bank", "policy", "show", "--toml").out
    assert 'amendment = { member = "quorum" }' in text
    Path("fixed.toml").write_text(text.replace('"quorum" }', "2 }"))
    diff = say("bank", "policy", "diff", "fixed.toml")
    assert "looser" in diff.out
    assert "needs 2 approvals by the role member, not those of more than two thirds of the members." in diff.out
    proposed = say("bank", "policy", "propose", "fixed.toml")
    assert (
        "A change of the policy, of the members or of the protocol needs the approval of 2 members, while it takes 3 of 4 members "
        'to make a proof: fewer could change the rules for all. `amendment = { member = "quorum" }` asks for more than two thirds '
        "of the members, however many there are."
    ) in proposed.out
    assert "Approved by 0 of 3 (more than two thirds of 4) as member; 3 missing" in proposed.out
    Path("words.toml").write_text(text.replace('"quorum" }', '"Quorum" }'))
    wrong = say("bank", "policy", "diff", "words.toml")
    assert wrong.code == exits.USAGE
    assert 'Did you mean "quorum"?' in wrong.err


def test_a_number_that_would_be_too_few_is_told_before_a_member_comes(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    text = policy_text.format(founders.draft().rules.policy, ("admin", "member"))  # type: ignore[union-attr]
    Path("fixed.toml").write_text(text.replace('member = "quorum"', "member = 3"))
    founders.found(Path("all").resolve(), policy="fixed.toml")
    founders.meet(monkeypatch, Path("all").resolve())
    say = Speaking(call)
    assert "To consider" not in say("bank", "member", "remove", "clinic", "--propose").out
    assert "while it takes" not in say("bank", "policy", "show").out
    told = say("bank", "member", "admit", newcomer(), "--propose").out
    assert "Approved by 0 of 3 as member; 3 missing" in told
    assert "needs the approval of 3 members, while it takes 4 of 5 members to make a proof" in told


def test_propose_and_approve_are_two_things(say: Speaking) -> None:
    assert say("bank", "member", "remove", "clinic", "--propose", "--approve").code == exits.USAGE
    assert say("bank", "member", "remove", "clinic", "--expires-at", "2027-01-01").code == exits.USAGE


def test_terms_are_approved_without_a_file(say: Speaking) -> None:
    """As `propose` says for those who have none."""
    terms = say("bank", "member", "remove", "clinic", "--propose", "--json").json()["terms"]
    assert say("lab", "approve", "--member", "clinic", "--terms", terms).code == 0
    told = say("bank", "member", "remove", "clinic", "--propose")
    assert "Approved by 1 of 3 (more than two thirds of 4) as member: lab" in told.out


def test_the_protocol(say: Speaking) -> None:
    assert say("bank", "protocol", "show").out.startswith("Protocol 1 is in force in example.com/credit.\n")
    for manner in ((), ("--propose",), ("--approve",)):
        assert "[protocol-not-spoken]" in say("bank", "protocol", "upgrade", "2", *manner).err
    assert say("bank", "protocol", "upgrade", "2", "--even-so").code == exits.USAGE


def test_a_ledger_of_one_operator_has_no_members(call: Call, home: Path) -> None:
    assert "has one operator, and no members" in call("member", "list").out
    assert "[no-consortium]" in call("member", "remove", "lab").err
