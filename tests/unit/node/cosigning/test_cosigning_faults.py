"""What members and strangers may try: forged lines, replays, floods, wrong times, other histories; and what comes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import makers
from cosigners import Ring, Seat, at_size, cosign, other_root, until
from membership import member
from muniment.core.format import checkpoint, note
from muniment.core.proof import consortium, evidence
from muniment.errors import Conflict, InvalidInput, VerificationError
from muniment.node.cosigning import ahead, courier
from muniment.node.cosigning.head import CLOCK_SECONDS
from muniment.node.cosigning.intake import parse
from muniment.node.cosigning.message import Heard, Ran, Told
from muniment.server.problems import Forbidden


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """Nobody hears anybody; what they are told is what a test tells them."""
    made = Ring(tmp_path, start=False)
    for name in made.names:
        made.silence(name)
    for seat in made.seats.values():
        seat.start()
    made.block()
    yield made
    made.close()


def text(seat: Seat) -> str:
    return seat.keeper.newest.text


def tell(seat: Seat, *notes: str) -> Heard:
    return seat.answer(Told(notes=notes))


def names(seat: Seat, height: int = 1) -> set[str]:
    return {*seat.keeper.lines(height)} - {""}


def test_a_line_is_taken_and_the_own_one_is_told(ring: Ring) -> None:
    heard = tell(ring["alpha"], cosign(text(ring["alpha"]), "bravo"))
    assert names(ring["alpha"]) == {"alpha", "bravo"}
    assert [each.name for each in note.parse(heard.notes[0].encode()).signatures] == [f"{makers.ORIGIN}/alpha"]
    assert heard.height == 1


def test_whoever_asks_is_told_only_what_he_lacks(ring: Ring) -> None:
    first = cosign(text(ring["alpha"]), "bravo")
    told = tell(ring["alpha"], first)
    whole = note.attach(note.parse(first.encode()), [ring["alpha"].keeper.lines(1)["alpha"]])
    assert told.notes
    assert tell(ring["alpha"], note.format(whole).decode()).notes == ()


def test_a_forged_line_is_refused_and_nothing_of_it_kept(ring: Ring) -> None:
    for forged in (
        cosign(text(ring["alpha"]), "bravo", forged=True),
        cosign(at_size(text(ring["alpha"]), 99), "bravo", forged=True),
    ):
        with pytest.raises(VerificationError, match="is not over this checkpoint") as caught:
            tell(ring["alpha"], forged)
        assert (caught.value.step, caught.value.code) == (4, "cosignature")
    assert names(ring["alpha"]) == {"alpha"}
    assert ring["alpha"].keeper.ahead.count == 0


def test_a_forged_line_on_another_root_accuses_nobody(ring: Ring) -> None:
    with pytest.raises(VerificationError):
        tell(ring["alpha"], cosign(other_root(text(ring["alpha"])), "bravo", forged=True))
    time.sleep(0.6)
    assert ring["alpha"].codes() == {}
    assert not (ring["alpha"].folder / "evidence").exists()


def test_the_line_of_another_checkpoint_is_forged_here(ring: Ring) -> None:
    alpha = ring["alpha"]
    elsewhere = note.parse(cosign(at_size(text(alpha), 77), "bravo").encode()).signatures
    with pytest.raises(VerificationError):
        tell(alpha, note.format(note.Note(text(alpha), elsewhere)).decode())


def test_a_stranger_is_told_nothing(ring: Ring) -> None:
    for stranger in (cosign(text(ring["alpha"]), "mallory"), cosign(text(ring["alpha"]), "bravo", number=5)):
        with pytest.raises(Forbidden) as caught:
            tell(ring["alpha"], stranger)
        assert caught.value.code == "not-a-member"
    assert names(ring["alpha"]) == {"alpha"}


def test_who_was_just_let_in_is_answered_and_does_not_count_yet(ring: Ring) -> None:
    ring.block(ring.change("delta", "rotate", cosignerKey=member("delta", 1).cosigner))
    alpha = ring["alpha"]
    heard = tell(alpha, cosign(text(alpha), "delta", number=1))
    assert heard.height == 2
    assert names(alpha, 2) == {"alpha"}


def test_a_member_brings_no_strangers_lines_in(ring: Ring) -> None:
    alpha = ring["alpha"]
    both = note.attach(
        note.parse(cosign(text(alpha), "mallory").encode()),
        [note.format_signature(each) for each in note.parse(cosign(text(alpha), "bravo").encode()).signatures],
    )
    tell(alpha, note.format(both).decode())
    assert names(alpha) == {"alpha", "bravo"}


def test_another_ledger_is_refused(ring: Ring) -> None:
    other = checkpoint.format(checkpoint.Checkpoint("example.com/other", 4, bytes(32)))
    with pytest.raises(InvalidInput) as caught:
        tell(ring["alpha"], cosign(other, "bravo"))
    assert caught.value.code == "other-ledger"


@pytest.mark.parametrize("bad", ["", "\n", "no note", "a\n1\nAAAA\n\n— x AAAAAAAA\n", "\ud800"])
def test_what_is_no_note_is_refused(ring: Ring, bad: str) -> None:
    with pytest.raises(InvalidInput):
        tell(ring["alpha"], bad)


def test_the_same_line_again_changes_nothing(ring: Ring) -> None:
    line = cosign(text(ring["alpha"]), "bravo")
    tell(ring["alpha"], line)
    assert until(lambda: not ring["alpha"].keeper.drain())
    kept, mark = ring["alpha"].keeper.lines(1), ring["alpha"].keeper.mark
    for _ in range(50):
        tell(ring["alpha"], line)
    assert ring["alpha"].keeper.lines(1) == kept
    assert ring["alpha"].keeper.mark == mark
    assert ring["alpha"].keeper.drain() == {}


def test_a_member_who_signs_again_has_one_voice(ring: Ring) -> None:
    alpha = ring["alpha"]
    for number in range(5):
        tell(alpha, cosign(text(alpha), "bravo", at=time.time() - number))
    assert names(alpha) == {"alpha", "bravo"}
    assert not alpha.keeper.is_settled(1)


def test_an_old_line_replayed_gives_no_vote_on_what_is_new(ring: Ring) -> None:
    alpha = ring["alpha"]
    old = cosign(text(alpha), "bravo")
    tell(alpha, old)
    ring.block()
    heard = tell(alpha, old)
    assert names(alpha, 2) == {"alpha"}
    assert "bravo" not in heard.newest


def test_lines_with_a_wrong_time_are_not_counted_and_told(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muniment.node.cosigning.troubles.QUORUM_SECONDS", 0.0)
    alpha = ring["alpha"]
    for at in (time.time() + CLOCK_SECONDS + 60, time.time() - CLOCK_SECONDS - 60, 0, 2**62):
        tell(alpha, cosign(text(alpha), "bravo", at=at))
    tell(alpha, cosign(at_size(text(alpha), 50), "bravo", at=time.time() + CLOCK_SECONDS + 60))
    assert names(alpha) == {"alpha"}
    assert alpha.keeper.ahead.count == 0
    said = "bravo's clock and this machine's do not agree"
    assert until(lambda: any(said in each.text for each in alpha.alarms.standing()))
    tell(alpha, cosign(text(alpha), "bravo"))
    assert names(alpha) == {"alpha", "bravo"}


def test_early_lines_wait_for_their_block(ring: Ring) -> None:
    alpha = ring["alpha"]
    ring.block(who=["bravo", "charlie"])
    for name in ("bravo", "charlie"):
        tell(alpha, ring[name].keeper.newest.note(ring[name].keeper.lines(2)).decode())
    assert alpha.keeper.ahead.count == 2
    ring["alpha"].commit([raw for _, raw in entries(ring["bravo"])])
    assert names(alpha, 2) == {"alpha", "bravo", "charlie"}
    assert alpha.keeper.is_settled(2)
    assert alpha.keeper.ahead.count == 0


def entries(seat: Seat) -> list[tuple[int, bytes]]:
    """The events of the newest block."""
    with seat.store.view() as view:
        first = view.header(view.height - 1).size + 1
        return list(view.entries(first, view.header(view.height).size))


def test_a_flood_of_early_lines_fills_only_its_senders_room(ring: Ring) -> None:
    alpha = ring["alpha"]
    for size in range(1_000, 1_000 + 3 * ahead.MAX_SIZES, 4):
        tell(alpha, *[cosign(at_size(text(alpha), size + each), "bravo") for each in range(4)])
    assert alpha.keeper.ahead.count == ahead.MAX_SIZES
    tell(alpha, cosign(at_size(text(alpha), 2_000), "charlie"))
    assert alpha.keeper.ahead.count == ahead.MAX_SIZES + 1
    # The nearest stay: those are needed first.
    tell(alpha, cosign(at_size(text(alpha), 500), "bravo"))
    assert alpha.keeper.ahead.count == ahead.MAX_SIZES + 1


def test_a_flood_of_other_roots_leaves_a_few_files(ring: Ring) -> None:
    alpha = ring["alpha"]
    for salt in range(1, 41):
        with pytest.raises(Conflict):
            tell(alpha, cosign(other_root(text(alpha), salt), "bravo"))
    assert 1 <= len(list((alpha.folder / "evidence").glob("evidence-*.json"))) <= 8
    assert until(lambda: "peer-diverged" in alpha.codes())


def test_another_root_is_answered_with_evidence_and_the_member_is_named(ring: Ring) -> None:
    alpha = ring["alpha"]
    for name in ("charlie", "delta"):
        tell(alpha, cosign(text(alpha), name))
    assert alpha.keeper.is_settled(1)
    with pytest.raises(Conflict) as caught:
        tell(alpha, cosign(other_root(text(alpha)), "bravo"))
    assert caught.value.code == "other-history"
    shown = evidence.decode(str(caught.value.details["evidence"]).encode())
    assert shown.kind == "same-size"
    assert {each.name.rpartition("/")[2] for each in note.parse(shown.pinned.encode()).signatures} >= {"alpha", "charlie", "delta"}
    assert until(lambda: alpha.codes() == {"peer-diverged": "bravo"})
    assert "a quorum signed what this node has" in alpha.alarms.standing()[0].text
    [path] = (alpha.folder / "evidence").glob("evidence-*.json")
    assert evidence.decode(path.read_bytes()) == shown


def test_anybody_can_verify_the_evidence_with_the_trust_file(ring: Ring) -> None:
    alpha = ring["alpha"]
    trust = consortium.to_trust(makers.ORIGIN, ring.ledger, alpha.store.validators)  # type: ignore[arg-type]
    for name in ("charlie", "delta"):
        tell(alpha, cosign(text(alpha), name))
    with pytest.raises(Conflict) as caught:
        tell(alpha, cosign(other_root(text(alpha)), "bravo"))
    shown = evidence.decode(str(caught.value.details["evidence"]).encode())
    assert evidence.verify_evidence(shown, trust) == (
        "Members of example.com/test signed two histories over the same 3 entries: "
        "alpha, charlie and delta the one, bravo the other. Only the second has no quorum behind it."
    )
    forged = msgspec.structs.replace(shown, shown=cosign(other_root(text(alpha)), "bravo", forged=True))
    with pytest.raises(VerificationError, match="is not over this checkpoint"):
        evidence.verify_evidence(forged, trust)
    stranger = msgspec.structs.replace(shown, shown=cosign(other_root(text(alpha)), "mallory"))
    with pytest.raises(VerificationError, match="no known key signed"):
        evidence.verify_evidence(stranger, trust)


def test_two_of_four_on_another_root_never_reach_a_quorum(ring: Ring) -> None:
    alpha = ring["alpha"]
    forged = other_root(text(alpha))
    for name in ("charlie", "delta"):
        with pytest.raises(Conflict):
            tell(alpha, cosign(forged, name))
    tell(alpha, cosign(text(alpha), "bravo"))
    assert not alpha.keeper.wait(1, 0.2)
    assert names(alpha) == {"alpha", "bravo"}
    assert until(lambda: len([each for each in alpha.alarms.standing() if each.code == "peer-diverged"]) == 2)
    assert all("neither of the two has a quorum" in each.text for each in alpha.alarms.standing() if each.code == "peer-diverged")


def test_this_node_is_told_when_it_is_the_one_that_is_alone(ring: Ring) -> None:
    alpha = ring["alpha"]
    for name in ("bravo", "charlie", "delta"):
        with pytest.raises(Conflict):
            tell(alpha, cosign(other_root(text(alpha)), name))
    assert until(lambda: alpha.codes() == {"diverged": "alpha"})
    assert "bravo, charlie, delta signed another history" in alpha.alarms.standing()[0].text


def test_a_member_who_comes_back_into_the_history_is_no_longer_named(ring: Ring) -> None:
    alpha = ring["alpha"]
    for name in ("charlie", "delta"):
        tell(alpha, cosign(text(alpha), name))
    with pytest.raises(Conflict):
        tell(alpha, cosign(other_root(text(alpha)), "bravo"))
    assert until(lambda: alpha.codes() == {"peer-diverged": "bravo"})
    ring.block()
    tell(alpha, cosign(text(alpha), "bravo"))
    assert until(lambda: "peer-diverged" not in alpha.codes())


def test_an_early_line_that_turns_out_other_names_its_signer(ring: Ring) -> None:
    alpha = ring["alpha"]
    size = alpha.keeper.newest.size
    # At a size at which no block of ours will end, and at one at which one will, with another root.
    tell(alpha, cosign(at_size(text(alpha), size + 1), "bravo"), cosign(at_size(text(alpha), size + 2), "charlie"))
    ring.block()
    assert until(lambda: {each.organisation for each in alpha.alarms.standing()} == {"bravo", "charlie"})
    kinds = {evidence.decode(path.read_bytes()).kind for path in (alpha.folder / "evidence").glob("evidence-*.json")}
    assert kinds == {"inconsistent", "same-size"}


def test_a_node_with_other_blocks_is_named_by_all_and_knows_it(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    try:
        ring.block()
        # Its rules admit one event more: its ledger is longer, so nobody can compare roots of one size.
        event, more = ring.event(), ring.event()
        ring.block(event, who=["alpha", "bravo", "charlie"])
        ring["delta"].commit([event, more])
        assert until(lambda: all(ring[each].codes() == {"peer-diverged": "delta"} for each in ("alpha", "bravo", "charlie")))
        assert until(lambda: ring["delta"].codes().get("diverged") == "delta")
        assert until(lambda: ring["alpha"].keeper.is_settled(2))
        assert not ring["delta"].keeper.is_settled(2)
    finally:
        ring.close()


def test_a_node_with_fewer_entries_is_named_too(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    try:
        event, more = ring.event(), ring.event()
        ring.block(event, more, who=["alpha", "bravo", "charlie"])
        ring["delta"].commit([event])
        assert until(lambda: all(ring[each].codes() == {"peer-diverged": "delta"} for each in ("alpha", "bravo", "charlie")))
        assert until(lambda: ring["delta"].codes().get("diverged") == "delta")
    finally:
        ring.close()


def test_a_node_that_refuses_what_the_others_admit_is_named_before_it_signs_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muniment.node.cosigning.courier.BEAT_SECONDS", 0.2)
    ring = Ring(tmp_path)
    try:
        ring.block()
        assert until(lambda: all(each.keeper.is_settled(1) for each in ring.seats.values()))
        ring.block(who=["alpha", "bravo", "charlie"])
        # Nothing of the block is admitted there: the engine's height goes on, the ledger does not.
        ring["delta"].commit([])
        assert until(lambda: all(ring[each].codes() == {"peer-diverged": "delta"} for each in ("alpha", "bravo", "charlie")))
        assert until(lambda: ring["delta"].codes() == {"diverged": "delta"})

        def stands() -> tuple[bool, bool | None, int]:
            told = next(each for each in ring["alpha"].cosigning.peers() if each.organisation == "delta")
            return told.reached, told.agrees, told.lag

        assert until(lambda: stands() == (True, False, 1)), stands()
    finally:
        ring.close()


def test_a_node_that_is_merely_behind_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muniment.node.cosigning.courier.BEAT_SECONDS", 0.1)
    ring = Ring(tmp_path)
    try:
        event = ring.event()
        ring.block(event, who=["alpha", "bravo", "charlie"])
        time.sleep(0.8)
        assert all(each.codes() == {} for each in ring.seats.values())
        ring["delta"].commit([event])
        assert until(lambda: all(each.agrees for each in ring["alpha"].cosigning.peers()))
    finally:
        ring.close()


def test_a_peer_who_lies_in_his_answers_wins_nothing(tmp_path: Path) -> None:
    ring = Ring(tmp_path, start=False)
    ring.silence("charlie")
    ring.silence("delta")
    for seat in ring.seats.values():
        seat.start()

    def lie(heard: Heard) -> Heard:
        real = note.parse(heard.newest.encode()).text
        return msgspec.structs.replace(
            heard, notes=(cosign(real, "charlie", forged=True), cosign(other_root(real), "delta", forged=True))
        )

    ring.bend["alpha", "bravo"] = lie
    try:
        ring.block()
        assert until(lambda: "bravo" in ring["alpha"].keeper.lines(1))
        time.sleep(0.3)
        assert names(ring["alpha"]) == {"alpha", "bravo"}
        assert "peer-diverged" not in ring["alpha"].codes()
        # It answers, and each time its answer turns out to be a lie a moment later.
        assert until(lambda: not next(each for each in ring["alpha"].cosigning.peers() if each.organisation == "bravo").reached)
    finally:
        ring.close()


def test_a_peer_who_goes_on_lying_fills_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """He speaks and fails in turn: the one wakes whoever waits to ask him again, the other would be told each time."""
    ring = Ring(tmp_path, start=False)
    ring.silence("charlie")
    ring.silence("delta")
    ring["alpha"].start()
    ring["bravo"].start()

    def lie(heard: Heard) -> Heard:
        real = note.parse(heard.newest.encode()).text
        return msgspec.structs.replace(heard, notes=(cosign(real, "charlie", forged=True),))

    ring.bend["alpha", "bravo"] = lie
    try:
        ring.block()

        def count() -> int:
            return len([each for each in ring.asked if each[:2] == ("alpha", "bravo")])

        at, began = time.time(), time.monotonic()
        while time.monotonic() < began + 1.5 or count() < 3:
            assert time.monotonic() < began + 60
            # A line of his own on a size to come, each time another one: he lives.
            at += 0.01 if at < time.time() + CLOCK_SECONDS - 60 else 0
            tell(ring["alpha"], cosign(at_size(text(ring["alpha"]), 99), "bravo", at=at))
            time.sleep(0.01)
        # Once for what was there at first; then each time after a pause, whatever he says meanwhile.
        assert 3 <= count() < 4 + (time.monotonic() - began) / (0.7 * courier.FIRST_RETRY_SECONDS)
        assert len([each for each in caplog.records if "nobody signed" in each.getMessage()]) == 1
    finally:
        ring.close()


def test_what_a_peer_says_ends_no_exchange(tmp_path: Path) -> None:
    """Such as an evidence file that the disk does not take: nobody else speaks to this peer."""
    ring = Ring(tmp_path, start=False)
    ring.silence("charlie")
    ring.silence("delta")
    ring["alpha"].start()
    ring["bravo"].start()
    broken = [True]
    compare = ring["alpha"].cosigning._couriers[0]._compare

    def fail(*told: object) -> None:
        if broken.pop() if broken else False:
            raise ValueError("unforeseen")
        compare(*told)  # type: ignore[arg-type]

    ring["alpha"].cosigning._couriers[0]._compare = fail
    ring.bend["alpha", "bravo"] = lambda heard: msgspec.structs.replace(heard, ran=Ran(height=0, root="0" * 64))
    try:
        ring.block()
        assert until(lambda: not broken)
        ring.block()
        assert until(lambda: "bravo" in ring["alpha"].keeper.lines(2))
    finally:
        ring.close()


def test_a_peer_accuses_with_arithmetic_only(ring: Ring) -> None:
    alpha = ring["alpha"]
    intake = alpha.cosigning._intake
    assert intake is not None
    ours = cosign(text(alpha), "alpha")
    theirs = cosign(at_size(text(alpha), 9), "bravo")
    empty = evidence.Evidence(format=evidence.FORMAT, kind="inconsistent", pinned=theirs, shown=ours, old_root="0" * 64)
    assert not intake.accuse(evidence.encode(empty))
    unsigned = msgspec.structs.replace(empty, shown=cosign(other_root(text(alpha)), "alpha"))
    assert not intake.accuse(evidence.encode(unsigned))
    with pytest.raises(InvalidInput):
        intake.accuse(b"{}\n")


def test_many_at_once_agree_in_the_end(ring: Ring) -> None:
    alpha = ring["alpha"]
    notes = [cosign(text(alpha), name) for name in ("bravo", "charlie", "delta")]
    failures: list[Exception] = []

    def hammer(number: int) -> None:
        try:
            for _ in range(30):
                tell(alpha, notes[number % 3])
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=hammer, args=(each,)) for each in range(9)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
    assert names(alpha) == {"alpha", "bravo", "charlie", "delta"}


def test_many_lines_at_once_are_verified_where_they_hold_up_nobody(ring: Ring) -> None:
    """Old lines are public and hold: whoever sends many of them again would keep the event loop busy with signatures."""
    alpha = ring["alpha"]
    first = note.parse(cosign(text(alpha), "bravo").encode())
    older = [note.parse(cosign(text(alpha), "bravo", at=time.time() - 10 - back).encode()).signatures[0] for back in range(16)]
    many = note.attach(first, [note.format_signature(each) for each in older])
    near = parse((note.format(first).decode(),), makers.ORIGIN)
    assert alpha.cosigning.is_near(near * 2)
    assert not alpha.cosigning.is_near(parse((note.format(many).decode(),), makers.ORIGIN))
    assert not alpha.cosigning.is_near(near * 5)
