"""The way into a consortium: grouped, sent, sent again, and answered once a quorum stands behind it."""

from __future__ import annotations

import asyncio
import threading
import time as clocks
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
import pytest

import makers
from chaining import Chain, founding
from muniment.core.format import dsse, time
from muniment.core.proof.trust import Trust
from muniment.core.rules import events, genesis
from muniment.core.rules.policy import Policy, Role, Verdict
from muniment.errors import InvalidInput, Unavailable
from muniment.ledger.embedded import Embedded
from muniment.ledger.refusals import Refusals
from muniment.ledger.spool import Spool
from muniment.ledger.store.file import Store
from muniment.ledger.store.snapshot import Snapshot
from muniment.net import frames
from muniment.net.wire import Submitted
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.chain import batch
from muniment.node.chain.application import Committed
from muniment.node.engine.rpc import EngineRpc
from muniment.node.submitting.pending import Pending
from muniment.node.submitting.refusals import Attempts
from muniment.node.submitting.submitter import ChainSubmitter
from muniment.server.problems import Forbidden
from muniment.server.submitting import MAX_WAITING, Batch

SERVICE = "lender-node"
SECONDS = 60.0


class Telling(list[Committed]):
    """What the application tells, kept and passed on."""

    def __init__(self, pending: Pending) -> None:
        super().__init__()
        self.pending = pending

    def append(self, committed: Committed) -> None:
        super().append(committed)
        self.pending.resolve(committed)


