"""Every numbered step of verification, each with what an attacker or a lying operator would try, and the step that stops it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import makers
import proving
from muniment.core.format import dsse, merkle, state_map, statement
from muniment.core.proof import answer, evidence, receipt, verify
from muniment.core.proof.answer import UNSET, Answer, AtQuestion, EntryQuestion, Opened, Result
from muniment.core.proof.evidence import Pin, SplitView
from muniment.core.proof.inquiry import HistoryQuestion
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import Verified
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger import prover
from muniment.ledger.engine import View

NOW = "2026-11-23T12:05:00.000000Z"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> proving.Story:
    return proving.Story(Path(tmp_path_factory.mktemp("steps")) / "ledger.db")


@pytest.fixture
def view(story: proving.Story) -> Iterator[View]:
    with story.life.engine.view() as opened:
        yield opened


def fails(raw: bytes, trust: Trust, step: int, code: str, **terms: object) -> VerificationError:
    """Verification must fail at this step with this code, in a sentence for people."""
    with pytest.raises(VerificationError) as caught:
        verify.verify_answer(raw, trust, **terms)  # type: ignore[arg-type]
    assert (caught.value.step, caught.value.code) == (step, code), str(caught.value)
    assert str(caught.value)
    assert caught.value.hint
    return caught.value


def holds(found: Answer, story: proving.Story, **terms: object) -> Verified:
    return verify.verify_answer(answer.encode(found), story.trust, **terms)  # type: ignore[arg-type]


class TestHonestAnswers:
    def test_an_event(self, story: proving.Story, view: View) -> None:
        found = holds(prover.prove_entry(view, story.start, files=proving.FILES), story, subject=proving.FILES)
        said = {each.index: each for each in found.said}
        assert said.keys() == {story.approval, story.start}
        assert (said[story.start].event, said[story.start].actor) == ("deployment.changed", "ada")
        assert said[story.start].block == verify.Block(height=4, time=story.times[story.start], index=story.start + 1)
        assert found.result == Result(height=4, statuses=("recorded",), grade="declared")
        assert found.subject is not UNSET
        assert (found.subject.thing.name, found.subject.compared) == ("credit-risk@1", True)
        assert (found.ground.tier, found.ground.basis, found.ground.pin, found.current) == ("solo", "asserted", UNSET, False)

    def test_a_header(self, story: proving.Story, view: View) -> None:
        for index in (0, view.size - 1):
            assert holds(prover.prove_entry(view, index), story).result.statuses == ("recorded",)

    def test_a_new_ledger(self, tmp_path: Path) -> None:
        life = makers.found(tmp_path / "new.db")
        trust = Trust(makers.ORIGIN, life.ledger, (makers.VERIFIER,))
        with life.engine.view() as opened:
            found = prover.prove_state(opened, ["actor/ada", "actor/nobody"])
            assert verify.verify_answer(answer.encode(found), trust).result.statuses == ("present", "absent")

    def test_presence_and_absence(self, story: proving.Story, view: View) -> None:
        found = holds(prover.prove_state(view, ["model/none", proving.PLACE]), story)
        assert found.result.statuses == ("present", "absent")

    @pytest.mark.parametrize("stream", [proving.PLACE, f"version/{proving.V1}", "acts/ada", "policy", "actor/ada"])
    def test_a_complete_stream(self, story: proving.Story, view: View, stream: str) -> None:
        found = holds(prover.prove_inquiry(view, HistoryQuestion(of=stream)), story)
        record = state_map.decode_record(view.record(stream) or b"")
        whole = next(each for each in found.streams if each.stream == stream)
        assert (found.result.statuses, len(whole.indices)) == (("complete",), record.count)

    def test_an_absent_stream_is_complete_too(self, story: proving.Story, view: View) -> None:
        assert holds(prover.prove_inquiry(view, HistoryQuestion(of="model/none")), story).result.statuses == ("absent",)

    @pytest.mark.parametrize(
        ("moment", "status", "version", "last"),
        [
            ("first", "absent", None, None),
            ("start", "earlier", proving.V1, "start"),
            ("second", "earlier", proving.V1, "start"),
            ("promote", "earlier", proving.V2, "promote"),
            ("scale", "earlier", proving.V2, "scale"),
            ("note", "earlier", proving.V2, "scale"),
            ("rollback", "unchanged", proving.V1, None),
        ],
    )
    def test_a_deployment_at_a_time(
        self, story: proving.Story, view: View, moment: str, status: str, version: str | None, last: str | None
    ) -> None:
        time = story.times[getattr(story, moment)]
        found = holds(prover.prove_at(view, proving.PLACE, time), story)
        assert found.result.statuses == (status,)
        assert (None if found.subject is UNSET else found.subject.thing.digest) == version
        assert found.moment is not UNSET
        assert found.moment.block.time == time
        assert (found.moment.next is UNSET) == (moment == "rollback")
        assert found.history[-1:] == (() if last is None else (getattr(story, last),))
        if version is not None:
            approved = {each.predicate["of"]["version"] for each in found.said if each.event == "approval.decided"}  # type: ignore[index,call-overload]
            assert approved == {version}

    def test_the_state_as_of_a_header_includes_its_own_changes(self, story: proving.Story, view: View) -> None:
        found = holds(prover.prove_at(view, "actor/ada", story.times[0]), story)
        assert found.result.statuses == ("unchanged",)

    def test_a_time_after_the_newest_header_is_not_answered(self, story: proving.Story, view: View) -> None:
        found = holds(prover.prove_at(view, proving.PLACE, "2030-01-01T00:00:00.000000Z"), story)
        assert found.moment is not UNSET
        assert found.moment.next is UNSET
        assert verify.tell(found)[0].startswith("In the latest sealed state, sealed at 2026-11-23T12:00:11.000000Z")


class TestStep1:
    def test_what_is_not_an_answer(self, story: proving.Story, view: View) -> None:
        raw = answer.encode(prover.prove_entry(view, 1))
        for bad in (b"", raw[:-2], raw.replace(b"urn:muniment", b"urn:mineral", 1), b"[" * 100_000 + b"\n"):
            with pytest.raises(InvalidInput):
                verify.verify_answer(bad, story.trust)

    def test_what_is_not_a_receipt(self, story: proving.Story, view: View) -> None:
        with pytest.raises(InvalidInput):
            verify.verify_answer(proving.replace(prover.prove_entry(view, 1), receipt="nothing"), story.trust)


class TestStep2:
    def test_another_origin(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, 1)
        note = receipt.parse(found.receipt)
        other = msgspec.structs.replace(note, checkpoint=proving.resign(note.checkpoint, origin="other.example"))
        fails(proving.replace(found, receipt=receipt.format(other)), story.trust, 2, "origin")

    def test_the_same_name_and_keys_over_another_genesis(self, story: proving.Story, tmp_path: Path) -> None:
        rewritten = makers.found(tmp_path / "again.db", makers.StepClock(makers.NOON + 1)).grow(5)
        with rewritten.engine.view() as opened:
            raw = answer.encode(prover.prove_entry(opened, 1))
        assert "rewritten" in fails(raw, story.trust, 2, "genesis").hint


class TestStep3:
    def test_a_checkpoint_by_another_key(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, 1)
        note = receipt.parse(found.receipt)
        forged = msgspec.structs.replace(note, checkpoint=proving.resign(note.checkpoint, makers.BOB))
        fails(proving.replace(found, receipt=receipt.format(forged)), story.trust, 3, "log-key-unknown")

    def test_a_changed_checkpoint(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, 1)
        text = found.receipt.replace(f"\n{view.size}\n", f"\n{view.size + 1}\n")
        fails(proving.replace(found, receipt=text), story.trust, 3, "log-signature")


class TestStep4:
    def test_tiers(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, 1)
        voters = proving.witnessed(story.trust, [("alpha", "Alpha", "voted"), ("beta", "Beta", "voted")], 2)
        seen = proving.witnessed(story.trust, [("alpha", "Alpha", "replayed"), ("beta", "Beta", "replayed")], 2)
        raw = answer.encode(proving.cosign_answer(found, "alpha", "beta"))
        assert verify.verify_answer(raw, voters).ground.tier == "consortium"
        witnessed = verify.verify_answer(raw, seen).ground
        assert (witnessed.tier, witnessed.basis, witnessed.basis_by) == ("witnessed", "replayed-by", ("Alpha", "Beta"))
        assert verify.verify_answer(raw, story.trust).ground.tier == "solo"

    def test_cosignatures_that_were_taken_off(self, story: proving.Story, view: View) -> None:
        trust = proving.witnessed(story.trust, [("alpha", "Alpha", "voted"), ("beta", "Beta", "voted")], 2)
        raw = answer.encode(proving.cosign_answer(prover.prove_entry(view, 1), "alpha"))
        fails(raw, trust, 4, "quorum")
        assert verify.verify_answer(raw, trust, tier="solo").ground.tier == "solo"

    def test_a_cosignature_of_something_else(self, story: proving.Story, view: View) -> None:
        trust = proving.witnessed(story.trust, [("alpha", "Alpha", "voted")], 1)
        found = proving.cosign_answer(prover.prove_entry(view, 1), "alpha")
        note = receipt.parse(found.receipt)
        other = proving.cosign(proving.resign(note.checkpoint, size=9), "alpha").split(b"\n")[-2]
        mixed = b"\n".join((*note.checkpoint.split(b"\n")[:-2], other, b""))
        text = receipt.format(msgspec.structs.replace(note, checkpoint=mixed))
        fails(proving.replace(found, receipt=text), trust, 4, "cosignature")


class TestStep5:
    def pin(self, story: proving.Story, found: Answer) -> Pin:
        checkpoint = receipt.parse(found.receipt).checkpoint
        head = verify.answer.open_ground(checkpoint, story.trust, verify.answer.Terms())[0]
        return evidence.pin(head)

    def test_the_same_and_another_history(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, 1)
        pin = self.pin(story, found)
        assert holds(found, story, pin=pin).ground.pin == "same"
        other = msgspec.structs.replace(pin, root="0" * 64)
        with pytest.raises(SplitView) as caught:
            holds(found, story, pin=other)
        assert caught.value.step == 5

    def test_older_and_newer(self, tmp_path: Path) -> None:
        story = proving.Story(tmp_path / "ledger.db")
        with story.life.engine.view() as opened:
            old = prover.prove_entry(opened, 1)
        story.life.grow(30)
        with story.life.engine.view() as opened:
            new = prover.prove_entry(opened, 1)
            before, after = self.pin(story, old), self.pin(story, new)
            assert holds(new, story, pin=before, consistency=opened.consistency).ground.pin == "newer"
            aged = holds(old, story, pin=after, consistency=opened.consistency, now=NOW, max_age=10_000)
            assert (aged.ground.pin, aged.current) == ("older", False)
            fails(answer.encode(new), story.trust, 5, "consistency-missing", pin=before)
            with pytest.raises(SplitView):
                holds(new, story, pin=msgspec.structs.replace(before, root="0" * 64), consistency=opened.consistency)


class TestStep6:
    def test_ages(self, story: proving.Story, view: View) -> None:
        raw = answer.encode(prover.prove_entry(view, 1))
        assert verify.verify_answer(raw, story.trust, now=NOW, max_age=300).current
        fails(raw, story.trust, 6, "stale", now=NOW, max_age=200)
        fails(raw, story.trust, 6, "clock", now="2026-11-23T11:00:00.000000Z", max_age=300)
        for terms in ({"max_age": 300}, {"now": NOW, "max_age": -1}, {"now": "noon", "max_age": 1}):
            with pytest.raises(InvalidInput):
                verify.verify_answer(raw, story.trust, **terms)  # type: ignore[arg-type]

    def test_outside_clocks_count_where_there_are_any(self, story: proving.Story, view: View) -> None:
        trust = proving.witnessed(story.trust, [("alpha", "Alpha", "append-only")], 1)
        late = answer.encode(proving.cosign_answer(prover.prove_entry(view, 1), "alpha", time=proving.WITNESSED_AT + 86_400))
        found = verify.verify_answer(late, trust, now="2026-11-24T12:05:00.000000Z", max_age=300)
        assert found.clocks[0].whose.startswith("a quorum of 1")
        absurd = answer.encode(proving.cosign_answer(prover.prove_entry(view, 1), "alpha", time=2**62))
        fails(absurd, trust, 6, "clock")


class TestStep7:
    def test_another_entry_in_its_place(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, story.start)
        first, *rest = found.entries
        swapped = (msgspec.structs.replace(first, entry=view.entry(1)), *rest)
        fails(proving.replace(found, entries=swapped), story.trust, 7, "inclusion-root")

    def test_a_receipt_of_another_entry(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, story.start)
        other = prover.prove_receipt(view, 1)
        fails(proving.replace(found, receipt=receipt.format(other)), story.trust, 7, "receipt-index")
        bent = msgspec.structs.replace(receipt.parse(found.receipt), proof=other.proof)
        fails(proving.replace(found, receipt=receipt.format(bent)), story.trust, 7, "receipt-proof")

    def test_an_entry_that_is_left_out(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, story.start)
        kept = tuple(each for each in found.entries if each.index != story.start)
        fails(proving.replace(found, entries=kept), story.trust, 7, "entry-missing")

    def test_an_index_outside_the_tree(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, 1)
        *rest, last = found.entries
        outside = (*rest, msgspec.structs.replace(last, index=view.size))
        fails(proving.replace(found, entries=outside), story.trust, 7, "inclusion-index")


class TestStep8:
    def test_a_checkpoint_that_does_not_end_at_a_header(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, story.start)
        fails(proving.replace(found, entries=found.entries[:-1]), story.trust, 8, "header-last")
        last = view.size - 1
        raw = proving.forge(found, view, entries={last: view.entry(1)})
        fails(raw, story.trust, 8, "header-last")

    @pytest.mark.parametrize(
        ("header", "code"), [({"root": "0" * 64}, "header-root"), ({"size": 3}, "header-index"), ({"size": 0}, "header-form")]
    )
    def test_a_header_that_does_not_fit_the_tree(
        self, story: proving.Story, view: View, header: dict[str, object], code: str
    ) -> None:
        fails(proving.forge(prover.prove_entry(view, 1), view, header=header), story.trust, 8, code)

    def test_a_successor_that_is_left_out_or_not_adjacent(self, story: proving.Story, view: View) -> None:
        found = prover.prove_at(view, proving.PLACE, story.times[story.data])
        header, successor, *rest = found.entries
        fails(proving.replace(found, entries=(header, *rest)), story.trust, 8, "header-successor")
        later = next(each for each in prover.prove_at(view, proving.PLACE, story.times[story.second]).entries if each.index > 10)
        fails(proving.replace(found, entries=(header, later, *rest)), story.trust, 8, "header-successor")
        fails(proving.replace(found, entries=(successor, *rest)), story.trust, 8, "header-time")

    def test_a_header_that_names_another_one_before(self, story: proving.Story, view: View) -> None:
        found = prover.prove_at(view, proving.PLACE, story.times[story.note])
        fails(proving.forge(found, view, header={"previous": "1" * 64}), story.trust, 8, "header-successor")

    def test_an_answer_for_a_later_time(self, story: proving.Story, view: View) -> None:
        found = prover.prove_at(view, proving.PLACE, story.times[story.data])
        later = AtQuestion(stream=proving.PLACE, time=story.times[story.approval])
        fails(proving.replace(found, question=later), story.trust, 8, "header-successor")

    def test_a_block_that_is_not_shown(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, story.start)
        without = tuple(each for each in found.entries if each.index != story.start - 1)
        fails(proving.replace(found, entries=without), story.trust, 8, "header-successor")


class TestStep9:
    def test_a_signature_that_does_not_hold(self, story: proving.Story, view: View) -> None:
        envelope = dsse.decode(view.entry(1))
        forged = dsse.encode(msgspec.structs.replace(envelope, signature=b"\0" * 64))
        fails(proving.forge(prover.prove_entry(view, 1), view, entries={1: forged}), story.trust, 9, "signature")

    def test_an_event_of_another_ledger(self, story: proving.Story, view: View) -> None:
        foreign = makers.sign("f" * 64, "system.registered", name="s", operatorRole="provider")
        error = fails(proving.forge(prover.prove_entry(view, 1), view, entries={1: foreign}), story.trust, 9, "ledger")
        assert "another ledger" in str(error)

    @pytest.mark.parametrize("payload", [b"{}", b'{"predicate":{}}', b'{"_type":"https://in-toto.io/Statement/v1","predicate":1}'])
    def test_what_is_no_event(self, story: proving.Story, view: View, payload: bytes) -> None:
        forged = dsse.encode(dsse.sign(payload, makers.ADA))
        fails(proving.forge(prover.prove_entry(view, 1), view, entries={1: forged}), story.trust, 9, "event-form")

    def test_what_is_no_envelope(self, story: proving.Story, view: View) -> None:
        fails(proving.forge(prover.prove_entry(view, 1), view, entries={1: b'{"payload":1}'}), story.trust, 9, "entry-form")

    def test_an_event_that_this_release_does_not_know_is_shown_raw(self, story: proving.Story, view: View) -> None:
        known = dsse.open(dsse.decode(view.entry(1)))
        later = dsse.encode(dsse.sign(known.replace(b"dataset.registered", b"dataset.recoloured"), makers.ADA))
        raw = proving.forge(prover.prove_entry(view, 1), view, entries={1: later})
        found = verify.verify_answer(raw, story.trust)
        assert (found.said[0].known, found.said[0].event) == (False, "dataset.recoloured")
        assert any("does not know" in sentence for sentence in verify.tell(found))


class TestStep10:
    KEY = f"key/{makers.ADA.public_key.hex()}"

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"actor": "bob"}, "key-actor"),
            ({"since": 12}, "key-early"),
            ({"until": 0}, "key-ended"),
            ({"expires": "2026-11-23T12:00:00.000000Z"}, "key-expired"),
        ],
    )
    def test_a_key_that_could_not_have_signed(self, story: proving.Story, view: View, change: dict[str, object], code: str) -> None:
        record = proving.edit_record(view, self.KEY, **change)
        fails(proving.forge(prover.prove_entry(view, 1), view, records={self.KEY: record}), story.trust, 10, code)

    @pytest.mark.parametrize(("stream", "code"), [(KEY, "key-unknown"), ("actor/ada", "actor-unknown")])
    def test_nobody_that_the_ledger_knows(self, story: proving.Story, view: View, stream: str, code: str) -> None:
        fails(proving.forge(prover.prove_entry(view, 1), view, records={stream: None}), story.trust, 10, code)

    def test_standing_that_is_not_shown(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, 1)
        for stream in (self.KEY, "actor/ada"):
            states = tuple(each for each in found.states if each.name != stream)
            fails(proving.replace(found, states=states), story.trust, 10, "signer-missing")

    @pytest.mark.parametrize(
        ("change", "standing", "sentence"),
        [
            ({}, "in-force", "in force"),
            ({"until": 9}, "ended", "ended at entry 9"),
            ({"until": 9, "disputedFrom": 5}, "ended", "ended at entry 9"),
            ({"until": 9, "disputedFrom": 1}, "disputed", "disputed since entry 1"),
        ],
    )
    def test_admission_is_final_and_disputes_are_said(
        self, story: proving.Story, view: View, change: dict[str, object], standing: str, sentence: str
    ) -> None:
        record = proving.edit_record(view, self.KEY, **change)
        raw = proving.forge(prover.prove_entry(view, 1), view, records={self.KEY: record})
        found = verify.verify_answer(raw, story.trust)
        signer = found.said[0].signer
        assert signer is not UNSET
        assert signer.standing == standing
        assert any(sentence in each for each in verify.tell(found))


class TestStep11:
    def test_a_forged_presence(self, story: proving.Story, view: View) -> None:
        found = prover.prove_state(view, ["model/none", proving.PLACE])
        forged = tuple(
            msgspec.structs.replace(each, other=UNSET, value=msgspec.Raw(view.record(proving.PLACE) or b""))
            if each.name == "model/none"
            else each
            for each in found.states
        )
        fails(proving.replace(found, states=forged), story.trust, 11, "state-root")

    def test_a_forged_absence(self, story: proving.Story, view: View) -> None:
        found = prover.prove_state(view, [proving.PLACE])
        absent = view.prove_state("model/none")
        forged = tuple(
            msgspec.structs.replace(absent, name=each.name) if each.name == proving.PLACE else each for each in found.states
        )
        with pytest.raises(VerificationError) as caught:
            verify.verify_answer(proving.replace(found, states=forged), story.trust)
        assert caught.value.step == 11

    def test_a_state_of_an_earlier_block(self, tmp_path: Path) -> None:
        story = proving.Story(tmp_path / "ledger.db")
        with story.life.engine.view() as opened:
            stale = prover.prove_state(opened, [proving.PLACE])
        story.say("system.registered", name="late", operatorRole="provider")
        with story.life.engine.view() as opened:
            fresh = prover.prove_state(opened, [proving.PLACE])
        fails(proving.replace(fresh, states=stale.states), story.trust, 11, "state-root")

    def test_a_record_from_the_future_or_of_no_form(self, story: proving.Story, view: View) -> None:
        found = prover.prove_state(view, [proving.PLACE])
        record = state_map.decode_record(view.record(proving.PLACE) or b"")
        late = state_map.encode_record(msgspec.structs.replace(record, last=view.size))
        fails(proving.forge(found, view, records={proving.PLACE: late}), story.trust, 11, "state-future")
        odd = proving.edit_record(view, proving.PLACE, colour="blue")
        fails(proving.forge(found, view, records={proving.PLACE: odd}), story.trust, 11, "state-record")
        fails(proving.forge(found, view, records={proving.PLACE: b'{"count":1}'}), story.trust, 11, "state-record")

    def test_a_stream_that_is_not_shown(self, story: proving.Story, view: View) -> None:
        found = prover.prove_state(view, ["model/none", proving.PLACE])
        states = tuple(each for each in found.states if each.name != "model/none")
        fails(proving.replace(found, states=states), story.trust, 11, "state-missing")

    def test_a_result_that_does_not_follow(self, story: proving.Story, view: View) -> None:
        found = prover.prove_state(view, ["model/none"])
        for result in (Result(height=10, statuses=("present",)), Result(height=9, statuses=("absent",))):
            fails(proving.replace(found, result=result), story.trust, 11, "result")

    def test_a_genesis_that_is_not_the_one_in_the_ledger(self, story: proving.Story, view: View) -> None:
        found = prover.prove_inquiry(view, HistoryQuestion(of="policy"))
        state = view.header(0).state
        # What the stream folds leaves out the state: the inclusion of the genesis binds it.
        other = msgspec.structs.replace(found.entries[0], entry=view.entry(0).replace(state.encode(), b"0" * 64))
        fails(proving.replace(found, entries=(other, *found.entries[1:])), story.trust, 7, "inclusion-root")

    def test_a_history_that_nobody_asked_for(self, story: proving.Story, view: View) -> None:
        history = prover.prove_at(view, proving.PLACE, story.times[story.scale]).history
        for found in (
            prover.prove_state(view, [proving.PLACE]),
            prover.prove_entry(view, story.start),
            prover.prove_at(view, proving.PLACE, story.times[story.rollback]),
            prover.prove_at(view, proving.PLACE, story.times[story.data]),
        ):
            fails(proving.replace(found, history=history), story.trust, 11, "history-unasked")

    def test_a_past_that_is_not_the_past(self, story: proving.Story, view: View) -> None:
        found = prover.prove_at(view, proving.PLACE, story.times[story.scale])
        history = found.history
        assert history is not UNSET
        promote, scale = history.events
        hidden = msgspec.structs.replace(
            history,
            events=(promote,),
            later=(answer.Link(index=scale.index, leaf=merkle.leaf(scale.entry).hex()), *history.later),
        )
        fails(proving.replace(found, history=hidden), story.trust, 11, "history-bound")
        headless = msgspec.structs.replace(history, before="0" * 64)
        fails(proving.replace(found, history=headless), story.trust, 11, "history-head")
        fails(proving.replace(found, history=UNSET), story.trust, 11, "history-missing")
        beginning = msgspec.structs.replace(history, before=UNSET)
        fails(proving.replace(found, history=beginning), story.trust, 11, "history-head")

    def test_a_past_that_begins_where_nothing_whole_was_set(self, story: proving.Story, view: View) -> None:
        found = prover.prove_at(view, proving.PLACE, story.times[story.scale])
        history = found.history
        assert history is not UNSET
        promote, scale = history.events
        start = merkle.leaf(view.entry(story.start))
        head = state_map.fold(state_map.key(proving.PLACE), story.start, start)
        before = state_map.fold(head, promote.index, merkle.leaf(promote.entry))
        cut = msgspec.structs.replace(history, before=before.hex(), events=(scale,))
        fails(proving.replace(found, history=cut), story.trust, 11, "history-whole")

    def test_another_stream_is_handed_over_whole(self, story: proving.Story, view: View) -> None:
        found = prover.prove_at(view, "model/credit-risk", story.times[story.first])
        history = found.history
        assert history is not UNSET
        assert history.before is UNSET
        key = state_map.key("model/credit-risk").hex()
        fails(proving.replace(found, history=msgspec.structs.replace(history, before=key)), story.trust, 11, "history-start")


class TestStep12:
    def test_a_changed_file_is_named(self, story: proving.Story, view: View) -> None:
        raw = answer.encode(prover.prove_entry(view, story.start, files=proving.FILES))
        error = fails(raw, story.trust, 12, "subject", subject=proving.other_files())
        assert "config.json changed (1 of 2 files); weights identical" in str(error)
        assert error.details["changed"] == ["config.json"]

    def test_without_the_list_only_the_difference_is_known(self, story: proving.Story, view: View) -> None:
        raw = answer.encode(prover.prove_entry(view, story.start))
        assert "manifest" in fails(raw, story.trust, 12, "subject", subject=proving.other_files()).hint
        assert holds(prover.prove_entry(view, story.start), story, subject=proving.FILES).subject

    def test_an_answer_that_is_about_no_files(self, story: proving.Story, view: View) -> None:
        raw = answer.encode(prover.prove_state(view, ["policy"]))
        fails(raw, story.trust, 12, "subject", subject=proving.FILES)

    def test_the_list_of_other_files(self, story: proving.Story, view: View) -> None:
        fails(answer.encode(prover.prove_entry(view, story.start, files=proving.other_files())), story.trust, 12, "manifest")

    def test_a_sealed_text(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, story.note, disclose=proving.opening)
        assert holds(found, story).said[0].sealed[0].value == proving.REASON
        assert holds(prover.prove_entry(view, story.note), story).said[0].sealed[0].value is UNSET
        opened = found.disclosures[0]
        changed = msgspec.structs.replace(opened, value="the second review found a great deal")
        fails(proving.replace(found, disclosures=(changed,)), story.trust, 12, "disclosure")
        elsewhere = prover.prove_entry(view, 1)
        fails(proving.replace(elsewhere, disclosures=(opened,)), story.trust, 12, "disclosure")
        assert isinstance(opened, Opened)

    def test_a_text_that_is_not_the_one_whose_digest_was_signed(self, tmp_path: Path) -> None:
        story, salt = proving.Story(tmp_path / "ledger.db"), b"p" * 16
        digest = hashlib.sha256(b"be nice").hexdigest()
        for number, value in enumerate(("be nice", "rm -rf everything", 7)):
            sealed = statement.seal(value, salt)
            new = {**msgspec.to_builtins(sealed), "digest": digest}
            of = {"version": proving.V1}
            index = story.say("parameter.changed", of=of, target="prompt", path=f"system{number}", new=new)
            shown = statement.disclose(value, salt)
            with story.life.engine.view() as view:
                found = prover.prove_entry(view, index, disclose={sealed: shown}.get)
            assert found.disclosures[0].value == value
            if value == "be nice":
                assert holds(found, story).said[0].sealed[0].value == value
            else:
                fails(answer.encode(found), story.trust, 12, "disclosure")


class TestStep13:
    def test_a_better_grade_than_was_signed(self, story: proving.Story, view: View) -> None:
        found = prover.prove_entry(view, story.data)
        assert found.result.grade == "observed"
        for grade in ("attested", "declared", UNSET):
            result = msgspec.structs.replace(found.result, grade=grade)
            fails(proving.replace(found, result=result), story.trust, 13, "grade")


class TestReceipts:
    def test_with_entry_leaf_or_neither(self, story: proving.Story, view: View) -> None:
        text = receipt.format(prover.prove_receipt(view, story.start))
        raw = view.entry(story.start)
        whole = verify.verify_receipt(text, story.trust, entry=raw)
        assert whole.said is not UNSET
        assert (whole.included, whole.said.event, whole.said.signer) == (True, "deployment.changed", UNSET)
        assert verify.verify_receipt(text, story.trust, leaf=merkle.leaf(raw)).included
        bare = verify.verify_receipt(text, story.trust)
        assert (bare.included, bare.said) == (False, UNSET)
        assert "was not checked" in verify.tell_receipt(bare)[0]

    def test_a_header(self, story: proving.Story, view: View) -> None:
        text = receipt.format(prover.prove_receipt(view, 2))
        found = verify.verify_receipt(text, story.trust, entry=view.entry(2))
        assert found.header == verify.Block(height=1, time=story.times[1], index=2)

    def test_another_entry(self, story: proving.Story, view: View) -> None:
        text = receipt.format(prover.prove_receipt(view, story.start))
        for terms in ({"entry": view.entry(1)}, {"leaf": b"x" * 32}):
            with pytest.raises(VerificationError) as caught:
                verify.verify_receipt(text, story.trust, **terms)  # type: ignore[arg-type]
            assert (caught.value.step, caught.value.code) == (7, "inclusion-root")
        with pytest.raises(InvalidInput):
            verify.verify_receipt(text, story.trust, entry=view.entry(1), leaf=b"x" * 32)
        outside = text.replace(f"index {story.start}\n", f"index {view.size}\n")
        with pytest.raises(VerificationError) as caught:
            verify.verify_receipt(outside, story.trust)
        assert (caught.value.step, caught.value.code) == (7, "inclusion-index")

    def test_an_event_of_another_ledger(self, story: proving.Story, tmp_path: Path) -> None:
        other = makers.found(tmp_path / "other.db", makers.StepClock(makers.NOON + 1)).grow(3)
        with other.engine.view() as opened:
            text, raw = receipt.format(prover.prove_receipt(opened, 1)), opened.entry(1)
        with pytest.raises(VerificationError) as caught:
            verify.verify_receipt(text, story.trust, entry=raw)
        assert (caught.value.step, caught.value.code) == (9, "ledger")

    def test_age(self, story: proving.Story, view: View) -> None:
        trust = proving.witnessed(story.trust, [("alpha", "Alpha", "append-only")], 1)
        found = prover.prove_receipt(view, 1)
        solo = receipt.format(found)
        seen = receipt.format(msgspec.structs.replace(found, checkpoint=proving.cosign(found.checkpoint, "alpha")))
        with pytest.raises(VerificationError) as caught:
            verify.verify_receipt(solo, story.trust, now=NOW, max_age=300)
        assert (caught.value.step, caught.value.code) == (6, "stale")
        assert verify.verify_receipt(seen, trust, now=NOW, max_age=300).clocks


def test_an_entry_question_about_another_entry(story: proving.Story, view: View) -> None:
    found = prover.prove_entry(view, story.start)
    fails(proving.replace(found, question=EntryQuestion(index=story.approval)), story.trust, 7, "receipt-index")
