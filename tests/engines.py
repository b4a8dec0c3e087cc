"""CometBFT as it is, four of them on this machine, over applications in this process: a chain without HTTP and supervisor.

with engines.chain(folder, 4) as chain:
    for node in chain.nodes: node.start()
    chain.submit(entries)
    chain.settle()                              # all that run stand at one height
    late = chain.join()                         # a fifth engine, no validator, with the ledger as it was founded
    late.start(state_sync=...)
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

import makers
import membership
import processes
from muniment.core.rules import members
from muniment.core.rules.genesis import Genesis
from muniment.core.rules.members import Member, Validators
from muniment.errors import NotFound
from muniment.ledger.store.file import Seal, Store
from muniment.ledger.store.marks import Mark
from muniment.node.abci.server import Server
from muniment.node.chain import batch
from muniment.node.chain.application import Application, OnCommit, keep_all
from muniment.node.chain.opened import Opened
from muniment.node.chain.session import Session
from muniment.node.engine import binary, config_toml, genesis_json
from muniment.node.engine.config_toml import EngineSettings, StateSync
from muniment.node.engine.genesis_json import AppState
from muniment.node.founding import engine_keys
from muniment.node.places import NodePlaces
from muniment.node.snapshots import Snapshots

BEGIN = "2026-11-23T12:00:00.000000Z"
PATIENCE_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""


def find_engine() -> Path:
    """The program. Where it is missing the test fails: `make test` installs it."""
    try:
        return binary.find(os.environ).path
    except NotFound as error:
        pytest.fail(f"{error}: {error.hint}")


def answers(node: Node) -> bool:
    """Does an engine answer, and does it know the others?"""
    with suppress(OSError, ValueError, KeyError):
        return int(node.ask("net_info")["result"]["n_peers"]) >= len(node.peers)
    return False


class Node:
    """An engine and its application, in a home as a real node has it, without what people edit. Keys that are there are taken."""

    def __init__(self, home: Path, name: str, program: Path) -> None:
        self.home = home
        self.name = name
        self.rpc, self.p2p = processes.free_ports(2)
        self.retain: Callable[[int], int] = keep_all
        self.failures: list[Exception] = []
        self._program = program
        self.peers: tuple[str, ...] = ()
        self._server: Server | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.seal: Seal = makers.seal
        self.on_commit: OnCommit = lambda _: None
        places = NodePlaces(home)
        (self.engine / "config").mkdir(parents=True, exist_ok=True)
        (self.engine / "data").mkdir(exist_ok=True)
        new = not places.validator_key.exists()
        self.signer = (engine_keys.create_validator if new else engine_keys.load)(places.validator_key)
        identity = (engine_keys.create_engine if new else engine_keys.load)(places.engine_node_key)
        self.id = members.address(identity.public_key.hex())
        engine_keys.begin_state(places.validator_state)

    @property
    def member(self) -> Member:
        """Who it votes for."""
        return msgspec.structs.replace(membership.member(self.name), key=self.signer.public_key.hex())

    @property
    def engine(self) -> Path:
        return NodePlaces(self.home).engine

    @property
    def store(self) -> Store:
        """Open while the node runs."""
        assert self._store is not None
        return self._store

    @property
    def log(self) -> str:
        return (self.home / "engine.log").read_text(errors="replace")

    def settle_in(self, genesis: str, founded: Path, peers: Sequence[Node]) -> None:
        """Give the node what it starts from."""
        (self.engine / "config" / "genesis.json").write_text(genesis)
        (self.home / "ledger.db").write_bytes(founded.read_bytes())
        self.peers = tuple(f"{each.id}@127.0.0.1:{each.p2p}" for each in peers if each is not self)

    def start(self, state_sync: StateSync | None = None, snapshots: Callable[[Store], Snapshots] | None = None) -> None:
        """Start the application, then the engine."""
        path = self.home / "abci.sock"
        self.opened = Opened()
        self._store = Store.open(self.home / "ledger.db")
        self._aside = Store.open(self.home / "ledger.db")
        exchange = snapshots(self._aside) if snapshots else Snapshots(self._aside, self.seal)
        application = Application(
            self._store, self.seal, self.opened, protocol=1, on_commit=self.on_commit, retain=lambda height: self.retain(height)
        )
        self._server = Server(path, lambda: Session(application, exchange), self.failures.append)
        self._server.open()
        settings = EngineSettings(
            name=self.name,
            socket=path,
            p2p=f"127.0.0.1:{self.p2p}",
            rpc=f"127.0.0.1:{self.rpc}",
            peers=self.peers,
            state_sync=state_sync,
        )
        (self.engine / "config" / "config.toml").write_text(config_toml.format(settings))
        with (self.home / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "node", "--home", str(self.engine)], stdout=log, stderr=log, start_new_session=True
            )

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the engine, then the application. Both may be started again."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None
        if self._server is not None:
            self._server.close()
            self._server = None
            self._store.close()
            self._aside.close()

    def signal(self, number: int) -> None:
        """Send the engine a signal, such as to stand still for a while."""
        assert self._process is not None
        self._process.send_signal(number)

    def ask(self, method: str, **params: str) -> Any:
        """A question to the engine; the whole answer."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        return json.loads(self.post(body))

    def post(self, body: bytes) -> bytes:
        """A JSON-RPC request to the engine, and its answer, whatever status it has."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.rpc}", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:
                return bytes(reply.read())
        except urllib.error.HTTPError as error:
            return bytes(error.read())

    def mark(self) -> Mark | None:
        return self.store.mark()

    def rests(self, mark: Mark | None) -> bool:
        """Is this where its engine ends: nothing waits, and the newest block names what came of the one before?

        After a block that changed something the engine makes one more.
        """
        with suppress(OSError, ValueError, KeyError):
            if mark is None or int(self.ask("num_unconfirmed_txs")["result"]["n_txs"]):
                return False
            newest = self.ask("status")["result"]["sync_info"]
            told = (int(newest["latest_block_height"]), newest["latest_app_hash"].lower())
            return told == (mark.height, mark.root.hex()) and self.mark() == mark
        return False

    def wait(self, holds: Callable[[Node], bool], seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until something holds of this node."""
        deadline = time.monotonic() + seconds
        while not holds(self):
            assert time.monotonic() < deadline, f"{self.name} did not get there; mark {self.mark()}\n{self.log[-4000:]}"
            assert not self.failures, self.failures
            time.sleep(0.05)


