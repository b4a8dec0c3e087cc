"""A ledger at a node that lies: what it says is refused at the right step, and never believed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

import hosts
import lying
import makers
from lying import Liar, Said
from muniment.core.format import checkpoint, entry, merkle, state_map
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.format.statement import Disclosure, Sealed
from muniment.core.proof import answer as answers
from muniment.core.proof.answer import EntryQuestion, StateQuestion
from muniment.core.proof.evidence import Evidence, SplitView, verify_evidence
from muniment.core.proof.verify import verify_answer
from muniment.errors import InvalidInput, NotFound, Unavailable, VerificationError
from muniment.ledger.signers import SeedSigner
from muniment.ledger.spool import Spool
from muniment.net.remote import Remote
from muniment.vault import Vault

FORGER = SeedSigner(b"f" * 32)


class Town(NamedTuple):
    """A ledger, the node over it that may lie, and a client that trusts the ledger's key."""

    life: makers.Life
    liar: Liar
    host: hosts.Host
    remote: Remote
    kept: list[Evidence]

    def entries(self) -> list[bytes]:
        with self.life.engine.view() as view:
            return [raw for _, raw in view.entries(0, view.size)]

    def show(self, entries: list[bytes], signer: SeedSigner = makers.LOG, origin: str = makers.ORIGIN) -> dict[str, Any]:
        """A frame over any entries, signed by anybody."""
        leaves = [merkle.leaf(raw) for raw in entries]
        signed = checkpoint.sign(Checkpoint(origin, len(leaves), merkle.root(leaves)), signer)
        proof = [each.hex() for each in merkle.prove_inclusion(leaves, len(leaves) - 1)]
        said = {"checkpoint": signed.decode(), "size": len(leaves), "height": 1, "time": "x"}
        return {**said, "header": entries[-1].decode(), "inclusion": proof}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Eight entries: a data set, a version, a deployment, each in a block with its header, and the genesis."""
    life = makers.found(tmp_path / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    host = hosts.host(tmp_path, life.engine, Liar)
    kept: list[Evidence] = []

    def keep(found: Evidence) -> str:
        kept.append(found)
        return "evidence.json"

    remote = hosts.connect(host.url, host.trust, keep=keep)
    yield Town(life, host.front, host, remote, kept)
    remote.close()
    host.close()


def caught(ask: Callable[[], object], step: int, code: str) -> VerificationError:
    with pytest.raises(VerificationError) as found:
        ask()
    assert (found.value.step, found.value.code) == (step, code)
    return found.value


def look(remote: Remote, ask: Callable[[Any], object] = lambda view: view.size) -> object:
    with remote.view() as view:
        return ask(view)


def with_root(raw: bytes, root: str) -> bytes:
    return entry.encode_header(msgspec.structs.replace(entry.decode_header(raw), root=root))


FRAMES: dict[str, tuple[Callable[[Town, dict[str, Any]], dict[str, Any]], int, str]] = {
    "no checkpoint": (lambda town, frame: frame | {"checkpoint": "hello"}, 1, "bad-frame"),
    "lone surrogate": (lambda town, frame: frame | {"checkpoint": "hello\n"}, 1, "bad-frame"),
    "another origin": (lambda town, frame: town.show(town.entries(), origin="example.com/other"), 2, "origin"),
    "a forger's key": (lambda town, frame: town.show(town.entries(), FORGER), 3, "log-key-unknown"),
    "a changed size": (
        lambda town, frame: frame | {"checkpoint": frame["checkpoint"].replace("\n7\n", "\n6\n", 1)},
        3,
        "log-signature",
    ),
    "another header": (lambda town, frame: frame | {"header": town.entries()[2].decode()}, 7, "inclusion-root"),
    "a short proof": (lambda town, frame: frame | {"inclusion": frame["inclusion"][:-1]}, 7, "inclusion-length"),
    "an event at the end": (lambda town, frame: town.show(town.entries()[:-1]), 8, "header-form"),
    "a header of elsewhere": (lambda town, frame: town.show([*town.entries(), town.entries()[-1]]), 8, "header-index"),
    "a header over others": (
        lambda town, frame: town.show([*town.entries()[:-1], with_root(town.entries()[-1], "0" * 64)]),
        8,
        "header-root",
    ),
    "an empty ledger": (
        lambda town, frame: (
            frame | {"checkpoint": checkpoint.sign(Checkpoint(makers.ORIGIN, 0, merkle.EMPTY), makers.LOG).decode()}
        ),
        8,
        "checkpoint-size",
    ),
}


@pytest.mark.parametrize("name", list(FRAMES))
def test_a_view_that_does_not_hold_is_refused(town: Town, name: str) -> None:
    edit, step, code = FRAMES[name]
    town.liar.lie = lying.change("/v1/view", lambda frame: edit(town, frame))
    caught(lambda: look(town.remote), step, code)
    town.liar.lie = lying.honest
    assert look(town.remote) == 7


def test_what_the_frame_says_for_people_counts_for_nothing(town: Town) -> None:
    town.liar.lie = lying.change("/v1/view", lambda frame: frame | {"size": 99, "height": 0, "time": "2000"})
    assert look(town.remote, lambda view: (view.size, view.height)) == (7, 3)


def test_an_older_state_is_a_split_view_and_leaves_evidence(town: Town) -> None:
    old = dict(msgspec.json.decode(town.remote.transport.fetch("/v1/view")))
    town.remote.append([town.life.system("new")])
    look(town.remote)
    town.liar.lie = lying.replace("/v1/view", msgspec.json.encode(old))
    with pytest.raises(SplitView) as found:
        look(town.remote)
    assert found.value.details["evidence"] == "evidence.json"
    assert town.kept[0].kind in ("tail-cut", "rollback")
    assert verify_evidence(town.kept[0], town.host.trust)


def test_a_node_that_knows_fewer_entries_than_were_seen_is_asked_what_it_has(town: Town) -> None:
    town.remote.append([town.life.system("new")])
    look(town.remote)
    old = town.show(town.entries()[:7])
    body = b'{"code":"bad-size","detail":"the ledger has 7 entries"}'

    def lie(path: str, said: Said) -> Said:
        if path == "/v1/view":
            return Said(200, "application/json", msgspec.json.encode(old))
        return Said(400, "application/problem+json", body) if path.startswith("/v1/") else said

    town.liar.lie = lie
    with pytest.raises(SplitView):
        look(town.remote)


def test_two_histories_of_one_size_and_growth_that_is_none(town: Town) -> None:
    look(town.remote)
    other = [*town.entries()]
    other[1] = town.life.system("instead")
    header = town.entries()[-1]
    other[-1] = with_root(header, merkle.root([merkle.leaf(raw) for raw in other[:-1]]).hex())
    town.liar.lie = lying.change("/v1/view", lambda _: town.show(other))
    with pytest.raises(SplitView) as same:
        look(town.remote)
    assert same.value.code == "split-view-same-size"
    longer = entry.decode_header(other[-1])
    leaves = [merkle.leaf(raw) for raw in [*other, town.life.system("x")]]
    grown = msgspec.structs.replace(longer, height=longer.height + 1, size=8, root=merkle.root(leaves).hex())
    more = [*other, town.life.system("x"), entry.encode_header(grown)]
    leaves = [merkle.leaf(raw) for raw in [*other, more[-2]]]
    more[-1] = entry.encode_header(msgspec.structs.replace(grown, root=merkle.root(leaves).hex()))
    proof = [each.hex() for each in merkle.prove_consistency([merkle.leaf(raw) for raw in more], 7)]
    town.liar.lie = lying.change("/v1/view", lambda _: town.show(more) | {"consistency": proof})
    with pytest.raises(SplitView) as grew:
        look(town.remote)
    assert grew.value.code == "split-view-inconsistent"
    for found in town.kept:
        assert verify_evidence(found, town.host.trust)


def test_growth_without_a_proof_is_not_believed(town: Town) -> None:
    look(town.remote)
    town.life.append(town.life.system("new"))

    def lie(path: str, said: Said) -> Said:
        if path.startswith("/v1/proofs/consistency"):
            return Said(404, "application/problem+json", b'{"code":"no-such-size","detail":"no"}')
        return lying.change("/v1/view", lambda frame: {**frame, "consistency": []})(path, said)

    town.liar.lie = lie
    with pytest.raises(SplitView) as found:
        look(town.remote)
    assert found.value.code == "split-view-unproved"


def test_what_was_seen_by_another_process_counts(town: Town) -> None:
    look(town.remote)
    pin = town.remote._seen
    town.remote.append([town.life.system("new")])
    newer = town.remote._seen
    assert pin is not None
    assert newer is not None
    assert newer.size == pin.size + 2
    fresh = hosts.connect(town.host.url, town.host.trust, recall=lambda: newer)
    old = town.show(town.entries()[:7])
    town.liar.lie = lying.replace("/v1/view", msgspec.json.encode(old))
    with pytest.raises(SplitView):
        look(fresh)
    town.liar.lie = lying.honest
    assert look(fresh) == 9


ASKED: dict[str, tuple[Callable[[Town], lying.Lie], Callable[[Any], object], int, str]] = {
    "another entry": (
        lambda town: lying.replace("/v1/entries/1", town.entries()[3]),
        lambda view: view.entry(1),
        7,
        "inclusion-root",
    ),
    "another proof": (
        lambda town: lying.change("/v1/proofs/inclusion", lambda said: {"hashes": ["0" * 64] * len(said["hashes"])}),
        lambda view: view.entry(1),
        7,
        "inclusion-root",
    ),
    "another header": (
        lambda town: lying.replace("/v1/headers/1", town.entries()[4]),
        lambda view: view.header(1),
        8,
        "header-height",
    ),
    "no header": (
        lambda town: lying.replace("/v1/headers/1", town.entries()[1]),
        lambda view: view.header(1),
        8,
        "header-form",
    ),
    "a made up header": (
        lambda town: lying.replace("/v1/headers/1", with_root(town.entries()[2], "0" * 64)),
        lambda view: view.header(1),
        7,
        "inclusion-root",
    ),
    "another block": (
        lambda town: lying.replace("/v1/heights", b'{"height":2}'),
        lambda view: view.sealed_by(1),
        8,
        "header-successor",
    ),
    "no block": (
        lambda town: lying.replace("/v1/heights", b'{"height":null}'),
        lambda view: view.sealed_by(1),
        8,
        "header-successor",
    ),
    "an older time": (
        lambda town: lying.replace("/v1/heights", b'{"height":0}'),
        lambda view: view.height_at(view.header(1).time),
        8,
        "header-successor",
    ),
    "a later time": (
        lambda town: lying.replace("/v1/heights", b'{"height":2}'),
        lambda view: view.height_at(view.header(1).time),
        8,
        "header-successor",
    ),
    "before the genesis": (
        lambda town: lying.replace("/v1/heights", b'{"height":null}'),
        lambda view: view.height_at(view.header(1).time),
        8,
        "header-successor",
    ),
    "another event": (
        lambda town: lying.replace("/v1/ids", b'{"index":3}', status=200, type="application/json"),
        lambda view: view.find(makers.random_id()),
        7,
        "inclusion-entry",
    ),
    "a header for an event": (
        lambda town: lying.replace("/v1/ids", b'{"index":2}', status=200, type="application/json"),
        lambda view: view.find(makers.random_id()),
        7,
        "inclusion-entry",
    ),
    "another record": (
        lambda town: lying.change("/v1/records/", lambda said: {**said, "proof": {**said["proof"], "name": "model/credit-risk"}}),
        lambda view: view.record("dataset/loans"),
        11,
        "state-missing",
    ),
    "a changed record": (
        lambda town: lying.change(
            "/v1/records/",
            lambda said: {**said, "proof": {**said["proof"], "value": {**said["proof"]["value"], "last": 1}}},
        ),
        lambda view: view.record("version/" + "2" * 64),
        11,
        "state-root",
    ),
    "no record": (
        lambda town: lying.change(
            "/v1/records/",
            lambda said: {**said, "proof": {"name": said["proof"]["name"], "depths": [], "siblings": []}},
        ),
        lambda view: view.record("dataset/loans"),
        11,
        "state-root",
    ),
    "other tiles": (
        lambda town: lambda path, said: said._replace(body=said.body[:-1] + b"?") if path.startswith("/tile/0") else said,
        lambda view: list(view.entries(0, 7)),
        7,
        "inclusion-edge",
    ),
    "other entries in tiles": (
        lambda town: (
            lambda path, said: (
                said._replace(body=said.body.replace(b"payload", b"payloaf", 1)) if path.startswith("/tile/entries") else said
            )
        ),
        lambda view: list(view.entries(0, 7)),
        7,
        "inclusion-entry",
    ),
    "cut tiles": (
        lambda town: lambda path, said: said._replace(body=said.body[:-5]) if path.startswith("/tile/") else said,
        lambda view: list(view.entries(0, 7)),
        7,
        "bad-bundle",
    ),
}


@pytest.mark.parametrize("name", list(ASKED))
def test_an_answer_that_does_not_hold_is_refused(town: Town, name: str) -> None:
    lie, ask, step, code = ASKED[name]
    with town.remote.view() as view:
        town.liar.lie = lie(town)
        caught(lambda: ask(view), step, code)
        town.liar.lie = lying.honest
        ask(view)


def test_what_is_in_the_tree_and_not_handed_out_is_withheld_not_missing(town: Town) -> None:
    missing = lying.replace("/v1/", b'{"code":"no-entry","detail":"no"}', status=404, type="application/problem+json")
    with town.remote.view() as view:
        town.liar.lie = missing
        for ask in (lambda: view.entry(1), lambda: view.header(1)):
            with pytest.raises(Unavailable) as found:
                ask()
            assert found.value.code == "withheld"
        with pytest.raises(NotFound):
            view.entry(7)
        town.liar.lie = lying.replace("/tile/", b"", status=404, type="text/plain")
        with pytest.raises(Unavailable) as gone:
            list(view.entries(0, 7))
        assert gone.value.code == "tile-missing"


VERDICTS: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], int, str]] = {
    "another place": (lambda said: said | {"index": 1}, 7, "inclusion"),
    "beyond the tree": (lambda said: said | {"index": 99}, 7, "entry-missing"),
    "no proof": (lambda said: {name: said[name] for name in said if name != "proof"}, 7, "entry-missing"),
    "no place": (lambda said: {name: said[name] for name in said if name != "index"}, 1, "bad-verdict"),
    "another event": (lambda said: said | {"eventId": makers.random_id()}, 1, "bad-verdict"),
    "no reason": (lambda said: {"decision": "refused", "eventId": said["eventId"]}, 1, "bad-verdict"),
    "repeated elsewhere": (lambda said: said | {"decision": "repeated", "index": 1}, 7, "inclusion-entry"),
    "repeated as a header": (lambda said: said | {"decision": "repeated", "index": 2}, 7, "inclusion-entry"),
}


@pytest.mark.parametrize("name", list(VERDICTS))
def test_a_verdict_that_does_not_hold_is_refused(town: Town, name: str) -> None:
    edit, step, code = VERDICTS[name]
    town.liar.lie = lying.change("/v1/entries?", lambda said: {**said, "verdicts": [edit(said["verdicts"][0])]})
    look(town.remote)
    event = town.life.system("judged")
    with pytest.raises(VerificationError) as found:
        town.remote.append([event])
    assert found.value.step == step
    assert found.value.code.startswith(code)
    town.liar.lie = lying.honest
    assert town.remote.append([event])[0].decision == "repeated"


def test_too_few_verdicts_are_refused(town: Town) -> None:
    town.liar.lie = lying.change("/v1/entries", lambda said: {**said, "verdicts": []})
    caught(lambda: town.remote.append([town.life.system("a")]), 1, "bad-verdict")


def test_the_same_bytes_registered_twice_are_one_entry(town: Town) -> None:
    again = town.life.sign("dataset.registered", name="loans", data="1" * 64, bytes=1, files=1)
    (verdict,) = town.remote.append([again])
    assert (verdict.decision, verdict.index) == ("repeated", 1)


def test_one_event_costs_one_round_trip(town: Town) -> None:
    look(town.remote, lambda view: view.entry(0))
    town.remote.append([town.life.system("first")])
    look(town.remote)
    town.liar.asked.clear()
    event = town.life.system("second")
    (verdict,) = town.remote.append([event])
    with town.remote.view() as view:
        assert view.entry(verdict.index) == event
        assert view.entry(0)
        view.inclusion(verdict.index, view.size)
        view.consistency(view.size - 2, view.size)
        assert view.sealed_by(verdict.index) == view.height
    assert town.liar.asked == ["POST /v1/entries?from=9"]
    look(town.remote)
    assert town.liar.asked[1:] == ["GET /v1/view?from=11"]


def test_a_request_that_was_cut_after_the_commit_is_repeated_and_nothing_is_doubled(town: Town) -> None:
    cut: list[str] = []

    def lie(path: str, said: Said) -> Said:
        if path.startswith("/v1/entries") and not cut:
            cut.append(path)
            return Said(502, "text/html", b"<h1>Bad gateway</h1>")
        return said

    town.liar.lie = lie
    event = town.life.system("once")
    (verdict,) = town.remote.append([event])
    assert (verdict.decision, verdict.index) == ("repeated", 7)
    assert town.entries().count(event) == 1
    with town.remote.view() as view:
        assert view.entry(7) == event


def test_what_is_owed_goes_in_order_once_the_node_is_back(town: Town, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "owed")
    events = [town.life.system(f"away-{number}") for number in range(5)]
    town.host.stop()
    with pytest.raises(Unavailable) as found:
        town.remote.append(events[:1])
    assert found.value.code == "unreachable"
    for event in events:
        spool.store(event)
    away = spool.drain(town.remote)
    assert (away.waiting, away.obstacle is not None) == (5, True)
    town.host.start()
    drained = spool.drain(town.remote)
    assert [each.index for each in drained.admitted] == [7, 8, 9, 10, 11]
    assert drained.waiting == 0
    assert [raw for raw in town.entries() if raw in events] == events
    assert spool.drain(town.remote).admitted == ()


def test_prose_is_at_the_node_before_its_event(town: Town, tmp_path: Path) -> None:
    vault = Vault(tmp_path / "mine.jsonl")
    sealed = vault.seal("a reason")
    remote = hosts.connect(town.host.url, town.host.trust, disclose=vault.find)
    remote.append([town.life.sign("note.added", about=["dataset/loans"], text={"sealed": sealed.sealed})])
    at_node = Vault(tmp_path / "vault.jsonl").find(sealed)
    assert isinstance(at_node, Disclosure)
    assert at_node.value == "a reason"
    assert Vault(tmp_path / "vault.jsonl").find(Sealed("A" * 43)) is None


def test_what_must_be_there_first_is_brought_first(town: Town) -> None:
    order: list[str] = []
    remote = hosts.connect(town.host.url, town.host.trust, prepare=lambda: order.append("prepared"))
    town.liar.lie = lambda path, said: order.append(path) or said  # type: ignore[func-returns-value]
    remote.append([town.life.system("a")])
    assert order == ["prepared", "/v1/entries"]


def test_many_events_go_in_several_requests(town: Town) -> None:
    events = [town.life.system(f"many-{number}") for number in range(1_203)]
    verdicts = town.remote.append(events)
    assert [each.decision for each in verdicts] == ["admitted"] * 1_203
    assert [each.index for each in verdicts] == sorted({each.index for each in verdicts})
    assert len([asked for asked in town.liar.asked if asked.startswith("POST /v1/entries")]) == 2


def test_an_answer_is_about_what_was_asked_and_holds(town: Town) -> None:
    with town.remote.view() as view:
        proved = town.remote.prove(EntryQuestion(index=1))
        verify_answer(answers.write(proved), town.host.trust, tier="solo")
        town.liar.lie = lying.replace("/v1/answers", answers.write(proved))
        caught(lambda: town.remote.prove(StateQuestion(streams=("policy",))), 1, "other-question")
        town.liar.lie = lying.replace("/v1/answers", b"{}")
        with pytest.raises(VerificationError) as found:
            town.remote.prove(EntryQuestion(index=1))
        assert found.value.step == 1
        assert view.size == 7


def test_a_proof_of_state_is_under_the_header_of_the_view(town: Town) -> None:
    with town.remote.view() as view:
        state = bytes.fromhex(view.header(view.height).state)
        assert state_map.check(state, view.prove_state("dataset/loans")) == view.record("dataset/loans")
        assert view.record("dataset/none") is None
        town.life.append(town.life.system("meanwhile"))
        with pytest.raises(Unavailable) as moved:
            view.prove_state("dataset/loans")
        assert (moved.value.code, moved.value.retry_after) == ("moved", 0.0)
        assert view.record("system/meanwhile") is not None


def test_bad_form_is_found_here_and_nothing_is_sent(town: Town) -> None:
    with pytest.raises(InvalidInput):
        town.remote.append([town.life.system("good"), b"{}"])
    assert town.liar.asked == []


def test_threads_and_a_fork_write_through_one_remote(town: Town) -> None:
    events = {number: [town.life.system(f"t-{number}-{each}") for each in range(5)] for number in range(4)}
    found: dict[int, list[int]] = {}

    def write(number: int) -> None:
        places = []
        for event in events[number]:
            (verdict,) = town.remote.append([event])
            with town.remote.view() as view:
                assert view.entry(verdict.index) == event
                assert view.header(view.sealed_by(verdict.index)).size > verdict.index
            places.append(verdict.index)
        found[number] = places

    threads = [threading.Thread(target=write, args=(number,)) for number in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(place for places in found.values() for place in places) == sorted(
        town.entries().index(event) for each in events.values() for event in each
    )
    child = os.fork()
    if child == 0:
        os._exit(0 if town.remote.append([events[0][0]])[0].decision == "repeated" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert look(town.remote)
