"""What ran when, folded from the changes of one place: the same as replaying them one by one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from muniment.core.format import time as times
from muniment.index.rows import ChangeRow
from muniment.server.explorer.drawing.timeline import Timeline
from muniment.server.explorer.stints import draw_lanes, fold

HOUR = 3_600_000_000
START = times.parse("2026-03-01T00:00:00.000000Z")


def _change(index: int, ordinal: int, transition: str) -> ChangeRow:
    return ChangeRow(
        index=index,
        time=times.format(START + index * HOUR),
        actor="alice",
        environment="production",
        name="risk",
        version=f"{ordinal:064x}",
        ordinal=ordinal,
        model="risk",
        transition=transition,
        status="stopped" if transition == "stop" else "running",
    )


deeds = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["promote", "rollback", "scale", "start", "stop"])), max_size=30)


@given(deeds)
def test_stints_are_what_a_replay_says(deeds: list[tuple[int, str]]) -> None:
    changes = [_change(index, ordinal, transition) for index, (ordinal, transition) in enumerate(deeds)]
    stints = fold(list(reversed(changes)))
    running: str | None = None
    for change in changes:
        running = change.version if change.status == "running" else None
        served = [
            each.version for each in stints if each.since <= change.index and (each.until is None or each.until > change.index)
        ]
        assert served == ([] if running is None else [running])
    assert [each.until for each in stints].count(None) == (running is not None)
    assert [each.since for each in stints] == sorted((each.since for each in stints), reverse=True)
    for later, earlier in pairwise(stints):
        assert earlier.until is not None
        assert earlier.until <= later.since
        assert earlier.version != later.version or earlier.until < later.since or earlier.ended_by == "stop"


def _draw(*deeds: tuple[int, str], by_version: bool) -> Timeline:
    changes = [_change(index, ordinal, transition) for index, (ordinal, transition) in enumerate(deeds)]
    return draw_lanes(fold(list(reversed(changes))), times.format(START + 50 * HOUR), "", by_version=by_version)


def test_a_scale_does_not_begin_anew_and_a_rollback_is_marked() -> None:
    drawn = _draw((1, "start"), (1, "scale"), (2, "promote"), (1, "rollback"), by_version=True)
    assert drawn.lanes == ("risk@1", "risk@2")
    assert [(each.lane, (each.start - START) // HOUR) for each in drawn.bars] == [("risk@1", 0), ("risk@2", 2), ("risk@1", 3)]
    assert [(each.sign, each.lane) for each in drawn.marks] == [("rollback", "risk@1")]


def test_places_are_lanes_whose_neighbours_never_look_alike() -> None:
    drawn = _draw((2, "start"), (8, "promote"), (14, "promote"), (14, "stop"), by_version=False)
    assert drawn.lanes == ("production/risk",)
    assert [each.label for each in drawn.bars] == ["@2", "@8", "@14"]
    assert len({each.number % 6 for each in drawn.bars}) == 3
    assert [each.sign for each in drawn.marks] == ["stop"]
