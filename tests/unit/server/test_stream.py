"""Server-sent events: what listeners are told, from where, and what becomes of those who do not read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import makers
import serving
from hearing import Ear
from muniment.core.format import checkpoint
from muniment.server import stream
from muniment.server.guard import Raw


def quick(app: object) -> None:
    app.state.heartbeat_seconds = 0.3  # type: ignore[attr-defined]


@pytest.fixture
def life(tmp_path: Path) -> Iterator[makers.Life]:
    found = makers.found_home(tmp_path / "home")
    yield found
    found.close()


@pytest.fixture
def server(life: makers.Life, tmp_path: Path) -> Iterator[serving.Server]:
    with serving.running(tmp_path / "home", state=tmp_path / "state", caller="read", writes=False, prepare=quick) as found:
        yield found


def listen(server: serving.Server, path: str = "/v1/stream", **headers: str) -> Ear:
    return Ear(server.url, path, authorization=f"Bearer {server.token}", **headers)


def wait_for_listeners(server: serving.Server, count: int) -> None:
    until = time.monotonic() + 30
    while server.app.state.feeds[""].listeners != count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_block_of_another_process_is_told(server: serving.Server, life: makers.Life) -> None:
    ear = listen(server)
    assert ear.status == 200
    assert ear.head["content-type"] == "text/event-stream"
    assert (ear.head["cache-control"], ear.head["x-accel-buffering"]) == ("no-cache", "no")
    assert ear.read() == {"retry": "2000", "id": "1"}
    life.grow(4, block=10)
    told = ear.hear()
    assert (told["event"], told["id"]) == ("block", "4")
    block = json.loads(told["data"])
    assert (block["height"], block["size"]) == (1, 4)
    assert [(row["index"], row["name"]) for row in block["events"]] == [(1, "system.registered"), (2, "system.registered")]
    with life.engine.view() as view:
        assert block["time"] == view.header(1).time
        assert block["root"] == checkpoint.open(view.checkpoint, makers.VERIFIER).root.hex()
    ear.close()
    wait_for_listeners(server, 0)


def test_a_commit_of_this_process_is_told_at_once(server: serving.Server, life: makers.Life) -> None:
    found = server.app.state.feeds[""]
    found._poll_seconds = 3_600.0
    ear = listen(server)
    ear.read()
    wait_for_listeners(server, 1)
    # What it slept already when it was told to poll no more.
    time.sleep(0.3)
    life.grow(3)
    found.nudge()
    assert ear.hear()["id"] == "3"
    ear.close()


def test_coming_back(server: serving.Server, life: makers.Life) -> None:
    for size in (3, 5, 8):
        life.grow(size, block=10)
    for ear in (
        listen(server, Last_Event_ID="3"),
        listen(server, "/v1/stream?after=3"),
        listen(server, "/v1/stream?after=1", Last_Event_ID="3"),
    ):
        assert ear.read() == {"retry": "2000", "id": "3"}
        assert [ear.hear()["id"], ear.hear()["id"]] == ["5", "8"]
        ear.close()
    life.grow(10)
    ear = listen(server, Last_Event_ID="8")
    assert ear.hear()["id"] == "10"
    ear.close()


@pytest.mark.parametrize("last", ["4", "999999", "0", "abc", "-1", "9" * 40])
def test_somebody_who_cannot_go_on_begins_anew(server: serving.Server, life: makers.Life, last: str) -> None:
    life.grow(3)
    life.grow(6, block=10)
    ear = listen(server, Last_Event_ID=last)
    told = ear.hear()
    assert (told["event"], told["id"], json.loads(told["data"])) == ("reset", "6", {"height": 2, "size": 6})
    life.grow(8)
    assert ear.hear()["id"] == "8"
    ear.close()


def test_too_far_back(server: serving.Server, life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_BACK", 70)
    life.grow(161)  # 80 blocks
    ear = listen(server, Last_Event_ID="19")
    assert ear.hear()["event"] == "reset"
    ear.close()
    ear = listen(server, Last_Event_ID="21")
    assert [int(ear.hear()["id"]) for _ in range(70)] == list(range(23, 162, 2))
    ear.close()


def test_heartbeats(server: serving.Server) -> None:
    ear = listen(server)
    ear.read()
    assert ear.read() == {"": "still here"}
    assert ear.read() == {"": "still here"}
    ear.close()


def test_many_blocks_at_once_reach_everybody_in_order(server: serving.Server, life: makers.Life) -> None:
    ears = [listen(server) for _ in range(20)]
    wait_for_listeners(server, 20)
    life.grow(201)
    for ear in ears:
        assert [int(ear.hear()["id"]) for _ in range(100)] == list(range(3, 202, 2))
    for ear in ears:
        ear.close()
    wait_for_listeners(server, 0)
    until = time.monotonic() + 30
    while server.app.state.feeds[""]._frames:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_who_does_not_read_is_cut_and_others_are_not(
    server: serving.Server, life: makers.Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STALLED_SECONDS", 3.0)
    deaf, ear = listen(server), listen(server)
    wait_for_listeners(server, 2)
    size = 1
    until = time.monotonic() + 240
    while server.app.state.feeds[""].listeners == 2:
        assert time.monotonic() < until
        size += 1_001
        life.grow(size, block=1_000)
        # About 400 bytes an event: the buffers of both sockets are full after a few megabytes.
        while int(ear.hear()["id"]) < size:
            pass
    assert server.app.state.feeds[""].listeners == 1
    deaf.close()
    ear.close()


def test_bad_questions(server: serving.Server) -> None:
    for query in ("after=x", "after=", "after=-1", "after=1&after=2", "after=" + "9" * 30):
        assert server.get(f"/v1/stream?{query}").status == 400
    assert server.get("/v1/stream", authorization="").status == 401
    assert server.ask("POST", "/v1/stream").status == 405
    head = server.ask("HEAD", "/v1/stream")
    assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")


def test_the_end_of_the_server_ends_every_stream(life: makers.Life, tmp_path: Path) -> None:
    with serving.running(tmp_path / "home", state=tmp_path / "state", writes=False) as server:
        ear = listen(server)
        ear.read()
        wait_for_listeners(server, 1)
        loop = server.app.state.feeds[""]._loop
        loop.call_soon_threadsafe(server.app.state.feeds[""].close)
        with pytest.raises(EOFError):
            ear.hear()
        ear.close()


def test_the_id_counts_more_than_the_address() -> None:
    scope: Raw = {"headers": [(b"last-event-id", b"7")], "query_string": b"after=3"}
    assert stream.read_since(scope) == 7
    assert stream.read_since({"headers": [], "query_string": b"after=3"}) == 3
    assert stream.read_since({"headers": [(b"last-event-id", b"")], "query_string": b""}) is None
