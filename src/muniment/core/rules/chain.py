"""The state machine: what becomes an entry, and what the ledger then knows (docs/spec, section 6).

    submission = open_submission(raw)                   # signature and form, once
    transition = apply(reader, block)                   # verdicts, admitted entries, new records
    sealed = seal(block, transition, state_root)        # the header, once the map's new root is known

`apply` is a pure function of what it is given: engines order blocks and keep bytes, and nothing but this decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from muniment.core.format import dsse, entry, keys, merkle, state_map
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.format.dsse import Envelope
from muniment.core.format.entry import Header
from muniment.core.format.merkle import Frontier
from muniment.core.rules import council, effects, events, members, policy
from muniment.core.rules import genesis as genesis_rules
from muniment.core.rules.effects.context import Context
from muniment.core.rules.events import Event, MemberChanged
from muniment.core.rules.members import Fault, Validators
from muniment.core.rules.overlay import Overlay, Reader, Writes
from muniment.core.rules.policy import Policy, Reason, Verdict
from muniment.core.rules.records import (
    Actor,
    Approval,
    Key,
    PolicyInForce,
    Protocol,
)
from muniment.errors import InvalidInput, Unavailable


class Submission(msgspec.Struct, frozen=True, gc=False):
    """An event whose signature holds over the received bytes: all that `apply` needs of it. `keys` are its streams' map keys."""

    event: Event
    envelope: Envelope
    leaf: bytes
    streams: tuple[str, ...]
    keys: tuple[bytes, ...]


class Position(msgspec.Struct, frozen=True):
    """Where a ledger stands: everything that the next header commits to. `leaf` is the newest header's."""

    ledger: str
    origin: str
    height: int
    time: str
    leaf: bytes
    frontier: Frontier

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that ends there."""
        return Checkpoint(self.origin, self.frontier.size, self.frontier.root())


class Block(msgspec.Struct, frozen=True):
    """What is about to be judged, in order, and the time that its header will carry.

    `faults` are what the engine proved of its validators since the last block; the embedded engine has none.
    """

    position: Position
    policy: Policy
    time: str
    submissions: Sequence[Submission]
    faults: tuple[Fault, ...] = ()


class Transition(msgspec.Struct, frozen=True):
    """The outcome of a block: a verdict for each submission, the entries to append, the records to write by map key.

    `protocol` is the number by which it was judged; `validators` the members after it, where it changed them; `faults` what
    its header says of validators.
    """

    verdicts: tuple[Verdict, ...]
    admitted: tuple[Submission, ...]
    records: dict[bytes, bytes]
    protocol: int = entry.PROTOCOL
    validators: Validators | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def seals(self) -> bool:
        """Whether there is anything to seal: what admits nothing and proves nothing is no block."""
        return bool(self.admitted or self.faults)


class Sealed(msgspec.Struct, frozen=True):
    """A sealed block: its header, and where the ledger stands after it."""

    header: Header
    raw: bytes
    position: Position

    @classmethod
    def of(cls, header: Header, ledger: str, origin: str, frontier: Frontier) -> Sealed:
        """A block by its header; `frontier` ends before it. An empty `ledger` is one that this header founds."""
        raw = entry.encode_header(header)
        leaf = merkle.leaf(raw)
        position = Position(ledger or leaf.hex(), origin, header.height, header.time, leaf, frontier.append(leaf))
        return cls(header, raw, position)


def open_submission(raw: bytes) -> Submission:
    """Check form and signature of a submitted entry. Raises InvalidInput; a bad signature is code `bad-signature`."""
    return open_submissions((raw,))[0]


def open_submissions(entries: Sequence[bytes]) -> list[Submission]:
    """The same for several entries, one step for all before the next: verification would evict what the others have cached."""
    envelopes = [dsse.decode(raw) for raw in entries]
    for envelope in envelopes:
        if not keys.is_valid(envelope.key, dsse.pae(envelope.payload), envelope.signature):
            raise InvalidInput(
                "the signature does not fit the payload and the key that it names",
                code="bad-signature",
                hint="Sign the exact payload bytes again; see docs/spec section 3.",
            )
    return [decode_envelope(envelope, merkle.leaf(raw)) for raw, envelope in zip(entries, envelopes, strict=True)]


def decode_envelope(envelope: Envelope, leaf: bytes) -> Submission:
    """Check the form only: for a caller that has the signature verified elsewhere. `leaf` is the entry's."""
    event = events.decode(envelope.payload)
    streams = events.streams(event)
    return Submission(event, envelope, leaf, streams, tuple([state_map.key(name) for name in streams]))


