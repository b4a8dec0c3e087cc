"""Measuring: turns taken alternately, medians, spread, memory."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

Clock = Literal["cpu", "wall"]


class Result(NamedTuple):
    """One line of results.json. `ratio` compares `value` with the limit that `of` names; `spread` is (max - min) / median."""

    name: str
    value: float
    unit: str
    ratio: float
    of: str
    spread: float


class Turn(NamedTuple):
    """What one call took: seconds of this process's processor time, and seconds on the clock."""

    cpu: float
    wall: float


def take(body: Callable[[], object]) -> Turn:
    """Run once and time it."""
    cpu, wall = time.process_time(), time.perf_counter()
    body()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Turn(cpu, wall)


class Turns:
    """The turns of several contestants, taken one after the other in every round, so that a slow minute slows all of them."""

    def __init__(self) -> None:
        self._turns: dict[str, list[Turn]] = {}

    def round(self, bodies: Mapping[str, Callable[[], object]]) -> None:
        """One turn for each."""
        for name, body in bodies.items():
            gc.collect()
            self._turns.setdefault(name, []).append(take(body))

    def seconds(self, name: str, clock: Clock) -> list[float]:
        """What each turn of a contestant took."""
        return [getattr(turn, clock) for turn in self._turns[name]]

    def median(self, name: str, clock: Clock) -> float:
        """The median of a contestant's turns, in seconds."""
        return statistics.median(self.seconds(name, clock))

    def ratio(self, limit: str, name: str, clock: Clock) -> float:
        """How near a contestant comes to its limit, 1 being as fast: the median over the rounds, each compared within itself."""
        pairs = zip(self.seconds(limit, clock), self.seconds(name, clock), strict=True)
        return statistics.median(best / ours for best, ours in pairs)

    def spread(self, name: str, clock: Clock) -> float:
        """How far a contestant's turns lie apart."""
        return spread(self.seconds(name, clock))

    def rate(self, name: str, limit: str, of: str, amount: int, unit: str, clock: Clock, result: str = "") -> Result:
        """A result per second of the clock on the wall, compared with its limit by `clock`."""
        value = amount / self.median(name, "wall")
        return Result(result or name, value, unit, self.ratio(limit, name, clock), of, self.spread(name, clock))


def spread(values: Sequence[float]) -> float:
    """(max - min) / median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def peak_memory_mib() -> float:
    """The most memory that this process ever held at once, in MiB (Linux: VmHWM, which does not count the parent's)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status has no VmHWM")
