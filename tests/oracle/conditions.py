"""Conditions of decisions, incidents, hand-offs, parameters and of the ledger's own order: the rules that refuse one."""

from __future__ import annotations

from oracle.council import MOST_MEMBERS, PURPOSES, is_free, sitting
from oracle.deployments import registrars, trainers
from oracle.history import Entry, History, Json, decision, is_open, registration, run_of
from oracle.people import (
    actor,
    environment_of,
    has_role,
    is_ended,
    is_foreign,
    is_person,
    key_addition,
    key_expiry,
    key_owner,
    organisation,
    own_persons_then,
    persons,
    policy_at,
    roles,
)
from oracle.things import all_known, unless
from oracle.voices import may_amend

WAIVABLE = (
    *("approvals", "evaluations", "gate", "hold", "licence", "purpose"),
    *("rejected", "retired", "separation", "unknown-ancestry", "withdrawn"),
)


def approval(history: History, now: Entry) -> set[str]:
    event, of = now.event, now.event["of"]
    version = of.get("version")
    rules = all_known([registration(history, version)]) if version else set()
    if event["decision"] == "revoke":
        return rules | _revocation(history, now)
    people = persons(history, now)
    rules |= unless(bool(people), "persons") | unless(event.get("expiresAt", "~") > now.time, "expired")
    if version:
        policy = policy_at(history, now.height)
        rules |= unless(not is_foreign(policy, of["environment"]), "environment")
        apart = (environment_of(policy, of["environment"]) or {}).get("separation", ())
        if event["decision"] == "approve" and registration(history, version) is not None:
            named = {"trainer": trainers, "registrar": registrars}
            parties = [each for party, find in named.items() if party in apart for each in find(history, version)]
            rules |= unless(all(party and not party & people for party in parties), "separation")
    return rules


def _revocation(history: History, now: Entry) -> set[str]:
    revoked = decision(history, now.event["revokes"])
    if revoked is None:
        return {"unknown"}
    own = persons(history, revoked) & own_persons_then(history, now)
    rules = unless(revoked.event["of"] == now.event["of"], "of")
    return rules | unless(is_open(history, now.event["revokes"]) and (bool(own) or may_hold(history, now)), "revoke")


def may_hold(history: History, now: Entry) -> bool:
    """Has the signer a role that may open and release holds, or does the policy name none?"""
    holders = policy_at(history, now.height).get("holdRoles", ())
    return not holders or bool(roles(history, now.event["actor"]) & set(holders))


def waiver(history: History, now: Entry) -> set[str]:
    event = now.event
    rules = all_known([registration(history, event["version"])]) | unless(event["rule"] in WAIVABLE, "waiver")
    rules |= unless(bool(persons(history, now)), "persons") | unless(event["expiresAt"] > now.time, "expired")
    return rules | unless(not is_foreign(policy_at(history, now.height), event["environment"]), "environment")


def incident(history: History, now: Entry) -> set[str]:
    rules = all_known([registration(history, now.event["version"])])
    return rules | unless(not now.event["hold"] or may_hold(history, now), "hold-role")


def closing(history: History, now: Entry) -> set[str]:
    event = now.event
    opened = history.first("incident.recorded", eventId=event["incident"])
    rules = all_known([opened, registration(history, event["version"])])
    if opened is None or rules:
        return rules
    is_closed = history.first("incident.closed", incident=event["incident"]) is not None
    rules |= unless(not is_closed and opened.event["version"] == event["version"], "incident")
    return rules | unless(not opened.event["hold"] or may_hold(history, now), "hold-role")


def offer(history: History, now: Entry) -> set[str]:
    event = now.event
    rules = all_known([_model(history, event["model"]), actor(history, event["to"])])
    if _model(history, event["model"]) is None:
        return rules
    return rules | unless(owner(history, event["model"]) == event["from"] == event["actor"], "owner")


def acceptance(history: History, now: Entry) -> set[str]:
    event = now.event
    if _model(history, event["model"]) is None:
        return {"unknown"}
    offered = history.last("ownership.offered", model=event["model"])
    taken = history.first("ownership.accepted", model=event["model"], offer=event["offer"])
    is_for = offered is not None and (offered.event["eventId"], offered.event["to"]) == (event["offer"], event["actor"])
    return unless(is_for and taken is None, "owner")


def _model(history: History, name: str) -> Entry | None:
    return history.first("model.registered", model=name) or history.first("evaluation.planned", model=name)


def owner(history: History, model: str) -> str | None:
    """Whoever accepted it last, else whoever registered its first version."""
    last = history.last("ownership.accepted", model=model) or history.first("model.registered", model=model)
    return None if last is None else str(last.event["actor"])


