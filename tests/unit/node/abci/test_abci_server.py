"""The socket at which the engine asks: order, flushing, hostile lengths, and what ends what."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest

from muniment.errors import InvalidInput, Unavailable
from muniment.node.abci import server as servers
from muniment.node.abci.inbox import MAX_MESSAGE_BYTES, Inbox, read_message
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.abci.server import MAX_CONNECTIONS, Answer, Halted, Server, encode_length, encode_message

FLUSH = encode_message(abci.Request(flush=abci.RequestFlush()))
SECONDS = 60.0


def echo(text: str) -> bytes:
    return encode_message(abci.Request(echo=abci.RequestEcho(message=text)))


def answer_echo(request: abci.Request) -> abci.Response:
    return abci.Response(echo=abci.ResponseEcho(message=request.echo.message))


class Place:
    """A server, and who connects to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failed: list[Exception] = []
        self.made = 0
        self.answer: Answer = answer_echo
        self.server = Server(path, self.connect, self.failed.append)
        self._clients: list[socket.socket] = []

    def connect(self) -> Answer:
        self.made += 1
        return self.answer

    def dial(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(SECONDS)
        client.connect(str(self.path))
        self._clients.append(client)
        return client

    def close(self) -> None:
        for each in self._clients:
            each.close()
        self.server.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "node" / "abci.sock")
    place.server.open()
    yield place
    place.close()


def receive(client: socket.socket, number: int) -> list[abci.Response]:
    with client.makefile("rb") as stream:
        return [abci.Response.FromString(read_message(stream) or b"") for _ in range(number)]


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_answers_come_in_order_at_the_flush(place: Place) -> None:
    client = place.dial()
    client.sendall(b"".join(echo(str(number)) for number in range(100)))
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(SECONDS)
    client.sendall(FLUSH)
    *echoed, last = receive(client, 101)
    assert [each.echo.message for each in echoed] == [str(number) for number in range(100)]
    assert last.WhichOneof("value") == "flush"


def test_a_message_may_come_byte_by_byte(place: Place) -> None:
    client = place.dial()
    for byte in echo("x" * 300) + FLUSH:
        client.sendall(bytes([byte]))
    assert receive(client, 1)[0].echo.message == "x" * 300


def test_a_large_message_is_answered(place: Place) -> None:
    client = place.dial()
    text = "x" * (4 << 20)
    threading.Thread(target=client.sendall, args=(echo(text) + FLUSH,), daemon=True).start()
    assert receive(client, 1)[0].echo.message == text


def test_connections_do_not_wait_for_each_other(place: Place) -> None:
    slow = threading.Event()

    def answer(request: abci.Request) -> abci.Response:
        if request.echo.message == "slow":
            slow.wait(SECONDS)
        return answer_echo(request)

    place.answer = answer
    first, second = place.dial(), place.dial()
    first.sendall(echo("slow") + FLUSH)
    second.sendall(echo("quick") + FLUSH)
    assert receive(second, 1)[0].echo.message == "quick"
    slow.set()
    assert receive(first, 1)[0].echo.message == "slow"
    assert place.made == 2


def test_who_asks_need_not_wait_to_be_rid_of_questions(place: Place) -> None:
    """An engine that cannot write spends a processor on waiting."""
    slow = threading.Event()

    def answer(request: abci.Request) -> abci.Response:
        slow.wait(SECONDS)
        return abci.Response(echo=abci.ResponseEcho(message=request.echo.message[:1]))

    place.answer = answer
    client = place.dial()
    # Far more than a socket holds; `sendall` would run into its timeout.
    client.sendall(b"".join(echo(str(number) + "x" * 100_000) for number in range(8)) + FLUSH)
    assert not slow.is_set()
    slow.set()
    assert [each.echo.message for each in receive(client, 9)[:8]] == list("01234567")


