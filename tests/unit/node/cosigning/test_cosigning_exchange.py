"""Several members exchange cosignatures: quorums, waiting for them, restarts, members who come and go, the log's own line."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import makers
from cosigners import Ring, checkpoint_of, until
from league import ORGANISATIONS
from membership import member, publisher, signer
from muniment.core.format import checkpoint, keys, note
from muniment.core.proof import authority, consortium
from muniment.core.rules.members import Validators
from muniment.ledger.store.cosignatures import Cosignatures
from muniment.net.transport import Transport
from muniment.node.alarms import Alarms
from muniment.node.cosigning import cosigning as cosigning_
from muniment.node.cosigning import courier, keeper, sealing
from muniment.node.cosigning.cosigning import Cosigning
from muniment.node.cosigning.keyring import Keyring
from muniment.node.cosigning.message import Heard, Told
from muniment.node.cosigning.voters import LOG
from muniment.node.settings import Peer

SECONDS = 60.0


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    made = Ring(tmp_path)
    yield made
    made.close()


def settled(ring: Ring, height: int, *names: str) -> bool:
    return until(lambda: all(ring[each].keeper.is_settled(height) for each in names or ring.names))


def complete(ring: Ring, height: int, lines: int = 5) -> bool:
    """All four lines and the log's own, at every member."""
    return until(lambda: all(len(ring[each].keeper.lines(height)) == lines for each in ring.names if ring[each].up))


def test_a_block_has_its_quorum_at_every_member(ring: Ring) -> None:
    ring.block()
    assert settled(ring, 1)
    assert complete(ring, 1)


def test_lines_are_written_and_make_a_checkpoint_that_an_outsider_believes(ring: Ring) -> None:
    ring.block()
    assert complete(ring, 1)
    trust = consortium.to_trust(makers.ORIGIN, ring.ledger, ring["bravo"].store.validators or Validators(members=()))
    for name in ring.names:
        assert until(lambda name=name: len(checkpoint_of(ring[name]).signatures) == 5)
        with ring[name].store.view() as view:
            head = authority.open_head(view.checkpoint, trust)
        assert (head.tier, head.basis, head.signed, len(head.voices)) == ("consortium", "voted", True, 4)


def test_the_genesis_is_cosigned_too(ring: Ring) -> None:
    assert settled(ring, 0)
    assert complete(ring, 0)


def test_three_of_four_are_enough_and_two_are_not(ring: Ring) -> None:
    ring.silence("delta")
    ring.block()
    assert settled(ring, 1, "alpha", "bravo", "charlie")
    assert not ring["delta"].keeper.is_settled(1)
    ring.silence("charlie")
    ring.block()
    assert not ring["alpha"].keeper.wait(2, 0.3)
    assert {*ring["alpha"].keeper.lines(2)} == {"alpha", "bravo"}


def test_a_burst_goes_together(ring: Ring) -> None:
    made = threading.Event()

    def wait(heard: Heard) -> Heard:
        made.wait(SECONDS)
        return heard

    # Whatever is under way takes longer than the burst.
    ring.bend |= {(one, other): wait for one in ring.names for other in ring.names if one != other}
    for _ in range(20):
        ring.block()
    made.set()
    assert settled(ring, 20)
    assert until(lambda: all(not each.keeper.short_count for each in ring.seats.values()))
    assert len(ring.asked) < 20 * 12 * 1.5


def test_a_slow_peer_holds_up_nobody(ring: Ring) -> None:
    asked, over = set[str](), threading.Event()

    def slow(name: str) -> Callable[[Heard], Heard]:
        def answer(heard: Heard) -> Heard:
            asked.add(name)
            over.wait(10 * SECONDS)
            return heard

        return answer

    others = ("alpha", "bravo", "charlie")
    try:
        for name in others:
            ring.bend[name, "delta"] = slow(name)
        ring.block()
        assert until(lambda: asked == {*others})
        for _ in range(3):
            ring.block()
            assert settled(ring, ring["alpha"].keeper.newest.height, *others)
        assert not over.is_set()
    finally:
        over.set()


def test_whoever_was_away_catches_up(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "PUSH_HEIGHTS", 4)
    ring["delta"].stop()
    for _ in range(12):
        ring.block()
    assert settled(ring, 12, "alpha", "bravo", "charlie")
    missed = [ring.event() for _ in range(3)]
    ring["delta"].start()
    # The engine brings the blocks, the exchange what was said of them.
    with ring["alpha"].store.view() as view:
        headers = [(view.header(height), view.header(height - 1).size + 1) for height in range(1, 13)]
        blocks = [[raw for _, raw in view.entries(first, header.size)] for header, first in headers]
    now = ring.now
    for (header, _), entries in zip(headers, blocks, strict=True):
        ring.now = makers_time(header.time)
        ring["delta"].commit(entries)
    ring.now = now
    ring.block(*missed)
    assert until(lambda: not ring["delta"].keeper.short_count)
    assert all(len(ring["delta"].keeper.lines(height)) >= 3 for height in range(13))
    assert complete(ring, 13)


