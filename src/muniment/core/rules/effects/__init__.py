"""What each event changes once it is admitted, and what it must rely on (docs/spec, section 6.4).

One function for each event, a file for each family, found by the event's type. An effect writes only streams that its event
names; `Overlay.touch` holds it to that.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from muniment.core.rules.effects import (
    approval,
    data,
    declarative,
    deployment,
    evaluation,
    governance,
    incident,
    membership,
    model,
    training,
)
from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import TYPES, Event

EFFECTS: Mapping[type[Event], Callable[[Event, Context], None]] = MappingProxyType(
    {type_: effect.dispatch(type_) for type_ in TYPES.values()}
)
"""What `effect` does for each type of event, looked up once for all."""

__all__ = [
    "EFFECTS",
    "approval",
    "data",
    "declarative",
    "deployment",
    "effect",
    "evaluation",
    "governance",
    "incident",
    "membership",
    "model",
    "training",
]
