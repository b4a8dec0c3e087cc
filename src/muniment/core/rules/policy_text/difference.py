"""What changes from one policy to another, in words: what becomes stricter, and what looser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from muniment.core.format import decimal
from muniment.core.rules.policy import ANY, Agreement, Approvals, DataTerms, Environment, Policy, Role, Threshold
from muniment.core.rules.policy_text.sentence import QUORATE, describe_role, describe_threshold, join, whoever

Effect = Literal["stricter", "looser", "different"]


class Change(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One change: of what (`roles.approver`, `environments.production`), what it does, and the sentence that tells it."""

    of: str
    effect: Effect
    sentence: str


def compare(old: Policy, new: Policy, active: int | None = None) -> tuple[Change, ...]:
    """Every change from `old` to `new`; none where they are the same policy.

    active: how many members there are, 0 in a ledger of one operator. Where that is open, a quorum is neither more nor less than
        a number.
    """
    changes = [
        *_environments(old, new),
        *_agreements(old.amendment, new.amendment, active),
        *_hold_roles(old.hold_roles, new.hold_roles),
        *_refusals(old.record_refusals, new.record_refusals),
        *_roles(old, new),
    ]
    return tuple(changes)


def _environments(old: Policy, new: Policy) -> Iterator[Change]:
    before, after = {each.name: each for each in old.environments}, {each.name: each for each in new.environments}
    if before and not after:
        yield _say("environments", "looser", "No environment is listed any more: nothing is asked of any deployment.")
        return
    if after and not before:
        yield _say("environments", "stricter", f"Only {join(after)} may be deployed to; before, any environment could be.")
    for name in sorted(before.keys() | after.keys()):
        place = f"environments.{name}"
        if name not in after:
            yield _say(place, "stricter", f"Nothing can be deployed to {name} any more.")
        elif name not in before and before:
            yield _say(place, "looser", f"{name} is a new environment, to which versions may be deployed.")
        if name in after:
            yield from _environment(place, before.get(name, Environment(name=name)), after[name])


def _environment(place: str, old: Environment, new: Environment) -> Iterator[Change]:
    name = new.name
    yield from _approvals(place, name, old.approvals, new.approvals)
    if come := [party for party in new.separation if party not in old.separation]:
        yield _say(place, "stricter", f"For {name}, the approval of {whoever(come)} does not count any more.")
    if gone := [party for party in old.separation if party not in new.separation]:
        yield _say(place, "looser", f"For {name}, the approval of {whoever(gone)} counts from now on.")
    yield from _thresholds(place, name, old.evaluations, new.evaluations)
    if old.max_approval_age_days != new.max_approval_age_days:
        yield _age(place, name, old.max_approval_age_days, new.max_approval_age_days)
    yield from _terms(place, name, old.data, new.data)


def _approvals(place: str, what: str, old: Sequence[Approvals], new: Sequence[Approvals]) -> Iterator[Change]:
    before, after = {each.role: each.count for each in old}, {each.role: each.count for each in new}
    for role in sorted(before.keys() | after.keys()):
        was, now = before.get(role, 0), after.get(role, 0)
        if was != now:
            said = f"{what} needs {now or 'no'} {'approval' if now == 1 else 'approvals'} by the role {role}, not {was or 'none'}."
            yield _say(place, "stricter" if now > was else "looser", said)


def _agreements(old: Sequence[Agreement], new: Sequence[Agreement], active: int | None) -> Iterator[Change]:
    before, after = {each.role: each for each in old}, {each.role: each for each in new}
    for role in sorted(before.keys() | after.keys()):
        was, now = before.get(role), after.get(role)
        if was != now:
            asked = "no approvals" if now is None else _tell_count(now)
            instead = "none" if was is None else f"those of {QUORATE}" if was.grows else f"{was.count}"
            said = f"A change of the policy needs {asked} by the role {role}, not {instead}."
            yield _say("amendment", _weigh(was, now, active), said)


def _tell_count(wanted: Agreement) -> str:
    if wanted.grows:
        return f"the approval of {QUORATE}"
    return f"{wanted.count} {'approval' if wanted.count == 1 else 'approvals'}"


def _weigh(was: Agreement | None, now: Agreement | None, active: int | None) -> Effect:
    if was is None or now is None:
        return "stricter" if was is None else "looser"
    if active is None and was.grows != now.grows:
        return "different"
    # A number is compared as it is written: that it asks for no more than there are members may change.
    old, new = (each.count if isinstance(each.count, int) else each.needed(active or 0) for each in (was, now))
    return "different" if old == new else "stricter" if new > old else "looser"


