"""The state machine in memory: blocks are judged, sealed and run again by Replay, without a file.

    machine = Machine()
    verdict, = machine.block(machine.sign("dataset.registered", name="loans", data=A, bytes=1, files=1))
    machine.state("dataset/loans")          # {"count": 1, "latest": A}

Ada and the service ci, which stands for her, may write everything; Bob may add notes; Eve has no role.

    bank = Bank(production(approvals={"approver": 2}))     # a policy that asks for something
    bank.deploy(approvals=[bank.decide("amy")])         # the reasons against it, or none
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

import makers
from muniment.core.format import dsse, state_map, time
from muniment.core.rules import beginning, chain, events, genesis, measurement
from muniment.core.rules.chain import Block, Position, Submission, Transition
from muniment.core.rules.events import Event
from muniment.core.rules.genesis import Founder, Genesis
from muniment.core.rules.measurement import Measurement
from muniment.core.rules.members import Fault, Member
from muniment.core.rules.overlay import Overlay
from muniment.core.rules.policy import Agreement, Approvals, Environment, Policy, Quorum, Reason, Role, Verdict
from muniment.core.rules.records import State
from muniment.ledger.replay import Replay
from muniment.ledger.signers import SeedSigner

CI, EVE = SeedSigner(b"c" * 32), SeedSigner(b"e" * 32)
SIGNERS = {"ada": makers.ADA, "bob": makers.BOB, "ci": CI, "eve": EVE}
SECOND = 1_000_000
S = TypeVar("S", bound=State)


def founding() -> Genesis:
    """Ada and her service may write everything, Bob notes, Eve nothing."""
    roles = (Role(name="owner", may=("*",)), Role(name="scribe", may=("note.added",)))
    actors = (
        Founder(id="ada", kind="person", keys=_keys("ada"), roles=("owner",)),
        Founder(id="bob", kind="person", keys=_keys("bob"), roles=("scribe",)),
        Founder(id="ci", kind="service", keys=_keys("ci"), responsible=("ada",), roles=("owner",)),
        Founder(id="eve", kind="person", keys=_keys("eve")),
    )
    return Genesis(origin=makers.ORIGIN, actors=actors, policy=Policy(roles=roles))


def bank(*environments: Environment, amendment: Mapping[str, int | Quorum] = MappingProxyType({}), **terms: Any) -> Genesis:
    """A founding with a policy that asks for something, and people in every role that it may ask for."""
    decide = ("approval.decided", "incident.closed", "incident.recorded", "waiver.granted")
    roles = (Role(name="approver", may=decide), Role(name="owner", may=("*",)), Role(name="risk", may=decide))
    people = {
        **dict.fromkeys(("amy", "ben", "cat"), ("approver",)),
        "ada": ("owner",),
        "dan": ("approver", "owner"),
        "eve": (),
        "rita": ("risk",),
        "tom": ("approver", "owner"),
    }
    services = {"ghost": ("approver", "owner"), "job": ("approver", "owner")}
    actors = [Founder(id=name, kind="person", keys=_keys(name), roles=held) for name, held in people.items()]
    actors += [
        Founder(id=name, kind="service", keys=_keys(name), responsible=("tom",) if name == "job" else (), roles=held)
        for name, held in services.items()
    ]
    asked = tuple(Agreement(role=role, count=count) for role, count in amendment.items())
    policy = Policy(roles=roles, environments=environments, amendment=asked, **terms)
    return Genesis(origin=makers.ORIGIN, actors=tuple(sorted(actors, key=lambda actor: actor.id)), policy=policy)


def consortium(*names: str, founding_: Genesis | None = None) -> Genesis:
    """The same founding, of an organisation of each name: its keys are those of `member_key`."""
    members = tuple(
        Member(cosigner=member_key(name, "cosigner"), key=member_key(name, "validator"), organisation=name)
        for name in sorted(names)
    )
    return msgspec.structs.replace(founding_ or founding(), members=members)


def member_key(organisation: str, purpose: str) -> str:
    """The public key that an organisation has for a purpose, in hex; nobody signs with it."""
    return hashlib.sha256(f"{organisation} {purpose}".encode()).hexdigest()


def production(name: str = "production", *, approvals: Mapping[str, int] = MappingProxyType({}), **terms: Any) -> Environment:
    """An environment that asks for so many approvals of each role, and for what else is given."""
    asked = tuple(Approvals(role=role, count=count) for role, count in sorted(approvals.items()))
    return Environment(name=name, approvals=asked, **terms)


def signer_of(actor: str) -> SeedSigner:
    """The key that an actor signs with."""
    return SIGNERS.get(actor) or SeedSigner(hashlib.sha256(actor.encode()).digest())


def prove_key(actor: str, signer: SeedSigner) -> genesis.KeyProof:
    """A key with its own signature that it is this actor's."""
    return genesis.prove_key(makers.ORIGIN, actor, signer)