def makers_time(text: str) -> int:
    from muniment.core.format import time as times

    return times.parse(text)


def test_lines_that_a_crash_took_are_asked_for_again(ring: Ring) -> None:
    for _ in range(4):
        ring.block()
    assert complete(ring, 4)
    seat = ring["bravo"]
    seat.stop()
    table = Cosignatures(seat.path)
    table.write({})
    assert table._sql is not None
    table._sql.execute("DELETE FROM cosignature WHERE height >= 2")
    table.close()
    seat.start()
    assert until(lambda: not seat.keeper.short_count)
    assert all(len(seat.keeper.lines(height)) >= 3 for height in range(5))
    assert until(lambda: len(checkpoint_of(seat, 2).signatures) >= 3)


def test_a_line_that_is_damaged_in_the_file_is_not_handed_on(ring: Ring) -> None:
    ring.block()
    assert complete(ring, 1)
    seat = ring["bravo"]
    seat.stop()
    bad = f"— {makers.ORIGIN}/alpha " + "A" * 100 + "\n"
    table = Cosignatures(seat.path)
    table.write({1: {"alpha": bad}})
    table.close()
    seat.start()
    assert bad not in seat.keeper.lines(1).values()
    assert complete(ring, 1)


def test_waiting_ends_with_the_quorum(ring: Ring) -> None:
    ring.silence("charlie")
    ring.silence("delta")
    ring.block()
    woken: list[bool] = []
    waiting = threading.Thread(target=lambda: woken.append(ring["alpha"].keeper.wait(1, SECONDS)))
    waiting.start()
    assert not ring["alpha"].keeper.wait(1, 0.05)
    ring.cut.clear()
    waiting.join(SECONDS)
    assert woken == [True]


def test_the_log_is_signed_after_the_quorum_and_not_before(ring: Ring) -> None:
    ring.silence("charlie")
    ring.silence("delta")
    ring.block()
    assert until(lambda: {*ring["alpha"].keeper.lines(1)} == {"alpha", "bravo"})
    time.sleep(0.1)
    assert LOG not in ring["alpha"].keeper.at(1).lines  # type: ignore[union-attr]
    ring.cut.clear()
    assert complete(ring, 1)
    raw = "".join(ring["delta"].keeper.lines(1).values())
    log = keys.derive(makers.ORIGIN, signer("alpha", "publish").public_key)
    found = ring["delta"].keeper.at(1)
    assert found is not None
    assert checkpoint.open((found.text + "\n" + raw).encode(), log).size == found.size


def test_a_silent_publisher_stops_nobody(ring: Ring) -> None:
    ring.silence("alpha")
    ring.block()
    assert settled(ring, 1, "bravo", "charlie", "delta")
    assert LOG not in ring["bravo"].keeper.lines(1)


def test_the_publisher_is_handed_over(ring: Ring) -> None:
    ring.block(ring.change("charlie", "publish", publisherKey=publisher("charlie").key))
    assert complete(ring, 1)
    ring.block()
    assert complete(ring, 2)
    log = {name: keys.derive(makers.ORIGIN, signer(name, "publish").public_key).key_id for name in ("alpha", "charlie")}
    # The block of the change itself is judged, and published, by those before it.
    assert note.parse_signature(ring["delta"].keeper.lines(1)[LOG]).key_id == log["alpha"]
    assert note.parse_signature(ring["delta"].keeper.lines(2)[LOG]).key_id == log["charlie"]


def test_a_rotated_key_counts_from_the_next_block_on(ring: Ring) -> None:
    ring.block(ring.change("bravo", "rotate", cosignerKey=member("bravo", 1).cosigner))
    ring.block()
    assert complete(ring, 1)
    assert complete(ring, 2)
    ids = [note.parse_signature(ring["alpha"].keeper.lines(height)["bravo"]).key_id for height in (1, 2)]
    name = f"{makers.ORIGIN}/bravo"
    made = [keys.derive(name, signer("bravo", "cosign", number).public_key, keys.COSIGNATURE).key_id for number in (0, 1)]
    assert ids == made


def test_a_member_who_left_counts_no_more(ring: Ring) -> None:
    ring.block(ring.change("delta", "remove"))
    assert complete(ring, 1)
    ring.block()
    assert complete(ring, 2, lines=4)
    assert all("delta" not in ring[name].keeper.lines(2) for name in ring.names)
    assert ring["alpha"].keeper.newest.voters.quorum == 3  # type: ignore[union-attr]


