"""server.limits: bodies that are too large or too slow, answers that are too late, and streams of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from muniment.server.limits import Limiting, allow
from muniment.server.settings import Limits

LIMITS = Limits(body_bytes=80, blob_bytes=200, listeners=1)
# For what is to be late.
HASTY = Limits(body_bytes=80, blob_bytes=200, body_seconds=0.1, answer_seconds=0.1, listeners=1)
OK = [{"type": "http.response.start", "status": 200, "headers": []}, {"type": "http.response.body", "body": b"ok"}]
Part = tuple[float, bytes, bool]
App = Callable[[Any, Any, Any], Awaitable[None]]


async def read_all(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads its body, like all of ours."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message["more_body"]:
            break
    for each in OK:
        await send(dict(each))


async def deaf(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers whatever the caller does."""
    while (await receive())["type"] == "http.request":
        pass
    for each in OK:
        await send(dict(each))


async def late(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(3_600)


async def stream(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/event-stream; charset=utf-8")]})
    while True:
        await send({"type": "http.response.body", "body": b":\n", "more_body": True})
        await asyncio.sleep(0.02)


def request(path: str = "/v1/entries", **headers: str) -> dict[str, Any]:
    said = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    return {"type": "http", "method": "POST", "path": path, "headers": said}


async def call(
    app: Limiting, scope: dict[str, Any], parts: tuple[Part, ...] = (), seen: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """What the caller sees, kept in `seen` as it comes; `parts` of the body are (seconds until it comes, bytes, more to come)."""
    sent: list[dict[str, Any]] = [] if seen is None else seen
    coming = iter(parts)

    async def receive() -> dict[str, Any]:
        part = next(coming, None)
        if part is None:
            await asyncio.sleep(3_600)
            raise AssertionError
        await asyncio.sleep(part[0])
        return {"type": "http.request", "body": part[1], "more_body": part[2]}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type]
    return sent


def answer(app: App, scope: dict[str, Any], parts: tuple[Part, ...] = (), limits: Limits = LIMITS) -> tuple[int, str]:
    """Status, and the code of the problem if it is one."""
    sent = asyncio.run(call(Limiting(app, limits), scope, parts))  # type: ignore[arg-type]
    body = b"".join(each.get("body", b"") for each in sent)
    return sent[0]["status"], json.loads(body)["code"] if body.startswith(b"{") else body.decode()


def test_what_is_within_limits_goes_through() -> None:
    assert answer(read_all, request(content_length="80"), ((0, b"x" * 40, True), (0, b"x" * 40, False))) == (200, "ok")


def test_a_length_beyond_the_limit_is_refused_before_anybody_reads() -> None:
    async def unreachable(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    assert answer(unreachable, request(content_length="81")) == (413, "too-much")


@pytest.mark.parametrize("app", [read_all, deaf])
def test_a_body_that_grows_beyond_the_limit_is_refused(app: App) -> None:
    parts = ((0.0, b"x" * 50, True), (0.0, b"x" * 50, True), (0.0, b"x", False))
    assert answer(deaf, request(transfer_encoding="chunked"), parts) == (413, "too-much")


def test_a_body_that_does_not_come_is_refused() -> None:
    assert answer(deaf, request(content_length="10"), ((0.0, b"x", True), (3_600.0, b"x", True)), HASTY) == (408, "too-slow")


def test_who_reads_a_body_only_when_its_time_is_over_gets_none_of_it() -> None:
    async def dawdling(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.15)
        await deaf(scope, receive, send)

    patient = Limits(body_bytes=80, body_seconds=0.1)
    assert answer(dawdling, request(content_length="10"), ((0.0, b"x" * 10, False),), patient) == (408, "too-slow")


def test_an_application_that_neither_reads_nor_answers_is_late() -> None:
    assert answer(late, request(content_length="10"), ((0.0, b"x", True),), HASTY) == (503, "late")


def test_an_answer_that_does_not_come_is_said() -> None:
    assert answer(late, request(), limits=HASTY) == (503, "late")


def test_an_answer_that_stops_in_the_middle_is_no_answer() -> None:
    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(3_600)

    with pytest.raises(TimeoutError):
        asyncio.run(call(Limiting(half, HASTY), request()))  # type: ignore[arg-type]


def test_a_timeout_of_the_application_itself_stays_its_own() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        asyncio.run(call(Limiting(failing, LIMITS), request()))  # type: ignore[arg-type]


def test_streams_last_until_they_are_ended_and_only_so_many_may_be() -> None:
    async def story() -> None:
        limiting = Limiting(stream, HASTY)  # type: ignore[arg-type]
        seen: list[dict[str, Any]] = []
        first = asyncio.create_task(call(limiting, request("/v1/stream"), seen=seen))
        await asyncio.sleep(0.3)
        async with asyncio.timeout(30):
            while len(seen) <= 5:
                await asyncio.sleep(0.01)
        assert len(limiting.listeners) == 1
        second = await call(limiting, request("/v1/stream"))
        assert (second[0]["status"], json.loads(second[1]["body"])["code"]) == (503, "too-many-listeners")
        assert (b"retry-after", b"1") in second[0]["headers"]
        limiting.end_streams()
        sent = await first
        assert len(sent) > 5
        assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
        assert not limiting.listeners

    asyncio.run(story())


def test_a_caller_who_leaves_frees_the_place() -> None:
    async def story() -> None:
        limiting = Limiting(stream, LIMITS)  # type: ignore[arg-type]
        listening = asyncio.create_task(call(limiting, request("/v1/stream")))
        await asyncio.sleep(0.1)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        assert not limiting.listeners

    asyncio.run(story())


@pytest.mark.parametrize(
    ("method", "path", "bytes_"),
    [
        ("POST", "/v1/entries", 80),
        ("POST", "/l/credit/v1/entries", 80),
        ("POST", "/v1/judgements", 80),
        ("PUT", "/v1/blobs/ab", 200),
        ("PUT", "/l/credit/v1/manifests/ab", 200),
        ("POST", "/v1/blobs/ab", 10),
        ("POST", "/v1/answers", 10),
        ("GET", "/", 10),
    ],
)
def test_how_large_a_body_may_be(method: str, path: str, bytes_: int) -> None:
    assert allow(LIMITS, method, path) == bytes_
