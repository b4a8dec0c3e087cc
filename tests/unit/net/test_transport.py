"""The way to a node, against servers that send anything: limits, retries, redirects, and errors of the tree for all of it."""

from __future__ import annotations

import gzip
import json
import os
import socket
import ssl
import threading
import time
from pathlib import Path

import msgspec
import pytest

import hosts
import lying
from certificates import certificate
from muniment.core.rules.policy import PolicyViolation
from muniment.errors import Conflict, InvalidInput, LedgerError, NotFound, Unavailable, VerificationError
from muniment.net import address, wire
from muniment.net.transport import Patience, Transport

GOOD = lying.answer(b'{"index":3}')
PATIENT = Patience(connect=60.0, read=60.0, answer=60.0, retries=20.0, attempts=3)
# For servers that do not answer at all.
HASTY = Patience(connect=1.0, read=0.5, answer=1.0, retries=1.0, attempts=3)


def reach(url: str, token: str | None = None, patience: Patience = PATIENT) -> Transport:
    return Transport(address.parse(url), token, patience=patience)


def problem(status: int, code: str, **fields: object) -> bytes:
    body = {"type": f"urn:muniment:error:{code}", "title": "T", "status": status, "detail": "said", "code": code, **fields}
    return lying.answer(json.dumps(body).encode(), f"{status} X", "application/problem+json")


def test_an_answer_is_read_in_its_form_and_the_token_goes_along() -> None:
    with lying.sending(GOOD) as server:
        transport = reach(server.url, "mun_x_y")
        assert transport.read("/v1/ids/x", wire.Place, query=(("a", "b c"),)).index == 3
        transport.close()
    (request,) = server.requests
    assert request.startswith(b"GET /v1/ids/x?a=b+c HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer mun_x_y\r\n" in request + b"\r\n"
    assert "mun_x_y" not in repr(transport)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lying.answer(b"<html>Sign in</html>", type="text/html"), "bad-answer"),
        (lying.answer(b'{"index":3}', type="text/plain"), "bad-answer"),
        (lying.answer(b'{"index":"three"}'), "bad-answer"),
        (lying.answer(b'{"index":-1}'), "bad-answer"),
        (lying.answer(b"\xff\xfe"), "bad-answer"),
        (lying.answer(b'{"index":3'), "bad-answer"),
        (lying.answer(b"[" * 100_000), "bad-answer"),
        (lying.answer(b""), "bad-answer"),
        (lying.answer(b"x", content_encoding="br"), "bad-answer"),
        (lying.answer(b"not gzip", content_encoding="gzip"), "bad-answer"),
        (lying.answer(gzip.compress(b'{"index":3}')[:-4], content_encoding="gzip"), "bad-answer"),
        (lying.answer(b"<h1>404</h1>", "404 Not Found", "text/html"), "not-a-node"),
        (lying.answer(b"{}", "404 Not Found", "application/json"), "not-a-node"),
        (lying.answer(b"<h1>502</h1>", "502 Bad Gateway", "text/html"), "unreachable"),
        (lying.answer(b"", "500 Oops", "text/html"), "unreachable"),
        (lying.answer(b"", "418 Teapot", "text/html"), "not-a-node"),
        (lying.answer(b"nonsense", "503 Later", "application/problem+json"), "unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nContent-Type: application/json\r\n\r\n{", "unreachable"),
        (b"HTTP/9.9 nonsense\r\n\r\n", "unreachable"),
        (b"", "unreachable"),
        (b"SSH-2.0-OpenSSH_9\r\n", "unreachable"),
        (lambda connection: connection.close(), "unreachable"),
    ],
)
def test_what_no_node_says_is_not_believed(answer: bytes, code: str) -> None:
    with lying.sending(answer) as server, pytest.raises(Unavailable) as caught:
        reach(server.url).read("/v1/ids/x", wire.Place)
    # Never NotFound: that a proxy knows no such page says nothing about the ledger.
    assert caught.value.code == code
    assert caught.value.hint


def test_a_small_body_that_stands_for_a_large_one_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * (200 << 20))
    with lying.sending(lying.answer(bomb, content_encoding="gzip")) as server, pytest.raises(Unavailable) as caught:
        reach(server.url).fetch("/checkpoint", limit=1_000_000)
    assert caught.value.code == "bad-answer"
    assert "1000000 bytes" in str(caught.value)


def test_a_body_without_an_end_is_cut_off() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65_536)

    with lying.sending(flood) as server, pytest.raises(Unavailable) as caught:
        reach(server.url).fetch("/checkpoint", limit=1_000_000)
    assert "more than" in str(caught.value)


