"""The members of a consortium: who sits there, with which keys, and whose a key is or was."""

from __future__ import annotations

from typing import NamedTuple

from oracle.history import History, Json

MOST_MEMBERS = 64
PURPOSES = ("validatorKey", "cosignerKey", "publisherKey")


class Use(NamedTuple):
    """What a key was ever named for, and by whom."""

    key: str
    purpose: str
    member: str


def changes(history: History) -> list[Json]:
    """Everything that ever changed the members, the founding among it, as if each had been said by an event."""
    founded = [
        {"change": "admit", "cosignerKey": each["cosigner"], "member": each["organisation"], "validatorKey": each["key"]}
        for each in history.genesis.get("members", ())
    ]
    publisher = history.genesis.get("publisher")
    if publisher is not None:
        founded.append({"change": "publish", "member": publisher["organisation"], "publisherKey": publisher["key"]})
    return [*founded, *(each.event for each in history.all("member.changed"))]


def sitting(history: History) -> frozenset[str]:
    """The members in force: whose last coming or going was a coming."""
    last = {each["member"]: each["change"] for each in changes(history) if each["change"] in ("admit", "remove")}
    return frozenset(name for name, change in last.items() if change == "admit")


def seat(history: History, member: str) -> Json:
    """The keys of a member, by the newest event that named each; a removed one keeps his."""
    keys: Json = {}
    for each in changes(history):
        if each["member"] == member:
            keys |= {name: each[name] for name in ("validatorKey", "cosignerKey") if name in each}
    return keys


def publisher(history: History) -> Json | None:
    """Who publishes: the last one who was told to, unless he left since."""
    found = None
    for each in changes(history):
        if each["change"] == "publish":
            found = {"key": each["publisherKey"], "organisation": each["member"]}
        if each["change"] == "remove" and found is not None and found["organisation"] == each["member"]:
            found = None
    return found


def uses(history: History) -> list[Use]:
    """Every key that votes or cosigns, or ever did, and the one that publishes now."""
    found = [
        Use(each[purpose], purpose, each["member"])
        for each in changes(history)
        for purpose in ("validatorKey", "cosignerKey")
        if purpose in each
    ]
    publishing = publisher(history)
    return [*found, *([Use(publishing["key"], "publisherKey", publishing["organisation"])] if publishing else [])]


def is_free(history: History, event: Json, purpose: str) -> bool:
    """Is a key that an event names used by nobody else, and for nothing else?"""
    known = [each for each in uses(history) if each.key == event[purpose]]
    return all(each.member == event["member"] or each.purpose != purpose for each in known) and all(
        event.get(each.purpose) == each.key for each in known
    )


def validators(history: History) -> Json:
    """What a header says of the members."""
    listed = []
    for name in sorted(sitting(history)):
        keys = seat(history, name)
        listed.append({"cosigner": keys["cosignerKey"], "key": keys["validatorKey"], "organisation": name})
    publishing = publisher(history)
    return {"members": listed} | ({} if publishing is None else {"publisher": publishing})