def test_a_member_who_came_counts_from_the_next_block_on(tmp_path: Path) -> None:
    ring = Ring(tmp_path, ("alpha", "bravo", "charlie", "delta", "echo"), start=False)
    try:
        for seat in ring.seats.values():
            seat.start()
        ring.block(ring.change("echo", "remove"))
        assert until(lambda: len(ring["alpha"].keeper.lines(1)) == 6)
        new = member("echo", 1)
        ring.block(ring.change("echo", "admit", cosignerKey=new.cosigner, validatorKey=new.key))
        ring.block()
        assert until(lambda: len(ring["alpha"].keeper.lines(3)) == 6)
        assert "echo" not in ring["alpha"].keeper.lines(2)
        assert until(lambda: not ring["echo"].keeper.short_count)
    finally:
        ring.close()


def test_whose_address_is_written_down_later_is_spoken_to(tmp_path: Path) -> None:
    ring = Ring(tmp_path, ("alpha", "bravo", "charlie"), start=False)
    ring.names = ("alpha", "bravo")
    for each in ring.names:
        ring[each].start()
    ring.names = ("alpha", "bravo", "charlie")
    ring["charlie"].start()
    try:
        # It speaks to the others, and they answer; nobody begins with it.
        ring.cut = {("charlie", "alpha"), ("charlie", "bravo")}
        ring.block()
        assert not until(lambda: ring["charlie"].keeper.is_settled(1), 0.5)
        for each in ("alpha", "bravo"):
            ring[each].met = [Peer(organisation="charlie", url="http://charlie.test")]
        assert until(lambda: ring["charlie"].keeper.is_settled(1))
        assert until(lambda: [each.organisation for each in ring["alpha"].cosigning.peers()] == ["bravo", "charlie"])
        # At another address it is asked there.
        ring["alpha"].met = [Peer(organisation="charlie", url="http://elsewhere.test")]
        assert until(lambda: ring["alpha"].cosigning.peers()[-1].url == "http://elsewhere.test")
        ring.block()
        assert until(lambda: ring["charlie"].keeper.is_settled(2))
    finally:
        ring.close()


def test_the_way_to_an_address_that_is_left_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    monkeypatch.setattr(Transport, "close", lambda self: closed.append(self.address.url))
    cosigning = Cosigning(
        tmp_path / "ledger.db", "alpha", Keyring(), (), Alarms(), evidence=tmp_path / "evidence", publishers=Keyring()
    )
    for peer in ("bravo", "charlie"):
        cosigning._reach(Peer(organisation=peer, url=f"http://{peer}.test:1"))
    cosigning._reach(Peer(organisation="bravo", url="http://elsewhere.test:1"))
    assert closed == ["http://bravo.test:1"]
    cosigning._part()
    assert sorted(closed) == ["http://bravo.test:1", "http://charlie.test:1", "http://elsewhere.test:1"]


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ring]:
    """One of four members alone, whose lines nobody writes for now; its first block is in memory no more once others follow."""
    monkeypatch.setattr(cosigning_, "SAVE_SECONDS", 3_600.0)
    monkeypatch.setattr(keeper, "RECENT", 2)
    ring = Ring(tmp_path, start=False)
    ring["alpha"].start()
    ring.block()
    yield ring
    ring.close()


def line(ring: Ring, height: int, name: str) -> str:
    known = ring["alpha"].keeper.at(height)
    assert known is not None
    at = ring.now // 1_000_000
    return checkpoint.cosign(note.Note(known.text, ()), f"{makers.ORIGIN}/{name}", signer(name, "cosign"), at)


def hear(ring: Ring, height: int, name: str) -> None:
    """What a member says of a block comes in."""
    known = ring["alpha"].keeper.at(height)
    assert known is not None
    ring["alpha"].answer(Told(notes=(f"{known.text}\n{line(ring, height, name)}",)))


def test_a_line_that_no_file_holds_yet_counts_after_its_block_left_memory(older: Ring) -> None:
    hear(older, 1, "bravo")
    for _ in range(3):
        older.block()
    assert not older["alpha"].keeper.is_settled(1)
    hear(older, 1, "charlie")
    assert older["alpha"].keeper.is_settled(1)


def test_a_block_whose_quorum_is_in_the_file_lacks_it_no_more(older: Ring) -> None:
    for _ in range(3):
        older.block()
    older["alpha"].store.cosign({1: {name: line(older, 1, name) for name in ("bravo", "charlie")}})
    assert not older["alpha"].keeper.is_settled(1)
    hear(older, 1, "bravo")
    assert older["alpha"].keeper.is_settled(1)