def _thresholds(place: str, name: str, old: Sequence[Threshold], new: Sequence[Threshold]) -> Iterator[Change]:
    gone, come = [each for each in old if each not in new], [each for each in new if each not in old]
    for threshold in come:
        matched = next((each for each in gone if _kind(each) == _kind(threshold)), None)
        said = f"{name} asks for {describe_threshold(threshold)}"
        if matched is None:
            yield _say(place, "stricter", f"{said}.")
            continue
        gone.remove(matched)
        order = decimal.compare(threshold.threshold, matched.threshold)
        if threshold.comparator in ("le", "lt"):
            order = -order
        effect: Effect = "different" if threshold.comparator == "eq" or not order else "stricter" if order > 0 else "looser"
        yield _say(place, effect, f"{said}, not {matched.threshold}.")
    for threshold in gone:
        yield _say(place, "looser", f"{name} asks for {describe_threshold(threshold)} no longer.")


def _kind(threshold: Threshold) -> tuple[str, str, str]:
    return threshold.metric, threshold.comparator, threshold.dataset_role


def _age(place: str, name: str, old: int | msgspec.UnsetType, new: int | msgspec.UnsetType) -> Change:
    if new is msgspec.UNSET:
        return _say(place, "looser", f"Approvals for {name} do not age any more; they counted for {old} days.")
    if old is msgspec.UNSET:
        return _say(place, "stricter", f"Approvals for {name} count for {new} days; before, they did not age.")
    return _say(place, "stricter" if new < old else "looser", f"Approvals for {name} count for {new} days, not {old}.")


def _terms(place: str, name: str, old: DataTerms | msgspec.UnsetType, new: DataTerms | msgspec.UnsetType) -> Iterator[Change]:
    # Where an environment says nothing about data, it allows everything.
    anything = DataTerms(allow_unknown_ancestry=True)
    before, after = anything if old is msgspec.UNSET else old, anything if new is msgspec.UNSET else new
    if before == after and old != new:
        yield _say(place, "different", f"{name} takes any data; that this is written down, or is no longer, changes nothing.")
    yield from _licences(place, name, before.licences, after.licences)
    for purpose in sorted({*before.purposes} ^ {*after.purposes}):
        if purpose in after.purposes:
            yield _say(place, "stricter", f"Data behind what runs in {name} must allow the purpose {purpose}.")
        else:
            yield _say(place, "looser", f"Data behind what runs in {name} need not allow the purpose {purpose} any more.")
    if before.allow_unknown_ancestry != after.allow_unknown_ancestry:
        if after.allow_unknown_ancestry:
            yield _say(place, "looser", f"{name} takes what came from unknown models or data.")
        else:
            yield _say(place, "stricter", f"{name} takes nothing any more that came from unknown models or data.")


def _licences(place: str, name: str, old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    if old and not new:
        yield _say(place, "looser", f"{name} asks for no particular licence any more; it took {join(old, 'or')}.")
    elif new and not old:
        yield _say(place, "stricter", f"{name} takes only what learned from data under {join(new, 'or')}.")
    else:
        for licence in sorted({*old} ^ {*new}):
            if licence in new:
                yield _say(place, "looser", f"{name} takes data under {licence} too.")
            else:
                yield _say(place, "stricter", f"{name} takes data under {licence} no longer.")


def _hold_roles(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    if old == new:
        return
    what = "open and release holds and revoke the decisions of others"
    if not new:
        yield _say("hold-roles", "looser", f"Whoever may write the event may {what}; before, only {join(old)}.")
    elif not old:
        yield _say("hold-roles", "stricter", f"Only {join(new)} may {what}.")
    else:
        for role in sorted({*old} ^ {*new}):
            if role in new:
                yield _say("hold-roles", "looser", f"The role {role} may {what}.")
            else:
                yield _say("hold-roles", "stricter", f"The role {role} may no longer {what}.")


def _refusals(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    if come := [event for event in new if event not in old]:
        yield _say("record-refusals", "stricter", f"A refused attempt at {join(come, 'or')} is recorded.")
    if gone := [event for event in old if event not in new]:
        yield _say("record-refusals", "looser", f"A refused attempt at {join(gone, 'or')} is recorded no longer.")


def _roles(old: Policy, new: Policy) -> Iterator[Change]:
    before, after = {each.name: each for each in old.roles}, {each.name: each for each in new.roles}
    for name in sorted(before.keys() | after.keys()):
        place = f"roles.{name}"
        if name not in after:
            yield _say(place, "stricter", f"The role {name} is gone: its holders may write nothing through it.")
        elif name not in before:
            yield _say(place, "looser", f"New role: {describe_role(after[name])}")
        else:
            yield from _role(place, before[name], after[name])


def _role(place: str, old: Role, new: Role) -> Iterator[Change]:
    if (ANY in old.may) != (ANY in new.may):
        yield _say(place, "looser" if ANY in new.may else "stricter", f"From now on {describe_role(new)}")
        return
    say: tuple[tuple[Effect, str, set[str]], ...] = (
        ("looser", "may also write", {*new.may} - {*old.may}),
        ("stricter", "may no longer write", {*old.may} - {*new.may}),
    )
    for effect, verb, events in say:
        if events:
            yield _say(place, effect if ANY not in new.may else "different", f"{new.name} {verb} {join(sorted(events))}.")


def _say(of: str, effect: Effect, sentence: str) -> Change:
    return Change(of=of, effect=effect, sentence=sentence)
