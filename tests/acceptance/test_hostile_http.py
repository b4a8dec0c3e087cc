"""Slow, huge, malformed and half-closed requests are answered or cut within limits, while others are served.

A real server process, raw sockets, and beside every attack a normal caller whose answers must keep coming quickly.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from certificates import certificate
from muniment.client import home as homes
from processes import PATIENCE_SECONDS, Running, drain, parse, serving, token

LIMITS = """
[limits]
header_seconds = 2.0
body_seconds = 2.5
answer_seconds = 3.0
connections = 64
body_bytes = 65536
anonymous_per_second = 100000
requests_per_second = 100000
"""
QUICK_SECONDS = 1.8
"""A normal caller waits less than this, which no attack does: none of them is cut before two seconds have passed."""
SOON_SECONDS = 9.0
"""Until an attack is cut at the limit above, at the latest: well before the limit that a server has by itself."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("hostile") / "ledger"
    homes.found(folder, origin="example.com/hostile", actor="alice")
    with serving(folder, config=LIMITS) as running:
        yield running


@pytest.fixture(scope="module")
def bearer(server: Running) -> str:
    """What a caller sends who may write: attacks from within."""
    return token(Path(server.greeting["ledgers"][0]["home"]), "write")


@contextmanager
def others(server: Running) -> Iterator[None]:
    """A normal caller, who asks all the time; at the end none of his answers was missing or late."""
    waits: list[float] = []
    wrong: list[object] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                answer = server.get("/healthz")
                if (answer.status, answer.body) != (200, b'{"status":"ok"}'):
                    wrong.append(answer)
            except OSError as error:
                wrong.append(error)
            waits.append(time.monotonic() - began)
            over.wait(0.02)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not wrong
    assert waits
    assert max(waits) < QUICK_SECONDS


def send(server: Running, raw: bytes) -> bytes:
    with server.connect() as sock:
        sock.sendall(raw)
        return drain(sock)


def test_a_head_that_never_ends_is_cut(server: Running) -> None:
    with others(server):
        socks = [server.connect() for _ in range(20)]
        began = time.monotonic()
        for sock in socks:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n")
        for number in range(4):
            time.sleep(0.2)
            for sock in socks:
                sock.sendall(f"x-{number}: y\r\n".encode())
        answers = [parse(drain(sock)) for sock in socks]
        for sock in socks:
            sock.close()
    assert {answer.status for answer in answers} == {408}
    assert answers[0].json["code"] == "too-slow"
    assert time.monotonic() - began < SOON_SECONDS


def test_who_says_nothing_is_let_go(server: Running) -> None:
    with others(server), server.connect() as sock:
        began = time.monotonic()
        assert drain(sock) == b""
        assert time.monotonic() - began < SOON_SECONDS


def test_a_body_that_drips_is_cut(server: Running, bearer: str) -> None:
    head = f"POST /v1/entries HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\ncontent-length: 4000\r\n\r\n"
    with others(server), server.connect() as sock:
        sock.sendall(head.encode())
        sock.settimeout(0.2)
        began = time.monotonic()
        answer = b""
        while not answer and time.monotonic() - began < 20:
            sock.sendall(b"{")
            with suppress(TimeoutError):
                answer = sock.recv(1 << 16)
        assert 2.0 < time.monotonic() - began < 20
        sock.settimeout(PATIENCE_SECONDS)
        answer += drain(sock)
    assert parse(answer).status == 408
    assert parse(answer).json["code"] == "too-slow"


def test_a_chunked_body_that_never_ends_is_cut(server: Running, bearer: str) -> None:
    head = f"POST /v1/entries HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\ntransfer-encoding: chunked\r\n\r\n"
    with others(server), server.connect() as sock:
        sock.sendall(head.encode())
        sent = 0
        with suppress(ConnectionError):
            while sent < 64 << 20:
                sock.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
                sent += 0x1000
        answer = drain(sock)
    assert sent < 16 << 20
    assert parse(answer).status in (0, 413)


