"""The log of a run's metrics, read from the blob that the run recorded: one JSON line for each value (client.training)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from muniment.errors import MunimentError
from muniment.server.explorer.drawing import plot
from muniment.server.explorer.drawing.plot import Series
from muniment.server.explorer.source import Source

MAX_BYTES = 2 << 20
MAX_SERIES = 24


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: what was logged, in short, and its plot."""

    name: str
    values: int
    first: str
    last: str
    lowest: str
    highest: str
    drawing: str


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """What a log says. `state` is `shown`, `absent` (not held here), `large` (too long for a page) or `damaged`."""

    digest: str
    bytes: int
    state: str
    series: tuple[Drawn, ...] = ()
    left_out: int = 0


class _Line(msgspec.Struct):
    metric: str
    value: str
    step: int | None = None


_decode = msgspec.json.Decoder(_Line).decode


def read_log(source: Source, digest: str) -> Log:
    """The log with a digest, drawn where it is held here and short enough."""
    size = source.blobs.size(digest)
    if size is None:
        return Log(digest=digest, bytes=0, state="absent")
    if size > MAX_BYTES:
        return Log(digest=digest, bytes=size, state="large")
    try:
        found = parse_log(source.blobs.load(digest))
    except (MunimentError, msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return Log(digest=digest, bytes=size, state="damaged")
    drawn = tuple(_draw(series, f"plot-{at}") for at, series in enumerate(found[:MAX_SERIES]))
    return Log(digest=digest, bytes=size, state="shown", series=drawn, left_out=max(0, len(found) - MAX_SERIES))


def parse_log(raw: bytes) -> tuple[Series, ...]:
    """The series of a log by name. Raises msgspec.DecodeError, ValueError for what is none."""
    points: dict[str, list[tuple[int, float]]] = {}
    stepped: dict[str, bool] = {}
    for line in _lines(raw):
        said = points.setdefault(line.metric, [])
        # A value without a step stands at its place in the log.
        stepped[line.metric] = stepped.get(line.metric, True) and line.step is not None
        said.append((len(said) if line.step is None else line.step, float(line.value)))
    return tuple(
        Series(name=name, points=tuple(sorted(points[name], key=lambda point: point[0])), axis="step" if stepped[name] else "value")
        for name in sorted(points)
    )


def _lines(raw: bytes) -> Iterator[_Line]:
    yield from (_decode(line) for line in raw.split(b"\n") if line)


def _draw(series: Series, id_: str) -> Drawn:
    drawable = [y for _, y in series.drawable()]
    return Drawn(
        name=series.name,
        values=len(series.points),
        first=f"{series.points[0][1]:.6g}",
        last=f"{series.points[-1][1]:.6g}",
        lowest=f"{min(drawable):.6g}" if drawable else "none",
        highest=f"{max(drawable):.6g}" if drawable else "none",
        drawing=plot.draw(series, id_),
    )
