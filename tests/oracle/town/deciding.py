"""What those do who decide: approvals and their revocation, waivers, holds, retirement."""

from __future__ import annotations

from oracle.history import Json, registration
from oracle.town.people import MODELS, WAIVABLE, Town


def approve(town: Town) -> list[bytes]:
    of = {"version": town.version(), "environment": town.place()}
    said = town.one(("approve", "approve", "approve", "conditional", "reject"))
    return [decide(town, town.one(town.holders(town.one(("approver", "risk")))), of, said)]


def decide(town: Town, actor: str, of: Json, said: str = "approve", event_id: str = "") -> bytes:
    """One decision."""
    said = town.one(("conditional", "reject")) if town.maybe(0.06) else said
    fellows = {"onBehalfOf": town.some(("ann", "ben", "rick"), 0.5)} if town.maybe(0.15) else {}
    expires = town.later() if town.maybe(0.25) else None
    return town.say("approval.decided", actor, event_id, of=of, decision=said, meaning="approval", expiresAt=expires, **fellows)


def revoke(town: Town) -> list[bytes]:
    """Any decision, rejections more often than others."""
    rejected = [each.event["eventId"] for each in town.chronicle.history.all("approval.decided", decision="reject")]
    return [take_back(town, town.one(rejected) if rejected and town.maybe(0.5) else town.id("approval.decided"))]


def take_back(town: Town, revoked: str) -> bytes:
    """One revocation, mostly by who decided; now and then somebody claims to act for him."""
    entry = town.chronicle.history.first("approval.decided", eventId=revoked)
    of = entry.event["of"] if entry and town.maybe(0.95) else {"version": town.version(), "environment": town.place()}
    author = entry.event["actor"] if entry else "ann"
    actor = town.one((author, author, author, "rick", "adam", "ann", "desk", "eve"))
    claim = {"onBehalfOf": [author]} if town.maybe(0.15) else {}
    return town.say("approval.decided", actor, of=of, decision="revoke", revokes=revoked, meaning="review", **claim)


def waive(town: Town) -> list[bytes]:
    rule = town.one((*WAIVABLE, "amendment", "environment"))
    return [grant(town, rule, town.version(), town.place())]


def grant(town: Town, rule: str, version: str, place: str, event_id: str = "") -> bytes:
    """One waiver."""
    granted = {"rule": rule, "version": version, "environment": place, "expiresAt": town.later(0.7)}
    return town.say("waiver.granted", town.one(("rick", "rick", "adam", "adam", *town.holders("risk"))), event_id, **granted)


def hold(town: Town) -> list[bytes]:
    said = {"severity": "high", "awareAt": town.chronicle.moment, "version": town.version(), "hold": town.maybe(0.8)}
    return [town.say("incident.recorded", town.one(("rick", "adam", "dora")), **said)]


def release(town: Town) -> list[bytes]:
    if not town.ids["incident.recorded"]:
        return hold(town)
    incident = town.id("incident.recorded")
    entry = town.chronicle.history.first("incident.recorded", eventId=incident)
    version = entry.event["version"] if entry and town.maybe(0.95) else town.version()
    return [town.say("incident.closed", town.one(("rick", "adam", "dora")), incident=incident, version=version)]


def retire(town: Town) -> list[bytes]:
    version = town.version()
    entry = registration(town.chronicle.history, version)
    model = entry.event["model"] if entry and town.maybe(0.9) else town.one(MODELS)
    other = town.version() if town.maybe(0.3) else None
    return [town.say("model.retired", "adam", model=model, version=version, cause="superseded", replacement=other)]
