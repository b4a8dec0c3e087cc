"""A ledger of four organisations in which nothing happens for days: a reader who was never there can still ask for what is new.

The members sign the newest checkpoint anew, so that `--max-age 10m` works and a member that replays what a quorum signed long ago
is caught by somebody who saw nothing newer. Where no quorum is left to sign, the checkpoint grows old, and is refused as well.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import hosts
import makers
import serving
from cosigners import Ring, Seat, checkpoint_of, until
from muniment import config
from muniment.client.checking import Checked, verify
from muniment.client.gating import entrance
from muniment.client.gating.decision import Gated
from muniment.core.format import checkpoint, note
from muniment.core.proof import consortium
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.errors import VerificationError
from muniment.ledger.embedded import Embedded, system_clock
from muniment.ledger.store.file import Store
from muniment.net.ways import NodeWarning
from muniment.node.cosigning.reading import Settled
from muniment.node.cosigning.renewal import LISTENING_SECONDS

DAY, HOUR, TEN_MINUTES = 86_400, 3_600, 600
PLACE = "production/credit-risk"
VERSION = "2" * 64


class Idle:
    """Four members whose clock a test turns, and servers over what two of them have, of which one has only what it had long ago."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = time.time() - 3 * DAY
        self.ring = Ring(folder / "ring", clock=lambda: self.now)
        validators = self.ring["alpha"].store.validators
        assert validators is not None
        self.trust: Trust = consortium.to_trust(makers.ORIGIN, self.ring.ledger, validators)
        self.hosts: list[hosts.Host] = []
        self.clients = 0

    def record(self, name: str, /, **fields: object) -> None:
        """One event in a block that everybody cosigns."""
        self.ring.block(makers.sign(self.ring.ledger, name, **fields))
        height = self.ring["alpha"].keeper.newest.height
        assert until(lambda: all(len(seat.keeper.lines(height)) == 5 for seat in self.ring.seats.values()))

    def turn(self, now: float, *names: str) -> None:
        """Turn all clocks; these members have then signed anew, as far as alpha knows."""
        self.now = now
        assert until(lambda: all(self.signed_at(name) == int(now) for name in names))

    def signed_at(self, name: str) -> int:
        alpha = self.ring["alpha"].keeper
        return checkpoint.read_time(note.parse_signature(alpha.lines(alpha.newest.height)[name]))

    def serve(self, name: str, path: Path, reader: Embedded) -> hosts.Host:
        folder = self.folder / name
        folder.mkdir()
        (folder / "ledger.db").symlink_to(path)
        (folder / "trust.toml").write_text(trusts.format(self.trust))
        self.hosts.append(hosts.Host(folder, None, self.trust, system_clock, reader=reader))
        return self.hosts[-1]

    def serve_node(self, seat: Seat) -> hosts.Host:
        return self.serve("node", seat.path, Settled(Store.open(seat.path), seat.keeper))

    def serve_old(self, seat: Seat) -> hosts.Host:
        """A server of what a member has now, and of nothing that comes later."""
        path = self.folder / "old.db"
        assert until(lambda: len(checkpoint_of(seat).signatures) == 5)
        seat.store.backup(path)
        return self.serve("old", path, Embedded(Store.open(path), None))

    def check(self, raw: bytes, age: int | None) -> Checked:
        """Verify with nothing but the trust file, and without any memory."""
        return verify(raw, trust=self.trust, home=self.begin(), max_age=age)

    def gate(self, age: int, *nodes: hosts.Host) -> Gated:
        """Ask nodes whether the version may start, from a machine that was never there."""
        folder = self.begin()
        (folder / "trust.toml").write_text(trusts.format(self.trust))
        environment = {
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "MUNIMENT_URL": " ".join(each.url for each in nodes),
            "MUNIMENT_TOKEN": hosts.TOKEN,
            "MUNIMENT_TRUST": str(folder / "trust.toml"),
        }
        terms = entrance.Terms(receipt=folder / "gate.json", max_age=age)
        return entrance.gate(config.resolve(environment, folder, {}), PLACE, VERSION, terms)

    def close(self) -> None:
        for each in self.hosts:
            each.close()
        self.ring.close()

    def begin(self) -> Path:
        """A new place of somebody who was never here."""
        self.clients += 1
        folder = self.folder / f"client-{self.clients}"
        folder.mkdir()
        return folder


@pytest.fixture
def idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Idle]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "ring").mkdir()
    made = Idle(tmp_path)
    made.record("dataset.registered", name="loans", data="1" * 64, bytes=1, files=1)
    made.record("model.registered", model="credit-risk", version=VERSION, derivation="trained", data=["1" * 64])
    made.record("deployment.changed", transition="start", environment="production", name="credit-risk", version=VERSION)
    yield made
    made.close()


