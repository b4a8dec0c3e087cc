"""One suite over every engine: whatever orders blocks, the same things are promised.

An engine joins by an entry in ENGINES: how to found a ledger, and how to open it again.
"""

from __future__ import annotations

import threading
import time as clocks
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import hosts
import makers
import ordering
from muniment.client.home import Home
from muniment.core.format import checkpoint, digest, entry, merkle, state_map
from muniment.core.rules import chain, events
from muniment.errors import InvalidInput, NotFound, Unavailable
from muniment.ledger.audit import audit
from muniment.ledger.embedded import Embedded
from muniment.ledger.engine import Engine
from muniment.ledger.replay import Replay
from muniment.ledger.store.file import Store
from muniment.net.remote import Remote


class Kind(NamedTuple):
    """How an engine is founded and opened in a folder."""

    found: Callable[[Path], Engine]
    open: Callable[[Path], Engine]
    record: Callable[[Path], Engine]
    """Founds a ledger whose policy has refused systems recorded, with the key of its service."""
    rewinds: bool
    """Whether a view shows records as of its own block, and not of a later one."""


def found_embedded(folder: Path) -> Engine:
    return Embedded.create(folder / "ledger.db", makers.founding(), makers.LOG, clock=makers.StepClock())


def open_embedded(folder: Path) -> Engine:
    return Embedded(Store.open(folder / "ledger.db"), makers.LOG, clock=makers.StepClock(makers.NOON + 3_600_000_000))


def record_embedded(folder: Path) -> Engine:
    return makers.found_recording(folder / "ledger.db", ("system.registered",)).engine


class Served(Remote):
    """A client of a node that is stopped with it, where it was started for it."""

    node: hosts.Host | ordering.Member | None = None

    def close(self) -> None:
        super().close()
        if self.node is not None:
            self.node.close()


def serve(folder: Path, node: hosts.Host | ordering.Member) -> Served:
    (folder / "url").write_text(node.url)
    served = Served(hosts.transport(node.url), node.trust)
    served.node = node
    return served


def host(folder: Path, engine: Engine) -> hosts.Host:
    assert isinstance(engine, Embedded)
    return hosts.host(folder, engine)


def join(folder: Path, start: Callable[[Path], hosts.Host | ordering.Member]) -> Engine:
    """Another client of the node, or a new node where that one was stopped."""
    trust = Home(folder).load_trust()
    other = Served(hosts.transport((folder / "url").read_text()), trust)
    try:
        with other.view():
            return other
    except Unavailable:
        return serve(folder, start(folder))


ENGINES = {
    "embedded": Kind(found_embedded, open_embedded, record_embedded, rewinds=True),
    "remote": Kind(
        lambda folder: serve(folder, host(folder, found_embedded(folder))),
        lambda folder: join(folder, lambda there: host(there, open_embedded(there))),
        lambda folder: serve(folder, host(folder, record_embedded(folder))),
        rewinds=False,
    ),
    "consortium": Kind(
        lambda folder: serve(folder, ordering.found(folder, makers.founding())),
        lambda folder: join(folder, ordering.open),
        lambda folder: serve(folder, ordering.found(folder, makers.founding_recording(("system.registered",)))),
        rewinds=False,
    ),
}
"""In one process; at a node; at a node whose blocks CometBFT orders."""

SOON_SECONDS = 60.0