def test_what_is_read_ahead_is_bounded() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, theirs.makefile("rb") as stream:
        inbox = Inbox(stream, limit=10_000)
        inbox.open()
        ours.settimeout(0.2)
        message, sent = encode_length(5_000) + bytes(5_000), 0
        with suppress(TimeoutError):
            while sent < 4 << 20:
                sent += ours.send(message)
        assert sent < 4 << 20
        # All of it comes, but what the socket took a part of.
        assert all(len(inbox.take() or b"") == 5_000 for _ in range(sent // len(message)))
        theirs.shutdown(socket.SHUT_RDWR)
        inbox.join()


def test_what_was_read_before_a_bad_message_is_answered(place: Place) -> None:
    client = place.dial()
    client.sendall(echo("good") + FLUSH + b"\xff" * 10)
    assert receive(client, 1)[0].echo.message == "good"
    assert place.failed == []


@pytest.mark.parametrize(
    "raw",
    [
        encode_length(MAX_MESSAGE_BYTES + 1),
        b"\xff" * 10,
        b"\x80\x80\x80\x80\x80\x01",
        b"\x80" * 100,
        b"\x05\x01",
        b"\x80",
        b"\x00",
        b"\x02\xff\xff",
        encode_length(3) + b"\x1a\x05a",
    ],
    ids=["long", "huge", "padded", "endless", "cut", "cut length", "nothing", "noise", "beyond"],
)
def test_what_is_no_message_ends_its_connection_and_nothing_else(place: Place, raw: bytes) -> None:
    other, client = place.dial(), place.dial()
    client.sendall(raw)
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    other.sendall(echo("still here") + FLUSH)
    assert receive(other, 1)[0].echo.message == "still here"
    assert place.failed == []


@pytest.mark.parametrize("raw", [encode_length(MAX_MESSAGE_BYTES + 1), b"\xff" * 5, b"\x80" * 6], ids=["long", "huge", "padded"])
def test_a_length_that_cannot_be_is_not_waited_for(place: Place, raw: bytes) -> None:
    client = place.dial()
    client.sendall(raw)
    assert client.recv(1) == b""


def test_a_length_alone_takes_no_memory(place: Place) -> None:
    clients = [place.dial() for _ in range(8)]
    before = _resident()
    for client in clients:
        client.sendall(encode_length(MAX_MESSAGE_BYTES) + b"a")
    time.sleep(0.2)
    assert _resident() - before < 32 << 20


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_more_connections_than_there_can_be_are_refused(place: Place) -> None:
    clients = [place.dial() for _ in range(MAX_CONNECTIONS)]
    wait_for(lambda: place.server.connections == MAX_CONNECTIONS)
    assert place.dial().recv(1) == b""
    clients[0].close()
    wait_for(lambda: place.server.connections == MAX_CONNECTIONS - 1)
    last = place.dial()
    last.sendall(echo("in") + FLUSH)
    assert receive(last, 1)[0].echo.message == "in"


def test_a_question_without_an_answer_is_told_and_not_guessed(place: Place) -> None:
    def answer(request: abci.Request) -> abci.Response:
        raise ValueError("disk gone")

    place.answer = answer
    client = place.dial()
    client.sendall(echo("a") + FLUSH)
    assert client.recv(1) == b""
    assert [str(each) for each in place.failed] == ["disk gone"]


def test_a_question_that_is_never_answered_ends_nothing(place: Place) -> None:
    def answer(request: abci.Request) -> abci.Response:
        if request.echo.message == "halt":
            raise Halted
        return answer_echo(request)

    place.answer = answer
    halted, other = place.dial(), place.dial()
    halted.sendall(echo("before") + FLUSH)
    assert len(receive(halted, 2)) == 2
    halted.sendall(echo("halt") + FLUSH + echo("after") + FLUSH)
    halted.settimeout(0.2)
    with pytest.raises(TimeoutError):
        halted.recv(1)
    other.sendall(echo("other") + FLUSH)
    assert receive(other, 1)[0].echo.message == "other"
    halted.close()
    wait_for(lambda: place.server.connections == 1)
    assert place.failed == []


def test_the_process_ends_where_there_is_no_answer(tmp_path: Path) -> None:
    script = f"""
import sys, threading
from pathlib import Path
from muniment.node.abci.server import Server
def connect():
    def answer(request):
        raise RuntimeError("no such row")
    return answer
Server(Path({str(tmp_path / "s")!r}), connect).open()
print("ready", flush=True)
threading.Event().wait()
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert process.stdout.readline() == "ready\n"
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(tmp_path / "s"))
        client.sendall(echo("a") + FLUSH)
        assert client.recv(1) == b""
        assert process.wait(SECONDS) == servers.FAILED
        said = process.stderr.read()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
        client.close()
    assert "RuntimeError: no such row" in said


def test_the_socket_is_for_one_user_and_a_stale_one_goes(tmp_path: Path) -> None:
    path = tmp_path / "abci.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    place = Place(path)
    place.server.open()
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        client = place.dial()
        client.sendall(echo("a") + FLUSH)
        assert receive(client, 1)[0].echo.message == "a"
    finally:
        place.close()
    assert not path.exists()


def test_a_folder_that_is_made_is_for_one_user(place: Place) -> None:
    assert stat.S_IMODE(place.path.parent.stat().st_mode) == 0o700


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "abci.sock"
    path.write_text("mine")
    with pytest.raises(Unavailable):
        Server(path, lambda: answer_echo).open()
    assert path.read_text() == "mine"


def test_closing_ends_every_connection(place: Place) -> None:
    client = place.dial()
    client.sendall(echo("a") + FLUSH)
    receive(client, 1)
    place.server.close()
    assert client.recv(1) == b""
    wait_for(lambda: place.server.connections == 0)


def test_a_path_that_cannot_be_bound_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as too_long:
        Server(tmp_path / ("x" * 120), lambda: answer_echo).open()
    assert too_long.value.code == "socket-path"
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable) as unwritable:
        Server(tmp_path / "file" / "s", lambda: answer_echo).open()
    assert unwritable.value.code == "socket-unwritable"


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 16_383, 16_384, MAX_MESSAGE_BYTES])
def test_lengths_come_back(number: int) -> None:
    raw = bytes(number) if number < 1 << 20 else b""
    if raw or not number:
        assert read_message(BytesIO(encode_length(number) + raw)) == raw  # type: ignore[arg-type]
    assert sum((byte & 0x7F) << 7 * at for at, byte in enumerate(encode_length(number))) == number