def read(node: hosts.Host, path: str, tag: str = "") -> tuple[int, bytes, str]:
    """Status, body and entity tag of an answer."""
    answer = httpx.get(node.url + path, headers=serving.bearer("admin") | ({"If-None-Match": tag} if tag else {}))
    return answer.status_code, answer.content, answer.headers["ETag"]


def test_what_was_idle_for_days_is_as_new_as_it_is_confirmed(idle: Idle) -> None:
    node = idle.serve_node(idle.ring["alpha"])
    old = {path: read(node, path) for path in ("/checkpoint", "/v1/prove?thing=credit-risk")}
    for path, (status, raw, tag) in old.items():
        assert status == 200
        assert idle.check(raw, None)
        with pytest.raises(VerificationError) as caught:
            idle.check(raw, TEN_MINUTES)
        assert (caught.value.step, caught.value.code) == (6, "stale")
        assert read(node, path, tag)[0] == 304

    idle.turn(time.time(), *idle.ring.names)
    for path, (_, raw, tag) in old.items():
        # Nobody is told that he has it already.
        status, now, other = read(node, path, tag)
        assert (status, other != tag, now != raw) == (200, True, True)
        assert idle.check(now, TEN_MINUTES)
    told = " ".join(idle.check(read(node, "/v1/prove?thing=credit-risk")[1], TEN_MINUTES).sentences)
    assert "is the newest, and the checkpoint is as fresh as was asked for" in told
    assert "Nothing newer was seen at" in told
    gated = idle.gate(TEN_MINUTES, node)
    assert gated.allowed
    assert gated.shown is not None
    # Sealed three days ago, by the header's clock, and confirmed just now, by the members'.
    assert gated.shown.clock.startswith("header time")
    assert gated.shown.age > 2 * DAY
    assert "Nothing newer was seen at" in " ".join(gated.sentences)


def test_the_file_at_a_member_is_as_new_for_those_who_read_it_alone(idle: Idle) -> None:
    alpha = idle.ring["alpha"]
    idle.turn(time.time(), *idle.ring.names)
    assert until(lambda: all(checkpoint.read_time(each) in (0, int(idle.now)) for each in checkpoint_of(alpha).signatures))
    checked = verify(alpha.path, trust=idle.trust, home=idle.begin(), max_age=TEN_MINUTES)
    assert "Nothing newer was seen at" in " ".join(checked.sentences)


def test_who_shows_what_was_signed_long_ago_is_refused_by_somebody_who_was_never_there(idle: Idle) -> None:
    replaying = idle.serve_old(idle.ring["delta"])
    idle.record("incident.recorded", severity="high", awareAt="2026-11-23T00:00:00.000000Z", version=VERSION, hold=True)
    idle.turn(time.time(), *idle.ring.names)
    node = idle.serve_node(idle.ring["alpha"])
    assert [each.code for each in idle.gate(TEN_MINUTES, node).causes] == ["hold"]

    # All of it is genuine, and a quorum signed it: only its age gives it away.
    assert idle.gate(7 * DAY, replaying).allowed
    assert idle.check(read(replaying, "/checkpoint")[1], None)
    gated = idle.gate(TEN_MINUTES, replaying)
    assert (gated.allowed, [each.code for each in gated.causes]) == (False, ["stale"])
    assert "may be an older state" in gated.causes[0].said
    assert "a quorum of 3 cosigning organisations" in gated.causes[0].said
    # Whoever knows another node is told by that one.
    with pytest.warns(NodeWarning, match=rf"{replaying.url} shows what does not hold.*stale"):
        asked = idle.gate(TEN_MINUTES, replaying, node)
    assert [each.code for each in asked.causes] == ["hold"]
    with pytest.raises(VerificationError, match="more than 600 s before") as caught:
        idle.check(read(replaying, "/checkpoint")[1], TEN_MINUTES)
    assert (caught.value.step, caught.value.code) == (6, "stale")
    assert "another member's node" in caught.value.hint


def test_without_a_quorum_it_grows_old_and_with_one_it_is_new_again(idle: Idle) -> None:
    node = idle.serve_node(idle.ring["alpha"])
    idle.turn(time.time() - HOUR, *idle.ring.names)
    for name in ("charlie", "delta"):
        idle.ring[name].stop()
    # The two that are left go on signing, and are no quorum.
    idle.turn(time.time(), "alpha", "bravo")
    raw = read(node, "/checkpoint")[1]
    assert len(note.parse(raw).signatures) == 5
    with pytest.raises(VerificationError, match="more than 600 s before") as caught:
        idle.check(raw, TEN_MINUTES)
    assert caught.value.code == "stale"
    assert idle.check(raw, 2 * HOUR)
    assert not idle.gate(TEN_MINUTES, node).allowed

    idle.ring["charlie"].start()
    idle.turn(idle.now + LISTENING_SECONDS, "charlie")
    assert idle.check(read(node, "/checkpoint")[1], TEN_MINUTES)
    assert idle.gate(TEN_MINUTES, node).allowed
