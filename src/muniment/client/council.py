"""The members of a consortium: who votes now, what would change, who has agreed to it, and the change itself.

ledger.members.in_force()                               # None in a ledger of one operator
change = Change(member="bank", change="admit", validator_key=..., cosigner_key=...)
ledger.members.propose(change)                          # its terms, and how many voices the amendment rule still asks for
ledger.members.approve(change)                          # by those whom it asks
ledger.members.record(change)                           # acts after the block that it stands in

Approvals name the terms of a change, a digest over all of it, so that they count for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from muniment.client.consent import Consent, weigh
from muniment.client.drafting import Plain, draft
from muniment.client.identity import Keys
from muniment.client.key_request import Request
from muniment.client.moments import Moment
from muniment.client.things import Recorded
from muniment.client.verbs.releasing import Releasing
from muniment.client.world import World
from muniment.client.writing import Writer, refusal, seal_and_forget
from muniment.core.rules import members
from muniment.core.rules.events import MemberChanged
from muniment.core.rules.events.control import MemberChange
from muniment.core.rules.members import Publisher
from muniment.core.rules.records import Actor, Consortium, Membership
from muniment.errors import InvalidInput, InvariantError, NotFound
from muniment.ledger.ids import new_event_id
from muniment.ledger.refusals import NODE

CHANGES = "member.changed"

UNSET = msgspec.UNSET

_NEVER = "1970-01-01T00:00:00.000000Z"


class Change(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is to change about a member: to admit it or rotate its keys (64 hex), to remove it, to let it publish the log's line."""

    member: str
    change: MemberChange
    validator_key: str = ""
    cosigner_key: str = ""
    publisher_key: str = ""

    def fields(self) -> dict[str, Plain]:
        """The fields of the event."""
        return {
            "member": self.member,
            "change": self.change,
            "validatorKey": self.validator_key or None,
            "cosignerKey": self.cosigner_key or None,
            "publisherKey": self.publisher_key or None,
        }


