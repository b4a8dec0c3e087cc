"""`muniment serve` as a process of its own, on a free port, and raw connections to it."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from muniment.client.home import Home
from muniment.core.format import dsse, time
from muniment.core.rules import events
from muniment.ledger import signers
from muniment.ledger.embedded import system_clock
from muniment.ledger.ids import new_event_id
from muniment.server.access import store
from muniment.server.access.tokens import Tokens, Wish
from muniment.server.caller import Scope
from muniment.server.process import options

PATIENCE_SECONDS = 90.0
NAMED_PORTS = (11_000, 32_000)
"""Below those that Linux gives to outgoing connections and to whoever binds port 0."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now, and that the system gives to nobody who asks it for any: they are bound later."""
    with ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            each = stack.enter_context(socket.socket())
            port = random.SystemRandom().randrange(*NAMED_PORTS)
            with suppress(OSError):
                each.bind(("127.0.0.1", port))
                found.append(port)
        return found


class Running:
    """A server in a process. `greeting` is what it said at its start, `log` what it wrote to standard error."""

    def __init__(self, process: subprocess.Popen[str], greeting: dict[str, Any], log: Path) -> None:
        self.process = process
        self.greeting = greeting
        self.url: str = greeting["url"]
        host, _, port = self.url.partition("://")[2].rpartition(":")
        self.address = (host, int(port))
        self.log = log

    def connect(self) -> socket.socket:
        """A raw connection."""
        return socket.create_connection(self.address, timeout=PATIENCE_SECONDS)

    def get(self, path: str, **headers: str) -> Answer:
        """The answer to a plain request on a connection of its own."""
        with self.connect() as sock:
            lines = [f"GET {path} HTTP/1.1", "host: x", "connection: close", *(f"{key}: {value}" for key, value in headers.items())]
            sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            return parse(drain(sock))

    def submit(self, entry: bytes, bearer: str) -> Answer:
        """The answer to one submitted event."""
        body = b'{"entries":[' + entry + b'],"disclosures":[]}'
        head = f"POST /v1/entries HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {bearer}\r\n"
        with self.connect() as sock:
            sock.sendall(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            return parse(drain(sock))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end: the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def lines(self) -> list[dict[str, Any]]:
        """The log, parsed."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


class Answer(NamedTuple):
    """What a server sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def parse(raw: bytes) -> Answer:
    """An answer that came as a whole, with a length or to the end of the connection. No answer at all is status 0."""
    if not raw:
        return Answer(0, {}, b"")
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(first.split(" ")[1]), headers, body[: int(headers.get("content-length", len(body)))])


def drain(sock: socket.socket) -> bytes:
    """Everything until the other side ends the connection; a reset is an end too."""
    found = b""
    try:
        while part := sock.recv(1 << 16):
            found += part
    except ConnectionError:
        pass
    return found


@contextmanager
def serving(home: Path | None, *options: str, config: str = "") -> Iterator[Running]:
    """Serve a ledger until the block ends; without one, those that `config` names, the text of a server.toml."""
    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder, "server.toml"), Path(folder, "log")
        file.write_text(config)
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("MUNIMENT_")},
            "XDG_STATE_HOME": folder,
            "XDG_CONFIG_HOME": folder,
            "PYTHONFAULTHANDLER": "1",
        }
        where = [] if home is None else ["--home", str(home)]
        command = [sys.executable, "-m", "muniment", "serve", *where, "--port", "0", "--config", str(file), "--json"]
        with log.open("w") as errors:
            process = subprocess.Popen(
                [*command, *options], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=folder
            )
        assert process.stdout is not None
        guard = threading.Timer(PATIENCE_SECONDS, process.kill)
        guard.start()
        try:
            said = process.stdout.readline()
            guard.cancel()
            assert said, log.read_text()
            yield Running(process, json.loads(said), log)
        finally:
            guard.cancel()
            process.stdout.close()
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(PATIENCE_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def token(home: Path, *scopes: Scope) -> str:
    """A token for the server of a ledger, made as an administrator makes one."""
    file = store.open(home / options.STATE)
    try:
        return Tokens(file).create(Wish(name="test", scopes=scopes or ("admin",)), "test").token
    finally:
        file.close()


def system(home: Home, signer: str, name: str, *, actor: str = "") -> bytes:
    """A signed event that is not recorded yet: a system of this name. `actor` is another than the one whose key signs."""
    ledger = home.load_trust().ledger
    common = {"ledger": ledger, "eventId": new_event_id(), "occurredAt": time.format(system_clock()), "actor": actor or signer}
    event = events.build("system.registered", {**common, "name": name, "operatorRole": "provider"})
    return dsse.encode(dsse.sign(events.encode(event), signers.load_file(home.actor_key(signer))))
