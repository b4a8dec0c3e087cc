"""Every event: may it be written, and if not, which rules refuse it (docs/spec 6.2 and 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from oracle.conditions import (
    acceptance,
    amended,
    approval,
    attempt,
    closing,
    enrolment,
    incident,
    key_change,
    membership,
    offer,
    parameter,
    policy_change,
    protocol,
    waiver,
)
from oracle.history import Entry, History, data_set, decision, registration
from oracle.people import actor, has_role, is_ended, is_person, key_expiry, key_owner, own_persons_then, persons
from oracle.things import (
    data_registration,
    deployment,
    evaluation,
    finish,
    model,
    observation,
    plan,
    retirement,
    training,
    transformation,
    withdrawal,
)

Condition = Callable[[History, Entry], set[str]]
CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        "dataset.registered": data_registration,
        "dataset.transformed": transformation,
        "dataset.withdrawn": withdrawal,
        "training.started": training,
        "training.finished": finish,
        "model.registered": model,
        "parameter.changed": parameter,
        "model.retired": retirement,
        "evaluation.planned": plan,
        "evaluation.completed": evaluation,
        "approval.decided": approval,
        "waiver.granted": waiver,
        "deployment.changed": deployment,
        "deployment.observed": observation,
        "incident.recorded": incident,
        "incident.closed": closing,
        "ownership.offered": offer,
        "ownership.accepted": acceptance,
        "record.amended": amended,
        "actor.enrolled": enrolment,
        "key.changed": key_change,
        "policy.amended": policy_change,
        "member.changed": membership,
        "protocol.upgraded": protocol,
        "attempt.refused": attempt,
    }
)


def judge(history: History, now: Entry) -> set[str]:
    """The rules that refuse an event of this ledger with an id of its own; none where it is admitted."""
    name = now.event["actor"]
    if key_owner(history, now.key) != name:
        return {"key"}
    is_valid = not is_ended(history, now.key) and (key_expiry(history, now.key) or "~") > now.time
    rules = set() if is_valid else {"key"}
    if actor(history, name) is None:
        return rules | {"actor"}
    if not all(is_person(history, each) for each in now.event.get("onBehalfOf", ())):
        rules.add("actor")
    if not may_write(history, now):
        rules.add("role")
    return rules or CONDITIONS[now.name](history, now)


def may_write(history: History, now: Entry) -> bool:
    """Has the signer a role for this, or is it an affair of his own?"""
    if has_role(history, now):
        return True
    if now.name == "key.changed":
        return bool(now.event["of"] == now.event["actor"] and now.event["change"] != "add")
    if now.name == "approval.decided" and now.event["decision"] == "revoke":
        revoked = decision(history, now.event["revokes"])
        return revoked is not None and bool(persons(history, revoked) & own_persons_then(history, now))
    return False


def repeats(history: History, now: Entry) -> int | None:
    """The entry that registered the same thing under the same name before."""
    if now.name == "dataset.registered":
        known, field = data_set(history, now.event["data"]), "name"
    elif now.name == "model.registered":
        known, field = registration(history, now.event["version"]), "model"
    else:
        return None
    return known.index if known is not None and known.event[field] == now.event[field] else None
