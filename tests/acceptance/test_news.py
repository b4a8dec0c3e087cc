"""What is recorded is told: to listeners at every worker, and to webhooks through crashes; and what a thousand listeners cost."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import pytest
from bench import listeners
from standardwebhooks import Webhook

import processes
from hearing import Ear
from muniment.client import home as homes
from muniment.client.home import Home
from muniment.server import stream
from receiving import Received, Receiver

MAX_COST_MIB = 100
KILLS = 4


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return homes.found(tmp_path / "home", origin="example.com/news", actor="alice")


@pytest.mark.parametrize("workers", [1, 2])
def test_every_listener_hears_of_every_block(home: Home, workers: int) -> None:
    with processes.serving(home.folder, "--workers", str(workers)) as server:
        bearer = processes.token(home.folder, "read", "write")
        ears = [Ear(server.url, authorization=f"Bearer {bearer}") for _ in range(8)]
        for ear in ears:
            assert ear.read()["retry"] == "2000"
        for number in range(5):
            began = time.monotonic()
            assert server.submit(processes.system(home, "alice", f"system-{number}"), bearer).status == 200
            for ear in ears:
                told = json.loads(ear.hear()["data"])
                assert [row["thing"] for row in told["events"]] == [f"system-{number}"]
            # By itself, and not because something else was sent at last.
            assert time.monotonic() - began < stream.HEARTBEAT_SECONDS
        for ear in ears:
            ear.close()
        stranger = Ear(server.url)
        assert stranger.status == 401
        stranger.close()


def test_a_graceful_stop_ends_every_stream(home: Home) -> None:
    with processes.serving(home.folder) as server:
        bearer = processes.token(home.folder, "read")
        ears = [Ear(server.url, authorization=f"Bearer {bearer}") for _ in range(4)]
        for ear in ears:
            ear.read()
        assert server.stop() == 0
        for ear in ears:
            with pytest.raises((EOFError, ConnectionError)):
                ear.hear()
            ear.close()


def test_killed_again_and_again_no_delivery_is_lost(home: Home) -> None:
    receiver = Receiver()
    chance = random.Random(5)

    def answer(_: Received) -> tuple[int, dict[str, str]]:
        time.sleep(chance.random() / 20)
        return 200, {}

    receiver.answer = answer
    secret, recorded = "", 0
    for life in range(KILLS + 1):
        with processes.serving(home.folder, "--webhooks-private") as server:
            bearer = processes.token(home.folder, "admin")
            if not secret:
                secret = create(server, bearer, receiver.url)
            for _ in range(12):
                assert server.submit(processes.system(home, "alice", f"system-{recorded}"), bearer).status == 200
                recorded += 1
            if life < KILLS:
                time.sleep(chance.random() / 2)
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
                continue
            until = time.monotonic() + 90
            while len({each.headers["webhook-id"] for each in receiver.received}) < recorded:
                assert time.monotonic() < until, (recorded, len(receiver.received))
                time.sleep(0.05)
    receiver.close()
    firsts: dict[str, int] = {}
    for each in receiver.received:
        Webhook(secret).verify(each.body, each.headers)
        firsts.setdefault(each.headers["webhook-id"], each.index)
    assert len(firsts) == recorded
    assert list(firsts.values()) == sorted(firsts.values())


def test_what_a_thousand_listeners_cost() -> None:
    measured = listeners.measure(1_000)
    assert measured["cost"] < MAX_COST_MIB, measured


def create(server: processes.Running, bearer: str, url: str) -> str:
    """The secret of a new webhook for everything."""
    body = json.dumps({"url": url}).encode()
    head = f"POST /v1/webhooks HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {bearer}\r\n"
    with server.connect() as sock:
        sock.sendall(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        answer = processes.parse(processes.drain(sock))
    assert answer.status == 201, answer.body
    return str(answer.json["secret"])