class Machine:
    """A ledger that lives in memory. What it admits is always run again, and gives the same roots."""

    def __init__(self, founding_: Genesis | None = None) -> None:
        self.waited = 0
        self.faults: tuple[Fault, ...] = ()
        self.bodies: list[bytes] = []
        self.entries: list[bytes] = []
        self.blocks: list[tuple[bytes, tuple[Submission, ...]]] = []
        self.replay = Replay(self.bodies.__getitem__)
        found = founding_ or founding()
        moment = time.format(makers.NOON)
        sealed = beginning.seal(found, moment, self._root(beginning.found(found, moment)))
        self._seal(sealed.raw, ())

    @property
    def position(self) -> Position:
        """Where the ledger stands."""
        assert self.replay.position is not None
        return self.replay.position

    @property
    def ledger(self) -> str:
        """The ledger's id."""
        return self.position.ledger

    def sign(self, name: str, /, actor: str = "ada", signer: SeedSigner | None = None, event_id: str = "", **fields: Any) -> bytes:
        """A signed event of this ledger, in the bytes that are submitted."""
        return makers.sign(self.ledger, name, signer or signer_of(actor), actor, event_id, **fields)

    def block(self, *raws: bytes) -> list[Verdict]:
        """Submit events together; seal what is admitted."""
        return self.judge(chain.open_submissions(raws))

    def prove(self, *faults: Fault) -> None:
        """Faults alone in a block."""
        self.faults = faults
        assert self.block() == []

    def say(self, name: str, /, actor: str = "ada", **fields: Any) -> str:
        """An event that is admitted in a block of its own; its id."""
        (verdict,) = self.block(self.sign(name, actor, **fields))
        assert verdict.decision == "admitted", verdict
        return verdict.event_id

    def refusals(self, name: str, /, actor: str = "ada", **fields: Any) -> list[str]:
        """The rules that refuse an event; nothing is written."""
        return [reason.rule for reason in self.reasons(name, actor, **fields)]

    def reasons(self, name: str, /, actor: str = "ada", **fields: Any) -> tuple[Reason, ...]:
        """Why an event is refused; nothing is written."""
        before = self.position
        (verdict,) = self.block(self.sign(name, actor, **fields))
        assert verdict.decision == "refused", verdict
        assert self.position == before
        return verdict.reasons

    def judge(self, submissions: Iterable[Submission]) -> list[Verdict]:
        """The same for what was opened already."""
        moment = time.format(time.parse(self.position.time) + SECOND + self.waited)
        block = Block(self.position, chain.policy_in_force(self.replay), moment, tuple(submissions), self.faults)
        self.waited, self.faults = 0, ()
        transition = chain.apply(self.replay, block)
        if transition.seals:
            sealed = chain.seal(block, transition, self._root(transition))
            self._seal(sealed.raw, transition.admitted)
            assert self.position == sealed.position
        else:
            assert transition.records == {}
        return list(transition.verdicts)

    def record(self, stream: str) -> dict[str, Any] | None:
        """The record of a stream."""
        raw = self.replay.record(stream)
        if raw is None:
            return None
        state_map.decode_record(raw)
        found: dict[str, Any] = json.loads(raw)
        return found

    def state(self, stream: str) -> dict[str, Any]:
        """The state of a stream that exists."""
        found = self.record(stream)
        assert found is not None, stream
        state: dict[str, Any] = found["state"]
        return state

    @property
    def header(self) -> dict[str, Any]:
        """The newest header, as JSON."""
        found: dict[str, Any] = json.loads(self.entries[-1])
        return found

    def again(self) -> Replay:
        """All blocks run again from the beginning."""
        replay = Replay(self.bodies.__getitem__)
        for raw, submissions in self.blocks:
            replay.advance(raw, submissions)
        return replay

    def key_of(self, actor: str) -> str:
        """The key id of a founder."""
        return signer_of(actor).public_key.hex()

    def event_ids(self) -> list[str]:
        """The ids of all admitted events, in order."""
        return [submission.event.event_id for _, submissions in self.blocks for submission in submissions]

    def event(self, event_id: str) -> Event:
        """An admitted event."""
        index = self.replay.find(event_id)
        assert index is not None
        return events.decode(self.bodies[index])

    def _seal(self, raw: bytes, submissions: tuple[Submission, ...]) -> None:
        for submission in submissions:
            self.bodies.append(submission.envelope.payload)
            self.entries.append(dsse.encode(submission.envelope))
        self.replay.advance(raw, submissions)
        self.bodies.append(raw)
        self.entries.append(raw)
        self.blocks.append((raw, submissions))

    def _root(self, transition: Transition) -> bytes:
        """The root of the map after a block, by one pass over all records."""
        records = {**self.replay.records, **transition.records}
        return state_map.bulk(sorted((key, state_map.leaf(key, value)) for key, value in records.items()))


