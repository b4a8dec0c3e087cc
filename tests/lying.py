"""Servers that do not tell the truth: one that edits what a real node answers, and one that sends any bytes at all."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import msgspec


class Said(NamedTuple):
    """An answer before it is sent."""

    status: int
    type: str
    body: bytes


Lie = Callable[[str, Said], Said]
"""What becomes of the answer to a path (with its query)."""


def honest(_: str, said: Said) -> Said:
    """The truth."""
    return said


class Liar:
    """An ASGI application that edits another one's answers. `asked` holds every method and path."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.lie: Lie = honest
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Not packed, so that it can be edited.
        headers_in = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        scope = {**scope, "headers": headers_in}
        sent: list[dict[str, Any]] = []

        async def keep(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, keep)
        query = scope["query_string"].decode()
        path = scope["path"] + (f"?{query}" if query else "")
        self.asked.append(f"{scope['method']} {path}")
        head = sent[0]
        headers = {name.decode().lower(): value.decode() for name, value in head["headers"]}
        body = b"".join(each.get("body", b"") for each in sent[1:])
        said = self.lie(path, Said(head["status"], headers.get("content-type", ""), body))
        if said.body != body:
            headers["content-length"] = str(len(said.body))
        headers["content-type"] = said.type
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": said.status, "headers": raw})
        await send({"type": "http.response.body", "body": said.body})


def change(path: str, edit: Callable[[Any], Any]) -> Lie:
    """Edits the JSON of what is answered to paths that begin like this."""

    def lie(asked: str, said: Said) -> Said:
        if not asked.startswith(path) or said.status != 200:
            return said
        return said._replace(body=msgspec.json.encode(edit(msgspec.json.decode(said.body))))

    return lie


def replace(path: str, body: bytes, *, status: int = 200, type: str | None = None) -> Lie:
    """Answers something else to paths that begin like this."""

    def lie(asked: str, said: Said) -> Said:
        return Said(status, said.type if type is None else type, body) if asked.startswith(path) else said

    return lie


class Relayed:
    """An ASGI application that asks a server elsewhere: so a `Liar` can stand before a process that is not ours."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        kept = [(name, value) for name, value in scope["headers"] if name not in (b"host", b"connection")]
        query = scope["query_string"].decode()
        async with httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=90.0) as client:
            answered = await client.request(
                scope["method"], scope["path"] + (f"?{query}" if query else ""), headers=kept, content=body
            )
        passed = (b"content-length", b"content-encoding", b"transfer-encoding", b"connection")
        headers = [(name.lower(), value) for name, value in answered.headers.raw if name.lower() not in passed]
        headers.append((b"content-length", str(len(answered.content)).encode()))
        await send({"type": "http.response.start", "status": answered.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": answered.content})


class Sender:
    """A server that sends prepared bytes, one item for each connection, the last one again and again."""

    def __init__(self, *answers: bytes | Callable[[socket.socket], None], over: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self._over = over
        self.requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(60)
                if self._over is not None:
                    try:
                        connection = self._over.wrap_socket(connection, server_side=True)
                    except OSError:
                        continue
                try:
                    self.requests.append(_receive(connection))
                except OSError:
                    # Whoever asked is gone.
                    continue
                answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
                try:
                    if callable(answer):
                        answer(connection)
                    else:
                        connection.sendall(answer)
                    connection.close()
                except OSError:
                    pass


def _receive(connection: socket.socket) -> bytes:
    """A request with its body."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        part = connection.recv(65_536)
        if not part:
            return raw
        raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
    while len(body) < length:
        part = connection.recv(65_536)
        if not part:
            break
        body += part
    return head + b"\r\n\r\n" + body


def answer(body: bytes = b"", status: str = "200 OK", type: str = "application/json", **headers: str) -> bytes:
    """The bytes of an answer; `content_encoding="gzip"` is a header."""
    named = {"Content-Type": type, "Content-Length": str(len(body)), "Connection": "close"}
    named |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


@contextmanager
def sending(*answers: bytes | Callable[[socket.socket], None], over: ssl.SSLContext | None = None) -> Iterator[Sender]:
    """A `Sender`, for a while; `over` TLS where that is named."""
    sender = Sender(*answers, over=over)
    try:
        yield sender
    finally:
        sender.close()
