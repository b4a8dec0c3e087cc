"""Webhooks, to a real receiver: signed so that others verify it, in order, at least once, later and later."""

from __future__ import annotations

import json
import logging
import time as clocks
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

import makers
import serving
from muniment.core.format import time
from muniment.net.posting import Posted
from muniment.server import hosting
from muniment.server.settings import Served, Settings
from muniment.server.webhooks import delivery, orders, outbox
from muniment.server.webhooks.hook import Selection
from muniment.server.webhooks.orders import Wish
from receiving import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def life(tmp_path: Path) -> Iterator[makers.Life]:
    found = makers.found_home(tmp_path / "home")
    yield found
    found.close()


@pytest.fixture
def server(life: makers.Life, tmp_path: Path) -> Iterator[serving.Server]:
    with serving.running(
        tmp_path / "home", state=tmp_path / "state", writes=False, webhooks_private=True, url="https://ledger.example.com"
    ) as found:
        yield found


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = makers.NOON

    def __call__(self) -> int:
        return self.now


class Place:
    """A postman without a thread: `work` runs what is due, here."""

    def __init__(self, home: Path, state: Path) -> None:
        self.settings = Settings(ledgers=(Served(name="", home=home),), state=state, webhooks_private=True)
        self.hosting = hosting.open_all(self.settings, writes=False)
        self.hosted = self.hosting.by_name[""]
        self.store = outbox.open(state)
        self.clock = Clock()

    def create(self, url: str, **wish: Any) -> orders.Created:
        return orders.create(self.settings, self.hosted, self.store, Wish(url=url, **wish))

    def postman(self, post: Any = None) -> delivery.Postman:
        more = {} if post is None else {"post": post}
        return delivery.Postman(self.settings, self.hosting, self.store, clock=self.clock, chance=lambda: 0.5, **more)

    def work(self, post: Any = None) -> None:
        worker = self.postman(post)
        for kept in self.store.due(self.clock.now):
            worker.advance(kept, self.hosted)
        worker.close()

    def hook(self) -> Any:
        (found,) = self.store.hooks("")
        return found

    def close(self) -> None:
        self.store.close()
        self.hosting.close()


@pytest.fixture
def place(life: makers.Life, tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path / "home", tmp_path / "state")
    yield found
    found.close()


def ask(server: serving.Server, method: str, path: str, body: object = None) -> Any:
    raw = None if body is None else json.dumps(body).encode()
    answer = server.ask(method, path, raw, content_type="application/json")
    assert answer.status < 300, answer.data
    return json.loads(answer.data) if answer.data else None


def list_deliveries(server: serving.Server, hook: str, count: int) -> list[tuple[int, int, bool]]:
    """What the server says of its attempts, once it says so much: it writes an attempt down after the receiver has it."""
    until = clocks.monotonic() + 30
    while len(told := ask(server, "GET", f"/v1/webhooks/{hook}/deliveries")["items"]) < count:
        assert clocks.monotonic() < until, told
        clocks.sleep(0.02)
    return [(each["index"], each["status"], each["delivered"]) for each in told]


def test_a_delivery_verifies_with_code_that_we_did_not_write(server: serving.Server, life: makers.Life, receiver: Receiver) -> None:
    made = ask(server, "POST", "/v1/webhooks", {"url": receiver.url})
    life.grow(4, block=10)
    first, second = receiver.wait(2)
    payload = Webhook(made["secret"]).verify(first.body, first.headers)
    assert payload["type"] == "system.registered"
    data = payload["data"]
    assert data["event"]["index"] == 1
    assert data["page"] == "https://ledger.example.com/entries/1"
    assert data["proof"] == "https://ledger.example.com/v1/entries/1/receipt"
    assert (data["ledger"], data["origin"]) == (life.ledger, makers.ORIGIN)
    assert payload["timestamp"] == data["event"]["time"]
    assert first.headers["content-type"] == "application/json"
    assert len(first.body) < 1_000
    assert second.index == 2
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(first.body + b" ", first.headers)
    (shown,) = ask(server, "GET", "/v1/webhooks")["items"]
    assert shown["id"] == made["webhook"]["id"]
    assert "secret" not in json.dumps(shown)
    assert list_deliveries(server, shown["id"], 2) == [(2, 204, True), (1, 204, True)]


def test_rotation_signs_with_both_secrets(server: serving.Server, life: makers.Life, receiver: Receiver) -> None:
    made = ask(server, "POST", "/v1/webhooks", {"url": receiver.url})
    path = f"/v1/webhooks/{made['webhook']['id']}"
    rotated = ask(server, "POST", f"{path}/secret")
    assert ask(server, "POST", f"{path}/ping")["delivered"]
    (found,) = receiver.received
    assert len(found.headers["webhook-signature"].split(" ")) == 2
    for secret in (made["secret"], rotated["secret"]):
        assert Webhook(secret).verify(found.body, found.headers)["type"] == "webhook.ping"


