"""The state map: one root for one set of records, and no false word about it that a reader would not notice.

Forgers here hold a whole true ledger and may lie about everything but the two things they cannot make: the log's signature and
the reader's trust file. Each of their answers fails at the numbered step of docs/spec 10.5 where it must.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

import makers
import proving
from muniment.core.format import dsse, state_map
from muniment.core.format.state_map import StateProof, Tree
from muniment.core.proof import answer as answers
from muniment.core.proof import authority, evidence, verify
from muniment.core.proof.answer import UNSET, Answer, History, Numbered
from muniment.core.proof.inquiry import HistoryQuestion
from muniment.core.rules import events
from muniment.errors import VerificationError
from muniment.ledger import prover
from muniment.ledger.engine import View
from proving import PLACE, V1, V2, Story

Leaves = dict[bytes, bytes]
VERSION = f"version/{V1}"


def oracle(leaves: Leaves, depth: int = 0) -> bytes:
    """The rule of docs/spec 9.1, read naively: split the keys by each bit in turn."""
    if len(leaves) <= 1:
        return next(iter(leaves.values()), sha256(b"").digest())
    right = {key: leaf for key, leaf in leaves.items() if key[depth // 8] >> (7 - depth % 8) & 1}
    left = {key: leaf for key, leaf in leaves.items() if key not in right}
    if not left or not right:
        return oracle(left or right, depth + 1)
    return sha256(bytes((3, depth)) + oracle(left, depth + 1) + oracle(right, depth + 1)).digest()


def make_leaves(count: int, chance: random.Random) -> Leaves:
    names = [f"model/{chance.randrange(10**9)}-{number}" for number in range(count)]
    return {state_map.key(name): state_map.leaf(state_map.key(name), name.encode()) for name in names}


def insert(order: list[tuple[bytes, bytes]], batch: int) -> bytes:
    """The root of a tree that took these leaves in this order, so many at a time."""
    tree, stored = Tree.decode([], 0), Leaves()
    for start in range(0, len(order), batch):
        new = dict(order[start : start + batch])
        ranges = tree.plan(new)
        rows = [row for low, high in ranges for row in sorted(stored.items()) if low <= row[0] <= high]
        tree.commit(tree.build(ranges, rows, new))
        stored |= new
    return tree.root()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 250])
def test_the_root_does_not_depend_on_the_order_and_is_the_oracle_s(count: int, long: bool) -> None:
    chance = random.Random(count)
    leaves = make_leaves(count, chance)
    expected = oracle(leaves)
    assert state_map.bulk(sorted(leaves.items())) == expected
    for _ in range(20 if long else 3):
        order = list(leaves.items())
        chance.shuffle(order)
        assert insert(order, chance.choice([1, 2, 7, 1_000])) == expected


def test_the_root_in_every_header_is_the_oracle_s(story: Story) -> None:
    with story.life.engine.view() as view:
        known = {name: view.record(name) for name in list_streams(view)}
        leaves = {state_map.key(name): state_map.leaf(state_map.key(name), raw) for name, raw in known.items() if raw}
        assert view.header(view.height).state == oracle(leaves).hex()


def list_streams(view: View) -> Iterator[str]:
    """Every stream that the story touches."""
    yield from ("policy", "protocol", "actor/ada", "actor/bob")
    yield from (f"key/{signer.public_key.hex()}" for signer in (makers.ADA, makers.BOB))
    for _, raw in view.entries(0, view.size):
        if raw.startswith(b'{"payload"'):
            yield from events.streams(events.decode(dsse.decode(raw).payload))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A ledger in which a model is deployed, replaced and rolled back."""
    return Story(tmp_path_factory.mktemp("state") / "ledger.db")


@pytest.fixture(scope="module")
def view(story: Story) -> Iterator[View]:
    with story.life.engine.view() as found:
        yield found


@pytest.fixture(scope="module")
def told(story: Story, view: View) -> Answer:
    """A true answer: what the newest header says about the first version, and about an incident that never was."""
    return prover.prove_state(view, [VERSION, "incident/019cadc6-9a80-7001-8000-000000000001"])


