"""The published consortium, by both implementations: members, faults, whose word each checkpoint is, transactions."""

from __future__ import annotations

import json
from copy import deepcopy

import msgspec
import pytest

from cases import Case, decode64, each, fails, load
from muniment.core.format import checkpoint, note
from muniment.core.proof import authority, consortium
from muniment.core.proof.trust import Trust
from muniment.core.rules import chain, members
from muniment.core.rules.members import Fault, Validators
from muniment.errors import VerificationError
from muniment.ledger.replay import Replay
from muniment.node.chain import batch
from second import consortium as second
from second import forms, machine

VECTORS = load("consortium")
BLOCKS: list[Case] = VECTORS["blocks"]


def entries_of(block: Case) -> list[bytes]:
    return [decode64(case["entry"]) for case in block["entries"]]


@pytest.fixture(scope="module")
def ledger() -> machine.Ledger:
    """The whole ledger by the second implementation, every byte compared on the way."""
    ledger = machine.Ledger.found(BLOCKS[0]["header"].encode())
    for block in BLOCKS[1:]:
        header, verdicts = ledger.run(block["time"], entries_of(block), block["faults"])
        assert [each["decision"] for each in verdicts] == ["admitted"] * len(block["entries"])
        assert header == block["header"].encode()
        assert forms.tree_root(ledger.leaves).hex() == block["root"]
        assert {name: ledger.records[name] for name in block["records"]} == block["records"]
    assert (ledger.id, ledger.records) == (VECTORS["ledger"], VECTORS["records"])
    return ledger


@pytest.fixture(scope="module")
def replay() -> Replay:
    """The same by the first one, from the headers: faults are read from their evidence."""
    bodies: list[bytes] = []
    replay = Replay(bodies.__getitem__)
    for block in BLOCKS:
        submissions = chain.open_submissions(entries_of(block))
        before = chain.validators_in_force(replay)
        judges = msgspec.convert(block["judges"], Validators)
        assert before in (None, judges)
        bodies += [each.envelope.payload for each in submissions]
        replay.advance(block["header"].encode(), submissions)
        bodies.append(block["header"].encode())
        assert replay.position is not None
        assert replay.position.frontier.root().hex() == block["root"]
    return replay


def test_both_come_to_the_same_bytes(ledger: machine.Ledger, replay: Replay) -> None:
    assert {name: replay.record(name) for name in ledger.records} == {
        name: forms.canonical(record) for name, record in ledger.records.items()
    }
    assert len(ledger.records) == len(replay.records)
    assert f"muniment-{ledger.id[:32]}" == VECTORS["chainId"]


def test_faults_as_the_engine_gave_them_come_to_the_same_header(replay: Replay) -> None:
    """In their own order and with repetitions, not as the header lists them."""
    again = Replay(replay.event)
    for block in BLOCKS:
        submissions = chain.open_submissions(entries_of(block))
        if block["faults"]:
            assert again.position is not None
            faults = msgspec.convert(block["faults"], tuple[Fault, ...])
            judged = chain.Block(again.position, chain.policy_in_force(again), block["time"], submissions, faults)
            transition = chain.apply(again, judged)
            state = json.loads(block["header"])["state"]
            assert chain.seal(judged, transition, bytes.fromhex(state)).raw == block["header"].encode()
        again.advance(block["header"].encode(), submissions)


@pytest.mark.parametrize("block", BLOCKS, ids=[f"height {block['height']}" for block in BLOCKS])
def test_a_quorum_of_the_members_before_cosigned(block: Case) -> None:
    judges, raw = msgspec.convert(block["judges"], Validators), block["checkpoint"].encode()
    assert len(second.cosigners(block["checkpoint"], VECTORS["origin"], block["judges"])) == block["quorum"]
    assert block["quorum"] == second.quorum(len(judges.members)) == judges.quorum
    head = authority.open_head(raw, believed(judges))
    assert (head.tier, len(head.voices)) == ("consortium", block["quorum"])
    told = checkpoint.parse(note.parse(raw).text)
    assert (told.size, told.root.hex()) == (json.loads(block["header"])["size"] + 1, block["root"])


def test_one_voice_less_is_no_quorum() -> None:
    for block in BLOCKS:
        fewer = "".join(block["checkpoint"].splitlines(keepends=True)[:-1])
        judges = msgspec.convert(block["judges"], Validators)
        assert len(second.cosigners(fewer, VECTORS["origin"], block["judges"])) == block["quorum"] - 1
        with pytest.raises(VerificationError) as caught:
            # Where the publisher signed, it is one operator's word and no more.
            authority.check_tier(authority.open_head(fewer.encode(), believed(judges)), None)
        assert caught.value.code in ("log-key-unknown", "quorum")


def believed(judges: Validators) -> Trust:
    """The trust that members deserve."""
    return consortium.to_trust(VECTORS["origin"], VECTORS["ledger"], judges)


@each("consortium", "refused")
def test_what_is_refused_at_the_end(case: Case, ledger: machine.Ledger, replay: Replay) -> None:
    raw = decode64(case["entry"])
    _, (verdict,) = deepcopy(ledger).run(case["time"], [raw])
    assert verdict == {"decision": "refused", "rules": case["rules"]}
    assert replay.position is not None
    block = chain.Block(replay.position, chain.policy_in_force(replay), case["time"], chain.open_submissions([raw]))
    (found,) = chain.apply(replay, block).verdicts
    assert list(dict.fromkeys(reason.rule for reason in found.reasons)) == case["rules"]


def test_the_engine_is_told_what_changed() -> None:
    assert any("updates" in block for block in BLOCKS)
    for block in BLOCKS:
        named = json.loads(block["header"]).get("validators")
        assert (named is None) == ("updates" not in block)
        if named is not None:
            assert second.updates(block["judges"], named) == block["updates"]
            assert members.decode(forms.canonical(named)).members


def test_transactions() -> None:
    for case in VECTORS["transactions"]["good"]:
        raw, entries = decode64(case["bytes"]), [decode64(each) for each in case["entries"]]
        assert list(batch.decode(raw)) == entries == second.open_transaction(raw)
        assert raw.startswith(decode64(case["nonce"]))
    for case in VECTORS["transactions"]["bad"]:
        fails(case, lambda case=case: batch.decode(decode64(case["bytes"])))
        with pytest.raises(ValueError, match=r"cut off|none"):
            second.open_transaction(decode64(case["bytes"]))