class Bank(Machine):
    """A ledger whose policy asks for something: the founders are those of `bank`, `A` is a version that Tom trained."""

    VERSION, DATA = "a" * 64, "d" * 64

    def __init__(self, *environments: Environment, **terms: Any) -> None:
        super().__init__(bank(*environments, **terms))

    def train(self, actor: str = "tom", version: str = VERSION, registrar: str = "", **fields: Any) -> str:
        """A run, and the version that it made; the run's id."""
        run = self.say("training.started", actor, **fields)
        self.say("model.registered", registrar or actor, model="m", version=version, derivation="trained", run=run)
        return run

    def data(self, data: str = DATA, name: str = "loans", **fields: Any) -> str:
        """A data set."""
        return self.say("dataset.registered", name=name, data=data, bytes=1, files=1, **fields)

    def decide(self, actor: str, decision: str = "approve", place: str = "production", **fields: Any) -> str:
        """A decision about a version."""
        of = {"version": fields.pop("version", self.VERSION), "environment": place}
        return self.say("approval.decided", actor, of=of, decision=decision, meaning="approval", **fields)

    def measure(self, value: str, actor: str = "ada", metric: str = "auc", version: str = VERSION, **fields: Any) -> str:
        """One measured value, on test data unless it is said otherwise."""
        fields = {"datasetRole": "test", "results": [{"metric": metric, "value": value}], **fields}
        return self.say("evaluation.completed", actor, version=version, **fields)

    def waive(self, rule: str, actor: str = "rita", version: str = VERSION, place: str = "production", **fields: Any) -> str:
        """A waiver."""
        fields = {"expiresAt": "2027-01-01T00:00:00.000000Z", **fields}
        return self.say("waiver.granted", actor, rule=rule, version=version, environment=place, **fields)

    def deploy(self, actor: str = "ada", version: str = VERSION, place: str = "production", **fields: Any) -> tuple[Reason, ...]:
        """The reasons against a deployment; none where it is admitted."""
        fields = {"transition": "start", "name": "m", "environment": place, "version": version, **fields}
        (verdict,) = self.block(self.sign("deployment.changed", actor, **fields))
        return verdict.reasons

    def against(self, actor: str = "ada", **fields: Any) -> list[str]:
        """The rules that speak against a deployment."""
        return [reason.rule for reason in self.deploy(actor, **fields)]

    def wait(self, days: int) -> None:
        """Let the next block be later by so many days."""
        self.waited += days * 24 * 3_600 * SECOND


class World:
    """A ledger in memory as those see it who ask for what something was made of; it notes what was asked for."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.asked: list[str] = []

    def read(self, stream: str, kind: type[S]) -> S | None:
        """The state of a stream, or None."""
        self.asked.append(stream)
        return Overlay(self.machine.replay).read(stream, kind)

    def body(self, index: int) -> bytes:
        """The payload of an event."""
        return self.machine.bodies[index]

    def measurement(self, index: int) -> Measurement:
        """What a measurement said."""
        return measurement.decode(self.body(index))


def sign_again(raw: bytes, signer: SeedSigner) -> bytes:
    """The same payload, signed by somebody else."""
    return dsse.encode(dsse.sign(dsse.decode(raw).payload, signer))


def _keys(actor: str) -> tuple[genesis.KeyProof, ...]:
    return (prove_key(actor, signer_of(actor)),)
