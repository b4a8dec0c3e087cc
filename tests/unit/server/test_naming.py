"""Which environments an event names, for tokens that may name only some."""

from __future__ import annotations

import hashlib

import pytest

from muniment.core.rules import events
from muniment.core.rules.events import Event
from muniment.core.rules.policy import Environment, Policy, Role
from muniment.server import naming
from muniment.server.problems import Forbidden

VERSION = hashlib.sha256(b"version").hexdigest()
COMMON = {
    "ledger": "1" * 64,
    "eventId": "01a2083d-bf5f-7684-a97e-6a50585c43b3",
    "occurredAt": "2026-11-23T00:00:00.000000Z",
    "actor": "alice",
}
POLICY = Policy(roles=(Role(name="all", may=("*",)),), environments=(Environment(name="production"), Environment(name="staging")))


def make(event: str, /, **fields: object) -> Event:
    return events.build(event, {**COMMON, **fields})  # type: ignore[arg-type]


NAMED = [
    ("system.registered", {"name": "x", "operatorRole": "provider"}, set()),
    ("deployment.changed", {"transition": "start", "environment": "staging", "name": "x", "version": VERSION}, {"staging"}),
    (
        "approval.decided",
        {"of": {"version": VERSION, "environment": "production"}, "decision": "approve", "meaning": "approval"},
        {"production"},
    ),
    (
        "parameter.changed",
        {"of": {"environment": "staging", "name": "x"}, "target": "threshold", "path": "limit", "new": 1},
        {"staging"},
    ),
    ("note.added", {"about": ["deployment/production/x", f"version/{VERSION}"], "text": {"sealed": "A" * 43}}, {"production"}),
]


@pytest.mark.parametrize(("name", "fields", "named"), NAMED)
def test_an_event_names_what_it_is_about(name: str, fields: dict[str, object], named: set[str]) -> None:
    event = make(name, **fields)
    assert naming.environments_of(event) == named
    naming.check_environments([event], frozenset({"production", "staging"}))
    if named:
        with pytest.raises(Forbidden) as refused:
            naming.check_environments([event], frozenset({"elsewhere"}))
        assert refused.value.details["environment"] in named


def test_a_policy_names_its_environments() -> None:
    event = events.PolicyAmended(
        ledger=COMMON["ledger"],
        event_id=COMMON["eventId"],
        occurred_at=COMMON["occurredAt"],
        actor="alice",
        policy=POLICY,
    )
    assert naming.environments_of(event) == {"production", "staging"}
