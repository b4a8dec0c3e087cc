"""Transactions: what a batch is, what is opened once, and who waits for what."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import zlib
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaining import Chain
from muniment.core.format import dsse
from muniment.core.rules import chain as rules
from muniment.errors import InvalidInput
from muniment.node.chain import batch
from muniment.node.chain import opened as opening
from muniment.node.chain.opened import Opened
from muniment.node.submitting.pending import Pending

NONCE = b"12345678"
_dictionary = zlib.compressobj(zdict=b"dictionary")
WITH_DICTIONARY = _dictionary.compress(b"\x00\x01a") + _dictionary.flush()


def pack(bundle: bytes) -> bytes:
    """A transaction of these bytes, by another compressor than ours."""
    return NONCE + zlib.compress(bundle, 9)


@given(st.binary(min_size=8, max_size=8), st.lists(st.binary(max_size=300), min_size=1, max_size=batch.MAX_EVENTS))
def test_a_batch_comes_back(nonce: bytes, entries: list[bytes]) -> None:
    raw = batch.encode(nonce, entries)
    assert batch.decode(raw) == tuple(entries)
    assert raw.startswith(nonce)


@given(st.binary(max_size=400), st.booleans())
def test_bytes_have_one_meaning_or_none(raw: bytes, compressed: bool) -> None:
    """Whoever compresses otherwise says the same; what is inside can be said in one way only."""
    if compressed:
        raw = pack(raw)
    try:
        entries = batch.decode(raw)
    except InvalidInput:
        return
    again = batch.encode(raw[: batch.NONCE_BYTES], entries)
    assert zlib.decompress(again[batch.NONCE_BYTES :]) == zlib.decompress(raw[batch.NONCE_BYTES :])


def test_entries_that_are_much_alike_take_little(chain: Chain) -> None:
    entries = [chain.system() for _ in range(batch.MAX_EVENTS)]
    assert len(batch.encode(NONCE, entries)) < sum(map(len, entries)) / 3


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        NONCE,
        NONCE + b"\x00\x01a",
        pack(b""),
        pack(b"\x00"),
        pack(b"\x00\x02a"),
        pack(b"\x00\x01a\x00"),
        pack(b"\x00\x01a")[:-1],
        pack(b"\x00\x01a") + b"\x00",
        pack(b"\x00\x01a")[:-1] + b"\x00",
        pack(b"\x00\x01a" * (batch.MAX_EVENTS + 1)),
        pack(b"\x00\x01a" * 300),
        pack((b"\xff\xff" + bytes(0xFFFF)) * 4),
        pack(bytes(1 << 28)),
        NONCE + WITH_DICTIONARY,
    ],
    ids=[
        "empty",
        "no event",
        "not compressed",
        "no bundle",
        "cut length",
        "cut event",
        "trailing",
        "cut stream",
        "behind the stream",
        "wrong sum",
        "too many",
        "far too many",
        "too long",
        "a bomb",
        "a dictionary",
    ],
)
def test_what_is_no_batch_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        batch.decode(raw)
    assert caught.value.code == "bad-batch"


def test_what_fits_no_batch_is_refused() -> None:
    for nonce, entries in (
        (b"short", [b"a"]),
        (NONCE, []),
        (NONCE, [b"a"] * 201),
        (NONCE, [bytes(0xFFFF)] * 4),
        (NONCE, [bytes(1 << 16)]),
    ):
        with pytest.raises(InvalidInput):
            batch.encode(nonce, entries)
    whole = [bytes(0xFFFF)] * 3
    room = batch.MAX_BYTES - 3 * (0xFFFF + batch.LENGTH_BYTES) - batch.LENGTH_BYTES
    assert batch.decode(batch.encode(NONCE, [*whole, bytes(room)]))[-1] == bytes(room)
    with pytest.raises(InvalidInput):
        batch.encode(NONCE, [*whole, bytes(room + 1)])
    # Random bytes only grow.
    with pytest.raises(InvalidInput):
        batch.encode(NONCE, [os.urandom(0xFFFF) for _ in range(3)] + [os.urandom(room)])


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain.found(tmp_path / "ledger.db")


def payloads(raw: bytes) -> int:
    """The bytes of a transaction's payloads."""
    return sum(len(dsse.decode(each).payload) for each in batch.decode(raw))


