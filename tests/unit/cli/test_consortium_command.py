"""`muniment consortium`: new, join, seal and show, as people call them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment import exits
from muniment.client import policy_file

Call = Callable[..., Any]

ORIGIN = "example.com/credit"
MEMBERS = ("auditor", "bank", "clinic", "lab")


def new(call: Call, *members: str, **said: str) -> Any:
    listed = [part for each in members or MEMBERS for part in ("--member", each)]
    return call(
        "consortium", "new", "--origin", ORIGIN, *listed, *(part for key, value in said.items() for part in (f"--{key}", value))
    )


def join(call: Call, organisation: str, *more: str) -> Any:
    place = ("--home", f"home-{organisation}", "--organisation", organisation, "--p2p", f"{organisation}.example:26656")
    return call("consortium", "join", "consortium-draft.json", *place, *more)


def seal(call: Call, organisation: str, *answers: str) -> Any:
    given = answers or [f"{each}.answer.json" for each in MEMBERS if each != organisation]
    return call("consortium", "seal", "consortium-draft.json", *given, "--home", f"home-{organisation}")


@pytest.fixture
def joined(call: Call) -> list[Any]:
    assert new(call).code == 0
    return [join(call, each) for each in MEMBERS]


def test_a_draft_says_what_it_is_to_found(call: Call) -> None:
    answer = new(call)
    assert (answer.code, answer.err) == (0, "")
    assert "members      auditor, bank, clinic, lab\n" in answer.out
    assert "publisher    auditor " in answer.out
    assert "Of 4 organisations 1 may fail or lie without harm, and 3 together make a proof.\n" in answer.out
    assert (
        "This policy is changed by the roles admin or member, once more than two thirds of the members (now 3 of 4) as member have "
        "approved the new one.\n"
    ) in answer.out
    assert "muniment consortium join consortium-draft.json --organisation NAME" in answer.out
    assert new(call).code == exits.USAGE
    assert call("consortium", "show", "consortium-draft.json").out.startswith("A consortium to be founded: example.com/credit\n")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (("lab",), "One organisation alone decides everything here: below four members BFT protects nobody (f = 0)."),
        (("lab", "bank", "uni"), "With 3 organisations BFT protects nobody (f = 0): all must take part"),
        (("a", "b", "c", "d", "e", "f", "g"), "Of 7 organisations 2 may fail or lie without harm, and 5 together make a proof."),
    ],
)
def test_how_much_it_protects_is_said(call: Call, members: tuple[str, ...], said: str) -> None:
    assert said in new(call, *members).out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--member", "lab"), "usage"),
        (("--origin", "No Origin", "--member", "lab"), "bad-origin"),
        (("--origin", ORIGIN), "usage"),
        (("--origin", ORIGIN, "--member", "lab", "--member", "lab"), "bad-members"),
        (("--origin", ORIGIN, "--member", "a lab"), "bad-member"),
        (("--origin", ORIGIN, "--member", "none"), "bad-member"),
        (("--origin", ORIGIN, "--member", "lab", "--publisher", "bank"), "bad-publisher"),
        (("--origin", ORIGIN, "--member", "lab", "--policy", "no-such-file"), "no-policy-file"),
        (("--from", "nowhere", "--member", "lab"), "not-found"),
        (("--from", "nowhere", "--member", "lab", "--origin", ORIGIN), "usage"),
        (("--origin", ORIGIN, *[part for n in range(65) for part in ("--member", f"m{n}")]), "bad-members"),
    ],
)
def test_a_draft_that_cannot_be(call: Call, arguments: tuple[str, ...], code: str) -> None:
    answer = call("consortium", "new", *arguments, "--json")
    assert answer.code != 0
    error = answer.json()["error"]
    assert error["code"] == code, error
    assert error["hint"]
    assert not Path("consortium-draft.json").exists()


def test_a_policy_of_ones_own_is_taken_as_it_is(call: Call) -> None:
    Path("own.toml").write_text(policy_file.read("team"))
    answer = new(call, policy="own.toml")
    assert "needs the approval of 2 members, while it takes 3 of 4 members to make a proof" in answer.out
    assert '`amendment = { approver = "quorum" }` asks for more than two thirds' in answer.out
    assert "once 2 members as approver have approved the new one" in answer.out
    Path("consortium-draft.json").unlink()
    assert "while it takes" not in new(call, policy="regulated").out


def test_a_member_joins(call: Call) -> None:
    new(call)
    answer = join(call, "bank")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("bank joins example.com/credit\n")
    assert "bank.answer.json" in answer.out
    assert Path("home-bank/node/answer.json").read_bytes() == Path("bank.answer.json").read_bytes()
    shown = call("consortium", "show", "bank.answer.json")
    assert shown.out.startswith("bank, signed by all of its keys, for example.com/credit\n")
    assert join(call, "bank", "--json").json()["organisation"] == "bank"
    for wrong, code in (
        (("--p2p-listen", "nowhere"), "bad-address"),
        (("--url", "ftp://x"), "bad-address"),
        (("--person", "some-node"), "bad-actor"),
    ):
        assert join(call, "bank", *wrong, "--json").json()["error"]["code"] == code
    assert join(call, "mallory", "--json").json()["error"]["code"] == "no-such-member"


def test_every_member_seals_the_same(call: Call, joined: list[Any]) -> None:
    told = [seal(call, each) for each in ("lab", "bank", "clinic")]
    told.append(call("consortium", "seal", "home-lab/node/consortium.json", "--home", "home-auditor"))
    assert [(each.code, each.err) for each in told] == [(0, "")] * 4
    assert len({next(line for line in each.out.splitlines() if "fingerprint" in line) for each in told}) == 1
    assert all(each.out.endswith("Next: muniment node start\n") for each in told)
    assert "Read it aloud to the other members" in told[0].out
    again = seal(call, "lab")
    assert (again.code, again.out.splitlines()[0]) == (0, "example.com/credit was sealed here before, and is the same")
    shown = call("consortium", "show", "home-bank/node/consortium.json")
    assert shown.out.startswith("A sealed consortium: example.com/credit\n")
    value = call("consortium", "seal", "home-lab/node/consortium.json", "--home", "home-lab", "--json").json()
    assert (value["again"], value["organisation"], value["start"]["size"]) == (True, "lab", 1)


def test_what_is_missing_is_said(call: Call, joined: list[Any]) -> None:
    answer = seal(call, "lab", "bank.answer.json")
    assert answer.code == exits.USAGE
    assert "the answer of auditor, clinic is missing" in answer.err
    Path("bank.answer.json").write_text(Path("bank.answer.json").read_text().replace("bank.example", "evil.example"))
    changed = seal(call, "lab")
    assert "[answer-signature]" in changed.err
    assert not Path("home-lab/ledger.db").exists()
    assert call("consortium", "show", "bank.answer.json").code == exits.USAGE
    assert seal(call, "lab", "nothing.json").code == exits.NOT_FOUND
    sealed_and_answers = call("consortium", "seal", "home-lab/node/answer.json", "bank.answer.json", "--home", "home-lab", "--json")
    assert sealed_and_answers.json()["error"]["code"] == "bad-draft"
    assert call("consortium", "show", "home-lab/node/node.toml", "--json").json()["error"]["code"] == "not-of-a-founding"


def test_other_answers_afterwards_are_refused(call: Call, joined: list[Any]) -> None:
    assert seal(call, "lab").code == 0
    Path("home-bank").rename("home-bank-old")
    assert join(call, "bank").code == 0
    answer = seal(call, "lab")
    assert answer.code == exits.FAILURE
    assert "[sealed-already]" in answer.err


def test_a_home_of_a_consortium_is_written_through_its_node(call: Call, joined: list[Any]) -> None:
    seal(call, "lab")
    answer = call("note", "x", "y", "--home", "home-lab")
    assert answer.code != 0
    assert "muniment node" in answer.err


def test_a_ledger_moves_in(call: Call, home: Path) -> None:
    """From the owner's command to the others' audit, by the command line alone."""
    assert call("note", "actor/alice", "hello").code == 0
    made = call("consortium", "new", "--from", home, "--member", "lab", "--member", "bank", "--publisher", "lab")
    assert made.code == 0
    assert "moves in with everything that it holds" in made.out
    assert call("consortium", "join", "consortium-draft.json", "--organisation", "lab", "--home", home).code == 0
    assert join(call, "bank").code == 0
    early = call("consortium", "seal", "consortium-draft.json", "lab.answer.json", "--home", "home-bank")
    assert "[other-ledger]" in early.err
    owner = call("consortium", "seal", "consortium-draft.json", "bank.answer.json", "--home", home, "--role", "owner")
    assert owner.code == 0, owner.err
    assert owner.err.count("recorded: entry") == 7
    assert "copy         ledger-copy.db" in owner.out
    copied = ("--ledger", "ledger-copy.db", "--home", "home-bank")
    other = call("consortium", "seal", "consortium-draft.json", "lab.answer.json", *copied)
    assert other.code == 0, other.err
    fingerprints = {next(line for line in each.out.splitlines() if "fingerprint" in line) for each in (owner, other)}
    assert len(fingerprints) == 1
    assert call("note", "actor/alice", "after", "--home", home).code != 0
