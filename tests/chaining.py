"""A small consortium's ledger behind its application, asked as the engine asks: without the engine, block by block.

chain = Chain.found(tmp_path / "ledger.db", organisations=("lender", "vendor"))
chain.begin()                                      # InitChain
chain.decide(chain.batch(chain.system("scoring"))) # FinalizeBlock; chain.commit() writes it
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp

import makers
import membership
from muniment.core.format import time
from muniment.core.rules.genesis import Genesis
from muniment.core.rules.members import Publisher
from muniment.ledger.store.file import Store
from muniment.node.abci.proto import keys_pb2 as keys
from muniment.node.abci.proto import params_pb2 as params
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.chain import batch
from muniment.node.chain.application import Application, Committed
from muniment.node.chain.opened import Opened
from muniment.node.chain.session import Session
from muniment.node.engine.genesis_json import AppState

PROTOCOL = 1
_numbers = count(1)


def founding(organisations: Sequence[str]) -> Genesis:
    """The genesis of a small ledger that belongs to several organisations, of which the first publishes with the log's key."""
    return membership.founding(organisations, Publisher(key=makers.LOG.public_key.hex(), organisation=organisations[0]))


def stamp(microseconds: int) -> Timestamp:
    """A time of the engine."""
    return Timestamp(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1_000)


class Chain:
    """The engine's side of one application over the ledger in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.height = 0
        self.now = makers.NOON + 60_000_000
        self.told: list[Committed] = []
        self.doubts: list[str] = []
        self.halted: list[str] = []
        self.retained = 0
        self.peers: set[str] = set()
        self.restart()

    @classmethod
    def found(cls, path: Path, organisations: Sequence[str] = ("lender",)) -> Chain:
        """Make the ledger, and begin."""
        Store.create(path, founding(organisations), time.format(makers.NOON), makers.seal).close()
        return cls(path)

    def restart(self) -> None:
        """What a new process knows: nothing but the file."""
        if hasattr(self, "store"):
            self.store.close()
        self.store = Store.open(self.path)
        self.opened = Opened()
        self.application = Application(
            self.store,
            makers.seal,
            self.opened,
            protocol=PROTOCOL,
            on_commit=self.told.append,
            retain=lambda height: self.retained,
            known=lambda peer: peer in self.peers,
            clock=lambda: self.now,
            tell_clock=self.doubts.append,
            halt=self.halted.append,
        )
        self.reconnect()

    def reconnect(self) -> None:
        """What a new engine finds: the same application, and connections of its own."""
        self.session = Session(self.application)

    @property
    def ledger(self) -> str:
        """The ledger's id."""
        with self.store.view() as view:
            return view.position.ledger

    @property
    def root(self) -> bytes:
        """The root over all entries: the application hash."""
        with self.store.view() as view:
            return view.position.frontier.root()

    @property
    def size(self) -> int:
        """How many entries there are."""
        with self.store.view() as view:
            return view.size

    def ask(self, **question: object) -> abci.Response:
        """Put one question to the connection."""
        return self.session(abci.Request(**question))  # type: ignore[arg-type]

    def start(self) -> AppState:
        """The `app_state` of a chain that begins with the ledger as it is."""
        with self.store.view() as view:
            return AppState.of(view.position)

    def begin(self, start: AppState | None = None, organisations: Sequence[str] = ("lender",), protocol: int = PROTOCOL) -> bytes:
        """InitChain; returns the application hash."""
        powers = [
            abci.ValidatorUpdate(pub_key=keys.PublicKey(ed25519=bytes.fromhex(membership.member(each).key)), power=1)
            for each in organisations
        ]
        request = abci.RequestInitChain(
            time=stamp(makers.NOON),
            chain_id="muniment-test",
            consensus_params=params.ConsensusParams(version=params.VersionParams(app=protocol)),
            validators=powers,
            app_state_bytes=msgspec.json.encode(start or self.start()),
            initial_height=1,
        )
        return self.ask(init_chain=request).init_chain.app_hash

    def sign(self, name: str, /, **fields: object) -> bytes:
        """A signed event of this ledger."""
        return makers.sign(self.ledger, name, **fields)  # type: ignore[arg-type]

    def system(self, name: str = "") -> bytes:
        """The smallest event that there is."""
        return self.sign("system.registered", name=name or f"system-{next(_numbers)}", operatorRole="provider")

    def batch(self, *entries: bytes) -> bytes:
        """A transaction of these events; of one new event where none is named."""
        return batch.encode(next(_numbers).to_bytes(batch.NONCE_BYTES, "big"), entries or (self.system(),))

    def propose(self, *txs: bytes, room: int = 1 << 24, at: int | None = None) -> list[bytes]:
        """PrepareProposal: the transactions of the next block, the first of which says its time."""
        asked = abci.RequestPrepareProposal(txs=txs, max_tx_bytes=room, time=stamp(self.now if at is None else at))
        return list(self.ask(prepare_proposal=asked).prepare_proposal.txs)

    def accepts(self, *txs: bytes, at: int | None = None, name: bytes = b"") -> bool:
        """ProcessProposal of a block with these transactions, whose hash is `name`."""
        asked = abci.RequestProcessProposal(txs=txs, time=stamp(self.now if at is None else at), hash=name)
        return self.ask(process_proposal=asked).process_proposal.status == abci.ResponseProcessProposal.ACCEPT

    def decide(
        self, *txs: bytes, at: Timestamp | None = None, faults: Sequence[abci.Misbehavior] = ()
    ) -> abci.ResponseFinalizeBlock:
        """FinalizeBlock of the next height; asked again, of the same one."""
        request = abci.RequestFinalizeBlock(
            txs=txs, height=self.height + 1, time=at or stamp(self.now), misbehavior=faults, hash=bytes(32)
        )
        return self.ask(finalize_block=request).finalize_block

    def commit(self) -> int:
        """Commit; returns the height from which on the engine keeps its blocks."""
        answer = self.ask(commit=abci.RequestCommit())
        self.height += 1
        self.now += 1_000_000
        return answer.commit.retain_height

    def block(self, *txs: bytes, **rest: object) -> abci.ResponseFinalizeBlock:
        """A whole block."""
        answer = self.decide(*txs, **rest)  # type: ignore[arg-type]
        self.commit()
        return answer

    def info(self) -> tuple[int, bytes]:
        """Info: the last committed height and hash."""
        answer = self.ask(info=abci.RequestInfo()).info
        assert answer.app_version == PROTOCOL
        return answer.last_block_height, answer.last_block_app_hash
