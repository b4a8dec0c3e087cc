"""What a question is answered from: records, whole streams and single entries (docs/spec, section 10.7).

    def evaluate(question: ImpactQuestion, ground: Ground) -> ImpactFindings: ...

A question's function sees nothing but a ground. The prover runs it over a ledger and writes into the file whatever it asked
for; the verifier runs it over the file, where everything is proved, and compares the findings. So the rule that says what
belongs to an answer stands once, and what was left out of a file is missed there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from muniment.core.format.state_map import Record
from muniment.core.proof.part import Part
from muniment.core.rules.events import DatasetTransformed, Event, ModelRegistered, TrainingStarted
from muniment.core.rules.records import Data, State, Version
from muniment.errors import InvalidInput, VerificationError

STEP = 11

S = TypeVar("S", bound=State)
E = TypeVar("E", bound=Event)


class Block(Part, frozen=True, kw_only=True):
    """A sealed block: its height, the time in its header, the index of that header."""

    height: int
    time: str
    index: int


class Told(msgspec.Struct, frozen=True, gc=False):
    """An entry: its index, its event, and the payload that was signed.

    `event` is None for a header (the genesis makes streams too) and for an event that this release does not know.
    """

    index: int
    event: Event | None
    payload: bytes


class Ground(Protocol):
    """What is known, all of it as of one newest header."""

    @property
    def head(self) -> Block:
        """The newest header."""

    def record(self, stream: str) -> Record | None:
        """The record of a stream, or None where nothing ever touched it."""

    def events(self, stream: str) -> Sequence[Told]:
        """All entries that ever touched a stream, ascending; none where it has no record."""

    def event(self, index: int) -> Told:
        """One entry, such as a record names it."""

    def block(self, index: int) -> Block:
        """The block that sealed an entry."""


def read(ground: Ground, stream: str, kind: type[S]) -> S | None:
    """The state of a stream, or None where nothing ever touched it. Raises VerificationError (step 11, `state-record`)."""
    record = ground.record(stream)
    return None if record is None else read_state(record, kind, stream)


def read_state(record: Record, kind: type[S], stream: str) -> S:
    """The state in a record as the struct of its kind. Raises VerificationError (step 11, `state-record`)."""
    try:
        return msgspec.json.decode(record.state, type=kind)
    except msgspec.DecodeError as error:
        raise failure("state-record", f"the record of {stream} is no {kind.__name__}: {error}") from None


def find(ground: Ground, index: int, kind: type[E], stream: str) -> E:
    """The event that a record names, which must be of a kind, and about what the record is of.

    Rules trust their records; here an operator may lie. Raises VerificationError (step 11: `event-missing`, `event-kind`).
    """
    event = ground.event(index).event
    if not isinstance(event, kind):
        raise failure("event-kind", f"the record of {stream} names entry {index}, which is no {kind.NAME}")
    if stream not in _subjects(event):
        raise failure("event-kind", f"the record of {stream} names entry {index}, which is about something else")
    return event


def _subjects(event: Event) -> tuple[str, ...]:
    """The streams whose records name an event as the one that made them what they are."""
    match event:
        case ModelRegistered():
            return (f"version/{event.version}",)
        case DatasetTransformed():
            return tuple(f"data/{each}" for each in event.outputs)
        case TrainingStarted():
            return (f"run/{event.event_id}",)
    return event.touches()[:1]


def title(ground: Ground, stream: str) -> str:
    """What people call a thing: `credit-risk@3` for a version or data set, else the stream without its kind."""
    kind, _, rest = stream.partition("/")
    if kind == "version":
        version = read(ground, stream, Version)
        return stream if version is None else f"{version.model}@{version.ordinal}"
    if kind == "data":
        data = read(ground, stream, Data)
        return stream if data is None else f"{data.name}@{data.ordinal}"
    return rest or stream


def check_kind(stream: str, *kinds: str) -> None:
    """Check that a question is about something that it can be asked of. Raises InvalidInput (`bad-question`)."""
    if stream.partition("/")[0] not in kinds:
        hint = f"Name {' or '.join(f'{kind}/...' for kind in kinds)}."
        raise InvalidInput(f"this cannot be asked of {stream}", code="bad-question", hint=hint)


def failure(code: str, message: str) -> VerificationError:
    """What a ground or a question says of a file that does not hold what it should."""
    return VerificationError(message, step=STEP, code=code)
