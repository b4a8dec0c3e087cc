"""What of the exchange somebody who runs a node must know: who is silent, which block lacks its quorum, who has another history."""

from __future__ import annotations

import time as clocks

from muniment.core.format import time
from muniment.node.alarms import Alarms
from muniment.node.cosigning.courier import Courier
from muniment.node.cosigning.divergence import Divergences
from muniment.node.cosigning.intake import Intake
from muniment.node.cosigning.keeper import Keeper
from muniment.server.standing import PeerStanding

SILENT_SECONDS = 15.0
QUORUM_SECONDS = 5.0
MICROSECONDS = 1_000_000

Troubles = dict[tuple[str, str], str]
"""Sentences by code and organisation."""


class Lookout:
    """Raises alarms, and ends those that it raised. `couriers` are those whom it watches now."""

    def __init__(self, keeper: Keeper, intake: Intake, divergences: Divergences, alarms: Alarms) -> None:
        self.couriers: tuple[Courier, ...] = ()
        self._keeper = keeper
        self._intake = intake
        self._divergences = divergences
        self._alarms = alarms
        self._began = clocks.monotonic()
        self._sounding: set[tuple[str, str]] = set()

    def look(self) -> None:
        """Compare what is wrong now with what was said before."""
        troubles = {**self._divergences.troubles(), **self._find_silent(), **self._find_short()}
        for (code, organisation), text in troubles.items():
            self._alarms.sound(code, organisation, text)
        for code, organisation in self._sounding - troubles.keys():
            self._alarms.quiet(code, organisation)
        self._sounding = set(troubles)

    def peers(self) -> dict[str, PeerStanding]:
        """Each peer as this node last heard of it."""
        ours, now = self._keeper.newest.height, clocks.monotonic()
        return {each.organisation: self._stand(each, ours, now) for each in self.couriers}

    def _stand(self, courier: Courier, ours: int, now: float) -> PeerStanding:
        return PeerStanding(
            organisation=courier.organisation,
            url=courier.url,
            reached=bool(courier.heard) and not courier.failure and now - courier.lives <= SILENT_SECONDS,
            height=courier.height,
            lag=ours - courier.height if courier.height >= 0 else 0,
            heard=_format(courier.heard) if courier.heard else "",
            agrees=False if self._divergences.names(courier.organisation) else courier.agrees,
        )

    def _find_silent(self) -> Troubles:
        voters, now = self._keeper.next_voters, clocks.monotonic()
        members = () if voters is None else voters.organisations
        found: Troubles = {}
        for each in self.couriers:
            if each.organisation in members and now - max(each.lives, self._began) > SILENT_SECONDS:
                since = f"since {_tell(each.heard)}" if each.heard else "since this node started"
                found["peer-silent", each.organisation] = f"{each.organisation} has not answered at {each.url} {since}."
        return found

    def _find_short(self) -> Troubles:
        newest = self._keeper.newest
        voters, now = newest.voters, clocks.monotonic()
        if voters is None or newest.is_settled or now - max(newest.committed, self._began) < QUORUM_SECONDS:
            return {}
        silent = [each for each in voters.organisations if each not in newest.lines]
        clock = [f"{name}'s clock and this machine's do not agree." for name in silent if name in self._intake.mistimed]
        text = f"block {newest.height} is cosigned by {newest.votes} of {len(voters.organisations)}; {voters.quorum} must have."
        return {("quorum-missing", ""): " ".join((text, f"Missing: {', '.join(silent)}.", *clock))}


def _format(seconds: float) -> str:
    return time.format(int(seconds * MICROSECONDS))


def _tell(seconds: float) -> str:
    said = _format(seconds)
    return f"{said[:10]} {said[11:19]} UTC"