def test_replay(server: serving.Server, life: makers.Life, receiver: Receiver) -> None:
    life.grow(6, block=10)
    made = ask(server, "POST", "/v1/webhooks", {"url": receiver.url, "after": 0})
    path = f"/v1/webhooks/{made['webhook']['id']}"
    first = [each.headers["webhook-id"] for each in receiver.wait(4)]
    again = ask(server, "POST", f"{path}/replay", {"index": 2})
    assert (again["index"], again["message"]) == (2, first[1])
    ask(server, "POST", f"{path}/replay", {"since": 3})
    assert [each.headers["webhook-id"] for each in receiver.wait(7)[5:]] == first[2:]
    for body in ({"since": 99}, {"since": -1}, {}, {"since": 1, "index": 1}, {"index": -1}):
        assert server.ask("POST", f"{path}/replay", json.dumps(body).encode()).status == 400, body
    # A header is no event.
    assert server.ask("POST", f"{path}/replay", b'{"index":5}').status == 404


def test_delete(server: serving.Server, life: makers.Life, receiver: Receiver) -> None:
    made = ask(server, "POST", "/v1/webhooks", {"url": receiver.url})
    path = f"/v1/webhooks/{made['webhook']['id']}"
    assert server.ask("DELETE", path).status == 204
    assert server.ask("DELETE", path).status == server.get(path).status == server.get(f"{path}/deliveries").status == 404
    life.grow(3)
    clocks.sleep(0.7)
    assert not receiver.received


def test_for_administrators_only(life: makers.Life, tmp_path: Path) -> None:
    with serving.running(tmp_path / "home", state=tmp_path / "state", caller="write", writes=False) as server:
        assert server.get("/v1/webhooks").status == 403
        assert server.ask("POST", "/v1/webhooks", b'{"url":"https://example.com"}').status == 403
        assert server.get("/v1/webhooks", authorization="").status == 401


@pytest.mark.parametrize(
    "wish",
    [
        {"url": "http://127.0.0.1/x"},
        {"url": "https://127.0.0.1/x"},
        {"url": "https://169.254.169.254/latest"},
        {"url": "https://[::1]/"},
        {"url": "https://user:word@example.com/"},
        {"url": "ftp://example.com/"},
        {"url": "https://"},
        {"url": "nonsense"},
        {"url": "https://example.com/", "events": ["no.event"]},
        {"url": "https://example.com/", "events": []},
        {"url": "https://example.com/", "after": 99},
    ],
)
def test_what_is_refused(life: makers.Life, tmp_path: Path, wish: dict[str, object]) -> None:
    with serving.running(tmp_path / "home", state=tmp_path / "state", writes=False) as server:
        assert server.ask("POST", "/v1/webhooks", json.dumps(wish).encode()).status == 400
        assert ask(server, "GET", "/v1/webhooks")["items"] == []


def test_order_is_kept_through_failures(place: Place, life: makers.Life, receiver: Receiver) -> None:
    place.create(receiver.url)
    life.grow(8, block=10)
    refused = [3, 3, 5]
    receiver.answer = lambda found: (503, {}) if refused and found.index == refused[0] and refused.pop(0) else (200, {})
    while place.hook().position < 8:
        place.work()
        place.clock.now += int(delivery.DAY * outbox.SECOND)
    assert [each.index for each in receiver.received] == [1, 2, 3, 3, 3, 4, 5, 5, 6]
    ids = [each.headers["webhook-id"] for each in receiver.received]
    assert len(set(ids)) == 6
    assert ids[2] == ids[3] == ids[4]
    assert place.hook().state == "active"


def test_nothing_is_lost_while_the_server_is_down(place: Place, life: makers.Life, receiver: Receiver, tmp_path: Path) -> None:
    place.create(receiver.url)
    place.close()
    life.grow(300, block=100)
    again = Place(tmp_path / "home", tmp_path / "state")
    again.work()
    with life.engine.view() as view:
        wanted = [index for index, raw in view.entries(1, 300) if raw.startswith(b'{"payload"')]
    assert [each.index for each in receiver.received] == wanted
    again.work()
    assert len(receiver.received) == len(wanted)
    again.close()
    place.hosting = again.hosting


def test_a_crash_after_the_delivery_repeats_it_with_the_same_id(place: Place, life: makers.Life, receiver: Receiver) -> None:
    place.create(receiver.url)
    life.grow(3)

    def crash(*_: object) -> bool:
        raise KeyboardInterrupt

    store, place.store.advance = place.store.advance, crash  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        place.work()
    place.store.advance = store  # type: ignore[method-assign]
    place.work()
    one, two = receiver.received
    assert one.headers["webhook-id"] == two.headers["webhook-id"]
    assert one.body == two.body


