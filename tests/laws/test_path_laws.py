"""Laws of trust paths: no bit of one can be changed, fewer than a quorum make none, and whatever the members do, readers follow."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import makers
import membership
from league import League
from muniment.core.format import checkpoint, entry, merkle, note
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.proof import answer as answers
from muniment.core.proof import consortium, path
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import verify_answer
from muniment.core.rules import members
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger import prover
from muniment.net.wire import Members

NAMES = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf")


class Story:
    """A consortium that changed twice, an answer with its path, and the trust file of its beginning."""

    def __init__(self, folder: Path) -> None:
        self.league = League(folder / "ledger.db")
        self.trust = self.league.trust
        self.league.admit("echo")
        self.league.note("five")
        self.league.remove("bravo")
        self.league.note("four")
        with self.league.store.view() as view:
            self.raw = answers.encode(prover.prove_entry(view, 1))
            self.steps = view.path()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(tmp_path_factory.mktemp("story"))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_bit_of_a_path_can_be_changed(story: Story, data: st.DataObject) -> None:
    start = story.raw.index(b'"path":[') + len(b'"path":[')
    stop = story.raw.index(b'],"question"')
    at = data.draw(st.integers(start, stop - 1))
    changed = bytearray(story.raw)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((VerificationError, InvalidInput)):
        verify_answer(bytes(changed), story.trust)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_bit_of_what_a_step_holds_can_be_changed(story: Story, data: st.DataObject) -> None:
    """As above, below the forms of JSON and base64: whatever decodes again does not hold."""
    at = data.draw(st.integers(0, len(story.steps) - 1))
    step = story.steps[at]
    field = data.draw(st.sampled_from(["header"] if at == 0 else ["header", "note", "proof", "consistency"]))
    value: Any = getattr(step, field)
    number = data.draw(st.integers(0, len(value) - 1)) if isinstance(value, tuple) else 0
    raw = bytearray(value.encode() if isinstance(value, str) else value[number] if isinstance(value, tuple) else value)
    where = data.draw(st.integers(0, len(raw) - 1))
    raw[where] ^= 1 << data.draw(st.integers(0, 7))
    new: Any = bytes(raw)
    if isinstance(value, str):
        try:
            new = new.decode()
        except UnicodeDecodeError:
            return
    elif isinstance(value, tuple):
        new = (*value[:number], new, *value[number + 1 :])
    forged = msgspec.structs.replace(step, **{field: new})
    with pytest.raises((VerificationError, InvalidInput)):
        path.check_path(story.trust, (*story.steps[:at], forged, *story.steps[at + 1 :]))


@pytest.mark.parametrize("colluding", [("alpha", "bravo"), ("charlie", "delta"), ("alpha", "delta")])
def test_two_of_four_name_nobody(tmp_path: Path, colluding: tuple[str, str]) -> None:
    """They write a whole ledger of their own, with a set of their own, and cosign whatever they like, even twice."""
    honest = League(tmp_path / "ledger.db")
    trust = honest.trust
    honest.cosigners = lambda _: colluding
    honest.note("forged")
    validators = honest.validators
    assert validators is not None
    with honest.store.view() as view:
        leaves = [merkle.leaf(raw) for _, raw in view.entries(0, view.size)]
        header, genesis = view.header(view.height), view.entry(0)
    own = members.Validators(members=tuple(membership.member(name, 3) for name in colluding))
    named = msgspec.structs.replace(header, validators=msgspec.Raw(members.encode(own)))
    raw = entry.encode_header(named)
    leaves[-1] = merkle.leaf(raw)
    found = Checkpoint(makers.ORIGIN, len(leaves), merkle.root(leaves))
    bare = note.Note(checkpoint.format(found), ())
    lines = [
        checkpoint.cosign(bare, members.cosigner_name(makers.ORIGIN, name), honest.signers[membership.member(name).cosigner], at)
        for at in (1, 2)
        for name in colluding
    ]
    for signed in (lines[:2], lines):
        text = note.format(note.Note(bare.text, tuple(map(note.parse_signature, signed)))).decode()
        step = Step(
            header=raw,
            note=text,
            proof=merkle.prove_inclusion(leaves, len(leaves) - 1),
            consistency=merkle.prove_consistency(leaves, 1),
        )
        with pytest.raises(VerificationError) as caught:
            path.check_path(trust, (Step(header=genesis), step))
        assert (caught.value.step, caught.value.code) == (4, "path-quorum" if signed == lines[:2] else "path-line")


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int]]:
    """What a consortium does: a kind of change, and a number that chooses about whom."""
    kinds = st.sampled_from(["admit", "remove", "rotate", "publish", "note", "silent", "few"])
    return draw(st.lists(st.tuples(kinds, st.integers(0, 6)), max_size=9))


@settings(max_examples=25, deadline=None)
@given(history=histories(), founders=st.integers(1, 5))
def test_readers_of_any_time_follow_any_history(history: list[tuple[str, int]], founders: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        them = League(Path(folder) / "ledger.db", NAMES[:founders])
        files: list[Trust] = [them.trust]
        first, numbers = them.note("begun"), dict.fromkeys(NAMES, 0)
        for kind, number in history:
            _act(them, kind, number, numbers)
            # What a change ends with is judged by those before it: one more block, and those after it judge.
            them.note(f"after-{len(files)}")
            files.append(them.trust)
        with them.store.view() as view:
            raw, steps, changed = answers.encode(prover.prove_entry(view, first)), view.path(), view.changed
        assert path.read_end(steps) == changed
        walk = path.check_path(files[0], steps)
        assert consortium.agree(walk.newest, files[-1])
        for trust in files:
            verified = verify_answer(raw, trust)
            assert (verified.ground.tier, verified.ground.basis) == ("consortium", "voted")
            assert verified.ground.led in (msgspec.UNSET, "later")
            assert consortium.agree(path.follow(trust, steps), files[-1])
        # Over the wire it is the same.
        sent = msgspec.json.decode(msgspec.json.encode(Members(trust="", path=steps)), type=Members)
        assert sent.path == steps
        assert json.loads(raw)["path"][0] == {"header": base64.b64encode(steps[0].header).decode()}


def _act(them: League, kind: str, number: int, numbers: dict[str, int]) -> None:
    """Do what is possible of it."""
    validators = them.validators
    assert validators is not None
    active = [each.organisation for each in validators.members]
    name, member = NAMES[number], active[number % len(active)]
    if kind == "admit" and name not in active and numbers[name] < 7:
        numbers[name] += 1
        them.admit(name, numbers[name])
    elif kind == "remove" and len(active) > 1:
        them.remove(member)
    elif kind == "rotate" and numbers[member] < 7:
        numbers[member] += 1
        them.rotate(member, numbers[member])
    elif kind == "publish" and numbers[member] < 7:
        numbers[member] += 1
        them.publish(member, numbers[member])
    elif kind == "silent":
        them.silent = not them.silent
    elif kind == "few":
        # Nobody beyond the quorum cosigns from now on.
        them.cosigners = lambda known: [each.organisation for each in known.members][-known.quorum :]
