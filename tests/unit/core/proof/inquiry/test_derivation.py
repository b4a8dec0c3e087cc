"""Impact and lineage: what was made of what, where it runs, and that no step of it can be left out."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import family as told
from asking import ask, draft, fails
from family import Family
from muniment.core.proof import answer, verify
from muniment.core.proof.inquiry import (
    BlameQuestion,
    Derived,
    DiffQuestion,
    HistoryQuestion,
    ImpactFindings,
    ImpactQuestion,
    Inquiry,
    LineageFindings,
    LineageQuestion,
    path_to,
)
from muniment.errors import InvalidInput

RAW, JOINED = f"data/{told.RAW}", f"data/{told.JOINED}"
V1, V2, V3, V4 = (f"version/{each}" for each in (told.V1, told.V2, told.V3, told.V4))


def impact(family: Family, of: str) -> ImpactFindings:
    findings = ask(family, ImpactQuestion(of=of)).result.findings
    assert isinstance(findings, ImpactFindings)
    return findings


def lineage(family: Family, of: str, up: bool) -> LineageFindings:
    findings = ask(family, LineageQuestion(direction="up" if up else "down", of=of)).result.findings
    assert isinstance(findings, LineageFindings)
    return findings


def test_what_learned_from_data_through_any_number_of_steps(family: Family) -> None:
    found = impact(family, RAW)
    assert [each.name for each in found.versions()] == ["credit-risk@1", "credit-risk@2", "edge@1"]
    assert [(each.name, each.version) for each in found.deployments] == [("production/credit-risk", V1)]
    run = f"run/{family.ids['run 1']}"
    assert path_to(found.things, V1) == (RAW, f"data/{told.CLEAN}", JOINED, run, V1)
    assert [each.relation for each in found.things][1:3] == ["clean", "join"]


def test_what_was_only_tested_on_taught_nothing(family: Family) -> None:
    assert [each.name for each in impact(family, f"data/{told.TESTS}").versions()] == ["fraud@1"]


def test_all_versions_of_a_data_set_and_of_none(family: Family) -> None:
    assert {each.stream for each in impact(family, "dataset/loans").versions()} == {V1, V2, V3}
    assert impact(family, f"data/{'9' * 64}") == ImpactFindings()
    assert impact(family, "dataset/none") == ImpactFindings()


def test_upwards_to_every_origin(family: Family) -> None:
    found = lineage(family, V3, up=True)
    assert {each.stream for each in found.things} == {V3, V2, V1, JOINED, RAW, f"data/{told.CLEAN}", f"data/{told.OTHER}"}
    assert not found.unknown
    by = {each.stream: each for each in found.things}
    assert (by[V2].relation, by[V1].relation, by[JOINED].relation, by[RAW].relation) == ("quantised", "base", "training", "clean")
    assert by[V1].via == f"run/{family.ids['run 2']}"
    assert by[V2].holds == 1


@pytest.mark.parametrize("up", [True, False])
def test_what_was_never_recorded_has_no_lineage(family: Family, up: bool) -> None:
    assert lineage(family, f"version/{'9' * 64}", up) == LineageFindings()


@pytest.mark.parametrize(
    "question",
    [
        *(LineageQuestion(direction="up", of=of) for of in ("model/credit-risk", "dataset/loans", told.PLACE)),
        LineageQuestion(direction="down", of="actor/ada"),
        *(ImpactQuestion(of=of) for of in ("actor/ada", told.PLACE, "policy")),
        *(BlameQuestion(of=of, path="depth", target="hyperparameter") for of in ("model/credit-risk", RAW)),
        DiffQuestion(a=V1, b="model/credit-risk"),
        DiffQuestion(a=RAW, b=V1),
    ],
)
def test_a_question_about_what_it_cannot_be_asked_of(family: Family, question: Inquiry) -> None:
    with pytest.raises(InvalidInput) as caught:
        draft(family, question)
    assert caught.value.code == "bad-question"
    # Nor does a file hold that asks it all the same.
    other = draft(family, HistoryQuestion(of="policy"))
    with pytest.raises(InvalidInput) as caught:
        verify.verify_answer(answer.encode(msgspec.structs.replace(other, question=question, streams=())), family.trust)
    assert caught.value.code == "bad-question"


def test_down_and_up_are_the_same_steps(family: Family) -> None:
    things = [V1, V2, V3, V4, *[f"data/{each}" for each in (told.RAW, told.CLEAN, told.OTHER, told.JOINED, told.TESTS)]]
    above = {(upper.stream, thing) for thing in things for upper in lineage(family, thing, up=True).things}
    below = {(thing, lower.stream) for thing in things for lower in lineage(family, thing, up=False).things}
    assert above == below


def test_withdrawn_data_is_said(tmp_path: Path) -> None:
    family = Family(tmp_path / "ledger.db")
    family.withdraw()
    at = family.at["withdrawn"]
    for findings in (impact(family, RAW), lineage(family, V3, up=True)):
        assert {each.stream: each.withdrawn for each in findings.things}[RAW] == at
        assert Derived(stream=RAW, name="loans@1", withdrawn=at).withdrawn == at


def test_no_step_can_be_left_out(family: Family) -> None:
    found = draft(family, ImpactQuestion(of=RAW))
    for stream in [whole.stream for whole in found.streams]:
        kept = tuple(whole for whole in found.streams if whole.stream != stream)
        bound = {index for whole in kept for index in whole.indices}
        events = tuple(each for each in found.events if each.index in bound)
        fails(family, msgspec.structs.replace(found, streams=kept, events=events), "stream-missing")
    for state in found.states:
        if state.name.startswith(("data/", "version/", "run/", "deployment/")):
            kept_states = tuple(each for each in found.states if each.name != state.name)
            fails(family, msgspec.structs.replace(found, states=kept_states), "state-missing")


def test_an_entry_that_a_record_names_is_there(family: Family) -> None:
    found = draft(family, LineageQuestion(direction="up", of=V3))
    for label in ("version 3", "run 2", "join", "cleaned"):
        kept = tuple(each for each in found.entries if each.index != family.at[label])
        fails(family, msgspec.structs.replace(found, entries=kept), "event-missing")


def test_a_version_that_does_not_run_cannot_be_claimed_away(family: Family) -> None:
    found = draft(family, ImpactQuestion(of=RAW))
    findings = found.result.findings
    assert isinstance(findings, ImpactFindings)
    hidden = msgspec.structs.replace(findings, deployments=())
    fails(family, msgspec.structs.replace(found, result=msgspec.structs.replace(found.result, findings=hidden)), "findings")
