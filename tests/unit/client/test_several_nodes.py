"""A client that names several nodes of one ledger: meeting them, recording, asking, gating, mirroring and looking at them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import hosts
import lying
import makers
from lying import Said
from muniment import config
from muniment.client import health
from muniment.client.opening import connect
from muniment.client.remote import first_contact, mirroring
from muniment.client.remote.first_contact import FirstContactWarning
from muniment.client.remote.node import alone
from muniment.config import Config
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput, NotFound, Unavailable, VerificationError
from muniment.ledger.pins import fingerprint
from muniment.net.ways import NodeWarning
from several_nodes import Club, serve, strip


class Place:
    """Two nodes over one ledger, and a client that names both and was never there."""

    def __init__(self, folder: Path, *nodes: hosts.Host) -> None:
        self.folder = folder
        self.nodes = nodes
        self.environment = {
            "HOME": str(folder),
            "MUNIMENT_URL": " ".join(each.url for each in nodes),
            "MUNIMENT_TOKEN": hosts.TOKEN,
            "MUNIMENT_ACTOR": "ada",
        }

    @property
    def settings(self) -> Config:
        return config.resolve(self.environment, self.folder, {})

    def lie(self, number: int, lie: lying.Lie) -> None:
        self.nodes[number].front.lie = lie

    def asked(self, number: int) -> list[str]:
        return list(self.nodes[number].front.asked)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    life = makers.found(tmp_path / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    life.close()
    trust = Trust(makers.ORIGIN, life.ledger, (makers.VERIFIER,))
    served = [serve(tmp_path / name, life.path, trust, makers.reopen(life.path).engine) for name in ("a", "b")]
    yield Place(tmp_path, *served)
    for each in served:
        each.close()


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Club]:
    made = Club(tmp_path)
    made.league.note()
    yield made
    for each in made.hosts:
        each.close()


def test_all_that_answer_must_hand_out_the_same_and_it_is_said(place: Place) -> None:
    with pytest.warns(FirstContactWarning) as said:
        met = first_contact.meet(place.settings)
    assert met == place.nodes[0].trust
    text = str(said[0].message)
    assert all(each.url in text for each in place.nodes)
    assert "which all say the same" in text
    assert fingerprint(met) in text


def test_one_that_is_away_at_the_first_contact_is_named(place: Place) -> None:
    place.nodes[0].stop()
    with pytest.warns(FirstContactWarning, match=rf"No answer from {place.nodes[0].url} \(away\)"):
        first_contact.meet(place.settings)
    place.nodes[0].start()


def test_where_all_are_away_nobody_is_met(place: Place) -> None:
    for each in place.nodes:
        each.stop()
    with pytest.raises(Unavailable) as caught:
        first_contact.meet(place.settings)
    assert caught.value.code == "unreachable"
    for each in place.nodes:
        each.start()


def swap(said: Any) -> Any:
    """Another ledger's key beside the right one: whoever holds it could sign another history."""
    other = Trust(makers.ORIGIN, said["ledger"], (makers.VERIFIER, makers.keys.derive(makers.ORIGIN, makers.BOB.public_key)))
    return said | {"trust": trusts.format(other)}


def test_two_that_differ_are_refused_and_there_is_no_vote(place: Place) -> None:
    place.lie(1, lying.change("/v1/ledger", swap))
    with pytest.raises(VerificationError) as caught:
        first_contact.meet(place.settings)
    assert (caught.value.step, caught.value.code) == (2, "trust-differs")
    assert all(each.url in str(caught.value) for each in place.nodes)
    assert not (place.settings.home / "trust.toml").exists()


def test_one_that_contradicts_itself_at_the_first_contact_is_not_passed_over(place: Place) -> None:
    place.lie(1, lying.change("/v1/ledger", lambda said: said | {"ledger": "0" * 64}))
    with pytest.raises(VerificationError):
        first_contact.meet(place.settings)
    assert not (place.settings.home / "trust.toml").exists()


def test_the_order_of_keys_in_a_trust_file_is_no_difference(club: Club, tmp_path: Path) -> None:
    club.serve("a")
    club.serve("b")
    place = Place(tmp_path, *club.hosts)

    def turn(said: Any) -> Any:
        trust = trusts.parse(said["trust"])
        return said | {"trust": trusts.format(msgspec.structs.replace(trust, cosigners=trust.cosigners[::-1]))}

    place.lie(1, lying.change("/v1/ledger", turn))
    with pytest.warns(FirstContactWarning):
        assert first_contact.meet(place.settings).quorum == 3


