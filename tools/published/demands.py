"""The cases of refusals.json about what environments ask (docs/spec 6.7 and 6.8)."""

from __future__ import annotations

from collections.abc import Iterator

from published.cast import Json, digest, moment
from published.council import BOB, CLICKS, FRONT, W1, W2
from published.desk import NOW, STAGED, Case, Desk, Step
from published.scribe import LOANS, LOANS_2, V1, V2, Scribe, public


def list_cases(pen: Scribe) -> Iterator[Case]:
    """All of them."""
    persons = (_ask_voices, _ask_votes, _ask_parties, _ask_makers, _ask_answers)
    for part in (_ask_version, _ask_rejected, *persons, _ask_measurements, _ask_data, _waive):
        yield from part(Desk(pen))


def _ask_version(desk: Desk) -> Iterator[Case]:
    """What is asked everywhere: retirement, holds, withdrawn data, a listed environment."""
    yield desk.case("everything met", desk.promote(), desk.stage())
    taken = {"version": V2, "replaces": V1, "approvals": desk.ids("approved again"), "evaluations": desk.ids("evaluated again")}
    yield desk.case("a retired version", desk.promote("retired", **taken))
    yield desk.case("a retired version, rolled back to", desk.promote("retired", **taken, transition="rollback"))
    hold = {"severity": "high", "awareAt": NOW, "version": W1, "hold": True}
    yield desk.case("a version on hold", desk.say("incident.recorded", actor="grace", **hold), desk.stage("hold"))
    held = desk.say("incident.recorded", actor="grace", **hold)
    yield desk.case("a rollback to what is on hold", held, desk.stage("hold", transition="rollback", approvals=[]))
    held = desk.say("incident.recorded", actor="grace", **hold)
    closed = desk.say("incident.closed", actor="grace", incident=desk.id(held), version=W1)
    yield desk.case("a hold that was released", held, closed, desk.stage())
    withdrawn = desk.say("dataset.withdrawn", actor="grace", data=LOANS, cause="consent")
    yield desk.case("withdrawn data two steps up", withdrawn, desk.promote("withdrawn"))
    withdrawn = desk.say("dataset.withdrawn", actor="grace", data=LOANS, cause="consent")
    yield desk.case("a rollback to withdrawn data", withdrawn, desk.promote("withdrawn", transition="rollback"))
    place = {"environment": "nowhere", "name": "x", "version": W1, "transition": "start"}
    yield desk.case("an environment that the policy does not list", desk.say("deployment.changed", "environment", **place))
    held = desk.say("incident.recorded", actor="grace", **hold)
    elsewhere = desk.say("deployment.changed", "environment", "hold", **place)
    yield desk.case("a hold in an environment that the policy does not list", held, elsewhere)
    yield desk.case("scaled and stopped, whatever is asked", *_end_all(desk, hold))


def _ask_rejected(desk: Desk) -> Iterator[Case]:
    """What somebody rejected, and all reasons together."""
    rejected = desk.decide(W1, "staging", actor="frank", decision="reject")
    back = desk.stage("rejected", transition="rollback", approvals=[])
    yield desk.case("a rejected version, rolled back to as well", rejected, desk.stage("rejected"), back)
    yield desk.case("rolled back to what met everything", desk.stage(transition="rollback", approvals=[]))
    twice = [desk.decide(W1, "staging", actor=name, decision="reject") for name in ("frank", "erin")]
    revoked = desk.decide(W1, "staging", actor="frank", decision="revoke", revokes=desk.id(twice[0]))
    yield desk.case("a version rejected twice, revoked once", *twice, revoked, desk.stage("rejected"))
    once = desk.decide(W1, "staging", actor="frank", decision="reject")
    revoked = desk.decide(W1, "staging", actor="frank", decision="revoke", revokes=desk.id(once))
    yield desk.case("a rejection that was revoked", once, revoked, desk.stage())
    refused = ("approvals", "evaluations", "licence", "purpose")
    nothing = {"environment": "production", "name": "x", "transition": "start", "version": W1}
    yield desk.case("all reasons at once", desk.say("deployment.changed", *refused, **nothing))
    first = {"environment": "staging", "name": "x", "transition": "rollback", "version": V1}
    yield desk.case("rolled back to what never was there", desk.say("deployment.changed", "approvals", **first | {"version": W2}))
    same = {"environment": "production", "name": "x", "transition": "rollback", "version": W2}
    asked = ("approvals", "evaluations", "licence", "unknown-ancestry")
    yield desk.case("rolled back to what was waived", desk.say("deployment.changed", *asked, **same))


def _end_all(desk: Desk, hold: Json) -> list[Step]:
    held = desk.say("incident.recorded", actor="grace", **hold)
    scaled = desk.stage(transition="scale", approvals=[])
    return [held, scaled, desk.stage(transition="stop", approvals=[])]