def touched(submissions: Sequence[Submission]) -> set[bytes]:
    """The map keys of the streams that a block writes where all of it is admitted: a store fetches them in one batch."""
    return {key for submission in submissions for key in submission.keys}


def apply(reader: Reader, block: Block) -> Transition:
    """Judge the events of a block in order, later ones seeing earlier ones. A pure function of its arguments.

    Raises Unavailable (`protocol-unknown`) where the protocol in force is one that this release does not speak.
    """
    overlay = Overlay(reader)
    protocol = _protocol_in_force(overlay)
    verdicts: list[Verdict] = []
    admitted: list[Submission] = []
    seen: dict[str, tuple[int, bytes]] = {}
    index = block.position.frontier.size
    for submission in block.submissions:
        event = submission.event
        verdict = _repeated(overlay, block.position, submission, seen)
        if verdict is None:
            overlay.load(submission.streams, submission.keys)
            keyid = submission.envelope.key.hex()
            context = Context(overlay, block.policy, block.position.origin, index, block.time, keyid, event)
            writes = _judge(context, event)
            if context.reasons:
                verdict = Verdict(decision="refused", event_id=event.event_id, reasons=tuple(context.reasons))
            elif context.first >= 0:
                verdict = Verdict(decision="repeated", event_id=event.event_id, index=context.first)
            else:
                overlay.touch(submission.streams, submission.keys, index, submission.leaf, writes)
                seen[event.event_id] = index, submission.envelope.payload
                overlay.bodies[index] = submission.envelope.payload
                admitted.append(submission)
                verdict = Verdict(decision="admitted", event_id=event.event_id, index=index)
                index += 1
        verdicts.append(verdict)
    changed = any(isinstance(submission.event, MemberChanged) for submission in admitted)
    validators = council.read(overlay) if changed else None
    faults = council.name(overlay, block.faults) if block.faults else ()
    transition = Transition(tuple(verdicts), tuple(admitted), {}, protocol, validators, faults)
    if faults:
        frontier = block.position.frontier.extend([submission.leaf for submission in admitted])
        council.note(overlay, faults, index, entry.leaf_without_state(_header(block, transition, frontier, "")))
    return msgspec.structs.replace(transition, records=overlay.records()) if transition.seals else transition


def seal(block: Block, transition: Transition, state: bytes) -> Sealed:
    """The header over a block that has something to seal; `state` is the root of the map after it."""
    frontier = block.position.frontier.extend([submission.leaf for submission in transition.admitted])
    header = _header(block, transition, frontier, state.hex())
    return Sealed.of(header, block.position.ledger, block.position.origin, frontier)


def policy_in_force(reader: Reader) -> Policy:
    """The policy that judges the next block: the genesis's, or that of the last amendment."""
    found = Overlay(reader).read("policy", PolicyInForce)
    if found is None:
        raise InvalidInput("the ledger has no policy", code="no-genesis")
    raw = reader.event(found.index)
    if found.index == 0:
        rules = genesis_rules.decode(bytes(entry.decode_header(raw).genesis or b"")).policy
    else:
        amended = events.decode(raw)
        if not isinstance(amended, events.PolicyAmended):
            raise InvalidInput(f"entry {found.index} carries no policy", code="no-policy")
        rules = amended.policy
    if policy.identify(rules) != found.digest:
        raise InvalidInput(f"the policy of entry {found.index} is not the one that the record names", code="no-policy")
    return rules


def validators_in_force(reader: Reader) -> Validators | None:
    """The members who judge the next block; None in a ledger with one operator."""
    overlay = Overlay(reader)
    return council.read(overlay) if overlay.exists("members") else None


def _protocol_in_force(overlay: Overlay) -> int:
    known = overlay.read("protocol", Protocol)
    if known is None:
        raise InvalidInput("the ledger has no protocol", code="no-genesis")
    try:
        entry.check_protocol(known.number)
    except InvalidInput as error:
        # No fault of what was submitted: this ledger has gone on, and this release with it no more.
        raise Unavailable(str(error), code=error.code, hint=error.hint) from None
    return known.number


def _header(block: Block, transition: Transition, frontier: Frontier, state: str) -> Header:
    validators, faults = transition.validators, transition.faults
    return Header(
        height=block.position.height + 1,
        time=block.time,
        previous=block.position.leaf.hex(),
        size=frontier.size,
        root=frontier.root().hex(),
        state=state,
        protocol=transition.protocol,
        validators=msgspec.UNSET if validators is None else msgspec.Raw(members.encode(validators)),
        evidence=msgspec.Raw(members.encode_faults(faults)) if faults else msgspec.UNSET,
    )


