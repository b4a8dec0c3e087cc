"""The one entry to all effects: chosen by the type of the event."""

from functools import singledispatch

from muniment.core.rules.effects.context import Context
from muniment.core.rules.events import Event
from muniment.errors import InvariantError


@singledispatch
def effect(event: Event, context: Context) -> None:
    """Judge what is particular to this kind of event, and write what it changes. The families register their own."""
    raise InvariantError(f"{event.NAME} has no effect of its own; it counts in its streams ({context.index})")
