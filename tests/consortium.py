"""Several organisations on this machine, each with a node of real processes: supervisor, application, CometBFT.

with consortium.running(tmp_path) as them:
    them.bank.submit(them.system("bank", "scoring"))
    them.lab.kill("engine")
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time as clocks
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

import founders
import processes
from muniment.client.home import Home
from muniment.core.format import dsse, time
from muniment.core.proof.trust import Trust
from muniment.core.rules import events
from muniment.ledger import signers
from muniment.ledger.embedded import system_clock
from muniment.ledger.ids import new_event_id
from muniment.ledger.store.file import Store
from muniment.node.founding import drafting
from muniment.node.homes import NodeHome

ORIGIN = "example.com/credit"
ORGANISATIONS = ("bank", "lab", "source", "watch")
START_SECONDS = 180.0
PATIENCE_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""
UNAVAILABLE = 503


class Node:
    """One organisation's node. It may be stopped, killed in parts, and started again."""

    def __init__(self, home: Path, organisation: str, person: str, folder: Path) -> None:
        self.home = NodeHome(home)
        self.organisation = organisation
        self.person = person
        self.log = folder / f"{organisation}.log"
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.greeting: dict[str, Any] = {}
        self.url = f"http://{self.home.load_settings().listen}"
        self.token = processes.token(home, "admin")
        self._caller = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=PATIENCE_SECONDS, trust_env=False
        )

    @property
    def runs(self) -> bool:
        """Does its supervisor live?"""
        return self._process is not None and self._process.poll() is None

    def start(self, *options: str, environment: dict[str, str] | None = None, program: Sequence[str] = ("-m", "muniment")) -> Node:
        """Start it; `wait` says when it answers."""
        assert not self.runs
        variables = {key: value for key, value in os.environ.items() if not key.startswith("MUNIMENT_") or "COMETBFT" in key}
        variables |= {"XDG_STATE_HOME": str(self._folder / "state"), **(environment or {})}
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, *program, "node", "start", "--home", str(self.home.home), *options],
                stdout=log,
                stderr=log,
                text=True,
                env=variables,
                cwd=self._folder,
                start_new_session=True,
            )
        return self

    def wait(self, seconds: float = START_SECONDS) -> Node:
        """Wait until it answers, and its engine does."""

        def answers_now() -> bool:
            assert self.runs, self.tail()
            with suppress(httpx.HTTPError):
                return self._caller.get("/readyz").status_code == 200
            return False

        until(answers_now, seconds, self.tail)
        return self

    def pid(self, part: str) -> int | None:
        """The process of a part now: supervisor, application, engine."""
        if part == "supervisor":
            return self._process.pid if self.runs and self._process is not None else None
        with suppress(OSError, ValueError):
            found = json.loads((self.home.folder / "processes.json").read_text())
            pid = found.get(part, {}).get("process")
            return int(pid) if pid else None
        return None

    def kill(self, *parts: str) -> None:
        """kill -9 of parts; all of them for a node that loses its power."""
        for part in parts or ("supervisor", "application", "engine"):
            pid = self.pid(part)
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if not parts and self._process is not None:
            self._process.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        """Stop it as an administrator does."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def close(self) -> None:
        """Leave nothing running."""
        if self.runs:
            self.stop()
        self._caller.close()

    def submit(self, *entries: bytes) -> list[dict[str, Any]]:
        """Submit signed events: a verdict each. Raises httpx.HTTPError where the node does not answer or refuses the request."""
        body = b'{"entries":[' + b",".join(entries) + b"]}"
        answered = self._caller.post("/v1/entries", content=body, headers={"Content-Type": "application/json"})
        answered.raise_for_status()
        found: list[dict[str, Any]] = answered.json()["verdicts"]
        return found

    def record(self, *entries: bytes) -> list[dict[str, Any]]:
        """Submit signed events as every client does: again where the node says that it does not know yet.

        The verdicts; what a node could not answer for in time is `repeated` the next time.
        """
        found: list[dict[str, Any]] = []

        def known() -> bool:
            try:
                found.extend(self.submit(*entries))
            except httpx.HTTPStatusError as error:
                if error.response.status_code != UNAVAILABLE:
                    raise
            return bool(found)

        until(known, said=self.tail)
        return found

    def get(self, path: str) -> Any:
        """The JSON of an answer."""
        answered = self._caller.get(path)
        answered.raise_for_status()
        return answered.json()

    def text(self, path: str) -> str:
        """The text of an answer."""
        answered = self._caller.get(path)
        answered.raise_for_status()
        return answered.text

    def standing(self) -> dict[str, Any]:
        """How it stands, by its own word."""
        found: dict[str, Any] = self.get("/v1/standing")
        return found

    def heads(self) -> dict[int, tuple[int, str]]:
        """Size and root of every block, by height, from its file."""
        store = Store.open(self.home.ledger)
        try:
            with store.view() as view:
                found = {}
                for height in range(view.height + 1):
                    size, root = view.checkpoint_at(height).decode().split("\n")[1:3]
                    found[height] = int(size), root
                return found
        finally:
            store.close()

    def tail(self) -> str:
        """The end of its logs, for a failure."""
        engine = self.home.folder / "logs" / "engine.log"
        return "\n".join([self.log.read_text()[-6_000:], engine.read_text()[-3_000:] if engine.exists() else ""])


class Consortium:
    """All nodes, by organisation; `them.bank` is the bank's."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes

    def __getattr__(self, organisation: str) -> Node:
        try:
            return self.nodes[organisation]
        except KeyError:
            raise AttributeError(organisation) from None

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    @property
    def trust(self) -> Trust:
        """Whom an outsider believes."""
        return Home(next(iter(self)).home.home).load_trust()

    def start(self, environment: dict[str, str] | None = None) -> Consortium:
        """Start all, and wait until all answer."""
        for node in self:
            if not node.runs:
                node.start(environment=environment)
        for node in self:
            node.wait()
        return self

    def sign(self, organisation: str, name: str, /, *, actor: str = "", **fields: object) -> bytes:
        """An event signed by somebody of an organisation: its first person, or `actor`."""
        node = self.nodes[organisation]
        who = actor or node.person
        common = {"ledger": self.trust.ledger, "eventId": new_event_id(), "occurredAt": time.format(system_clock()), "actor": who}
        event = events.build(name, {**common, **fields})
        return dsse.encode(dsse.sign(events.encode(event), signers.load_file(Home(node.home.home).actor_key(who))))

    def system(self, organisation: str, name: str) -> bytes:
        """The smallest event there is."""
        return self.sign(organisation, "system.registered", name=name, operatorRole="provider")

    def agree(self, seconds: float = PATIENCE_SECONDS, *nodes: Node) -> dict[int, tuple[int, str]]:
        """Wait until all nodes (or these) have the same history, and return it."""
        asked = nodes or tuple(self)

        def same() -> bool:
            found = [each.heads() for each in asked]
            return all(each == found[0] for each in found)

        until(same, seconds, lambda: str([max(each.heads().items()) for each in asked]))
        return asked[0].heads()