def _repeated(overlay: Overlay, position: Position, submission: Submission, seen: dict[str, tuple[int, bytes]]) -> Verdict | None:
    """The ledger and the event id: an event of another ledger, a repetition, a conflict, or None for a new one."""
    event, payload = submission.event, submission.envelope.payload
    if event.ledger != position.ledger:
        return _refused(
            event,
            Reason(
                rule="ledger",
                required="An event belongs to the ledger whose id it signs.",
                found=f"This one was signed for {event.ledger[:8]}…, and this ledger is {position.ledger[:8]}….",
            ),
        )
    if event.event_id in seen:
        index, earlier = seen[event.event_id]
    else:
        stored = overlay.reader.find(event.event_id)
        if stored is None:
            return None
        index, earlier = stored, overlay.reader.event(stored)
    if earlier == payload:
        return Verdict(decision="repeated", event_id=event.event_id, index=index)
    return _refused(
        event,
        Reason(
            rule="event-id",
            required="An event id is used once.",
            found=f"Entry {index} has the same id and says something else.",
            mend="Give the new event an id of its own.",
        ),
    )


def _judge(context: Context, event: Event) -> Writes:
    """What the event changes if nothing speaks against it: the laws that hold for every event, then its own."""
    _judge_signer(context, event)
    if context.reasons:
        return {}
    effects.EFFECTS[type(event)](event, context)
    return {} if context.reasons or not context.writes else context.encode_writes()


def _judge_signer(context: Context, event: Event) -> None:
    """The laws that hold for every event: who signs, with which key, in which role."""
    signer = context.keyid, event.actor, event.NAME
    known = context.overlay.vouched.get(signer)
    if known is not None and not event.on_behalf_of:
        context.speak_for(known)
        return
    key = context.read(f"key/{context.keyid}", Key)
    if key is None or key.actor != event.actor:
        context.refuse(
            "key",
            f"An event is signed with a key of the actor that it names, {event.actor}.",
            f"Key {context.keyid[:8]}… belongs to {'nobody here' if key is None else key.actor}.",
            mend=f"Sign with your own key, or ask for it to be admitted: `muniment keys request --actor {event.actor}`.",
        )
        return
    if key.until is not msgspec.UNSET or (key.expires is not msgspec.UNSET and key.expires <= context.time):
        context.refuse(
            "key",
            "A key signs while it is valid.",
            f"Key {context.keyid[:8]}… of {event.actor} is no longer valid.",
            mend=f"Ask for another one to be admitted: `muniment keys request --actor {event.actor} --new`.",
        )
    actor = context.read(f"actor/{event.actor}", Actor)
    if actor is None or actor.status != "active":
        context.refuse("actor", "An actor is enrolled and active.", f"{event.actor} is not.")
        return
    context.speak_for(actor)
    for person in event.on_behalf_of:
        found = context.read(f"actor/{person}", Actor)
        if found is None or found.kind != "person":
            context.refuse("actor", "`onBehalfOf` names enrolled persons.", f"{person} is none.")
    allowed = context.policy.may(actor.roles, event.NAME)
    if not allowed and not _is_own_affair(context, event):
        held = ", ".join(actor.roles) or "no role"
        able = " or ".join(context.policy.roles_that_may(event.NAME)) or "nobody"
        mend = "Let somebody with that role do it: `muniment keys list` shows who has which."
        if able == "nobody":
            mend = "Ask for a policy in which a role may write it."
        context.refuse("role", f"`{event.NAME}` is for {able}.", f"{event.actor} holds {held}.", mend=mend)
    if allowed and not context.reasons:
        context.overlay.vouched[signer] = actor


def _is_own_affair(context: Context, event: Event) -> bool:
    """What needs no role: to end or replace a key of one's own, and to take back a decision of one's own."""
    if isinstance(event, events.KeyChanged):
        return event.of == event.actor and event.change != "add"
    if isinstance(event, events.ApprovalDecided) and event.revokes is not msgspec.UNSET:
        revoked = context.read(f"approval/{event.revokes}", Approval)
        return revoked is not None and bool(set(revoked.persons) & set(context.own_persons))
    return False


def _refused(event: Event, reason: Reason) -> Verdict:
    return Verdict(decision="refused", event_id=event.event_id, reasons=(reason,))
