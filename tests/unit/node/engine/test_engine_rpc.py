"""What this node's own engine answers: a real one, and whatever else may stand at its address."""

from __future__ import annotations

import time as clocks
from pathlib import Path

import msgspec
import pytest

import engines
import lying
from muniment.errors import Unavailable
from muniment.net import address
from muniment.node.chain import batch
from muniment.node.engine.rpc import EngineRpc


def reach(url: str) -> EngineRpc:
    return EngineRpc(address.parse(url), connect_s=30.0, read_s=60.0)


def error(text: str) -> bytes:
    body = {"jsonrpc": "2.0", "id": 0, "error": {"code": -32603, "message": "Internal error", "data": text}}
    return lying.answer(msgspec.json.encode(body), status="500 Internal Server Error")


def test_a_real_engine(tmp_path: Path) -> None:
    program = engines.find_engine()
    assert program.exists()
    with engines.chain(tmp_path, 1) as chain:
        (node,) = chain.nodes
        rpc = reach(f"http://127.0.0.1:{node.rpc}")
        with pytest.raises(Unavailable) as away:
            rpc.status()
        assert away.value.code == "engine-away"
        node.start()
        node.wait(lambda each: each.mark() is not None)
        raw = batch.encode(b"n" * batch.NONCE_BYTES, chain.systems(2))
        assert rpc.broadcast(raw) == "taken"
        assert rpc.broadcast(raw) == "pending"
        ends = clocks.monotonic() + engines.PATIENCE_SECONDS
        # A block has its height before its transactions have left those that wait.
        while rpc.status().height < 2 or rpc.unconfirmed():
            assert clocks.monotonic() < ends
            clocks.sleep(0.05)
        assert not rpc.status().catching_up
        assert (rpc.count_peers(), rpc.unconfirmed()) == (0, 0)
        assert chain.chain_id.encode() in rpc.forward(b'{"jsonrpc":"2.0","id":7,"method":"genesis","params":{}}')
        with pytest.raises(Unavailable) as refused:
            rpc.broadcast(b"no batch at all")
        assert refused.value.code == "engine-refused"
        rpc.close()


@pytest.mark.parametrize(
    ("text", "code", "retry"),
    [
        ("mempool is full: number of txs 5000 (max: 5000), total txs bytes 1 (max: 2)", "busy", 1.0),
        ("something else", "engine-error", None),
    ],
)
def test_what_an_engine_says_is_wrong(text: str, code: str, retry: float | None) -> None:
    with lying.sending(error(text)) as sender, pytest.raises(Unavailable) as caught:
        reach(sender.url).broadcast(b"x")
    assert (caught.value.code, caught.value.retry_after) == (code, retry)


def test_a_transaction_that_it_has_is_pending() -> None:
    with lying.sending(error("tx already exists in cache")) as sender:
        assert reach(sender.url).broadcast(b"x") == "pending"
        assert b'{"tx":"eA=="}' in sender.requests[0]


@pytest.mark.parametrize("answer", [b"", b"hello", lying.answer(b"<html>"), lying.answer(b'{"result":{"height":1}}')])
def test_what_is_no_engine_is_away(answer: bytes) -> None:
    with lying.sending(answer) as sender, pytest.raises(Unavailable) as caught:
        reach(sender.url).status()
    assert (caught.value.code, caught.value.retry_after) == ("engine-away", 2.0)
    with pytest.raises(Unavailable) as nobody:
        reach(sender.url).status()
    assert nobody.value.code == "engine-away"
