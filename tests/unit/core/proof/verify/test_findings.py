"""What was found, in sentences: the first one answers the question, none of them needs the vocabulary of the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

import family as told
import makers
from asking import ask
from family import Family
from muniment.core.proof import answer, verify
from muniment.core.proof.inquiry import (
    BlameQuestion,
    ClaimQuestion,
    DiffQuestion,
    HistoryQuestion,
    ImpactQuestion,
    Inquiry,
    LineageQuestion,
)
from muniment.ledger import prover

V1, V2, V3, RAW = f"version/{told.V1}", f"version/{told.V2}", f"version/{told.V3}", f"data/{told.RAW}"


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    return Family(Path(tmp_path_factory.mktemp("findings")) / "ledger.db")


def tell(family: Family, question: Inquiry) -> tuple[str, ...]:
    return verify.tell(ask(family, question))


@pytest.mark.parametrize(
    ("question", "first"),
    [
        (HistoryQuestion(of="model/credit-risk"), "model/credit-risk has 11 events: these, and no others."),
        (HistoryQuestion(of="policy"), "policy has 1 event: this one, and no others."),
        (HistoryQuestion(of="model/none"), "model/none was never recorded."),
        (ImpactQuestion(of=RAW), "3 versions learned from loans@1, through any number of steps, and no others:"),
        (ImpactQuestion(of=V3), "no version learned from edge@1, through any number of steps."),
        (LineageQuestion(direction="up", of=V3), "edge@1 was made of 6 things:"),
        (LineageQuestion(direction="up", of=RAW), "loans@1 was made of nothing that is recorded."),
        (LineageQuestion(direction="down", of=RAW), "what was made of loans@1 is 5 things:"),
        (
            LineageQuestion(direction="down", of=f"version/{'9' * 64}"),
            "version/9999…9999 was never recorded, so that nothing is known of its lineage.",
        ),
        (ImpactQuestion(of="dataset/none"), "no version of dataset/none is recorded, so that nothing was made of it."),
        (ImpactQuestion(of=f"data/{'9' * 64}"), "data/9999…9999 was never recorded, so that nothing was made of it."),
        (BlameQuestion(of=V1, path="rate", target="prompt"), "prompt rate of credit-risk@1 was never set."),
        (DiffQuestion(a=V1, b=V2), "credit-risk@1 and credit-risk@2 differ in 11 of 14 recorded facts."),
    ],
)
def test_the_first_sentence_answers(family: Family, question: Inquiry, first: str) -> None:
    assert tell(family, question)[0].partition(", ")[::2] == ("As of block 23", first)


def test_the_way_and_the_place(family: Family) -> None:
    sentences = tell(family, ImpactQuestion(of=RAW))
    assert "edge@1 <- credit-risk@2 <- credit-risk@1 <- joined@1 <- loans-clean@1 <- loans@1." in sentences
    assert f"Running now: production/credit-risk runs credit-risk@1 since entry {family.at['start']}." in sentences
    up = tell(family, LineageQuestion(direction="up", of=V3))
    assert f"credit-risk@1: base for credit-risk@2, in run/{family.ids['run 2']}." in up


def test_who_set_it(family: Family) -> None:
    first, second, third, *_ = tell(family, BlameQuestion(of=V1, path="depth", target="hyperparameter"))
    assert "is 9, set by ada in entry" in first
    assert first.endswith("ticket RISK-2 (header time, as all times below).")
    assert second.startswith("Before that it was 7, set by ada in entry")
    assert "(training.started)" in third


def test_claims_are_said_in_full(family: Family) -> None:
    first, second, *_ = tell(family, ClaimQuestion(claim="not-approved", environment="staging", of=V1))
    assert first == 'As of block 23: "credit-risk@1 is not approved for staging". That holds.'
    assert "expired now; expires 2026-11-23T12:00:20.000000Z." in second
    unknown = tell(family, ClaimQuestion(claim="never-deployed", of=f"version/{'9' * 64}"))
    assert "That holds." in unknown[0]
    assert "was never recorded." in unknown[1]


def test_entries_are_not_told_twice(family: Family) -> None:
    assert not any(sentence.startswith("Entry ") and "registered" in sentence for sentence in tell(family, ImpactQuestion(of=RAW)))
    assert any(sentence.startswith("Entry ") and "registered" in sentence for sentence in tell(family, HistoryQuestion(of=V1)))


def test_an_approval_at_a_time_says_that_it_is_disputed_now(tmp_path: Path) -> None:
    family = Family(tmp_path / "ledger.db")
    at, stream = family.at["approval"], f"approval/{family.ids['approval']}"
    family.say("compromised", "key.changed", of="ada", change="compromise", key=makers.ADA.public_key.hex(), fromIndex=at)
    with family.engine.view() as view:
        found = prover.prove_at(view, told.PLACE, "2030-01-01T00:00:00.000000Z")
    sentences = verify.tell(verify.verify_answer(answer.encode(found), family.trust))
    assert any(sentence.startswith(f"{stream} is disputed: others may have held its key") for sentence in sentences)
