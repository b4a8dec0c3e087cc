"""light.routes and light.asking: the question of another node's light client goes to the engine here, and comes back as it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import TestClient

from muniment.errors import InvalidInput, MunimentError, Unavailable
from muniment.net import address
from muniment.node.engine.rpc import EngineRpc
from muniment.node.light import asking, calls
from muniment.node.light.routes import ROUTES
from muniment.node.turns import Turns
from muniment.server import application

RECORDED = json.loads((Path(__file__).parent / "commit.json").read_text())
QUESTION = b'{"jsonrpc":"2.0","id":0,"method":"commit","params":{"height":"3"}}'


@contextmanager
def engine(answer: bytes, status: int = 200) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Something that answers every question alike."""
    seen: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


def reach(place: str) -> calls.Ask:
    """The way to the engine there, as a node has it."""
    return EngineRpc(address.parse(f"http://{place}")).forward


def client(ask: calls.Ask) -> TestClient[Litestar]:
    return TestClient(
        Litestar(
            ROUTES, state=State({"engine": ask, "engine_turns": Turns(2)}), exception_handlers={MunimentError: application.tell}
        )
    )


def test_a_question_goes_through_and_its_answer_comes_back() -> None:
    with engine(b'{"result":1}') as (place, seen), client(reach(place)) as http:
        answered = http.post(calls.PATH, content=QUESTION)
    assert (answered.status_code, answered.content) == (200, b'{"result":1}')
    assert seen == [("/", QUESTION)]


def test_an_error_of_the_engine_is_an_answer_too() -> None:
    """The light client reads its text: which height is the lowest, for one."""
    error = b'{"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"Internal error","data":"height 1 is not available"}}'
    with engine(error, 500) as (place, _), client(reach(place)) as http:
        answered = http.post(calls.PATH, content=QUESTION)
    assert (answered.status_code, answered.content) == (200, error)


def test_an_engine_that_is_away_is_told() -> None:
    with client(reach("127.0.0.1:1")) as http:
        answered = http.post(calls.PATH, content=QUESTION)
    assert answered.status_code == 503
    assert answered.json()["code"] == "engine-away"


def test_what_may_not_be_asked_never_reaches_the_engine() -> None:
    with engine(b"{}") as (place, seen), client(reach(place)) as http:
        answered = http.post(calls.PATH, content=b'{"method":"broadcast_tx_sync","params":{"tx":"AA=="}}')
    assert answered.json()["code"] == "engine-call"
    assert seen == []


def test_the_commit_of_another_node() -> None:
    answer = json.dumps(RECORDED["answer"]).encode()
    height = int(RECORDED["answer"]["result"]["signed_header"]["commit"]["height"])
    with engine(answer) as (place, seen):
        assert asking.ask_commit(f"http://{place}").height == height
        assert asking.ask_commit(f"http://{place}", height).height == height
        with pytest.raises(InvalidInput) as told:
            asking.ask_commit(f"http://{place}", height + 1)
    assert told.value.code == "bad-commit"
    assert [path for path, _ in seen] == [calls.PATH] * 3
    assert [calls.open_request(raw).params for _, raw in seen] == [{}, {"height": str(height)}, {"height": str(height + 1)}]


def test_another_node_that_is_away_is_told() -> None:
    with pytest.raises(Unavailable):
        asking.ask_commit("http://127.0.0.1:1")
