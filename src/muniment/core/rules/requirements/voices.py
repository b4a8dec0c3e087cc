"""Who has spoken: which of the named approvals count, and how many persons they are (docs/spec, section 6.7).

An approval is one voice, however many persons answer for it, and nobody speaks twice for one role: an approval whose persons
have spoken already adds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from muniment.core.format import time
from muniment.core.rules.ancestry import World
from muniment.core.rules.records import Approval, Key
from muniment.errors import InvalidInput

_DAY_US = 24 * 3_600 * 1_000_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an approval has to be of, to count at a time. Any age will do where `max_age_days` is absent.

    after: an approval of this entry or an earlier one is used up
    """

    of: str
    environment: str = ""
    time: str
    after: int = -1
    max_age_days: int | msgspec.UnsetType = msgspec.UNSET


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A named approval, and why it does not count; `silent` is empty where nothing but separation may speak against it."""

    stream: str
    approval: Approval
    silent: str = ""

    def told(self) -> str:
        """The persons and the entry, as people read it."""
        return f"{' and '.join(self.approval.persons) or 'nobody'} (entry {self.approval.index})"


def hear(world: World, asked: Asked, approvals: Iterable[str]) -> list[Heard]:
    """The named approvals (event ids) that exist, in the order in which they were recorded."""
    heard = []
    for event_id in approvals:
        stream = f"approval/{event_id}"
        approval = world.read(stream, Approval)
        if approval is not None:
            heard.append(Heard(stream=stream, approval=approval, silent=_why_silent(world, asked, approval)))
    return sorted(heard, key=lambda each: each.approval.index)


def count_voices(heard: Iterable[Heard], role: str, apart_from: Collection[str] = ()) -> list[Heard]:
    """Those that count for a role: each by persons who have not spoken for it, and none of whom is to be kept apart."""
    spoken: set[str] = set()
    voices = []
    for each in heard:
        persons = set(each.approval.persons)
        if each.silent or role not in each.approval.roles or persons & spoken or persons & set(apart_from):
            continue
        spoken |= persons
        voices.append(each)
    return voices


def count_members(heard: Iterable[Heard], role: str, members: Collection[str]) -> list[Heard]:
    """Those that count for a role among members of a consortium: each of a member that has not spoken for it."""
    spoken: set[str] = set()
    voices = []
    for each in heard:
        organisation = each.approval.organisation
        if each.silent or role not in each.approval.roles or organisation is msgspec.UNSET:
            continue
        if organisation in members and organisation not in spoken:
            spoken.add(organisation)
            voices.append(each)
    return voices


def count_approvals(count: int, more: str = "") -> str:
    """A number of approvals, as people read it."""
    return f"{count} {more}{'approval' if count == 1 else 'approvals'}"


def is_disputed(world: World, keyid: str, index: int) -> bool:
    """Is what this key signed at an entry disputed by now?"""
    key = world.read(f"key/{keyid}", Key)
    return key is None or key.disputes(index)


def _is_young(asked: Asked, approval: Approval, days: int) -> bool:
    """Is an approval at most so many days old? One of no moment of the calendar, such as 30 February, is not."""
    try:
        return time.parse(asked.time) - time.parse(approval.time) <= days * _DAY_US
    except InvalidInput:
        return False


def _why_silent(world: World, asked: Asked, approval: Approval) -> str:
    environment = "" if approval.environment is msgspec.UNSET else approval.environment
    if (approval.of, environment) != (asked.of, asked.environment):
        return "it is about something else"
    if approval.decision != "approve":
        return f"it says {approval.decision}"
    if approval.status != "open":
        return f"it was {approval.status}"
    if approval.index <= asked.after:
        return f"it was used up by entry {asked.after}"
    if not approval.persons:
        return "nobody answers for it"
    if approval.expires is not msgspec.UNSET and approval.expires <= asked.time:
        return f"it expired at {approval.expires}"
    if asked.max_age_days is not msgspec.UNSET and not _is_young(asked, approval, asked.max_age_days):
        return f"it is older than {asked.max_age_days} days"
    if is_disputed(world, approval.keyid, approval.index):
        return "its key was compromised: approval disputed"
    return ""
