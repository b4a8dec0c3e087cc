"""Effects on the ledger's own order: actors, keys, policy, protocol."""

import msgspec

from muniment.core.rules import genesis, policy
from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import (
    ActorEnrolled,
    AttemptRefused,
    DisclosureMade,
    KeyChanged,
    LedgerLinked,
    PolicyAmended,
    ProtocolUpgraded,
)
from muniment.core.rules.genesis import KeyProof
from muniment.core.rules.policy import Agreement
from muniment.core.rules.records import Actor, Approval, Consortium, Key, Link, PolicyInForce, Protocol
from muniment.core.rules.requirements import Asked, count_approvals, count_members, count_voices, hear
from muniment.errors import InvalidInput


@effect.register
def _enrolled(event: ActorEnrolled, context: Context) -> None:
    for person in event.responsible:
        enrol = "Enrol first who answers for it: `muniment keys admit LINE --role ROLE`."
        found = context.require(f"actor/{person}", Actor, f"The person {person}", mend=enrol)
        if found is not None:
            if found.kind != "person":
                context.refuse("actor", "Those responsible for a service are persons.", f"{person} is a {found.kind}.")
            context.require_own(person, found.organisation)
    unknown = sorted({*event.roles} - {role.name for role in context.policy.roles})
    if unknown:
        context.refuse(
            "roles",
            f"Roles are those of the policy in force: {', '.join(role.name for role in context.policy.roles)}.",
            f"It has no {', '.join(unknown)}.",
        )
    known = context.read(f"actor/{event.of}", Actor)
    if known is not None and known.kind != event.kind:
        context.refuse("actor", "An actor stays what it is.", f"{event.of} is a {known.kind}.")
    for organisation in dict.fromkeys((event.organisation, event.organisation if known is None else known.organisation)):
        context.require_own(event.of, organisation)
    context.write(
        f"actor/{event.of}",
        Actor(kind=event.kind, organisation=event.organisation, responsible=event.responsible, roles=event.roles),
    )
    for each in event.keys:
        _add_key(context, event.of, each.key, each.proof, msgspec.UNSET, msgspec.UNSET)


@effect.register
def _key(event: KeyChanged, context: Context) -> None:
    holder = context.require(f"actor/{event.of}", Actor, f"The actor {event.of}")
    if holder is not None:
        context.require_own(event.of, holder.organisation)
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
    if event.change == "rotate":
        _check_rotation(event, key, context)
    until = context.index if key.until is msgspec.UNSET else key.until
    disputed = key.disputed_from
    if event.from_index is not msgspec.UNSET:
        if event.from_index > context.index:
            newest = f"The newest is {context.index - 1}, and the event says {event.from_index}."
            context.refuse("from-index", "A key is disputed from an entry that exists.", newest)
        # What was disputed once stays so: a second report only reaches further back.
        disputed = event.from_index if disputed is msgspec.UNSET else min(disputed, event.from_index)
    context.write(f"key/{ended}", msgspec.structs.replace(key, until=until, disputed_from=disputed))


def _check_rotation(event: KeyChanged, old: Key, context: Context) -> None:
    """A key takes the place of a living one, and who rotates without a role gets no more time than was given to him."""
    if old.until is not msgspec.UNSET:
        context.refuse("key", "A key is rotated while it is valid.", "The one that it replaces has ended.")
    if context.policy.may(context.roles, event.NAME):
        return
    if event.claims_digest is not msgspec.UNSET and event.claims_digest != old.claims:
        context.refuse(
            "key",
            "Who rotates a key of his own says nothing new about its holder.",
            "The claims are not those of the key that it replaces.",
            mend="Leave them out, or ask somebody who may change keys.",
        )
    longer = event.expires_at is msgspec.UNSET or event.expires_at > str(old.expires)
    if old.expires is not msgspec.UNSET and longer:
        context.refuse(
            "key",
            "A key that expires is rotated to one that expires no later.",
            f"The old one expires at {old.expires}.",
            mend="Ask somebody who may change keys.",
        )


@effect.register
def _policy(event: PolicyAmended, context: Context) -> None:
    digest, in_force = policy.identify(event.policy), context.read("policy", PolicyInForce)
    require_approvals(event.approvals, f"policy/{digest}", -1 if in_force is None else in_force.index, context)
    context.write("policy", PolicyInForce(digest=digest, index=context.index))


