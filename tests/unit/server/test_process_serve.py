"""muniment serve: a real process, from its start to its end."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from certificates import certificate
from muniment.cli import application
from muniment.client import home as homes
from muniment.client.home import Home
from muniment.server.process.running import GRACE_SECONDS
from processes import PATIENCE_SECONDS, Running, drain, serving, system, token

ORIGIN = "example.com/served"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return homes.found(tmp_path / "ledger", origin=ORIGIN, actor="alice")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Running]]:
    """A server with two readers and a writer."""
    home = homes.found(tmp_path_factory.mktemp("several") / "ledger", origin=ORIGIN, actor="alice")
    with serving(home.folder, "--workers", "2") as running:
        yield home, running


def children(running: Running) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(running.process.pid)], capture_output=True, text=True, check=False)
    return sorted(int(line) for line in found.stdout.split())


def listen(running: Running, bearer: str) -> socket.socket:
    sock = running.connect()
    sock.sendall(f"GET /v1/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\r\n".encode())
    assert b"200 OK" in sock.recv(4_096)
    return sock


def begin(sock: socket.socket, bearer: str, length: int) -> None:
    """Send the head of a submission, and wait until its body is waited for: from then on it is a request in flight."""
    head = f"POST /v1/entries HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\ncontent-length: {length}\r\n"
    sock.sendall(f"{head}expect: 100-continue\r\n\r\n".encode())
    assert sock.recv(4_096) == b"HTTP/1.1 100 Continue\r\n\r\n"


def wait_until_closed(running: Running) -> None:
    """Wait until nobody listens any more: the server has begun to end."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            running.connect().close()
        except ConnectionError:
            return
        assert time.monotonic() < until, "it still listens"
        time.sleep(0.05)


def test_it_says_where_it_is_and_ends_well(home: Home) -> None:
    with serving(home.folder) as running:
        assert running.greeting["url"].startswith("http://127.0.0.1:")
        (ledger,) = running.greeting["ledgers"]
        assert (ledger["origin"], ledger["size"], running.greeting["public"]) == (ORIGIN, 1, False)
        assert running.get("/healthz").json == {"status": "ok"}
        assert running.get("/readyz").json == {"status": "ok"}
        assert running.get("/v1/view").status == 401
        assert running.stop() == 0


def test_what_it_tells_a_person(home: Home) -> None:
    command = [sys.executable, "-m", "muniment", "serve", "--home", str(home.folder), "--port", "0", "--host", "0.0.0.0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=home.folder)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Stop:"):
            break
    process.terminate()
    _, warned = process.communicate(timeout=PATIENCE_SECONDS)
    told = "".join(lines)
    assert ORIGIN in told
    assert "fingerprint" in told
    # A log is no place for what lets somebody in.
    assert "/sign-in?code=" not in told
    assert "Private: nobody reads anything without a token." in told
    assert warned.startswith("Warning: other machines can reach this address")
    assert process.returncode == 0


