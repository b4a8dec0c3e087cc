"""While nothing happens members sign the newest checkpoint anew: who does, when, what the others take, and what everybody sees."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import makers
from cosigners import Ring, Seat, at_size, checkpoint_of, cosign, until
from membership import member, signer
from muniment.core.format import checkpoint, note
from muniment.core.proof import authority, consortium
from muniment.core.proof.trust import Trust
from muniment.errors import Unavailable, VerificationError
from muniment.ledger.store.cosignatures import Cosignatures
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck
from muniment.node.cosigning import head, renewal
from muniment.node.cosigning.head import CLOCK_SECONDS, Head
from muniment.node.cosigning.keyring import Keyring
from muniment.node.cosigning.message import Heard, Told
from muniment.node.cosigning.reading import Settled
from muniment.node.cosigning.renewal import LEAST_SECONDS, RENEW_SECONDS, Renewal
from muniment.node.cosigning.voters import LOG
from muniment.node.repair import rebuild

DAY = 86_400.0


class Clock:
    """Every member's clock, and that of the blocks."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(tmp_path: Path, clock: Clock) -> Iterator[Ring]:
    """Everybody hears everybody, and has all lines of the first block."""
    made = Ring(tmp_path, clock=clock)
    made.block()
    assert until(lambda: all(len(seat.keeper.lines(1)) == 5 for seat in made.seats.values()))
    yield made
    made.close()


@pytest.fixture
def alone(tmp_path: Path, clock: Clock) -> Iterator[Ring]:
    """Only alpha runs, and hears what a test tells it."""
    made = Ring(tmp_path, start=False, clock=clock)
    for name in made.names:
        made.silence(name)
    made["alpha"].start()
    made.block()
    yield made
    made.close()


@pytest.fixture
def alpha(alone: Ring, clock: Clock) -> Seat:
    """Alpha, with a quorum on its newest block."""
    seat = alone["alpha"]
    settle(seat, clock.now, "bravo", "charlie")
    return seat


def settle(seat: Seat, at: float, *names: str) -> None:
    for name in names:
        say(seat, name, at)


def say(seat: Seat, name: str, at: float, text: str = "") -> Heard:
    return seat.answer(Told(notes=(cosign(text or seat.keeper.newest.text, name, at=at),)))


def signed_at(seat: Seat, name: str, height: int = 1) -> int:
    return head.read_time(seat.keeper.lines(height)[name])


def renewing(seat: Seat, clock: Clock) -> Renewal:
    """As a node has it, with a clock of its own that began long ago."""
    made = Renewal(seat.organisation, seat.keeper, Keyring([signer(seat.organisation, "cosign")]), seat.alarms, clock=clock)
    clock.now += RENEW_SECONDS
    return made


def trust_of(seat: Seat, ledger: str) -> Trust:
    validators = seat.store.validators
    assert validators is not None
    return consortium.to_trust(makers.ORIGIN, ledger, validators)


def quorum_time(seat: Seat, ledger: str) -> int | None:
    with seat.store.view() as view:
        view.beside = seat.keeper.lines
        return authority.open_head(view.checkpoint, trust_of(seat, ledger)).quorum_time


def test_all_sign_the_newest_block_anew_and_tell_each_other(ring: Ring, clock: Clock) -> None:
    began = clock.now
    for round_ in range(1, 4):
        clock.now = began + round_ * (RENEW_SECONDS + 10)
        assert until(lambda: all(signed_at(seat, name) == clock.now for seat in ring.seats.values() for name in ring.names)), round_
    lines = ring["alpha"].keeper.lines(1)
    assert {*lines} == {*ring.names, LOG}
    assert all(seat.keeper.lines(1) == lines for seat in ring.seats.values())


def test_the_logs_own_line_has_no_time_and_stays(ring: Ring, clock: Clock) -> None:
    before = ring["bravo"].keeper.lines(1)[LOG]
    clock.now += RENEW_SECONDS
    assert until(lambda: all(signed_at(ring["bravo"], name) == clock.now for name in ring.names))
    assert ring["bravo"].keeper.lines(1)[LOG] == before


