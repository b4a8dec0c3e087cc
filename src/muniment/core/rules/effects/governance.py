"""Effects on the ledger's own order: actors, keys, policy, members, protocol."""

import msgspec

from muniment.core.format import entry
from muniment.core.rules import genesis, policy
from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import (
    ActorEnrolled,
    AttemptRefused,
    DisclosureMade,
    KeyChanged,
    LedgerLinked,
    MemberChanged,
    PolicyAmended,
    ProtocolUpgraded,
)
from muniment.core.rules.genesis import KeyProof
from muniment.core.rules.records import Actor, Approval, Key, Link, Membership, PolicyInForce, Protocol
from muniment.errors import InvalidInput


@effect.register
def _enrolled(event: ActorEnrolled, context: Context) -> None:
    for person in event.responsible:
        found = context.require(f"actor/{person}", Actor, f"The person {person}")
        if found is not None and found.kind != "person":
            context.refuse("actor", "Those responsible for a service are persons.", f"{person} is a {found.kind}.")
    known = context.read(f"actor/{event.of}", Actor)
    if known is not None and known.kind != event.kind:
        context.refuse("actor", "An actor stays what it is.", f"{event.of} is a {known.kind}.")
    context.write(
        f"actor/{event.of}",
        Actor(kind=event.kind, organisation=event.organisation, responsible=event.responsible, roles=event.roles),
    )
    for each in event.keys:
        _add_key(context, event.of, each.key, each.proof, msgspec.UNSET, msgspec.UNSET)


@effect.register
def _key(event: KeyChanged, context: Context) -> None:
    context.require(f"actor/{event.of}", Actor, f"The actor {event.of}")
    if event.proof is not msgspec.UNSET:
        _add_key(context, event.of, event.key, event.proof, event.expires_at, event.claims_digest)
    ended = event.replaces if event.change == "rotate" else event.key
    if event.change == "add" or ended is msgspec.UNSET:
        return
    key = context.require(f"key/{ended}", Key, f"The key {ended[:8]}…")
    if key is None:
        return
    if key.actor != event.of:
        context.refuse("key", "A key is changed under its own actor.", f"{ended[:8]}… belongs to {key.actor}.")
    until = context.index if key.until is msgspec.UNSET else key.until
    disputed = key.disputed_from if event.from_index is msgspec.UNSET else event.from_index
    context.write(f"key/{ended}", msgspec.structs.replace(key, until=until, disputed_from=disputed))


@effect.register
def _policy(event: PolicyAmended, context: Context) -> None:
    _require_approvals(event.approvals, context)
    context.write("policy", PolicyInForce(digest=policy.identify(event.policy), index=context.index))


@effect.register
def _member(event: MemberChanged, context: Context) -> None:
    _require_approvals(event.approvals, context)
    stream = f"member/{event.member}"
    known = None if event.change == "admit" else context.require(stream, Membership, f"The member {event.member}")
    if event.validator_key is not msgspec.UNSET:
        context.write(stream, Membership(key=event.validator_key, status="active"))
    elif known is not None:
        context.write(stream, msgspec.structs.replace(known, status="removed"))


@effect.register
def _protocol(event: ProtocolUpgraded, context: Context) -> None:
    _require_approvals(event.approvals, context)
    if event.protocol != entry.PROTOCOL:
        context.refuse("protocol", f"This release speaks protocol {entry.PROTOCOL}.", f"The event asks for {event.protocol}.")
    context.write("protocol", Protocol(number=event.protocol))


@effect.register
def _linked(event: LedgerLinked, context: Context) -> None:
    context.write(f"link/{event.linked}", Link(genesis=event.linked, trust=event.trust_digest))


@effect.register
def _attempt(event: AttemptRefused, context: Context) -> None:
    context.require_stream(f"actor/{event.of}", f"The actor {event.of}")


@effect.register
def _disclosure(event: DisclosureMade, context: Context) -> None:
    for disclosed in event.events:
        if context.payload(disclosed) is None:
            context.refuse(
                "unknown", "What is disclosed is recorded before.", f"There is no event {disclosed}.", missing=(disclosed,)
            )


def _require_approvals(approvals: tuple[str, ...], context: Context) -> None:
    for approval in approvals:
        context.require(f"approval/{approval}", Approval, f"The approval {approval}")


def _add_key(
    context: Context,
    actor: str,
    key: str,
    proof: str,
    expires: str | msgspec.UnsetType,
    claims: str | msgspec.UnsetType,
) -> None:
    if context.exists(f"key/{key}"):
        context.refuse("once", "A key is enrolled once, for one actor.", f"{key[:8]}… is already known.")
        return
    try:
        genesis.check_key(context.origin, actor, KeyProof(key=key, proof=proof))
    except InvalidInput as error:
        context.refuse("key-proof", "A key proves that its holder meant it for this ledger.", str(error), mend=error.hint)
        return
    context.write(f"key/{key}", Key(actor=actor, claims=claims, expires=expires, since=context.index))
