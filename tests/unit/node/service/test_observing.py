"""What a node shows of its newest checkpoints, each time that it looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import consortium
import league
import makers
import membership
from league import League
from muniment.cli.output import when
from muniment.cli.standing import tell
from muniment.core.format import checkpoint, note, time
from muniment.core.rules import members
from muniment.ledger.store.cosignatures import Cosignatures
from muniment.ledger.store.fsck import seals
from muniment.ledger.store.snapshot import Snapshot
from muniment.net import address
from muniment.node.alarms import Alarms
from muniment.node.engine.rpc import EngineRpc
from muniment.node.process.standing import NodeStatus, Process
from muniment.node.service.observing import SHOWN_CHECKPOINTS, Observer
from muniment.server.standing import CheckpointStanding, Standing
from muniment.server.telemetry.consortium import Consortium as Figures


@pytest.fixture
def them(tmp_path: Path) -> Iterator[League]:
    league = League(tmp_path / "ledger.db")
    yield league
    league.store.close()


@pytest.fixture
def observer(them: League, tmp_path: Path) -> Observer:
    engine = EngineRpc(address.parse("http://127.0.0.1:9"))
    return Observer("alpha", them.store.view, engine, tuple, Alarms(), tmp_path, lambda raw: None, lambda: None)


def by_the_book(view: Snapshot) -> Iterator[CheckpointStanding]:
    """The same, each height read by itself."""
    for height in range(view.height, max(-1, view.height - SHOWN_CHECKPOINTS), -1):
        voters = view.validators_before(height)
        assert voters is not None
        signed = note.parse(view.checkpoint_at(height))
        names = {each.name for each in signed.signatures}
        times = sorted(each.time for each in checkpoint.open_cosignatures(signed, seals.cosigners(makers.ORIGIN, voters)))
        cosigners = [each.organisation for each in voters.members]
        yield CheckpointStanding(
            height=height,
            size=view.header(height).size + 1,
            time=view.header(height).time,
            cosigners=tuple([each for each in cosigners if members.cosigner_name(makers.ORIGIN, each) in names]),
            quorum=voters.quorum,
            published=makers.ORIGIN in names,
            confirmed=time.format(times[-voters.quorum] * 1_000_000) if len(times) >= voters.quorum else "",
        )


def test_each_checkpoint_shows_those_who_judged_it(them: League, observer: Observer) -> None:
    for step in (them.note, lambda: them.admit("echo"), them.note, lambda: them.remove("bravo"), them.note):
        step()
        with them.store.view() as view:
            expected = tuple(by_the_book(view))
        assert observer.stand().checkpoints == expected
        assert observer.stand().checkpoints == expected
    assert {each.quorum for each in expected} == {members.quorum(4), members.quorum(5)}


def test_only_the_newest_are_shown(them: League, observer: Observer) -> None:
    for _ in range(SHOWN_CHECKPOINTS + 2):
        them.note()
    shown = observer.stand().checkpoints
    assert [each.height for each in shown] == list(range(SHOWN_CHECKPOINTS + 2, 2, -1))


def test_who_cosigns_late_is_shown_from_then_on(them: League, observer: Observer) -> None:
    them.silent, them.cosigners = True, lambda validators: league.everybody(validators)[:2]
    them.note()
    newest = observer.stand().checkpoints[0]
    assert (newest.cosigners, newest.published) == (("alpha", "bravo"), False)

    with them.store.view() as view:
        raw = them.cosign(view.checkpoint, ["charlie"])
    found = checkpoint.parse(note.parse(raw).text)
    name = members.cosigner_name(found.origin, "charlie")
    line = next(note.format_signature(each) for each in note.parse(raw).signatures if each.name == name)
    table = Cosignatures(them.store.path)
    table.write({newest.height: {"charlie": line}})
    table.close()
    assert observer.stand().checkpoints[0].cosigners == ("alpha", "bravo", "charlie")


def test_what_goes_wrong_once_ends_no_alarms(them: League, tmp_path: Path) -> None:
    """Nobody else raises them: a mistake in one look must not be the last look."""
    engine, looks = EngineRpc(address.parse("http://127.0.0.1:9")), list[int]()

    def trouble() -> None:
        looks.append(1)
        if len(looks) == 1:
            raise ValueError("once")

    watching = Observer("alpha", them.store.view, engine, tuple, Alarms(), tmp_path, lambda raw: None, trouble, seconds=0.01)
    watching.open()
    consortium.until(lambda: len(looks) > 2)
    watching.close()


@pytest.mark.parametrize("leaves", [False, True])
def test_an_alarm_about_a_key_that_signed_twice_ends_with_its_vote(them: League, tmp_path: Path, leaves: bool) -> None:
    """As it would after the node's next start; what happened stays on record."""

    def sounded() -> list[tuple[str, str]]:
        observer.look()
        return [(each.code, each.organisation) for each in alarms.standing() if each.code == "double-sign"]

    engine, alarms = EngineRpc(address.parse("http://127.0.0.1:9")), Alarms()
    observer = Observer("alpha", them.store.view, engine, tuple, alarms, tmp_path, lambda raw: None, lambda: None)
    them.fault("bravo")
    them.fault("charlie")
    assert sounded() == [("double-sign", "bravo"), ("double-sign", "charlie")]
    # The key that cosigns is another one.
    them.rotate("bravo", 1)
    assert len(sounded()) == 2
    if leaves:
        them.remove("bravo")
    else:
        them.say("member.changed", member="bravo", change="rotate", validatorKey=membership.member("bravo", 2).key)
    assert sounded() == [("double-sign", "charlie")]
    assert [each.organisation for each in observer.stand().faults] == ["charlie"]
    with them.store.view() as view:
        assert b'"faults":1' in (view.record("member/bravo") or b"")


