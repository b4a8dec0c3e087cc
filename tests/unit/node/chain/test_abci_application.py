"""What the ledger answers its engine: recorded sequences of questions, driven directly, over a real file."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

import makers
from chaining import Chain, stamp
from membership import member, signer
from muniment.core.format import merkle, time
from muniment.core.rules import members
from muniment.errors import Conflict, InvalidInput, InvariantError
from muniment.node.abci import plain
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.abci.server import Halted
from muniment.node.chain import batch, moment
from muniment.node.chain.application import MAX_BLOCK_EVENTS


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain.found(tmp_path / "ledger.db")


def begun(chain: Chain) -> Chain:
    chain.begin()
    return chain


def verdicts(chain: Chain) -> list[str]:
    return [each.decision for _, given in chain.told[-1].verdicts for each in given]


def test_before_the_first_commit_there_is_height_0(chain: Chain) -> None:
    assert chain.info() == (0, b"")
    assert chain.begin() == chain.root
    assert chain.info() == (0, b"")


def test_the_chain_may_begin_twice(chain: Chain) -> None:
    first = chain.begin()
    chain.decide(chain.batch())
    chain.restart()
    assert chain.begin() == first
    chain.block(chain.batch())
    with pytest.raises(Conflict, match="block 1 was committed here"):
        chain.begin()


@pytest.mark.parametrize(
    ("field", "value"), [("ledger", "0" * 64), ("leaf", "0" * 64), ("origin", "a.org/b"), ("root", "0" * 64), ("size", 7)]
)
def test_a_chain_of_another_ledger_does_not_begin(chain: Chain, field: str, value: object) -> None:
    with pytest.raises(Conflict, match=f"begins with {field} {value}") as caught:
        chain.begin(msgspec.structs.replace(chain.start(), **{field: value}))
    assert caught.value.code == "other-start"


def test_a_chain_of_other_members_does_not_begin(chain: Chain) -> None:
    with pytest.raises(Conflict) as caught:
        chain.begin(organisations=("lender", "vendor"))
    assert caught.value.code == "other-members"


def test_a_chain_of_another_protocol_does_not_begin(chain: Chain) -> None:
    with pytest.raises(Conflict, match="protocol 2"):
        chain.begin(protocol=2)


def test_a_start_that_is_none_is_told(chain: Chain) -> None:
    with pytest.raises(InvalidInput) as caught:
        chain.ask(init_chain=abci.RequestInitChain(app_state_bytes=b'{"ledger": 1}'))
    assert caught.value.code == "bad-start"


def test_a_batch_is_judged_committed_and_told(chain: Chain) -> None:
    raw = begun(chain).batch(chain.system(), chain.system("scoring"))
    answer = chain.decide(raw)
    assert [each.code for each in answer.tx_results] == [0]
    assert chain.told == []
    assert chain.size == 1
    chain.commit()
    assert (chain.size, chain.root) == (4, answer.app_hash)
    assert chain.info() == (1, answer.app_hash)
    told = chain.told[0]
    assert told.sealed is not None
    assert told.sealed.header.time == time.format(chain.now - 1_000_000)
    assert [len(given) for _, given in told.verdicts] == [2]
    assert verdicts(chain) == ["admitted", "admitted"]
    assert [merkle.leaf(each) for each in batch.decode(raw)] == [each.leaf for each in told.submissions]


def test_nothing_is_verified_twice(chain: Chain) -> None:
    raw = begun(chain).batch(*[chain.system() for _ in range(5)])
    assert chain.ask(check_tx=abci.RequestCheckTx(tx=raw)).check_tx.code == 0
    assert chain.ask(check_tx=abci.RequestCheckTx(tx=raw, type=abci.RECHECK)).check_tx.code == 0
    proposed = chain.propose(raw)
    assert proposed[1:] == [raw]
    assert chain.accepts(*proposed)
    chain.block(*proposed)
    assert chain.opened.verified == 5
    # What was committed is not kept: who sends it again has it opened again.
    chain.ask(check_tx=abci.RequestCheckTx(tx=raw))
    assert chain.opened.verified == 10


def test_a_block_without_admitted_events_changes_nothing(chain: Chain) -> None:
    chain.begin()
    before = chain.block(chain.batch()).app_hash
    size = chain.size
    assert chain.block().app_hash == before
    stranger = makers.sign("0" * 64, "system.registered", name="elsewhere", operatorRole="provider")
    assert chain.block(chain.batch(stranger)).app_hash == before
    assert verdicts(chain) == ["refused"]
    assert chain.told[-1].sealed is None
    assert chain.size == size
    # The engine's heights go on all the same, and all of them are known.
    assert chain.info() == (3, before)
    assert [(each.height, each.size, each.root) for each in chain.store.marks(2, 4)] == [(2, size, before), (3, size, before)]


def test_an_event_comes_twice_and_is_written_once(chain: Chain) -> None:
    event = begun(chain).system("scoring")
    chain.block(chain.batch(event), chain.batch(event))
    assert verdicts(chain) == ["admitted", "repeated"]
    chain.block(chain.batch(event))
    assert verdicts(chain) == ["repeated"]
    assert chain.told[-1].verdicts[0][1][0].index == 1


def test_a_block_judged_again_gives_the_same(chain: Chain) -> None:
    raw = begun(chain).batch(chain.system("a"), chain.system("b"))
    first = chain.decide(raw)
    assert chain.decide(raw) == first
    chain.commit()
    assert chain.info() == (1, first.app_hash)


def test_another_block_of_the_same_height_stands_alone(chain: Chain) -> None:
    begun(chain).decide(chain.batch(chain.system("never")))
    kept = chain.block(chain.batch(chain.system("kept")))
    assert chain.root == kept.app_hash
    assert chain.size == 3


def test_killed_between_judging_and_committing(chain: Chain) -> None:
    raw = begun(chain).batch()
    first = chain.decide(raw)
    chain.restart()
    assert chain.info() == (0, b"")
    chain.begin()
    assert chain.block(raw) == first
    raw = chain.batch()
    second = chain.decide(raw)
    chain.restart()
    assert chain.info() == (1, first.app_hash)
    assert chain.decide(raw) == second
    chain.commit()
    assert chain.info() == (2, second.app_hash)


def test_killed_after_committing(chain: Chain) -> None:
    answer = begun(chain).block(chain.batch())
    chain.restart()
    assert chain.info() == (1, answer.app_hash)
    with pytest.raises(InvariantError, match="1 was committed here"):
        chain.ask(finalize_block=abci.RequestFinalizeBlock(height=1))
    chain.block(chain.batch())
    assert chain.info()[0] == 2


def test_a_new_engine_commits_nothing_that_another_decided(chain: Chain) -> None:
    begun(chain).decide(chain.batch())
    chain.reconnect()
    with pytest.raises(InvariantError, match="not judged on this connection"):
        chain.commit()


def test_a_commit_is_not_repeated(chain: Chain) -> None:
    begun(chain).block(chain.batch())
    with pytest.raises(InvariantError, match="not judged on this connection"):
        chain.commit()


def test_what_wrote_beside_the_chain_is_noticed(chain: Chain) -> None:
    begun(chain).block(chain.batch())
    beside = Chain(chain.path)
    submissions = list(beside.opened.open(beside.batch()).submissions)
    staged = beside.store.stage(submissions, lambda previous: time.format(chain.now))
    beside.store.commit(staged, makers.seal)
    with pytest.raises(Conflict) as caught:
        chain.info()
    assert caught.value.code == "moved-aside"


def test_two_nodes_come_to_the_same(tmp_path: Path) -> None:
    one, other = (Chain.found(tmp_path / name) for name in ("one.db", "other.db"))
    one.begin()
    other.begin()
    for _ in range(5):
        txs = [one.batch(one.system(), one.system()), one.batch()]
        assert one.block(*txs) == other.block(*txs)
        # What one had cached and the other had to open makes no difference.
        other.restart()
    assert one.info() == other.info()


def test_however_often_it_is_killed_it_comes_to_the_same(tmp_path: Path) -> None:
    calm, restless = (Chain.found(tmp_path / name) for name in ("calm.db", "restless.db"))
    calm.begin()
    restless.begin()
    chance = random.Random(6)
    for _ in range(40):
        txs = [
            calm.batch(*[calm.system(f"s-{chance.randrange(60)}") for _ in range(chance.randrange(1, 4))])
            for _ in range(chance.randrange(3))
        ]
        wanted = calm.block(*txs)
        while chance.random() < 0.6:
            assert restless.decide(*txs) == wanted
            chance.choice([restless.restart, restless.reconnect, lambda: None])()
            assert restless.info()[0] == restless.height
        assert restless.block(*txs) == wanted
        if chance.random() < 0.3:
            restless.restart()
        assert restless.info() == calm.info()
    with calm.store.view() as one, restless.store.view() as other:
        assert list(one.entries(0, one.size)) == list(other.entries(0, other.size))


@pytest.mark.parametrize(
    "raw", [b"", b"12345678", b"12345678\x00\x05abc", b"12345678\x00\x02{}", b"\x00" * (batch.MAX_BYTES + 1)], ids=len
)
def test_what_is_no_batch_goes_nowhere(chain: Chain, raw: bytes) -> None:
    good = begun(chain).batch()
    checked = chain.ask(check_tx=abci.RequestCheckTx(tx=raw)).check_tx
    assert (checked.code, checked.codespace) == (1, "muniment")
    mark, *proposed = chain.propose(raw, good)
    assert proposed == [good]
    assert chain.accepts(mark, good)
    assert not chain.accepts(mark, good, raw)
    # Decided all the same, it does nothing, on every node alike.
    answer = chain.block(raw, good)
    assert [each.code for each in answer.tx_results] == [0, 0]
    assert verdicts(chain) == ["admitted"]


def test_a_false_signature_goes_nowhere(chain: Chain) -> None:
    begun(chain)
    entry = chain.system()
    at = entry.index(b'"sig":"') + 7
    forged = entry[:at] + (b"B" if entry[at : at + 1] == b"A" else b"A") + entry[at + 1 :]
    checked = chain.ask(check_tx=abci.RequestCheckTx(tx=chain.batch(chain.system(), forged))).check_tx
    assert (checked.code, checked.info) == (1, "bad-signature")


def test_a_proposal_fits_its_block(chain: Chain) -> None:
    txs = [begun(chain).batch(*[chain.system() for _ in range(3)]) for _ in range(4)]

    # CometBFT counts a tag and a length before each: 3 bytes for one of 2^7 to 2^14 bytes, 2 for a shorter one.
    whole = sum(3 + len(raw) for raw in txs) + 2 + len(moment.encode(0))
    assert all(1 << 7 <= len(raw) < 1 << 14 for raw in txs)
    assert [len(chain.propose(*txs, room=room)) for room in (whole, whole - 1, 0)] == [5, 4, 0]


def test_a_block_holds_so_many_events(chain: Chain) -> None:
    entries = [begun(chain).system() for _ in range(batch.MAX_EVENTS)]
    txs = [chain.batch(*entries) for _ in range(MAX_BLOCK_EVENTS // batch.MAX_EVENTS)]
    more = [*txs, chain.batch(entries[0])]
    mark, *proposed = chain.propose(*more)
    assert proposed == txs
    assert chain.accepts(mark, *txs)
    assert not chain.accepts(mark, *more)


DAY_US = 24 * 3_600 * 1_000_000


def test_a_block_has_the_time_of_its_proposer_and_not_of_the_last_votes(chain: Chain) -> None:
    begun(chain)
    voted, chain.now = chain.now, chain.now + 3 * DAY_US
    proposed = chain.propose(chain.batch(), at=voted)
    assert moment.decode(proposed[0]) == chain.now
    assert chain.accepts(*proposed, at=voted)
    chain.block(*proposed, at=stamp(voted))
    sealed = chain.told[-1].sealed
    assert sealed is not None
    assert sealed.header.time == time.format(chain.now - 1_000_000)


def test_a_block_without_events_says_no_time(chain: Chain) -> None:
    begun(chain)
    assert chain.propose() == []
    assert chain.accepts()
    assert not chain.accepts(moment.encode(chain.now))


@pytest.mark.parametrize("off", [-1, 11_000_000])
def test_a_time_before_the_engine_or_ahead_of_the_clock_is_never_voted_for(chain: Chain, off: int) -> None:
    begun(chain)
    mark, raw = moment.encode(chain.now + off), chain.batch()
    assert not any(chain.accepts(mark, raw, at=chain.now, name=b"the same") for _ in range(3 * moment.PATIENCE))
    assert not chain.accepts(raw)


def test_an_old_time_is_voted_for_where_the_same_block_comes_again_and_again(chain: Chain) -> None:
    """After an outage some validators are bound to a block from before it."""
    begun(chain)
    old, raw = chain.propose(chain.batch())
    voted, chain.now = chain.now, chain.now + DAY_US
    refused = [chain.accepts(old, raw, at=voted, name=b"bound") for _ in range(moment.PATIENCE)]
    assert not any(refused)
    assert chain.accepts(old, raw, at=voted, name=b"bound")
    assert chain.doubts[-1] == "a member proposed a block whose time is 86400 s behind this machine's clock"
    # Another block is another matter.
    assert not any(chain.accepts(old, raw, at=voted, name=bytes([turn])) for turn in range(3 * moment.PATIENCE))
    fresh = chain.propose(raw)
    assert chain.accepts(*fresh, name=b"fresh")
    assert chain.doubts[-1] == ""


def test_a_time_comes_from_a_proposer_alone(chain: Chain) -> None:
    begun(chain)
    assert chain.ask(check_tx=abci.RequestCheckTx(tx=moment.encode(chain.now))).check_tx.code == 1
    assert chain.propose(moment.encode(5)) == []
    mark, raw = chain.propose(chain.batch())
    assert not chain.accepts(mark, mark, raw)


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        # Never before the header before it: year 1 is Go's zero time, which abci-cli sends.
        (-62_135_596_800, 0, "2026-11-23T12:00:00.000001Z"),
        (-(1 << 63), -(1 << 31), "2026-11-23T12:00:00.000001Z"),
        (1 << 62, 999_999_999, "9999-12-31T23:59:59.999999Z"),
        (1_795_435_260, 123_456_999, "2026-11-23T12:01:00.123456Z"),
    ],
)
def test_extremes_of_time(chain: Chain, seconds: int, nanos: int, text: str) -> None:
    begun(chain).block(chain.batch(), at=Timestamp(seconds=seconds, nanos=nanos))
    sealed = chain.told[0].sealed
    assert sealed is not None
    assert sealed.header.time == text


def test_after_the_last_time_nothing_is_sealed(chain: Chain) -> None:
    before = begun(chain).block(chain.batch(), at=stamp(plain.LAST_US)).app_hash
    lender = member("lender").key
    answer = chain.block(chain.batch(), chain.batch(), at=stamp(plain.LAST_US), faults=[misbehaviour(lender)])
    assert (len(answer.tx_results), answer.app_hash) == (2, before)
    assert chain.told[1].sealed is None
    assert chain.told[1].verdicts == ()
    assert chain.info() == (2, before)


def misbehaviour(key: str, kind: int = abci.DUPLICATE_VOTE, height: int = 7) -> abci.Misbehavior:
    validator = abci.Validator(address=bytes.fromhex(members.address(key)), power=1)
    return abci.Misbehavior(type=kind, validator=validator, height=height, time=stamp(makers.NOON), total_voting_power=1)  # type: ignore[arg-type]


def test_double_signing_is_written_with_the_organisation(chain: Chain) -> None:
    chain.begin()
    answer = chain.block(faults=[misbehaviour(member("lender").key), misbehaviour("0" * 64)])
    told = chain.told[0]
    assert told.sealed is not None
    faults = msgspec.json.decode(told.sealed.header.evidence)
    assert sorted((each.get("organisation", ""), each["kind"], each["height"]) for each in faults) == [
        ("", "duplicate-vote", 7),
        ("lender", "duplicate-vote", 7),
    ]
    assert chain.info() == (1, answer.app_hash)
    assert chain.size == 2


@pytest.mark.parametrize(
    "fault",
    [
        misbehaviour("0" * 64, kind=0),
        misbehaviour("0" * 64, kind=99),
        misbehaviour("0" * 64, height=-1),
        misbehaviour("0" * 64, height=1 << 53),
        abci.Misbehavior(type=abci.DUPLICATE_VOTE, validator=abci.Validator(address=b"short")),
    ],
    ids=["unknown", "later", "negative", "far", "short"],
)
def test_what_cannot_be_written_about_a_validator_is_left_out(chain: Chain, fault: abci.Misbehavior) -> None:
    before = begun(chain).root
    assert chain.block(faults=[fault]).app_hash == before
    assert chain.told[0].sealed is None


def change(chain: Chain, organisation: str, change: str, **fields: object) -> bytes:
    return chain.sign("member.changed", member=organisation, change=change, **fields)


def admit(chain: Chain, organisation: str) -> bytes:
    keys = member(organisation)
    return change(chain, organisation, "admit", validatorKey=keys.key, cosignerKey=keys.cosigner)


def test_members_become_validators(chain: Chain) -> None:
    chain.begin()
    answer = chain.block(chain.batch(admit(chain, "vendor"), admit(chain, "regulator")))
    assert verdicts(chain) == ["admitted", "admitted"]
    assert plain.powers(answer.validator_updates) == {member("vendor").key: 1, member("regulator").key: 1}
    assert chain.block(chain.batch()).validator_updates == []
    key = signer("vendor", "vote", 1).public_key.hex()
    answer = chain.block(chain.batch(change(chain, "vendor", "rotate", validatorKey=key), change(chain, "lender", "remove")))
    assert verdicts(chain) == ["admitted", "admitted"]
    assert plain.powers(answer.validator_updates) == {member("vendor").key: 0, key: 1, member("lender").key: 0}
    assert [each.pub_key.ed25519 for each in answer.validator_updates] == sorted(
        each.pub_key.ed25519 for each in answer.validator_updates
    )


def test_who_comes_and_goes_in_one_block_was_never_there(chain: Chain) -> None:
    chain.begin()
    answer = chain.block(chain.batch(admit(chain, "vendor"), change(chain, "vendor", "remove")))
    assert verdicts(chain) == ["admitted", "admitted"]
    assert answer.validator_updates == []


def test_under_a_protocol_that_is_not_spoken_nothing_is_judged(chain: Chain) -> None:
    begun(chain).block(chain.batch(chain.sign("protocol.upgraded", protocol=2), chain.system()))
    assert verdicts(chain) == ["admitted", "admitted"]
    size, told = chain.size, "this follows protocol 2, and this release speaks 1"
    for again in range(2):
        # Not even an empty block: what the other release makes of it is not known here.
        with pytest.raises(Halted, match=told):
            chain.decide(*[chain.batch()] * again)
        assert chain.halted == [told] * (again + 1)
    assert (chain.size, chain.info()[0]) == (size, 1)
    chain.restart()
    assert chain.application.find_unknown() == told


def test_under_a_protocol_that_is_spoken_there_is_nothing_unknown(chain: Chain) -> None:
    assert chain.application.find_unknown() == ""


def test_blocks_may_go_as_pruning_says(chain: Chain) -> None:
    chain.begin()
    chain.retained = 1
    chain.decide()
    assert chain.commit() == 1


def test_a_peer_is_known_or_kept_out(chain: Chain) -> None:
    chain.peers = {"a" * 40}

    def query(path: str) -> int:
        return chain.ask(query=abci.RequestQuery(path=path)).query.code

    assert query("/p2p/filter/id/" + "a" * 40) == 0
    assert query("/p2p/filter/id/" + "b" * 40) != 0
    assert query("/p2p/filter/addr/127.0.0.1:26656") == 0
    assert query("/anything") == query("id/" + "b" * 40) == query("") == 0


def test_snapshots_are_refused_where_there_are_none(chain: Chain) -> None:
    assert list(chain.ask(list_snapshots=abci.RequestListSnapshots()).list_snapshots.snapshots) == []
    assert chain.ask(load_snapshot_chunk=abci.RequestLoadSnapshotChunk(height=1)).load_snapshot_chunk.chunk == b""
    offered = chain.ask(offer_snapshot=abci.RequestOfferSnapshot(app_hash=bytes(32))).offer_snapshot
    assert offered.result == abci.ResponseOfferSnapshot.REJECT
    applied = chain.ask(apply_snapshot_chunk=abci.RequestApplySnapshotChunk()).apply_snapshot_chunk
    assert applied.result == abci.ResponseApplySnapshotChunk.ABORT


def test_vote_extensions_are_not_answered(chain: Chain) -> None:
    with pytest.raises(InvariantError, match="extend_vote"):
        chain.ask(extend_vote=abci.RequestExtendVote())
