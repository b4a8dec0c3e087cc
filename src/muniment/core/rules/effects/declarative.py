"""Effects of declarative events: they are about streams that exist, and count there."""

from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import Declarative, SystemRegistered
from muniment.core.rules.records import NONE


@effect.register
def _about(event: Declarative, context: Context) -> None:
    for stream in event.about:
        context.require_stream(stream, "What the event is about")


@effect.register
def _system(event: SystemRegistered, context: Context) -> None:
    for stream in event.about:
        context.require_stream(stream, "What the system is built of")
    context.write(f"system/{event.name}", NONE)
