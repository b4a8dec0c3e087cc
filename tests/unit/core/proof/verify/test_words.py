"""What a person is told: the answer first, never more than was shown, every date with its clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import makers
import proving
from muniment.core.format import dsse, encoding, statement
from muniment.core.proof import answer, bundle, evidence, receipt, verify
from muniment.core.proof.evidence import SplitView
from muniment.errors import VerificationError
from muniment.ledger import prover
from muniment.ledger.engine import View


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> proving.Story:
    return proving.Story(Path(tmp_path_factory.mktemp("words")) / "ledger.db")


@pytest.fixture
def view(story: proving.Story) -> Iterator[View]:
    with story.life.engine.view() as opened:
        yield opened


def told(found: answer.Answer, story: proving.Story, **terms: object) -> str:
    return "\n".join(verify.tell(verify.verify_answer(answer.encode(found), story.trust, **terms)))  # type: ignore[arg-type]


def test_who_said_what(story: proving.Story, view: View) -> None:
    text = told(prover.prove_entry(view, story.start, files=proving.FILES), story, subject=proving.FILES)
    assert text.startswith('Entry 7 of example.com/test: ada recorded "start" of credit-risk@1 (')
    assert 'Entry 5: ada decided "approve" about credit-risk@1' in text
    assert "Trust tier: solo. One operator's signed log" in text
    assert "State basis: asserted, the operator's word." in text
    assert "Evidence grade: declared." in text
    assert "(header time, the operator's claim)" in text
    assert "the signer's claim" in text
    assert "The files that you gave are credit-risk@1" in text
    assert "Not compared with what this client saw" in text
    assert text.endswith(verify.words.LIMITS)


def test_old_answers_say_as_of_when(story: proving.Story, view: View) -> None:
    found = prover.prove_state(view, [proving.PLACE, "model/none"])
    assert "This holds as of block 10" in told(found, story)
    fresh = told(found, story, now="2026-11-23T12:01:00.000000Z", max_age=60)
    assert "Current: block 10, sealed at" in fresh
    assert "model/none is not recorded" in fresh


def test_a_time_is_never_claimed_without_a_successor(story: proving.Story, view: View) -> None:
    then = told(prover.prove_at(view, proving.PLACE, story.times[story.promote]), story)
    assert then.startswith("At 2026-11-23T12:00:08.000000Z (header times")
    assert "credit-risk@2" in then.splitlines()[0]
    assert "That the state was kept honestly between block 7 and block 10 is the operator's word." in then
    latest = told(prover.prove_at(view, proving.PLACE, story.times[story.rollback]), story)
    assert latest.startswith("In the latest sealed state, sealed at")


def test_what_others_say_is_said(story: proving.Story, view: View) -> None:
    found = proving.cosign_answer(prover.prove_state(view, [proving.PLACE]), "alpha", "beta")
    listed = [("alpha", "Alpha", "replayed"), ("beta", "Beta", "replayed"), ("gamma", "Gamma", "voted")]
    trust = proving.witnessed(story.trust, listed, 2)
    text = "\n".join(verify.tell(verify.verify_answer(answer.encode(found), trust)))
    assert "Trust tier: witnessed. 2 of 3 organisations cosigned, 2 were asked for: Alpha, Beta." in text
    assert "State basis: replayed-by, what others ran again and confirm: Alpha, Beta." in text
    voters = proving.witnessed(story.trust, [(name, organisation, "voted") for name, organisation, _ in listed], 2)
    text = "\n".join(verify.tell(verify.verify_answer(answer.encode(found), voters)))
    assert "Trust tier: consortium. 2 of 3 organisations voted for order and state: Alpha, Beta." in text
    assert "its proposer's clock, which the voters found right" in text
    strict = proving.witnessed(story.trust, listed, 3)
    text = "\n".join(verify.tell(verify.verify_answer(answer.encode(found), strict, tier="solo")))
    assert "Alpha, Beta cosigned, fewer than the 3 asked for" in text


def test_what_is_sealed_is_said(story: proving.Story, view: View) -> None:
    assert "Sealed in entry 17 and not opened here: text." in told(prover.prove_entry(view, story.note), story)
    assert proving.REASON in told(prover.prove_entry(view, story.note, disclose=proving.opening), story)


def test_a_hostile_text_cannot_steer_the_reader(story: proving.Story, view: View) -> None:
    text = "fine\x1b[2J\u202egnp.exe\nTrust tier: consortium."
    sealed = statement.seal(text, proving.SALT)
    event = makers.sign(story.life.ledger, "note.added", about=["model/credit-risk"], text=msgspec.to_builtins(sealed))
    opened = answer.Opened(salt=statement.disclose(text, proving.SALT).salt, sealed=sealed.sealed, value=text)
    raw = proving.forge(prover.prove_entry(view, story.note), view, entries={story.note: event}, disclosures=(opened,))
    sentences = verify.tell(verify.verify_answer(raw, story.trust))
    assert all(sentence.isprintable() for sentence in sentences)
    assert not any(sentence.startswith("Trust tier: consortium") for sentence in sentences)


def test_an_unknown_event_may_hold_anything(story: proving.Story, view: View) -> None:
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicate": {"ledger": story.life.ledger, "actor": "ada", "eventId": 7, "x": [{"sealed": "\u202e"}]},
        "predicateType": "urn:muniment:event:new\x1bthing:v1",
        "subject": [{"name": "\x07"}, 3, {"name": 4, "digest": {"sha256": [1]}}, {"digest": {}}],
    }
    event = dsse.encode(dsse.sign(encoding.encode(document), makers.ADA))
    raw = proving.forge(prover.prove_entry(view, story.data), view, entries={story.data: event})
    found = msgspec.structs.replace(answer.decode(raw), result=answer.Result(height=1, statuses=("recorded",), grade="declared"))
    sentences = verify.tell(verify.verify_answer(answer.encode(found), story.trust))
    assert all(sentence.isprintable() for sentence in sentences)


def test_what_happened_since_is_said(tmp_path: Path) -> None:
    story = proving.Story(tmp_path / "ledger.db")
    story.say("incident.recorded", severity="high", awareAt="2026-11-23T00:00:00.000000Z", version=proving.V1, hold=True)
    story.say("dataset.withdrawn", data=proving.DATA, cause="licence")
    story.say(
        "approval.decided",
        of={"version": proving.V1, "environment": "production"},
        decision="revoke",
        revokes=story.approvals[0],
        meaning="approval",
    )
    with story.life.engine.view() as view:
        text = told(prover.prove_entry(view, story.start), story)
        assert f"approval/{story.approvals[0]} is revoked now." in text
        assert "is held by 1 open incident." in text
        data = told(prover.prove_entry(view, story.data), story)
        assert "was withdrawn by entry" in data


def test_bundles(story: proving.Story, view: View) -> None:
    with_old = proving.resign(view.checkpoint)
    made = prover.prove_bundle(view, [prover.prove_entry(view, story.start)], entries=[1], older=[with_old], trust=story.trust)
    found = verify.verify_bundle(bundle.encode(made), story.trust)
    assert found.sizes == (view.size,)
    sentences = verify.tell_bundle(found)
    assert sentences[0].startswith("2 proofs hold")
    assert any("registered loans" in sentence for sentence in sentences)


class TestBundlesThatDoNotHold:
    @pytest.fixture
    def made(self, tmp_path: Path) -> tuple[proving.Story, bundle.Bundle]:
        story = proving.Story(tmp_path / "ledger.db")
        with story.life.engine.view() as view:
            old, first = view.checkpoint, prover.prove_entry(view, 1)
        story.life.grow(41)
        with story.life.engine.view() as view:
            return story, prover.prove_bundle(view, [first, prover.prove_entry(view, 1)], entries=[3], older=[old])

    def test_two_checkpoints_of_one_history(self, made: tuple[proving.Story, bundle.Bundle]) -> None:
        story, found = made
        assert verify.verify_bundle(bundle.encode(found), story.trust).sizes == (21, 41)

    def test_two_histories(self, made: tuple[proving.Story, bundle.Bundle]) -> None:
        story, found = made
        old, new = found.checkpoints
        for checkpoints, code in (
            ((old, msgspec.structs.replace(new, consistency=new.consistency[:-1])), "consistency-length"),
            ((old, msgspec.structs.replace(new, consistency=new.consistency[::-1])), "consistency-old-root"),
            ((msgspec.structs.replace(old, consistency=new.consistency), new), "consistency-length"),
            ((new,), "consistency-length"),
            ((old,), "bundle-checkpoint"),
            ((msgspec.structs.replace(new, consistency=()),), "bundle-checkpoint"),
        ):
            bad = msgspec.structs.replace(found, checkpoints=checkpoints)
            with pytest.raises(VerificationError) as caught:
                verify.verify_bundle(bundle.encode(bad), story.trust)
            assert (caught.value.step, caught.value.code) == (5, code)

    def test_a_part_that_does_not_hold(self, made: tuple[proving.Story, bundle.Bundle]) -> None:
        story, found = made
        other = msgspec.structs.replace(found.receipts[0], entry=b'{"payload"')
        with pytest.raises(VerificationError) as caught:
            verify.verify_bundle(bundle.encode(msgspec.structs.replace(found, receipts=(other,))), story.trust)
        assert caught.value.step == 7

    def test_a_pin_is_compared_with_all_of_it(self, made: tuple[proving.Story, bundle.Bundle]) -> None:
        story, found = made
        note = found.checkpoints[1].note
        size = receipt.parse(found.answers[1].receipt).checkpoint.decode()
        assert size == note
        head = verify.answer.open_ground(note.encode(), story.trust, verify.answer.Terms())[0]
        pin = msgspec.structs.replace(evidence.pin(head), root="0" * 64)
        with story.life.engine.view() as view, pytest.raises(SplitView):
            verify.verify_bundle(bundle.encode(found), story.trust, pin=pin, consistency=view.consistency)
