"""A consortium in one process: its ledger's file, every member's keys, and checkpoints that they cosign; for tests of trust."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import makers
import membership
from membership import member, publisher, signer
from muniment.core.format import checkpoint, note, time
from muniment.core.proof import consortium
from muniment.core.proof.trust import Trust
from muniment.core.rules import chain, genesis, members
from muniment.core.rules.chain import Sealed
from muniment.core.rules.members import Fault, Validators
from muniment.ledger.store.file import Store

ORGANISATIONS = ("alpha", "bravo", "charlie", "delta")
FIRST = makers.NOON // 1_000_000
Cosigners = Callable[[Validators], Iterable[str]]


def everybody(validators: Validators) -> list[str]:
    """All of them cosign."""
    return [each.organisation for each in validators.members]


class League:
    """The ledger. `validators` judge its next block; None in the solo time of one that had no members at first.

    silent: whether the publisher leaves its line away
    """

    def __init__(
        self, path: Path, organisations: Iterable[str] = ORGANISATIONS, publishing: str = "alpha", *, silent: bool = False
    ) -> None:
        names = tuple(organisations)
        founding = membership.founding(names, publisher(publishing) if names else members.UNSET)
        self.signers = {each.public_key.hex(): each for each in [makers.LOG]}
        for organisation in ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf"):
            for number in range(8):
                for each in (signer(organisation, "cosign", number), signer(organisation, "publish", number)):
                    self.signers[each.public_key.hex()] = each
        self.genesis = genesis.decode(genesis.encode(founding))
        self.validators = founding.validators
        self.cosigners: Cosigners = everybody
        self.silent = silent
        self.now = makers.NOON
        self.store = Store.create(path, founding, time.format(self.now), self.seal)
        with self.store.view() as view:
            self.ledger = view.position.ledger

    @property
    def trust(self) -> Trust:
        """The trust file of the members in force."""
        if self.validators is None:
            return Trust(makers.ORIGIN, self.ledger, (makers.VERIFIER,))
        return consortium.to_trust(makers.ORIGIN, self.ledger, self.validators, (makers.VERIFIER,))

    def say(self, name: str, /, **fields: object) -> int:
        """Record one event in a block of its own; its index."""
        return self.append(makers.sign(self.ledger, name, **fields))

    def append(self, *entries: bytes) -> int:
        """Append events in one block, and demand that all are admitted; the index of the last one."""
        judged = self.store.append(chain.open_submissions(entries), self._next_time, self.seal)
        assert all(each.decision == "admitted" for each in judged.verdicts), judged.verdicts
        self.validators = self.store.validators
        return judged.verdicts[-1].index

    def fault(self, organisation: str) -> None:
        """A block that proves that a member's validator signed twice."""
        known = None if self.validators is None else self.validators.find(organisation)
        assert known is not None
        fault = Fault(address=members.address(known.key), height=7, kind="duplicate-vote", time=time.format(self.now))
        self.store.commit(self.store.stage([], self._next_time, (fault,)), self.seal)

    def note(self, name: str = "") -> int:
        """Some event that changes nobody's membership."""
        return self.say("system.registered", name=name or f"system-{self.now}", operatorRole="provider")

    def admit(self, organisation: str, number: int = 0) -> int:
        """A new member."""
        new = member(organisation, number)
        return self.say("member.changed", member=organisation, change="admit", validatorKey=new.key, cosignerKey=new.cosigner)

    def rotate(self, organisation: str, number: int) -> int:
        """A member cosigns with another key from the next block on."""
        return self.say("member.changed", member=organisation, change="rotate", cosignerKey=member(organisation, number).cosigner)

    def remove(self, organisation: str) -> int:
        """A member leaves."""
        return self.say("member.changed", member=organisation, change="remove")

    def publish(self, organisation: str, number: int = 0) -> int:
        """Another member, or another key, signs the log's own line."""
        key = publisher(organisation, number).key
        return self.say("member.changed", member=organisation, change="publish", publisherKey=key)

    def cosign(self, raw: bytes, names: Iterable[str], validators: Validators | None = None) -> bytes:
        """A checkpoint with these members' cosignatures."""
        parsed = note.parse(raw)
        known = validators or self.validators
        assert known is not None
        lines = []
        for number, name in enumerate(sorted(names)):
            found = known.find(name)
            assert found is not None
            cosigner = self.signers[found.cosigner]
            at = self.now // 1_000_000 + number
            lines.append(checkpoint.cosign(parsed, members.cosigner_name(makers.ORIGIN, name), cosigner, at))
        return checkpoint.attach(raw, lines)

    def _next_time(self, _: str) -> str:
        self.now += 1_000_000
        return time.format(self.now)

    def seal(self, sealed: Sealed) -> bytes:
        """A checkpoint with the lines of whoever cosigns, and the log's own."""
        validators = self.validators
        if validators is None:
            return makers.seal(sealed)
        bare = note.Note(checkpoint.format(sealed.position.checkpoint), ())
        lines: list[str] = []
        if validators.publisher is not members.UNSET and not self.silent:
            log = self.signers[validators.publisher.key]
            signature = note.sign(bare.text, makers.ORIGIN, log).signatures[0]
            lines.append(note.format_signature(signature))
        for number, name in enumerate(sorted(self.cosigners(validators))):
            each = validators.find(name)
            assert each is not None
            at = self.now // 1_000_000 + number
            lines.append(checkpoint.cosign(bare, members.cosigner_name(makers.ORIGIN, name), self.signers[each.cosigner], at))
        return note.format(note.Note(bare.text, tuple(map(note.parse_signature, lines))))


def tell(league: League) -> dict[str, Trust]:
    """A fifth member is admitted, a key rotated, a member removed, the publisher handed over; the trust file at each time."""
    trusts = {"founded": league.trust}
    league.note("begun")
    league.admit("echo")
    trusts["admitted"] = league.trust
    league.note("five")
    league.rotate("bravo", 1)
    trusts["rotated"] = league.trust
    league.remove("delta")
    trusts["removed"] = league.trust
    league.note("again-four")
    league.publish("charlie")
    trusts["published"] = league.trust
    league.note("the-end")
    return trusts


__all__ = ["FIRST", "League", "tell"]
