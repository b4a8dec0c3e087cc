"""A client follows the members of a consortium: at its first contact after a change, aloud, and with the former file beside it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

import makers
import serving
from league import League
from membership import member, signer
from muniment import config
from muniment.client import checking, opening, standpoint
from muniment.client.checking import Wanted
from muniment.client.following import Follower, MembersWarning
from muniment.client.home import Home
from muniment.client.opening import connect
from muniment.client.reach import Here
from muniment.client.remote import first_contact, mirroring
from muniment.client.writing import Writer
from muniment.config import Config
from muniment.core.format import note
from muniment.core.proof import consortium
from muniment.core.proof import receipt as receipts
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import verify_answer
from muniment.core.rules.members import Validators
from muniment.errors import Unavailable, VerificationError
from muniment.ledger.pins import Pins, fingerprint
from muniment.ledger.prover import prove_receipt
from muniment.ledger.store.cosignatures import Cosignatures
from muniment.net.transport import Transport
from muniment.net.wire import Members
from muniment.server.frames import read_frame


class Place(NamedTuple):
    """A consortium, a node that serves its ledger, and the settings of a client."""

    league: League
    server: serving.Server
    settings: Config

    @property
    def trust(self) -> Path:
        return self.settings.home / "trust.toml"

    def read(self) -> Trust:
        return trusts.parse(self.trust.read_text())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    home = tmp_path / "node"
    home.mkdir()
    league = League(home / "ledger.db")
    league.note("begun")
    (home / "trust.toml").write_text(trusts.format(league.trust))
    with serving.running(home, state=tmp_path / "state", writes=False) as server:
        environment = {"HOME": str(tmp_path), "MUNIMENT_URL": server.url, "MUNIMENT_TOKEN": server.token}
        yield Place(league, server, config.resolve(environment, tmp_path, {}))


def meet(place: Place) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        connect(place.settings).close()


def test_the_trust_file_moves_forward_aloud_and_the_former_one_is_kept(place: Place) -> None:
    meet(place)
    before = place.trust.read_text()
    place.league.admit("echo")
    place.league.rotate("bravo", 1)
    place.league.remove("delta")
    place.league.note("after")
    with pytest.warns(MembersWarning) as said, connect(place.settings) as ledger:
        proved = ledger.prove("entry/1")
    told = str(said[0].message)
    assert "echo was admitted; delta is no member any more; bravo cosigns with another key" in told
    assert consortium.agree(place.read(), place.league.trust)
    (kept,) = place.settings.home.glob("trust-until-*.toml")
    assert kept.read_text() == before
    assert str(kept) in told
    assert place.read().log_keys == trusts.parse(before).log_keys
    # Whoever has the old file alone verifies what was made after the change, and the other way round.
    assert verify_answer(proved.raw, trusts.parse(before)).ground.led == "later"
    assert verify_answer(proved.raw, place.read()).ground.led is msgspec.UNSET
    with warnings.catch_warnings():
        warnings.simplefilter("error", MembersWarning)
        connect(place.settings).close()


def test_it_follows_while_it_is_open(place: Place) -> None:
    meet(place)
    with connect(place.settings) as ledger:
        place.league.admit("echo")
        place.league.note("after")
        with pytest.warns(MembersWarning), ledger.view() as view:
            assert view.height == 3
        assert consortium.agree(place.read(), place.league.trust)


def test_a_trust_file_that_was_named_stays_as_it_is(place: Place, tmp_path: Path) -> None:
    named = tmp_path / "mine.toml"
    named.write_text(trusts.format(place.league.trust))
    before = named.read_text()
    place.league.admit("echo")
    place.league.note("after")
    settings = msgspec.structs.replace(place.settings, trust=named)
    with pytest.warns(MembersWarning), connect(settings) as ledger:
        assert ledger.prove("entry/1").verified.ground.tier == "consortium"
    assert named.read_text() == before
    assert not place.trust.exists()


def test_everybody_may_be_replaced_between_two_contacts(place: Place) -> None:
    meet(place)
    for new, old in zip(("echo", "foxtrot", "golf"), ("bravo", "charlie", "delta"), strict=True):
        place.league.admit(new)
        place.league.remove(old)
    place.league.publish("golf")
    place.league.remove("alpha")
    place.league.silent = True
    place.league.note("after")
    # Nobody whom this client knew is a member now, and no line is by a key that it knows.
    with pytest.warns(MembersWarning):
        connect(place.settings).close()
    assert place.read().organisations == ("echo", "foxtrot", "golf")


def test_a_path_that_leads_elsewhere_moves_nothing(place: Place, tmp_path: Path) -> None:
    strangers = League(tmp_path / "other.db", ("echo", "foxtrot", "golf"), "golf")
    mine = consortium.to_trust(makers.ORIGIN, place.league.ledger, Validators(members=strangers.genesis.members))
    place.settings.home.mkdir(parents=True, exist_ok=True)
    place.trust.write_text(trusts.format(mine))
    place.league.admit("echo")
    place.league.note("after")
    with pytest.raises(VerificationError) as caught:
        connect(place.settings)
    assert caught.value.code == "path-apart"
    assert place.read() == mine


def test_two_colluding_nodes_show_nothing(place: Place) -> None:
    meet(place)
    place.league.cosigners = lambda _: ("alpha", "bravo")
    place.league.note("forged")
    # The publisher is one of them, and signs the log's own line.
    with pytest.raises(VerificationError) as caught:
        connect(place.settings)
    assert (caught.value.step, caught.value.code) == (4, "quorum")


def test_the_node_tells_the_path_and_its_trust_file(place: Place) -> None:
    place.league.admit("echo")
    place.league.note("after")
    found = msgspec.json.decode(place.server.get("/v1/trust").data, type=Members)
    with place.league.store.view() as view:
        assert found.path == view.path()
    assert consortium.agree(trusts.parse(found.trust), place.league.trust)
    assert trusts.parse(found.trust).origin == makers.ORIGIN
    later = msgspec.json.decode(place.server.get(f"/v1/trust?from={view.changed}").data, type=Members)
    assert later.path == ()


def test_the_home_of_a_member_follows_as_well(place: Place, tmp_path: Path) -> None:
    place.league.admit("echo")
    place.league.note("after")
    home = tmp_path / "node"
    with pytest.warns(MembersWarning), opening.open(home) as ledger:
        assert ledger.prove("entry/1").verified.ground.tier == "consortium"
    assert trusts.parse((home / "trust.toml").read_text()).organisations[-1] == "echo"
    place.league.cosigners = lambda _: ("alpha",)
    place.league.note("lonely")
    with closing(Home(home).open()) as engine:
        writer = Writer(Home(home), Here(Home(home), engine, settling=0.1), place.league.trust, Pins(tmp_path / "pins"), None)
        with pytest.raises(Unavailable) as caught, writer.contact():
            pass
    assert caught.value.code == "quorum-missing"


def test_a_block_may_lie_there_a_moment_before_its_quorum(place: Place, tmp_path: Path) -> None:
    league = place.league
    league.cosigners = lambda _: ("alpha",)
    league.note("lonely")
    with league.store.view() as view:
        height, raw = view.height, view.checkpoint
    signed = note.parse(league.cosign(raw, ("bravo", "charlie", "delta"))).signatures
    lines = {each.name.rpartition("/")[2]: note.format_signature(each) for each in signed if each.name != makers.ORIGIN}
    late = threading.Timer(0.3, Cosignatures(tmp_path / "node" / "ledger.db").write, [{height: lines}])
    late.start()
    with opening.open(tmp_path / "node") as ledger:
        assert ledger.prove("system/lonely").verified.ground.tier == "consortium"
    late.join()


def test_who_was_led_further_already_stays_there(tmp_path: Path) -> None:
    league = League(tmp_path / "ledger.db")
    old, file = league.trust, tmp_path / "trust.toml"
    league.admit("echo")
    league.note("five")
    with league.store.view() as view:
        short = view.path()
    league.remove("delta")
    league.note("four")
    with league.store.view() as view:
        whole = view.path()
    file.write_text(trusts.format(old))
    with pytest.warns(MembersWarning):
        moved = Follower(file).follow(old, whole)
    with pytest.warns(MembersWarning):
        assert consortium.agree(Follower(file).follow(old, short), moved)
    assert consortium.agree(trusts.parse(file.read_text()), league.trust)


def test_whatever_was_handed_over_is_verified_before_and_after_a_change(place: Place, tmp_path: Path) -> None:
    meet(place)
    old = tmp_path / "old.toml"
    old.write_text(place.trust.read_text())
    with connect(place.settings) as ledger, ledger.view() as view:
        # As `muniment prove --receipt` prints it: a receipt has no path of its own.
        receipt = receipts.format(prove_receipt(view, 1)).encode()
        checkpoint = view.checkpoint
        bundle = ledger.bundle("system/begun").raw
    for new in ("echo", "foxtrot"):
        place.league.admit(new)
    place.league.publish("foxtrot")
    for gone in ("alpha", "bravo", "charlie"):
        place.league.remove(gone)
    place.league.note("after")
    with pytest.warns(MembersWarning):
        connect(place.settings).close()
    for raw in (receipt, checkpoint, bundle):
        with warnings.catch_warnings():
            # The old file is followed in memory, and that is said each time.
            warnings.simplefilter("ignore", MembersWarning)
            by_old = checking.check(raw, standpoint.take(place.settings, trusts.parse(old.read_text())), Wanted())
        assert not any("members of that time" in each for each in by_old.sentences)
        by_new = checking.check(raw, standpoint.take(place.settings), Wanted())
        assert any("These were the members of that time" in each for each in by_new.sentences), by_new.sentences
    with connect(place.settings) as ledger:
        newer = ledger.prove("entry/1").raw
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MembersWarning)
        by_old = checking.check(newer, standpoint.take(place.settings, trusts.parse(old.read_text())), Wanted())
    assert any("The members have changed since your trust file was written" in each for each in by_old.sentences)


def test_a_mirror_and_an_audit_follow_as_well(place: Place, tmp_path: Path) -> None:
    meet(place)
    folder = tmp_path / "mirror"
    old = place.read()
    mirroring.open(place.settings, folder).run()
    for new in ("echo", "foxtrot"):
        place.league.admit(new)
    before = standpoint.take(place.settings, old)
    assert checking.check(folder, before, Wanted()).kind == "tiles"
    place.league.publish("foxtrot")
    for gone in ("alpha", "bravo", "charlie"):
        place.league.remove(gone)
    place.league.note("after")
    mirrored = mirroring.open(place.settings, folder).run()
    with place.league.store.view() as view:
        assert mirrored.size == view.size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MembersWarning)
        said = checking.check(folder, standpoint.take(place.settings, old), Wanted()).sentences
        home = standpoint.Standpoint(trust=old, pins=Pins(tmp_path / "pins"), home=Home(tmp_path / "node"))
        audited = checking.check(tmp_path / "node", home, Wanted()).sentences
    for sentences in (said, audited):
        assert any("3 of 3 organisations voted" in each for each in sentences), sentences


def test_a_node_cannot_hand_out_members_that_the_genesis_does_not_lead_to(place: Place, tmp_path: Path) -> None:
    true = place.league.trust
    mine = Validators(members=tuple(member(each, 5) for each in ("alpha", "bravo", "charlie", "delta")))
    forged = consortium.to_trust(makers.ORIGIN, place.league.ledger, mine, true.log_keys)
    # The same id and the same log key, and other members: whoever compares the fingerprint hears it.
    assert fingerprint(forged) != fingerprint(true)
    assert fingerprint(forged)[:16] == fingerprint(true)[:16]
    with place.league.store.view() as view:
        raw = place.league.cosign(view.checkpoint, (), mine)
        for each in mine.members:
            place.league.signers[each.cosigner] = signer(each.organisation, "cosign", 5)
        raw = place.league.cosign(raw, [each.organisation for each in mine.members], mine)
        frame = msgspec.structs.replace(read_frame(view), checkpoint=raw.decode())
    answers = {"/v1/ledger": {"trust": trusts.format(forged)}, "/v1/view": msgspec.to_builtins(frame)}
    transport = first_contact.open_transports(place.settings)[0]
    with pytest.raises(VerificationError) as caught:
        first_contact._ask(_Lying(transport, answers))  # type: ignore[arg-type]
    assert caught.value.code == "path-apart"


class _Lying:
    """A way to a node that answers some questions as it likes."""

    def __init__(self, transport: Transport, answers: dict[str, object]) -> None:
        self._transport = transport
        self._answers = answers

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def read(self, path: str, type_: type, **more: object) -> object:
        found = self._transport.read(path, dict, **more)  # type: ignore[arg-type]
        return msgspec.convert({**found, **self._answers.get(path, {})}, type_)  # type: ignore[dict-item]