@pytest.mark.parametrize("path", ["/v1/entries", "/v1/answers", "/healthz"])
def test_a_gigabyte_that_is_announced_is_refused_unread(server: Running, path: str) -> None:
    with others(server):
        answer = parse(
            send(server, f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {1 << 30}\r\n\r\n".encode() + b"x" * 4_096)
        )
    assert answer.status == 413
    assert answer.json["code"] == "too-much"


def test_a_length_beyond_all_numbers(server: Running) -> None:
    with others(server):
        assert parse(send(server, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: " + b"9" * 400 + b"\r\n\r\n")).status == 400


def test_chunks_without_end_are_cut_at_the_limit(server: Running) -> None:
    with others(server), server.connect() as sock:
        sock.sendall(b"POST /v1/answers HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 64 << 20:
                sock.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                sent += 0x10000
        except ConnectionError:
            pass
        answer = drain(sock)
    assert sent < 64 << 20
    assert not answer or parse(answer).status in (401, 413)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00" * 300,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500,
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nbad header: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n folded: y\r\nnocolon\r\n\r\n",
        b"POST /v1/entries HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nnot hex\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"CONNECT other:443 HTTP/1.1\r\nhost: other\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(server: Running, raw: bytes) -> None:
    with others(server):
        began = time.monotonic()
        answer = parse(send(server, raw))
        assert time.monotonic() - began < SOON_SECONDS
    assert answer.status in (0, 400, 401, 404, 405)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"".join(b"x-%d: y\r\n" % number for number in range(10_000)) + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /healthz?" + b"a" * 5_000_000,
    ],
)
def test_a_head_beyond_its_limit_is_refused(server: Running, raw: bytes) -> None:
    with others(server), server.connect() as sock:
        with suppress(ConnectionError):
            sock.sendall(raw)
        answer = parse(drain(sock))
    # Where the rest was still on its way, the end of the connection may overtake the answer.
    assert answer.status in (431, 0) if len(raw) > 1_000_000 else answer.status == 431


def test_who_closes_his_half_still_gets_the_answer(server: Running) -> None:
    with others(server), server.connect() as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        assert parse(drain(sock)).status == 200


def test_half_a_request_and_then_nothing_is_the_end(server: Running) -> None:
    with others(server), server.connect() as sock:
        sock.sendall(b"POST /v1/entries HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        sock.shutdown(socket.SHUT_WR)
        began = time.monotonic()
        drain(sock)
        assert time.monotonic() - began < SOON_SECONDS


def test_requests_in_a_row_are_answered_in_order(server: Running) -> None:
    with others(server):
        raw = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * 30 + b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        found = send(server, raw)
    assert found.count(b"HTTP/1.1 200 OK") == 31


def test_garbage_after_a_request_does_not_take_its_answer_apart(server: Running) -> None:
    with others(server):
        found = send(server, b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n\x00\x01\x02 nonsense\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 200")
    assert found.endswith(b'{"status":"ok"}')


def test_who_never_reads_is_cut(server: Running) -> None:
    with others(server), server.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        began = time.monotonic()
        ended = False
        while not ended and time.monotonic() - began < 40:
            try:
                sock.settimeout(0.5)
                sock.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n" * 20)
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
        assert ended


def test_more_connections_than_may_be_are_told_so(server: Running) -> None:
    socks = [server.connect() for _ in range(64)]
    try:
        time.sleep(0.2)
        with server.connect() as late:
            answer = parse(drain(late))
        assert (answer.status, answer.json["code"]) == (503, "too-many-connections")
        assert answer.headers["retry-after"]
    finally:
        for sock in socks:
            sock.close()
    # It hears a moment later that they are gone.
    ends = time.monotonic() + PATIENCE_SECONDS
    while (answer := server.get("/healthz")).status == 503:
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert answer.status == 200


def test_it_is_well_afterwards_and_says_what_it_cut(server: Running) -> None:
    assert server.get("/readyz").status == 200
    assert server.process.poll() is None
    assert not [line for line in server.lines() if line["level"] == "error"], json.dumps(server.lines()[-5:])


def test_a_hello_that_is_none_does_not_stop_tls(tmp_path: Path) -> None:
    homes.found(tmp_path / "ledger", origin="example.com/tls", actor="alice")
    pem, key = certificate(tmp_path)
    with serving(tmp_path / "ledger", "--tls-certificate", str(pem), "--tls-key", str(key), config=LIMITS) as server:
        began = time.monotonic()
        for raw in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x00" * 1_000):
            with server.connect() as sock:
                sock.sendall(raw)
                drain(sock)
        assert time.monotonic() - began < 3 * SOON_SECONDS
        context = ssl.create_default_context(cafile=str(pem))
        with server.connect() as sock, context.wrap_socket(sock, server_hostname="127.0.0.1") as secure:
            assert secure.version() in ("TLSv1.2", "TLSv1.3")
            secure.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert secure.recv(4_096).startswith(b"HTTP/1.1 200")
