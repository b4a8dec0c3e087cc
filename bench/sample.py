"""The ledgers that are measured: one actor, many systems, and notes about two of them at random.

A note is an envelope of about 1,190 bytes. Beside `acts/<actor>`, which every event touches, it touches two streams of all
that exist: the worst case for whatever is cached, since nothing is touched more often than anything else.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from nacl.bindings import crypto_sign_open

from muniment.core.format import dsse, keys
from muniment.core.format.encoding import Value
from muniment.core.rules import events, genesis
from muniment.core.rules.policy import Policy, Role
from muniment.ledger.embedded import Embedded
from muniment.ledger.ids import new_event_id
from muniment.ledger.signers import SeedSigner

ORIGIN = "example.com/bench"
LOG = SeedSigner(b"l" * 32)
ADA = SeedSigner(b"a" * 32)
VERIFIER = keys.derive(ORIGIN, LOG.public_key)

_SEALED: Value = {"sealed": "A" * 43}


class Sample:
    """A ledger in a file, and a source of events for it."""

    def __init__(self, path: Path, engine: Embedded, seed: int) -> None:
        self.path = path
        self.engine = engine
        self.ledger = engine.ledger
        self.systems = 0
        self._random = random.Random(seed)

    @classmethod
    def create(cls, path: Path, seed: int = 1, log: keys.Signer = LOG) -> Sample:
        """Found a ledger whose one actor may write everything; `log` is the key that seals it."""
        founder = genesis.Founder(id="ada", kind="person", keys=(genesis.prove_key(ORIGIN, "ada", ADA),), roles=("owner",))
        policy = Policy(roles=(Role(name="owner", may=("*",)),))
        return cls(path, Embedded.create(path, genesis.Genesis(origin=ORIGIN, actors=(founder,), policy=policy), log), seed)

    def register(self, count: int, block: int) -> None:
        """Record `count` systems, each a stream of its own, in blocks of `block`."""
        for start in range(self.systems, self.systems + count, block):
            numbers = range(start, min(start + block, self.systems + count))
            self.engine.append([self._sign("system.registered", name=f"s-{n}", operatorRole="provider") for n in numbers])
        self.systems += count

    def notes(self, count: int) -> list[bytes]:
        """Signed notes that are not recorded yet."""
        return [self._note() for _ in range(count)]

    def names(self, count: int) -> list[str]:
        """Streams of this ledger, at random."""
        return [f"system/s-{self._random.randrange(self.systems)}" for _ in range(count)]

    def indices(self, count: int, size: int) -> list[int]:
        """Entries of a ledger of this size, at random."""
        return [self._random.randrange(size) for _ in range(count)]

    def close(self) -> None:
        """Let go of the file."""
        self.engine.close()

    def event(self, name: str, /, **fields: Value) -> tuple[str, bytes]:
        """A signed event that is not recorded yet: its id, and its entry."""
        id_ = new_event_id()
        common = {"ledger": self.ledger, "eventId": id_, "occurredAt": "2026-11-23T12:00:00.000000Z", "actor": "ada"}
        return id_, dsse.encode(dsse.sign(events.encode(events.build(name, {**common, **fields})), ADA))

    def _note(self) -> bytes:
        about = sorted(f"system/s-{n}" for n in self._random.sample(range(self.systems), 2))
        return self._sign(
            "note.added",
            about=[*about],
            text=_SEALED,
            controls=["eu-ai-act:10(2)(b)"],
            retentionClass="aia-10y",
            source={"system": "jira", "recordId": "ABC-1", "digest": "d" * 64},
        )

    def _sign(self, name: str, /, **fields: Value) -> bytes:
        return self.event(name, **fields)[1]


class Scale(NamedTuple):
    """How much is measured."""

    streams: int
    rounds: int
    warm_blocks: int
    ingest: tuple[tuple[int, int], ...]
    """Blocks of how many events, and how many of them in a turn."""
    audited: int
    proofs: int
    file_bytes: int
    cli_runs: int
    served: int
    """Systems of the ledger that a server serves."""
    lived: int
    """Its entries about models and data, beside those."""
    calls: int
    listeners: int
    ordered: int
    """Events that four nodes take in a turn, in batches of 200."""
    alone: int
    """Events that they take one at a time."""
    idle_seconds: float
    synced: int
    """Events that a fresh node fetches from the others."""


FULL = Scale(
    streams=100_000,
    rounds=7,
    warm_blocks=12,
    ingest=((1, 300), (10, 60), (100, 20), (1_000, 3)),
    audited=30_000,
    proofs=1_000,
    file_bytes=512 * 1024 * 1024,
    cli_runs=15,
    served=48_000,
    lived=40_000,
    calls=300,
    listeners=1_000,
    ordered=12_000,
    alone=100,
    idle_seconds=60.0,
    synced=100_000,
)
QUICK = Scale(
    streams=400,
    rounds=2,
    warm_blocks=1,
    ingest=((1, 5), (10, 2), (100, 1), (1_000, 1)),
    audited=200,
    proofs=20,
    file_bytes=1 << 20,
    cli_runs=2,
    served=400,
    lived=60,
    calls=20,
    listeners=20,
    ordered=800,
    alone=3,
    idle_seconds=1.0,
    synced=2_000,
)


def unpack(entries: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """What raw verification needs of each entry: signature and message in one, and the key."""
    envelopes = map(dsse.decode, entries)
    return [(each.signature + dsse.pae(each.payload), each.key) for each in envelopes]


def verify_all(signed: Iterable[tuple[bytes, bytes]]) -> None:
    """Raw PyNaCl verification and nothing else: the limit of whatever checks signatures one by one."""
    for message, key in signed:
        crypto_sign_open(message, key)
