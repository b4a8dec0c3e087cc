"""The cases of refusals.json about who decides, and what records say about the moment before (docs/spec 6.2 and 6.4)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from muniment.core.format import encoding
from muniment.core.rules import policy
from published.cast import Json, digest, moment
from published.council import BASE, BOB, CLICKS, STAGE, W1, W2
from published.desk import EXPIRES, NOW, Case, Desk, Step
from published.scribe import CLEAN, LOANS, LOANS_2, V1, V2, Scribe, list_events, prove, public, rules


def list_cases(pen: Scribe) -> Iterator[Case]:
    """All of them."""
    for part in (_decide, _govern, _admit, _change_parameters, _register, _amend, _observe, _own):
        yield from part(Desk(pen))


def _decide(desk: Desk) -> Iterator[Case]:
    """Who decides, until when, and who takes it back."""
    yield desk.case("a decision of nobody", desk.decide(W1, "staging", "persons", actor="ghost"))
    yield desk.case("a rejection of nobody", desk.decide(W1, "staging", "persons", actor="ghost", decision="reject"))
    yield desk.case("expired when it is recorded", desk.decide(W1, "staging", "expired", actor="frank", expiresAt=NOW))
    yield desk.case("approved for nowhere", desk.decide(W1, "nowhere", "environment", actor="frank"))
    yield desk.case("a rule that nothing waives", desk.waive("amendment", W1, "staging", "waiver"))
    yield desk.case("a waiver of nobody", desk.waive("hold", W1, "staging", "persons", actor="ghost"))
    yield desk.case("a waiver that expired already", desk.waive("hold", W1, "staging", "expired", expiresAt=NOW))
    yield desk.case("a waiver for nowhere", desk.waive("hold", W1, "nowhere", "environment"))
    every = desk.waive("key", W1, "nowhere", "waiver", "persons", "expired", "environment", actor="ghost", expiresAt=NOW)
    yield desk.case("a waiver against all rules", every)
    revoke: Json = {"decision": "revoke", "revokes": desk.pen.id("w1 approved by bob")}
    yield desk.case("revoked by another approver", desk.decide(W1, "staging", "revoke", actor="frank", **revoke))
    yield desk.case("revoked by who may hold", desk.decide(W1, "staging", actor="grace", **revoke))
    first = desk.decide(W1, "staging", **BOB, **revoke)
    yield desk.case("revoked twice", first, desk.decide(W1, "staging", "revoke", **BOB, **revoke))


def _govern(desk: Desk) -> Iterator[Case]:
    """What changes the ledger's own order."""
    amended = msgspec.to_builtins(rules("second"))
    of = {"policy": policy.identify(rules("second"))}
    approve: Json = {"of": of, "decision": "approve", "meaning": "approval"}
    yield desk.case("a policy that nobody approved", desk.say("policy.amended", "amendment", policy=amended))
    one = desk.say("approval.decided", actor="frank", **approve)
    two = desk.say("approval.decided", actor="erin", **approve)
    by_two = {"policy": amended, "approvals": sorted([desk.id(one), desk.id(two)])}
    yield desk.case("a policy approved by two", one, two, desk.say("policy.amended", **by_two))
    by_one = {"policy": amended, "approvals": [desk.id(one)]}
    yield desk.case("a policy approved by one", one, desk.say("policy.amended", "amendment", **by_one))
    own = desk.say("approval.decided", actor="frank", onBehalfOf=["erin"], **approve)
    same = {"policy": amended, "approvals": sorted([desk.id(own), desk.id(two)])}
    yield desk.case("a policy approved by two who are one", own, two, desk.say("policy.amended", "amendment", **same))
    other = {"policy": msgspec.to_builtins(rules("first")), "approvals": sorted([desk.id(one), desk.id(two)])}
    yield desk.case("another policy than was approved", one, two, desk.say("policy.amended", "amendment", **other))
    yield desk.case(
        "approvals are used up",
        one,
        two,
        desk.say("policy.amended", **by_two),
        desk.say("policy.amended", "amendment", **by_two),
    )
    yield desk.case("a role that is not there", desk.say("actor.enrolled", "roles", of="hugo", kind="person", roles=["king"]))
    index = desk.pen.book.size
    stolen = {"of": "frank", "change": "compromise", "key": public("frank")}
    yield desk.case("disputed from the next entry", desk.say("key.changed", "from-index", **stolen, fromIndex=index + 1))
    yield desk.case("disputed from this entry", desk.say("key.changed", **stolen, fromIndex=index))
    attempt = {"of": "bob", "attempted": "note.added", "payloadDigest": digest("x"), "rules": ["role"]}
    yield desk.case("an attempt that a person records", desk.say("attempt.refused", "actor", **attempt))