@effect.register
def _protocol(event: ProtocolUpgraded, context: Context) -> None:
    require_approvals(event.approvals, f"protocol/{event.protocol}", -1, context)
    known = context.read("protocol", Protocol)
    # Whatever this release speaks: validators of two releases must not differ. One that does not speak it stops at the next block.
    if known is None or event.protocol != known.number + 1:
        context.refuse(
            "protocol",
            "A protocol is followed by the next one.",
            f"In force is {known.number if known else 'none'}.",
        )
    context.write("protocol", Protocol(number=event.protocol))


@effect.register
def _linked(event: LedgerLinked, context: Context) -> None:
    context.write(f"link/{event.linked}", Link(genesis=event.linked, trust=event.trust_digest))


@effect.register
def _attempt(event: AttemptRefused, context: Context) -> None:
    context.require_stream(f"actor/{event.of}", f"The actor {event.of}")
    if context.kind != "service":
        context.refuse("actor", "A refusal is recorded by the service that refused.", f"{event.actor} is a {context.kind}.")


@effect.register
def _disclosure(event: DisclosureMade, context: Context) -> None:
    for disclosed in event.events:
        if context.payload(disclosed) is None:
            context.refuse(
                "unknown", "What is disclosed is recorded before.", f"There is no event {disclosed}.", missing=(disclosed,)
            )


def require_approvals(approvals: tuple[str, ...], of: str, since: int, context: Context) -> None:
    """What changes the ledger's own order follows the amendment rule of the policy in force; no waiver lifts it.

    An approval is used up: none counts of entry `since`, at which the same thing was last decided, or from before. In a
    consortium each member has one voice, however many persons speak for it. A quorum is one of the members who are active here
    and now; where there are fewer members than a number asks for, all are enough: else the last ones could change nothing.
    """
    consortium = context.read("members", Consortium)
    active = () if consortium is None else consortium.active
    for approval in approvals:
        context.require(f"approval/{approval}", Approval, f"The approval {approval}")
    heard = hear(context, Asked(of=of, time=context.time, after=since), approvals)
    for wanted in context.policy.amendment:
        voices = count_members(heard, wanted.role, active) if active else count_voices(heard, wanted.role)
        needed = wanted.needed(len(active))
        if len(voices) < needed:
            told = " and ".join(each.told() for each in voices) or "nobody"
            silent = [f"Not {each.told()}: {each.silent}." for each in heard if each.silent]
            short = needed - len(voices)
            context.refuse(
                "amendment",
                f"The policy in force asks for {_tell_voices(wanted, len(active))} in the role {wanted.role} "
                f"to approve this {of.partition('/')[0]}.",
                " ".join([f"Counted: {told}.", *silent]),
                missing=(f"{count_approvals(short, 'more ')} by {wanted.role}",),
                mend="Approvers run `muniment policy approve FILE`." if of.startswith("policy/") else "",
            )


def _tell_voices(wanted: Agreement, active: int) -> str:
    """`9 members (more than two thirds of 13)`"""
    needed, voice = wanted.needed(active), "member" if active else "person"
    why = f" (more than two thirds of {active})" if wanted.grows and active else ""
    return f"{needed} {voice if needed == 1 else f'{voice}s'}{why}"


def _add_key(
    context: Context,
    actor: str,
    key: str,
    proof: str,
    expires: str | msgspec.UnsetType,
    claims: str | msgspec.UnsetType,
) -> None:
    if context.exists(f"key/{key}"):
        context.refuse(
            "once",
            "A key is enrolled once, for one actor.",
            f"{key[:8]}… is already known.",
            mend=f"Another key is made by `muniment keys request --actor {actor} --new`; "
            f"roles are changed by `muniment keys roles {actor}`.",
        )
        return
    try:
        genesis.check_key(context.origin, actor, KeyProof(key=key, proof=proof))
    except InvalidInput as error:
        context.refuse("key-proof", "A key proves that its holder meant it for this ledger.", str(error), mend=error.hint)
        return
    context.write(f"key/{key}", Key(actor=actor, claims=claims, expires=expires, since=context.index))