class Seat(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the ledger knows of an organisation as a member.

    status: active or removed; `key` votes, at the validator's `address`; `cosigner` signs checkpoints
    index: the entry that changed it last (0: the genesis); faults: proofs that it signed twice; people: who is enrolled of it
    """

    organisation: str
    status: str
    key: str
    address: str
    cosigner: str
    index: int
    faults: int
    publishes: bool
    people: tuple[str, ...] = ()


class Council(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The members in force, who publishes, and how many of them make a proof; `tolerated` may fail or lie without harm."""

    members: tuple[Seat, ...]
    publisher: Publisher | None
    quorum: int
    tolerated: int


class Motion(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A change of the members as of now: its terms, who has agreed to it, and who is missing."""

    change: Change
    terms: str
    consent: Consent


class Members:
    """The members of one ledger, as its writer may look at and change them."""

    def __init__(self, writer: Writer, verbs: Releasing) -> None:
        self._writer = writer
        self._verbs = verbs

    def in_force(self) -> Council | None:
        """Who votes now; None in a ledger of one operator."""
        with self._writer.engine.view() as view:
            world = World(view)
            known = world.read("members", Consortium)
            if known is None:
                return None
            seats = tuple(self._seat(world, each, known) for each in known.active)
        publisher = None if known.publisher is UNSET else known.publisher
        quorum = members.quorum(len(seats))
        return Council(members=seats, publisher=publisher, quorum=quorum, tolerated=len(seats) - quorum)

    def show(self, organisation: str) -> Seat:
        """What the ledger knows of an organisation as a member, even a former one. Raises NotFound (`no-such-member`)."""
        with self._writer.engine.view() as view:
            world = World(view)
            known = world.read("members", Consortium) or Consortium(active=())
            if world.read(f"member/{organisation}", Membership) is None:
                raise NotFound(
                    f"{organisation} never was a member of this ledger",
                    code="no-such-member",
                    hint=f"Its members are {', '.join(known.active)}." if known.active else "It has one operator, and no members.",
                )
            return self._seat(world, organisation, known)

    def identify(self, change: Change) -> str:
        """The terms of a change: the digest that approvals name. Raises InvalidInput."""
        event = draft(CHANGES, {**self._common(), **change.fields()}, seal_and_forget)
        if not isinstance(event, MemberChanged):
            raise InvariantError("a change of members is drafted as something else")
        return event.terms()

    def propose(self, change: Change) -> Motion:
        """What the amendment rule still asks for before a change of the members. Records nothing. Raises InvalidInput."""
        terms, policy = self.identify(change), self._verbs.policy()
        with self._writer.engine.view() as view:
            world = World(view)
            known = world.read(f"member/{change.member}", Membership)
            since = -1 if known is None else known.index
            consent = weigh(self._verbs, world, policy, f"member/{change.member}/{terms}", since)
        return Motion(change=change, terms=terms, consent=consent)

    def approve(self, change: Change, *, reason: str | None = None, expires_at: Moment | None = None) -> Recorded:
        """Agree, as yourself, to a change of the members."""
        of: dict[str, Plain] = {"member": change.member, "terms": self.identify(change)}
        return self._verbs.decide(of, reason=reason, expires_at=expires_at)

    def record(self, change: Change, *, reason: str | None = None) -> Recorded:
        """Change the members, from the end of the block on that this event stands in. Finds and cites the approvals itself.

        Raises PolicyViolation where the amendment rule asks for more; InvalidInput (`nobody-enrolled`) where nobody is enrolled of
        an organisation that is to be admitted: afterwards only its own people could enrol anybody of it; (`no-consortium`) in a
        ledger of one operator, which gets all of its members at once (`move_in`).
        """
        if self.in_force() is None:
            raise InvalidInput(
                "this ledger has one operator, and gets all of its members at once",
                code="no-consortium",
                hint="Move it into a consortium: `muniment consortium new --from HOME`.",
            )
        self._check_enrolled(change)
        return self._verbs.record(CHANGES, self._draft(change, reason))

    def check_move_in(self, changes: Sequence[Change]) -> None:
        """Check that the amendment rule lets these in, before anybody is enrolled. Records nothing. Raises PolicyViolation."""
        drafted = [self._writer.sign(CHANGES, self._draft(each, None)) for each in changes]
        for judged in self._writer.engine.judge([raw for _, raw in drafted]):
            if any(each.rule == "amendment" for each in judged.reasons):
                raise refusal(judged)

    def move_in(self, changes: Sequence[Change], *, reason: str | None = None) -> list[Recorded]:
        """Give a ledger of one operator its members, all in one block: from its end on nothing counts that they do not cosign.

        It is the last block that the log's key alone seals. All of it is recorded, or nothing. Raises as `record`.
        """
        for each in changes:
            self._check_enrolled(each)
        return self._writer.append_together([self._writer.sign(CHANGES, self._draft(each, reason)) for each in changes])

    def enrol(self, organisation: str, person: Request, service: Request, roles: tuple[str, ...]) -> list[Recorded]:
        """Enrol the first person of an organisation with these roles, and its node, for which that person answers.

        What is enrolled already is left as it is; an actor without an organisation gets this one, and keeps its roles. Raises
        InvalidInput (`other-organisation`), and as `keys.admit`.
        """
        done = [
            self._enrol(organisation, person, roles, ()),
            self._enrol(organisation, service, (NODE,), (person.actor,)),
        ]
        return [each for each in done if each is not None]

    def _draft(self, change: Change, reason: str | None) -> dict[str, Plain]:
        return {**change.fields(), "approvals": list(self.propose(change).consent.approvals), "reason": reason}

    def _check_enrolled(self, change: Change) -> None:
        if change.change == "admit" and not self._people(change.member):
            raise InvalidInput(
                f"nobody is enrolled of {change.member}, and once it is a member only its own people can enrol anybody of it",
                code="nobody-enrolled",
                hint="Enrol its first person and its node before: `muniment member admit ANSWER --role ROLE` does it.",
            )

    def _enrol(self, organisation: str, asked: Request, roles: tuple[str, ...], responsible: tuple[str, ...]) -> Recorded | None:
        keys = Keys(self._writer, self._verbs)
        known = self._verbs.state(f"actor/{asked.actor}", Actor)
        if known is None:
            return keys.admit(asked, roles=roles, organisation=organisation, responsible=responsible)
        if known.organisation is UNSET:
            return keys.assign(asked.actor, organisation=organisation)
        if known.organisation != organisation:
            raise InvalidInput(
                f"{asked.actor} is enrolled as one of {known.organisation}",
                code="other-organisation",
                hint=f"{organisation} joins again, with another --person.",
            )
        return None

    def _seat(self, world: World, organisation: str, consortium: Consortium) -> Seat:
        known = world.read(f"member/{organisation}", Membership)
        if known is None:
            raise InvariantError(f"the member {organisation} has no record")
        publisher = consortium.publisher
        return Seat(
            organisation=organisation,
            status=known.status,
            key=known.key,
            address=members.address(known.key),
            cosigner=known.cosigner,
            index=known.index,
            faults=known.faults,
            publishes=publisher is not UNSET and publisher.organisation == organisation,
            people=self._people(organisation),
        )

    def _people(self, organisation: str) -> tuple[str, ...]:
        return tuple(actor.id for actor in self._verbs.index.actors() if actor.organisation == organisation)

    def _common(self) -> dict[str, Plain]:
        """What every event says, for one that nobody signs."""
        return {"ledger": self._writer.trust.ledger, "eventId": new_event_id(), "occurredAt": _NEVER, "actor": NODE}
