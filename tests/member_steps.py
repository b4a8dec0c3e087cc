"""The steps of `steps` among members of a consortium, and once every other kind of event.

Ada founded for the bank, Lena for the lab, Sol for the source and Wim for the watch. Where the rules of a consortium differ on
purpose from those of one house, the cast is another one:

- Who belongs to a member is enrolled, and gets or loses keys, by that member alone (rule `organisation`). So Ben and Dora of the
  lab are let in by Lena, Cleo of the source by Sol, Otto of the watch by Wim; what Ada tries of it is refused.
- The amendment rule counts members, not persons. Ben and Dora are one voice, and the source has to agree as well.

The clock is the real one, so a waiver ends a day from now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import steps
from muniment.core.format import time
from muniment.ledger.embedded import system_clock
from steps import COMPROMISE, PLACE, WAIVE, amend, approve_policy
from threefold import ADMITTED, Fields, Seen, Step, Verdict, refused

PERSONS = MappingProxyType({"bank": "ada", "lab": "lena", "source": "sol", "watch": "wim"})
"""The first person of each member."""
ENROLLED = ("ben", "cleo", "dora", "otto")
"""Who comes later."""
DAY_US = 24 * 3_600 * 1_000_000


def admit(actor: str, organisation: str, by: str, role: str = "approver", verdict: Verdict = ADMITTED) -> Step:
    """Somebody of a member is let in by somebody, perhaps of another one."""
    return steps.admit(actor)._replace(
        name=f"admit-{actor}-by-{by}",
        actor=by,
        sdk=lambda ledger, seen: ledger.keys.admit(
            seen.request(actor), roles=[role], organisation=organisation, reason="To decide."
        ),
        verdict=verdict,
    )


def _waive(ledger: Any, _: Seen) -> Any:
    until = time.format(system_clock() + DAY_US)
    return ledger.waive("evaluations", "credit-risk@2", PLACE, until=until, measures="Two people watch it.")


CHANGED: Mapping[str, tuple[Step, ...]] = MappingProxyType(
    {
        "admit-ben": (
            admit("ben", "lab", "ada", verdict=refused("organisation")),
            admit("ben", "lab", "lena"),
            admit("dora", "lab", "lena"),
        ),
        "admit-cleo": (admit("cleo", "source", "sol"), admit("otto", "watch", "wim", "observer")),
        "waive": (WAIVE._replace(sdk=_waive),),
        "amend-early": (
            amend("amend-early", ["policy-ben"], refused("amendment")),
            approve_policy("dora"),
            amend("amend-by-one-member", ["policy-dora", "policy-ben"], refused("amendment")),
        ),
        "compromise": (
            COMPROMISE._replace(name="compromise-by-ada", verdict=refused("organisation")),
            COMPROMISE._replace(actor="sol"),
        ),
    }
)


def _list_steps() -> Iterator[Step]:
    for step in steps.STEPS:
        yield from CHANGED.get(step.name, (step,))


STEPS = tuple(_list_steps())


class Said(NamedTuple):
    """One event that somebody signs. Its fields may name events that were said before it, by number."""

    actor: str
    event: str
    fields: Callable[[Seen, list[str]], Fields]


CLEAN = "c" * 64
REPORT = "d" * 64
BEGIN, END = "2026-01-01T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z"


def _first(seen: Seen) -> list[str]:
    return [f"version/{seen.digest('model-1.bin')}"]


REST = (
    Said("ada", "dataset.registered", lambda seen, ids: {"name": "clean", "data": CLEAN, "bytes": 1, "files": 1}),
    Said(
        "ada",
        "dataset.transformed",
        lambda seen, ids: {"operation": "clean", "inputs": [seen.digest("loans.csv")], "outputs": [CLEAN]},
    ),
    Said("ada", "training.started", lambda seen, ids: {"model": "fraud", "inputs": [{"role": "training", "data": CLEAN}]}),
    Said("ada", "training.finished", lambda seen, ids: {"run": ids[2], "status": "failed"}),
    Said("ada", "system.registered", lambda seen, ids: {"name": "scoring", "about": _first(seen), "operatorRole": "provider"}),
    Said("ada", "dataset.assessed", lambda seen, ids: {"about": [f"data/{CLEAN}"], "kind": "bias"}),
    Said(
        "ada",
        "document.published",
        lambda seen, ids: {"about": _first(seen), "documentType": "model-card", "digest": REPORT},
    ),
    Said(
        "ada",
        "parameter.changed",
        lambda seen, ids: {
            "of": {"environment": PLACE, "name": "credit-risk"},
            "target": "threshold",
            "path": "score.minimum",
            "new": 7,
        },
    ),
    Said("ada", "ownership.offered", lambda seen, ids: {"model": "credit-risk", "from": "ada", "to": "lena"}),
    Said("lena", "ownership.accepted", lambda seen, ids: {"model": "credit-risk", "offer": ids[8]}),
    Said(
        "ben", "risk.assessed", lambda seen, ids: {"about": ["system/scoring"], "kind": "dpia", "hazards": "It may reject the old."}
    ),
    Said(
        "cleo",
        "change.classified",
        lambda seen, ids: {
            "about": _first(seen),
            "to": seen.digest("model-1.bin"),
            "changeType": "data",
            "substantial": False,
            "withinPredeterminedPlan": False,
        },
    ),
    Said("ben", "conformity.recorded", lambda seen, ids: {"about": ["system/scoring"], "procedure": "annex-vi"}),
    Said(
        "otto",
        "operation.logged",
        lambda seen, ids: {
            "about": ["system/scoring"],
            "periodStartAt": BEGIN,
            "periodEndAt": END,
            "logRoot": REPORT,
            "logCount": 3,
        },
    ),
    Said("otto", "oversight.intervened", lambda seen, ids: {"about": ["system/scoring"], "action": "override"}),
    Said(
        "otto",
        "monitoring.reported",
        lambda seen, ids: {"about": ["system/scoring"], "periodStartAt": BEGIN, "periodEndAt": END, "complaints": 2},
    ),
    Said(
        "otto",
        "incident.notified",
        lambda seen, ids: {
            "about": ["system/scoring"],
            "incident": seen.ids["hold-ben"],
            "regime": "aia73",
            "authority": "bnetza",
            "sentAt": END,
            "complete": True,
        },
    ),
    Said("otto", "corrective_action.taken", lambda seen, ids: {"about": ["system/scoring"], "action": "fix"}),
    Said(
        "otto",
        "deployment.observed",
        lambda seen, ids: {
            "environment": PLACE,
            "name": "credit-risk",
            "seen": seen.digest("model-1.bin"),
            "means": "manual",
            "matches": True,
        },
    ),
    Said(
        "sol",
        "record.amended",
        lambda seen, ids: {
            "target": seen.ids["data"],
            "about": ["acts/ada", f"data/{seen.digest('loans.csv')}", "dataset/loans"],
            "kind": "correct",
        },
    ),
    Said(
        "wim",
        "disclosure.made",
        lambda seen, ids: {"exportDigest": REPORT, "events": [seen.ids["data"]], "recipient": "The authority."},
    ),
    Said("wim", "ledger.linked", lambda seen, ids: {"linked": REPORT, "origin": "example.net/other", "trustDigest": CLEAN}),
)
"""What no step says: one event of each other kind, but for changes of members and protocol, which are stories of their own."""
