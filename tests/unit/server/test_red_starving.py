"""One caller who asks for much does not stand in the way of others: neither of their questions nor of what is written."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import serving
from entering import Entered, bearer, entered
from hearing import Ear
from muniment.client import home as homes
from muniment.client.ledger import Ledger
from muniment.server.api import questions
from muniment.server.settings import Limits

MANY = 48
# Who is held up waits for PATIENCE.
SOON, PATIENCE = 60.0, 600.0


class Crowd:
    """Slow questions, all of one caller, which end when this ends."""

    def __init__(self, door: Entered) -> None:
        self.door = door
        self.open = threading.Event()
        self.token = door.token("read")
        self._pool = ThreadPoolExecutor(MANY)
        self.asked: list[Future[Any]] = []

    def wait(self, *_: object, **__: object) -> Any:
        """What a slow question does."""
        self.open.wait(PATIENCE)
        raise InterruptedError

    def ask(self, method: str, path: str, **more: Any) -> None:
        """Ask it many times at once."""
        headers = bearer(self.token)
        self.asked += [self._pool.submit(self.door.client.request, method, path, headers=headers, **more) for _ in range(MANY)]
        time.sleep(1.0)

    def end(self) -> None:
        self.open.set()
        for each in self.asked:
            each.result(60)
        self._pool.shutdown()


@pytest.fixture
def crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    home = homes.found(tmp_path / "home", origin="example.com/credit", actor="ada")
    with entered(home.folder, state=tmp_path / "server") as door:
        crowd = Crowd(door)
        monkeypatch.setattr(Ledger, "history", crowd.wait)
        monkeypatch.setattr(questions, "_prove", crowd.wait)
        try:
            yield crowd
        finally:
            crowd.end()


def took(ask: Any) -> float:
    begun = time.monotonic()
    assert ask().status_code == 200
    return time.monotonic() - begun


@pytest.mark.parametrize("asked", [("GET", "/v1/history?of=actor/ada"), ("POST", "/v1/answers")])
def test_slow_questions_of_one_caller_hold_up_only_himself(crowd: Crowd, asked: tuple[str, str]) -> None:
    method, path = asked
    crowd.ask(method, path, **({} if method == "GET" else {"json": {"question": {"ask": "entry", "index": 1}}}))
    door, other = crowd.door, bearer(crowd.door.token("read", "write"))
    for each in ("/v1/view", "/v1/models", "/readyz", "/healthz", "/metrics"):
        assert took(lambda each=each: door.client.get(each, headers=other)) < SOON, each
    digest = hashlib.sha256(b"evidence").hexdigest()
    begun = time.monotonic()
    assert door.client.put(f"/v1/blobs/{digest}", content=b"evidence", headers=other).status_code == 204
    assert time.monotonic() - begun < SOON
    assert not any(each.done() for each in crowd.asked)


def test_one_caller_takes_at_most_half_of_the_listeners(tmp_path: Path) -> None:
    homes.found(tmp_path / "home", origin="example.com/credit", actor="ada")
    limits = Limits(listeners=4)
    with serving.running(tmp_path / "home", state=tmp_path / "state", caller="read", limits=limits) as server:
        greedy = [Ear(server.url, "/v1/stream", **serving.bearer("read")) for _ in range(3)]
        assert [each.status for each in greedy] == [200, 200, 429]
        other = Ear(server.url, "/v1/stream", **serving.bearer("admin"))
        assert other.status == 200
        for each in (*greedy, other):
            each.close()
