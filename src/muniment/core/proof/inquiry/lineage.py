"""What a thing was made of, or what was made of it, each step with the event's own word for it."""

from __future__ import annotations

from typing import Literal

from muniment.core.proof.inquiry.derivation import Derived, ascend, descend
from muniment.core.proof.inquiry.ground import Ground, check_kind
from muniment.core.proof.part import Part, Status
from muniment.core.rules.events.stream_name import Stream

Direction = Literal["down", "up"]


class LineageQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="lineage"):
    """What was a version or data set made of (up), or what was made of it (down)?"""

    direction: Direction
    of: Stream

    def about(self) -> tuple[str, ...]:
        """The streams that the question is about."""
        return (self.of,)


class LineageFindings(Part, frozen=True, kw_only=True, tag_field="ask", tag="lineage"):
    """`things` begins with what was asked about, and is breadth first.

    unknown: the versions of which nobody said what they were made of; exceeded: the walk ended at its 4,096 things
    """

    exceeded: bool = False
    things: tuple[Derived, ...] = ()
    unknown: tuple[Stream, ...] = ()

    def status(self) -> Status:
        """The word of the result."""
        return "complete" if self.things else "absent"


def evaluate(question: LineageQuestion, ground: Ground) -> LineageFindings:
    """The walk in the direction asked for; nothing where the thing is not recorded.

    Raises InvalidInput (`bad-question`) for what is neither version nor data set.
    """
    check_kind(question.of, "data", "version")
    if ground.record(question.of) is None:
        return LineageFindings()
    if question.direction == "down":
        return LineageFindings(things=descend(ground, (question.of,)))
    things, unknown, exceeded = ascend(ground, question.of)
    return LineageFindings(exceeded=exceeded, things=things, unknown=unknown)