def format_genesis(store: Store, begun: str, nodes: Sequence[Node]) -> str:
    """What the engines of these nodes begin with, over a ledger that was founded."""
    with store.view() as view:
        start = AppState.of(view.position)
    return genesis_json.format(
        time=begun, protocol=1, validators=[(node.name, node.signer.public_key.hex()) for node in nodes], state=start
    )


class Chain:
    """Members' nodes, and whoever joins them."""

    def __init__(self, folder: Path, count: int, program: Path, state: Callable[[Genesis], Genesis]) -> None:
        self.folder = folder
        self._program = program
        self.nodes = [Node(folder / f"n{number}", f"org-{number}", program) for number in range(count)]
        self.validators = Validators(members=tuple(node.member for node in self.nodes))
        genesis = state(msgspec.structs.replace(makers.founding(), members=self.validators.members))
        self.founded = folder / "founded.db"
        store = Store.create(self.founded, genesis, BEGIN, makers.seal)
        with store.view() as view:
            self.ledger = view.position.ledger
        self.genesis = format_genesis(store, BEGIN, self.nodes)
        store.close()
        for node in self.nodes:
            node.settle_in(self.genesis, self.founded, self.nodes)

    @property
    def chain_id(self) -> str:
        return genesis_json.name_chain(self.ledger)

    def join(self, name: str = "late") -> Node:
        """A further engine, which does not vote."""
        node = Node(self.folder / name, name, self._program)
        node.settle_in(self.genesis, self.founded, self.nodes)
        self.nodes.append(node)
        return node

    def systems(self, count: int) -> list[bytes]:
        """So many signed events."""
        return [
            makers.sign(self.ledger, "system.registered", name=f"s-{makers.next_id()}", operatorRole="provider")
            for _ in range(count)
        ]

    def submit(self, entries: Sequence[bytes], node: int = 0) -> None:
        """Hand a batch to an engine."""
        raw = batch.encode(os.urandom(batch.NONCE_BYTES), entries)
        answer = self.nodes[node].ask("broadcast_tx_sync", tx=base64.b64encode(raw).decode())
        assert answer.get("result", {}).get("code") == 0, answer

    def grow(self, events: int, batch_events: int = 50, *, everywhere: bool = True) -> None:
        """Have so many events committed, at the first node and all others that run."""
        first = self.nodes[0].mark()
        size = (first.size if first else 1) + events
        while events > 0:
            taken = min(batch_events, events)
            self.submit(self.systems(taken))
            events -= taken
        self.nodes[0].wait(lambda node: (mark := node.mark()) is not None and mark.size >= size)
        if everywhere:
            self.settle()

    def settle(self, seconds: float = PATIENCE_SECONDS) -> Mark:
        """Wait until all that run stand at one height, and have nothing to do any more."""
        deadline = time.monotonic() + seconds
        while True:
            running = [node for node in self.nodes if node._process is not None]
            found = {node.name: node.mark() for node in running}
            mark = next(iter(found.values()))
            if len(set(found.values())) == 1 and all(node.rests(mark) for node in running):
                assert mark is not None
                return mark
            assert time.monotonic() < deadline, found
            time.sleep(0.05)


@contextmanager
def chain(folder: Path, count: int = 4, state: Callable[[Genesis], Genesis] = lambda genesis: genesis) -> Iterator[Chain]:
    """A chain whose nodes are stopped at the end, however it ends."""
    made = Chain(folder, count, find_engine(), state)
    try:
        yield made
    finally:
        for node in made.nodes:
            node.stop(signal.SIGKILL)
