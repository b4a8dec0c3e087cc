"""Proofs about members whose records a header changed itself: evidence folds like an entry, and both verifiers follow it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import machine as machines
import makers
from cases import Case
from machine import Machine
from muniment.core.format import keys, state_map, time
from muniment.core.proof import answer as answers
from muniment.core.proof import trust as trusts
from muniment.core.proof import verify
from muniment.core.proof.answer import Answer
from muniment.core.proof.inquiry import HistoryQuestion
from muniment.core.rules import chain, members
from muniment.core.rules.members import Fault
from muniment.index import Index
from muniment.ledger import prover
from muniment.ledger.store.file import Store
from muniment.ledger.store.snapshot import Snapshot
from scripting import run
from second import verifier as second
from second.head import Trust as Trusted

ADDRESS = members.address(machines.member_key("acme", "validator"))
STREAMS = ("member/acme", f"validator/{ADDRESS}")


def fault(height: int) -> Fault:
    return Fault(address=ADDRESS, height=height, kind="duplicate-vote", time="2026-11-23T11:00:00.000000Z")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Founded at noon; acme signed twice (second 1), got another key (2), signed twice again beside an event (3), and (5)."""
    machine = Machine(machines.consortium("acme", "bank"))
    founding = machines.consortium("acme", "bank")
    store = Store.create(tmp_path_factory.mktemp("members") / "ledger.db", founding, time.format(makers.NOON), makers.seal)
    note = {"about": ["member/acme"], "text": {"sealed": "A" * 43}}
    blocks = (
        ((), (fault(7),)),
        ((machine.sign("member.changed", member="acme", change="rotate", validatorKey="8" * 64),), ()),
        ((machine.sign("note.added", **note),), (fault(9), fault(8))),
        ((machine.sign("system.registered", name="s"),), ()),
        ((), (fault(10),)),
        ((machine.sign("system.registered", name="t"),), ()),
    )
    for number, (raws, faults) in enumerate(blocks, 1):
        moment = time.format(makers.NOON + number * machines.SECOND)
        staged = store.stage(chain.open_submissions(raws), lambda _, moment=moment: moment, faults)
        assert all(each.decision == "admitted" for each in staged.judged.verdicts)
        store.commit(staged, makers.seal, number)
    yield store
    store.close()


@pytest.fixture
def view(store: Store) -> Iterator[Snapshot]:
    with store.view() as found:
        yield found


def check(view: Snapshot, found: Answer) -> Case:
    """All three verifiers take an answer; what the second one says."""
    believed = {"origin": makers.ORIGIN, "ledger": view.position.ledger, "quorum": "none"}
    text = "".join(f'{key} = "{value}"\n' for key, value in believed.items())
    trust = trusts.parse(f'{text}log_keys = ["{keys.format(makers.VERIFIER)}"]\n')
    raw = answers.encode(found)
    verified = verify.verify_answer(raw, trust)
    assert verified.result == found.result
    told = second.verify(json.loads(raw), Trusted(trusts.format(trust)))
    assert told["statuses"] == list(found.result.statuses)
    (script,) = run([{"run": "answer", "raw": base64.b64encode(raw).decode(), "trust": trusts.format(trust)}])
    assert script["gave"]["result"]["statuses"] == list(found.result.statuses)
    return told


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(("after", "status"), [*((at, "earlier") for at in (0, 1, 3)), (5, "unchanged"), (6, "unchanged")])
def test_the_state_at_a_time(view: Snapshot, stream: str, after: int, status: str) -> None:
    found = prover.prove_at(view, stream, time.format(makers.NOON + after * machines.SECOND))
    assert found.result.statuses == (status,)
    check(view, found)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_whole_history_holds_the_headers(view: Snapshot, stream: str) -> None:
    found = prover.prove_inquiry(view, HistoryQuestion(of=stream))
    record = view.record(stream)
    assert record is not None
    (whole,) = [each for each in found.streams if each.stream == stream]
    assert len(whole.indices) == json.loads(record)["count"]
    headers = {view.header(height).size for height in (0, 1, 3, 5)}
    assert headers <= {*whole.indices}
    check(view, found)


def test_a_fault_left_out_is_noticed(view: Snapshot) -> None:
    found = prover.prove_inquiry(view, HistoryQuestion(of=STREAMS[1]))
    lean = [msgspec.structs.replace(each, indices=each.indices[:-2] + each.indices[-1:]) for each in found.streams]
    with pytest.raises(Exception, match="of the"):
        check(view, msgspec.structs.replace(found, streams=tuple(lean)))


def test_the_index_knows_what_headers_changed(store: Store, tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db")
    with store.view() as view:
        index.follow(view)
        for stream in (*STREAMS, "members", "member/bank", f"cosigner/{machines.member_key('bank', 'cosigner')}"):
            found = index.stream_indices(stream)
            record = view.record(stream)
            assert record is not None
            told = json.loads(record)
            assert (len(found), found[0], found[-1]) == (told["count"], told["first"], told["last"])
            # With them the prover need not read the ledger through.
            held = prover.read_stream(view, stream, state_map.decode_record(record), found)
            assert [at for at, _ in held] == found
    index.close()


def test_the_members_are_found_by_name(store: Store, tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db")
    with store.view() as view:
        index.follow(view)
    found = {text: index.resolve(text).kind for text in ("members", "member/acme", f"validator/{ADDRESS}")}
    assert found == {"members": "members", "member/acme": "member", f"validator/{ADDRESS}": "validator"}
    # The newest entry that is about acme is the header of its last fault.
    assert index.resolve("member/acme").index == index.stream_indices("member/acme")[-1]
    rows = index.events("member/acme")
    assert [row.name for row in rows] == ["note.added", "member.changed"]
    assert rows[1].stream == "member/acme"
    index.close()