def until(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS, said: Callable[[], str] = lambda: "") -> None:
    """Wait for something that is about to be so."""
    ends = clocks.monotonic() + seconds
    while not condition():
        assert clocks.monotonic() < ends, said()
        clocks.sleep(0.05)


def found(
    folder: Path,
    organisations: Sequence[str] = ORGANISATIONS,
    *,
    policy: str = "team",
    persons: Mapping[str, str] = MappingProxyType({}),
) -> Consortium:
    """Found a consortium: every member joins and seals in a home of its own. Nothing runs yet.

    `policy` is a ready one, or a file's path; `persons` names members' first persons, of whom the others have one called -ada.
    """
    first = {each: persons.get(each, f"{each}-ada") for each in organisations}
    draft = drafting.draft_new(ORIGIN, organisations, time.format(system_clock() - 1_000_000), policy, sorted(organisations)[0])
    ports = iter(processes.free_ports(3 * len(organisations)))
    told = []
    for each in draft.members:
        http, p2p, rpc = (f"127.0.0.1:{next(ports)}" for _ in range(3))
        at = {"url": f"http://{http}", "p2p": p2p, "p2p_listen": p2p, "listen": http, "rpc": rpc}
        told.append(founders.join(folder, draft, each, person=first[each], **at))
    for each in draft.members:
        founders.seal(folder, draft, each, told, system_clock)
    return Consortium({each: Node(folder / each, each, first[each], folder) for each in draft.members})


@contextmanager
def running(
    folder: Path, organisations: Sequence[str] = ORGANISATIONS, *, environment: dict[str, str] | None = None, **said: Any
) -> Iterator[Consortium]:
    """Found a consortium, run it, and leave nothing running."""
    with alone():
        them = found(folder, organisations, **said)
        try:
            yield them.start(environment)
        finally:
            for each in them:
                each.close()


@contextmanager
def alone() -> Iterator[None]:
    """One consortium at a time on this machine: with two cores, eight nodes would wait for each other and prove nothing."""
    with Path(tempfile.gettempdir(), "muniment-consortium.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