def fails(story: Story, answer: Answer, step: int, code: str, **changes: object) -> None:
    with pytest.raises(VerificationError) as caught:
        verify.verify_answer(proving.replace(answer, **changes), story.trust)
    assert (caught.value.step, caught.value.code) == (step, code)


def swap(answer: Answer, forged: StateProof) -> tuple[StateProof, ...]:
    """The answer's proofs with the one of the same stream replaced."""
    assert any(each.name == forged.name for each in answer.states)
    return tuple(forged if each.name == forged.name else each for each in answer.states)


def test_the_true_answer_holds(story: Story, told: Answer) -> None:
    found = verify.verify_answer(answers.encode(told), story.trust)
    assert found.result.statuses == ("absent", "present")
    assert found.ground.tier == "solo"
    assert found.ground.basis == "asserted"


def find(answer: Answer, name: str) -> StateProof:
    return next(each for each in answer.states if each.name == name)


def test_a_forged_presence_fails(story: Story, told: Answer) -> None:
    true = find(told, VERSION)
    record = bytes(true.value).replace(b'"status":"registered"', b'"status":"approved!!"')  # type: ignore[arg-type]
    assert record != bytes(true.value)  # type: ignore[arg-type]
    fails(story, told, 11, "state-root", states=swap(told, msgspec.structs.replace(true, value=msgspec.Raw(record))))
    # The same record, in a map that the forger made himself.
    own = dict.fromkeys((VERSION, "policy", "protocol"), record)
    root, proofs = proving.prove_states(own)
    assert state_map.check(root, proofs[VERSION]) == record
    fails(story, told, 11, "state-root", states=swap(told, proofs[VERSION]))
    # An absent stream, said to be there: the path of absence, with a record at its end.
    gone = next(each for each in told.states if each.value is UNSET)
    there = msgspec.structs.replace(gone, other=UNSET, value=msgspec.Raw(record))
    statuses = msgspec.structs.replace(told.result, statuses=("present", "present"))
    fails(story, told, 11, "state-root", states=swap(told, there), result=statuses)


def test_a_forged_absence_fails(story: Story, told: Answer, view: View) -> None:
    true = find(told, VERSION)
    statuses = msgspec.structs.replace(told.result, statuses=("absent", "absent"))
    other = view.prove_state(f"version/{V2}")
    key = state_map.key(other.name).hex()
    leaf = sha256(bytes(other.value)).hexdigest()  # type: ignore[arg-type]
    elsewhere = StateProof(name=VERSION, other=state_map.Other(key, leaf), depths=other.depths, siblings=other.siblings)
    fails(story, told, 11, "state-absence", states=swap(told, elsewhere), result=statuses)
    itself = msgspec.structs.replace(true, value=UNSET, other=state_map.Other(state_map.key(VERSION).hex(), leaf))
    fails(story, told, 11, "state-absence", states=swap(told, itself), result=statuses)
    nothing = StateProof(name=VERSION, depths=(), siblings=())
    fails(story, told, 11, "state-root", states=swap(told, nothing), result=statuses)
    # And where the proof is left as it is, the claim alone is not believed.
    fails(story, told, 11, "result", result=statuses)