def _ask_voices(desk: Desk) -> Iterator[Case]:
    """How many persons have spoken."""
    less = {"approvals": desk.ids("w1 approved by bob", "w1 approved by grace")}
    yield desk.case("one approval of two", desk.stage("approvals", **less))
    twice = {"approvals": desk.ids("w1 approved by frank", "w1 approved by frank again", "w1 approved by grace")}
    yield desk.case("one person twice", desk.stage("approvals", **twice))
    none = {"approvals": desk.ids("w1 approved by bob", "w1 approved by frank")}
    yield desk.case("nobody for one role", desk.stage("approvals", **none))
    other = {"approvals": desk.ids("w2 approved by bob", "w1 approved by frank", "w1 approved by grace")}
    yield desk.case("an approval of another version", desk.stage("approvals", **other))
    for name, decision in (("conditional", "conditional"), ("a rejection", "reject")):
        given = desk.decide(W1, "staging", actor="frank", decision=decision)
        approvals = sorted([desk.id(given), *desk.ids("w1 approved by bob", "w1 approved by grace")])
        refused = ("rejected", "approvals") if decision == "reject" else ("approvals",)
        yield desk.case(f"{name}, which does not count", given, desk.stage(*refused, approvals=approvals))
    on_behalf = desk.decide(W1, "staging", actor="frank", onBehalfOf=["bob"])
    approvals = sorted([desk.id(on_behalf), *desk.ids("w1 approved by bob", "w1 approved by grace")])
    yield desk.case("on behalf of who has spoken", on_behalf, desk.stage("approvals", approvals=approvals))
    revoked = desk.decide(W1, "staging", decision="revoke", revokes=desk.pen.id("w1 approved by bob"), **BOB)
    yield desk.case("an approval that was revoked", revoked, desk.stage("approvals"))


def _ask_votes(desk: Desk) -> Iterator[Case]:
    """How long a voice counts."""
    short = desk.decide(W1, "staging", actor="erin", expiresAt=moment(61))
    approvals = sorted([desk.id(short), *desk.ids("w1 approved by bob", "w1 approved by grace")])
    yield desk.case("an approval that expires later", short, desk.stage(approvals=approvals))
    met = {"time": moment(90 * 1_440 + desk.pen.book.sealed_by(desk.pen.index("approved")))}
    yield desk.case("an approval of just 90 days", desk.promote(), **met)
    late = {"time": moment(90 * 1_440 + desk.pen.book.sealed_by(desk.pen.index("approved")), 1)}
    yield desk.case("an approval a microsecond older than 90 days", desk.promote("approvals"), **late)
    index = desk.pen.index("w1 approved by frank again")
    stolen = {"of": "frank", "change": "compromise", "key": public("frank")}
    disputed = desk.say("key.changed", **stolen, fromIndex=index)
    approvals = desk.ids("w1 approved by bob", "w1 approved by frank again", "w1 approved by grace")
    yield desk.case("an approval that is disputed", disputed, desk.stage("approvals", approvals=approvals))
    yield desk.case("an approval before the dispute", desk.say("key.changed", **stolen, fromIndex=index), desk.stage())
    before = desk.say("key.changed", **stolen, fromIndex=index - 1)
    later = desk.say("key.changed", **stolen, fromIndex=index)
    yield desk.case("what was disputed stays so", before, later, desk.stage("approvals"))
    demoted = desk.say("actor.enrolled", of="bob", kind="person", organisation="acme")
    yield desk.case("a role that was held then", demoted, desk.stage())


def _ask_parties(desk: Desk) -> Iterator[Case]:
    """Who has to be somebody else."""
    yield desk.case("the trainer's own approval", desk.decide(W1, "staging", "separation"))
    yield desk.case("the trainer's approval through a service", desk.decide(W1, "staging", "separation", actor="ci"))
    yield desk.case("on behalf of the trainer", desk.decide(W1, "staging", "separation", actor="frank", onBehalfOf=["ada"]))
    yield desk.case("the registrar's own approval", desk.decide(W1, "production", "separation"))
    measured = {"approvals": desk.ids("w1 approved by bob", "w1 approved by erin", "w1 approved by grace")}
    yield desk.case("the evaluator's approval, unnamed", desk.stage(**measured))
    named = measured | {"evaluations": desk.ids("w1 evaluated")}
    yield desk.case("the evaluator's approval", desk.stage("separation", **named))
    other = measured | {"evaluations": desk.ids("w2 evaluated")}
    yield desk.case("the evaluator of another version", desk.stage(**other))
    yield desk.case("the deployer's approval", desk.stage("separation", onBehalfOf=["bob"]))
    deployer = desk.stage("approvals", "separation", onBehalfOf=["grace"], approvals=desk.ids(*STAGED[1:]))
    yield desk.case("too few, and the deployer's", deployer)
    made = desk.say("model.registered", actor="ghost", model="spectre", version=digest("spectre"), derivation="imported")
    yield desk.case("approved where nobody registered", made, desk.decide(digest("spectre"), "staging", "separation", **BOB))


