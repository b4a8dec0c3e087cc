"""What ran where, from when until when: the changes of a deployment, folded into stretches of time in which one version served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from muniment.core.format import time as times
from muniment.index import Index
from muniment.index.changes import Served
from muniment.index.rows import ChangeRow
from muniment.server.explorer import links
from muniment.server.explorer.drawing.timeline import Bar, Mark, Timeline
from muniment.server.explorer.source import parse_time

MAX_CHANGES = 120
"""How many changes of one place are read for a page."""
MAX_PLACES = 12
"""How many places are looked at for what ran in them."""
MAX_STINTS = 100
"""How many stretches a page draws and lists."""


class Stint(msgspec.Struct, frozen=True, kw_only=True):
    """A version that served in a place from one entry to another; `until` and `ended` are None where it serves still.

    transition: how it came there; ended_by: the transition that ended it
    """

    environment: str
    name: str
    model: str
    ordinal: int
    version: str
    transition: str
    actor: str
    since: int
    from_time: str
    until: int | None
    until_time: str | None
    ended_by: str

    @property
    def place(self) -> str:
        """`production/credit-risk`"""
        return f"{self.environment}/{self.name}"

    @property
    def title(self) -> str:
        """`credit-risk@3`"""
        return f"{self.model}@{self.ordinal}"

    def told(self) -> str:
        """In one sentence what ran when."""
        end = f"until {self.until_time[:16].replace('T', ' ')}" if self.until_time else "and still does"
        return f"{self.title} ran in {self.place} from {self.from_time[:16].replace('T', ' ')} UTC {end}"


def read_place(index: Index, environment: str, name: str, before: int | None = None) -> tuple[Stint, ...]:
    """What a deployment ran, the newest first, as far as its newest changes tell."""
    return fold(index.changes(Served(environment=environment, name=name), before=before, limit=MAX_CHANGES))


def read_ran(index: Index, of: Served, fits: Callable[[Stint], bool]) -> tuple[Stint, ...]:
    """Where what `of` names ran, the newest first, as far as the newest changes tell; `fits` picks it out of what ran there."""
    changes = index.changes(of, limit=MAX_CHANGES)
    places = list(dict.fromkeys((each.environment, each.name) for each in changes))[:MAX_PLACES]
    stints = [stint for place in places for stint in read_place(index, *place) if fits(stint)]
    return tuple(sorted(stints, key=lambda each: each.since, reverse=True))


def fold(changes: Sequence[ChangeRow]) -> tuple[Stint, ...]:
    """The stretches that the changes of one place make; changes and stretches have the newest first."""
    stints: list[Stint] = []
    running: ChangeRow | None = None
    for change in reversed(changes):
        if running is not None and change.status == "running" and change.version == running.version:
            # It was scaled, or started again without having stopped: the same version serves on.
            continue
        if running is not None:
            stints.append(_tell(running, change))
        running = change if change.status == "running" else None
    if running is not None:
        stints.append(_tell(running, None))
    return tuple(reversed(stints))


def draw_lanes(stints: Iterable[Stint], now: str, base: str, *, by_version: bool, marks: tuple[Mark, ...] = ()) -> Timeline:
    """A timeline with a lane for each place, or of one place for each version; the newest on top."""
    ordered = sorted(stints, key=lambda each: each.since, reverse=True)
    lanes = dict.fromkeys(each.title if by_version else each.place for each in ordered)
    # Numbered as they came, so that neighbours never look alike.
    numbers = {version: at for at, version in enumerate(dict.fromkeys(each.version for each in reversed(ordered)))}
    bars = tuple(
        Bar(
            lane=each.title if by_version else each.place,
            label=f"@{each.ordinal}" if not by_version else "",
            number=numbers[each.version],
            start=times.parse(each.from_time),
            end=None if each.until_time is None else times.parse(each.until_time),
            href=links.version(base, each.model, each.ordinal),
            told=each.told(),
        )
        for each in reversed(ordered)
    )
    signs = tuple(_mark(each, by_version) for each in ordered if each.transition == "rollback" or each.ended_by == "stop")
    return Timeline(lanes=tuple(lanes), bars=bars, marks=(*signs, *marks), now=parse_time(now))


def _mark(stint: Stint, by_version: bool) -> Mark:
    lane = stint.title if by_version else stint.place
    if stint.transition == "rollback":
        told = f"Rolled back to {stint.title} in {stint.place}, {stint.from_time[:16].replace('T', ' ')} UTC"
        return Mark(lane=lane, sign="rollback", at=times.parse(stint.from_time), told=told)
    ended = stint.until_time or stint.from_time
    told = f"{stint.title} was stopped in {stint.place}, {ended[:16].replace('T', ' ')} UTC"
    return Mark(lane=lane, sign="stop", at=times.parse(ended), told=told)


def _tell(begun: ChangeRow, ended: ChangeRow | None) -> Stint:
    return Stint(
        environment=begun.environment,
        name=begun.name,
        model=begun.model,
        ordinal=begun.ordinal,
        version=begun.version,
        transition=begun.transition,
        actor=begun.actor,
        since=begun.index,
        from_time=begun.time,
        until=None if ended is None else ended.index,
        until_time=None if ended is None else ended.time,
        ended_by="" if ended is None else ended.transition,
    )
