"""How a measured value went: one small plot for each metric, all of the same size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from muniment.server.explorer.drawing import scale, svg

MAX_POINTS = 400
"""How many points of a series are drawn; of more, the lowest and highest of each stretch stay."""

_WIDTH, _HEIGHT = 360.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 14.0, 34.0, 26.0


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one metric in their order, each at its step (or its place in the log). NaN and infinities may occur."""

    name: str
    points: tuple[tuple[int, float], ...]
    axis: str = "step"

    def drawable(self) -> tuple[tuple[int, float], ...]:
        """The points that have a place on paper."""
        return tuple((x, y) for x, y in self.points if math.isfinite(y) and abs(y) <= scale.MOST)


def thin(points: Sequence[tuple[int, float]], most: int = MAX_POINTS) -> list[tuple[int, float]]:
    """At most so many points with the same outline: the lowest and highest of each stretch, first and last included."""
    if len(points) <= most:
        return list(points)
    inner, stretches = points[1:-1], max(1, (most - 2) // 2)
    kept = [points[0]]
    for each in range(stretches):
        part = inner[each * len(inner) // stretches : (each + 1) * len(inner) // stretches]
        if part:
            kept += sorted({min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])})
    return [*kept, points[-1]]


def draw(series: Series, id_: str) -> str:
    """The plot of one series; nothing where none of its values has a place on paper."""
    drawable = series.drawable()
    if not drawable:
        return ""
    low, high = scale.spread(min(y for _, y in drawable), max(y for _, y in drawable))
    first, last = min(x for x, _ in drawable), max(x for x, _ in drawable)
    points = [(_across(x, first, last), _up(y, low, high)) for x, y in thin(drawable)]
    named = (id_, series.name, describe(series))
    return svg.draw_figure(
        _WIDTH,
        _HEIGHT,
        named,
        svg.write_text(0, 16, svg.shorten(series.name, 44), "plot-title"),
        *_draw_axes(low, high, first, last, series.axis),
        _draw_line(points),
        svg.element("circle", {"class": "plot-end", "cx": points[-1][0], "cy": points[-1][1], "r": 3}),
        class_="figure plot",
    )


def describe(series: Series) -> str:
    """What the plot shows in a sentence: where it begins, where it ends, its lowest and its highest value."""
    drawable = series.drawable()
    left_out = len(series.points) - len(drawable)
    said = f"{len(series.points)} {'value' if len(series.points) == 1 else 'values'}"
    if drawable:
        values = [y for _, y in drawable]
        said += f"; first {values[0]:.6g}, last {values[-1]:.6g}, lowest {min(values):.6g}, highest {max(values):.6g}"
    return f"{said}; {left_out} of them are not numbers" if left_out else said


def _across(x: int, first: int, last: int) -> float:
    room = _WIDTH - _LEFT - _RIGHT
    return _LEFT + (room / 2 if last == first else room * ((x - first) / (last - first)))


def _up(y: float, low: float, high: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * min(max((y - low) / (high - low), 0.0), 1.0)


def _draw_axes(low: float, high: float, first: int, last: int, axis: str) -> list[str]:
    drawn = []
    for tick in scale.mark_numbers(low, high):
        y = _up(tick.at, low, high)
        drawn.append(svg.element("line", {"class": "grid", "x1": _LEFT, "x2": _WIDTH - _RIGHT, "y1": y, "y2": y}))
        drawn.append(svg.write_text(_LEFT - 6, y + 4, svg.shorten(tick.label, 9), "axis-text", "end"))
    floor = _HEIGHT - 8
    drawn.append(svg.write_text(_LEFT, floor, f"{axis} {first:,}" if abs(first) < 1e12 else f"{axis} {first:.3e}", "axis-text"))
    if last != first:
        drawn.append(svg.write_text(_WIDTH - _RIGHT, floor, f"{last:,}" if abs(last) < 1e12 else f"{last:.3e}", "axis-text", "end"))
    return drawn


def _draw_line(points: Sequence[tuple[float, float]]) -> str:
    path = "".join(f"{'L' if at else 'M'}{svg.number(x)} {svg.number(y)}" for at, (x, y) in enumerate(points))
    return svg.element("path", {"class": "plot-line", "d": path})