class Engine:
    """One validator without a network: what was checked waits, and becomes a block whenever the chain turns."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.lock = threading.Lock()
        self.waiting: list[bytes] = []
        self.cache: set[bytes] = set()
        self.sent: list[bytes] = []
        self.failure: Exception | None = None
        self.forgets = False
        self.turns = threading.Event()
        self.turns.set()
        self.over = False
        self.thread = threading.Thread(target=self.turn, daemon=True)

    def broadcast(self, raw: bytes) -> Literal["taken", "pending"]:
        self.sent.append(raw)
        if self.failure is not None:
            raise self.failure
        with self.lock:
            if raw in self.cache:
                return "pending"
            assert self.chain.ask(check_tx=abci.RequestCheckTx(tx=raw)).check_tx.code == 0
            if not self.forgets:
                self.cache.add(raw)
                self.waiting.append(raw)
        return "taken"

    def turn(self) -> None:
        while not self.over:
            clocks.sleep(0.01)
            if self.turns.is_set():
                with self.lock:
                    if self.waiting:
                        proposed = self.chain.ask(
                            prepare_proposal=abci.RequestPrepareProposal(txs=self.waiting, max_tx_bytes=4 << 20)
                        ).prepare_proposal.txs
                        self.waiting = [each for each in self.waiting if each not in proposed]
                        self.chain.block(*proposed)


class Reader(Embedded):
    """The ledger for readers; whether a quorum has cosigned is said by the test."""

    settled = True

    def is_settled(self, view: Snapshot) -> bool:
        return self.settled


class Node:
    """A node over a ledger in a file, without HTTP, and with an engine that the test holds."""

    def __init__(self, folder: Path, record: tuple[str, ...] = (), **named: Any) -> None:
        self.path = folder / "ledger.db"
        Store.create(self.path, _founding(record), time.format(makers.NOON), makers.seal).close()
        self.pending = Pending()
        self.chain = Chain(self.path)
        self.chain.told = Telling(self.pending)
        self.chain.restart()
        self.chain.begin()
        self.engine = Engine(self.chain)
        self.reader = Reader(Store.open(self.path), None)
        self.spool = Spool(folder / "spool")
        self.counted: list[Verdict] = []
        attempts = Attempts(Refusals(makers.NODE, self.spool, actor=SERVICE), drain_s=0.2) if record else None
        self.submitter = ChainSubmitter(
            cast(EngineRpc, self.engine),
            self.chain.opened,
            self.pending,
            self.reader,
            attempts=attempts,
            observe=self.counted.extend,
            # A slow machine lets nobody wait in vain, unless a test wants it.
            **{"answer_s": SECONDS, "resend_s": SECONDS, **named},
        )
        self.engine.thread.start()
        self.submitter.open()

    def submit(self, *entries: bytes, since: int | None = None, environments: frozenset[str] = frozenset()) -> Submitted:
        return asyncio.run(self.ask(*entries, since=since, environments=environments))

    async def ask(self, *entries: bytes, since: int | None = None, environments: frozenset[str] = frozenset()) -> Submitted:
        raw = await self.submitter.submit(Batch(entries=entries, since=since, environments=environments))
        return msgspec.json.decode(raw, type=Submitted)

    def systems(self, count: int) -> list[bytes]:
        return [self.chain.system() for _ in range(count)]

    def entries(self) -> list[bytes]:
        with self.reader.view() as view:
            return [raw for _, raw in view.entries(0, view.size)]

    def close(self) -> None:
        self.submitter.close()
        self.engine.over = True
        self.engine.thread.join()
        self.reader.close()
        self.chain.store.close()


def _founding(record: tuple[str, ...]) -> genesis.Genesis:
    before = founding(("lender",))
    if not record:
        return before
    roles = (*before.policy.roles, Role(name="service", may=("attempt.refused",)))
    policy = Policy(roles=tuple(sorted(roles, key=lambda role: role.name)), record_refusals=record)
    key = genesis.prove_key(makers.ORIGIN, SERVICE, makers.NODE)
    service = genesis.Founder(id=SERVICE, kind="service", keys=(key,), responsible=("ada",), roles=("service",))
    actors = tuple(sorted((*before.actors, service), key=lambda actor: actor.id))
    return msgspec.structs.replace(before, policy=policy, actors=actors)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    made: list[Node] = []

    def make_node(**named: Any) -> Node:
        made.append(Node(tmp_path, **named))
        return made[-1]

    yield make_node
    for each in made:
        each.close()


def until(holds: Callable[[], bool]) -> None:
    ends = clocks.monotonic() + SECONDS
    while not holds():
        assert clocks.monotonic() < ends
        clocks.sleep(0.01)


async def until_soon(holds: Callable[[], bool]) -> None:
    """The same, while others in this thread go on."""
    ends = clocks.monotonic() + SECONDS
    while not holds():
        assert clocks.monotonic() < ends
        await asyncio.sleep(0.01)


def decisions(answer: Submitted) -> list[str]:
    return [each.decision for each in answer.verdicts]


def test_what_is_submitted_is_answered_with_its_proof_once_it_is_committed(make: Callable[..., Node]) -> None:
    node = make()
    raw = node.chain.system("scoring")
    answer = node.submit(raw)
    (judged,) = answer.verdicts
    assert (judged.decision, judged.index) == ("admitted", 1)
    opened = frames.open_frame(answer.view, Trust(makers.ORIGIN, node.chain.ledger, (makers.VERIFIER,)))
    assert (opened.size, opened.height) == (3, 1)
    assert node.entries()[1] == raw
    # With the proof from a size that the caller has seen, and without one from a size that is not there.
    assert len(node.submit(raw, since=1).view.consistency) > 0  # type: ignore[arg-type]
    assert node.submit(raw, since=99).view.consistency is msgspec.UNSET
    assert decisions(node.submit(raw)) == ["repeated"]
    assert [each.decision for each in node.counted] == ["admitted", "repeated", "repeated", "repeated"]
    assert node.submitter.waiting == 0


def test_signatures_are_verified_once_although_the_engine_asks_four_times(make: Callable[..., Node]) -> None:
    node = make()
    node.submit(*node.systems(30))
    assert node.chain.opened.verified == 0


def test_many_small_requests_travel_together(make: Callable[..., Node]) -> None:
    node = make(linger_s=1.0)
    node.engine.turns.clear()

    async def ask_all() -> list[Submitted]:
        first = asyncio.ensure_future(node.ask(node.chain.system("first")))
        await until_soon(lambda: len(node.engine.sent) == 1)
        others = [asyncio.ensure_future(node.ask(each)) for each in node.systems(50)]
        await until_soon(lambda: len(node.engine.sent) > 1)
        node.engine.turns.set()
        return await asyncio.gather(first, *others)

    answers = asyncio.run(ask_all())
    assert [decisions(each) for each in answers] == [["admitted"]] * 51
    assert len({each.verdicts[0].index for each in answers}) == 51
    # The first one alone, because nothing was under way; all others in one.
    assert [len(batch.decode(raw)) for raw in node.engine.sent] == [1, 50]


def test_a_long_request_is_parted_and_stays_in_order(make: Callable[..., Node]) -> None:
    node = make()
    entries = node.systems(450)
    answer = node.submit(*entries)
    assert decisions(answer) == ["admitted"] * 450
    assert [len(batch.decode(raw)) for raw in node.engine.sent] == [200, 200, 50]
    found = node.entries()
    assert [found[int(each.index)] for each in answer.verdicts] == entries  # type: ignore[arg-type]
    assert sorted(indices := [each.index for each in answer.verdicts]) == indices  # type: ignore[type-var]


def test_a_transaction_is_no_longer_than_the_engine_takes(make: Callable[..., Node]) -> None:
    node = make()
    purposes = sorted(f"purpose-{number}-{'x' * 90}" for number in range(16))
    long = [
        node.chain.sign("dataset.registered", name="loans", data=f"{n:064x}", bytes=1, files=1, purposes=purposes)
        for n in range(150)
    ]
    assert sum(map(len, long)) > batch.MAX_BYTES
    answer = node.submit(*long)
    assert decisions(answer) == ["admitted"] * 150
    assert len(node.engine.sent) == 2
    first = sum(len(each) + batch.LENGTH_BYTES for each in batch.decode(node.engine.sent[0]))
    assert batch.MAX_BYTES - 4_000 < first <= batch.MAX_BYTES


def test_a_bad_entry_refuses_its_own_request_and_harms_nobody_beside_it(make: Callable[..., Node]) -> None:
    node = make()
    bad = msgspec.json.decode(node.chain.system())
    bad["signatures"][0]["sig"] = "A" * 86 + "=="
    deployed = node.chain.sign("deployment.changed", transition="start", environment="production", name="x", version="2" * 64)

    async def ask_all() -> list[Any]:
        asked = [
            node.ask(node.chain.system()),
            node.ask(node.chain.system("lost"), msgspec.json.encode(bad)),
            node.ask(b"{}"),
            node.ask(deployed, environments=frozenset({"staging"})),
            node.ask(node.chain.system()),
        ]
        return await asyncio.gather(*asked, return_exceptions=True)

    first, forged, formless, foreign, last = asyncio.run(ask_all())
    assert decisions(first) == decisions(last) == ["admitted"]
    assert isinstance(forged, InvalidInput)
    assert isinstance(formless, InvalidInput)
    assert isinstance(foreign, Forbidden)
    assert foreign.code == "environment"
    assert not any(b"lost" in raw for raw in node.entries())


@pytest.mark.parametrize("code", ["busy", "engine-away", "engine-refused"])
def test_what_the_engine_does_not_take_is_told_at_once_and_taken_later(make: Callable[..., Node], code: str) -> None:
    node = make()
    node.engine.failure = Unavailable("no", code=code, retry_after=1.0)
    raw = node.chain.system()
    with pytest.raises(Unavailable) as caught:
        node.submit(raw)
    assert caught.value.code == code
    assert len(node.pending) == 0
    until(lambda: node.submitter.waiting == 0)
    node.engine.failure = None
    assert decisions(node.submit(raw)) == ["admitted"]


def test_later_parts_of_a_request_do_not_go_without_the_first(make: Callable[..., Node]) -> None:
    node = make()
    node.engine.failure = Unavailable("no", code="busy", retry_after=1.0)
    with pytest.raises(Unavailable):
        node.submit(*node.systems(450))
    assert len(node.engine.sent) == 1


def test_an_engine_that_forgot_is_sent_the_same_bytes_again(make: Callable[..., Node]) -> None:
    node = make(resend_s=0.1)
    node.engine.forgets = True

    async def ask() -> Submitted:
        asked = asyncio.ensure_future(node.ask(node.chain.system()))
        await until_soon(lambda: len(node.engine.sent) > 1)
        node.engine.forgets = False
        return await asked

    assert decisions(asyncio.run(ask())) == ["admitted"]
    assert len(node.engine.sent) > 1
    assert len(set(node.engine.sent)) == 1


def test_whatever_hinders_another_attempt_the_sender_goes_on(make: Callable[..., Node]) -> None:
    node = make(resend_s=0.05, answer_s=3.0)
    node.engine.turns.clear()

    async def ask() -> Submitted:
        asked = asyncio.ensure_future(node.ask(node.chain.system()))
        await until_soon(lambda: bool(node.engine.waiting))
        node.engine.failure = RuntimeError("no file is left to open")
        return await asked

    with pytest.raises(Unavailable) as caught:
        asyncio.run(ask())
    assert caught.value.code == "not-committed"
    assert len(node.engine.sent) > 1
    node.engine.failure = None
    node.engine.turns.set()
    node.submitter._answer_s = SECONDS
    assert decisions(node.submit(node.chain.system())) == ["admitted"]


def test_what_the_engine_has_already_is_waited_for(make: Callable[..., Node]) -> None:
    node = make(resend_s=0.05)
    node.engine.turns.clear()

    async def ask() -> Submitted:
        asked = asyncio.ensure_future(node.ask(node.chain.system()))
        await until_soon(lambda: bool(node.engine.waiting))
        # Whatever a later attempt meets: the first one counts.
        node.engine.failure = Unavailable("no", code="engine-away")
        before = len(node.engine.sent)
        await until_soon(lambda: len(node.engine.sent) > before + 1)
        node.engine.turns.set()
        return await asked

    assert decisions(asyncio.run(ask())) == ["admitted"]
    assert len(node.entries()) == 3


def test_who_waited_long_enough_is_told_and_may_ask_again(make: Callable[..., Node]) -> None:
    node = make(answer_s=0.2)
    node.engine.turns.clear()
    raw = node.chain.system()
    with pytest.raises(Unavailable) as caught:
        node.submit(raw)
    assert (caught.value.code, caught.value.retry_after) == ("not-committed", 1.0)
    assert (len(node.pending), node.submitter.waiting) == (0, 0)
    node.engine.turns.set()
    until(lambda: len(node.entries()) == 3)
    node.submitter._answer_s = SECONDS
    assert decisions(node.submit(raw)) == ["repeated"]


def test_without_a_quorum_nobody_is_shown_what_he_would_not_believe(make: Callable[..., Node]) -> None:
    node = make()
    node.reader.settled = False
    raw = node.chain.system()
    with pytest.raises(Unavailable) as caught:
        node.submit(raw)
    assert caught.value.code == "quorum-missing"
    node.reader.settled = True
    assert decisions(node.submit(raw)) == ["repeated"]


def test_more_than_can_wait_is_told_to_come_again(make: Callable[..., Node]) -> None:
    node = make()
    node.engine.turns.clear()
    raw = node.chain.system()

    async def ask() -> None:
        # The same event again and again is enough to wait; of a queue that is empty even a longer one is taken.
        asked = asyncio.ensure_future(node.ask(*[raw] * MAX_WAITING))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable) as caught:
            await node.ask(raw)
        assert caught.value.code == "busy"
        asked.cancel()

    asyncio.run(ask())
    node.engine.turns.set()
    until(lambda: node.submitter.waiting == 0)


def test_at_the_end_everybody_is_told(make: Callable[..., Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muniment.node.submitting.submitter.CLOSE_S", 0.2)
    node = make()
    node.engine.turns.clear()

    async def ask() -> None:
        asked = asyncio.ensure_future(node.ask(node.chain.system()))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(node.submitter.close)
        with pytest.raises(Unavailable) as caught:
            await asked
        assert caught.value.code == "closing"
        with pytest.raises(Unavailable) as refused:
            await node.ask(node.chain.system())
        assert refused.value.code == "closing"

    asyncio.run(ask())


def test_what_a_node_itself_writes_blocks_until_it_is_committed(make: Callable[..., Node]) -> None:
    node = make()
    verdicts = node.submitter.append(node.systems(3))
    assert [each.index for each in verdicts] == [1, 2, 3]
    with pytest.raises(InvalidInput):
        node.submitter.append([b"{}"])


def attempts_in(node: Node) -> list[Any]:
    events_ = [events.decode(dsse.decode(raw).payload) for raw in node.entries() if raw.startswith(b'{"payload"')]
    return [each for each in events_ if each.NAME == "attempt.refused"]


def test_what_was_refused_is_recorded_by_the_node_that_took_it(make: Callable[..., Node]) -> None:
    node = make(record=("system.registered",))
    refused = makers.sign(node.chain.ledger, "system.registered", makers.BOB, "bob", name="mine", operatorRole="provider")
    answer = node.submit(refused)
    assert decisions(answer) == ["refused"]
    until(lambda: len(attempts_in(node)) == 1)
    (attempt,) = attempts_in(node)
    assert (attempt.actor, attempt.of, attempt.attempted) == (SERVICE, "bob", "system.registered")
    assert node.spool.pending() == []


def test_an_attempt_that_cannot_be_recorded_now_is_kept_and_sent_later(make: Callable[..., Node]) -> None:
    node = make(record=("system.registered",))
    refused = makers.sign(node.chain.ledger, "system.registered", makers.BOB, "bob", name="mine", operatorRole="provider")
    let = node.engine.broadcast
    sent, kept = [], threading.Event()

    def broadcast(raw: bytes) -> Literal["taken", "pending"]:
        sent.append(raw)
        if 1 < len(sent) < 4 or (len(sent) > 1 and not kept.is_set()):
            raise Unavailable("no", code="engine-away")
        return let(raw)

    node.engine.broadcast = broadcast  # type: ignore[method-assign]
    assert decisions(node.submit(refused)) == ["refused"]
    until(lambda: len(node.spool.pending()) == 1)
    kept.set()
    until(lambda: len(attempts_in(node)) == 1 and node.spool.pending() == [])
    assert len(sent) >= 4
