"""The cases of refusals.json just beside a rule: what nearly counts, and what is nearly refused (docs/spec 6.4, 6.7, 6.8)."""

from __future__ import annotations

from collections.abc import Iterator

from published.cast import Json, digest, moment
from published.council import BASE, BOB, W1, W2
from published.desk import Case, Desk, Step
from published.scribe import LOANS, LOANS_2, V1, Scribe, public

PART: Json = {"slice": [{"key": "age", "value": "under-30"}]}


def list_cases(pen: Scribe) -> Iterator[Case]:
    """All of them."""
    for part in (_speak, _waive, _answer, _measure, _derive, _repeat, _crowd):
        yield from part(Desk(pen))


def _demote(desk: Desk) -> Step:
    return desk.say("actor.enrolled", of="bob", kind="person", organisation="acme")


def _speak(desk: Desk) -> Iterator[Case]:
    """What an approval is for, until when, and whose voice it is."""
    others = desk.ids("w1 approved by frank", "w1 approved by grace")
    elsewhere = desk.decide(W1, "lab", **BOB)
    yield desk.case(
        "an approval for another environment", elsewhere, desk.stage("approvals", approvals=sorted([desk.id(elsewhere), *others]))
    )
    expires = {"approvals": desk.ids("w1 approved by bob", "w1 approved by frank again", "w1 approved by grace")}
    yield desk.case("a microsecond before an approval expires", desk.stage(**expires), time=moment(2_880, -1))
    yield desk.case("when an approval expires", desk.stage("approvals", **expires), time=moment(2_880))
    both = desk.decide(W1, "staging", actor="frank", onBehalfOf=["bob"])
    alone = desk.decide(W1, "staging", actor="frank")
    approvals = sorted([desk.id(both), desk.id(alone), *desk.ids("w1 approved by bob", "w1 approved by grace")])
    yield desk.case("who was no voice may still speak", both, alone, desk.stage(approvals=approvals))


def _waive(desk: Desk) -> Iterator[Case]:
    """A waiver of the right rule, and of something else."""
    less = {"approvals": desk.ids("w1 approved by bob", "w1 approved by grace")}
    for name, version, place in (("version", W2, "staging"), ("environment", W1, "lab")):
        waived = desk.waive("approvals", version, place)
        yield desk.case(f"approvals waived for another {name}", waived, desk.stage("approvals", **less, waivers=[desk.id(waived)]))


def _answer(desk: Desk) -> Iterator[Case]:
    """`onBehalfOf` is a claim, and who answers for nobody is nobody."""
    revoke: Json = {"decision": "revoke", "revokes": desk.pen.id("w1 approved by frank"), "onBehalfOf": ["frank"]}
    behalf = desk.decide(W1, "staging", "role", **BOB, **revoke)
    yield desk.case("another's decision revoked on his behalf without a role", _demote(desk), behalf)
    stolen = {"of": "bob", "change": "compromise", "key": public("bob2"), "fromIndex": desk.pen.book.size}
    yield desk.case("an own key disputed without a role", _demote(desk), desk.say("key.changed", **BOB, **stolen))
    behalf = desk.decide(W1, "staging", "persons", actor="ghost", onBehalfOf=["frank"])
    yield desk.case("a decision of nobody, on behalf of somebody", behalf)
    yield desk.case("deployed by nobody, with too few approvals", desk.stage("separation", actor="ghost", approvals=[]))


def _measure(desk: Desk) -> Iterator[Case]:
    """What was measured on a part says nothing of the whole."""
    tested: Json = {"actor": "node", "version": V1, "datasetRole": "test"}
    measured = desk.say("evaluation.completed", **tested, results=[{"metric": "auc", "value": "0.99", **PART}])
    missed = desk.promote("evaluations", evaluations=[desk.id(measured)])
    yield desk.case("a threshold met on a part only", measured, missed)
    planned = desk.say("evaluation.planned", model="credit-risk", metric="f1", comparator="ge", threshold="0.5")
    for name, part, refused in (("the whole", {}, ()), ("a part only", PART, ("evaluations",))):
        results = [{"metric": "auc", "value": "0.99"}, {"metric": "f1", "value": "0.9", **part}]
        measured = desk.say("evaluation.completed", **tested, plan=desk.id(planned), results=results)
        promoted = desk.promote(*refused, evaluations=[desk.id(measured)])
        yield desk.case(f"a plan met on {name}", planned, measured, promoted)


