"""Timelines: whatever ran, the drawing is well-formed, of bounded size, and says in words what its colours say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.core.format import time as times
from muniment.server.explorer.drawing import scale, svg, timeline
from muniment.server.explorer.drawing.timeline import Bar, Mark, Timeline

NAMED = ("ran", "What ran", "The table says the same.")
FIRST, LAST = times.parse("0001-01-01T00:00:00.000000Z"), times.parse("9999-12-31T23:59:59.999999Z")
moments = st.integers(FIRST, LAST)
names = st.text(max_size=60)
DAY = 86_400 * 1_000_000


def _parse(drawn: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawn)


def _of_class(drawn: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [each for each in drawn.iter() if name in each.get("class", "").split()]


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    lanes = tuple(draw(st.lists(names, min_size=1, max_size=40, unique=True)))
    lane = st.sampled_from(lanes)
    bars = st.builds(
        Bar, lane=lane, label=names, number=st.integers(0, 10**6), start=moments, end=st.none() | moments, href=names, told=names
    )
    signs = st.sampled_from(["hold", "release", "rollback", "stop"])
    marks = st.builds(Mark, lane=lane, sign=signs, at=moments, told=names)
    ran, befell = draw(st.lists(bars, max_size=30)), draw(st.lists(marks, max_size=10))
    return Timeline(lanes=lanes, bars=tuple(ran), marks=tuple(befell), now=draw(moments))


@given(timelines())
@settings(max_examples=150, deadline=None)
def test_any_timeline_is_well_formed_and_bounded(drawn_from: Timeline) -> None:
    drawn = timeline.draw(drawn_from, NAMED)
    shown = [each for each in drawn_from.bars if each.lane in drawn_from.lanes[: timeline.MAX_LANES]]
    if not shown:
        assert drawn == ""
        return
    root = _parse(drawn)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert height <= 30 + timeline.MAX_LANES * 38 + 60
    assert len(_of_class(root, "bar")) == len(shown)
    for bar in _of_class(root, "bar"):
        left, right = float(bar.attrib["x"]), float(bar.attrib["x"]) + float(bar.attrib["width"])
        assert 0 <= left < right <= width
        assert float(bar.attrib["y"]) + float(bar.attrib["height"]) <= height
    assert not [each for each in root.iter() if "style" in each.attrib]


def test_bars_say_what_they_are_and_lie_in_the_order_of_time() -> None:
    bars = tuple(
        Bar(lane="production/risk", label=f"@{each}", number=each, start=each * DAY, end=(each + 1) * DAY, told=f"risk@{each} ran")
        for each in range(3)
    )
    root = _parse(timeline.draw(Timeline(lanes=("production/risk",), bars=bars, now=3 * DAY), NAMED))
    places = [(float(each.attrib["x"]), float(each.attrib["width"])) for each in _of_class(root, "bar")]
    assert all(abs(x + width - following) < 0.1 for (x, width), (following, _) in pairwise(places))
    assert [each.text for each in _of_class(root, "bar-text")] == ["@0", "@1", "@2"]
    assert {"risk@0 ran", "risk@1 ran", "risk@2 ran"} <= {each.text for each in root.iter() if each.tag == "title"}


def test_what_runs_still_has_an_open_end_and_patterns_tell_neighbours_apart() -> None:
    bars = (
        Bar(lane="a", label="@1", number=0, start=0, end=DAY),
        Bar(lane="a", label="@2", number=1, start=DAY),
    )
    root = _parse(timeline.draw(Timeline(lanes=("a",), bars=bars, now=2 * DAY), NAMED))
    assert len(_of_class(root, "open-end")) == 1
    assert [each.attrib["fill"] for each in _of_class(root, "hatch")] == ["url(#ran-hatch-1)"]
    assert [each.attrib["class"] for each in _of_class(root, "bar")] == ["bar tone-0", "bar tone-1"]


def test_marks_have_shapes_and_a_legend_in_words() -> None:
    bars = (Bar(lane="a", label="@1", number=0, start=0, end=DAY),)
    marks = (Mark(lane="a", sign="rollback", at=DAY // 2, told="back to @1"), Mark(lane="a", sign="hold", at=DAY // 3))
    drawn = timeline.draw(Timeline(lanes=("a",), bars=bars, marks=marks, now=DAY), NAMED)
    assert "rolled back" in drawn
    assert "put on hold" in drawn
    assert "back to @1" in drawn
    forms = {
        name: {re.sub(r"^M\S+ \S+?(?=[a-z])", "", each.attrib["d"]) for each in _of_class(_parse(drawn), name)}
        for name in ("mark-hold", "mark-rollback")
    }
    assert forms["mark-hold"].isdisjoint(forms["mark-rollback"])


def test_lanes_beyond_the_limit_are_counted() -> None:
    lanes = tuple(f"place-{each}" for each in range(timeline.MAX_LANES + 7))
    bars = tuple(Bar(lane=each, label="@1", number=1, start=0, end=DAY) for each in lanes)
    assert "7 more in the table" in timeline.draw(Timeline(lanes=lanes, bars=bars, now=DAY), NAMED)


def test_nothing_is_drawn_where_nothing_ran() -> None:
    assert timeline.draw(Timeline(lanes=(), bars=(), now=DAY), NAMED) == ""


@given(st.tuples(moments, moments).filter(lambda span: span[0] + 1_000_000 <= span[1]))
@settings(max_examples=300, deadline=None)
def test_ticks_of_time_lie_inside_ascend_and_are_few(span: tuple[int, int]) -> None:
    ticks = scale.mark_times(*span)
    assert len(ticks) <= 14
    places = [each.at for each in ticks]
    assert places == sorted(set(places))
    assert all(span[0] <= each <= span[1] for each in places)
    assert len({each.label for each in ticks}) == len(ticks) or span[1] - span[0] > 86_400_000_000


def test_ticks_of_time_are_round() -> None:
    start = times.parse("2026-01-05T10:00:00.000000Z")
    assert [each.label for each in scale.mark_times(start, start + 120 * DAY)] == ["2026-02", "2026-03", "2026-04", "2026-05"]
    assert [each.label for each in scale.mark_times(start, start + 4 * 3_600_000_000)][:3] == ["10:00", "11:00", "12:00"]
    assert [each.label for each in scale.mark_times(start, start + 3 * DAY)] == [
        "2026-01-06",
        "2026-01-07",
        "2026-01-08",
    ] or scale.mark_times(start, start + 3 * DAY)[0].label == "12:00"


@given(names)
def test_any_text_can_stand_in_a_drawing(text: str) -> None:
    root = ElementTree.fromstring(svg.element("text", {"class": text}, svg.escape(text)))
    assert (root.text or "").replace("\n", "") == text_as_xml(text).replace("\n", "")


def text_as_xml(text: str) -> str:
    """A text as XML gives it back: what it cannot hold replaced, ends of lines made the same."""
    speakable = re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    return speakable.replace("\r\n", "\n").replace("\r", "\n")


@given(names, st.integers(3, 40))
def test_shortened_text_keeps_its_ends(text: str, most: int) -> None:
    short = svg.shorten(text, most)
    assert len(short) <= most
    assert short == text or (short[0] == text[0] and short[-1] == text[-1] and "…" in short)