def test_it_looks_at_once(them: League, tmp_path: Path) -> None:
    """Whoever asks how a node stands right after its start is not shown its last life."""
    engine, shown = EngineRpc(address.parse("http://127.0.0.1:9")), list[bytes]()
    watching = Observer("alpha", them.store.view, engine, tuple, Alarms(), tmp_path, shown.append, lambda: None, seconds=60.0)
    watching.open()
    consortium.until(lambda: bool(shown))
    watching.close()
    assert msgspec.json.decode(shown[0], type=Standing).engine == "away"


def test_when_a_quorum_last_signed_the_newest_checkpoint_is_told(them: League, observer: Observer) -> None:
    """At the node, in its figures, and not before there is a quorum."""
    them.note()
    newest = observer.stand().checkpoints[0]
    # The third of four lines, each a second later than the one before.
    assert newest.confirmed == time.format(them.now + 1_000_000)
    assert told(observer) == [
        f"  cosigned   block 1 by alpha, bravo, charlie, delta; a quorum last confirmed it at {when(newest.confirmed)}"
    ]
    assert figure(observer) == time.parse(newest.confirmed) / 1_000_000

    line = checkpoint.cosign(note.Note(text(them), ()), f"{makers.ORIGIN}/bravo", membership.signer("bravo", "cosign"), CENTURY)
    table = Cosignatures(them.store.path)
    table.write({1: {"bravo": line}})
    table.close()
    # One that signs anew moves it only as far as a quorum goes with him.
    assert observer.stand().checkpoints[0].confirmed == time.format(them.now + 2_000_000)

    them.cosigners = lambda validators: league.everybody(validators)[:2]
    them.silent = True
    them.note()
    assert observer.stand().checkpoints[0].confirmed == ""
    assert told(observer) == ["  cosigned   block 2 by alpha, bravo"]
    assert figure(observer) == 0


CENTURY = 4_000_000_000


def text(them: League) -> str:
    with them.store.view() as view:
        return note.parse(view.checkpoint).text


def told(observer: Observer) -> list[str]:
    process = Process(ready=True)
    found = NodeStatus(
        home="",
        organisation="alpha",
        phase="running",
        progress="",
        well=True,
        supervisor="1",
        application=process,
        engine=process,
        alarms=(),
        wrong=(),
        standing=observer.stand(),
        current=True,
    )
    return [line for line in tell(found) if "cosigned" in line]


def figure(observer: Observer) -> float:
    found = {each.name: each for each in Figures(observer.stand).collect()}
    return found["muniment_checkpoint_confirmed_timestamp_seconds"].samples[0].value
