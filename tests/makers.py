"""Small ledgers for tests: one owner, deterministic ids and times, as many events as are asked for."""

from __future__ import annotations

import os
import time as clocks
import uuid
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from muniment.core.format import checkpoint, dsse, keys, merkle
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.core.rules import events, genesis
from muniment.core.rules.chain import Sealed
from muniment.core.rules.policy import Policy, Role, Verdict
from muniment.ledger.embedded import Clock, Embedded
from muniment.ledger.engine import View
from muniment.ledger.refusals import Refusals
from muniment.ledger.signers import SeedSigner
from muniment.ledger.spool import Spool
from muniment.ledger.store.file import Store

ORIGIN = "example.com/test"
LOG = SeedSigner(b"l" * 32)
ADA = SeedSigner(b"a" * 32)
BOB = SeedSigner(b"b" * 32)
NODE = SeedSigner(b"n" * 32)
VERIFIER = keys.derive(ORIGIN, LOG.public_key)
NOON = 1_795_435_200_000_000  # 2026-11-23T12:00:00Z, in microseconds

_ids = count(1)


class StepClock:
    """A clock that goes on by one second whenever it is read."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


class Life:
    """A ledger at `path` and what is needed to write to it."""

    def __init__(self, path: Path, engine: Embedded) -> None:
        self.path = path
        self.engine = engine
        self.ledger = engine.ledger

    def sign(self, name: str, /, signer: SeedSigner = ADA, actor: str = "ada", event_id: str = "", **fields: object) -> bytes:
        """A signed event of this ledger, in the bytes that are submitted."""
        return sign(self.ledger, name, signer, actor, event_id, **fields)

    def system(self, name: str) -> bytes:
        """The smallest event there is: it touches two streams."""
        return self.sign("system.registered", name=name, operatorRole="provider")

    def append(self, *entries: bytes) -> list[Verdict]:
        """Append and demand that all of it was admitted."""
        verdicts = self.engine.append(entries)
        assert [each.decision for each in verdicts] == ["admitted"] * len(entries), verdicts
        return verdicts

    def grow(self, size: int, block: int = 1) -> Life:
        """Append systems until there are `size` entries, with up to `block` events in a block."""
        with self.engine.view() as view:
            left = size - view.size
        while left > 0:
            events_ = min(block, left - 1)
            assert events_ > 0, "a block takes at least two entries"
            if left - events_ - 1 == 1:
                events_ -= 1
            self.append(*[self.system(f"system-{next(_ids)}") for _ in range(events_)])
            left -= events_ + 1
        return self

    def close(self) -> Path:
        """Close the file, so that all of it is in the one file."""
        self.engine.close()
        return self.path


class Held(NamedTuple):
    """What somebody was given for an event: its index, a signed checkpoint and the proof that leads to it."""

    raw: bytes
    index: int
    checkpoint: bytes
    proof: tuple[bytes, ...]


def hold(view: View, raw: bytes, index: int) -> Held:
    """Take a receipt home."""
    return Held(raw, index, view.checkpoint, view.inclusion(index, view.size))


def check_held(view: View, held: Held) -> None:
    """A receipt proves its event by itself, and the ledger of today is one that continues it."""
    then, now = checkpoint.open(held.checkpoint, VERIFIER), checkpoint.open(view.checkpoint, VERIFIER)
    merkle.check_inclusion(merkle.leaf(held.raw), held.index, then.size, held.proof, then.root)
    merkle.check_consistency(then.size, now.size, view.consistency(then.size, now.size), then.root, now.root)
    assert view.entry(held.index) == held.raw


def sign(ledger: str, name: str, /, signer: keys.Signer = ADA, actor: str = "ada", event_id: str = "", **fields: object) -> bytes:
    """A signed event in the bytes that are submitted."""
    common = {
        "ledger": ledger,
        "eventId": event_id or next_id(),
        "occurredAt": "2026-11-23T00:00:00.000000Z",
        "actor": actor,
    }
    return dsse.encode(dsse.sign(events.encode(events.build(name, {**common, **fields})), signer))


def next_id() -> str:
    """A UUIDv7 that was not used before in this process."""
    return str(uuid.UUID(int=next(_ids) << 80 | 0x7 << 76 | 0b10 << 62 | next(_ids)))


def random_id() -> str:
    """A UUIDv7 that no process ever used: for tests with several of them."""
    number = int.from_bytes(os.urandom(16), "big")
    return str(
        uuid.UUID(int=clocks.time_ns() // 1_000_000 << 80 | 0x7 << 76 | number & 0xFFF << 64 | 0b10 << 62 | number & (1 << 62) - 1)
    )


def founding(policy: Policy | None = None) -> genesis.Genesis:
    """The genesis of every small ledger: Ada may write everything, Bob notes only."""
    founders = (_person("ada", ADA, "owner"), _person("bob", BOB, "scribe"))
    roles = (Role(name="owner", may=("*",)), Role(name="scribe", may=("note.added",)))
    return genesis.Genesis(origin=ORIGIN, actors=founders, policy=policy or Policy(roles=roles))


def found(path: Path, clock: Clock | None = None) -> Life:
    """Found a small ledger in a new file."""
    return Life(path, Embedded.create(path, founding(), LOG, clock=clock or StepClock()))


def found_home(folder: Path) -> Life:
    """Found a small ledger in a folder that a server can serve."""
    folder.mkdir(parents=True, exist_ok=True)
    life = found(folder / "ledger.db")
    hand_out_trust(folder, life.ledger)
    return life


def hand_out_trust(folder: Path, ledger: str) -> Trust:
    """Write the trust file of a small ledger into its folder."""
    trust = Trust(ORIGIN, ledger, (VERIFIER,))
    (folder / "trust.toml").write_text(trusts.format(trust))
    return trust


def founding_recording(names: Sequence[str], *, may: Sequence[str] = ("attempt.refused",)) -> genesis.Genesis:
    """The genesis of a small ledger whose policy has refused events of these names recorded by its service, who may write `may`."""
    roles = (*founding().policy.roles, Role(name="service", may=tuple(may)))
    policy = Policy(roles=tuple(sorted(roles, key=lambda role: role.name)), record_refusals=tuple(sorted(names)))
    service = genesis.Founder(
        id="node", kind="service", keys=(genesis.prove_key(ORIGIN, "node", NODE),), responsible=("ada",), roles=("service",)
    )
    before = founding(policy)
    actors = tuple(sorted((*before.actors, service), key=lambda actor: actor.id))
    return genesis.Genesis(origin=ORIGIN, actors=actors, policy=policy)


def found_recording(path: Path, names: Sequence[str], *, may: Sequence[str] = ("attempt.refused",)) -> Life:
    """Found such a ledger in a new file."""
    Embedded.create(path, founding_recording(names, may=may), LOG, clock=StepClock()).close()
    refusals = Refusals(NODE, Spool(path.parent / "spool"))
    return Life(path, Embedded(Store.open(path), LOG, clock=StepClock(NOON + 60_000_000), refusals=refusals))


def reopen(path: Path, clock: Clock | None = None) -> Life:
    """Open the file of a small ledger for writing."""
    return Life(path, Embedded(Store.open(path), LOG, clock=clock or StepClock(NOON + 3_600_000_000)))


def seal(sealed: Sealed) -> bytes:
    """The checkpoint that ends at a header, as the log of every small ledger signs it."""
    return checkpoint.sign(sealed.position.checkpoint, LOG)


def model(life: Life, data: str = "1" * 64, version: str = "2" * 64) -> Sequence[Iterable[bytes]]:
    """Three blocks: a data set, a version trained on it, its deployment."""
    return (
        [life.sign("dataset.registered", name="loans", data=data, bytes=1, files=1)],
        [life.sign("model.registered", model="credit-risk", version=version, derivation="trained", data=[data])],
        [life.sign("deployment.changed", transition="start", environment="production", name="credit-risk", version=version)],
    )


def _person(name: str, signer: SeedSigner, role: str) -> genesis.Founder:
    return genesis.Founder(id=name, kind="person", keys=(genesis.prove_key(ORIGIN, name, signer),), roles=(role,))
