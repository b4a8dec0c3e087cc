"""Evidence, disclosures and the read model of a node: a folder here in front, and nothing believed that does not hash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import hosts
import lying
import makers
from lying import Liar
from muniment.client.remote.disclosures import RemoteVault
from muniment.client.remote.folders import RemoteBlobs
from muniment.client.remote.index import RemoteIndex
from muniment.core.format import digest
from muniment.core.format.statement import Sealed
from muniment.errors import CorruptStore, InvalidInput, NotFound, Unavailable, VerificationError
from muniment.index import Index
from muniment.ledger.blobs import Blobs
from muniment.net.ways import Ways
from muniment.vault import Vault


class Port(NamedTuple):
    """A node over a small ledger with a model, and its folder."""

    life: makers.Life
    liar: Liar
    host: hosts.Host
    home: Path
    here: Path

    def blobs(self) -> RemoteBlobs:
        transport = Ways((hosts.transport(self.host.url),))
        return RemoteBlobs(Blobs(self.here / "blobs"), self.here / "owed", transport, "/v1/blobs", digest.sha256)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    life = makers.found(home / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    host = hosts.host(home, life.engine, Liar)
    yield Port(life, host.front, host, home, here)
    host.close()


def test_what_is_stored_lies_here_and_is_owed_to_the_node(port: Port) -> None:
    blobs, there = port.blobs(), Blobs(port.home / "blobs")
    port.host.stop()
    name = blobs.store(b"a log")
    assert blobs.load(name) == b"a log"
    assert blobs.holds(name)
    with pytest.raises(Unavailable):
        blobs.deliver()
    port.host.start()
    assert not there.holds(name)
    blobs.deliver()
    assert there.load(name) == b"a log"
    port.liar.asked.clear()
    blobs.deliver()
    assert port.liar.asked == []


def test_what_the_node_holds_is_fetched_once_and_hashed(port: Port) -> None:
    blobs, there = port.blobs(), Blobs(port.home / "blobs")
    name = there.store(b"evidence")
    assert blobs.holds(name)
    port.liar.lie = lying.replace("/v1/blobs/", b"other bytes")
    with pytest.raises(CorruptStore) as found:
        blobs.load(name)
    assert found.value.code == "corrupt-blob"
    port.liar.lie = lying.honest
    assert blobs.load(name) == b"evidence"
    port.liar.asked.clear()
    assert blobs.load(name) == b"evidence"
    assert list(blobs.digests()) == [name]
    assert port.liar.asked == []
    # What came from there is not owed to it.
    blobs.deliver()
    assert port.liar.asked == []


def test_what_nobody_holds_is_not_found_and_a_proxy_does_not_decide_that(port: Port) -> None:
    blobs = port.blobs()
    assert not blobs.holds("0" * 64)
    with pytest.raises(NotFound):
        blobs.load("0" * 64)
    port.liar.lie = lying.replace("/v1/blobs/", b"<h1>404</h1>", status=404, type="text/html")
    with pytest.raises(Unavailable):
        blobs.holds("0" * 64)
    with pytest.raises(InvalidInput):
        blobs.load("../x")


def test_a_blob_that_the_node_refuses_stays_owed_and_hinders_nothing(port: Port) -> None:
    blobs, there = port.blobs(), Blobs(port.home / "blobs")
    names = sorted([blobs.store(b"one"), blobs.store(b"two")])
    refused = b'{"code":"too-much","detail":"too large"}'

    def lie(path: str, said: lying.Said) -> lying.Said:
        return lying.Said(413, "application/problem+json", refused) if path.endswith(names[0]) else said

    port.liar.lie = lie
    blobs.deliver()
    assert there.holds(names[1])
    port.liar.lie = lying.honest
    blobs.deliver()
    assert there.holds(names[0])


def test_prose_is_opened_from_here_and_from_the_node_and_checked(port: Port) -> None:
    mine, theirs = Vault(port.here / "vault.jsonl"), Vault(port.home / "vault.jsonl")
    vault = RemoteVault(mine, Ways((hosts.transport(port.host.url),)))
    here, there = vault.seal_all(["mine"])[0], theirs.seal("theirs")
    assert vault.disclose(here) == "mine"
    assert port.liar.asked == []
    assert vault.disclose(there) == "theirs"
    assert vault.disclose(Sealed("A" * 43)) is None
    # Not kept on disk: a vault must be able to forget.
    assert mine.find(there) is None
    port.liar.lie = lying.change("/v1/disclosures/", lambda said: said | {"value": "something else"})
    with pytest.raises(VerificationError) as found:
        vault.find(there)
    assert (found.value.step, found.value.code) == (12, "disclosure")


def test_the_index_of_a_node_answers_as_one_here_does(port: Port, tmp_path: Path) -> None:
    index, remote = Index(tmp_path / "index.db"), RemoteIndex(Ways((hosts.transport(port.host.url),)))
    with port.life.engine.view() as view:
        index.follow(view)
        remote.follow(view)
        assert remote.size == view.size
    version = "2" * 64
    for ask in (
        lambda it: it.events(),
        lambda it: it.events(limit=1),
        lambda it: it.events(limit=2, before=5),
        lambda it: it.events("version/" + version),
        lambda it: it.events(names=["model.registered", "dataset.registered"]),
        lambda it: it.events(names=[]),
        lambda it: it.event(1),
        lambda it: it.stream_indices("acts/ada"),
        lambda it: it.stream_indices("model/none"),
        lambda it: it.resolve("credit-risk@1"),
        lambda it: it.resolve("production/credit-risk"),
        lambda it: it.resolve("loans", ["dataset"]),
        lambda it: it.name_of(version),
        lambda it: it.name_of("0" * 64),
        lambda it: it.models(),
        lambda it: it.versions("credit-risk"),
        lambda it: it.versions("none"),
        lambda it: it.datasets(),
        lambda it: it.data("loans"),
        lambda it: it.deployments(),
        lambda it: it.deployments("production"),
        lambda it: it.deployments("none"),
        lambda it: it.actors(),
        lambda it: it.actors("person"),
        lambda it: it.keys_of(),
        lambda it: it.keys_of("ada"),
        lambda it: it.approvals(version),
        lambda it: it.plans("credit-risk"),
        lambda it: it.evaluations(version),
    ):
        assert ask(remote) == ask(index)
    for index_ in (index, remote):
        with pytest.raises(NotFound):
            index_.resolve("no-such-thing")
        with pytest.raises(NotFound):
            index_.event(2)
    index.close()


def test_a_long_listing_comes_in_pages(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    port.life.grow(40, 10)
    remote = RemoteIndex(Ways((hosts.transport(port.host.url),)))
    whole = remote.events(limit=1_000)
    monkeypatch.setattr("muniment.client.remote.index.PAGE", 7)
    assert remote.events(limit=1_000) == whole
    assert remote.events(limit=20) == whole[:20]


def test_rows_of_another_form_and_an_index_that_contradicts_are_the_nodes_fault(port: Port) -> None:
    remote = RemoteIndex(Ways((hosts.transport(port.host.url),)))
    port.liar.lie = lying.change("/v1/models", lambda said: said | {"items": [{"name": 3}]})
    with pytest.raises(Unavailable) as found:
        remote.models()
    assert found.value.code == "bad-answer"
    with pytest.raises(Unavailable) as bad:
        remote.discard()
    assert bad.value.code == "bad-index"
    # A list that never gets older would be asked for without end.
    port.liar.lie = lying.change("/v1/events", lambda said: said | {"items": said["items"][:1]})
    assert len(remote.events(limit=3)) == 1
