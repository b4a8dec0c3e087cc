"""Whatever a node changes in what it sends, its client has the truth or an error: never another answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import hosts
import lying
import makers
from lying import Liar, Said
from muniment.errors import MunimentError
from muniment.net.remote import Remote

VERSION = "2" * 64

ASK: dict[str, Callable[[Any], object]] = {
    "checkpoint": lambda view: (view.checkpoint, view.size, view.height),
    "entry": lambda view: [view.entry(index) for index in range(view.size)],
    "entries": lambda view: list(view.entries(0, view.size)),
    "header": lambda view: [view.header(height) for height in range(view.height + 1)],
    "sealed": lambda view: [view.sealed_by(index) for index in range(view.size)],
    "record": lambda view: [view.record(each) for each in (f"version/{VERSION}", "dataset/loans", "policy", "model/none")],
    "height": lambda view: [view.height_at(view.header(height).time) for height in range(view.height + 1)],
}


class Place(NamedTuple):
    """A node that may lie, what it would answer honestly, and how to reach it anew."""

    liar: Liar
    host: hosts.Host
    truth: dict[str, object]
    life: makers.Life

    def ask(self, name: str) -> object:
        remote = hosts.connect(self.host.url, self.host.trust)
        try:
            return look(remote, name)
        finally:
            remote.close()


def look(remote: Remote, name: str) -> object:
    with remote.view() as view:
        return ASK[name](view)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("net")
    life = makers.found(folder / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    host = hosts.host(folder, life.engine, Liar)
    with life.engine.view() as view:
        truth = {name: ask(view) for name, ask in ASK.items()}
    yield Place(host.front, host, truth, life)
    host.close()


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every part of a JSON value."""
    yield at
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from leaves(part, (*at, name))


def put(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[at[0]] = put(value[at[0]], at[1:], new)
    return changed


NEW = some.one_of(
    some.none(), some.booleans(), some.integers(-1, 9), some.text(max_size=3), some.just([]), some.just({}), some.just("0" * 64)
)


def spoil(data: Any, body: bytes) -> bytes:
    """JSON with one part changed, or bytes with one bit changed, cut, or added to."""
    if body[:1] in (b"{", b"[") and data.draw(some.booleans(), label="as JSON"):
        value = msgspec.json.decode(body)
        at = data.draw(some.sampled_from(list(leaves(value))), label="where")
        return msgspec.json.encode(put(value, at, data.draw(NEW, label="new")))
    where = data.draw(some.integers(0, len(body)), label="byte")
    how = data.draw(some.sampled_from(["flip", "cut", "add", "drop"]), label="how")
    if how == "flip" and where < len(body):
        return body[:where] + bytes([body[where] ^ 1 << data.draw(some.integers(0, 7))]) + body[where + 1 :]
    if how == "drop":
        return body[:where] + body[where + 1 :]
    return body[:where] if how == "cut" else body[:where] + b"0" + body[where:]


@pytest.mark.parametrize("name", list(ASK))
def test_a_changed_answer_is_refused_or_makes_no_difference(place: Place, name: str, long: bool) -> None:
    place.liar.asked.clear()
    assert place.ask(name) == place.truth[name]
    answers, refused = len(place.liar.asked), []

    @settings(max_examples=200 if long else 20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(some.data())
    def law(data: Any) -> None:
        turn = data.draw(some.integers(1, answers), label="which answer")
        count = 0

        def lie(_: str, said: Said) -> Said:
            nonlocal count
            count += 1
            return said._replace(body=spoil(data, said.body)) if count == turn and said.body else said

        place.liar.lie = lie
        try:
            found = place.ask(name)
        except MunimentError as error:
            refused.append(error.code)
            return
        finally:
            place.liar.lie = lying.honest
        assert found == place.truth[name]

    law()
    assert refused


def test_a_changed_verdict_is_refused_or_true(place: Place, long: bool) -> None:
    @settings(max_examples=200 if long else 20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(some.data())
    def law(data: Any) -> None:
        event = place.life.system(f"law-{makers.random_id()}")
        place.liar.lie = lambda path, said: said._replace(body=spoil(data, said.body)) if path.startswith("/v1/entries") else said
        remote = hosts.connect(place.host.url, place.host.trust)
        try:
            (verdict,) = remote.append([event])
        except MunimentError:
            return
        finally:
            place.liar.lie = lying.honest
            remote.close()
        # A refusal is the node's word: it can always refuse.
        if verdict.decision != "refused":
            with place.life.engine.view() as view:
                assert view.entry(verdict.index) == event

    law()
