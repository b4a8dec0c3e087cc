"""The third part of the story: more people, a policy that asks for two of them, and what it lets through.

A second model, `churn`, knows less about where it comes from: one version learned from data under no licence, another one from a
base model of which nobody said what it was made of.
"""

from __future__ import annotations

import msgspec

from muniment.core.rules import policy
from published import cast
from published.cast import Json, digest
from published.scribe import Scribe, prove, public, rules

CLICKS, BASE = digest("clicks"), digest("a base model")
W1, W2 = digest("churn, first version"), digest("churn, second version")
STAGE, FRONT = {"environment": "staging", "name": "churn"}, {"environment": "production", "name": "churn"}
BOB: Json = {"actor": "bob", "by": "bob2"}


def _invite(scribe: Scribe) -> None:
    """Persons of other roles, a service for one of them, and one that nobody answers for."""
    newcomers: tuple[tuple[str, list[str], list[str]], ...] = (
        ("erin", [], ["approver"]),
        ("frank", [], ["approver"]),
        ("grace", [], ["risk"]),
        ("robot", ["erin"], ["machine"]),
        ("ci", ["ada"], ["approver"]),
        ("ghost", [], ["approver", "owner"]),
    )
    third = rules("third")
    of = {"policy": policy.identify(third)}
    scribe.write("third policy approved", "approval.decided", **BOB, of=of, decision="approve", meaning="approval")
    scribe.write(
        "amended again", "policy.amended", policy=msgspec.to_builtins(third), approvals=[scribe.id("third policy approved")]
    )
    scribe.end_block()
    for name, responsible, roles in newcomers:
        kind = "service" if name in ("ci", "ghost", "robot") else "person"
        more: Json = {"responsible": responsible} if responsible else {}
        keys = [{"key": public(name), "proof": prove(name, name)}]
        scribe.write(name, "actor.enrolled", of=name, kind=kind, roles=roles, keys=keys, **more)
    scribe.end_block()


def _make(scribe: Scribe) -> None:
    scribe.write("clicks", "dataset.registered", name="clicks", data=CLICKS, bytes=9, files=1, purposes=["research"])
    inputs = [{"data": CLICKS, "role": "training"}]
    given: Json = {"greeting": scribe.seal_text("hello"), "on": True, "units": 1}
    parameters = [{"key": key, "value": value} for key, value in given.items()]
    scribe.write("churn run", "training.started", model="churn", inputs=inputs, parameters=parameters)
    scribe.end_block()
    scribe.write("churn run finished", "training.finished", run=scribe.id("churn run"), status="finished")
    run = {"derivation": "trained", "run": scribe.id("churn run")}
    scribe.write("w1", "model.registered", model="churn", version=W1, **run)
    base: Json = {"model": "base", "version": BASE, "derivation": "imported", "licence": "GPL-3.0-only", "grade": "imported"}
    scribe.write("base", "model.registered", **base)
    scribe.write("w2", "model.registered", model="churn", version=W2, derivation="finetuned", parents=[BASE], grade="declared")
    scribe.end_block()
    tested: Json = {"datasetRole": "test", "results": [{"metric": "auc", "value": "0.95"}]}
    scribe.write("w1 evaluated", "evaluation.completed", actor="robot", version=W1, **tested)
    scribe.write("w2 evaluated", "evaluation.completed", actor="robot", version=W2, **tested)
    scribe.write("plan of another model", "evaluation.planned", model="later", metric="auc", comparator="ge", threshold="0.5")
    scribe.end_block()


def _approve(scribe: Scribe) -> None:
    expires: Json = {"expiresAt": cast.moment(2_880)}
    for label, who, version, place in (
        ("w1 approved by bob", BOB, W1, "staging"),
        ("w1 approved by frank", {"actor": "frank"}, W1, "staging"),
        ("w1 approved by frank again", {"actor": "frank"}, W1, "staging"),
        ("w1 approved by erin", {"actor": "erin"}, W1, "staging"),
        ("w1 approved by grace", {"actor": "grace"}, W1, "staging"),
        ("w2 approved by bob", BOB, W2, "production"),
    ):
        of = {"version": version, "environment": place}
        more = expires if label.endswith("again") else {}
        scribe.write(label, "approval.decided", **who, of=of, decision="approve", meaning="approval", **more)
    scribe.end_block()
    for rule in ("licence", "unknown-ancestry"):
        of = {"version": W2, "environment": "production"}
        scribe.write(f"{rule} waived", "waiver.granted", actor="grace", rule=rule, **of, **expires)
    scribe.end_block()


def _serve(scribe: Scribe) -> None:
    approvals = sorted(scribe.id(f"w1 approved by {name}") for name in ("bob", "frank", "grace"))
    scribe.write("staged", "deployment.changed", **STAGE, transition="start", version=W1, approvals=approvals)
    scribe.write(
        "under waivers",
        "deployment.changed",
        **FRONT,
        transition="start",
        version=W2,
        approvals=[scribe.id("w2 approved by bob")],
        evaluations=[scribe.id("w2 evaluated")],
        waivers=[scribe.id("licence waived"), scribe.id("unknown-ancestry waived")],
    )
    scribe.write("scaled under waivers", "deployment.changed", **FRONT, transition="scale", version=W2, trafficShare="0.5")
    scribe.end_block()
    scribe.write("unstaged", "deployment.changed", **STAGE, transition="stop", version=W1)
    scribe.write("staged as before", "deployment.changed", **STAGE, transition="rollback", version=W1)
    scribe.end_block()


PARTS = (_invite, _make, _approve, _serve)
"""In the order in which they happen."""
