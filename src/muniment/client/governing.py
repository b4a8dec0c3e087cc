"""The policy over time: which one is in force, what another would change, who has approved it, what a deployment still lacks.

ledger.policies.propose(policy)                 # what changes, and how many approvals the amendment rule still asks for
ledger.policies.approve(policy)                 # by those whom it asks
ledger.policies.amend(policy)                   # acts from the next block on
ledger.policies.explain("production", "credit-risk@7")
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from muniment.client import moments
from muniment.client.consent import weigh
from muniment.client.governed import Approved, Enacted, Explanation, Proposal
from muniment.client.moments import Moment
from muniment.client.things import Recorded
from muniment.client.verbs.releasing import Releasing
from muniment.client.world import World
from muniment.client.writing import Writer
from muniment.core.format import digest as digests
from muniment.core.format import entry
from muniment.core.rules import ancestry, events, genesis, policy_text
from muniment.core.rules import policy as policies
from muniment.core.rules.policy import Policy
from muniment.core.rules.records import Actor, Approval, Consortium, PolicyInForce, Version
from muniment.core.rules.requirements import Case, Finding, evaluate
from muniment.errors import CorruptStore, InvalidInput, NotFound
from muniment.ledger.engine import View

AMENDS = "policy.amended"
DEPLOYS = "deployment.changed"
ENROLS = "actor.enrolled"

# Kinds of streams that are named after the event that made them.
_OF_EVENTS = frozenset({"approval", "evaluation", "waiver"})


class Policies:
    """The policies of one ledger, as its writer may look at and change them."""

    def __init__(self, writer: Writer, verbs: Releasing) -> None:
        self._writer = writer
        self._verbs = verbs

    def in_force(self) -> Enacted:
        """The policy in force, and since when."""
        with self._writer.engine.view() as view:
            found = World(view).read("policy", PolicyInForce)
            return _enacted(view, 0 if found is None else found.index)

    def history(self) -> list[Enacted]:
        """Every policy that was ever in force, the first one first."""
        indices = self._verbs.index.stream_indices("policy")
        with self._writer.engine.view() as view:
            return [_enacted(view, index) for index in indices]

    def propose(self, policy: Policy) -> Proposal:
        """What a policy would change, who has approved it, and what the amendment rule in force still asks for."""
        digest = policies.identify(policy)
        current, active = self.in_force(), self.members()
        with self._writer.engine.view() as view:
            world = World(view)
            consent = weigh(self._verbs, world, current.policy, f"policy/{digest}", current.index)
        return Proposal(
            digest=digest,
            in_force=digest == current.digest,
            changes=policy_text.compare(current.policy, policy, active),
            tallies=consent.tallies,
            approvals=consent.approvals,
            silent=consent.silent,
            doubts=_doubts(current.policy, policy, active),
            stranded=tuple(self._find_stranded(policy)),
            vacancies=self.vacancies(policy),
            locked_out=not any(policy.may(actor.roles, ENROLS) for actor in self._verbs.index.actors()),
        )

    def approve(self, policy: Policy | str, *, reason: str | None = None, expires_at: Moment | None = None) -> Recorded:
        """Agree, as yourself, that a policy (or the one of this digest) takes the place of the one in force."""
        digest = policy if isinstance(policy, str) else policies.identify(policy)
        return self._verbs.decide({"policy": digest}, reason=reason, expires_at=expires_at)

    def amend(self, policy: Policy, *, reason: str | None = None) -> Recorded:
        """Put a policy in the place of the one in force, from the next block on. Finds and cites the approvals itself.

        Raises InvalidInput (`same-policy`; `locked-out` where nobody could enrol anybody any more), PolicyViolation where the
        amendment rule asks for more.
        """
        proposal = self.propose(policy)
        if proposal.in_force:
            raise InvalidInput(
                f"the policy {digests.short(proposal.digest)} is in force already",
                code="same-policy",
                hint="`muniment policy diff FILE` shows what a file would change.",
            )
        if proposal.locked_out:
            raise InvalidInput(
                f"nobody who is enrolled could enrol anybody under this policy: no actor holds a role that may write {ENROLS}",
                code="locked-out",
                hint=f"Amend in two steps: first keep a role that somebody holds and give it {ENROLS!r}, and leave it out once "
                "somebody else holds another one.",
            )
        fields = {"policy": msgspec.to_builtins(policy), "approvals": list(proposal.approvals), "reason": reason}
        return self._verbs.record(AMENDS, fields)

    def explain(self, environment: str, version: str, *, deployer: str | None = None, anybody: bool = False) -> Explanation:
        """Which requirement is met by what, and what is missing, if a version were deployed to an environment now.

        `deployer` is an actor; without one it is the writer, where a role of his may deploy, else it is left open: then nobody
        is kept apart as the deployer. `anybody` leaves it open at once. Raises NotFound.
        """
        current = self.in_force()
        drafted = self._verbs.draft_deployment(version, environment)
        digest = str(drafted["version"])
        actor = None if anybody else deployer or self._deployer(current.policy)
        with self._writer.engine.view() as view:
            world = World(view)
            if world.read(f"version/{digest}", Version) is None:
                raise NotFound(f"the version {digests.short(digest)} is not registered", code="no-such-version")
            case = Case(
                environment=environment,
                version=digest,
                transition=str(drafted["transition"]),
                time=moments.now(),
                deployer=() if actor is None else self._persons(world, actor),
                approvals=tuple(self._verbs.open_approvals(digest, environment)),
                evaluations=tuple(self._verbs.evaluations_of(digest)),
                waivers=tuple(self._verbs.open_waivers(digest, environment)),
            )
            policy = current.policy if actor is not None else _without_deployer(current.policy)
            findings = evaluate(world, policy, case, ancestry.walk(world, digest))
            if actor is not None:
                findings = (_judge_role(world, policy, actor), *findings)
            entries = {stream: index for stream in _named(findings) if (index := _entry_of(view, stream)) is not None}
        return Explanation(
            environment=environment,
            version=digest,
            title=self._verbs.index.name_of(digest) or digests.short(digest),
            transition=case.transition,
            deployer=actor,
            policy=current.digest,
            since=current.index,
            findings=findings,
            entries=entries,
        )

    def vacancies(self, policy: Policy) -> tuple[str, ...]:
        """Where a policy asks for more persons of a role than hold it now, each as a sentence."""
        found = []
        for each in policy.environments:
            for wanted in each.approvals:
                held = len(self.holders(wanted.role))
                if held < wanted.count:
                    found.append(f"{each.name} needs {wanted.count} as {wanted.role}, and {_tell_holders(held)}.")
        return (*found, *self._find_mute(policy))

    def holders(self, role: str) -> tuple[str, ...]:
        """The persons who hold a role."""
        return tuple(actor.id for actor in self._verbs.index.actors("person") if role in actor.roles)

    def members(self) -> int:
        """How many members have a voice in a change of the rules; 0 in a ledger of one operator, where persons have."""
        return len(self._active())

    def _active(self) -> tuple[str, ...]:
        known = self._verbs.state("members", Consortium)
        return () if known is None else known.active

    def _find_mute(self, policy: Policy) -> Iterator[str]:
        """Where a policy asks for more voices in a change of itself than there are, each as a sentence."""
        active = self._active()
        for wanted in policy.amendment:
            holders = [actor for actor in self._verbs.index.actors("person") if wanted.role in actor.roles]
            held = len({actor.organisation for actor in holders} & {*active} if active else holders)
            needed = wanted.needed(len(active))
            if held < needed:
                said = _tell_members(held) if active else _tell_holders(held)
                yield f"A change of the policy needs {needed} as {wanted.role}, and {said}."

    def _find_stranded(self, policy: Policy) -> Iterator[str]:
        roles = {role.name for role in policy.roles}
        for actor in self._verbs.index.actors():
            gone = sorted({*actor.roles} - roles)
            if gone:
                yield f"{actor.id} ({', '.join(gone)})"

    def _deployer(self, policy: Policy) -> str | None:
        try:
            actor = self._writer.actor
        except InvalidInput:
            return None
        state = self._verbs.state(f"actor/{actor}", Actor)
        return actor if state is not None and policy.may(state.roles, DEPLOYS) else None

    def _persons(self, world: World, actor: str) -> tuple[str, ...]:
        state = world.read(f"actor/{actor}", Actor)
        if state is None:
            raise NotFound(f"there is no actor {actor!r}", code="no-such-actor", hint="`muniment keys list` shows every actor.")
        return tuple(sorted({*state.persons(actor), *self._writer.on_behalf_of}))


def _enacted(view: View, index: int) -> Enacted:
    read = entry.decode(view.entry(index))
    height = view.sealed_by(index)
    time = view.header(height).time
    if isinstance(read, entry.Header):
        policy = genesis.decode(bytes(read.genesis or b"")).policy
        return Enacted(policy=policy, digest=policies.identify(policy), index=index, height=height, time=time)
    event = events.decode(read.payload)
    if not isinstance(event, events.PolicyAmended):
        raise CorruptStore(f"entry {index} carries no policy", details={"table": "record", "row": "policy"})
    world = World(view)
    approvals = [(each, world.read(f"approval/{each}", Approval)) for each in event.approvals]
    return Enacted(
        policy=event.policy,
        digest=policies.identify(event.policy),
        index=index,
        height=height,
        time=time,
        actor=event.actor,
        approvals=tuple(
            Approved(event_id=event_id, index=state.index, persons=state.persons, roles=state.roles)
            for event_id, state in approvals
            if state is not None
        ),
    )


def _doubts(old: Policy, new: Policy, active: int) -> tuple[str, ...]:
    known = frozenset(policy_text.doubts(old, active))
    return tuple(each for each in policy_text.doubts(new, active) if each not in known)


def _tell_holders(count: int) -> str:
    return f"{count or 'nobody'} {'persons hold' if count > 1 else 'person holds' if count else 'holds'} that role"


def _tell_members(count: int) -> str:
    return f"{count or 'no'} {'members have' if count > 1 else 'member has'} somebody with that role"


def _judge_role(world: World, policy: Policy, actor: str) -> Finding:
    """Whether an actor may deploy at all: a condition of every event, which no environment asks for by itself."""
    state = world.read(f"actor/{actor}", Actor)
    roles = () if state is None else state.roles
    able = policy.roles_that_may(DEPLOYS)
    # What is given takes the place of all roles that an actor has.
    given = " ".join(f"--role {each}" for each in sorted({*roles, *able[:1]}))
    return Finding(
        rule="role",
        required=f"{DEPLOYS} is for {policy_text.join(able, 'or') or 'nobody'}.",
        met=policy.may(roles, DEPLOYS),
        found=f"{actor} holds {policy_text.join(roles) or 'no role'}.",
        mend=f"Let somebody deploy it who may, or give the role: `muniment keys roles {actor} {given}`."
        if able
        else "Ask for a policy in which a role may deploy.",
    )


def _without_deployer(policy: Policy) -> Policy:
    """The same policy, which keeps nobody apart as the deployer."""
    return msgspec.structs.replace(
        policy,
        environments=tuple(
            msgspec.structs.replace(each, separation=tuple(party for party in each.separation if party != "deployer"))
            for each in policy.environments
        ),
    )


def _named(findings: tuple[Finding, ...]) -> Iterator[str]:
    for finding in findings:
        yield from finding.by
        if finding.waived:
            yield f"waiver/{finding.waived}"


def _entry_of(view: View, stream: str) -> int | None:
    """The entry of the event that a stream is named after, where it is named after one."""
    kind, _, event_id = stream.partition("/")
    return view.find(event_id) if kind in _OF_EVENTS else None
