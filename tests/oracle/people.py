"""Who acts, with which key, in which roles, under which policy; and who answers for what was done."""

from __future__ import annotations

from collections.abc import Iterable

from oracle.history import Entry, History, Json

People = frozenset[str]


def policy_at(history: History, height: int) -> Json:
    """The policy that judges a block: the genesis's, or the newest of an earlier block."""
    policy: Json = history.genesis["policy"]
    for entry in history.all("policy.amended"):
        if entry.height < height:
            policy = entry.event["policy"]
    return policy


def environment_of(policy: Json, name: str) -> Json | None:
    """What the policy says of an environment; None for one that it does not list."""
    return next((each for each in policy.get("environments", ()) if each["name"] == name), None)


def is_foreign(policy: Json, environment: str) -> bool:
    """Does the policy list environments, and not this one?"""
    return bool(policy.get("environments")) and environment_of(policy, environment) is None


def actor(history: History, name: str) -> Json | None:
    """What is known of an actor: by the newest enrolment, else by the genesis."""
    enrolled = history.last("actor.enrolled", of=name)
    if enrolled is not None:
        return enrolled.event
    return next((each for each in history.genesis["actors"] if each["id"] == name), None)


def is_person(history: History, name: str) -> bool:
    """Is this an enrolled person?"""
    found = actor(history, name)
    return found is not None and found["kind"] == "person"


def roles(history: History, name: str) -> People:
    """The roles that an actor holds."""
    return frozenset((actor(history, name) or {}).get("roles", ()))


def roles_then(history: History, entry: Entry) -> People:
    """The roles that the signer of an entry held when it was admitted."""
    return roles(history.before(entry), entry.event["actor"])


def organisation(history: History, name: str) -> str | None:
    """The organisation of an actor, if he has one."""
    return (actor(history, name) or {}).get("organisation")


def organisation_then(history: History, entry: Entry) -> str | None:
    """The organisation of the signer of an entry when it was admitted."""
    return organisation(history.before(entry), entry.event["actor"])


def own_persons(history: History, name: str) -> People:
    """The person itself, or those who answer for a service or an organisation."""
    found = actor(history, name) or {"kind": "service"}
    return frozenset([name] if found["kind"] == "person" else found.get("responsible", ()))


def own_persons_then(history: History, entry: Entry) -> People:
    """Who answered for the signer of an entry when it was admitted, whatever it says."""
    return own_persons(history.before(entry), entry.event["actor"])


def persons(history: History, entry: Entry) -> People:
    """Who answered for an entry, as of its admission. Whom nobody answers for cannot speak on behalf of anybody."""
    own = own_persons_then(history, entry)
    return own | frozenset(entry.event.get("onBehalfOf", ())) if own else own


def persons_of_all(history: History, entries: Iterable[Entry]) -> People:
    """Who answered for any of these."""
    return frozenset[str]().union(*[persons(history, each) for each in entries])


def key_owner(history: History, key: str) -> str | None:
    """The actor that a key was enrolled for."""
    for founder in history.genesis["actors"]:
        if any(each["key"] == key for each in founder["keys"]):
            return str(founder["id"])
    for entry in history.entries:
        if entry.name == "actor.enrolled" and any(each["key"] == key for each in entry.event.get("keys", ())):
            return str(entry.event["of"])
        if entry.name == "key.changed" and entry.event["change"] in ("add", "rotate") and entry.event["key"] == key:
            return str(entry.event["of"])
    return None


def is_ended(history: History, key: str) -> bool:
    """Was it replaced, revoked or compromised?"""
    changes = [each.event for each in history.all("key.changed") if each.event["change"] != "add"]
    return any((each["replaces"] if each["change"] == "rotate" else each["key"]) == key for each in changes)


def key_addition(history: History, key: str) -> Json:
    """What was said when a key was added later than its actor; nothing of any other key."""
    added = [each.event for each in history.all("key.changed", key=key) if each.event["change"] in ("add", "rotate")]
    return added[0] if added else {}


def key_expiry(history: History, key: str) -> str | None:
    """When its time runs out, if it was added with such a time."""
    return key_addition(history, key).get("expiresAt")


def has_role(history: History, now: Entry) -> bool:
    """May a role of the signer write events of this name?"""
    held = roles(history, now.event["actor"])
    listed = policy_at(history, now.height)["roles"]
    return any(each["name"] in held and bool({"*", now.name} & set(each.get("may", ()))) for each in listed)


def is_disputed(history: History, key: str, index: int) -> bool:
    """Is what this key signed at this index disputed today?"""
    return any(each.event["fromIndex"] <= index for each in history.all("key.changed", change="compromise", key=key))
