"""Which environments an event names: what a token for some environments is checked against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from muniment.core.rules import events
from muniment.core.rules.events import Event, PolicyAmended
from muniment.server.problems import Forbidden

_DEPLOYMENT = "deployment/"
_PARAMETER = "parameter/deployment/"


def environments_of(event: Event) -> frozenset[str]:
    """Every environment that an event is about: by its fields, by the streams that it touches, by the policy that it carries."""
    return frozenset(_find(event))


def check_environments(found: Iterable[Event], allowed: frozenset[str]) -> None:
    """Check that events name no environment but the allowed ones. Raises Forbidden (`environment`)."""
    for event in found:
        for name in sorted(environments_of(event) - allowed):
            raise Forbidden(
                f"this token is not for the environment {name}",
                code="environment",
                hint="Use a token for this environment; an administrator makes one with `muniment tokens create`.",
                details={"environment": name, "eventId": event.event_id},
            )


def _find(event: Event) -> Iterator[str]:
    for part in (event, getattr(event, "of", None)):
        name = getattr(part, "environment", None)
        if isinstance(name, str):
            yield name
    for stream in events.streams(event):
        for prefix in (_DEPLOYMENT, _PARAMETER):
            if stream.startswith(prefix):
                yield stream.removeprefix(prefix).partition("/")[0]
    if isinstance(event, PolicyAmended):
        yield from (each.name for each in event.policy.environments)