def _ask_makers(desk: Desk) -> Iterator[Case]:
    """Nobody hides behind another's run, nor behind a service that nobody answers for."""
    new = digest("another churn")
    version = {"model": "churn", "version": new, "derivation": "trained", "run": desk.pen.id("churn run")}
    owner = desk.say("actor.enrolled", of="frank", kind="person", roles=["approver", "owner"])
    made = desk.say("model.registered", actor="frank", **version)
    given = desk.decide(new, "lab", "separation", actor="frank")
    yield desk.case("hidden behind another's run", owner, made, given, desk.decide(new, "lab", **BOB))
    made = desk.say("model.registered", actor="frank", onBehalfOf=["ada"], **version)
    given = desk.decide(new, "lab", "separation", actor="frank")
    yield desk.case("on behalf of those whose run it is", owner, made, given)
    made = desk.say("model.registered", actor="ghost", **version)
    given = desk.decide(new, "lab", "separation", **BOB)
    yield desk.case("a service that nobody answers for, under another's run", made, given)
    began = desk.say("training.started", actor="ghost", model="churn")
    ended = desk.say("training.finished", run=desk.id(began), status="finished")
    made = desk.say("model.registered", **version | {"run": desk.id(began)})
    yield desk.case("a run that nobody began", began, ended, made, desk.decide(new, "lab", "separation", **BOB))


def _ask_answers(desk: Desk) -> Iterator[Case]:
    """Where nobody answers for a party, nobody can be kept apart from it."""
    owner = desk.say("actor.enrolled", of="frank", kind="person", roles=["owner"])
    made = desk.say("model.registered", actor="frank", model="solo", version=digest("solo"), derivation="imported")
    given = [desk.decide(digest("solo"), "staging", **who) for who in (BOB, {"actor": "erin"}, {"actor": "grace"})]
    named = {"version": digest("solo"), "replaces": W1, "approvals": sorted(map(desk.id, given))}
    deployed = desk.stage("separation", actor="ghost", **named)
    yield desk.case("deployed by nobody", owner, made, *given, deployed)
    result = {"version": W1, "results": [{"metric": "auc", "value": "1"}]}
    measured = desk.say("evaluation.completed", actor="ghost", **result)
    both = {"evaluations": sorted([desk.id(measured), *desk.ids("w1 evaluated")])}
    yield desk.case("measured by nobody and by somebody", measured, desk.stage("separation", **both))
    waived = desk.waive("separation", W1, "staging", actor="erin")
    waivers = {"waivers": [desk.id(waived)]}
    yield desk.case("waived by that somebody", measured, waived, desk.stage("separation", **both, **waivers))
    waived = desk.waive("separation", W1, "staging", actor="dave")
    yield desk.case("waived by another", measured, waived, desk.stage(**both, waivers=[desk.id(waived)]))


def _ask_measurements(desk: Desk) -> Iterator[Case]:
    """What has to be measured."""
    yield desk.case("nothing measured", desk.promote("evaluations", evaluations=[]))
    yield desk.case("another version measured", desk.promote("evaluations", evaluations=desk.ids("evaluated again")))
    for name, fields in (
        ("measured on other data", {"datasetRole": "validation", "results": [{"metric": "auc", "value": "0.99"}]}),
        ("measured on nobody knows what", {"results": [{"metric": "auc", "value": "0.99"}]}),
        ("another metric", {"datasetRole": "test", "results": [{"metric": "f1", "value": "0.99"}]}),
        ("below the threshold", {"datasetRole": "test", "results": [{"metric": "auc", "value": "0.8999"}]}),
        ("no number", {"datasetRole": "test", "results": [{"metric": "auc", "value": "NaN"}]}),
        (
            "one slice below the threshold",
            {
                "datasetRole": "test",
                "results": [
                    {"metric": "auc", "value": "0.99"},
                    {"metric": "auc", "value": "0.5", "slice": [{"key": "age", "value": "under-30"}]},
                ],
            },
        ),
    ):
        measured = desk.say("evaluation.completed", actor="node", version=V1, **fields)
        yield desk.case(name, measured, desk.promote("evaluations", evaluations=[desk.id(measured)]))
    part: Json = {"version": V1, "data": LOANS_2, "datasetRole": "test", "results": [{"metric": "auc", "value": "0.99"}]}
    missed = desk.say("evaluation.completed", actor="node", plan=desk.pen.id("plan, slices"), **part)
    yield desk.case("a planned slice that was not measured", missed, desk.promote("evaluations", evaluations=[desk.id(missed)]))
    both = desk.say("evaluation.completed", actor="node", plan=desk.pen.id("plan, slices"), **part)
    evaluations = sorted([desk.id(both), *desk.ids("evaluated")])
    yield desk.case("one evaluation of two that holds", both, desk.promote(evaluations=evaluations))


