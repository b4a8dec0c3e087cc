"""Deployments, with most of what they need: what an environment asks is gathered first, and what it refuses is waived at times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from oracle.history import running
from oracle.people import environment_of
from oracle.town.building import measurement
from oracle.town.deciding import decide, grant, take_back
from oracle.town.governing import compromise, reappoint
from oracle.town.people import NAMES, VERSIONS, Move, Town


def push(town: Town) -> list[bytes]:
    """All that an environment asks, most of it, and the deployment: in the same block, or in a later one."""
    version, place = town.version(), town.place()
    asked = environment_of(town.policy, place) or {}
    raws, ids = [], defaultdict[str, list[str]](list)

    def note(kind: str) -> str:
        ids[kind].append(town.fresh())
        return ids[kind][-1]

    if town.maybe(0.95):
        for role in sorted({each["datasetRole"] for each in asked.get("evaluations", ())}):
            wanted = [each for each in asked["evaluations"] if each["datasetRole"] == role]
            raws.append(measurement(town, version, wanted, note("evaluations")))
    for each in asked.get("approvals", ()):
        holders = town.holders(each["role"])
        count = min(len(holders), each["count"] + town.random.choice((-1, 0, 0, 1, 1, 2)))
        for actor in town.random.sample(holders, max(0, count)):
            raws.append(decide(town, actor, {"version": version, "environment": place}, event_id=note("approvals")))
    if town.maybe(0.3):
        return [*raws, change(town, version, place, ids)]
    if town.maybe(0.4):
        town.plans.append(lambda town: _spoil(town, town.decisions(version=version, environment=place)))
    town.plans.append(lambda town: [change(town, version, place)])
    return raws or [change(town, version, place)]


def _spoil(town: Town, decisions: Sequence[str]) -> list[bytes]:
    """Something that makes a decision count no more: it is revoked, its key compromised, its author loses his roles."""
    if not decisions:
        return deploy(town)
    entry = town.chronicle.history.first("approval.decided", eventId=town.one(decisions))
    assert entry is not None
    author = entry.event["actor"]
    match town.one(("revoke", "compromise", "demote")):
        case "revoke":
            return [take_back(town, entry.event["eventId"])]
        case "compromise":
            return compromise(town, author, entry.key, entry.index + town.random.choice((-1, 0, 0, 1)))
        case _:
            return [reappoint(town, author, [])]


def deploy(town: Town) -> list[bytes]:
    """A deployment that relies on what is there."""
    return [change(town, town.version(), town.place())]


def plead(version: str, place: str, rules: Iterable[str]) -> Move:
    """Have waived what a deployment was refused for, and try again."""

    def move(town: Town) -> list[bytes]:
        town.plans.append(lambda town: [change(town, version, place)])
        return [grant(town, rule, version, place) for rule in sorted(rules)]

    return move


def change(town: Town, version: str, place: str, ids: Mapping[str, list[str]] | None = None) -> bytes:
    """One deployment; it names what is recorded for the version and the place, or some of it, and what has these ids."""
    history, name, fresh = town.chronicle.history, town.one(NAMES), ids or {}
    there = running(history, place, name)
    usual = ("promote", "promote", "promote", "rollback", "rollback", "scale", "stop") if there else ("start", "start", "rollback")
    transition = town.one(usual)
    if transition in ("scale", "stop") and town.maybe(0.9):
        version = there or version
    keep, own = town.random.choice((0.0, 0.6, 1.0, 1.0, 1.0, 1.0)), {"version": version, "environment": place}
    foreign = town.decisions(version=town.version(), environment=town.place()) if town.maybe(0.1) else []
    measured = history.all("evaluation.completed", **({"version": version} if town.maybe(0.9) else {}))
    waived = history.all("waiver.granted", **(own if town.maybe(0.8) else {}))
    known = {
        "approvals": [*town.decisions(**own), *foreign],
        "evaluations": [each.event["eventId"] for each in measured],
        "waivers": [each.event["eventId"] for each in waived],
    }
    named = {kind: sorted({*town.some(known[kind][-40:], keep), *fresh.get(kind, ())}) for kind in known}
    replaces = None if there == version else there
    replaces = replaces if town.maybe(0.97) else town.one(VERSIONS)
    actor = town.one(("dora", "dora", "adam", *town.holders("deployer")))
    fields = {"transition": transition, "environment": place, "name": name, "version": version, "replaces": replaces}
    return town.say("deployment.changed", actor, **fields, **named)


def observe(town: Town) -> list[bytes]:
    seen = {"environment": town.place(), "name": town.one(NAMES), "seen": town.version()}
    return [town.say("deployment.observed", "dora", means="manual", matches=town.maybe(0.5), **seen)]
