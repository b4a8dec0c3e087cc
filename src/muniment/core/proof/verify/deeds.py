"""What an event says, in plain words, and what things are called (docs/spec, section 10.5).

The commonest events have a phrase of their own; every other one is named as the vocabulary names it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from muniment.core.format import digest
from muniment.core.format.encoding import Value
from muniment.core.proof.verify.verified import Said, Thing

_digest = re.compile(r"[0-9a-f]{64}")


def tell_deed(said: Said) -> str:
    """What the actor says, about what, and when by the signer's own claim."""
    about = " and ".join(name_thing(thing) for thing in said.things)
    return f"{said.actor} {_phrase(said, about)}; happened {said.occurred_at} (the signer's claim)"


def name_thing(thing: Thing) -> str:
    """What a thing is called, with the short form of its digest: `credit-risk@7 (9f86…0a08)`."""
    short = digest.short(thing.digest)
    if thing.digest and thing.digest in thing.name:
        return thing.name.replace(thing.digest, short)
    # Where there is no artefact, the digest is only that of the name.
    return thing.name if digest.sha256(thing.name.encode()).hex() == thing.digest else f"{thing.name} ({short})"


def name_stream(stream: str) -> str:
    """A stream by its name, with digests and ids of keys shortened."""
    return _digest.sub(lambda match: digest.short(match[0]), stream)


def _phrase(said: Said, about: str) -> str:
    predicate = said.predicate
    if said.event == "approval.decided":
        return f'decided "{_text(predicate, "decision")}" about {about}{_place(predicate.get("of"))}'
    if said.event == "deployment.changed":
        where = f"{_text(predicate, 'environment')}/{_text(predicate, 'name')}"
        return f'recorded "{_text(predicate, "transition")}" of {about} in {where}'
    if said.event in ("model.registered", "dataset.registered"):
        return f"registered {about}"
    if said.event == "evaluation.completed":
        return f"evaluated {about}"
    return f"recorded {said.event} about {about}"


def _place(of: Value | None) -> str:
    environment = of.get("environment") if isinstance(of, Mapping) else None
    return f" for {environment}" if isinstance(environment, str) else ""


def _text(predicate: Mapping[str, Value], field: str) -> str:
    value = predicate.get(field)
    return value if isinstance(value, str) else "?"
