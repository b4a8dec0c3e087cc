"""What declarative events share: they have a schema, streams and seals, and no rule of their own.

Their streams are the existing ones that they are about; regulations ask for them, and readers find them there.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from muniment.core.format.statement import Sealed
from muniment.core.rules.events.predicate import Event
from muniment.core.rules.events.stream_name import Stream


class Declarative(Event, frozen=True, kw_only=True):
    """The base of declarative events.

    about: the existing streams that it is about, which are its streams
    """

    STREAMS: ClassVar[tuple[str, ...]] = ("about",)

    about: Annotated[tuple[Stream, ...], msgspec.Meta(min_length=1)]

    def touches(self) -> tuple[str, ...]:
        return self.about

    def things(self) -> tuple[tuple[str, str], ...]:
        return things_of(self.about)


class NoteAdded(Declarative, frozen=True, kw_only=True):
    """Somebody adds words to what is recorded.

    text: the words
    """

    NAME: ClassVar[str] = "note.added"

    text: Sealed


def things_of(about: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The data set and model versions among some streams."""
    return tuple((stream, stream.partition("/")[2]) for stream in about if stream.startswith(("data/", "version/")))
