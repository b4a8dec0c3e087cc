"""Metrics in the text format of Prometheus: a registry for each application, never the global one.

What is counted is counted where it happens. What can be looked up (sizes, ages, depths) is looked up when somebody asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from muniment.client.home import Home
from muniment.core.format import time
from muniment.core.rules.policy import Verdict
from muniment.errors import MunimentError
from muniment.index import Index
from muniment.ledger.embedded import system_clock
from muniment.server.hosting import Hosting

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_EVENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
_sample = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{)?")

Count = Callable[[], int]


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        registry = CollectorRegistry(auto_describe=False)
        self.registry = registry
        self.requests = Counter("muniment_requests", "Requests answered.", ["method", "route", "status"], registry=registry)
        self.seconds = Histogram(
            "muniment_request_seconds", "Time to the whole answer.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.in_flight = 0
        Gauge("muniment_requests_in_flight", "Requests being answered.", registry=registry).set_function(lambda: self.in_flight)
        self.append_seconds = Histogram(
            "muniment_append_seconds", "Time until submitted events were durable.", ["ledger"], buckets=_SECONDS, registry=registry
        )
        self.block_events = Histogram("muniment_block_events", "Events in a block.", ["ledger"], buckets=_EVENTS, registry=registry)
        self.refused = Counter("muniment_refused_events", "Events refused, by rule.", ["ledger", "rule"], registry=registry)
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. A status of 0 means that it was never answered."""
        found = self._counted.get((method, route, status))
        if found is None:
            # To find them by their labels takes longer than to count.
            found = self.requests.labels(method, route, str(status)), self.seconds.labels(route)
            self._counted[method, route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def counting(self, ledger: str) -> Callable[[Sequence[Verdict]], None]:
        """What counts the blocks of a ledger, and the rules that refused events in them."""
        events = self.block_events.labels(ledger)

        def count(verdicts: Sequence[Verdict]) -> None:
            events.observe(len(verdicts))
            for verdict in verdicts:
                if verdict.decision == "refused":
                    for rule in {reason.rule for reason in verdict.reasons}:
                        self.refused.labels(ledger, rule).inc()

        return count

    def expose(self) -> str:
        """All figures as text."""
        return generate_latest(self.registry).decode()


class Ledgers(Collector):
    """Figures of the ledgers that are served, looked up on request."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting

    def collect(self) -> Iterator[Metric]:
        """Sizes, heights, ages and depths. A ledger that cannot be read now has no figures now."""
        entries = GaugeMetricFamily("muniment_tree_entries", "Entries in the ledger.", labels=["ledger"])
        height = GaugeMetricFamily("muniment_height", "Height of the newest block.", labels=["ledger"])
        age = GaugeMetricFamily("muniment_checkpoint_age_seconds", "Age of the newest checkpoint.", labels=["ledger"])
        spool = GaugeMetricFamily("muniment_spool_events", "Events that wait in the ledger's spool.", labels=["ledger"])
        lag = GaugeMetricFamily("muniment_index_lag_entries", "Entries that the index has not read yet.", labels=["ledger"])
        now = system_clock()
        for hosted in self._hosting:
            try:
                with hosted.reader.view() as view:
                    size, newest = view.size, view.height
                    sealed = time.parse(view.header(newest).time)
                pending, read = len(hosted.reader.pending()), _read_size(hosted.home)
            except MunimentError:
                continue
            entries.add_metric([hosted.name], size)
            height.add_metric([hosted.name], newest)
            age.add_metric([hosted.name], max(0.0, (now - sealed) / 1_000_000))
            spool.add_metric([hosted.name], pending)
            lag.add_metric([hosted.name], max(0, size - read))
        yield from (entries, height, age, spool, lag)


class Process(Collector):
    """Figures of this process: memory, and what `counts` and `cut` say when they are asked."""

    def __init__(self, counts: Iterable[tuple[str, str, Count]], cut: Callable[[], Iterable[tuple[str, int]]]) -> None:
        self._counts = tuple(counts)
        self._cut = cut

    def collect(self) -> Iterator[Metric]:
        """Gauges that somebody else keeps."""
        for name, said, count in self._counts:
            yield GaugeMetricFamily(name, said, value=count())
        cut = CounterMetricFamily("muniment_connections_cut", "Connections that broke a limit, by reason.", labels=["reason"])
        for reason, number in self._cut():
            cut.add_metric([reason], number)
        yield cut


def _read_size(home: Home) -> int:
    """How many entries the read model here has read."""
    if not home.index.exists():
        return 0
    index = Index(home.index)
    try:
        return index.size
    finally:
        index.close()


def count_memory() -> int:
    """Bytes of memory that this process holds now; 0 where the system does not say."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1_024
    except OSError:
        pass
    return 0


def merge(expositions: Sequence[tuple[str, str]]) -> str:
    """Several processes' texts as one: each sample says its `worker`, and each family is described once."""
    families: dict[str, list[str]] = {}
    heads: dict[str, list[str]] = {}
    for worker, text in expositions:
        family = ""
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family = line.split(" ", 3)[2]
                heads.setdefault(family, [])
                families.setdefault(family, [])
            if line.startswith("#"):
                if line not in heads[family]:
                    heads[family].append(line)
            elif line:
                families[family].append(_label(line, worker))
    return "".join(line + "\n" for family in families for line in (*heads[family], *families[family]))


def _label(line: str, worker: str) -> str:
    found = _sample.match(line)
    if found is None:
        return line
    rest = line[found.end() :]
    return f'{found[1]}{{worker="{worker}",{rest}' if found[2] else f'{found[1]}{{worker="{worker}"}}{rest}'
