"""A webhook, what it wants to be told, and how it stands."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from muniment.core.rules import events
from muniment.errors import InvalidInput

ANY = "*"
PING = "webhook.ping"

Names = Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=256)], ...], msgspec.Meta(max_length=64)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The shape of what the interface takes and gives."""


class Selection(_Part, frozen=True, kw_only=True):
    """Which events: by name (`*`: all), by an environment and by a model that they are about; empty ones mean any."""

    events: Names = (ANY,)
    environments: Names = ()
    models: Names = ()


class Hook(_Part, frozen=True, kw_only=True):
    """A webhook.

    position: every event below this entry is delivered, or was not chosen
    state: `failing` since `failing_since`, `attempts` times, next tried at `next_at`; `disabled` until somebody enables it
    outcome: what became of the last attempt, in words
    """

    id: str
    url: str
    selection: Selection
    position: int
    created: str
    state: Literal["active", "failing", "disabled"]
    attempts: int = 0
    failing_since: str | None = None
    next_at: str | None = None
    outcome: str = ""


class Delivery(_Part, frozen=True, kw_only=True):
    """One attempt. `status` is the receiver's, 0 where it gave none; `index` is the entry, None for a ping."""

    number: int
    message: str
    event: str
    index: int | None
    time: str
    delivered: bool
    status: int
    outcome: str
    milliseconds: int


def check_selection(selection: Selection) -> Selection:
    """Check that the names are those of events. Raises InvalidInput (`unknown-event`)."""
    unknown = [each for each in selection.events if each != ANY and each not in events.TYPES]
    if unknown or not selection.events:
        raise InvalidInput(
            f"there is no event {unknown[0]!r}" if unknown else "no event is chosen",
            code="unknown-event",
            hint="docs/events.md lists every event; `*` means all.",
        )
    return selection
