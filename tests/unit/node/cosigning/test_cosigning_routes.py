"""The way in over HTTP: what a node answers to those whom it does not know, and a real exchange between two of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import uvicorn
from litestar import Litestar
from litestar.testing import TestClient

import makers
import serving
from cosigners import Ring, Seat, cosign, other_root, until
from membership import signer
from muniment.core.format import note
from muniment.core.proof import evidence
from muniment.net.wire import decode
from muniment.node.cosigning.cosigning import Cosigning
from muniment.node.cosigning.keyring import Keyring
from muniment.node.cosigning.message import MAX_BYTES, MAX_NOTES, PATH, Heard
from muniment.node.cosigning.routes import ROUTES
from muniment.node.settings import Peer
from muniment.node.turns import Turns
from muniment.server import application
from muniment.server.hosting import Hosting


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    made = Ring(tmp_path, start=False)
    for name in made.names:
        made.silence(name)
        made[name].start()
    made.block()
    yield made
    made.close()


def build(seat: Seat, folder: Path) -> Litestar:
    app = application.build(serving.settle(folder / "state"), Hosting(()), ROUTES, openapi_config=None)
    app.state.cosigning = seat.cosigning
    app.state.turns = Turns(2)
    return app


@pytest.fixture
def client(ring: Ring, tmp_path: Path) -> Iterator[TestClient[Litestar]]:
    with TestClient(build(ring["alpha"], tmp_path)) as made:
        yield made


def said(*notes: str) -> bytes:
    return msgspec.json.encode({"notes": notes})


def test_a_member_is_heard_without_a_token(ring: Ring, client: TestClient[Litestar]) -> None:
    answer = client.post(PATH, content=said(cosign(ring["alpha"].keeper.newest.text, "bravo")))
    assert answer.status_code == 200
    heard = decode(answer.content, Heard)
    assert heard.height == 1
    assert note.parse(heard.notes[0].encode()).signatures[0].name == f"{makers.ORIGIN}/alpha"
    assert "bravo" in ring["alpha"].keeper.lines(1)


def test_a_stranger_is_forbidden(ring: Ring, client: TestClient[Litestar]) -> None:
    answer = client.post(PATH, content=said(cosign(ring["alpha"].keeper.newest.text, "mallory")))
    assert (answer.status_code, answer.json()["code"]) == (403, "not-a-member")


def test_a_forged_line_is_no_proof(ring: Ring, client: TestClient[Litestar]) -> None:
    answer = client.post(PATH, content=said(cosign(ring["alpha"].keeper.newest.text, "bravo", forged=True)))
    assert (answer.status_code, answer.json()["code"]) == (422, "cosignature")


def test_another_history_is_a_conflict_that_carries_both_notes(ring: Ring, client: TestClient[Litestar]) -> None:
    text = ring["alpha"].keeper.newest.text
    answer = client.post(PATH, content=said(cosign(other_root(text), "bravo")))
    assert (answer.status_code, answer.json()["code"]) == (409, "other-history")
    shown = evidence.decode(answer.json()["details"]["evidence"].encode())
    assert note.parse(shown.pinned.encode()).text == text
    assert note.parse(shown.shown.encode()).text == other_root(text)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not-json"),
        (b"{}", "schema"),
        (b'{"notes":[]}', "schema"),
        (b'{"notes":["x"]}', "bad-note"),
        (b'{"notes":["x"],"more":1}', "schema"),
        (b'{"notes":' + b"[" * 50 + b"]" * 50 + b"}", "too-deep"),
        (msgspec.json.encode({"notes": ["x"] * (MAX_NOTES + 1)}), "schema"),
        (b" " * (MAX_BYTES + 1), "too-long"),
    ],
)
def test_what_has_no_form_is_refused(client: TestClient[Litestar], body: bytes, code: str) -> None:
    answer = client.post(PATH, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_stranger_has_one_note_looked_up_and_no_more(ring: Ring, client: TestClient[Litestar]) -> None:
    """Each further one would read the file and verify every line that stands there."""
    for _ in range(5):
        ring.block(who=["alpha"])
    looked: list[int] = []
    intake = ring["alpha"].cosigning._intake
    assert intake is not None
    find, intake.find = intake.find, lambda size: looked.append(size) or find(size)  # type: ignore[func-returns-value,method-assign]
    texts = [ring["alpha"].keeper.at(height).text for height in range(1, 7)]  # type: ignore[union-attr]
    answer = client.post(PATH, content=said(*[cosign(each, "mallory") for each in texts]))
    assert (answer.status_code, answer.json()["code"], len(looked)) == (403, "not-a-member", 1)
    answer = client.post(PATH, content=said(cosign(texts[0], "mallory"), *[cosign(each, "bravo") for each in texts]))
    assert (answer.status_code, len(looked)) == (403, 2)


def test_it_is_only_posted_to(client: TestClient[Litestar]) -> None:
    answer = client.get(PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@contextmanager
def listening(app: Litestar) -> Iterator[str]:
    """The application on a port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=lambda: server.run(sockets=[door]), daemon=True)
        thread.start()
        assert until(lambda: server.started)
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_two_nodes_reach_each_other_over_http(ring: Ring, tmp_path: Path) -> None:
    bravo = ring["bravo"]
    bravo.stop()
    with listening(build(ring["alpha"], tmp_path)) as url:
        bravo.store = type(bravo.store).open(bravo.path)
        bravo.cosigning = Cosigning(
            bravo.path,
            "bravo",
            Keyring([signer("bravo", "cosign")]),
            [Peer(organisation="alpha", url=url), Peer(organisation="charlie", url="http://127.0.0.1:1")],
            bravo.alarms,
            evidence=tmp_path / "evidence",
            publishers=Keyring(),
        )
        bravo.cosigning.open()
        bravo.up = True
        try:
            assert until(lambda: "alpha" in bravo.keeper.lines(1) and "bravo" in ring["alpha"].keeper.lines(1))
            assert until(lambda: [each.reached for each in bravo.cosigning.peers()] == [True, False])
            ring.block()
            assert until(lambda: "alpha" in bravo.keeper.lines(2) and "bravo" in ring["alpha"].keeper.lines(2))
        finally:
            bravo.stop()