def test_the_file_and_every_reader_show_one_line_of_each(ring: Ring, clock: Clock) -> None:
    clock.now += DAY
    seats = ring.seats.values()
    assert until(lambda: all(signed_at(seat, name) == clock.now for seat in seats for name in ring.names))
    for seat in seats:
        expected = sorted(seat.keeper.lines(1).values())
        # Another process reads the file alone.
        assert until(
            lambda seat=seat, expected=expected: sorted(map(note.format_signature, checkpoint_of(seat).signatures)) == expected
        )
        reader = Settled(Store.open(seat.path), seat.keeper)
        with reader.view() as view:
            for raw in (view.checkpoint, view.checkpoint_at(1)):
                assert sorted(map(note.format_signature, note.parse(raw).signatures)) == expected
            assert note.parse(view.checkpoint).signatures[0].name == makers.ORIGIN
            assert authority.open_head(view.checkpoint, trust_of(seat, ring.ledger)).quorum_time == clock.now
        reader.close()


def test_a_renewed_ledger_is_sound_and_can_be_made_again(ring: Ring, clock: Clock, tmp_path: Path) -> None:
    seat = ring["charlie"]
    clock.now += DAY
    assert until(lambda: [*map(checkpoint.read_time, checkpoint_of(seat).signatures)] == [0, *[clock.now] * 4])
    trust = trust_of(seat, ring.ledger)
    assert not fsck(seat.path, trust).findings
    with seat.store.view() as view:
        size = view.size
        assert len(note.parse(view.sealed_checkpoint(1)).signatures) == 1
    rebuild.rebuild(seat.store, tmp_path / "again.db", ring.ledger, size)
    assert not fsck(tmp_path / "again.db", trust).findings


def test_two_of_four_that_go_on_alone_do_not_move_the_quorums_clock(ring: Ring, clock: Clock) -> None:
    clock.now += RENEW_SECONDS
    assert until(lambda: all(signed_at(ring["alpha"], name) == clock.now for name in ring.names))
    last = clock.now
    assert quorum_time(ring["alpha"], ring.ledger) == last
    for name in ("charlie", "delta"):
        ring[name].stop()
    for _ in range(3):
        clock.now += RENEW_SECONDS
        for name in ("alpha", "bravo"):
            seat = ring[name]
            assert until(lambda seat=seat: all(signed_at(seat, each) == clock.now for each in ("alpha", "bravo")))
            assert quorum_time(seat, ring.ledger) == last
    ring["charlie"].start()
    clock.now += RENEW_SECONDS
    assert until(lambda: quorum_time(ring["alpha"], ring.ledger) == clock.now)


def test_after_a_restart_an_old_line_is_renewed(ring: Ring, clock: Clock) -> None:
    ring["delta"].stop()
    clock.now += DAY
    ring["delta"].start()
    # It listens first.
    time.sleep(0.7)
    assert signed_at(ring["delta"], "delta") < clock.now
    clock.now += renewal.LISTENING_SECONDS
    assert until(lambda: all(signed_at(seat, "delta") == clock.now for seat in ring.seats.values()))


def test_what_was_renewed_outlasts_a_restart(ring: Ring, clock: Clock) -> None:
    clock.now += DAY
    assert until(lambda: all(signed_at(ring["alpha"], name) == clock.now for name in ring.names))
    ring["alpha"].stop()
    ring["alpha"].start()
    assert all(signed_at(ring["alpha"], name) == clock.now for name in ring.names)


def test_a_new_block_ends_it_for_the_one_before(ring: Ring, clock: Clock) -> None:
    clock.now += RENEW_SECONDS
    assert until(lambda: all(signed_at(ring["alpha"], name) == clock.now for name in ring.names))
    before, shown = clock.now, ring["alpha"].keeper.lines(1)
    ring.block()
    assert until(lambda: len(ring["alpha"].keeper.lines(2)) == 5)
    clock.now += RENEW_SECONDS
    assert until(lambda: all(signed_at(ring["alpha"], name, 2) == clock.now for name in ring.names))
    assert ring["alpha"].keeper.lines(1) == shown
    older = ring["alpha"].keeper.at(1)
    assert older is not None
    say(ring["alpha"], "bravo", clock.now, older.text)
    assert signed_at(ring["alpha"], "bravo") == before


def test_it_signs_no_sooner_than_it_is_time(alpha: Seat, clock: Clock) -> None:
    renewing_ = renewing(alpha, clock)
    clock.now = signed_at(alpha, "alpha") + RENEW_SECONDS - 1
    assert not renewing_.look()
    clock.now += 1
    assert until(lambda: signed_at(alpha, "alpha") == clock.now)
    assert not renewing_.look()


def test_a_clock_that_was_set_back_takes_nothing_back(alpha: Seat, clock: Clock) -> None:
    renewing_ = renewing(alpha, clock)
    assert renewing_.look() or until(lambda: signed_at(alpha, "alpha") == clock.now)
    last = signed_at(alpha, "alpha")
    clock.now -= CLOCK_SECONDS
    assert not renewing_.look()
    assert signed_at(alpha, "alpha") == last