def parameter(history: History, now: Entry) -> set[str]:
    event, of = now.event, now.event["of"]
    if "version" in of:
        rules = all_known([registration(history, of["version"])])
    else:
        rules = all_known([history.first("deployment.changed", **of)])
    before = history.last("parameter.changed", of=of, target=event["target"], path=event["path"])
    recorded = before.event.get("new") if before else _first_value(history, of, event["target"], event["path"])
    return rules or unless(_is_same(event.get("old"), recorded), "old-value")


def _first_value(history: History, of: Json, target: str, path: str) -> object:
    registered = registration(history, of["version"]) if "version" in of and target == "hyperparameter" else None
    started = run_of(history, registered.event["run"]) if registered is not None and "run" in registered.event else None
    given = started.event.get("parameters", ()) if started is not None else ()
    return next((each["value"] for each in given if each["key"] == path), None)


def _is_same(said: object, recorded: object) -> bool:
    if isinstance(said, dict) and isinstance(recorded, dict):
        return "digest" not in recorded or said["digest"] == recorded["digest"]
    return type(said) is type(recorded) and said == recorded


def amended(history: History, now: Entry) -> set[str]:
    target = next((each for each in history.entries if each.event["eventId"] == now.event["target"]), None)
    if target is None or target.height == now.height:
        return {"unknown"}
    kinds = [each.event["kind"] for each in history.all("record.amended", target=now.event["target"])]
    marks = [kind for kind in kinds if kind in ("preserve", "unpreserve")]
    return unless(now.event["kind"] != "redact" or marks[-1:] != ["preserve"], "preserved")


def enrolment(history: History, now: Entry) -> set[str]:
    event = now.event
    people = event.get("responsible", ())
    rules = all_known(actor(history, each) for each in people)
    rules |= unless(all(actor(history, each) is None or is_person(history, each) for each in people), "actor")
    known = actor(history, event["of"])
    rules |= unless(known is None or known["kind"] == event["kind"], "actor")
    concerned = [event.get("organisation"), *(organisation(history, each) for each in (event["of"], *people))]
    rules |= unless(all(is_own(history, now, each) for each in concerned), "organisation")
    defined = {each["name"] for each in policy_at(history, now.height)["roles"]}
    rules |= unless(defined >= set(event.get("roles", ())), "roles")
    return rules | unless(all(key_owner(history, each["key"]) is None for each in event.get("keys", ())), "once")


def is_own(history: History, now: Entry, concerned: str | None) -> bool:
    """Does what concerns an organisation come from itself, where it is a member?"""
    return concerned not in sitting(history) or concerned == organisation(history, now.event["actor"])


def key_change(history: History, now: Entry) -> set[str]:
    event = now.event
    change = event["change"]
    rules = all_known([actor(history, event["of"])])
    rules |= unless(is_own(history, now, organisation(history, event["of"])), "organisation")
    if change in ("add", "rotate"):
        rules |= unless(key_owner(history, event["key"]) is None, "once")
    if change != "add":
        ended = event["replaces"] if change == "rotate" else event["key"]
        holder = key_owner(history, ended)
        rules |= all_known([holder]) | unless(holder in (None, event["of"]), "key")
        if change == "rotate" and holder is not None:
            rules |= unless(not is_ended(history, ended) and (has_role(history, now) or _says_no_more(history, event)), "key")
    return rules | unless(event.get("fromIndex", 0) <= now.index, "from-index")


def _says_no_more(history: History, rotation: Json) -> bool:
    """Whoever replaces a key without a role for it gives the new one no more time, and no other claims, than it had."""
    until = key_expiry(history, rotation["replaces"])
    claims = key_addition(history, rotation["replaces"]).get("claimsDigest")
    return (until is None or rotation.get("expiresAt", "~") <= until) and rotation.get("claimsDigest", claims) == claims


def policy_change(history: History, now: Entry) -> set[str]:
    named = all_known(decision(history, each) for each in now.event.get("approvals", ()))
    return named | unless(may_amend(history, now), "amendment")


def membership(history: History, now: Entry) -> set[str]:
    before, name, change = sitting(history), now.event["member"], now.event["change"]
    rules = policy_change(history, now) | unless((name in before) == (change != "admit"), "member")
    rules |= unless(all(is_free(history, now.event, each) for each in PURPOSES if each in now.event), "member-key")
    after = before | {name} if change == "admit" else before - {name} if change == "remove" else before
    return rules | unless(1 <= len(after) <= MOST_MEMBERS, "member")


def protocol(history: History, now: Entry) -> set[str]:
    upgrades = len(list(history.all("protocol.upgraded")))
    return policy_change(history, now) | unless(now.event["protocol"] == upgrades + 2, "protocol")


def attempt(history: History, now: Entry) -> set[str]:
    signer = actor(history, now.event["actor"])
    assert signer is not None
    return all_known([actor(history, now.event["of"])]) | unless(signer["kind"] == "service", "actor")
