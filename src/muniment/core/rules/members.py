"""The members of a consortium: who votes, who cosigns with which key, who publishes (docs/spec, sections 5 and 13).

One organisation has one validator of power 1 and one key with which it cosigns checkpoints. A checkpoint is judged by the set
that was in force before the block that it ends with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from muniment.core.format import encoding
from muniment.core.format.encoding import HexDigest, Natural, Segment, Time, require_sorted
from muniment.errors import InvalidInput

MAX_MEMBERS = 64
"""All of them and the log itself sign one note, which has at most 100 lines."""

MAX_FAULTS = 64
"""Of one block; what a block proves beyond them is left to the engine's own store."""

NOBODY = "none"
"""What a trust file says where no organisation is meant (docs/spec, section 11.1): no member has this name."""

_ADDRESS_BYTES = 20

Absent = msgspec.UnsetType
UNSET = msgspec.UNSET

Address = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}$(?!\n)")]
FaultKind = Literal["duplicate-vote", "light-client-attack"]


class Member(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """An organisation of the consortium: `key` is its validator's public key, with `cosigner` it cosigns checkpoints."""

    cosigner: HexDigest
    key: HexDigest
    organisation: Segment


class Publisher(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """The key that signs the log's own line on checkpoints, and the member who holds it."""

    key: HexDigest
    organisation: Segment


class Validators(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """A whole set of members, ascending by organisation: what a header carries whose block changed it."""

    members: tuple[Member, ...]
    publisher: Publisher | Absent = UNSET

    def __post_init__(self) -> None:
        require_sorted([each.organisation for each in self.members], "members")

    @property
    def quorum(self) -> int:
        """How many organisations make a proof."""
        return quorum(len(self.members))

    def find(self, organisation: str) -> Member | None:
        """The member of this name."""
        return next((each for each in self.members if each.organisation == organisation), None)


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Proof of double signing that the engine found: who, and at which height and time of the engine.

    address: the validator's address, as the engine names it
    organisation: whose key that is or was; absent where the ledger knows none
    """

    address: Address
    height: Natural
    kind: FaultKind
    organisation: Segment | Absent = UNSET
    time: Time


_decode_validators = encoding.decoder(Validators, limit=encoding.MAX_ENTRY_BYTES)
_decode_faults = encoding.decoder(tuple[Fault, ...], limit=encoding.MAX_ENTRY_BYTES)


def decode(raw: bytes) -> Validators:
    """Read a set of members as a header carries it. Raises InvalidInput."""
    return check(_decode_validators(raw))


def check(validators: Validators) -> Validators:
    """Check what the types do not say, and return the same. Raises InvalidInput (`bad-members`)."""
    cosigners = [each.cosigner for each in validators.members]
    keys = [each.key for each in validators.members]
    published = [] if validators.publisher is UNSET else [validators.publisher.key]
    listed = [*cosigners, *keys, *published]
    if validators.find(NOBODY) is not None:
        raise _bad(f"no organisation is called {NOBODY}")
    if not 1 <= len(validators.members) <= MAX_MEMBERS:
        raise _bad(f"there are {len(validators.members)} members, and there are 1 to {MAX_MEMBERS}")
    if len(set(listed)) != len(listed):
        raise _bad("one key serves twice")
    if validators.publisher is not UNSET and validators.find(validators.publisher.organisation) is None:
        raise _bad(f"the publisher {validators.publisher.organisation} is no member")
    return validators


def encode(validators: Validators) -> bytes:
    """The canonical bytes of a set of members."""
    return encoding.encode_struct(validators)


def decode_faults(raw: bytes) -> tuple[Fault, ...]:
    """Read the evidence of a header. Raises InvalidInput."""
    return _decode_faults(raw)


def encode_faults(faults: Sequence[Fault]) -> bytes:
    """The canonical bytes of a header's evidence: an array."""
    return b"[" + b",".join(encoding.encode_struct(each) for each in faults) + b"]"


def settle_faults(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """One fault for each address, height and kind, in this order, the earliest of several; nobody is named yet.

    Whatever an engine proves in one block, and however often: a header has room for it. Of more than MAX_FAULTS each address
    has one in turn, so that nobody hides another's fault behind many of his own.
    """
    found: dict[tuple[str, int, str], Fault] = {}
    for each in sorted(faults, key=lambda fault: (fault.address, fault.height, fault.kind, fault.time)):
        found.setdefault((each.address, each.height, each.kind), msgspec.structs.replace(each, organisation=UNSET))
    turns: dict[str, int] = {}
    ranked = []
    for place in found:
        turns[place[0]] = turns.get(place[0], 0) + 1
        ranked.append((turns[place[0]], place))
    return tuple(found[place] for place in sorted(place for _, place in sorted(ranked)[:MAX_FAULTS]))


def address(key: str) -> str:
    """What the engine calls the validator with this public key (64 hex): the first 20 bytes of its SHA-256, hex."""
    return hashlib.sha256(bytes.fromhex(key)).digest()[:_ADDRESS_BYTES].hex()


def quorum(members: int) -> int:
    """More than two thirds of so many members."""
    return 2 * members // 3 + 1


def tolerated(members: int) -> int:
    """How many of them may be away, fail or lie without harm: fewer than a third."""
    return (members - 1) // 3


def cosigner_name(origin: str, organisation: str) -> str:
    """The name in the C2SP verifier key of a member's cosigner."""
    return f"{origin}/{organisation}"


def _bad(reason: str) -> InvalidInput:
    return InvalidInput(f"this cannot be the members of a consortium: {reason}", code="bad-members")