def test_a_first_contact_without_the_quorum_is_refused(club: Club, tmp_path: Path) -> None:
    club.serve("a")
    club.serve("b")
    place = Place(tmp_path, *club.hosts)
    place.lie(1, strip(3))
    with pytest.raises(VerificationError) as caught:
        first_contact.meet(place.settings)
    assert caught.value.code == "quorum"


def test_addresses_are_written_with_spaces_or_commas(place: Place) -> None:
    first, second = (each.url for each in place.nodes)
    for text in (f"{first} {second}", f"{first},{second}", f" {first} ,\n{second}, {first} "):
        settings = config.resolve({**place.environment, "MUNIMENT_URL": text}, place.folder, {})
        assert settings.urls == (first, second)
        assert settings.url == f"{first} {second}"
    assert config.resolve({"HOME": "/"}, place.folder, {}).urls == ()
    with pytest.raises(InvalidInput) as caught:
        first_contact.open_transports(config.resolve({**place.environment, "MUNIMENT_URL": f"{first} nowhere"}, place.folder, {}))
    assert caught.value.code == "bad-url"


def test_who_names_another_node_besides_keeps_his_folder(place: Place) -> None:
    first, second = (each.url for each in place.nodes)
    alone_ = config.resolve({**place.environment, "MUNIMENT_URL": second}, place.folder, {})
    alone_.home.mkdir(parents=True)
    both = config.resolve({**place.environment, "MUNIMENT_URL": f"{first} {second}"}, place.folder, {})
    assert both.home == alone_.home
    assert config.resolve({**place.environment, "MUNIMENT_URL": first}, place.folder, {}).home != alone_.home


def test_a_token_for_each_node_goes_to_that_node_only(place: Place) -> None:
    settings = msgspec.structs.replace(place.settings, token="one two")
    assert [each._token for each in first_contact.open_transports(settings)] == ["one", "two"]
    assert [each._token for each in first_contact.open_transports(place.settings)] == [hosts.TOKEN] * 2
    assert alone(settings, settings.urls[1]).token == "two"
    assert alone(place.settings, settings.urls[1]).token == hosts.TOKEN
    with pytest.raises(InvalidInput) as caught:
        first_contact.open_transports(msgspec.structs.replace(settings, token="one two three"))
    assert caught.value.code == "bad-token"


def test_a_ledger_is_opened_and_read_through_whichever_node_answers(place: Place) -> None:
    with pytest.warns(FirstContactWarning):
        connect(place.settings).close()
    place.nodes[0].stop()
    with pytest.warns(NodeWarning):
        ledger = connect(place.settings)
    assert ledger.url == place.settings.url
    assert ledger.contact is not None
    assert [each.name for each in ledger.index.models()] == ["credit-risk"]
    assert ledger.prove("credit-risk@1").sentences
    ledger.close()
    place.nodes[0].start()
    for each in place.nodes:
        each.stop()
    with pytest.warns(NodeWarning), connect(place.settings) as ledger:
        assert ledger.contact is None
    for each in place.nodes:
        each.start()


def test_an_answer_that_does_not_hold_leads_to_the_next_node(place: Place) -> None:
    with pytest.warns(FirstContactWarning):
        ledger = connect(place.settings)

    def lie(path: str, said: Said) -> Said:
        if path != "/v1/answers":
            return said
        answer = msgspec.json.decode(said.body)
        answer["genesis"] = ["A" * 43 + "=" for _ in answer["genesis"]]
        return said._replace(body=msgspec.json.encode(answer))

    place.lie(0, lie)
    with pytest.warns(NodeWarning, match="does not hold"):
        assert ledger.prove("credit-risk@1").sentences
    place.lie(0, lying.honest)
    ledger.close()


def test_what_is_recorded_while_a_node_fails_is_recorded_once(place: Place) -> None:
    with pytest.warns(FirstContactWarning):
        ledger = connect(place.settings)
    ledger._writer._signer = makers.ADA
    # It is written, and the answer never comes.
    place.lie(0, lying.replace("/v1/entries", b"gone", status=502, type="text/plain"))
    with pytest.warns(NodeWarning):
        recorded = ledger._writer.record_or_keep("system.registered", {"name": "scoring", "operatorRole": "provider"})
    assert (recorded.index, recorded.obstacle, ledger.pending()) == (7, "", [])
    with ledger.view() as view:
        assert view.size == 9
    ledger.close()


