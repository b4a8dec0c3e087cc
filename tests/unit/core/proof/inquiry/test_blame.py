"""Who set a parameter, when and why."""

from __future__ import annotations

import msgspec

import family as told
from asking import ask, draft, fails
from family import Family
from muniment.core.format import statement
from muniment.core.proof.inquiry import BlameFindings, BlameQuestion

DEPTH = BlameQuestion(of=f"version/{told.V1}", path="depth", target="hyperparameter")


def blame(family: Family, question: BlameQuestion) -> BlameFindings:
    findings = ask(family, question).result.findings
    assert isinstance(findings, BlameFindings)
    return findings


def test_every_value_from_the_run_on(family: Family) -> None:
    found = blame(family, DEPTH)
    assert [each.value for each in found.settings] == [6, 7, 9]
    assert [each.event for each in found.settings] == ["training.started", "parameter.changed", "parameter.changed"]
    assert [each.index for each in found.settings] == [family.at[each] for each in ("run 1", "depth 1", "depth 2")]
    assert {each.actor for each in found.settings} == {"ada"}
    assert found.settings[0].reason == statement.seal(told.REASON, told.SALT).sealed
    assert found.settings[-1].ticket == "RISK-2"
    assert found.settings[0].time < found.settings[1].time < found.settings[2].time


def test_a_setting_of_a_deployment(family: Family) -> None:
    found = blame(family, BlameQuestion(of=told.PLACE, path="decision.cutoff", target="threshold"))
    assert [each.value for each in found.settings] == ["0.5"]


def test_what_was_never_set(family: Family) -> None:
    for target, path in (("hyperparameter", "momentum"), ("prompt", "depth")):
        question = BlameQuestion(of=f"version/{told.V1}", path=path, target=target)  # type: ignore[arg-type]
        verified = ask(family, question)
        assert verified.result.statuses == ("absent",)
        assert blame(family, question).settings == ()


def test_neither_a_change_nor_the_beginning_can_be_left_out(family: Family) -> None:
    found = draft(family, DEPTH)
    start = tuple(each for each in found.entries if each.index != family.at["run 1"])
    fails(family, msgspec.structs.replace(found, entries=start), "event-missing")
    (whole,) = found.streams
    cut = msgspec.structs.replace(whole, indices=whole.indices[:1])
    fails(family, msgspec.structs.replace(found, streams=(cut,), events=found.events[:1]), "history-count")
    fails(family, msgspec.structs.replace(found, streams=(), events=()), "stream-missing")
    # The times are those of headers, so the headers are part of the answer.
    headers = tuple(each for each in found.entries if each.index not in (family.at["depth 2"] - 1, family.at["depth 2"] + 1))
    fails(family, msgspec.structs.replace(found, entries=headers), "header-successor", step=8)
