"""How two versions differ, by what their events say."""

from __future__ import annotations

import msgspec

import family as told
from asking import ask, draft, fails
from family import Family
from muniment.core.proof.inquiry import DiffFindings, DiffQuestion

QUESTION = DiffQuestion(a=f"version/{told.V1}", b=f"version/{told.V2}")


def test_every_kind_of_fact(family: Family) -> None:
    found = ask(family, QUESTION).result.findings
    assert isinstance(found, DiffFindings)
    assert found.names == ("credit-risk@1", "credit-risk@2")
    unset = msgspec.UNSET
    assert {(each.area, each.key): (each.a, each.b) for each in found.differences} == {
        ("registration", "derivation"): ("trained", "finetuned"),
        ("data", "bureau@1"): (unset, "training"),
        ("data", "holdout@1"): ("test", unset),
        ("data", "joined@1"): ("training", unset),
        ("parents", "credit-risk@1"): (unset, "base"),
        # The last change counts, not what the run began with.
        ("parameters", "depth"): (9, 8),
        ("code", "gitCommit"): ("f" * 40, "e" * 40),
        ("metrics", "auc in training"): ("0.91", "0.93"),
        ("metrics", "auc on test"): ("0.90", unset),
        ("approvals", "production by ada"): ("approve, counts", unset),
        ("approvals", "staging by ada"): ("approve, expired", unset),
    }
    assert found.same == 3


def test_a_version_does_not_differ_from_itself(family: Family) -> None:
    found = ask(family, DiffQuestion(a=QUESTION.a, b=QUESTION.a)).result.findings
    assert isinstance(found, DiffFindings)
    assert found.differences == ()


def test_nothing_is_compared_with_what_is_not_recorded(family: Family) -> None:
    verified = ask(family, DiffQuestion(a=QUESTION.a, b=f"version/{'9' * 64}"))
    assert verified.result.statuses == ("absent",)


def test_an_approval_cannot_be_left_out(family: Family) -> None:
    found = draft(family, QUESTION)
    approval = f"approval/{family.ids['approval']}"
    states = tuple(each for each in found.states if each.name != approval)
    fails(family, msgspec.structs.replace(found, states=states), "state-missing")