def _ask_data(desk: Desk) -> Iterator[Case]:
    """What the ancestry has to allow."""
    waived = [desk.waive(rule, W1, "production") for rule in ("approvals", "licence", "purpose")]
    for rule, others in (("licence", (0, 2)), ("purpose", (0, 1))):
        given = [waived[each] for each in others]
        steps = {"version": W1, "replaces": V1, "approvals": [], "evaluations": desk.ids("w1 evaluated")}
        yield desk.case(f"only the {rule}", *given, desk.promote(rule, **steps, waivers=sorted(map(desk.id, given))))
    met = {"version": W2, "approvals": desk.ids("w2 approved by bob"), "evaluations": desk.ids("w2 evaluated")}
    front: Json = {**FRONT, **met}
    known = {"waivers": desk.ids("licence waived")}
    yield desk.case("a base model of unknown origin", desk.promote("unknown-ancestry", **front, **known))
    unknown = {"waivers": desk.ids("unknown-ancestry waived")}
    yield desk.case("a base model under another licence", desk.promote("licence", **front, **unknown))
    made = desk.say("dataset.transformed", operation="clean", inputs=[CLICKS], outputs=[LOANS])
    yield desk.case("data that came from other data", made, desk.promote("licence", "purpose"))


def _waive(desk: Desk) -> Iterator[Case]:
    """What waivers let through, and where they end."""
    front: Json = {**FRONT, "version": W2, "approvals": desk.ids("w2 approved by bob"), "evaluations": desk.ids("w2 evaluated")}
    both = {"waivers": desk.ids("licence waived", "unknown-ancestry waived")}
    yield desk.case("waived", desk.promote(**front, **both))
    yield desk.case("a microsecond before waivers expire", desk.promote(**front, **both), time=moment(2_880, -1))
    yield desk.case("when waivers expire", desk.promote("licence", "unknown-ancestry", **front, **both), time=moment(2_880))
    elsewhere: Json = {"environment": "staging", "version": W2, "replaces": W1, "approvals": []}
    yield desk.case("waivers for another environment", desk.stage("approvals", **elsewhere, **both))
    stolen = {"of": "grace", "change": "compromise", "key": public("grace")}
    disputed = desk.say("key.changed", **stolen, fromIndex=desk.pen.index("licence waived"))
    yield desk.case("disputed waivers", disputed, desk.promote("licence", "unknown-ancestry", **front, **both))
    withdrawn = desk.say("dataset.withdrawn", actor="grace", data=LOANS, cause="consent")
    waived = desk.waive("withdrawn", V1, "production")
    yield desk.case("withdrawn data, waived", withdrawn, waived, desk.promote(waivers=[desk.id(waived)]))
    gate = desk.waive("gate", W1, "staging")
    less = {"approvals": desk.ids("w1 approved by bob", "w1 approved by grace")}
    yield desk.case("a waiver for gates", gate, desk.stage("approvals", **less, waivers=[desk.id(gate)]))
    waived = desk.waive("approvals", W1, "staging")
    yield desk.case("approvals waived", waived, desk.stage(**less, waivers=[desk.id(waived)]))
    waived = desk.waive("approvals", W1, "staging", actor="ada")
    yield desk.case("approvals waived by the trainer", waived, desk.stage("approvals", **less, waivers=[desk.id(waived)]))
    named = {"approvals": desk.ids("w1 approved by bob", "w1 approved by erin", "w1 approved by grace")}
    named |= {"evaluations": desk.ids("w1 evaluated")}
    waived = desk.waive("separation", W1, "staging", **BOB)
    own = {"waivers": [desk.id(waived)]}
    yield desk.case("separation waived by one of those who approve", waived, desk.stage("separation", **named, **own))
    waived = desk.waive("separation", W1, "staging", actor="frank")
    yield desk.case("separation waived", waived, desk.stage(**named, waivers=[desk.id(waived)]))
    waived = desk.waive("separation", W1, "staging", actor="erin")
    yield desk.case("separation waived by the evaluator", waived, desk.stage("separation", **named, waivers=[desk.id(waived)]))
    waived = desk.waive("approvals", W1, "staging", actor="frank")
    yield desk.case("approvals waived where it is separation", waived, desk.stage("separation", **named, waivers=[desk.id(waived)]))
