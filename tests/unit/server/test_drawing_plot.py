"""Plots of metrics: any numbers, round ticks, the outline kept however many values there are."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.server.explorer import metric_log
from muniment.server.explorer.drawing import plot, scale
from muniment.server.explorer.drawing.plot import Series

values = st.floats(allow_nan=True, allow_infinity=True)
points = st.lists(st.tuples(st.integers(-(10**12), 10**12), values), min_size=1, max_size=60)


@given(st.text(max_size=80), points)
@settings(max_examples=200, deadline=None)
def test_any_series_is_drawn_inside_its_frame(name: str, found: list[tuple[int, float]]) -> None:
    series = Series(name=name, points=tuple(sorted(found, key=lambda point: point[0])))
    drawn = plot.draw(series, "plot-1")
    if not series.drawable():
        assert drawn == ""
        return
    root = ElementTree.fromstring(drawn)
    line = next(each for each in root.iter() if each.get("class") == "plot-line")
    places = [tuple(map(float, each.split())) for each in line.attrib["d"].replace("M", "L").split("L") if each]
    assert all(0 <= x <= float(root.attrib["width"]) and 0 <= y <= float(root.attrib["height"]) for x, y in places)
    assert len(places) <= plot.MAX_POINTS
    assert "nan" not in line.attrib["d"]


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
@settings(max_examples=300, deadline=None)
def test_ticks_lie_inside_and_are_told_apart(one: float, other: float) -> None:
    low, high = scale.spread(min(one, other), max(one, other))
    ticks = scale.mark_numbers(low, high)
    assert 1 <= len(ticks) <= 10
    assert all(low - (high - low) * 1e-6 <= each.at <= high + (high - low) * 1e-6 for each in ticks)
    assert len({each.label for each in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.0, 1.0, ["0", "0.5", "1.0"]),
        (0.62, 0.91, ["0.7", "0.8", "0.9"]),
        (0.0, 40_000.0, ["0", "10,000", "20,000", "30,000", "40,000"]),
        (-3.0, 3.0, ["-2", "0", "2"]),
    ],
)
def test_ticks_stand_at_round_numbers(low: float, high: float, labels: list[str]) -> None:
    assert [each.label for each in scale.mark_numbers(low, high)] == labels


def test_thinning_keeps_ends_and_extremes() -> None:
    many = [(x, math.sin(x / 50) + (5 if x == 1234 else 0) - (7 if x == 4321 else 0)) for x in range(10_000)]
    kept = plot.thin(many)
    assert len(kept) <= plot.MAX_POINTS
    assert kept[0] == many[0]
    assert kept[-1] == many[-1]
    assert {many[1234], many[4321]} <= set(kept)
    assert kept == sorted(kept)


def test_values_that_are_no_numbers_are_counted() -> None:
    series = Series(name="loss", points=((0, 1.0), (1, math.nan), (2, math.inf), (3, 0.5)))
    assert plot.describe(series) == "4 values; first 1, last 0.5, lowest 0.5, highest 1; 2 of them are not numbers"


def test_a_log_is_read_by_metric_and_step() -> None:
    raw = b'{"metric":"loss","step":2,"value":"0.5"}\n{"metric":"auc","value":"0.9"}\n{"metric":"loss","step":1,"value":"NaN"}\n'
    auc, loss = metric_log.parse_log(raw)
    assert (auc.name, auc.axis, auc.points) == ("auc", "value", ((0, 0.9),))
    assert (loss.name, loss.axis, loss.points[1]) == ("loss", "step", (2, 0.5))
    assert math.isnan(loss.points[0][1])


@pytest.mark.parametrize("raw", [b"not json\n", b'{"metric":1}\n', b'{"metric":"a","value":"x"}\n', b"\xff\n"])
def test_what_is_no_log_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        metric_log.parse_log(raw)
