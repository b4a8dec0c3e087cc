"""Presence and absence in plain terms, either way with what decides."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import family as told
import makers
from asking import ask, draft, fails
from family import Family
from muniment.core.proof import answer as answers
from muniment.core.proof import verify
from muniment.core.proof.inquiry import ClaimFindings, ClaimQuestion
from muniment.errors import InvalidInput, VerificationError

RAW, V1, V2, V4 = f"data/{told.RAW}", f"version/{told.V1}", f"version/{told.V2}", f"version/{told.V4}"
UNSET = msgspec.UNSET


def claim(family: Family, said: str, of: str, place: str | msgspec.UnsetType = UNSET) -> ClaimFindings:
    verified = ask(family, ClaimQuestion(claim=said, environment=place, of=of))  # type: ignore[arg-type]
    findings = verified.result.findings
    assert isinstance(findings, ClaimFindings)
    assert verified.result.statuses == ("holds" if findings.holds else "fails",)
    return findings


@pytest.mark.parametrize(
    ("said", "of", "place", "witnesses"),
    [
        ("approved", V1, "production", ["counts"]),
        ("not-approved", V1, "staging", ["expired"]),
        ("not-approved", V2, "production", []),
        ("not-approved", f"version/{'9' * 64}", "production", []),
        ("deployed", V1, "production", ["recorded"]),
        ("never-deployed", V1, "staging", []),
        ("never-deployed", V2, UNSET, []),
        ("on-hold", V2, UNSET, ["open"]),
        ("not-on-hold", V1, UNSET, []),
        ("not-withdrawn", RAW, UNSET, []),
    ],
)
def test_what_holds(family: Family, said: str, of: str, place: str | msgspec.UnsetType, witnesses: list[str]) -> None:
    found = claim(family, said, of, place)
    assert found.holds
    assert [each.standing for each in found.witnesses] == witnesses
    opposites = {"deployed": "never-deployed", "never-deployed": "deployed"}
    opposite = opposites.get(said) or (said.removeprefix("not-") if said.startswith("not-") else f"not-{said}")
    assert not claim(family, opposite, of, place).holds


def test_withdrawn_data(tmp_path: Path) -> None:
    family = Family(tmp_path / "ledger.db")
    family.withdraw()
    found = claim(family, "withdrawn", RAW)
    assert (found.holds, found.witnesses[0].index) == (True, family.at["withdrawn"])
    assert not claim(family, "not-withdrawn", RAW).holds


def test_a_compromised_key_makes_no_approval(tmp_path: Path) -> None:
    family = Family(tmp_path / "ledger.db")
    approval = family.at["approval"]
    key = makers.ADA.public_key.hex()
    family.say("compromised", "key.changed", of="ada", change="compromise", key=key, fromIndex=approval)
    found = claim(family, "not-approved", V1, "production")
    assert (found.holds, [each.standing for each in found.witnesses]) == (True, ["disputed"])


@pytest.mark.parametrize(
    "question",
    [
        ClaimQuestion(claim="withdrawn", of=V1),
        ClaimQuestion(claim="approved", of=RAW),
        ClaimQuestion(claim="on-hold", environment="production", of=V1),
        ClaimQuestion(claim="not-approved", of="model/credit-risk"),
    ],
)
def test_what_no_claim_says(family: Family, question: ClaimQuestion) -> None:
    with pytest.raises(InvalidInput) as caught:
        draft(family, question)
    assert caught.value.code == "bad-claim"


def test_an_approval_cannot_be_hidden(family: Family) -> None:
    found = draft(family, ClaimQuestion(claim="approved", environment="production", of=V1))
    hidden = next(whole for whole in found.streams if whole.stream == V1)
    kept = msgspec.structs.replace(hidden, indices=tuple(each for each in hidden.indices if each != family.at["approval"]))
    events = tuple(each for each in found.events if each.index != family.at["approval"])
    fails(family, msgspec.structs.replace(found, streams=(kept,), events=events), "history-count")


def test_the_absence_of_a_neighbour_is_no_absence(family: Family) -> None:
    """An absence proof is bound to its key: that of another stream under this one's name leads to another root."""
    asked = draft(family, ClaimQuestion(claim="never-deployed", of=f"version/{'9' * 64}"))
    (absent,) = (each for each in asked.states if each.name == f"version/{'9' * 64}")
    states = tuple(msgspec.structs.replace(each, name=V4) if each == absent else each for each in asked.states)
    renamed = msgspec.structs.replace(asked, question=ClaimQuestion(claim="never-deployed", of=V4), states=states)
    fails(family, renamed, "state-absence")


def test_an_old_header_is_not_the_newest(tmp_path: Path) -> None:
    """What held before something happened, offered as what holds now: each way of doing so fails for its own reason."""
    family = Family(tmp_path / "ledger.db")
    question = ClaimQuestion(claim="not-withdrawn", of=RAW)
    old = draft(family, question)
    family.withdraw()
    new = draft(family, question)
    # The old records under the new header.
    fails(family, msgspec.structs.replace(new, states=old.states), "state-root")
    # The old header in place of the new one.
    fails(family, msgspec.structs.replace(new, entries=old.entries, states=old.states), "header-last", step=8)
    # The old file as it was is true, as of then: a reader who asks for its age, or has seen newer, is told so.
    with pytest.raises(VerificationError) as caught:
        verify.verify_answer(answers.encode(old), family.trust, now="2026-11-23T13:00:00.000000Z", max_age=600)
    assert (caught.value.step, caught.value.code) == (6, "stale")
    assert not verify.verify_answer(answers.encode(old), family.trust).current