def test_a_second_server_is_refused_and_the_first_serves_on(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(home.folder) as running:
        monkeypatch.chdir(tmp_path)
        for state in ((), ("--state", str(tmp_path / "s"))):
            assert application.run(["serve", "--home", str(home.folder), "--port", "0", "--json", *state]) == 1
            told = capsys.readouterr().out
            assert '"already-served"' in told
            assert str(running.process.pid) in told
        assert running.get("/readyz").status == 200


def test_what_cannot_be_served_is_said_and_nothing_starts(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def refused(*options: str) -> str:
        assert application.run(["serve", "--json", *options]) != 0
        return capsys.readouterr().out

    where = ("--home", str(home.folder), "--port", "0")
    assert '"no-ledger"' in refused("--home", str(tmp_path / "nothing"), "--port", "0")
    assert not (tmp_path / "nothing").exists()
    assert '"bad-certificate"' in refused(*where, "--tls-certificate", "none.pem")
    assert '"bad-certificate"' in refused(*where, "--tls-certificate", "none.pem", "--tls-key", "none.key")
    assert '"bad-host"' in refused(*where, "--host", "no such host")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert '"no-address"' in refused("--home", str(home.folder), "--port", str(taken.getsockname()[1]))


def test_who_listens_does_not_hold_up_the_end(home: Home) -> None:
    bearer = token(home.folder)
    with serving(home.folder) as running:
        socks = [listen(running, bearer) for _ in range(5)]
        began = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - began < GRACE_SECONDS
        for sock in socks:
            assert drain(sock).endswith(b"0\r\n\r\n")
            sock.close()


def test_a_request_in_flight_is_finished(home: Home) -> None:
    bearer = token(home.folder)
    entry = system(home, "alice", "credit")
    body = b'{"entries":[' + entry + b'],"disclosures":[]}'
    with serving(home.folder) as running, running.connect() as sock:
        begin(sock, bearer, len(body))
        sock.sendall(body[:100])
        running.process.send_signal(signal.SIGTERM)
        wait_until_closed(running)
        sock.sendall(body[100:])
        assert b"200 OK" in drain(sock)
        assert running.process.wait(PATIENCE_SECONDS) == 0
    with home.open().view() as view:
        assert view.size == 3


def test_the_second_signal_ends_it_at_once(home: Home) -> None:
    bearer = token(home.folder)
    with serving(home.folder) as running, running.connect() as sock:
        sock.sendall(b"POST /v1/entries HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        with running.connect() as waiting:
            begin(waiting, bearer, 100)
            running.process.send_signal(signal.SIGINT)
            wait_until_closed(running)
            assert running.process.poll() is None
            assert running.stop(signal.SIGINT) == 130


def test_systemd_is_told(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.settimeout(PATIENCE_SECONDS)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        with serving(home.folder) as running:
            assert listening.recv(100) == b"READY=1"
            assert running.stop() == 0
            assert listening.recv(100) == b"STOPPING=1"


def test_old_tls_is_refused_and_new_tls_is_not(home: Home, tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    with serving(home.folder, "--tls-certificate", str(pem), "--tls-key", str(key)) as running:
        assert running.url.startswith("https://")
        for version, works in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl.create_default_context(cafile=str(pem))
            # OpenSSL itself would not speak the old one otherwise.
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = context.maximum_version = version
            with running.connect() as sock:
                if works:
                    with context.wrap_socket(sock, server_hostname="127.0.0.1") as secure:
                        assert secure.version() == version.name.replace("_", ".")
                else:
                    with pytest.raises((ssl.SSLError, ConnectionError)):
                        context.wrap_socket(sock, server_hostname="127.0.0.1")


def test_readers_hand_over_what_is_submitted(several: tuple[Home, Running]) -> None:
    home, running = several
    bearer = token(home.folder)
    for number in range(8):
        answer = running.submit(system(home, "alice", f"one-{number}"), bearer)
        assert answer.status == 200, answer.body
        assert answer.json["verdicts"][0]["decision"] == "admitted"
    assert running.submit(b'{"payload":"x"}', bearer).status == 400


def test_whoever_asks_for_figures_gets_those_of_every_process(several: tuple[Home, Running]) -> None:
    home, running = several
    text = running.get("/metrics", authorization=f"Bearer {token(home.folder, 'read')}").body.decode()
    for worker in ("writer", "1", "2"):
        assert f'muniment_memory_bytes{{worker="{worker}"}}' in text
    assert text.count("# HELP muniment_tree_entries ") == 1


def test_a_process_that_dies_is_replaced_and_nothing_acknowledged_is_lost(several: tuple[Home, Running]) -> None:
    home, running = several
    bearer = token(home.folder)
    said: list[str] = []
    before = children(running)
    assert len(before) == 3
    for process in before:
        os.kill(process, signal.SIGKILL)
        for number in range(5):
            entry = system(home, "alice", f"kill-{process}-{number}")
            until = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < until:
                try:
                    answer = running.submit(entry, bearer)
                except OSError:
                    continue
                assert answer.status in (0, 200, 503), answer
                if answer.status == 503:
                    assert answer.headers["retry-after"]
                    assert answer.json["code"] == "writer-away"
                    time.sleep(0.05)
                if answer.status == 200:
                    said.append(answer.json["verdicts"][0]["eventId"])
                    break
    until = time.monotonic() + PATIENCE_SECONDS
    while len(children(running)) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(children(running)) == 3
    assert len(said) == len(set(said)) == 15
    with home.open().view() as view:
        assert None not in [view.find(each) for each in said]


def test_several_processes_end_together(home: Home) -> None:
    bearer = token(home.folder)
    with serving(home.folder, "--workers", "2") as running:
        mine = children(running)
        with listen(running, bearer) as sock:
            assert running.stop() == 0
            assert drain(sock).endswith(b"0\r\n\r\n")
        assert len(mine) == 3
        assert not [each for each in mine if Path(f"/proc/{each}").exists()]
        assert not list((home.folder / "server").glob("run/*"))


def test_processes_do_not_outlive_their_supervisor(home: Home) -> None:
    with serving(home.folder, "--workers", "2") as running:
        mine = children(running)
        running.process.kill()
        running.process.wait()
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until and [each for each in mine if Path(f"/proc/{each}").exists()]:
            time.sleep(0.05)
        assert not [each for each in mine if Path(f"/proc/{each}").exists()]