def test_what_no_quorum_stands_behind_yet_waits_in_the_spool(club: Club, tmp_path: Path) -> None:
    club.serve("a")
    place = Place(tmp_path, *club.hosts)
    with pytest.warns(FirstContactWarning):
        ledger = connect(place.settings)
    ledger._writer._signer = makers.ADA

    def lie_about_entries(path: str, said: Said) -> Said:
        if not path.startswith("/v1/entries") or said.status != 200:
            return said
        answer = msgspec.json.decode(said.body)
        text, _, lines = answer["view"]["checkpoint"].partition("\n\n")
        answer["view"]["checkpoint"] = f"{text}\n\n" + "".join(f"{line}\n" for line in lines.splitlines()[:3])
        return said._replace(body=msgspec.json.encode(answer))

    place.lie(0, lie_about_entries)
    kept = ledger._writer.record_or_keep("system.registered", {"name": "scoring", "operatorRole": "provider"})
    assert "3 must have" in kept.obstacle
    assert len(ledger.pending()) == 1
    place.lie(0, lying.honest)
    ledger.deliver()
    assert ledger.pending() == []
    ledger.close()


def test_a_list_of_a_node_that_is_behind_is_not_taken(place: Place) -> None:
    with pytest.warns(FirstContactWarning):
        ledger = connect(place.settings)
    place.lie(0, lying.change("/v1/models", lambda said: said | {"items": [], "size": 2}))
    assert [each.name for each in ledger.index.models()] == ["credit-risk"]
    assert "GET /v1/models" in place.asked(0)
    assert "GET /v1/models" in place.asked(1)
    ledger.close()


def test_what_one_node_says_it_does_not_know_is_looked_for_at_the_others(place: Place) -> None:
    with pytest.warns(FirstContactWarning):
        ledger = connect(place.settings)
    unknown = b'{"code":"not-found","detail":"no such thing"}'
    place.lie(0, lying.replace("/v1/search", unknown, status=404, type="application/problem+json"))
    assert ledger.resolve("credit-risk@1").stream == "version/" + "2" * 64
    with pytest.raises(NotFound):
        ledger.resolve("nothing-of-the-kind@9")
    ledger.close()


def test_evidence_is_looked_for_at_every_node(place: Place) -> None:
    with pytest.warns(FirstContactWarning):
        ledger = connect(place.settings)
    raw = b"a run log"
    name = place.nodes[1].hosting.by_name[""].writer.blobs.store(raw)
    assert ledger._writer.blobs.holds(name)
    assert ledger._writer.blobs.load(name) == raw
    with pytest.raises(NotFound):
        ledger._writer.blobs.load("0" * 64)
    ledger.close()


def test_a_gate_decides_by_the_node_that_answers(place: Place) -> None:
    with pytest.warns(FirstContactWarning):
        connect(place.settings).close()
    place.nodes[0].stop()
    from datetime import timedelta

    with pytest.warns(NodeWarning), connect(place.settings) as ledger:
        gated = ledger.gate("production/credit-risk", "2" * 64, max_age=timedelta(days=36_500))
    assert gated.allowed, gated
    assert gated.asked == "ledger"
    place.nodes[0].start()


def test_a_mirror_goes_on_at_the_next_node(place: Place) -> None:
    with pytest.warns(FirstContactWarning):
        first_contact.meet(place.settings)
    mirror = mirroring.open(place.settings, place.folder / "mirror")
    place.lie(0, lying.replace("/tile/entries/", b"\0\1x"))
    with pytest.warns(NodeWarning):
        done = mirror.run()
    assert (done.size, done.before) == (7, 0)
    mirror.close()


def test_doctor_looks_at_each_node(club: Club, tmp_path: Path) -> None:
    old = club.copy("old")
    club.league.note()
    club.serve("new")
    club.serve("behind", old)
    club.serve("away")
    place = Place(tmp_path, *club.hosts)
    with pytest.warns(FirstContactWarning):
        first_contact.meet(place.settings)
    club.hosts[2].stop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NodeWarning)
        found = {each.name: each for each in health.examine(place.settings, makers.NOON).checks}
    urls = place.settings.urls
    assert [found[url].grade for url in urls] == ["ok", "warning", "warning"]
    assert "5 entries" in found[urls[0]].said
    assert "behind" in found[urls[1]].said
    assert "cannot be reached" in found[urls[2]].said
    assert found["node"].grade == "ok"
    club.hosts[2].start()