def _admit(desk: Desk) -> Iterator[Case]:
    """Members, and what those who approve them have seen."""
    keys = {"cosignerKey": digest("cosigner"), "validatorKey": digest("validator")}
    member: Json = {"member": "globex", "change": "admit", **keys}
    yield desk.case("a member that nobody approved", desk.say("member.changed", "amendment", **member))
    of = {"member": "globex", "terms": digest(encoding.encode(member).decode())}
    approve: Json = {"of": of, "decision": "approve", "meaning": "approval"}
    given = [desk.say("approval.decided", actor=name, **approve) for name in ("frank", "erin")]
    approvals = {"approvals": sorted(map(desk.id, given))}
    yield desk.case("a member approved by two", *given, desk.say("member.changed", **member, **approvals))
    other = member | {"validatorKey": digest("another validator")}
    yield desk.case("with another key than was approved", *given, desk.say("member.changed", "amendment", **other, **approvals))
    other = member | {"cosignerKey": digest("another cosigner")}
    yield desk.case(
        "with another cosigning key than was approved", *given, desk.say("member.changed", "amendment", **other, **approvals)
    )
    again = desk.say("member.changed", "amendment", "member", **member, **approvals)
    yield desk.case("admitted twice by the same approvals", *given, desk.say("member.changed", **member, **approvals), again)


def _change_parameters(desk: Desk) -> Iterator[Case]:
    """What a parameter was."""
    old = {"of": {"version": W1}, "target": "hyperparameter"}
    changed = {"path": "units", "old": 1, "new": 2}
    yield desk.case(
        "a parameter as the run had it, then as it was changed",
        desk.say("parameter.changed", **old, **changed),
        desk.say("parameter.changed", "old-value", **old, **changed),
        desk.say("parameter.changed", **old, path="units", old=2),
        desk.say("parameter.changed", "old-value", **old, path="units", old=1, new=3),
        desk.say("parameter.changed", **old, path="units", new=True),
        desk.say("parameter.changed", "old-value", **old, path="units", old=1, new=3),
    )
    for name, fields in (
        ("true is not 1", {"path": "on", "old": 1, "new": 2}),
        ("a text is no number", {"path": "units", "old": "1", "new": 2}),
        ("a parameter that the run did not set", {"path": "gone", "old": 1, "new": 2}),
        ("a parameter that the run set, unsaid", {"path": "units", "new": 2}),
        ("a sealed parameter, told in clear", {"path": "greeting", "old": "hello", "new": 2}),
        ("a parameter of another kind", {"path": "units", "old": 1, "new": 2, "target": "prompt"}),
    ):
        yield desk.case(name, desk.say("parameter.changed", "old-value", **old | fields))
    text = {"digest": digest("hello"), **desk.pen.seal_text("hello")}
    again = {"digest": digest("hello"), **desk.pen.seal_text("hello, sealed again")}
    other = {"digest": digest("good day"), **desk.pen.seal_text("good day")}
    yield desk.case(
        "sealed texts are compared by digest",
        desk.say("parameter.changed", **old, path="greeting", old=other, new=text),
        desk.say("parameter.changed", "old-value", **old, path="greeting", old=other, new=1),
        desk.say("parameter.changed", **old, path="greeting", old=again, new=1),
    )


def _register(desk: Desk) -> Iterator[Case]:
    """What plans, runs and data sets say."""
    result = {"results": [{"metric": "auc", "value": "1"}]}
    plan = {"plan": desk.pen.id("plan of another model")}
    yield desk.case("the plan of another model", desk.say("evaluation.completed", "plan", version=W1, **plan, **result))
    plan = {"version": V1, "plan": desk.pen.id("plan, slices"), **result}
    yield desk.case("other data than planned", desk.say("evaluation.completed", "plan", **plan, data=LOANS, datasetRole="test"))
    yield desk.case("in another role than planned", desk.say("evaluation.completed", "plan", **plan, data=LOANS_2))
    new = {"model": "credit-risk", "version": digest("new"), "derivation": "trained"}
    yield desk.case("the run of another model", desk.say("model.registered", "run", **new, run=desk.pen.id("churn run")))
    yield desk.case("seen by nobody", desk.say("model.registered", "grade", **new, grade="observed"))
    after = {"operation": "clean", "inputs": [LOANS_2], "outputs": [CLICKS]}
    yield desk.case("made of withdrawn data", desk.say("dataset.transformed", "withdrawn", **after))
    inputs = [{"data": LOANS_2, "role": "test"}]
    yield desk.case("trained with withdrawn data", desk.say("training.started", "withdrawn", inputs=inputs))
    yield desk.case("both at once", desk.say("dataset.transformed", "withdrawn", "once", **after | {"outputs": [CLEAN]}))
    yield desk.case("retired where it runs", desk.say("model.retired", "running", model="churn", version=W1, cause="cost"))
    yield desk.case("retired twice", desk.say("model.retired", "retired", model="credit-risk", version=V2, cause="cost"))
    gone = {"model": "base", "version": BASE, "cause": "cost", "replacement": digest("new")}
    yield desk.case("replaced by the unknown", desk.say("model.retired", "unknown", **gone))


