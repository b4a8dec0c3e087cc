"""What ran when: a lane for each place or version, a bar for each time that something ran, and marks for what befell it.

A bar says what it is in words wherever there is room, and in its title everywhere; its pattern changes with its number, so that
nobody needs to tell colours apart.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from muniment.server.explorer.drawing import scale, svg

Sign = Literal["hold", "release", "rollback", "stop"]

MAX_LANES = 24
MAX_BARS = 240
MAX_MARKS = 120
TONES = 6
"""How many kinds of bars the style sheet tells apart."""

_WIDTH, _LEFT, _RIGHT, _TOP = 1060.0, 190.0, 24.0, 30.0
_LANE, _BAR = 38.0, 22.0
_LEAST = 3.0
_CHARACTER = 8.0
_SHOWN = 26
_SIGNS: tuple[tuple[Sign, str], ...] = (
    ("rollback", "rolled back"),
    ("stop", "stopped"),
    ("hold", "put on hold"),
    ("release", "hold released"),
)


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """Something that ran from `start` to `end` (microseconds since 1970), or runs still. `number` picks its pattern."""

    lane: str
    label: str
    number: int
    start: int
    end: int | None = None
    href: str = ""
    told: str = ""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Something that befell a lane at a time."""

    lane: str
    sign: Sign
    at: int
    told: str = ""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn; `now` ends what runs still. `lanes` in their order from the top."""

    lanes: tuple[str, ...]
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...] = ()
    now: int


class _Frame(msgspec.Struct, frozen=True):
    """The span of time that is drawn, and the lanes that are."""

    start: int
    end: int
    lanes: tuple[str, ...]

    def place(self, at: int) -> float:
        inside = min(max(at, self.start), self.end)
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * ((inside - self.start) / (self.end - self.start))

    def top(self, lane: str) -> float:
        return _TOP + self.lanes.index(lane) * _LANE + (_LANE - _BAR) / 2


def draw(timeline: Timeline, named: tuple[str, str, str]) -> str:
    """The drawing, at most MAX_LANES lanes high; `named` as for `svg.draw_figure`. Nothing where nothing ever ran."""
    lanes = timeline.lanes[:MAX_LANES]
    bars = [each for each in timeline.bars if each.lane in lanes][-MAX_BARS:]
    marks = [each for each in timeline.marks if each.lane in lanes][-MAX_MARKS:]
    if not bars:
        return ""
    frame = _frame(timeline.now, lanes, bars, marks)
    bottom = _TOP + len(lanes) * _LANE
    left_out = len(timeline.lanes) - len(lanes)
    signs = [(sign, words) for sign, words in _SIGNS if any(each.sign == sign for each in marks)]
    height = bottom + 12 + (22 if signs else 0) + (22 if left_out else 0)
    return svg.draw_figure(
        _WIDTH,
        height,
        named,
        _define_patterns(named[0]),
        *_draw_axis(frame, bottom),
        *[_draw_lane(frame, lane) for lane in lanes],
        *[_draw_bar(frame, bar, timeline.now, named[0]) for bar in bars],
        *[_draw_mark(frame, mark) for mark in marks],
        *_draw_legend(signs, bottom + 22),
        *([svg.write_text(_LEFT, height - 8, f"{left_out} more in the table", "axis-text")] if left_out else []),
        class_="figure lanes",
    )


def _frame(now: int, lanes: tuple[str, ...], bars: list[Bar], marks: list[Mark]) -> _Frame:
    start = min([each.start for each in bars] + [each.at for each in marks])
    ends = [now if each.end is None else each.end for each in bars] + [each.at for each in marks]
    return _Frame(start, max(*ends, start + 1_000_000), lanes)


def _draw_axis(frame: _Frame, bottom: float) -> list[str]:
    drawn = []
    for tick in scale.mark_times(frame.start, frame.end):
        x = frame.place(int(tick.at))
        drawn.append(svg.element("line", {"class": "grid", "x1": x, "x2": x, "y1": _TOP - 6, "y2": bottom}))
        anchor = "end" if x > _WIDTH - 50 else "middle"
        drawn.append(svg.write_text(x, _TOP - 12, tick.label, "axis-text", anchor))
    return drawn


def _draw_lane(frame: _Frame, lane: str) -> str:
    y = frame.top(lane) + _BAR / 2
    line = svg.element("line", {"class": "lane", "x1": _LEFT, "x2": _WIDTH - _RIGHT, "y1": y, "y2": y})
    name = svg.write_text(0, y + 4, svg.shorten(lane, _SHOWN), "lane-text")
    return svg.element("g", {}, svg.element("title", {}, svg.escape(lane)), line, name)


def _draw_bar(frame: _Frame, bar: Bar, now: int, id_: str) -> str:
    left, top = frame.place(bar.start), frame.top(bar.lane)
    right = frame.place(now if bar.end is None else bar.end)
    width = max(right - left, _LEAST)
    left = min(left, _WIDTH - _RIGHT - width)
    tone = bar.number % TONES
    box = {"x": left, "y": top, "width": width, "height": _BAR, "rx": 3}
    shapes = [svg.element("rect", {**box, "class": f"bar tone-{tone}"})]
    if tone % 2:
        shapes.append(svg.element("rect", {**box, "fill": f"url(#{id_}-hatch-{tone})", "class": "hatch"}))
    if bar.end is None:
        # What runs still has an open end.
        shapes.append(svg.element("path", {"class": "open-end", "d": _arrow(left + width, top)}))
    if bar.label and len(bar.label) * _CHARACTER + 16 <= width:
        label = {"x": left + 5, "y": top + 4, "width": len(bar.label) * _CHARACTER + 10, "height": _BAR - 8, "rx": 2}
        shapes.append(svg.element("rect", {**label, "class": "label-back"}))
        shapes.append(svg.write_text(left + 7, top + _BAR / 2 + 4, bar.label, "bar-text"))
    group = svg.element("g", {}, svg.element("title", {}, svg.escape(bar.told or bar.label)), *shapes)
    return svg.element("a", {"href": bar.href, "aria-label": bar.told or bar.label}, group) if bar.href else group


def _arrow(x: float, top: float) -> str:
    middle = top + _BAR / 2
    return f"M{svg.number(x)} {svg.number(top)}L{svg.number(x + 9)} {svg.number(middle)}L{svg.number(x)} {svg.number(top + _BAR)}Z"


def _draw_mark(frame: _Frame, mark: Mark) -> str:
    shape = _shape(mark.sign, frame.place(mark.at), frame.top(mark.lane) - 3)
    return svg.element("g", {}, svg.element("title", {}, svg.escape(mark.told or mark.sign)), shape)


def _draw_legend(signs: list[tuple[Sign, str]], y: float) -> list[str]:
    drawn, x = [], _LEFT + 6
    for sign, words in signs:
        drawn += [_shape(sign, x, y), svg.write_text(x + 12, y + 4, words, "axis-text")]
        x += 12 + len(words) * _CHARACTER + 24
    return drawn


def _shape(sign: Sign, x: float, y: float) -> str:
    """A shape of ten pixels around a point: each sign has its own."""
    forms = {
        "rollback": f"M{svg.number(x + 5)} {svg.number(y - 6)}v12l-10 -6z",
        "stop": f"M{svg.number(x - 5)} {svg.number(y - 5)}h10v10h-10z",
        "hold": f"M{svg.number(x)} {svg.number(y - 7)}l7 7l-7 7l-7 -7z",
        "release": f"M{svg.number(x)} {svg.number(y - 7)}l7 7l-7 7l-7 -7z",
    }
    return svg.element("path", {"class": f"mark mark-{sign}", "d": forms[sign]})


def _define_patterns(id_: str) -> str:
    hatches = (("1", "M0 8L8 0"), ("3", "M0 0L8 8"), ("5", "M0 8L8 0M0 0L8 8"))
    return svg.element(
        "defs",
        {},
        *[
            svg.element(
                "pattern",
                {"id": f"{id_}-hatch-{tone}", "width": 8, "height": 8, "patternUnits": "userSpaceOnUse"},
                svg.element("path", {"d": path, "class": "hatch-line"}),
            )
            for tone, path in hatches
        ],
    )
