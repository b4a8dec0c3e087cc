"""Laws of the application: what an engine decided comes to the same on every node, however odd it is and however often it is asked.

Two applications get the same blocks: one as they come, the other one asked twice, restarted, told of other proposals in between and
of the faults in another order. The second implementation (`tests/second`) runs what they wrote again.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import machine as machines
import membership
from chaining import Chain, stamp
from muniment.core.rules import members
from muniment.node.abci.proto import types_pb2 as abci
from second import machine as second

ORGANISATIONS = ("bank", "lender")
OTHERS = (*ORGANISATIONS, "tuv")
BLOCKS = 10
ODD_TIMES = tuple(
    Timestamp(seconds=seconds, nanos=nanos)
    for seconds, nanos in (
        (-62_135_596_801, 0),
        (-62_135_596_800, 0),
        (-(1 << 63), 0),
        (0, -1),
        (0, 0),
        (1_795_435_200, 999),
        (253_402_300_799, 999_999_999),
        (253_402_300_800, 0),
        ((1 << 63) - 1, 0),
    )
)
ODD_HEIGHTS = (-(1 << 63), -1, 0, 1, 5, (1 << 53) - 1, 1 << 53, (1 << 63) - 1)
stories = settings(
    max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.reuse, Phase.generate)
)


class Engine:
    """What the engine knows, and what it hands over: nonsense as well."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.powers = {membership.member(each).key: 1 for each in ORGANISATIONS}
        self.addresses = [bytes.fromhex(members.address(key)) for key in self.powers]

    def misbehave(self) -> abci.Misbehavior:
        """Evidence, most of it odd."""
        chance = self.random
        address = chance.choice((*self.addresses, b"", bytes(19), bytes(21), chance.randbytes(20)))
        return abci.Misbehavior(
            type=chance.choice((0, 1, 1, 1, 2)),
            validator=abci.Validator(address=address, power=chance.choice((0, 1, -1))),
            height=chance.choice(ODD_HEIGHTS),
            time=chance.choice(ODD_TIMES),
        )

    def transaction(self, chain: Chain) -> bytes:
        """A transaction, good, refused or broken."""
        chance = self.random
        kind = chance.random()
        if kind < 0.2:
            return chance.randbytes(chance.randint(0, 60))
        if kind < 0.5:
            return chain.batch()
        name, change = chance.choice(OTHERS), chance.choice(("admit", "publish", "remove", "rotate"))
        keys = {each: machines.member_key(name, f"{each} {chance.randint(0, 1)}") for each in ("vote", "sign", "publish")}
        said: dict[str, Any] = {
            "admit": {"validatorKey": keys["vote"], "cosignerKey": keys["sign"]},
            "publish": {"publisherKey": keys["publish"]},
            "remove": {},
            "rotate": {"validatorKey": keys["vote"]},
        }[change]
        return chain.batch(chain.sign("member.changed", member=name, change=change, **said), chain.system())

    def obey(self, updates: Any) -> None:
        """What would halt CometBFT: a key removed that it does not know, or no validator left."""
        for each in updates:
            key = each.pub_key.ed25519.hex()
            assert (key in self.powers) == (each.power == 0)
            if each.power:
                self.powers[key] = each.power
                self.addresses.append(bytes.fromhex(members.address(key)))
            else:
                del self.powers[key]
        assert self.powers


def ask_oddly(chain: Chain, chance: random.Random, txs: list[bytes]) -> None:
    """What a node may be asked, or go through, before a block is decided."""
    if chance.random() < 0.4:
        chain.decide(*reversed(txs), at=stamp(chain.now))
    if chance.random() < 0.3:
        chain.restart()
    elif chance.random() < 0.3:
        chain.reconnect()
    for each in txs if chance.random() < 0.5 else ():
        chain.ask(check_tx=abci.RequestCheckTx(tx=each))


def play(engine: Engine, one: Chain, other: Chain) -> None:
    """A block, decided for both."""
    chance = engine.random
    txs = [engine.transaction(one) for _ in range(chance.randint(0, 3))]
    txs += txs[:1] if chance.random() < 0.2 else []
    at = chance.choice(ODD_TIMES) if chance.random() < 0.3 else stamp(one.now)
    faults = [engine.misbehave() for _ in range(chance.choice((0, 0, 1, 3, 100)))]
    answer = one.decide(*txs, at=at, faults=faults)
    ask_oddly(other, chance, txs)
    for _ in range(chance.choice((1, 1, 2))):
        assert other.decide(*txs, at=at, faults=chance.sample(faults, len(faults))) == answer
    engine.obey(answer.validator_updates)
    one.commit()
    other.commit()
    assert one.info() == other.info() == (one.height, one.root)
    assert one.root == answer.app_hash


def run_again(chain: Chain) -> None:
    """Everything that was written follows by the second implementation, byte for byte."""
    with chain.store.view() as view:
        raws = [raw for _, raw in view.entries(0, view.size)]
    ledger, waiting = second.Ledger.found(raws[0]), list[bytes]()
    for raw in raws[1:]:
        if raw.startswith(b'{"payload"'):
            waiting.append(raw)
            continue
        told = json.loads(raw)
        header, _ = ledger.run(told["time"], waiting, told.get("evidence", []))
        assert header == raw
        waiting = []
    assert not waiting


@stories
@given(seed=st.integers(0, 2**32))
def test_two_nodes_never_differ(seed: int) -> None:
    engine = Engine(seed)
    with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
        one, other = (Chain.found(Path(folder) / "ledger.db", ORGANISATIONS) for folder in (here, there))
        assert one.begin(organisations=ORGANISATIONS) == other.begin(organisations=ORGANISATIONS)
        for _ in range(BLOCKS):
            play(engine, one, other)
        run_again(one)
        with one.store.view() as mine, other.store.view() as theirs:
            assert (mine.checkpoint, mine.size) == (theirs.checkpoint, theirs.size)
        one.store.close()
        other.store.close()