@pytest.fixture(params=list(ENGINES))
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every engine in turn."""
    return ENGINES[request.param]


@pytest.fixture
def engine(kind: Kind, tmp_path: Path) -> Iterator[Engine]:
    """A new ledger."""
    opened = kind.found(tmp_path)
    yield opened
    opened.close()


def system(engine: Engine, name: str, event_id: str = "") -> bytes:
    return makers.sign(engine.ledger, "system.registered", event_id=event_id, name=name, operatorRole="provider")


def wait_until(engine: Engine, size: int) -> None:
    """Until a ledger has so many entries: what is promised for later comes by itself."""
    ends = clocks.monotonic() + SOON_SECONDS
    while True:
        with engine.view() as view:
            if view.size >= size:
                return
        assert clocks.monotonic() < ends, f"there are no {size} entries"
        clocks.sleep(0.02)


def test_a_new_ledger_is_its_genesis(engine: Engine) -> None:
    with engine.view() as view:
        assert (view.size, view.height) == (1, 0)
        raw = view.entry(0)
        assert merkle.leaf(raw).hex() == engine.ledger
        assert entry.decode_header(raw).genesis
        assert checkpoint.open(view.checkpoint, makers.VERIFIER).root.hex() == engine.ledger
    assert engine.origin == makers.ORIGIN


def test_what_is_admitted_is_there_when_append_returns(engine: Engine) -> None:
    events = [system(engine, f"s-{number}") for number in range(3)]
    verdicts = engine.append(events)
    assert [(each.decision, each.index) for each in verdicts] == [("admitted", 1), ("admitted", 2), ("admitted", 3)]
    with engine.view() as view:
        assert [raw for _, raw in view.entries(1, 4)] == events
        assert [view.entry(each.index) for each in verdicts] == events
        assert [view.find(each.event_id) for each in verdicts] == [1, 2, 3]
        assert [view.sealed_by(index) for index in range(5)] == [0, 1, 1, 1, 1]


def test_every_checkpoint_ends_at_a_header(engine: Engine) -> None:
    for number in range(4):
        engine.append([system(engine, f"h-{number}-{each}") for each in range(number + 1)])
        with engine.view() as view:
            head = checkpoint.open(view.checkpoint, makers.VERIFIER)
            header = view.header(view.height)
            leaves = [merkle.leaf(raw) for _, raw in view.entries(0, view.size)]
            assert head.size == view.size == header.size + 1
            assert (head.root, header.root) == (merkle.root(leaves), merkle.root(leaves[:-1]).hex())
            assert header.previous == merkle.leaf(view.entry(view.header(view.height - 1).size)).hex()
            assert header.time > view.header(view.height - 1).time


def test_a_refusal_changes_nothing_and_names_its_rule(engine: Engine) -> None:
    with engine.view() as view:
        before = view.checkpoint
    bob = makers.sign(engine.ledger, "system.registered", makers.BOB, "bob", name="x", operatorRole="provider")
    not_his_key = makers.sign(engine.ledger, "system.registered", makers.BOB, "ada", name="x", operatorRole="provider")
    elsewhere = makers.sign("0" * 64, "system.registered", name="x", operatorRole="provider")
    verdicts = engine.append([bob, not_his_key, elsewhere])
    assert [each.decision for each in verdicts] == ["refused"] * 3
    assert [each.reasons[0].rule for each in verdicts] == ["role", "key", "ledger"]
    assert all(each.reasons[0].sentence() for each in verdicts)
    with engine.view() as view:
        assert view.checkpoint == before


def test_a_refusal_is_recorded_in_a_later_block_where_the_policy_asks(kind: Kind, tmp_path: Path) -> None:
    engine = kind.record(tmp_path)
    bob = makers.sign(engine.ledger, "system.registered", makers.BOB, "bob", name="x", operatorRole="provider")
    assert engine.judge([bob])[0].decision == "refused"
    with engine.view() as view:
        assert view.size == 1
    verdicts = engine.append([system(engine, "a"), bob, system(engine, "b")])
    assert [(each.decision, each.index) for each in verdicts] == [("admitted", 1), ("refused", -1), ("admitted", 2)]
    wait_until(engine, 6)
    with engine.view() as view:
        attempt = events.decode(entry_body(view.entry(4)))
        assert isinstance(attempt, events.AttemptRefused)
        assert (attempt.actor, attempt.of, attempt.attempted, attempt.rules) == ("node", "bob", "system.registered", ("role",))
        assert attempt.payload_digest == digest.format(digest.sha256(entry_body(bob)))
        assert (view.size, view.height) == (6, 2)
        assert view.record("attempts/bob") is not None
    engine.close()


def test_a_refusal_that_anybody_could_have_caused_is_not_recorded(kind: Kind, tmp_path: Path) -> None:
    engine = kind.record(tmp_path)
    not_his_key = makers.sign(engine.ledger, "system.registered", makers.BOB, "ada", name="x", operatorRole="provider")
    elsewhere = makers.sign("0" * 64, "system.registered", makers.BOB, "bob", name="x", operatorRole="provider")
    not_asked_for = makers.sign(engine.ledger, "policy.amended", makers.BOB, "bob", policy={"roles": []})
    verdicts = engine.append([not_his_key, elsewhere, not_asked_for])
    assert [each.decision for each in verdicts] == ["refused"] * 3
    # Attempts are recorded in the order in which they were made: this one would come after those.
    wanted = makers.sign(engine.ledger, "system.registered", makers.BOB, "bob", name="x", operatorRole="provider")
    engine.append([wanted])
    wait_until(engine, 3)
    with engine.view() as view:
        attempt = events.decode(entry_body(view.entry(1)))
        assert isinstance(attempt, events.AttemptRefused)
        assert attempt.payload_digest == digest.format(digest.sha256(entry_body(wanted)))
        assert (view.size, view.height) == (3, 1)
    engine.close()


def test_refused_and_admitted_in_one_call(engine: Engine) -> None:
    bob = makers.sign(engine.ledger, "system.registered", makers.BOB, "bob", name="x", operatorRole="provider")
    verdicts = engine.append([system(engine, "a"), bob, system(engine, "b")])
    assert [(each.decision, each.index) for each in verdicts] == [("admitted", 1), ("refused", -1), ("admitted", 2)]


def test_later_events_of_a_call_see_earlier_ones(engine: Engine) -> None:
    data = makers.sign(engine.ledger, "dataset.registered", name="loans", data="1" * 64, bytes=1, files=1)
    model = makers.sign(engine.ledger, "model.registered", model="m", version="2" * 64, derivation="trained", data=["1" * 64])
    assert [each.decision for each in engine.judge([model, data])] == ["refused", "admitted"]
    assert [each.decision for each in engine.append([data, model])] == ["admitted", "admitted"]


def test_a_repetition_returns_the_first_index(engine: Engine) -> None:
    event = system(engine, "once")
    engine.append([event])
    with engine.view() as view:
        before = view.checkpoint
    (again,) = engine.append([event])
    assert (again.decision, again.index) == ("repeated", 1)
    other = system(engine, "other", event_id=again.event_id)
    (conflict,) = engine.append([other])
    assert (conflict.decision, conflict.reasons[0].rule) == ("refused", "event-id")
    with engine.view() as view:
        assert view.checkpoint == before


def test_bad_form_spoils_the_call_and_nothing_else(engine: Engine) -> None:
    good = system(engine, "good")
    for spoilt in spoil(good):
        for ask in (engine.append, engine.judge):
            with pytest.raises(InvalidInput) as caught:
                ask([good, spoilt])
            assert caught.value.code, spoilt
    with engine.view() as view:
        assert view.size == 1
    assert engine.append([good])[0].decision == "admitted"


def spoil(raw: bytes) -> Iterator[bytes]:
    """An envelope, made no envelope in many ways."""
    yield b""
    yield raw[:-1]
    yield raw + b" "
    yield raw.replace(b'"sig":"', b'"sig":"0', 1)
    yield b"[" * 5_000 + raw
    yield b'{"height":1}'


def test_a_header_cannot_be_submitted(engine: Engine) -> None:
    with engine.view() as view:
        header = view.entry(0)
    with pytest.raises(InvalidInput) as caught:
        engine.append([header])
    assert caught.value.code == "header-submitted"


def test_judging_writes_nothing(engine: Engine) -> None:
    event = system(engine, "judged")
    assert engine.judge([event])[0].decision == "admitted"
    with engine.view() as view:
        assert view.size == 1
    assert engine.append([event])[0].decision == "admitted"
    assert engine.judge([event])[0].decision == "repeated"


def test_a_view_keeps_its_block(kind: Kind, engine: Engine, tmp_path: Path) -> None:
    engine.append([system(engine, "before")])
    second = kind.open(tmp_path)
    with engine.view() as view:
        before = view.checkpoint, view.size, view.record("system/after")
        second.append([system(engine, "after")])
        assert (view.checkpoint, view.size) == before[:2]
        # A node proves records under its newest block: they may be of a later one, and never of an earlier one.
        assert (view.record("system/after") is None) == kind.rewinds
    with engine.view() as view:
        assert view.record("system/after") is not None
    second.close()


def test_proofs_hold_offline(engine: Engine) -> None:
    data = makers.sign(engine.ledger, "dataset.registered", name="loans", data="1" * 64, bytes=1, files=1)
    sizes, roots = [], []
    for block in ([data], [system(engine, f"p-{each}") for each in range(5)], [system(engine, "last")]):
        engine.append(block)
        with engine.view() as view:
            sizes.append(view.size)
            roots.append(checkpoint.open(view.checkpoint, makers.VERIFIER).root)
    with engine.view() as view:
        for index in range(view.size):
            merkle.check_inclusion(merkle.leaf(view.entry(index)), index, view.size, view.inclusion(index, view.size), roots[-1])
        for size, root in zip(sizes, roots, strict=True):
            merkle.check_consistency(size, sizes[-1], view.consistency(size, sizes[-1]), root, roots[-1])
        state = bytes.fromhex(view.header(view.height).state)
        assert state_map.check(state, view.prove_state("dataset/loans")) == view.record("dataset/loans")
        assert state_map.check(state, view.prove_state("dataset/none")) is None


def test_a_past_time_names_the_block_that_was_newest(engine: Engine) -> None:
    for number in range(3):
        engine.append([system(engine, f"t-{number}")])
    with engine.view() as view:
        times = [view.header(height).time for height in range(view.height + 1)]
        assert [view.height_at(time) for time in times] == [0, 1, 2, 3]
        assert view.height_at(times[2].replace(".000000Z", ".000001Z")) == 2
        assert view.height_at("1999-01-01T00:00:00.000000Z") is None
        assert view.height_at("9999-01-01T00:00:00.000000Z") == 3


def test_what_is_not_there_is_not_found(engine: Engine) -> None:
    with engine.view() as view:
        for ask in (lambda: view.entry(5), lambda: view.header(5), lambda: view.sealed_by(5)):
            with pytest.raises(NotFound):
                ask()
        assert view.find(makers.next_id()) is None
        assert view.record("dataset/none") is None


def test_threads_may_append_at_once(engine: Engine) -> None:
    events = {number: [system(engine, f"thread-{number}-{each}") for each in range(4)] for number in range(6)}
    indices: dict[int, list[int]] = {}

    def submit(number: int) -> None:
        indices[number] = [each.index for each in engine.append(events[number])]

    threads = [threading.Thread(target=submit, args=(number,)) for number in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.view() as view:
        for number, places in indices.items():
            assert places == sorted(places)
            assert [view.entry(place) for place in places] == events[number]


def test_it_is_all_there_after_a_restart(kind: Kind, tmp_path: Path) -> None:
    engine = kind.found(tmp_path)
    engine.append([system(engine, "kept")])
    with engine.view() as view:
        before = view.checkpoint, [raw for _, raw in view.entries(0, view.size)]
    ledger = engine.ledger
    engine.close()
    again = kind.open(tmp_path)
    assert again.ledger == ledger
    with again.view() as view:
        assert (view.checkpoint, [raw for _, raw in view.entries(0, view.size)]) == before
    assert again.append([system(again, "next")])[0].index == 3
    again.close()


def test_an_audit_and_a_replay_agree_with_it(engine: Engine) -> None:
    for number in range(3):
        engine.append([system(engine, f"a-{number}-{each}") for each in range(2)])
    found = audit(engine.view, makers.VERIFIER)
    with engine.view() as view:
        assert (found.size, found.height, found.replayed) == (view.size, view.height, True)
        replay = Replay(lambda index: entry_body(view.entry(index)))
        pending = []
        for _, raw in view.entries(0, view.size):
            if raw.startswith(b'{"payload"'):
                pending.append(chain.open_submission(raw))
            else:
                replay.advance(raw, pending)
                pending = []
        for stream in ("acts/ada", "system/a-1-1", "policy"):
            assert replay.record(stream) == view.record(stream)


def entry_body(raw: bytes) -> bytes:
    decoded = entry.decode(raw)
    return raw if isinstance(decoded, entry.Header) else decoded.payload
