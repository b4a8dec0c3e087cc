"""Who set a parameter, when and why: its own stream, and before that the training run which it began with."""

from __future__ import annotations

from muniment.core.format.encoding import Integer, Natural, Segment, Time
from muniment.core.format.statement import Sealed, SealedDigest
from muniment.core.proof.inquiry.ground import Ground, check_kind, find, read, title
from muniment.core.proof.part import UNSET, Absent, Part, Status, Text
from muniment.core.rules.events import ParameterChanged, TrainingStarted, stream_name
from muniment.core.rules.events.model import Target
from muniment.core.rules.events.predicate import Event
from muniment.core.rules.events.stream_name import Stream
from muniment.core.rules.events.value import Key, SealedText
from muniment.core.rules.records import Run, Version

HYPERPARAMETER: Target = "hyperparameter"


class BlameQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="blame"):
    """Who set this parameter of a version or deployment, when, and why?"""

    of: Stream
    path: Key
    target: Target

    def about(self) -> tuple[str, ...]:
        """The streams that the question is about."""
        return (self.of,)


class Setting(Part, frozen=True, kw_only=True):
    """A value and the entry that set it. Without value and commitment the parameter was unset.

    time: of the header that sealed the entry; claimed: when it happened, as the signer says
    sealed: the commitment to a value that is not shown; digest: SHA-256 of such a text, where the event gives it
    reason: the commitment to the reason; ticket: the change request in another system
    """

    actor: Segment
    claimed: Time
    digest: Text | Absent = UNSET
    event: Text
    index: Natural
    on_behalf_of: tuple[Segment, ...] = ()
    reason: SealedDigest | Absent = UNSET
    sealed: SealedDigest | Absent = UNSET
    ticket: Text | Absent = UNSET
    time: Time
    unit: Text | Absent = UNSET
    value: Integer | bool | Text | Absent = UNSET


class BlameFindings(Part, frozen=True, kw_only=True, tag_field="ask", tag="blame"):
    """Every value that the parameter has had, the first one first; the last one is in force."""

    name: Text
    settings: tuple[Setting, ...] = ()

    def status(self) -> Status:
        """The word of the result."""
        return "complete" if self.settings else "absent"


def evaluate(question: BlameQuestion, ground: Ground) -> BlameFindings:
    """The value that the run gave, if there was one, and every change since.

    Raises InvalidInput (`bad-question`) for what has no parameters.
    """
    check_kind(question.of, "version", "deployment")
    settings = []
    if question.target == HYPERPARAMETER and question.of.startswith("version/"):
        settings += _begin(question, ground)
    for told in ground.events(stream_name.parameter(question.of, question.target, question.path)):
        event = told.event
        if isinstance(event, ParameterChanged) and (event.of.stream(), event.target, event.path) == (
            question.of,
            question.target,
            question.path,
        ):
            settings.append(_setting(ground, told.index, event, event.new, event.ticket, event.unit))
    return BlameFindings(name=title(ground, question.of), settings=tuple(settings))


def _begin(question: BlameQuestion, ground: Ground) -> list[Setting]:
    """What the training run was started with."""
    version = read(ground, question.of, Version)
    if version is None or version.run is UNSET:
        return []
    stream = f"run/{version.run}"
    run = read(ground, stream, Run)
    if run is None:
        return []
    started = find(ground, run.start, TrainingStarted, stream)
    return [
        _setting(ground, run.start, started, parameter.value) for parameter in started.parameters if parameter.key == question.path
    ]


def _setting(
    ground: Ground,
    index: int,
    event: Event,
    value: int | bool | str | Sealed | SealedText | Absent,
    ticket: str | Absent = UNSET,
    unit: str | Absent = UNSET,
) -> Setting:
    hidden = value if isinstance(value, Sealed | SealedText) else None
    return Setting(
        actor=event.actor,
        claimed=event.occurred_at,
        digest=hidden.digest if isinstance(hidden, SealedText) else UNSET,
        event=event.NAME,
        index=index,
        on_behalf_of=event.on_behalf_of,
        reason=UNSET if event.reason is UNSET else event.reason.sealed,
        sealed=UNSET if hidden is None else hidden.sealed,
        ticket=ticket,
        time=ground.block(index).time,
        unit=unit,
        value=UNSET if isinstance(value, Sealed | SealedText) else value,
    )
