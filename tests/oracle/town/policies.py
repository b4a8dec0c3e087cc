"""Random policies for the town: its roles, and environments that ask for this or that."""

from __future__ import annotations

import random

import msgspec

from muniment.core.rules.policy import QUORUM, Agreement, Approvals, DataTerms, Environment, Party, Policy, Role, Threshold

PLACES = ("production", "staging", "test")
BUILDING = (
    *("dataset.registered", "dataset.transformed", "evaluation.completed", "evaluation.planned", "model.registered"),
    *("ownership.accepted", "ownership.offered", "parameter.changed", "training.finished", "training.started"),
)
ROLES = (
    Role(name="admin", may=("*",)),
    Role(name="approver", may=("approval.decided",)),
    Role(name="builder", may=BUILDING),
    Role(name="deployer", may=("deployment.changed", "deployment.observed", "incident.closed", "incident.recorded")),
    Role(name="risk", may=("approval.decided", "incident.closed", "incident.recorded", "waiver.granted")),
)
THRESHOLDS = (
    Threshold(metric="auc", comparator="ge", threshold="0.90", dataset_role="test"),
    Threshold(metric="bias", comparator="lt", threshold="1e-1", dataset_role="test"),
    Threshold(metric="loss", comparator="le", threshold="0.1", dataset_role="training"),
    Threshold(metric="rank", comparator="eq", threshold="1", dataset_role="test"),
)


def draw_policy(draw: random.Random) -> Policy:
    """One in three asks little, so that things go on; the others ask for most things at once."""
    environments = tuple(_environment(draw, name) for name in PLACES if draw.random() < 0.7)
    return Policy(
        roles=ROLES,
        environments=environments if draw.random() < 0.93 else (),
        amendment=_agreements(draw),
        hold_roles=draw.choice(((), ("risk",), ("admin", "risk"))),
        record_refusals=draw.choice(((), ("deployment.changed",))),
    )


def _environment(draw: random.Random, name: str) -> Environment:
    strict = draw.choice((0.2, 0.5, 0.8))
    terms = DataTerms(
        licences=draw.choice(((), ("MIT",), ("CC0", "MIT"))),
        purposes=draw.choice(((), ("credit",), ("ads", "credit"))),
        allow_unknown_ancestry=draw.random() < 0.6,
    )
    parties: dict[Party, float] = {"deployer": 0.8, "evaluator": 0.8, "registrar": 0.4, "trainer": 0.5}
    return Environment(
        name=name,
        approvals=_approvals(draw, strict),
        separation=tuple(each for each, chance in parties.items() if draw.random() < strict * chance),
        evaluations=tuple(each for each in THRESHOLDS if draw.random() < strict * 0.5),
        data=terms if draw.random() < strict else msgspec.UNSET,
        max_approval_age_days=draw.choice((1, 1, 2, 30)) if draw.random() < 0.5 else msgspec.UNSET,
    )


def _approvals(draw: random.Random, chance: float) -> tuple[Approvals, ...]:
    return tuple(Approvals(role=role, count=draw.choice((1, 1, 2))) for role in ("approver", "risk") if draw.random() < chance)


def _agreements(draw: random.Random) -> tuple[Agreement, ...]:
    """Of two roles one at most is asked for a quorum: an event could not name two of the largest."""
    quorate = draw.choice((None, None, "approver", "risk"))
    asked = _approvals(draw, 0.6)
    return tuple(Agreement(role=each.role, count=QUORUM if each.role == quorate else each.count) for each in asked)