def test_what_a_wrong_clock_dated_far_ahead_is_signed_anew_once_the_clock_is_right(ring: Ring, clock: Clock) -> None:
    """Nobody else took it; to wait until that time comes would be to say nothing for as long as the clock was wrong."""
    seat = ring["delta"]
    seat.clock = lambda: clock.now + DAY
    assert until(lambda: signed_at(seat, "delta") == clock.now + DAY)
    seat.clock = clock
    clock.now += RENEW_SECONDS
    assert until(lambda: all(signed_at(each, "delta") == clock.now for each in ring.seats.values()))
    assert until(lambda: max(map(checkpoint.read_time, checkpoint_of(seat).signatures)) == clock.now)


def test_what_no_quorum_signed_is_not_signed_anew(alone: Ring, clock: Clock) -> None:
    seat = alone["alpha"]
    renewing_ = renewing(seat, clock)
    assert not renewing_.look()
    settle(seat, clock.now, "bravo")
    assert not renewing_.look()
    settle(seat, clock.now, "charlie")
    assert until(lambda: signed_at(seat, "alpha") == clock.now)


@pytest.mark.parametrize("code", sorted(renewal.SILENCING))
def test_a_node_that_is_not_in_order_is_silent(alpha: Seat, clock: Clock, code: str) -> None:
    alpha.alarms.sound(code, "alpha" if code == "diverged" else "", "as a test wants it")
    renewing_, before = renewing(alpha, clock), signed_at(alpha, "alpha")
    time.sleep(0.6)
    assert not renewing_.look()
    assert signed_at(alpha, "alpha") == before
    alpha.alarms.quiet(code, "alpha" if code == "diverged" else "")
    assert renewing_.look() or until(lambda: signed_at(alpha, "alpha") == clock.now)


def test_of_other_troubles_it_goes_on(alpha: Seat, clock: Clock) -> None:
    alpha.alarms.sound("peer-silent", "delta", "as a test wants it")
    assert renewing(alpha, clock).look() or until(lambda: signed_at(alpha, "alpha") == clock.now)


def test_who_hears_of_something_newer_is_silent_and_one_liar_silences_nobody(alone: Ring, clock: Clock) -> None:
    seat = alone["alpha"]
    # Before the quorum, so that the node itself does not sign meanwhile.
    newer = at_size(seat.keeper.newest.text, 99)
    say(seat, "delta", clock.now, newer)
    assert not seat.keeper.is_outrun
    say(seat, "charlie", clock.now, newer)
    assert seat.keeper.is_outrun
    settle(seat, clock.now, "bravo", "charlie")
    renewing_, before = renewing(seat, clock), signed_at(seat, "alpha")
    time.sleep(0.6)
    assert not renewing_.look()
    assert signed_at(seat, "alpha") == before


def test_one_member_that_speaks_of_something_newer_does_not_stop_it(alpha: Seat, clock: Clock) -> None:
    say(alpha, "delta", clock.now, at_size(alpha.keeper.newest.text, 99))
    assert renewing(alpha, clock).look() or until(lambda: signed_at(alpha, "alpha") == clock.now)


def test_former_members_and_former_keys_silence_nobody(alone: Ring, clock: Clock) -> None:
    """A line on a size that never comes would be kept for ever, and lines of two members that were removed would be enough."""
    seat = alone["alpha"]
    newer = at_size(seat.keeper.newest.text, 999)
    for name in ("charlie", "delta"):
        say(seat, name, clock.now, newer)
    assert seat.keeper.is_outrun
    alone.block(alone.change("delta", "rotate", cosignerKey=member("delta", 1).cosigner))
    assert not seat.keeper.is_outrun
    settle(seat, clock.now, "bravo", "charlie", "delta")
    say(seat, "bravo", clock.now, newer)
    assert seat.keeper.is_outrun
    alone.block(alone.change("bravo", "remove"))
    # Charlie's own line stands: of three members none may fail, and one word is enough.
    assert seat.keeper.is_outrun
    assert seat.keeper.ahead.voices == 1


def test_it_signs_with_the_key_that_is_in_force_for_the_block(tmp_path: Path, clock: Clock) -> None:
    ring = Ring(tmp_path, clock=clock)
    try:
        ring.block(ring.change("delta", "rotate", cosignerKey=member("delta", 1).cosigner))
        assert until(lambda: len(ring["alpha"].keeper.lines(1)) == 5)
        clock.now += RENEW_SECONDS
        # The block that exchanges the key is still judged by the old one.
        assert until(lambda: signed_at(ring["alpha"], "delta") == clock.now)
        ring.block()
        assert until(lambda: len(ring["alpha"].keeper.lines(2)) == 5)
        clock.now += RENEW_SECONDS
        assert until(lambda: signed_at(ring["alpha"], "delta", 2) == clock.now)
    finally:
        ring.close()