def test_later_and_later_and_at_last_never(place: Place, life: makers.Life, caplog: pytest.LogCaptureFixture) -> None:
    place.create("https://example.com/hook")
    life.grow(3)
    began, waits = place.clock.now, []

    def post(*_: object, **__: object) -> Posted:
        return Posted(status=500, excerpt="broken\nhere")

    with caplog.at_level(logging.WARNING):
        while (hook := place.hook()).state != "disabled":
            place.work(post)
            at = place.hook().next_at
            if at is not None:
                waits.append(time.parse(at) - place.clock.now)
                place.clock.now = time.parse(at)
    assert [round(each / outbox.SECOND) for each in waits[:5]] == [5, 20, 80, 320, 1280]
    assert max(waits) == delivery.DAY * outbox.SECOND
    assert 5 <= (place.clock.now - began) / outbox.SECOND / delivery.DAY < 6.1
    assert "is disabled" in caplog.text
    hook = place.hook()
    assert (hook.state, hook.outcome, hook.next_at) == ("disabled", "500 broken here", None)
    place.work(post)
    assert place.hook().attempts == hook.attempts
    # Whoever enables it has delivered what came since.
    orders.rewind(place.hosted, place.store, hook.id)
    bodies: list[bytes] = []

    def take(_: str, body: bytes, *__: object, **___: object) -> Posted:
        bodies.append(body)
        return Posted(status=200)

    place.work(take)
    assert len(bodies) == 1
    assert place.hook().state == "active"


def test_gone_is_gone(place: Place, life: makers.Life, receiver: Receiver) -> None:
    place.create(receiver.url)
    life.grow(3)
    receiver.answer = lambda _: (410, {})
    place.work()
    assert place.hook().state == "disabled"


def test_retry_after_is_honoured(place: Place, life: makers.Life, receiver: Receiver) -> None:
    place.create(receiver.url)
    life.grow(3)
    receiver.answer = lambda _: (429, {"Retry-After": "600"})
    place.work()
    assert time.parse(place.hook().next_at) - place.clock.now == 600 * outbox.SECOND


def test_a_redirect_is_not_followed(place: Place, life: makers.Life, receiver: Receiver) -> None:
    place.create(receiver.url)
    life.grow(3)
    receiver.answer = lambda _: (302, {"Location": receiver.url})
    place.work()
    assert len(receiver.received) == 1
    assert place.hook().state == "failing"


def test_one_process_delivers(place: Place, life: makers.Life, receiver: Receiver) -> None:
    place.create(receiver.url)
    one, two = place.postman(), place.postman()
    assert (one.look(), two.look(), one.look()) == (True, False, True)
    one.close()
    assert two.look()
    two.close()


def test_selection_by_name(place: Place, life: makers.Life, receiver: Receiver) -> None:
    place.create(receiver.url, events=("note.added",))
    life.append(life.system("s"), life.sign("note.added", about=["system/s"], text=SEALED))
    place.work()
    assert [each.index for each in receiver.received] == [2]
    assert place.hook().position == 4
    assert b"text" not in receiver.received[0].body


SEALED = {"sealed": "A" * 43}


def test_selection_by_environment_and_model(place: Place, life: makers.Life, receiver: Receiver) -> None:
    for index, entries in enumerate(makers.model(life)):
        life.append(*entries)
        assert index < 10
    place.create(receiver.url, models=("no-such-model",), after=0)
    place.work()
    assert not receiver.received
    place.store.delete("", place.hook().id)
    with place.hosted.reader.view() as view:
        size = view.size
    models = [each.name for each in place.hosted.reader.index.models()]
    assert models
    place.create(receiver.url, models=(models[0],), after=0)
    place.work()
    about = [json.loads(each.body)["data"]["event"]["name"] for each in receiver.received]
    assert "model.registered" in about
    assert "dataset.registered" not in about
    assert place.hook().position == size
    assert Selection().events == ("*",)


def test_the_spread_of_delays() -> None:
    assert delivery.delay(1, 0.0) == pytest.approx(4)
    assert delivery.delay(1, 1.0) == pytest.approx(6)
    assert delivery.delay(30, 1.0) == delivery.DAY
    assert delivery.delay(1, 0.5, 10**9) == delivery.DAY


def test_the_file_is_for_its_owner_only(place: Place, tmp_path: Path) -> None:
    assert (tmp_path / "state" / outbox.FILE).stat().st_mode & 0o777 == 0o600
