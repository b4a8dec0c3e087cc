"""What ran on a day, or at one moment of it, and who had approved that: the question that people come with."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from muniment.core.format import time as times
from muniment.core.rules.events import DeploymentChanged
from muniment.errors import InvalidInput
from muniment.index import EventRow
from muniment.server.explorer import links
from muniment.server.explorer.decisions import Decision, Waived, find_decisions, find_waivers
from muniment.server.explorer.source import Prose, Source, known
from muniment.server.explorer.stints import Stint, read_place

MAX_TOLD = 25
"""How many stretches are told with all that was decided about them."""

_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_clock = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?\Z")
_LAST = "23:59:59.999999Z"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A day of UTC, perhaps with a time of it, and the span of time that is meant by both. Empty where nobody asked.

    bound: how many entries had been sealed at its end
    future: the span begins after the newest block, of which the ledger cannot know
    """

    day: str = ""
    clock: str = ""
    start: str = ""
    end: str = ""
    bound: int = 0
    future: bool = False


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """How a version came to serve: what the event that put it there says, and what it relied on."""

    row: EventRow
    persons: tuple[str, ...]
    decisions: tuple[Decision, ...]
    waivers: tuple[Waived, ...]
    evaluations: int
    reason: Prose | None
    region: str
    share: str
    grade: str


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """A version that ran in the span asked about. `moment` is a time at which it did, `answer` where that is proved."""

    stint: Stint
    put: Put
    moment: str
    answer: str


class Then(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, and what ran then; `left_out` counts what ran then too, and `places` deployments that were not looked at."""

    asked: Asked
    ran: tuple[Ran, ...]
    left_out: int = 0
    places: int = 0


def ask(source: Source, day: str, clock: str) -> Asked:
    """The span of time that a visitor means. Raises InvalidInput (`bad-time`)."""
    if not day:
        return Asked()
    if _day.match(day) is None or (clock and _clock.match(clock) is None):
        raise InvalidInput(
            f"{f'{day} {clock}'.strip()[:40]!r} is no day",
            code="bad-time",
            hint="Write it like 2026-03-04, with a time like 14:30.",
        )
    if clock:
        whole = clock if len(clock) > 5 else f"{clock}:00"
        start = end = f"{day}T{whole}.000000Z"
    else:
        start, end = f"{day}T00:00:00.000000Z", f"{day}T{_LAST}"
    times.parse(start)
    return Asked(day=day, clock=clock, start=start, end=end, bound=source.index_at(end), future=start > source.now)


def find_day(source: Source, asked: Asked, environment: str, name: str) -> tuple[Stint, ...]:
    """What a deployment ran in the span asked about, the earliest first."""
    if asked.future or not asked.day:
        return ()
    # What ended after the span is not told by what came before its end: the stretch is then open, and that is right.
    stints = read_place(source.index, environment, name, before=asked.bound)
    meant = [each for each in stints if each.until_time is None or each.until_time > asked.start]
    return tuple(reversed([each for each in meant if each.from_time <= asked.end]))


def tell_day(source: Source, asked: Asked, stints: Sequence[Stint]) -> Then:
    """Who had approved what ran in the span asked about; beyond a limit the rest is only counted."""
    ran = tuple(_tell(source, each, asked) for each in stints[:MAX_TOLD])
    return Then(asked=asked, ran=ran, left_out=max(0, len(stints) - MAX_TOLD))


def read_put(source: Source, version: str, index: int) -> Put:
    """What the deployment at an entry relied on."""
    row = source.index.event(index)
    event = source.find(index, DeploymentChanged)
    if event is None:
        return Put(row=row, persons=(), decisions=(), waivers=(), evaluations=0, reason=None, region="", share="", grade="")
    return Put(
        row=row,
        persons=event.on_behalf_of,
        decisions=find_decisions(source, version, event.approvals),
        waivers=find_waivers(source, event.waivers),
        evaluations=len(event.evaluations),
        reason=source.open_prose(event.reason),
        region=known(event.region),
        share=known(event.traffic_share),
        grade=known(event.grade) or "declared",
    )


def _tell(source: Source, stint: Stint, asked: Asked) -> Ran:
    ended = asked.end if stint.until_time is None else times.format(times.parse(stint.until_time) - 1)
    moment = min(asked.end, ended, source.now)
    return Ran(
        stint=stint,
        put=read_put(source, stint.version, stint.since),
        moment=moment,
        answer=links.answer(source.base, "at", thing=stint.place, time=moment),
    )
