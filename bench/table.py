"""The results as a table, beside what they should reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from bench.measure import Result

# What each ratio should reach. Of `disk.event` it is the most that it should be.
TARGETS: Mapping[str, str] = MappingProxyType(
    {
        "rules.ingest": "0.85",
        "rules.verdict": "1",
        "answer.at": "1",
        "answer.blame": "1",
        "answer.diff": "1",
        "answer.impact": "1",
        "history.prove": "1",
        "history.verify": "1",
        "ingest.1": "0.40, aim 0.50",
        "ingest.100": "0.33, aim 0.45",
        "ingest.1000": "0.36, aim 0.50",
        "audit.signatures": "0.70, aim 0.85",
        "audit.replay": "0.36, aim 0.50",
        "audit.two": "1.8",
        "inclusion.prove": "2",
        "inclusion.p99": "1",
        "inclusion.check": "0.5",
        "state.prove": "1.0",
        "state.check": "1.0",
        "hash.many": "0.9",
        "hash.one": "0.95",
        "hash.memory": "1",
        "disk.event": "at most 1.25, aim 1.05",
        "consortium.rate": "0.70, and 1,600/s",
        "consortium.lone": "1",
        "consortium.down": "1",
        "consortium.cpu": "1",
        "consortium.idle": "1",
        "consortium.memory": "1",
        "consortium.sync": "1",
        "cli.version": "bare + 50 ms",
        "cli.log": "bare + 190 ms",
    }
)

_LINE = "{:<18} {:>11} {:<9} {:>8} {:<22} {:>7}  {}"


def head() -> str:
    """The line above all others."""
    return _LINE.format("name", "value", "", "ratio", "to reach", "spread", "ratio of")


def lines(results: Iterable[Result]) -> Iterable[str]:
    """A line for each result."""
    for each in results:
        yield _LINE.format(
            each.name,
            _number(each.value),
            each.unit,
            f"{each.ratio:.2f}",
            TARGETS.get(each.name, ""),
            f"{each.spread:.0%}",
            each.of,
        )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