def _derive(desk: Desk) -> Iterator[Case]:
    """Which licences are asked for, and whose origin."""
    made = {"data": [LOANS], "licence": "MIT", "derivation": "trained"}
    yield desk.case("a version's own licence", *_release(desk, "licensed", **made))
    unknown = {"licence": "Apache-2.0", "derivation": "imported"}
    yield desk.case("a version's own unknown origin", *_release(desk, "found", "unknown-ancestry", **unknown))
    began = desk.say("training.started", baseVersions=[BASE], inputs=[{"data": LOANS, "role": "training"}])
    made = {"run": desk.id(began), "derivation": "finetuned"}
    yield desk.case("a run that began with a base model", began, *_release(desk, "tuned", "licence", "unknown-ancestry", **made))


def _release(desk: Desk, name: str, *refused: str, **fields: object) -> list[Step]:
    """A new version that lacks nothing for production but what is wrong with its origin."""
    version = digest(f"{name}, a new version")
    made = desk.say("model.registered", model=name, version=version, **fields)
    given = desk.decide(version, "production", **BOB)
    results = [{"metric": "auc", "value": "0.99"}]
    measured = desk.say("evaluation.completed", actor="node", version=version, datasetRole="test", results=results)
    place = {"environment": "production", "name": name, "version": version, "transition": "start"}
    named = {"approvals": [desk.id(given)], "evaluations": [desk.id(measured)]}
    return [made, given, measured, desk.say("deployment.changed", *refused, **place, **named)]


def _repeat(desk: Desk) -> Iterator[Case]:
    """What is said again."""
    stopped = desk.stage(transition="stop", approvals=[])
    retired = desk.say("model.retired", model="churn", version=W1, cause="cost")
    yield desk.case("started where it runs, stopped once, retired", desk.stage(transition="start"), stopped, retired)
    yield desk.case("withdrawn twice", desk.say("dataset.withdrawn", data=LOANS_2, cause="consent"))
    base = {"model": "base", "version": BASE, "derivation": "imported"}
    for name, fields in (
        ("a run, where the first registration names none", {"run": desk.pen.id("churn run")}),
        ("data, where the first registration names none", {"data": [LOANS]}),
        ("another licence", {"licence": "MIT"}),
    ):
        yield desk.case(f"registered again with {name}", desk.say("model.registered", "once", **base, **fields))
    began = desk.say("training.started", model="churn")
    again = desk.say("model.registered", model="churn", version=W1, derivation="trained", run=desk.id(began))
    name, after, time, entries, said = desk.case("registered again with another run", began, again)
    said[1] = {"decision": "repeated", "index": desk.pen.index("w1")}
    yield name, after, time, entries, said


def _crowd(desk: Desk) -> Iterator[Case]:
    """A record with just enough room for a rejection in an environment with a short name: one counts as much as many."""
    names = sorted([*[f"{letter:x<128}" for letter in "abcdefghijklmnopqrstuvw"], f"{'x':x<125}"])
    crowd = [desk.say("actor.enrolled", of=name, kind="person") for name in names]
    version = digest("a version of many")
    made = desk.say("model.registered", model="many", version=version, derivation="imported", onBehalfOf=names)
    said = (("staging", ("record-size",)), ("lab", ()), ("lab", ()))
    given = [desk.decide(version, place, *refused, actor="frank", decision="reject") for place, refused in said]
    yield desk.case("a rejection that finds no room", *crowd, made, *given)