def test_who_is_no_member_follows_and_alarms_nobody(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "BEAT_SECONDS", 0.05)
    ring.block(ring.change("delta", "remove"))
    ring.block()
    assert until(lambda: ring["delta"].keeper.is_settled(2))
    # To be told that one is no member is an answer, a while later too.
    later = time.monotonic() + 2.0
    assert until(lambda: all(each.lives > later for each in ring["delta"].cosigning._couriers))
    assert ring["delta"].codes() == {}
    assert all(each.reached for each in ring["delta"].cosigning.peers())


def test_blocks_that_came_at_once_are_taken_up_with_the_next_one(ring: Ring) -> None:
    seat = ring["delta"]
    told, seat.cosigning.committed = seat.cosigning.committed, lambda _: None  # type: ignore[method-assign]
    ring.block(ring.change("delta", "rotate", cosignerKey=member("delta", 1).cosigner))
    ring.block()
    assert seat.keeper.newest.height == 0
    seat.cosigning.committed = told  # type: ignore[method-assign]
    ring.block()
    assert seat.keeper.newest.height == 3
    assert complete(ring, 3)
    assert until(lambda: not seat.keeper.short_count)
    assert all({"alpha", "bravo", "charlie", "delta"} <= {*seat.keeper.lines(height)} for height in (1, 2, 3))


def test_a_ledger_that_moved_in_goes_on_under_all_its_members(tmp_path: Path) -> None:
    life = makers.found(tmp_path / "solo.db")
    life.append(life.system("before"))
    new = [member(each) for each in ORGANISATIONS]
    admitted = [
        life.sign("member.changed", member=each.organisation, change="admit", cosignerKey=each.cosigner, validatorKey=each.key)
        for each in new
    ]
    life.append(*admitted)
    ledger, solo = life.ledger, life.close()
    ring = Ring(tmp_path, start=False)
    try:
        ring.ledger = ledger
        for seat in ring.seats.values():
            shutil.copy(solo, seat.path)
            sealing.stand_behind(seat.path, 2, seat.organisation, signer(seat.organisation, "cosign"), int(time.time()))
        ring["alpha"].start()
        # What one operator signed needs nobody's cosignature. That the members judged it too takes a quorum of them.
        assert ring["alpha"].keeper.is_settled(1)
        assert not ring["alpha"].keeper.is_settled(2)
        for name in ("bravo", "charlie", "delta"):
            ring[name].start()
        assert until(lambda: all(len(each.keeper.lines(2)) == 4 for each in ring.seats.values()))
        assert all(each.keeper.is_settled(2) and not each.keeper.short_count for each in ring.seats.values())
        ring.block()
        assert until(lambda: all(len(each.keeper.lines(3)) == 4 for each in ring.seats.values()))
        assert all(each.keeper.lines(1) == {} for each in ring.seats.values())
        with ring["bravo"].store.view() as view:
            assert checkpoint.open(view.checkpoint_at(2), makers.VERIFIER).size == 8
            assert view.validators_before(2) is None
    finally:
        ring.close()


def test_how_peers_stand(ring: Ring) -> None:
    ring.block()
    assert complete(ring, 1)
    assert until(lambda: all(each.reached and each.agrees for each in ring["alpha"].cosigning.peers()))
    told = ring["alpha"].cosigning.peers()
    assert [each.organisation for each in told] == ["bravo", "charlie", "delta"]
    assert all(each.heard.endswith("Z") for each in told)


def test_who_does_not_answer_is_named_and_forgotten_when_he_does(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muniment.node.cosigning.troubles.SILENT_SECONDS", 1.0)
    monkeypatch.setattr(courier, "BEAT_SECONDS", 0.05)
    ring.silence("delta")
    assert until(lambda: ring["alpha"].codes() == {"peer-silent": "delta"})
    assert until(lambda: not next(each for each in ring["alpha"].cosigning.peers() if each.organisation == "delta").reached)
    ring.cut.clear()
    assert until(lambda: ring["alpha"].codes() == {})


def test_a_missing_quorum_is_told(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muniment.node.cosigning.troubles.QUORUM_SECONDS", 0.2)
    ring.silence("charlie")
    ring.silence("delta")
    ring.block()
    # As soon as bravo's line is there.
    said = "block 1 is cosigned by 2 of 4; 3 must have. Missing: charlie, delta"
    assert until(lambda: any(each.text.startswith(said) for each in ring["alpha"].alarms.standing()))
    assert ring["alpha"].codes() == {"quorum-missing": ""}
    ring.cut.clear()
    assert until(lambda: ring["alpha"].codes() == {})
