"""A ledger with a person and a service who may write everything, short ways to write into it, and views that outlive it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import makers
from muniment.core.format.entry import Header
from muniment.core.format.state_map import StateProof
from muniment.core.rules import genesis
from muniment.core.rules.genesis import Founder, Genesis
from muniment.core.rules.policy import Policy, Role
from muniment.errors import NotFound
from muniment.ledger.embedded import Embedded
from muniment.ledger.engine import View
from muniment.ledger.signers import SeedSigner
from muniment.ledger.store.file import Store

ALICE, CI, BOB = SeedSigner(b"1" * 32), SeedSigner(b"2" * 32), SeedSigner(b"3" * 32)
SIGNERS = {"alice": ALICE, "ci": CI, "bob": BOB}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def prove_key(actor: str) -> genesis.KeyProof:
    """The key of an actor, with its own signature."""
    return genesis.prove_key(makers.ORIGIN, actor, SIGNERS[actor])


class World(makers.Life):
    """A ledger in which alice, a person, and ci, a service that stands for her, may write everything."""

    def record(self, name: str, actor: str = "alice", /, **fields: object) -> str:
        """Append one event in a block of its own; its id."""
        (verdict,) = self.append(self.sign(name, SIGNERS[actor], actor, **fields))
        return verdict.event_id

    def dataset(self, name: str, text: str) -> str:
        self.record("dataset.registered", name=name, data=digest(text), bytes=1, files=1)
        return digest(text)

    def model(self, name: str, text: str, actor: str = "alice") -> str:
        self.record("model.registered", actor, model=name, version=digest(text), derivation="trained")
        return digest(text)

    def deploy(self, version: str, transition: str = "start", **fields: object) -> str:
        place = {"environment": "production", "name": "credit-risk", "transition": transition, "version": version}
        return self.record("deployment.changed", "ci", **place, **fields)


def found(path: Path, now: int = makers.NOON) -> World:
    """A new ledger; another `now` makes it another one."""
    founders = (
        Founder(id="alice", kind="person", keys=(prove_key("alice"),), roles=("all",)),
        Founder(id="ci", kind="service", keys=(prove_key("ci"),), responsible=("alice",), roles=("all",)),
    )
    founding = Genesis(origin=makers.ORIGIN, actors=founders, policy=Policy(roles=(Role(name="all", may=("*",)),)))
    return World(path, Embedded.create(path, founding, makers.LOG, clock=makers.StepClock(now)))


def reopen(path: Path) -> World:
    """Open a ledger that was copied."""
    return World(path, Embedded(Store.open(path), makers.LOG, clock=makers.StepClock(makers.NOON + 3_600_000_000)))


def tell(world: World) -> dict[str, str]:
    """The short life of a model with two versions; digests of things and ids of events by short names."""
    said = {"d1": world.dataset("loans", "loans-1"), "d2": world.dataset("loans", "loans-2")}
    said["plan"] = world.record("evaluation.planned", model="credit-risk", metric="auc", comparator="ge", threshold="0.9")
    said["v1"], said["v2"] = world.model("credit-risk", "m1"), world.model("credit-risk", "m2", "ci")
    result: object = [{"metric": "auc", "value": "0.913"}]
    said["e1"] = world.record("evaluation.completed", version=said["v1"], plan=said["plan"], results=result, data=said["d2"])
    result = [{"metric": "auc", "value": "0.89"}]
    said["e2"] = world.record("evaluation.completed", version=said["v2"], plan=said["plan"], results=result)
    of = {"version": said["v1"], "environment": "production"}
    said["a1"] = world.record("approval.decided", of=of, decision="approve", meaning="approval")
    said["a2"] = world.record("approval.decided", of=of, decision="conditional", meaning="review")
    said["revoke"] = world.record("approval.decided", of=of, decision="revoke", revokes=said["a2"], meaning="review")
    world.deploy(said["v1"], approvals=[said["a1"]])
    world.deploy(said["v2"], "promote", replaces=said["v1"])
    return said


class Copy:
    """What an index reads of a view, after its transaction, and where a test may damage it."""

    def __init__(self, view: View) -> None:
        self.raw = dict(view.entries(0, view.size))
        self.headers = [view.header(height) for height in range(view.height + 1)]
        self.size, self.height, self.checkpoint = view.size, view.height, view.checkpoint

    def entry(self, index: int) -> bytes:
        return self.raw[index]

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        yield from ((index, raw) for index, raw in sorted(self.raw.items()) if start <= index < stop)

    def header(self, height: int) -> Header:
        return self.headers[height]

    def sealed_by(self, index: int) -> int:
        return next(header.height for header in self.headers if header.size >= index)

    def find(self, event_id: str) -> int | None:
        raise NotFound(event_id)

    def height_at(self, time: str) -> int | None:
        raise NotFound(time)

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        raise NotFound("a copy proves nothing")

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        raise NotFound("a copy proves nothing")

    def record(self, stream: str) -> bytes | None:
        raise NotFound(stream)

    def prove_state(self, stream: str) -> StateProof:
        raise NotFound(stream)
