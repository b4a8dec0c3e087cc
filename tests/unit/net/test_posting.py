"""POST to an address that somebody else named: where it may go, and how little it takes from there."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from certificates import certificate
from muniment.errors import InvalidInput, Unavailable
from muniment.net import posting

Talk = Callable[[socket.socket], None]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is there is waited for, however slow this machine is."""
    monkeypatch.setattr(posting, "CONNECT_SECONDS", 60.0)


def read_request(plain: socket.socket) -> bytes:
    """A whole request: to close while a part of it lies unread resets the connection, and the answer may be lost with it."""
    request = b""
    while b"\r\n\r\n" not in request and (found := plain.recv(65_536)):
        request += found
    head, _, body = request.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length and (found := plain.recv(65_536)):
        body += found
    return head + b"\r\n\r\n" + body


@contextmanager
def answering(talk: Talk, context: ssl.SSLContext | None = None, heard: list[bytes] | None = None) -> Iterator[int]:
    """A server on a free port that reads a request and then talks as a test says; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                found, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError), found:
                plain = context.wrap_socket(found, server_side=True) if context else found
                request = read_request(plain)
                if heard is not None:
                    heard.append(request)
                talk(plain)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def say(text: bytes) -> Talk:
    return lambda found: found.sendall(text)


@pytest.mark.parametrize(
    ("address", "outside", "inside"),
    [
        ("8.8.8.8", True, True),
        ("2606:4700::1111", True, True),
        ("::ffff:8.8.8.8", True, True),
        ("64:ff9b::808:808", True, True),
        ("127.0.0.1", False, True),
        ("10.0.0.1", False, True),
        ("192.168.1.1", False, True),
        ("::1", False, True),
        ("fd00::1", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("64:ff9b::7f00:1", False, True),
        ("2002:7f00:1::", False, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("fd00:ec2::254", False, False),
        ("100.100.100.200", False, False),
        ("100.64.0.1", False, False),
        ("fe80::1", False, False),
        ("0.0.0.0", False, False),
        ("::", False, False),
        ("224.0.0.1", False, False),
        ("ff02::1", False, False),
        ("255.255.255.255", False, False),
        ("240.0.0.1", False, False),
    ],
)
def test_addresses(address: str, outside: bool, inside: bool) -> None:
    found = ipaddress.ip_address(address)
    for private, allowed in ((False, outside), (True, inside)):
        if allowed:
            assert posting.check_address(found, private=private) == found
        else:
            with pytest.raises(InvalidInput):
                posting.check_address(found, private=private)


def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with answering(say(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        with pytest.raises(InvalidInput) as refused:
            posting.post(f"https://example.com:{port}/", b"{}", {})
        assert refused.value.code == "address"
        # The name is asked for once: the address that was checked is the one that is connected to.
        assert posting.post(f"http://example.com:{port}/", b"{}", {}, private=True).status == 200
    assert asked[:2] == ["example.com", "example.com"]
    assert "example.com" not in asked[2:]


def test_what_is_sent_and_read() -> None:
    heard: list[bytes] = []
    with answering(say(b"HTTP/1.1 429 No\r\nRetry-After: 7\r\n\r\n" + b"x" * 1_000_000), heard=heard) as port:
        posted = posting.post(f"http://127.0.0.1:{port}/a?b=c", b'{"a":1}', {"webhook-id": "m"}, private=True)
    assert (posted.status, posted.retry_after, posted.excerpt) == (429, 7.0, "x" * posting.EXCERPT_BYTES)
    head = heard[0].lower()
    assert head.startswith(b"post /a?b=c http/1.1\r\n")
    assert b"\r\nhost: 127.0.0.1:%d\r\n" % port in head
    assert b"\r\nwebhook-id: m\r\n" in head
    assert b"\r\ncontent-length: 7\r\n" in head


def test_a_receiver_that_talks_slowly_is_left() -> None:
    def drip(found: socket.socket) -> None:
        while True:
            found.sendall(b"H")
            time.sleep(0.05)

    with answering(drip) as port:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            posting.post(f"http://127.0.0.1:{port}/", b"", {}, private=True, total_seconds=0.4)
        assert time.monotonic() - began < posting.TOTAL_SECONDS


@pytest.mark.parametrize("text", [b"", b"nonsense\r\n\r\n", b"\x00" * 100])
def test_what_is_no_answer(text: bytes) -> None:
    with answering(say(text)) as port, pytest.raises(Unavailable):
        posting.post(f"http://127.0.0.1:{port}/", b"", {}, private=True)


def test_nobody_there() -> None:
    with socket.socket() as taken:
        # Bound, so that nobody else gets the port, and not listened at.
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable) as failed:
            posting.post(f"http://127.0.0.1:{taken.getsockname()[1]}/", b"", {}, private=True)
    assert failed.value.code == "unreachable"


def test_the_certificate_must_be_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem, secret = certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    with answering(say(b"HTTP/1.1 204 No Content\r\n\r\n"), context) as port:
        with pytest.raises(Unavailable):
            posting.post(f"https://localhost:{port}/", b"", {}, private=True)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        assert posting.post(f"https://localhost:{port}/", b"", {}, private=True).status == 204
        with pytest.raises(Unavailable):
            posting.post(f"https://127.0.0.1:{port}/", b"", {}, private=True)
