"""replay: the state machine run again gives the same state, and finds the first block that says otherwise."""

from __future__ import annotations

import msgspec
import pytest

import makers
from muniment.core.format import dsse, entry, state_map
from muniment.core.rules import chain, members
from muniment.core.rules.chain import Submission
from muniment.core.rules.members import Fault
from muniment.errors import VerificationError
from muniment.ledger.replay import Replay

FAULT = Fault(address="a" * 40, height=1, kind="duplicate-vote", time="2026-11-23T12:00:00.000000Z")
Blocks = list[tuple[bytes, list[bytes]]]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> makers.Life:
    """A model's life, some systems, and a second policy."""
    life = makers.found(tmp_path_factory.mktemp("replay") / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    life.grow(20, 3)
    policy = {"roles": [{"name": "owner", "may": ["*"]}, {"name": "scribe", "may": ["note.added", "system.registered"]}]}
    life.append(life.sign("policy.amended", policy=policy))
    life.append(life.sign("system.registered", makers.BOB, "bob", name="bobs", operatorRole="provider"))
    return life


@pytest.fixture(scope="module")
def blocks(life: makers.Life) -> Blocks:
    """Each block's header and the events before it, as an auditor receives them."""
    found: Blocks = []
    pending: list[bytes] = []
    with life.engine.view() as view:
        for _, raw in view.entries(0, view.size):
            if raw.startswith(b'{"payload"'):
                pending.append(raw)
            else:
                found.append((raw, pending))
                pending = []
    return found


def start(blocks: Blocks) -> Replay:
    """A replay that can look up the entries of these blocks."""
    bodies = [body for header, events in blocks for body in (*[dsse.decode(raw).payload for raw in events], header)]
    return Replay(bodies.__getitem__)


def opened(events: list[bytes]) -> list[Submission]:
    return [chain.open_submission(raw) for raw in events]


def run(replay: Replay, blocks: Blocks) -> Replay:
    for header, events in blocks:
        replay.advance(header, opened(events))
    return replay


def test_it_comes_to_the_state_that_the_ledger_has(life: makers.Life, blocks: Blocks) -> None:
    replay = run(start(blocks), blocks)
    assert replay.position is not None
    with life.engine.view() as view:
        header = view.header(view.height)
        assert (replay.position.height, replay.position.frontier.size) == (view.height, view.size)
        assert replay.map.root().hex() == header.state == state_map.bulk(replay.rows()).hex()
        for stream in ("dataset/loans", "version/" + "2" * 64, "system/bobs", "policy", "acts/bob", "actor/ada"):
            assert replay.record(stream) == view.record(stream)
            assert replay.prove(stream).end == state_map.key(stream)
        assert replay.record("system/none") is None
        assert replay.prove("system/none").end != state_map.key("system/none")


def test_every_block_reports_what_it_wrote(blocks: Blocks) -> None:
    replay, records, cells, count = start(blocks), {}, {}, 0
    for header, events in blocks:
        done = replay.advance(header, opened(events))
        assert done.header == entry.decode_header(header)
        records.update(done.records)
        cells.update(done.cells)
        count += done.added
        assert count == len(records)
    assert records == replay.records
    stored = state_map.bulk_cells(replay.rows())
    for row, hashes in cells.items():
        assert hashes == b"".join(stored[row * 16 : (row + 1) * 16])


def test_it_answers_what_rules_ask(blocks: Blocks) -> None:
    replay = run(start(blocks), blocks)
    event = opened(blocks[1][1])[0]
    assert replay.find(event.event.event_id) == 1
    assert replay.find(makers.next_id()) is None
    assert replay.event(1) == event.envelope.payload
    assert replay.state(state_map.key("dataset/loans")) == replay.record("dataset/loans")
    assert replay.state(state_map.key("dataset/none")) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"height": 3}, "header-height"),
        ({"previous": "1" * 64}, "header-previous"),
        ({"size": 5}, "header-size"),
        ({"root": "1" * 64}, "header-root"),
        ({"state": "1" * 64}, "header-state"),
        ({"time": "2026-01-01T00:00:00.000000Z"}, "time-order"),
        ({"validators": msgspec.Raw(b"[]")}, "header-validators"),
        ({"evidence": msgspec.Raw(b"{}")}, "header-evidence"),
        ({"evidence": msgspec.Raw(b"[]")}, "header-evidence"),
        ({"evidence": msgspec.Raw(b"[7]")}, "header-evidence"),
        # One operator has no engine that could prove anything.
        ({"evidence": members.encode_faults((FAULT,))}, "header-evidence"),
    ],
)
def test_a_header_that_lies_is_refused_and_says_where(blocks: Blocks, changes: dict[str, object], code: str) -> None:
    replay = run(start(blocks), blocks[:2])
    header, events = blocks[2]
    wrong = entry.encode_header(msgspec.structs.replace(entry.decode_header(header), **changes))
    with pytest.raises(VerificationError) as caught:
        replay.advance(wrong, opened(events))
    assert (caught.value.step, caught.value.code) == (8, code)


def test_a_genesis_that_lies(blocks: Blocks) -> None:
    header = entry.decode_header(blocks[0][0])
    with pytest.raises(VerificationError) as caught:
        start(blocks).advance(entry.encode_header(msgspec.structs.replace(header, state="1" * 64)), [])
    assert caught.value.code == "header-state"
    replay = run(start(blocks), blocks[:1])
    with pytest.raises(VerificationError) as caught:
        replay.advance(blocks[0][0], [])
    assert caught.value.code == "second-genesis"


def test_a_ledger_begins_with_its_genesis(blocks: Blocks) -> None:
    with pytest.raises(VerificationError) as caught:
        start(blocks).advance(blocks[1][0], opened(blocks[1][1]))
    assert caught.value.code == "no-genesis"


def test_a_block_that_holds_what_the_rules_refuse(life: makers.Life, blocks: Blocks) -> None:
    header, events = blocks[1]
    for wrong in (
        # Bob has no right to it yet; an id is used twice; nothing at all.
        [life.sign("system.registered", makers.BOB, "bob", name="early", operatorRole="provider")],
        [*events, *events],
        [],
    ):
        replay = run(start(blocks), blocks[:1])
        with pytest.raises(VerificationError) as caught:
            replay.advance(header, opened(wrong))
        assert caught.value.code == "not-admissible"


def test_a_block_with_other_events_does_not_fit_its_header(life: makers.Life, blocks: Blocks) -> None:
    replay = run(start(blocks), blocks[:1])
    with pytest.raises(VerificationError) as caught:
        replay.advance(blocks[1][0], opened([life.system("other")]))
    assert caught.value.code == "header-root"


def test_a_policy_acts_from_the_next_block_on(life: makers.Life, blocks: Blocks) -> None:
    run(start(blocks), blocks)
    before = blocks[:-2]
    replay = run(start(blocks), before)
    with pytest.raises(VerificationError) as caught:
        replay.advance(blocks[-1][0], opened(blocks[-1][1]))
    assert caught.value.code == "not-admissible"