def _amend(desk: Desk) -> Iterator[Case]:
    """What has to be preserved."""
    target = next(each.event for each in list_events(desk.pen.book) if each.event.event_id == desk.pen.id("w1"))
    about = {"target": target.event_id, "about": sorted({"acts/ada", *_streams_of_w1(desk.pen)})}
    kept = desk.say("record.amended", **about, kind="preserve")
    redacted = desk.say("record.amended", "preserved", **about, kind="redact")
    lifted = desk.say("record.amended", **about, kind="unpreserve")
    yield desk.case("redacted while preserved", kept, redacted, lifted, desk.say("record.amended", **about, kind="redact"))


def _observe(desk: Desk) -> Iterator[Case]:
    """What runs, what is held, who owns."""

    def see(*refused: str, **fields: object) -> Step:
        return desk.say("deployment.observed", *refused, actor="node", means="file-hash", **STAGE, **fields)

    yield desk.case("seen, and said not to match", see("matches", seen=W1, matches=False))
    yield desk.case("another version, said to match", see("matches", seen=W2, matches=True))
    yield desk.case("another version, said not to match", see(seen=W2, matches=False))
    stopped = desk.stage(transition="stop", approvals=[])
    yield desk.case("what was stopped matches nothing", stopped, see("matches", seen=W1, matches=True))
    hold = {"severity": "high", "awareAt": NOW, "version": W1, "hold": True}
    yield desk.case("a hold without the role", desk.say("incident.recorded", "hold-role", **hold))
    held = desk.say("incident.recorded", actor="grace", **hold)
    ends = {"incident": desk.id(held), "version": W1}
    yield desk.case("a hold released without the role", held, desk.say("incident.closed", "hold-role", **ends))
    yield desk.case("an owner of nothing", desk.say("ownership.offered", "owner", model="later", **{"from": "ada"}, to="bob"))


def _streams_of_w1(pen: Scribe) -> list[str]:
    return ["model/churn", f"run/{pen.id('churn run')}", f"version/{W1}"]


def _own(desk: Desk) -> Iterator[Case]:
    """One's own affairs, for which nobody needs a role."""

    def demote() -> Step:
        return desk.say("actor.enrolled", of="bob", kind="person", organisation="acme")

    revoke: Json = {"decision": "revoke", "revokes": desk.pen.id("w1 approved by bob")}
    yield desk.case("an own decision revoked without a role", demote(), desk.decide(W1, "staging", **BOB, **revoke))
    behalf = desk.decide(
        W1, "staging", "revoke", **BOB, **revoke | {"revokes": desk.pen.id("w1 approved by frank")}, onBehalfOf=["frank"]
    )
    yield desk.case("another's decision revoked on his behalf", behalf)
    revoke = revoke | {"revokes": desk.pen.id("w1 approved by frank")}
    yield desk.case("another's decision revoked without a role", demote(), desk.decide(W1, "staging", "role", **BOB, **revoke))
    key = {"of": "bob", "key": public("gamma"), "proof": prove("gamma", "bob")}
    rotation = {"change": "rotate", "key": public("gamma"), "proof": prove("gamma", "bob")}
    rotated = desk.say("key.changed", **BOB, **key, change="rotate", replaces=public("bob2"))
    yield desk.case("an own key rotated without a role", demote(), rotated)
    yield desk.case("an own key added without a role", demote(), desk.say("key.changed", "role", **BOB, **key, change="add"))
    ended = {"change": "revoke", "key": public("bob2")}
    dead = desk.say("key.changed", "key", of="bob", **rotation, replaces=public("bob"))
    yield desk.case("a key rotated that has ended", dead)
    short = {"of": "bob", "change": "add", "key": public("alpha"), "proof": prove("alpha", "bob"), **EXPIRES}
    own: Json = {"actor": "bob", "by": "alpha", "of": "bob", **rotation, "replaces": public("alpha")}
    for name, more, refused in (
        ("an own key that expires, rotated to one that does not", {}, ("key",)),
        ("an own key that expires, rotated to one that expires later", {"expiresAt": moment(2_880, 1)}, ("key",)),
        ("an own key that expires, rotated to one that expires as soon", EXPIRES, ()),
    ):
        yield desk.case(name, desk.say("key.changed", **short), demote(), desk.say("key.changed", *refused, **own, **more))
    claimed = short | {"claimsDigest": digest("certificate")}
    for name, claims, refused in (
        ("an own key rotated, with the same claims", "certificate", ()),
        ("an own key rotated, with other claims", "another certificate", ("key",)),
    ):
        rotated = desk.say("key.changed", *refused, **own, **EXPIRES, claimsDigest=digest(claims))
        yield desk.case(name, desk.say("key.changed", **claimed), demote(), rotated)
    by_ada = desk.say("key.changed", of="bob", **rotation, replaces=public("alpha"))
    yield desk.case("a key that expires, rotated by who may", desk.say("key.changed", **short), by_ada)
    yield desk.case("an own key revoked without a role", demote(), desk.say("key.changed", **BOB, of="bob", **ended))
    ended["key"] = public("frank")
    yield desk.case("another's key revoked without a role", demote(), desk.say("key.changed", "role", **BOB, of="frank", **ended))
