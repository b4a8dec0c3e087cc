"""The genesis: how a ledger begins (docs/spec, section 5).

It names the origin, the founding actors with their keys, each proving that it was meant for this origin, the policy and the
members. The leaf of the header that carries it is the ledger's id, which every event of the ledger signs.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

import msgspec

from muniment.core.format import encoding, keys
from muniment.core.format.encoding import HexDigest, Segment, require_sorted
from muniment.core.rules import members
from muniment.core.rules.members import Member, Publisher, Validators
from muniment.core.rules.policy import Policy
from muniment.errors import InvalidInput, VerificationError

# Schema-less URL form, `<organisation-or-host>/<name>`; also the name of the log's key and of every checkpoint.
Origin = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+$(?!\n)", max_length=128)
]
Kind = Literal["organisation", "person", "service"]
Signature = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]{85}[AQgw]==$(?!\n)")]


class KeyProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """A key of an actor, which signs that it is his in this ledger: nobody can enrol a key that he does not hold.

    key: the public key, 32 bytes in lower hex, which is also its key id
    proof: the key's own signature over `{"actor","key","origin"}`
    """

    key: HexDigest
    proof: Signature


class Founder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """An actor who is there from the beginning. `responsible` are the persons that a service stands for."""

    id: Segment
    kind: Kind
    keys: tuple[KeyProof, ...]
    organisation: Segment | msgspec.UnsetType = msgspec.UNSET
    responsible: tuple[Segment, ...] = ()
    roles: tuple[Segment, ...] = ()

    def __post_init__(self) -> None:
        require_sorted([each.key for each in self.keys], "keys")
        require_sorted(self.responsible, "responsible")
        require_sorted(self.roles, "roles")


class Genesis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Everything that the rules know at height 0. A ledger with one operator has no members and no publisher."""

    origin: Origin
    actors: tuple[Founder, ...]
    policy: Policy
    members: tuple[Member, ...] = ()
    publisher: Publisher | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        require_sorted([actor.id for actor in self.actors], "actors")
        require_sorted([member.organisation for member in self.members], "members")

    @property
    def validators(self) -> Validators | None:
        """The members that a consortium begins with; None where there are none."""
        return Validators(members=self.members, publisher=self.publisher) if self.members else None


_decode = encoding.decoder(Genesis, limit=encoding.MAX_ENTRY_BYTES)


def decode(raw: bytes) -> Genesis:
    """Read and check a genesis: canonical form, references inside it, and every key's own signature. Raises InvalidInput."""
    genesis = _decode(raw)
    persons = {actor.id for actor in genesis.actors if actor.kind == "person"}
    roles = {role.name for role in genesis.policy.roles}
    for actor in genesis.actors:
        unknown = sorted({*actor.responsible} - persons | {*actor.roles} - roles)
        if unknown:
            raise InvalidInput(
                f"founder {actor.id} names persons or roles that the genesis does not define: {', '.join(unknown)}",
                code="bad-genesis",
            )
        if actor.kind == "person" and actor.responsible:
            raise InvalidInput(f"person {actor.id} cannot have responsible persons", code="bad-genesis")
        for each in actor.keys:
            check_key(genesis.origin, actor.id, each)
    listed = [each.key for actor in genesis.actors for each in actor.keys]
    if len(set(listed)) != len(listed):
        raise InvalidInput("one key belongs to two founders", code="bad-genesis")
    founding = genesis.validators
    if founding is not None:
        members.check(founding)
    elif genesis.publisher is not msgspec.UNSET:
        raise InvalidInput("a publisher is a member, and there are none", code="bad-genesis")
    return genesis


def encode(genesis: Genesis) -> bytes:
    """The canonical bytes of a genesis."""
    return encoding.encode_struct(genesis)


def prove_key(origin: str, actor: str, signer: keys.Signer) -> KeyProof:
    """Let a key sign that it belongs to `actor` in the ledger of this origin."""
    signature = signer.sign(_claim(origin, actor, signer.public_key.hex()))
    return KeyProof(key=signer.public_key.hex(), proof=base64.b64encode(signature).decode())


def check_key(origin: str, actor: str, proof: KeyProof) -> None:
    """Check a key's own signature. Raises InvalidInput (`key-proof`)."""
    try:
        keys.verify(bytes.fromhex(proof.key), _claim(origin, actor, proof.key), base64.b64decode(proof.proof, validate=True))
    except (VerificationError, binascii.Error):
        raise InvalidInput(
            f"the key {proof.key[:8]} of {actor} does not prove that it was made for {origin}",
            code="key-proof",
            hint="Ask its holder for a new `muniment keys request` with this ledger's origin.",
        ) from None


def _claim(origin: str, actor: str, key: str) -> bytes:
    return encoding.encode({"actor": actor, "key": key, "origin": origin})
