"""Events of training runs: started, finished. A run is known by the eventId of its start."""

from __future__ import annotations

from typing import ClassVar, Literal

from muniment.core.format.encoding import Decimal, EventId, GitDigest, HexDigest, Identifier, Integer
from muniment.core.rules.events.predicate import Event
from muniment.core.rules.events.value import UNSET, Absent, Element, Metric, Parameter, check_decimal, check_number
from muniment.core.rules.policy import DatasetRole

RunStatus = Literal["failed", "finished", "killed"]


class TrainingInput(Element, frozen=True, kw_only=True):
    """A data set that a run reads.

    data: its manifest root
    role: what it is used for
    """

    data: HexDigest
    role: DatasetRole

    def order(self) -> tuple[str, ...]:
        return (self.data, self.role)


class TrainingOutput(Element, frozen=True, kw_only=True):
    """Something that a run left behind.

    name: what it is called within the run
    digest: its manifest root or the SHA-256 of its bytes
    """

    name: Identifier
    digest: HexDigest

    def order(self) -> tuple[str, ...]:
        return (self.name,)


class TrainingStarted(Event, frozen=True, kw_only=True):
    """A training run begins.

    model: the name under which its result is to be registered
    entryPoint: the script or module that runs, as a relative name
    gitCommit: the commit of the code
    dirtyDigest: digest of the changes that were not committed; absent where there were none
    containerDigest: digest of the container image
    environmentDigest: digest of the list of installed packages
    parameters: the hyperparameters
    seed: the seed of the random numbers
    inputs: the data sets that it reads
    baseVersions: the model versions that it starts from
    hardwareClass: the kind of machine, such as nvidia-h100
    """

    NAME: ClassVar[str] = "training.started"
    STREAMS: ClassVar[tuple[str, ...]] = ("run", "data", "version")

    model: Identifier | Absent = UNSET
    entry_point: Identifier | Absent = UNSET
    git_commit: GitDigest | Absent = UNSET
    dirty_digest: HexDigest | Absent = UNSET
    container_digest: HexDigest | Absent = UNSET
    environment_digest: HexDigest | Absent = UNSET
    parameters: tuple[Parameter, ...] = ()
    seed: Integer | Absent = UNSET
    inputs: tuple[TrainingInput, ...] = ()
    base_versions: tuple[HexDigest, ...] = ()
    hardware_class: Identifier | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (
            f"run/{self.event_id}",
            *[f"data/{each.data}" for each in self.inputs],
            *[f"version/{each}" for each in self.base_versions],
        )


class TrainingFinished(Event, frozen=True, kw_only=True):
    """A training run ends.

    run: the eventId of its start
    status: how it ended
    outputs: what it left behind
    metrics: the last or best values that it reports
    metricLogDigest: digest of the full log of its metrics
    durationSeconds: how long it took
    computeFlop: how many floating-point operations it used
    energyKwh: how much energy it used
    """

    NAME: ClassVar[str] = "training.finished"
    STREAMS: ClassVar[tuple[str, ...]] = ("run",)

    run: EventId
    status: RunStatus
    outputs: tuple[TrainingOutput, ...] = ()
    metrics: tuple[Metric, ...] = ()
    metric_log_digest: HexDigest | Absent = UNSET
    duration_seconds: Decimal | Absent = UNSET
    compute_flop: Decimal | Absent = UNSET
    energy_kwh: Decimal | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (f"run/{self.run}",)

    def things(self) -> tuple[tuple[str, str], ...]:
        return tuple((each.name, each.digest) for each in self.outputs)

    def check(self) -> None:
        super().check()
        for metric in self.metrics:
            check_decimal(metric.value)
        check_number("durationSeconds", self.duration_seconds)
        check_number("computeFlop", self.compute_flop)
        check_number("energyKwh", self.energy_kwh)
