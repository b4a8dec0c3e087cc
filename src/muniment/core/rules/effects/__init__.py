"""What each event changes once it is admitted, and what it must rely on (docs/spec, section 6).

One function for each event, a file for each family, found by the event's type. An effect writes only streams that its event
names; `Overlay.touch` holds it to that.
"""

from muniment.core.rules.effects import approval, data, declarative, deployment, evaluation, governance, incident, model, training
from muniment.core.rules.effects.dispatch import effect

__all__ = [
    "approval",
    "data",
    "declarative",
    "deployment",
    "effect",
    "evaluation",
    "governance",
    "incident",
    "model",
    "training",
]