def test_what_several_ask_at_once_is_verified_once(chain: Chain) -> None:
    raw = chain.batch(*[chain.system() for _ in range(50)])
    opened = Opened()
    gate = threading.Barrier(8)

    def open_() -> opening.Transaction:
        gate.wait(60)
        return opened.open(raw)

    with ThreadPoolExecutor(8) as pool:
        found = [each.result() for each in [pool.submit(open_) for _ in range(8)]]
    assert opened.verified == 50
    assert all(each is found[0] for each in found)
    assert found[0].hash == hashlib.sha256(raw).digest()


def test_what_does_not_open_fails_for_everybody() -> None:
    opened = Opened()
    raw = batch.encode(NONCE, [b"{}"])
    gate = threading.Barrier(4)

    def open_() -> str:
        gate.wait(60)
        with pytest.raises(InvalidInput) as caught:
            opened.open(raw)
        return caught.value.code

    with ThreadPoolExecutor(4) as pool:
        assert len({each.result() for each in [pool.submit(open_) for _ in range(4)]}) == 1


def test_what_was_opened_before_it_travelled_is_not_opened_again(chain: Chain) -> None:
    entries = [chain.system(), chain.system()]
    raw = chain.batch(*entries)
    opened = Opened()
    kept = opened.keep(raw, rules.open_submissions(entries))
    assert opened.open(raw) is kept
    assert opened.verified == 0
    assert kept.hash == hashlib.sha256(raw).digest()


def test_what_was_asked_least_goes_first(chain: Chain) -> None:
    batches = [chain.batch() for _ in range(4)]
    opened = Opened(limit=sum(map(payloads, batches[:3])) + 4)
    first, second, third = (opened.open(each) for each in batches[:3])
    assert opened.open(batches[0]) is first
    opened.open(batches[3])
    assert opened.verified == 4
    assert opened.open(batches[0]) is first
    assert opened.open(batches[2]) is third
    assert opened.open(batches[1]) is not second
    assert opened.verified == 5


def test_what_was_forgotten_makes_room(chain: Chain) -> None:
    batches = [chain.batch() for _ in range(3)]
    opened = Opened(limit=sum(map(payloads, batches[:2])) + 4)
    kept = [opened.open(each) for each in batches[:2]]
    opened.forget([kept[0].hash, b"never seen"])
    opened.open(batches[2])
    assert opened.open(batches[1]) is kept[1]
    assert opened.verified == 3


def test_who_waits_is_told(chain: Chain) -> None:
    pending = Pending()
    chain.begin()
    refused = chain.sign("system.registered", actor="bob", name="a", operatorRole="provider")
    raws = [chain.batch(chain.system(), chain.system()), chain.batch(refused), chain.batch()]
    names = [hashlib.sha256(each).digest() for each in raws]
    first, again, second = pending.expect(names[0]), pending.expect(names[0]), pending.expect(names[1])
    chain.block(*raws)
    pending.resolve(chain.told[0])
    outcome = first.result(0)
    assert again.result(0) == outcome
    assert [each.decision for each in outcome.verdicts] == ["admitted", "admitted"]
    assert outcome.sealed is not None
    assert outcome.sealed.header.height == 1
    assert [each.decision for each in second.result(0).verdicts] == ["refused"]
    assert [each.event.actor for each in second.result(0).submissions] == ["bob"]
    assert len(pending) == 0


def test_who_gave_up_is_not_told_and_others_are(chain: Chain) -> None:
    pending = Pending()
    chain.begin()
    raw = chain.batch()
    name = hashlib.sha256(raw).digest()
    gone, waits = pending.expect(name), pending.expect(name)
    pending.give_up(name, gone)
    chain.block(raw)
    pending.resolve(chain.told[0])
    assert waits.result(0).verdicts[0].decision == "admitted"
    with pytest.raises(CancelledError):
        gone.result(0)
    alone = pending.expect(name)
    pending.give_up(name, alone)
    pending.give_up(name, alone)
    assert len(pending) == 0


def test_an_event_loop_waits_for_another_thread(chain: Chain) -> None:
    pending = Pending()
    chain.begin()
    raw = chain.batch()

    async def wait() -> str:
        future = pending.expect(hashlib.sha256(raw).digest())
        chain.block(raw)
        threading.Thread(target=pending.resolve, args=(chain.told[0],)).start()
        outcome = await asyncio.wait_for(asyncio.wrap_future(future), 60)
        return outcome.verdicts[0].decision

    assert asyncio.run(wait()) == "admitted"