def test_without_that_key_nothing_is_signed(alpha: Seat, clock: Clock) -> None:
    empty = Renewal("alpha", alpha.keeper, Keyring(), alpha.alarms, clock=clock)
    clock.now += RENEW_SECONDS
    assert not empty.look()
    other = Renewal("echo", alpha.keeper, Keyring([signer("echo", "cosign")]), alpha.alarms, clock=clock)
    clock.now += RENEW_SECONDS
    assert not other.look()


def test_a_later_line_takes_the_place_and_an_earlier_one_does_not(alpha: Seat, clock: Clock) -> None:
    began = int(clock.now)
    clock.now += RENEW_SECONDS
    say(alpha, "bravo", clock.now - 5)
    assert signed_at(alpha, "bravo") == clock.now - 5
    clock.now += LEAST_SECONDS
    for at in (began, clock.now - LEAST_SECONDS - 5, began + 1):
        say(alpha, "bravo", at)
    assert signed_at(alpha, "bravo") == clock.now - LEAST_SECONDS - 5
    assert alpha.keeper.newest.votes == 3


def test_lines_are_renewed_seldom(alpha: Seat, clock: Clock) -> None:
    clock.now += RENEW_SECONDS
    first = int(clock.now)
    for step in range(10):
        say(alpha, "bravo", first + step)
        # Each for himself.
        say(alpha, "charlie", first + 2 * step)
    assert (signed_at(alpha, "bravo"), signed_at(alpha, "charlie")) == (first, first)
    clock.now += LEAST_SECONDS
    say(alpha, "bravo", first + 20)
    assert signed_at(alpha, "bravo") == first + 20
    # This machine's clock was set back: nobody waits until it has caught up.
    clock.now -= DAY
    say(alpha, "bravo", first + 30)
    assert signed_at(alpha, "bravo") == first + 20
    clock.now += DAY - 1
    say(alpha, "bravo", first + 40)
    assert signed_at(alpha, "bravo") == first + 40


def test_a_line_from_the_future_is_not_taken(alpha: Seat, clock: Clock) -> None:
    before = signed_at(alpha, "bravo")
    clock.now += RENEW_SECONDS
    say(alpha, "bravo", clock.now + CLOCK_SECONDS + 1)
    assert signed_at(alpha, "bravo") == before
    say(alpha, "bravo", clock.now + CLOCK_SECONDS)
    assert signed_at(alpha, "bravo") == clock.now + CLOCK_SECONDS


def test_a_forged_renewal_is_refused(alpha: Seat, clock: Clock) -> None:
    before = alpha.keeper.lines(1)
    clock.now += RENEW_SECONDS - 1
    with pytest.raises(VerificationError, match="is not over this checkpoint"):
        alpha.answer(Told(notes=(cosign(alpha.keeper.newest.text, "bravo", at=clock.now, forged=True),)))
    assert alpha.keeper.lines(1) == before


def test_a_line_on_a_block_without_its_quorum_stays_the_first_one(alone: Ring, clock: Clock) -> None:
    seat = alone["alpha"]
    say(seat, "bravo", clock.now)
    clock.now += RENEW_SECONDS
    say(seat, "bravo", clock.now)
    assert signed_at(seat, "bravo") == clock.now - RENEW_SECONDS
    newest: Head = seat.keeper.newest
    assert not seat.keeper.replace(newest, "charlie", seat.keeper.lines(1)["bravo"])


def test_what_could_not_be_written_is_written_with_the_newest_lines(
    alpha: Seat, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(table: Cosignatures, lines: object) -> None:
        raise Unavailable("the disk is full", code="full")

    with monkeypatch.context() as patch:
        patch.setattr(Cosignatures, "write", refuse)
        clock.now += RENEW_SECONDS
        say(alpha, "bravo", clock.now)
        time.sleep(0.7)
        assert signed_at(alpha, "bravo") == clock.now
        clock.now += LEAST_SECONDS
        say(alpha, "bravo", clock.now)
    line = alpha.keeper.lines(1)["bravo"]
    assert until(lambda: line in [*map(note.format_signature, checkpoint_of(alpha).signatures)])
    assert checkpoint.read_time(note.parse_signature(line)) == clock.now
