"""`kill -9` of the server while 16 clients record through the SDK: they recover by themselves, nothing is lost, nothing doubled.

In full (`--long`) 50 times, in short 5 times. One process or several; with several the writer, a reader or the supervisor dies.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import time as clocks
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from muniment.client import home as homes
from muniment.client.home import Home
from muniment.core.format import dsse, statement
from muniment.core.format.statement import Sealed
from muniment.core.proof.verify.receipt import verify_receipt
from muniment.core.proof.verify.statement import find_sealed
from muniment.index import Index
from muniment.ledger.audit import audit
from muniment.ledger.embedded import Embedded
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck
from muniment.vault import Vault
from processes import Running, serving, token
from team import Client, Told, stop

CLIENTS = 16
SHORT = ("alone", "writer", "reader", "supervisor", "alone")
LONG = SHORT * 10
RECOVERY_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""


def test_kill_under_load(tmp_path: Path, long: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    home = homes.found(tmp_path / "ledger", origin="example.com/killed", actor="alice")
    bearer = token(home.folder, "read", "write")
    random_ = random.Random(20_261_123)
    port = find_port(random_)
    with working(home, f"http://127.0.0.1:{port}", bearer, tmp_path) as team:
        for round_, victim in enumerate(LONG if long else SHORT):
            strike(home, port, victim, team, random_, bearer)
            if not long or round_ % 5 == 0:
                assert fsck(home.store, home.load_trust().log_keys[0]).findings == ()
            if round_ % 5 == 1:
                # Sometimes the outage outlasts every client's patience, and what it records waits in its spool.
                clocks.sleep(4.0)
        with restarted(home, port) as server:
            stop(team)
            assert server.stop() == 0
        check(home, [each.told() for each in team], tmp_path)


def find_port(random_: random.Random) -> int:
    """A port that no caller is given by the system, or one that calls a server that is away might be connected to itself."""
    while True:
        port = random_.randrange(20_000, 30_000)
        with socket.socket() as trying, suppress(OSError):
            trying.bind(("127.0.0.1", port))
            return port


@contextmanager
def working(home: Home, url: str, bearer: str, folder: Path) -> Iterator[list[Client]]:
    """The clients, who begin although the server is still away."""
    team: list[Client] = []
    try:
        for number in range(CLIENTS):
            team.append(Client(folder / f"client-{number}", url, bearer, home.actor_key("alice"), home.trust))
        yield team
    finally:
        for each in team:
            each.kill()


def strike(home: Home, port: int, victim: str, team: list[Client], random_: random.Random, bearer: str) -> None:
    """Serve until every client has a receipt, and kill; the read model was asked something, so that it is at work."""
    with restarted(home, port, *(() if victim == "alone" else ("--workers", "2"))) as server:
        recover(team, clocks.monotonic())
        assert server.get("/v1/events?limit=1", authorization=f"Bearer {bearer}").status == 200
        clocks.sleep(random_.uniform(0, 0.5))
        if victim in ("alone", "supervisor"):
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()
        else:
            writer, *readers = children(server.process.pid)
            os.kill(writer if victim == "writer" else readers[0], signal.SIGKILL)
            # Its place is taken by another one, and nobody has to do anything.
            recover(team, clocks.monotonic())
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()


@contextmanager
def restarted(home: Home, port: int, *options: str) -> Iterator[Running]:
    """The server again, as a service manager starts it: until it stands, since workers of a killed one may take a moment to end."""
    until = clocks.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            running = serving(home.folder, "--port", str(port), *options)
            server = running.__enter__()
            break
        except AssertionError:
            assert clocks.monotonic() < until
    try:
        yield server
    finally:
        lines = server.log.read_text().splitlines()
        with (home.folder.parent / "log").open("a") as kept:
            kept.writelines(f"{line}\n" for line in lines)
        running.__exit__(None, None, None)
    told = [line for line in lines if "a request failed" in line]
    assert told == []


def children(process: int) -> list[int]:
    """The processes of a supervisor, in the order in which it started them: the writer first."""
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def recover(team: list[Client], since: float) -> None:
    """Wait until every client was acknowledged something after a moment."""
    until = clocks.monotonic() + RECOVERY_SECONDS
    for each in team:
        while not any(told.receipt and told.moment > since for told in reversed(each.told()[-20:])):
            assert clocks.monotonic() < until, f"{each.folder.name} does not recover since {since}: {each.told()[-3:]}"
            clocks.sleep(0.02)


def check(home: Home, told: list[list[Told]], folder: Path) -> None:
    """What was acknowledged verifies; what was recorded is there, once; what opens it is in the vault; the index is right."""
    trust = home.load_trust()
    assert fsck(home.store, trust.log_keys[0], beside={"vault": Vault(home.vault).check}).findings == ()
    engine = Embedded(Store.open(home.store), None)
    assert audit(engine.view, trust.log_keys[0]).replayed
    with engine.view() as view:
        entries = {index: raw for index, raw in view.entries(0, view.size) if raw.startswith(b'{"payload"')}
        predicates = {
            index: msgspec.json.decode(statement.predicate_of(dsse.decode(raw).payload)) for index, raw in entries.items()
        }
        check_index(home, view, folder)
    engine.close()
    times = Counter(str(each["eventId"]) for each in predicates.values())
    assert max(times.values()) == 1
    said = [one for each in told for one in each]
    # Whether acknowledged at once or kept in a spool: it is there. Nothing else is.
    assert {one.event_id for one in said} == set(times)
    acknowledged = [one for one in said if one.receipt]
    assert min(sum(1 for one in each if one.receipt) for each in told) > 0
    for one in acknowledged:
        verify_receipt(one.receipt, trust, entry=entries[one.index])
        assert predicates[one.index]["eventId"] == one.event_id
    vault, texts = Vault(home.vault), Counter[str]()
    for predicate in predicates.values():
        for _, sealed in find_sealed(predicate):
            texts[str(vault.disclose(Sealed(sealed)))] += 1
    assert texts == Counter(one.text for one in said if one.text)
    assert len(acknowledged) < len(said)


def check_index(home: Home, view: object, folder: Path) -> None:
    """The read model that went through every kill answers as one that is built anew."""
    answers = []
    for path in (home.index, folder / "rebuilt.db"):
        index = Index(path)
        index.follow(view)  # type: ignore[arg-type]
        names = [row.name for row in index.datasets()]
        listed = [index.data(name) for name in names]
        streams = [f"dataset/{name}" for name in names] + [f"data/{row.digest}" for rows in listed for row in rows]
        found = (index.size, index.events(limit=1_000_000), index.datasets(), listed, index.actors(), index.keys_of())
        answers.append(msgspec.json.encode((found, [index.stream_indices(each) for each in streams])))
        index.close()
    assert answers[0] == answers[1]
