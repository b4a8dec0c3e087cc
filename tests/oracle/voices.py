"""Whose approvals count, and how many they are (docs/spec 6.7)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from oracle.council import changes, sitting
from oracle.history import Entry, History, Json, decision, is_open
from oracle.people import People, is_disputed, organisation_then, persons, policy_at, roles_then

NOBODY: People = frozenset()


def approvals(history: History, now: Entry, of: Json, role: str, days: int | None = None, since: int = -1) -> Iterator[Entry]:
    """The decisions after the entry `since` that `now` names and that count for a role, in order; separation is not looked at."""
    for entry in sorted(found for each in now.event.get("approvals", ()) if (found := decision(history, each))):
        event = entry.event
        age = datetime.fromisoformat(now.time) - datetime.fromisoformat(entry.time)
        if (
            entry.index > since
            and event["decision"] == "approve"
            and is_open(history, event["eventId"])
            and event["of"] == of
            and role in roles_then(history, entry)
            and event.get("expiresAt", "~") > now.time
            and (days is None or age <= timedelta(days=days))
            and not is_disputed(history, entry.key, entry.index)
        ):
            yield entry


def count_voices(named: Iterable[Entry], history: History, apart: People = NOBODY) -> int:
    """How many voices these decisions are; whoever shares a person with `apart` has none, and nobody speaks twice."""
    spoken: set[str] = set()
    count = 0
    for entry in named:
        people = persons(history, entry)
        if people and not people & apart and not people & spoken:
            count += 1
            spoken |= people
    return count


def may_amend(history: History, now: Entry) -> bool:
    """Do the approvals that `now` names satisfy what the policy in force asks of an amendment?

    What was approved before the last amendment (of the policy, of this member) was used up by it.
    """
    event, last = now.event, None
    if now.name == "policy.amended":
        of: Json = {"policy": digest_of(event["policy"])}
        last = history.last("policy.amended")
    elif now.name == "member.changed":
        of = {"member": event["member"], "terms": terms_of(event)}
        last = history.last("member.changed", member=event["member"])
    else:
        of = {"protocol": event["protocol"]}
    since = -1 if last is None else last.index
    asked = policy_at(history, now.height).get("amendment", ())
    members = sitting(history) if changes(history) else None

    def suffices(role: str, count: int | str) -> bool:
        named = list(approvals(history, now, of, role, since=since))
        if members is None:
            return count_voices(named, history) >= (1 if count == "quorum" else int(count))
        silent = members - {organisation_then(history, each) for each in named if persons(history, each)}
        if count == "quorum":
            # Of three members those who agree are more than two.
            return 3 * len(members - silent) > 2 * len(members)
        return not silent or len(members - silent) >= int(count)

    return all(suffices(each["role"], each["count"]) for each in asked)


def terms_of(event: Json) -> str:
    """What is to become of a member, as a digest that approvals can name."""
    named = ("change", "cosignerKey", "member", "publisherKey", "validatorKey")
    return digest_of({key: event[key] for key in named if key in event})


def digest_of(value: Json) -> str:
    """The digest of a value whose texts are all ASCII."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