def test_a_stale_state_fails(story: Story, told: Answer, view: View, tmp_path: Path) -> None:
    """A record as it was: under the newest checkpoint it has no proof, and under its own it is as old as it is."""
    earlier = Story(tmp_path / "ledger.db")
    with earlier.life.engine.view() as then:
        old = prover.prove_state(then, [VERSION, "incident/019cadc6-9a80-7001-8000-000000000001"])
        pinned = evidence.pin(authority.open_head(then.checkpoint, earlier.trust))
    earlier.life.grow(len(earlier.times) + 4)
    earlier.say("incident.recorded", severity="high", awareAt="2026-11-23T00:00:00.000000Z", version=V1, hold=True)
    with earlier.life.engine.view() as now:
        fresh = prover.prove_state(now, [VERSION, "incident/019cadc6-9a80-7001-8000-000000000001"])
        fails(earlier, fresh, 11, "state-root", states=swap(fresh, find(old, VERSION)))
        newest = evidence.pin(authority.open_head(now.checkpoint, earlier.trust))
        raw, clock = answers.encode(old), now.header(now.height).time
        # Whole, the old answer is true of its time, and says so; whoever asks for a fresh one is told.
        found = verify.verify_answer(raw, earlier.trust, pin=newest, consistency=now.consistency, now=clock, max_age=3_600)
        assert (found.ground.pin, found.current) == ("older", False)
        assert any("what came later is not shown" in sentence for sentence in verify.tell(found))
        with pytest.raises(VerificationError) as caught:
            verify.verify_answer(raw, earlier.trust, now=clock, max_age=1)
        assert (caught.value.step, caught.value.code) == (6, "stale")
        # Held against what was pinned, a newer answer is newer, and a rewritten one is a split view.
        found = verify.verify_answer(answers.encode(fresh), earlier.trust, pin=pinned, consistency=now.consistency)
        assert found.ground.pin == "newer"
        with pytest.raises(VerificationError) as caught:
            verify.verify_answer(answers.encode(fresh), earlier.trust, pin=pinned, consistency=lambda _old, _new: ())
        assert (caught.value.step, caught.value.code) == (5, "split-view-unproved")


def test_an_incomplete_answer_fails(story: Story, view: View) -> None:
    complete = prover.prove_inquiry(view, HistoryQuestion(of=PLACE))
    (whole,) = complete.streams
    shown = complete.events
    assert verify.verify_answer(answers.encode(complete), story.trust).streams == (whole,)

    def made_of(events: tuple[Numbered, ...]) -> dict[str, object]:
        indices = tuple(each.index for each in events)
        return {"events": events, "streams": (msgspec.structs.replace(whole, indices=indices),)}

    for number in range(len(shown)):
        fails(story, complete, 11, "history-count", **made_of(shown[:number] + shown[number + 1 :]))
        fails(story, complete, 11, "event-missing", events=shown[:number] + shown[number + 1 :])
    another = Numbered(entry=view.entry(story.note), index=story.note)
    ordered = tuple(sorted((*shown[:-2], another, shown[-1]), key=lambda each: each.index))
    fails(story, complete, 11, "history-head", **made_of(ordered))
    fails(story, complete, 11, "stream-missing", events=(), streams=())
    # Left out together with its count: then the record is another one, and has no proof.
    record = state_map.decode_record(view.record(PLACE) or b"")
    fewer = msgspec.structs.replace(record, count=record.count - 1, last=shown[-2].index)
    proof = msgspec.structs.replace(find(complete, PLACE), value=msgspec.Raw(state_map.encode_record(fewer)))
    fails(story, complete, 11, "state-root", states=swap(complete, proof), **made_of(shown[:-1]))


def test_a_past_that_is_cut_wrongly_fails(story: Story, view: View) -> None:
    """What ran then: the promotion kept back, the rollback moved forward, a link left out."""
    at = prover.prove_at(view, PLACE, story.times[story.scale])
    assert isinstance(at.history, History)
    handed, later = at.history.events, at.history.later
    found = verify.verify_answer(answers.encode(at), story.trust)
    assert isinstance(found.subject, verify.Subject)
    assert found.subject.thing.digest == V2
    moved = answers.Link(index=handed[-1].index, leaf=sha256(b"\0" + handed[-1].entry).hexdigest())
    back = msgspec.structs.replace(at.history, events=handed[:-1], later=(moved, *later))
    fails(story, at, 11, "history-bound", history=back)
    rollback = Numbered(entry=view.entry(story.rollback), index=story.rollback)
    forward = msgspec.structs.replace(at.history, events=(*handed, rollback), later=later[1:])
    fails(story, at, 11, "history-bound", history=forward)
    fails(story, at, 11, "history-order", history=msgspec.structs.replace(at.history, later=later[:-1]))
    fails(story, at, 8, "header-successor", entries=tuple(each for each in at.entries if each.index != story.scale + 3))
