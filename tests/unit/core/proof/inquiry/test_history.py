"""All events of a thing and no others: what makes up a thing, and what becomes of a file from which something was taken."""

from __future__ import annotations

import msgspec
import pytest

import family as told
from asking import ask, draft, fails
from family import Family
from muniment.core.proof.answer import Answer, Numbered
from muniment.core.proof.inquiry import HistoryFindings, HistoryQuestion


def without(found: Answer, index: int) -> Answer:
    """The answer as if an event had never been."""
    streams = []
    for whole in found.streams:
        kept = tuple(each for each in whole.indices if each != index)
        streams.append(msgspec.structs.replace(whole, indices=kept))
    events = tuple(each for each in found.events if each.index != index)
    return msgspec.structs.replace(found, streams=tuple(streams), events=events)


def test_a_model_is_its_stream_and_each_version(family: Family) -> None:
    verified = ask(family, HistoryQuestion(of="model/credit-risk"))
    findings = verified.result.findings
    assert isinstance(findings, HistoryFindings)
    streams = ["model/credit-risk", f"version/{told.V1}", f"version/{told.V2}"]
    assert [each.stream for each in findings.streams] == streams
    indices = {index for whole in verified.streams for index in whole.indices}
    assert findings.count == len(indices) == len(verified.said)
    assert {family.at[each] for each in ("version 1", "version 2", "start", "depth 1", "incident")} <= indices
    assert verified.result.statuses == ("complete",)


@pytest.mark.parametrize(
    ("thing", "streams"),
    [
        ("dataset/loans", ["dataset/loans", f"data/{told.RAW}"]),
        ("actor/ada", ["actor/ada", "acts/ada", "attempts/ada"]),
        (f"version/{told.V1}", [f"version/{told.V1}"]),
        (told.PLACE, [told.PLACE]),
        ("policy", ["policy"]),
        ("model/none", ["model/none"]),
    ],
)
def test_what_makes_up_a_thing(family: Family, thing: str, streams: list[str]) -> None:
    verified = ask(family, HistoryQuestion(of=thing))
    findings = verified.result.findings
    assert isinstance(findings, HistoryFindings)
    assert [each.stream for each in findings.streams] == streams
    assert verified.result.statuses == ("absent" if thing == "model/none" else "complete",)
    for span, whole in zip(sorted(findings.streams, key=lambda span: span.stream), verified.streams, strict=False):
        assert (span.stream, span.count, span.first, span.last) == (
            whole.stream,
            len(whole.indices),
            whole.indices[0],
            whole.indices[-1],
        )


def test_an_event_that_was_left_out_is_missed(family: Family) -> None:
    found = draft(family, HistoryQuestion(of=told.PLACE))
    fails(family, without(found, family.at["threshold"]), "history-count")
    fails(family, without(found, family.at["start"]), "history-count")
    fails(family, msgspec.structs.replace(found, events=found.events[:-1]), "event-missing")


def test_a_stream_that_was_left_out_is_missed(family: Family) -> None:
    found = draft(family, HistoryQuestion(of="model/credit-risk"))
    fails(family, msgspec.structs.replace(found, streams=found.streams[:-1], events=_bound(found, 2)), "stream-missing")
    fails(
        family,
        msgspec.structs.replace(found, states=tuple(each for each in found.states if told.V2 not in each.name)),
        "state-missing",
    )
    fails(family, msgspec.structs.replace(found, streams=(), events=()), "stream-missing")


def _bound(found: Answer, count: int) -> tuple[Numbered, ...]:
    indices = {index for whole in found.streams[:count] for index in whole.indices}
    return tuple(each for each in found.events if each.index in indices)


def test_nothing_comes_in_that_nobody_asked_for(family: Family) -> None:
    found, other = draft(family, HistoryQuestion(of=told.PLACE)), draft(family, HistoryQuestion(of=f"version/{told.V4}"))
    both = sorted((*found.events, *other.events), key=lambda each: each.index)
    states = {each.name: each for each in (*other.states, *found.states)}
    wider = msgspec.structs.replace(
        found, streams=(*found.streams, *other.streams), events=tuple(both), states=tuple(states[name] for name in sorted(states))
    )
    fails(family, wider, "stream-unasked")
    fails(family, msgspec.structs.replace(wider, streams=found.streams), "event-unbound")


def test_events_in_another_order_or_of_another_stream(family: Family) -> None:
    found = draft(family, HistoryQuestion(of=told.PLACE))
    (whole,) = found.streams
    shifted = msgspec.structs.replace(whole, indices=(whole.indices[0], family.at["incident"]))
    moved = Numbered(entry=found.events[-1].entry, index=family.at["incident"])
    fails(family, msgspec.structs.replace(found, streams=(shifted,), events=(found.events[0], moved)), "history-order")
    swapped = Numbered(entry=found.events[0].entry, index=found.events[1].index)
    fails(family, msgspec.structs.replace(found, events=(found.events[0], swapped)), "history-head")


def test_claimed_findings_are_compared(family: Family) -> None:
    found = draft(family, HistoryQuestion(of=told.PLACE))
    findings = found.result.findings
    assert isinstance(findings, HistoryFindings)
    more = msgspec.structs.replace(findings, count=findings.count + 1)
    fails(family, msgspec.structs.replace(found, result=msgspec.structs.replace(found.result, findings=more)), "findings")
    none = msgspec.structs.replace(found.result, findings=msgspec.UNSET)
    fails(family, msgspec.structs.replace(found, result=none), "findings")
    absent = msgspec.structs.replace(found.result, statuses=("absent",))
    fails(family, msgspec.structs.replace(found, result=absent), "result")
