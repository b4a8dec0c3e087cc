"""Figures of a node of a consortium for Prometheus, looked up when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from muniment.core.format import time
from muniment.errors import MunimentError
from muniment.server.standing import Stand, Standing


class Consortium(Collector):
    """Heights, peers, lag, cosignatures, alarms and faults of one node."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand

    def collect(self) -> Iterator[Metric]:
        """Gauges as of now. A ledger that cannot be read now has no figures now."""
        try:
            standing = self._stand()
        except MunimentError:
            return
        yield from _engine(standing)
        yield from _peers(standing)
        newest = standing.checkpoints[0] if standing.checkpoints else None
        yield GaugeMetricFamily(
            "muniment_checkpoint_cosigners",
            "Members who cosigned the newest checkpoint.",
            value=0 if newest is None else len(newest.cosigners),
        )
        yield GaugeMetricFamily(
            "muniment_checkpoint_confirmed_timestamp_seconds",
            "When a quorum had last signed the newest checkpoint, by the members' clocks; 0 before that.",
            value=time.parse(newest.confirmed) / 1_000_000 if newest is not None and newest.confirmed else 0,
        )
        yield GaugeMetricFamily("muniment_quorum", "Members who make a proof.", value=standing.quorum)
        alarms = GaugeMetricFamily("muniment_alarm", "1 while an alarm stands.", labels=["code", "organisation"])
        for alarm in standing.alarms:
            alarms.add_metric([alarm.code, alarm.organisation], 1)
        faults = GaugeMetricFamily("muniment_double_signs", "Newest proofs that a member signed twice.", labels=["organisation"])
        for organisation in standing.members:
            faults.add_metric([organisation], sum(1 for each in standing.faults if each.organisation == organisation))
        yield from (alarms, faults)


def _engine(standing: Standing) -> Iterator[Metric]:
    yield GaugeMetricFamily("muniment_engine_up", "Whether the consensus engine answers.", value=standing.engine != "away")
    yield GaugeMetricFamily("muniment_engine_height", "Height of the consensus engine.", value=standing.engine_height)
    yield GaugeMetricFamily("muniment_engine_peers", "Engines that this one is connected to.", value=standing.engine_peers)
    yield GaugeMetricFamily("muniment_engine_waiting", "Transactions that wait for a block.", value=standing.waiting)


def _peers(standing: Standing) -> Iterator[Metric]:
    reached = GaugeMetricFamily("muniment_peer_reached", "Whether another member answers.", labels=["organisation"])
    lag = GaugeMetricFamily("muniment_peer_lag_blocks", "How many blocks another member is behind.", labels=["organisation"])
    agrees = GaugeMetricFamily("muniment_peer_agrees", "Whether another member has the same history.", labels=["organisation"])
    for peer in standing.peers:
        reached.add_metric([peer.organisation], peer.reached)
        if peer.height >= 0:
            lag.add_metric([peer.organisation], peer.lag)
        if peer.agrees is not None:
            agrees.add_metric([peer.organisation], peer.agrees)
    yield from (reached, lag, agrees)
