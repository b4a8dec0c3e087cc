"""light.calls: of the engine only what its light client needs may be asked from outside."""

from __future__ import annotations

import json

import pytest

from muniment.errors import InvalidInput
from muniment.node.light import calls


def asked(raw: bytes) -> list[bytes]:
    seen: list[bytes] = []

    def ask(request: bytes) -> bytes:
        seen.append(request)
        return b"{}"

    assert calls.forward(raw, ask) == b"{}"
    return seen


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("commit", {}),
        ("commit", {"height": "7"}),
        ("validators", {"height": "7", "page": "1", "per_page": "100"}),
        ("consensus_params", {"height": "7"}),
    ],
)
def test_what_the_light_client_asks_goes_through(method: str, params: dict[str, str]) -> None:
    (sent,) = asked(json.dumps({"jsonrpc": "2.0", "id": 3, "method": method, "params": params}).encode())
    assert json.loads(sent) == {"jsonrpc": "2.0", "id": 3, "method": method, "params": params}


def test_what_is_sent_on_is_written_anew() -> None:
    raw = b'{ "more": [1, {"x": null}], "jsonrpc":"2.0","id":"a","method":"commit","params":{"height":"7"} }'
    (sent,) = asked(raw)
    assert sent == b'{"jsonrpc":"2.0","id":"a","method":"commit","params":{"height":"7"}}'


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "broadcast_tx_sync", "params": {"tx": "AA=="}},
        {"method": "broadcast_evidence", "params": {}},
        {"method": "dump_consensus_state"},
        {"method": "net_info"},
        {"method": "genesis"},
        {"method": "block", "params": {"height": "1"}},
        {"method": "abci_query", "params": {"path": "/"}},
        {"method": "Commit"},
        {"method": "commit", "params": {"height": "7", "prove": "1"}},
        {"method": "commit", "params": {"height": "-7"}},
        {"method": "commit", "params": {"height": '7"'}},
        {"method": "commit", "params": {"height": 7}},
        {"method": "commit", "params": ["7"]},
        {"method": "commit", "id": "x" * 65},
        {"method": "commit", "id": {}},
        [{"method": "commit"}],
        {},
        "commit",
    ],
)
def test_all_else_is_refused(request_: object) -> None:
    def ask(request: bytes) -> bytes:
        raise AssertionError(request)

    with pytest.raises(InvalidInput) as refused:
        calls.forward(json.dumps(request_).encode(), ask)
    assert refused.value.code == "engine-call"


@pytest.mark.parametrize(
    "raw",
    [b'{"method":"commit","id":"\xff"}', b'{"method":"\xff"}', b'{"method":"commit","x":' + b"[" * 1_900, b"\xff", b"", b"{"],
)
def test_what_is_no_json_is_refused_and_not_stumbled_over(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        calls.open_request(raw)
    assert refused.value.code == "engine-call"


def test_a_long_request_is_refused() -> None:
    raw = json.dumps({"method": "commit", "more": "x" * calls.MAX_REQUEST_BYTES}).encode()
    with pytest.raises(InvalidInput):
        calls.open_request(raw)


def test_a_question_of_our_own_may_be_asked() -> None:
    assert calls.open_request(b'{"method":"validators","params":{"height":"3","page":"1"}}').params == {"height": "3", "page": "1"}