def test_a_body_that_is_announced_too_long_is_not_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
    with lying.sending(head) as server, pytest.raises(Unavailable) as caught:
        reach(server.url).fetch("/checkpoint", limit=1_000)
    assert "99999999" in str(caught.value)


def test_a_body_that_comes_in_drops_is_given_up() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1_000):
            connection.sendall(b"x")
            time.sleep(0.05)

    start = time.monotonic()
    with lying.sending(drip) as server, pytest.raises(Unavailable) as caught:
        reach(server.url, patience=msgspec.structs.replace(PATIENT, answer=1.0)).fetch("/checkpoint")
    assert "slowly" in str(caught.value)
    # The whole of it would have taken 50 s.
    assert time.monotonic() - start < 40


def test_packed_answers_are_unpacked() -> None:
    with lying.sending(lying.answer(gzip.compress(b'{"index":3}'), content_encoding="gzip")) as server:
        assert reach(server.url).read("/v1/ids/x", wire.Place).index == 3


def test_a_redirect_is_followed_on_the_same_server_only() -> None:
    moved = lying.answer(b"", "302 Found", location="/elsewhere")
    with lying.sending(moved, GOOD) as server:
        assert reach(server.url).read("/v1/ids/x", wire.Place).index == 3
        assert server.requests[1].startswith(b"GET /elsewhere ")
    with lying.sending(GOOD) as other:
        away = lying.answer(b"", "302 Found", location=f"{other.url}/v1/ids/x")
        with lying.sending(away) as server, pytest.raises(Unavailable) as caught:
            reach(server.url, "mun_x_y").read("/v1/ids/x", wire.Place)
        assert caught.value.code == "redirected"
        # Neither the question nor the token went there.
        assert other.requests == []


def test_a_redirect_in_circles_ends_and_nothing_is_posted_after_one() -> None:
    for method in ("read", "post"):
        with lying.sending(lying.answer(b"", "307 Again", location="/v1/ids/x")) as server:
            transport = reach(server.url)
            with pytest.raises(Unavailable) as caught:
                transport.read("/v1/ids/x", wire.Place) if method == "read" else transport.send("/v1/entries", {})
            assert caught.value.code == "redirected"
            assert len(server.requests) == (3 if method == "read" else 1)


@pytest.mark.parametrize("status", ["429 Slow", "502 Bad", "503 Later", "504 Late"])
def test_what_passes_is_asked_again(status: str) -> None:
    with lying.sending(lying.answer(b"", status, "text/html"), b"", GOOD) as server:
        assert reach(server.url).read("/v1/ids/x", wire.Place).index == 3
    assert len(server.requests) == 3


def test_a_wait_that_is_asked_for_is_kept_or_told() -> None:
    busy = lying.answer(b"", "503 Later", "text/html", retry_after="30")
    with lying.sending(busy, GOOD) as server, pytest.raises(Unavailable) as caught:
        reach(server.url).read("/v1/ids/x", wire.Place)
    assert caught.value.retry_after == 30
    assert len(server.requests) == 1


def test_an_obstacle_that_a_node_explains_is_not_asked_about_again() -> None:
    with lying.sending(problem(503, "clock", hint="Set the clock right.")) as server, pytest.raises(Unavailable) as caught:
        reach(server.url).send("/v1/entries", {})
    assert (caught.value.code, caught.value.hint) == ("clock", "Set the clock right.")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (problem(400, "bad-size"), InvalidInput, "bad-size"),
        (problem(401, "unauthenticated"), Unavailable, "unauthenticated"),
        (problem(403, "forbidden"), LedgerError, "forbidden"),
        (problem(404, "no-entry"), NotFound, "no-entry"),
        (problem(404, "no-such-page"), Unavailable, "no-such-page"),
        (problem(404, "no-such-ledger"), Unavailable, "no-such-ledger"),
        (problem(409, "conflict-once"), Conflict, "conflict-once"),
        (problem(413, "too-much"), InvalidInput, "too-much"),
        (problem(422, "disclosure", details={"step": 12}), VerificationError, "disclosure"),
        (problem(500, "corrupt-store"), LedgerError, "corrupt-store"),
    ],
)
def test_what_a_node_tells_becomes_an_error_of_the_tree(answer: bytes, kind: type[Exception], code: str) -> None:
    with lying.sending(answer) as server, pytest.raises(kind) as caught:
        reach(server.url).read("/v1/x", wire.Place)
    assert caught.value.code == code  # type: ignore[attr-defined]
    assert str(caught.value) == "said"


