"""The prover: what it puts into an answer, from which reads, and what it says when there is nothing to prove."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import proving
from muniment.core.format import state_map
from muniment.core.format.state_map import Record
from muniment.core.proof import answer, verify
from muniment.core.proof.answer import UNSET
from muniment.core.proof.inquiry import HistoryQuestion
from muniment.errors import CorruptStore, InvalidInput, NotFound
from muniment.ledger import prover
from muniment.ledger.engine import View
from muniment.ledger.prover import stream


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> proving.Story:
    return proving.Story(Path(tmp_path_factory.mktemp("prover")) / "ledger.db")


@pytest.fixture
def view(story: proving.Story) -> Iterator[View]:
    with story.life.engine.view() as opened:
        yield opened


def record(view: View, stream: str) -> Record:
    return state_map.decode_record(view.record(stream) or b"")


def test_a_deployment_comes_with_its_approval_and_signers(story: proving.Story, view: View) -> None:
    found = prover.prove_entry(view, story.start)
    names = {each.name.partition("/")[0] for each in found.states}
    assert names == {"actor", "approval", "key", "version"}
    assert [each.index for each in found.entries] == [story.approval, story.start - 1, story.start, story.start + 1, view.size - 1]


def test_a_decision_comes_with_what_became_of_it(tmp_path: Path) -> None:
    story = proving.Story(tmp_path / "ledger.db")
    approval = story.approvals[0]
    of = {"version": proving.V1, "environment": "production"}
    revocation = story.say("approval.decided", of=of, decision="revoke", revokes=approval, meaning="approval")
    for index in (story.approval, revocation):
        with story.life.engine.view() as view:
            raw = answer.encode(prover.prove_entry(view, index))
        assert f"approval/{approval} is revoked now." in verify.tell(verify.verify_answer(raw, story.trust))


def test_only_what_the_caller_opens_is_opened(story: proving.Story, view: View) -> None:
    assert prover.prove_entry(view, story.note).disclosures == ()
    assert prover.prove_entry(view, story.note, disclose=lambda sealed: None).disclosures == ()
    (opened,) = prover.prove_entry(view, story.note, disclose=proving.opening).disclosures
    assert opened.value == proving.REASON


def test_streams_are_asked_once_and_in_order(view: View) -> None:
    found = prover.prove_state(view, ["protocol", "policy", "protocol"])
    assert isinstance(found.question, answer.StateQuestion)
    assert found.question.streams == ("policy", "protocol")


@pytest.mark.parametrize("hint", [(), (7, 13, 15, 19), (19, 7, 7, 15, 13, 2), (7, 13), (99,), (-1,)])
def test_a_stream_is_found_with_a_good_hint_a_bad_one_or_none(story: proving.Story, view: View, hint: tuple[int, ...]) -> None:
    found = prover.read_stream(view, proving.PLACE, record(view, proving.PLACE), hint)
    assert [index for index, _ in found] == [story.start, story.promote, story.scale, story.rollback]


def test_a_store_that_lost_an_event_is_named(view: View) -> None:
    false = msgspec.structs.replace(record(view, proving.PLACE), head="0" * 64)
    with pytest.raises(CorruptStore) as caught:
        prover.read_stream(view, proving.PLACE, false)
    assert caught.value.details["stream"] == proving.PLACE


def test_only_what_is_needed_of_a_past_is_handed_over(story: proving.Story, view: View) -> None:
    history = prover.prove_at(view, proving.PLACE, story.times[story.scale]).history
    assert history is not UNSET
    assert [each.index for each in history.events] == [story.promote, story.scale]
    assert [each.index for each in history.later] == [story.rollback]
    assert history.before is not UNSET


def test_what_is_not_there(view: View) -> None:
    with pytest.raises(NotFound):
        prover.prove_entry(view, view.size)
    with pytest.raises(NotFound):
        prover.prove_receipt(view, view.size)
    with pytest.raises(NotFound) as caught:
        prover.prove_at(view, "policy", "2020-01-01T00:00:00.000000Z")
    assert caught.value.code == "before-genesis"
    with pytest.raises(InvalidInput):
        answer.encode(prover.prove_state(view, ["nonsense"]))


def test_many_blocks_many_events(tmp_path: Path) -> None:
    story = proving.Story(tmp_path / "ledger.db")
    story.life.grow(700, 40)
    with story.life.engine.view() as view:
        for index in (0, 1, 100, 255, 256, 257, 512, 698, 699):
            raw = answer.encode(prover.prove_entry(view, index))
            assert verify.verify_answer(raw, story.trust).result.statuses == ("recorded",)
        complete = answer.encode(prover.prove_inquiry(view, HistoryQuestion(of="acts/ada")))
        found = verify.verify_answer(complete, story.trust)
        assert len(found.streams[0].indices) == record(view, "acts/ada").count > 600
        # Names of things are a courtesy that stops where it would make the file long.
        assert len(found.states) < 2 * prover.draft.MAX_NAMED


def test_what_came_after_the_index_looked_is_found(story: proving.Story, view: View) -> None:
    whole = [index for index, _ in prover.read_stream(view, proving.PLACE, record(view, proving.PLACE))]
    for known in range(len(whole) + 1):
        found = prover.read_stream(view, proving.PLACE, record(view, proving.PLACE), whole[:known])
        assert [index for index, _ in found] == whole


def test_a_question_has_a_limit(story: proving.Story, view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    question = HistoryQuestion(of="model/credit-risk")
    assert prover.prove_inquiry(view, question).streams
    for limit, number in (("MAX_EVENTS", 3), ("MAX_WHOLES", 2)):
        with monkeypatch.context() as patch:
            patch.setattr(f"muniment.ledger.prover.ground.{limit}", number)
            with pytest.raises(InvalidInput) as caught:
                prover.prove_inquiry(view, question)
        assert caught.value.code == "too-many-events"


def test_each_entry_is_opened_once(story: proving.Story, view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bytes] = []
    plain = stream.open_entry
    for module in ("ground", "draft", "stream"):
        monkeypatch.setattr(f"muniment.ledger.prover.{module}.open_entry", lambda raw: (opened.append(raw), plain(raw))[1])
    hints = {
        name: [index for index, raw in view.entries(0, view.size) if stream._touches(raw, name)]
        for name in ("model/credit-risk", f"version/{proving.V1}", f"version/{proving.V2}")
    }
    opened.clear()
    found = prover.prove_inquiry(view, HistoryQuestion(of="model/credit-risk"), hints=hints.__getitem__)
    assert len(opened) == len(set(opened)) == len(found.events)
