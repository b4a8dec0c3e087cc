"""What a deployment runs, ran last or ran then, and that nobody can strip an answer of what speaks against relying on it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

import makers
import proving
from muniment.core.format import time
from muniment.core.proof import answer, verify
from muniment.core.proof import trust as trusts
from muniment.core.proof.answer import UNSET, Answer
from muniment.errors import VerificationError
from muniment.ledger import prover
from second import verifier as second
from second.head import Failed
from second.head import Trust as Trusted

LATER = "2030-01-01T00:00:00.000000Z"
PLACE = proving.PLACE


@pytest.fixture
def story(tmp_path: Path) -> proving.Story:
    return proving.Story(tmp_path / "ledger.db")


def stop(story: proving.Story) -> int:
    place = {"environment": "production", "name": "credit-risk"}
    return story.say("deployment.changed", transition="stop", **place, version=proving.V1)


def at(story: proving.Story, moment: str) -> Answer:
    with story.life.engine.view() as view:
        return prover.prove_at(view, PLACE, moment)


def tell(found: Answer, story: proving.Story, **terms: object) -> tuple[str, ...]:
    second.verify(json.loads(answer.encode(found)), Trusted(trusts.format(story.trust)))
    return verify.tell(verify.verify_answer(answer.encode(found), story.trust, **terms))  # type: ignore[arg-type]


def fails(found: Answer, story: proving.Story, code: str) -> None:
    raw = answer.encode(found)
    with pytest.raises(VerificationError) as caught:
        verify.verify_answer(raw, story.trust)
    assert (caught.value.step, caught.value.code) == (11, code)
    with pytest.raises(Failed) as failed:
        second.verify(json.loads(raw), Trusted(trusts.format(story.trust)))
    assert (failed.value.step, failed.value.code) == (11, code)


def without(found: Answer, *names: str) -> Answer:
    return msgspec.structs.replace(found, states=tuple(each for each in found.states if not each.name.startswith(names)))


def test_where_something_runs_it_is_named(story: proving.Story) -> None:
    found = verify.verify_answer(answer.encode(at(story, LATER)), story.trust)
    assert found.serving == verify.Serving(
        running=True, since=story.rollback, version=verify.Thing(name="credit-risk@1", digest=proving.V1)
    )
    sentences = tell(at(story, LATER), story, subject=proving.FILES)
    assert f"{PLACE} was as it is now: credit-risk@1 (" in sentences[0]
    assert any(each.startswith("The files that you gave are credit-risk@1") and "stopped" not in each for each in sentences)


def test_nothing_runs_where_it_was_stopped(story: proving.Story) -> None:
    stopped = stop(story)
    sentences = tell(at(story, LATER), story, subject=proving.FILES)
    assert f"nothing ran in {PLACE}: entry {stopped} stopped it, and credit-risk@1 (" in sentences[0]
    assert sentences[0].endswith("ran there last. Nothing has been started there since.")
    assert any("which ran there last and was stopped, unchanged." in each for each in sentences)
    with story.life.engine.view() as view:
        then = view.header(view.height).time
    story.deploy("start", proving.V1)
    sentences = tell(at(story, then), story)
    assert f"nothing ran in {PLACE}: entry {stopped} stopped it" in sentences[0]
    assert sentences[0].endswith("ran there last. It has changed since.")


def test_the_record_of_a_deployment_says_what_it_runs(story: proving.Story) -> None:
    def state() -> str:
        with story.life.engine.view() as view:
            return tell(prover.prove_state(view, [PLACE]), story)[0]

    running = state()
    assert f"{PLACE} is recorded: it runs credit-risk@1 (" in running
    assert running.endswith(f") since entry {story.rollback}.")
    stopped = stop(story)
    assert f"is recorded: entry {stopped} stopped it, and credit-risk@1 (" in state()


def test_what_put_it_there_cannot_be_left_out(story: proving.Story) -> None:
    stop(story)
    found = at(story, LATER)
    fails(msgspec.structs.replace(found, entries=found.entries[-1:]), story, "event-missing")


def test_a_record_that_names_another_entry(story: proving.Story) -> None:
    found = at(story, LATER)
    with story.life.engine.view() as view:
        for change, code in (({"since": story.start}, "event-missing"), ({"status": "stopped"}, "event-kind")):
            raw = proving.forge(found, view, records={PLACE: proving.edit_record(view, PLACE, **change)})
            fails(answer.decode(raw), story, code)
        raw = proving.forge(found, view, records={PLACE: proving.edit_record(view, PLACE, since=story.approval)})
        fails(answer.decode(raw), story, "event-kind")


@pytest.mark.parametrize("past", [False, True])
def test_what_became_of_the_approvals_cannot_be_left_out(story: proving.Story, past: bool) -> None:
    key = makers.ADA.public_key.hex()
    then = time.format(time.parse(story.times[story.start]))
    story.say("key.changed", of="ada", change="compromise", key=key, fromIndex=story.approval)
    found = at(story, then if past else LATER)
    assert any("is disputed" in each for each in tell(found, story))
    fails(without(found, "approval/"), story, "state-missing")
    # Without the entry of the approval its key still belongs to the answer: it signed what the answer relies on.
    fails(without(found, "key/"), story, "state-missing")


def test_what_became_of_a_decision_cannot_be_left_out(story: proving.Story) -> None:
    of = {"version": proving.V1, "environment": "production"}
    revocation = story.say("approval.decided", of=of, decision="revoke", revokes=story.approvals[0], meaning="approval")
    with story.life.engine.view() as view:
        found = [prover.prove_entry(view, index) for index in (story.approval, story.start, revocation)]
    for each in found:
        assert f"approval/{story.approvals[0]} is revoked now." in tell(each, story)
        fails(without(each, "approval/"), story, "state-missing")


def test_a_header_relies_on_nothing(story: proving.Story) -> None:
    with story.life.engine.view() as view:
        found = verify.verify_answer(answer.encode(prover.prove_entry(view, 0)), story.trust)
    assert found.serving is UNSET
