"""A ledger at several nodes, of which some are away, behind, or lie: another one is asked, and nothing is believed unproved."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import lying
import makers
from lying import Said
from muniment.client.following import Follower
from muniment.core.format import checkpoint, entry, merkle
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.proof.answer import EntryQuestion
from muniment.core.proof.evidence import SplitView, verify_evidence
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput, Unavailable, VerificationError
from muniment.ledger.signers import SeedSigner
from muniment.net.reader import Reader
from muniment.net.several import Several
from muniment.net.ways import NodeWarning
from several_nodes import Club, Nodes, serve, strip


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Nodes]:
    """Two nodes over one solo ledger of seven entries."""
    life = makers.found(tmp_path / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    life.close()
    trust = Trust(makers.ORIGIN, life.ledger, (makers.VERIFIER,))
    served = [serve(tmp_path / name, life.path, trust, makers.reopen(life.path).engine) for name in ("a", "b")]
    nodes = Nodes(trust, *served)
    yield nodes
    nodes.close()


def systems(ledger: str, count: int = 1) -> list[bytes]:
    return [
        makers.sign(ledger, "system.registered", name=f"system-{makers.next_id()}", operatorRole="provider") for _ in range(count)
    ]


def show(entries: list[bytes], signer: SeedSigner) -> dict[str, Any]:
    """A frame over any entries, signed by anybody."""
    leaves = [merkle.leaf(raw) for raw in entries]
    signed = checkpoint.sign(Checkpoint(makers.ORIGIN, len(leaves), merkle.root(leaves)), signer)
    proof = [each.hex() for each in merkle.prove_inclusion(leaves, len(leaves) - 1)]
    return {
        "checkpoint": signed.decode(),
        "size": len(leaves),
        "height": 1,
        "time": "x",
        "header": entries[-1].decode(),
        "inclusion": proof,
    }


def entries_of(nodes: Nodes) -> list[bytes]:
    with nodes.several.view() as view:
        return [raw for _, raw in view.entries(0, view.size)]


def test_where_one_is_away_the_next_one_is_asked_and_it_is_said_once(town: Nodes) -> None:
    town.nodes[0].stop()
    with pytest.warns(NodeWarning, match="is left out for now") as said:
        assert town.look() == 7
    assert len(said) == 1
    (raw,) = systems(town.several.ledger)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (verdict,) = town.several.append([raw])
        assert (verdict.decision, verdict.index) == ("admitted", 7)
        assert town.look(lambda view: view.entry(7)) == raw
        assert town.several.judge(systems(town.several.ledger))[0].decision == "admitted"
    town.nodes[0].start()


def test_a_good_node_is_stuck_to(town: Nodes) -> None:
    for _ in range(3):
        town.look()
    assert (len(town.asked(0)), town.asked(1)) == (3, [])


LIES: dict[str, tuple[Callable[[list[bytes], dict[str, Any]], dict[str, Any]], str]] = {
    "a forger's signature": (lambda entries, frame: show(entries, SeedSigner(b"f" * 32)), "log-key-unknown"),
    "a changed size": (
        lambda entries, frame: frame | {"checkpoint": frame["checkpoint"].replace("\n7\n", "\n6\n", 1)},
        "log-signature",
    ),
    "another header": (lambda entries, frame: frame | {"header": entries[2].decode()}, "inclusion-root"),
    "no checkpoint": (lambda entries, frame: frame | {"checkpoint": "hello"}, "bad-frame"),
}


@pytest.mark.parametrize("name", list(LIES))
def test_where_one_shows_what_does_not_hold_the_next_one_is_asked(town: Nodes, name: str) -> None:
    edit, code = LIES[name]
    entries = entries_of(town)
    town.lie(0, lying.change("/v1/view", lambda frame: edit(entries, frame)))
    with pytest.warns(NodeWarning, match=code):
        assert town.look() == 7
    town.lie(0, lying.honest)
    assert town.asked(1)


def test_another_history_is_refused_whoever_shows_it_and_its_evidence_is_kept(town: Nodes) -> None:
    entries = entries_of(town)
    other = [*entries]
    (other[1],) = systems(town.several.ledger)
    root = merkle.root([merkle.leaf(raw) for raw in other[:-1]]).hex()
    other[-1] = entry.encode_header(msgspec.structs.replace(entry.decode_header(entries[-1]), root=root))
    # The first node goes away; the second one has another history, which the ledger's own key has signed.
    town.nodes[0].stop()
    town.lie(1, lying.change("/v1/view", lambda _: show(other, makers.LOG)))
    with pytest.raises(SplitView) as caught, pytest.warns(NodeWarning):
        town.look()
    assert caught.value.code == "split-view-same-size"
    assert caught.value.details["evidence"] == "evidence-1.json"
    assert verify_evidence(town.kept[0], town.several.trust)
    town.nodes[0].start()
    assert town.look() == 7


def test_an_event_that_one_node_wrote_without_answering_is_found_at_the_next(town: Nodes) -> None:
    (raw,) = systems(town.several.ledger)
    town.lie(0, lying.replace("/v1/entries", b"gone", status=502, type="text/plain"))
    with pytest.warns(NodeWarning, match="left out"):
        (verdict,) = town.several.append([raw])
    assert (verdict.decision, verdict.index) == ("repeated", 7)
    assert town.look(lambda view: view.entry(7)) == raw


def test_what_no_node_would_take_is_told_at_once(town: Nodes) -> None:
    with pytest.raises(InvalidInput):
        town.several.append([b"{}"])
    (refused,) = town.several.append([makers.sign("0" * 64, "system.registered", name="x", operatorRole="provider")])
    assert refused.decision == "refused"
    # The second one was asked whether it would take it, and nothing else.
    assert town.asked(1) == ["POST /v1/judgements"]


def test_no_single_node_can_find_fault_with_the_form_of_what_is_well_formed(town: Nodes) -> None:
    fault = lying.replace("/v1/entries", b'{"code":"schema","detail":"no"}', status=400, type="application/problem+json")
    town.lie(0, fault)
    with pytest.warns(NodeWarning, match="well formed"):
        assert town.several.append(systems(town.several.ledger))[0].decision == "repeated"
    # Where all say so it is told as it is.
    town.lie(1, fault)
    with pytest.raises(InvalidInput) as caught, pytest.warns(NodeWarning):
        town.several.append(systems(town.several.ledger))
    assert caught.value.code == "schema"


def refuse(_: str, said: Said) -> Said:
    """Says of everything that the rules refuse it."""
    answer = msgspec.json.decode(said.body)
    if "verdicts" not in answer:
        return said
    reasons = [{"rule": "role", "required": "Another role.", "found": "None."}]
    answer["verdicts"] = [{"decision": "refused", "eventId": each["eventId"], "reasons": reasons} for each in answer["verdicts"]]
    return said._replace(body=msgspec.json.encode(answer))


def test_no_single_node_can_refuse_what_the_others_take(town: Nodes) -> None:
    town.lie(0, refuse)
    (raw,) = systems(town.several.ledger)
    with pytest.warns(NodeWarning, match="refused what .* takes"):
        (verdict,) = town.several.append([raw])
    # The liar had written it as well.
    assert (verdict.decision, verdict.index) == ("repeated", 7)
    town.nodes[1].stop()
    # Alone it is believed: a refusal proves nothing, and nobody else can be asked.
    (verdict,) = town.several.append(systems(town.several.ledger))
    assert verdict.decision == "refused"
    town.nodes[1].start()


def test_what_may_have_been_written_by_now_is_not_called_refused(town: Nodes) -> None:
    town.lie(0, refuse)
    town.lie(1, lying.replace("/v1/entries", b"gone", status=502, type="text/plain"))
    (raw,) = systems(town.several.ledger)
    with pytest.warns(NodeWarning, match="refused what .* takes"), pytest.raises(Unavailable):
        town.several.append([raw])


def test_a_view_goes_on_at_another_node(town: Nodes) -> None:
    town.several.append(systems(town.several.ledger, 300))
    whole = entries_of(town)
    ledger = town.several.ledger
    with town.several.view() as view:
        read = view.entries(0, view.size)
        begun = [next(read) for _ in range(10)]
        town.nodes[0].stop()
        with pytest.warns(NodeWarning):
            rest = [*read]
        assert [raw for _, raw in [*begun, *rest]] == whole
        assert [index for index, _ in [*begun, *rest]] == [*range(len(whole))]
        # All of this is of the block that the first node showed.
        assert (view.size, view.height) == (len(whole), 4)
        assert view.entry(3) == whole[3]
        assert view.header(2).height == 2
        assert view.sealed_by(1) == 1
        assert view.height_at(view.header(3).time) == 3
        assert view.record("model/credit-risk") is not None
        assert view.prove_state("model/credit-risk").name == "model/credit-risk"
        merkle.check_inclusion(merkle.leaf(whole[5]), 5, view.size, view.inclusion(5, view.size), root_of(view.checkpoint))
        town.several.append(systems(ledger))
        with pytest.raises(Unavailable) as moved:
            view.prove_state("model/credit-risk")
        assert moved.value.code == "moved"
    town.nodes[0].start()


def root_of(raw: bytes) -> bytes:
    return checkpoint.open(raw, makers.VERIFIER).root


@pytest.mark.parametrize(
    ("path", "ask"),
    [
        ("/v1/entries/1", lambda view: view.entry(1)),
        ("/v1/headers/1", lambda view: view.header(1)),
        ("/tile/", lambda view: [*view.entries(0, 5)]),
        ("/v1/proofs/inclusion", lambda view: view.inclusion(1, view.size)),
        ("/v1/records/", lambda view: view.record("model/credit-risk")),
    ],
)
def test_where_one_answers_wrongly_in_the_middle_another_one_is_asked(town: Nodes, path: str, ask: Callable[[Any], object]) -> None:
    right = town.look(ask)
    fresh = Several(town.several.ways, town.several.trust)
    with fresh.view() as view:
        town.lie(0, garble(path))
        with pytest.warns(NodeWarning):
            found = ask(view)
    assert found == right


def garble(path: str) -> lying.Lie:
    """Another answer in the same form."""

    def lie(asked: str, said: Said) -> Said:
        if not asked.startswith(path):
            return said
        body = said.body
        if path == "/tile/":
            body = body[:-1] + bytes([body[-1] ^ 1])
        elif path == "/v1/proofs/inclusion":
            body = body.replace(b'{"hashes":["', b'{"hashes":["' + b"0" * 64 + b'","')
        elif path == "/v1/records/":
            body = msgspec.json.encode(turn(msgspec.json.decode(body)))
        else:
            body = body.replace(b"2026", b"2027", 1) if b"2026" in body else body[:-2] + b" }"
        return said._replace(body=body)

    return lie


def turn(standing: Any) -> Any:
    standing["proof"]["siblings"] = ["A" * 43 + "=" for _ in standing["proof"]["siblings"]]
    return standing


def test_a_false_proof_between_two_blocks_accuses_the_node_only(town: Nodes) -> None:
    pin = {"pin": None}
    with town.several.view() as view:
        pin["pin"] = view.opened.pin
    town.several.append(systems(town.several.ledger))
    fresh = Several(town.several.ways, town.several.trust, Reader(recall=lambda: pin["pin"]))
    with fresh.view() as view:
        town.lie(0, lying.change("/v1/proofs/consistency", lambda said: {"hashes": ["0" * 64]}))
        assert len(view.consistency(7, view.size)) > 0
        # As if the proof that came with the view had been for another size.
        view._view.opened = msgspec.structs.replace(view.opened, since=None)
        fresh._remotes[next(iter(fresh._remotes))]._seen = None
        with pytest.warns(NodeWarning):
            assert len(view.consistency(7, view.size)) > 0


def test_an_answer_that_its_reader_does_not_believe_leads_to_the_next_node(town: Nodes) -> None:
    asked = []

    def check(answer: Any) -> Any:
        asked.append(answer)
        if len(asked) == 1:
            raise VerificationError("it does not hold", step=7, code="inclusion-root")
        return answer

    with pytest.warns(NodeWarning, match="inclusion-root"):
        answer = town.several.prove(EntryQuestion(index=1), False, check)
    assert answer.question == EntryQuestion(index=1)
    assert len(asked) == 2


def test_where_all_fail_the_most_telling_failure_is_told(town: Nodes) -> None:
    town.nodes[0].stop()
    town.lie(1, lying.change("/v1/view", lambda frame: frame | {"checkpoint": "hello"}))
    with pytest.raises(VerificationError) as caught, pytest.warns(NodeWarning):
        town.look()
    assert caught.value.code == "bad-frame"
    assert any("cannot be reached" in each for each in caught.value.__notes__)
    town.nodes[0].start()


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Club]:
    made = Club(tmp_path)
    made.league.note()
    yield made
    for each in made.hosts:
        each.close()


def test_a_checkpoint_without_the_quorum_is_refused_and_another_node_asked(club: Club) -> None:
    club.serve("a")
    club.serve("b")
    nodes = club.nodes()
    # The publisher's own line and two of four cosignatures.
    nodes.lie(0, strip(3))
    with pytest.warns(NodeWarning, match="quorum"):
        assert nodes.look() == 3
    nodes.lie(1, strip(1))
    with pytest.raises(VerificationError) as caught, pytest.warns(NodeWarning):
        nodes.look()
    assert (caught.value.step, caught.value.code) == (4, "quorum")
    nodes.several.close()


def test_a_single_node_without_the_quorum_is_refused_as_well(club: Club) -> None:
    club.serve("a")
    nodes = club.nodes()
    nodes.lie(0, strip(3))
    with pytest.raises(VerificationError) as caught:
        nodes.look()
    assert (caught.value.step, caught.value.code) == (4, "quorum")
    # Three of four are enough, and the publisher need not be among those who signed.
    nodes.lie(0, lying.honest)
    nodes.look(lambda view: view.checkpoint)
    tier = nodes.look(lambda view: (view.opened.head.tier, view.opened.head.basis))
    assert tier == ("consortium", "voted")
    nodes.several.close()


def test_a_node_that_has_not_caught_up_accuses_nobody(club: Club) -> None:
    old = club.copy("old")
    club.league.note()
    club.serve("new")
    club.serve("behind", old)
    nodes = club.nodes()
    assert nodes.look() == 5
    nodes.nodes[0].stop()
    # The quorum did sign what the other one shows, only earlier.
    with pytest.raises(Unavailable) as caught, pytest.warns(NodeWarning, match="left out"):
        nodes.look()
    assert caught.value.code == "behind"
    assert nodes.kept == []
    nodes.nodes[0].start()
    assert nodes.look() == 5
    nodes.several.close()


def test_who_begins_at_a_node_that_is_behind_goes_on_at_another(club: Club) -> None:
    old = club.copy("old")
    club.league.note()
    club.serve("behind", old)
    club.serve("new")
    nodes = club.nodes()
    assert nodes.look() == 3
    with nodes.several.view() as early:
        nodes.nodes[0].stop()
        with pytest.warns(NodeWarning):
            # A block that the second node has as well, and long sealed.
            assert len([*early.entries(0, 3)]) == 3
        assert nodes.look() == 5
    nodes.nodes[0].start()
    nodes.several.close()


def test_events_are_written_through_whichever_node_answers(club: Club) -> None:
    club.serve("a")
    club.serve("b")
    nodes = club.nodes()
    first = systems(nodes.several.ledger)
    assert nodes.several.append(first)[0].decision == "admitted"
    nodes.nodes[0].stop()
    with pytest.warns(NodeWarning):
        assert nodes.several.append([*first, *systems(nodes.several.ledger)])[0].decision == "repeated"
    assert nodes.look() == 7
    nodes.nodes[0].start()
    nodes.several.close()


@pytest.mark.parametrize("known", ["founders", "members"])
def test_a_path_without_a_form_is_the_fault_of_the_node_that_shows_it(club: Club, known: str) -> None:
    trust = club.league.trust
    club.league.admit("echo")
    club.league.note()
    if known == "members":
        trust = club.league.trust
    club.serve("a")
    club.serve("b")
    nodes = Nodes(trust, *club.hosts, follow=Follower().follow)
    nodes.lie(0, lying.change("/v1/trust", lambda told: told | {"path": [step | {"note": "x"} for step in told["path"]]}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert nodes.look() == 7
    nodes.several.close()
