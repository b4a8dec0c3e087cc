"""Which versions learned from a data set, through any number of steps, and where they run now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from muniment.core.format.encoding import Natural
from muniment.core.proof.inquiry import history
from muniment.core.proof.inquiry.derivation import Derived, descend
from muniment.core.proof.inquiry.ground import Ground, check_kind, read, title
from muniment.core.proof.part import UNSET, Part, Status, Text
from muniment.core.rules.events import DeploymentChanged
from muniment.core.rules.events.stream_name import Stream, deployment
from muniment.core.rules.records import Deployment


class ImpactQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="impact"):
    """What was made of a thing, and where does it run now? `dataset/<name>` asks about each of its versions."""

    of: Stream

    def about(self) -> tuple[str, ...]:
        """The streams that the question is about."""
        return (self.of,)


class Running(Part, frozen=True, kw_only=True):
    """A deployment that runs `version` now, since entry `since`."""

    name: Text
    since: Natural
    stream: Stream
    version: Stream


class ImpactFindings(Part, frozen=True, kw_only=True, tag_field="ask", tag="impact"):
    """`things` begins with what was asked about, and is breadth first; `deployments` ascend by stream."""

    deployments: tuple[Running, ...] = ()
    things: tuple[Derived, ...] = ()

    def status(self) -> Status:
        """The word of the result."""
        return "complete" if self.things else "absent"

    def versions(self) -> tuple[Derived, ...]:
        """The versions that were reached."""
        return tuple(each for each in self.things if each.stream.startswith("version/") and each.near is not UNSET)


def evaluate(question: ImpactQuestion, ground: Ground) -> ImpactFindings:
    """Everything below the thing, then the deployments that run a version of it.

    Raises InvalidInput (`bad-question`) for what is neither version, data set, nor the name of one.
    """
    check_kind(question.of, "data", "version", "dataset", "model")
    roots = history.streams_of(question.of, ground)[1:] if question.of.startswith(("dataset/", "model/")) else (question.of,)
    known = [each for each in roots if ground.record(each) is not None]
    things = descend(ground, known)
    return ImpactFindings(deployments=tuple(_list_running(ground, (each.stream for each in things))), things=things)


def _list_running(ground: Ground, streams: Iterable[str]) -> Iterator[Running]:
    """The deployments that run one of these versions now, by stream: each of them is named in the version's own events."""
    places: set[str] = set()
    versions = {stream for stream in streams if stream.startswith("version/")}
    for stream in versions:
        for told in ground.events(stream):
            if isinstance(told.event, DeploymentChanged) and f"version/{told.event.version}" == stream:
                places.add(deployment(told.event.environment, told.event.name))
    for place in sorted(places):
        state = read(ground, place, Deployment)
        if state is not None and state.status == "running" and f"version/{state.version}" in versions:
            yield Running(name=title(ground, place), since=state.since, stream=place, version=f"version/{state.version}")
