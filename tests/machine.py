"""The state machine in memory: blocks are judged, sealed and run again by Replay, without a file.

    machine = Machine()
    verdict, = machine.block(machine.sign("dataset.registered", name="loans", data=A, bytes=1, files=1))
    machine.state("dataset/loans")          # {"count": 1, "latest": A}

Ada and the service ci, which stands for her, may write everything; Bob may add notes; Eve has no role.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import makers
from muniment.core.format import dsse, state_map, time
from muniment.core.rules import chain, events, genesis
from muniment.core.rules.chain import Block, Position, Submission, Transition
from muniment.core.rules.events import Event
from muniment.core.rules.genesis import Founder, Genesis
from muniment.core.rules.policy import Policy, Role, Verdict
from muniment.ledger.replay import Replay
from muniment.ledger.signers import SeedSigner

CI, EVE = SeedSigner(b"c" * 32), SeedSigner(b"e" * 32)
SIGNERS = {"ada": makers.ADA, "bob": makers.BOB, "ci": CI, "eve": EVE}
SECOND = 1_000_000


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


def prove_key(actor: str, signer: SeedSigner) -> genesis.KeyProof:
    """A key with its own signature that it is this actor's."""
    return genesis.prove_key(makers.ORIGIN, actor, signer)


class Machine:
    """A ledger that lives in memory. What it admits is always run again, and gives the same roots."""

    def __init__(self, founding_: Genesis | None = None) -> None:
        self.bodies: list[bytes] = []
        self.entries: list[bytes] = []
        self.blocks: list[tuple[bytes, tuple[Submission, ...]]] = []
        self.replay = Replay(self.bodies.__getitem__)
        found = founding_ or founding()
        moment = time.format(makers.NOON)
        sealed = chain.seal_genesis(found, moment, self._root(chain.found(found, moment)))
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
        return makers.sign(self.ledger, name, signer or SIGNERS[actor], actor, event_id, **fields)

    def block(self, *raws: bytes) -> list[Verdict]:
        """Submit events together; seal what is admitted."""
        return self.judge(chain.open_submissions(raws))

    def say(self, name: str, /, actor: str = "ada", **fields: Any) -> str:
        """An event that is admitted in a block of its own; its id."""
        (verdict,) = self.block(self.sign(name, actor, **fields))
        assert verdict.decision == "admitted", verdict
        return verdict.event_id

    def refusals(self, name: str, /, actor: str = "ada", **fields: Any) -> list[str]:
        """The rules that refuse an event; nothing is written."""
        before = self.position
        (verdict,) = self.block(self.sign(name, actor, **fields))
        assert verdict.decision == "refused", verdict
        assert self.position == before
        return [reason.rule for reason in verdict.reasons]

    def judge(self, submissions: Iterable[Submission]) -> list[Verdict]:
        """The same for what was opened already."""
        moment = time.format(time.parse(self.position.time) + SECOND)
        block = Block(self.position, chain.policy_in_force(self.replay), moment, tuple(submissions))
        transition = chain.apply(self.replay, block)
        if transition.admitted:
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

    def again(self) -> Replay:
        """All blocks run again from the beginning."""
        replay = Replay(self.bodies.__getitem__)
        for raw, submissions in self.blocks:
            replay.advance(raw, submissions)
        return replay

    def key_of(self, actor: str) -> str:
        """The key id of a founder."""
        return SIGNERS[actor].public_key.hex()

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


def sign_again(raw: bytes, signer: SeedSigner) -> bytes:
    """The same payload, signed by somebody else."""
    return dsse.encode(dsse.sign(dsse.decode(raw).payload, signer))


def _keys(actor: str) -> tuple[genesis.KeyProof, ...]:
    return (prove_key(actor, SIGNERS[actor]),)