def test_a_refusal_comes_back_with_its_reasons() -> None:
    reasons = [{"rule": "role", "required": "A role.", "found": "None.", "mend": "Get one."}]
    answer = problem(409, "refused-role", details={"eventId": "e", "reasons": reasons})
    with lying.sending(answer) as server, pytest.raises(PolicyViolation) as caught:
        reach(server.url).read("/v1/x", wire.Place)
    assert caught.value.verdict.reasons[0].rule == "role"


def test_a_stranger_cannot_steer_the_terminal() -> None:
    with lying.sending(problem(400, "bad", detail="a\x1b[31m\nb", hint="\x07")) as server, pytest.raises(InvalidInput) as caught:
        reach(server.url).read("/v1/x", wire.Place)
    assert str(caught.value).isprintable()
    assert caught.value.hint.isprintable()


def test_only_the_word_of_a_node_says_that_something_is_not_held() -> None:
    with lying.sending(lying.answer(b"", "404 X", "application/problem+json")) as server:
        assert not reach(server.url).holds("/v1/blobs/x")
    with lying.sending(lying.answer(b"", "200 OK", "application/octet-stream")) as server:
        assert reach(server.url).holds("/v1/blobs/x")
    with lying.sending(lying.answer(b"", "404 X", "text/html")) as server, pytest.raises(Unavailable):
        reach(server.url).holds("/v1/blobs/x")


def test_nobody_listening_is_unreachable_soon() -> None:
    with socket.socket() as taken:
        # Bound, so that nobody else gets the port, and not listened at.
        taken.bind(("127.0.0.1", 0))
        start = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            reach(f"http://127.0.0.1:{taken.getsockname()[1]}").fetch("/checkpoint")
        assert (caught.value.code, caught.value.retry_after) == ("unreachable", 5.0)
        assert time.monotonic() - start < PATIENT.retries


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    with lying.sending(GOOD) as server:
        url = server.url.replace("http://", "https://")
        with pytest.raises(Unavailable) as caught:
            reach(url, patience=HASTY).fetch("/checkpoint")
    # It does not speak TLS at all; nothing was sent in clear.
    assert caught.value.code in ("tls", "unreachable")
    assert not any(b"GET" in each for each in server.requests)
    with pytest.raises(InvalidInput) as bad:
        Transport(address.parse(url), ca=tmp_path / "none.pem").fetch("/checkpoint")
    assert bad.value.code == "bad-ca"


def test_a_certificate_holds_for_its_host_and_under_its_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for host, held in (("127.0.0.1", True), ("127.0.0.2", False)):
        authority, key = certificate(tmp_path, host)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority, key)
        with lying.sending(GOOD, over=context) as server:
            url = server.url.replace("http://", "https://")
            with pytest.raises(Unavailable) as unknown:
                reach(url).read("/v1/x", wire.Place)
            assert unknown.value.code == "tls"
            transport = Transport(address.parse(url), "mun_x_y", ca=authority, patience=PATIENT)
            if held:
                assert transport.read("/v1/x", wire.Place).index == 3
                monkeypatch.setenv("SSL_CERT_FILE", str(authority))
                assert reach(url).read("/v1/x", wire.Place).index == 3
                monkeypatch.delenv("SSL_CERT_FILE")
            else:
                with pytest.raises(Unavailable) as other:
                    transport.read("/v1/x", wire.Place)
                assert other.value.code == "tls"
                assert not any(b"mun_x_y" in each for each in server.requests)


def test_no_proxy_stands_before_this_machine_and_another_host_is_asked_through_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with lying.sending(GOOD) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        with lying.sending(GOOD) as server:
            assert reach(server.url).read("/v1/ids/x", wire.Place).index == 3
        assert proxy.requests == []
        assert reach("http://ledger.invalid").read("/v1/ids/x", wire.Place).index == 3
        assert proxy.requests[0].startswith(b"GET http://ledger.invalid/v1/ids/x ")


def test_threads_and_a_fork_share_one_transport() -> None:
    with lying.sending(GOOD) as server:
        transport = reach(server.url)
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(transport.read("/v1/x", wire.Place).index)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [3] * 8
        child = os.fork()
        if child == 0:
            os._exit(0 if transport.read("/v1/x", wire.Place).index == 3 else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert transport.read("/v1/x", wire.Place).index == 3


def test_a_closed_transport_opens_again() -> None:
    with lying.sending(GOOD) as server:
        transport = hosts.transport(server.url)
        transport.close()
        assert transport.read("/v1/x", wire.Place).index == 3
        transport.close()


def test_unknown_fields_are_passed_over() -> None:
    assert wire.decode(b'{"index":3,"news":1}', wire.Place).index == 3
    with pytest.raises(msgspec.ValidationError):
        wire.decode(b'{"news":1}', wire.Place)
