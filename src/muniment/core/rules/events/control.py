"""Events that govern the ledger itself: actors, keys, policy, members, protocol, refusals, disclosures, links.

A key that is enrolled or added proves that its holder meant it for this ledger: `proof` is its own Ed25519 signature over
the canonical JSON `{"actor", "key", "origin"}` (the actor's id, the public key in lower hex, the ledger's origin). The origin
stands there and not the ledger id, because at genesis there is no ledger id yet. `genesis.check_key` checks it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from muniment.core.format import digest, encoding
from muniment.core.format.encoding import EventId, HexDigest, Natural, Segment, Time
from muniment.core.format.statement import Sealed
from muniment.core.rules import members, policy
from muniment.core.rules.events.predicate import Event, require
from muniment.core.rules.events.value import UNSET, Absent, Named
from muniment.core.rules.genesis import KeyProof, Kind, Origin, Signature
from muniment.core.rules.policy import EventName, Policy

KeyChange = Literal["add", "compromise", "revoke", "rotate"]
MemberChange = Literal["admit", "publish", "remove", "rotate"]


class ActorEnrolled(Event, frozen=True, kw_only=True):
    """An actor is enrolled, or what is known about him changes.

    of: the id of the actor, a pseudonym
    kind: person, service or organisation
    organisation: the organisation that the actor belongs to
    responsible: the persons whom a service stands for
    roles: the roles that the actor holds
    keys: the keys that the actor signs with
    """

    NAME: ClassVar[str] = "actor.enrolled"
    STREAMS: ClassVar[tuple[str, ...]] = ("actor", "key")

    of: Segment
    kind: Kind
    organisation: Segment | Absent = UNSET
    responsible: tuple[Segment, ...] = ()
    roles: tuple[Segment, ...] = ()
    keys: tuple[KeyProof, ...] = ()

    def touches(self) -> tuple[str, ...]:
        return (f"actor/{self.of}", *[f"key/{each.key}" for each in self.keys])

    def check(self) -> None:
        super().check()
        require(self.kind != "person" or not self.responsible, "a person answers for himself: `responsible` is for others")


class KeyChanged(Event, frozen=True, kw_only=True):
    """A key of an actor is added, rotated, revoked, or known to others.

    of: the id of the actor whose key it is
    change: add, rotate (add, and end the key that it replaces), revoke, compromise (disputed from an entry on)
    key: the public key that is added, revoked or compromised
    replaces: the public key that ends where one is rotated
    proof: the added key's own signature over actor, key and origin
    fromIndex: the entry from which on a compromised key is disputed
    expiresAt: until when an added key may sign
    claimsDigest: digest of what else was said about the holder, such as a certificate
    """

    NAME: ClassVar[str] = "key.changed"
    STREAMS: ClassVar[tuple[str, ...]] = ("key", "actor")

    of: Segment
    change: KeyChange
    key: HexDigest
    replaces: HexDigest | Absent = UNSET
    proof: Signature | Absent = UNSET
    from_index: Natural | Absent = UNSET
    expires_at: Time | Absent = UNSET
    claims_digest: HexDigest | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        names = (f"key/{self.key}", f"actor/{self.of}")
        return names if self.replaces is UNSET else (*names, f"key/{self.replaces}")

    def check(self) -> None:
        super().check()
        added = self.change in ("add", "rotate")
        require(added == (self.proof is not UNSET), "`proof` is there exactly where a key is added")
        require((self.change == "rotate") == (self.replaces is not UNSET), "`replaces` is there exactly where a key is rotated")
        require((self.change == "compromise") == (self.from_index is not UNSET), "`fromIndex` is for a compromised key")
        require(added or self.expires_at is UNSET, "`expiresAt` is for a key that is added")
        require(self.replaces != self.key, "a key is replaced by another one")


class PolicyAmended(Event, frozen=True, kw_only=True):
    """A whole new policy, which acts from the next height on.

    policy: the policy
    approvals: the approvals that it relies on, by eventId
    """

    NAME: ClassVar[str] = "policy.amended"
    STREAMS: ClassVar[tuple[str, ...]] = ("policy",)

    policy: Policy
    approvals: Named = ()

    def touches(self) -> tuple[str, ...]:
        return ("policy",)

    def things(self) -> tuple[tuple[str, str], ...]:
        return (("policy", policy.identify(self.policy)),)


class MemberChanged(Event, frozen=True, kw_only=True):
    """An organisation enters or leaves the consortium, gets other keys, or publishes the log's line from now on.

    member: the organisation
    change: admit, rotate (other keys), remove, or publish
    validatorKey: the public key of its validator
    cosignerKey: the public key that it cosigns checkpoints with
    publisherKey: the public key that signs the log's own line
    approvals: the approvals that it relies on, by eventId
    """

    NAME: ClassVar[str] = "member.changed"
    STREAMS: ClassVar[tuple[str, ...]] = ("members", "member", "validator", "cosigner")

    member: Segment
    change: MemberChange
    validator_key: HexDigest | Absent = UNSET
    cosigner_key: HexDigest | Absent = UNSET
    publisher_key: HexDigest | Absent = UNSET
    approvals: Named = ()

    def touches(self) -> tuple[str, ...]:
        validator = () if self.validator_key is UNSET else (f"validator/{members.address(self.validator_key)}",)
        cosigner = () if self.cosigner_key is UNSET else (f"cosigner/{self.cosigner_key}",)
        return ("members", f"member/{self.member}", *validator, *cosigner)

    def terms(self) -> str:
        """The digest of what changes, which approvals name, so that they count for nothing else: lower hex."""
        terms = {
            "change": self.change,
            "cosignerKey": self.cosigner_key,
            "member": self.member,
            "publisherKey": self.publisher_key,
            "validatorKey": self.validator_key,
        }
        return digest.format(digest.sha256(encoding.encode({key: value for key, value in terms.items() if value is not UNSET})))

    def check(self) -> None:
        super().check()
        require(self.member != members.NOBODY, f"no organisation is called {members.NOBODY}")
        named = {self.validator_key, self.cosigner_key} - {UNSET}
        keyed = self.change in ("admit", "rotate")
        require(keyed or not named, "`validatorKey` and `cosignerKey` are for a member that is admitted or rotates them")
        require(self.change != "admit" or len(named) == 2, "who is admitted names a validator key and another one to cosign with")
        require(self.change != "rotate" or bool(named), "who rotates keys names at least one")
        require(
            self.validator_key is UNSET or self.validator_key != self.cosigner_key, "a validator's key is not the cosigning key"
        )
        require((self.change == "publish") == (self.publisher_key is not UNSET), "`publisherKey` is there exactly to publish")


class ProtocolUpgraded(Event, frozen=True, kw_only=True):
    """Another protocol acts from the next height on.

    protocol: its number
    specificationDigest: digest of its specification
    approvals: the approvals that it relies on, by eventId
    """

    NAME: ClassVar[str] = "protocol.upgraded"
    STREAMS: ClassVar[tuple[str, ...]] = ("protocol",)

    protocol: Natural
    specification_digest: HexDigest | Absent = UNSET
    approvals: Named = ()

    def touches(self) -> tuple[str, ...]:
        return ("protocol",)


class AttemptRefused(Event, frozen=True, kw_only=True):
    """A node records that it refused an event.

    of: the actor whose event it was
    attempted: the name of the event
    payloadDigest: SHA-256 of the refused payload
    rules: the rules that refused it
    """

    NAME: ClassVar[str] = "attempt.refused"
    STREAMS: ClassVar[tuple[str, ...]] = ("attempts",)

    of: Segment
    attempted: EventName
    payload_digest: HexDigest
    rules: Annotated[tuple[Segment, ...], msgspec.Meta(min_length=1)]

    def touches(self) -> tuple[str, ...]:
        return (f"attempts/{self.of}",)

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((f"attempts/{self.of}", self.payload_digest),)


class DisclosureMade(Event, frozen=True, kw_only=True):
    """Records, with their sealed fields opened or not, were handed to somebody.

    exportDigest: SHA-256 of the file that was handed over
    events: the events whose sealed fields it opens, by eventId
    recipient: to whom
    scope: what was asked for
    purpose: what for
    """

    NAME: ClassVar[str] = "disclosure.made"
    STREAMS: ClassVar[tuple[str, ...]] = ()

    export_digest: HexDigest
    events: tuple[EventId, ...] = ()
    recipient: Sealed | Absent = UNSET
    scope: Sealed | Absent = UNSET
    purpose: Sealed | Absent = UNSET

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((f"acts/{self.actor}", self.export_digest),)


class LedgerLinked(Event, frozen=True, kw_only=True):
    """Another ledger is named, so that its receipts can be cited.

    linked: the id of the other ledger
    origin: its origin
    trustDigest: digest of the trust file by which it is verified
    """

    NAME: ClassVar[str] = "ledger.linked"
    STREAMS: ClassVar[tuple[str, ...]] = ("link",)

    linked: HexDigest
    origin: Origin
    trust_digest: HexDigest

    def touches(self) -> tuple[str, ...]:
        return (f"link/{self.linked}",)

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((self.origin, self.linked),)
