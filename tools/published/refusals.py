"""refusals.json: blocks that the rules refuse, or whose events they had heard before; one case a rule at least."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.errors import InvariantError
from published import cast, conditions, demands, edges
from published.book import Book
from published.cast import Json, digest, encode64, moment
from published.scribe import CLEAN, LOANS, PLACE, V1, V2, Scribe, list_events, prove, public

UNKNOWN = digest("never registered")
ID = "019cadc6-0000-7000-8000-00000000ffff"

Case = tuple[str, int, str, list[bytes], list[Json]]
"""The name, the height after which, the time at which, the entries, and what is said to each."""


def write(book: Book, scribe: Scribe) -> Json:
    """Every case, judged."""
    cases: list[Json] = []
    pen = Scribe(book, labels=dict(scribe.labels))
    books: dict[int, Book] = {}
    own = (*_list_signers(pen), *_list_repeats(pen), *_list_things(pen), *_list_order(pen))
    listed = (*own, *demands.list_cases(pen), *conditions.list_cases(pen), *edges.list_cases(pen))
    for name, after, time, entries, wanted in listed:
        if after not in books:
            books[after] = book.until(after)
        then = books[after]
        for verdict, want in zip(then.judge(time, entries).verdicts, wanted, strict=True):
            rules = list(dict.fromkeys(reason.rule for reason in verdict.reasons))
            index = {"index": verdict.index} if verdict.index >= 0 else {}
            said = {"decision": verdict.decision} | index | ({"rules": rules} if rules else {})
            if said != want:
                raise InvariantError(f"{name}: expected {want}, the rules say {said}: {verdict.reasons}")
        cases.append({"name": name, "after": after, "time": time, "entries": list(map(encode64, entries)), "verdicts": wanted})
    return {
        "about": "Each case is one block, judged on the ledger of ledger.json as it was after a height; docs/spec 6.2 to 6.4.",
        "cases": cases,
    }


def _refused(*rules: str) -> Json:
    return {"decision": "refused", "rules": list(rules)}


def _repeated(index: int) -> Json:
    return {"decision": "repeated", "index": index}


def _admitted(index: int) -> Json:
    return {"decision": "admitted", "index": index}


def _list_signers(pen: Scribe) -> Iterator[Case]:
    """Steps 1 to 7 of what every event meets."""

    def note(label: str, **fields: object) -> bytes:
        return pen.sign(label, "note.added", **{"about": ["policy"], "text": pen.seal_text("words"), **fields})

    last, now = pen.book.height, moment(60)
    policy_block = pen.book.sealed_by(pen.index("amended"))
    yield "of another ledger", last, now, [note("elsewhere", ledger=digest("another ledger"))], [_refused("ledger")]
    yield "a key that nobody enrolled", last, now, [note("unknown key", by="mallory")], [_refused("key")]
    yield "somebody else's key", last, now, [note("bob's key", by="bob2")], [_refused("key")]
    yield "a key that was replaced", last, now, [note("replaced", actor="bob", by="bob")], [_refused("key")]
    yield "a key that was disputed", last, now, [note("disputed", actor="carol", by="carol")], [_refused("key")]
    in_time = pen.book.sealed_by(pen.index("carol's second key"))
    carol = {"actor": "carol", "by": "carol2"}
    size = pen.book.pages[in_time].header.size + 1
    yield "a microsecond before a key expires", in_time, moment(20, -1), [note("before", **carol)], [_admitted(size)]
    yield "when a key expires", in_time, moment(20), [note("at expiry", **carol)], [_refused("key")]
    yield (
        "an actor without the role",
        last,
        now,
        [pen.sign("role", "system.registered", actor="bob", by="bob2", name="x")],
        [_refused("role")],
    )
    yield "on behalf of a service", last, now, [note("behalf", onBehalfOf=["dave"])], [_refused("actor")]
    every = note("three reasons", actor="bob", by="bob", onBehalfOf=["nobody"])
    yield "several reasons at once", policy_block - 1, now, [every], [_refused("key", "actor", "role")]
    yield "before the second policy", policy_block - 1, now, [note("early", actor="bob", by="bob2")], [_refused("role")]
    amendment = pen.book.raw_entries[pen.index("amended")]
    both = [amendment, note("same block", actor="bob", by="bob2")]
    first = pen.book.pages[policy_block - 1].header.size + 1
    yield "a policy acts from the next block", policy_block - 1, now, both, [_admitted(first), _refused("role")]


def _list_repeats(pen: Scribe) -> Iterator[Case]:
    """Ids and registrations that are known."""
    last, now = pen.book.height, moment(60)
    known = pen.book.raw_entries[pen.index("note")]
    yield "the same entry again", last, now, [known], [_repeated(pen.index("note"))]
    event = next(each.event for each in list_events(pen.book) if each.index == pen.index("note"))
    yield "the same payload, signed by another", last, now, [cast.sign(event, "mallory")], [_repeated(pen.index("note"))]
    conflict = pen.sign("conflict", "system.registered", name="x", eventId=event.event_id)
    yield "another payload under a known id", last, now, [conflict], [_refused("event-id")]
    size = pen.book.size
    new = [pen.sign(f"twice {n}", "system.registered", name=f"x{n}", eventId=ID) for n in (1, 2)]
    said = [_admitted(size), _repeated(size), _refused("event-id")]
    yield "one id within a block", last, now, [new[0], new[0], new[1]], said
    loans = {"data": LOANS, "bytes": 1, "files": 1}
    yield (
        "a data set under its name again",
        last,
        now,
        [pen.sign("again", "dataset.registered", name="loans", **loans)],
        [_repeated(pen.index("loans"))],
    )
    same = {"licence": "CC-BY-4.0", "purposes": ["credit-scoring", "research"], "personalData": "pseudonymised"}
    for number, (name, terms, said) in enumerate(
        (
            ("with the same terms", same, _repeated(pen.index("loans"))),
            ("with another licence", {"licence": "MIT"}, _refused("once")),
            ("with fewer purposes", {"purposes": ["research"]}, _refused("once")),
            ("with other personal data", {"personalData": "no"}, _refused("once")),
        )
    ):
        raw = pen.sign(f"again {number}", "dataset.registered", name="loans", **loans, **terms)
        yield f"a data set under its name again, {name}", last, now, [raw], [said]
    yield (
        "a data set under another name",
        last,
        now,
        [pen.sign("other", "dataset.registered", name="debts", **loans)],
        [_refused("once")],
    )
    version = {"version": V1, "derivation": "trained"}
    yield (
        "a version under its model again",
        last,
        now,
        [pen.sign("v1 again", "model.registered", model="credit-risk", **version)],
        [_repeated(pen.index("v1"))],
    )
    for number, (name, terms, said) in enumerate(
        (
            ("with other parents", {"parents": [UNKNOWN]}, ("once",)),
            ("with other data and another licence", {"data": [UNKNOWN], "licence": "MIT"}, ("once",)),
        )
    ):
        raw = pen.sign(f"v1 again {number}", "model.registered", model="credit-risk", **version, **terms)
        yield f"a version under its model again, {name}", last, now, [raw], [_refused(*said)]
    yield (
        "a version under another model",
        last,
        now,
        [pen.sign("v1 other", "model.registered", model="fraud", **version)],
        [_refused("once")],
    )


def _list_things(pen: Scribe) -> Iterator[Case]:
    """The conditions of events about data, models and deployments."""
    last, now = pen.book.height, moment(60)

    def refuse(case: str, name: str, /, *rules: str, **fields: object) -> Case:
        return case, last, now, [pen.sign(case, name, **fields)], [_refused(*rules)]

    yield refuse("transformed twice", "dataset.transformed", "once", operation="clean", inputs=[LOANS], outputs=[CLEAN])
    yield refuse("an unknown input", "dataset.transformed", "unknown", operation="clean", inputs=[UNKNOWN], outputs=[LOANS])
    yield refuse("finished twice", "training.finished", "once", run=pen.id("run"), status="failed")
    yield refuse("a run that never began", "training.finished", "unknown", run=ID, status="failed")
    yield refuse(
        "an unknown parent",
        "model.registered",
        "unknown",
        model="fraud",
        version=digest("new"),
        derivation="merged",
        parents=[UNKNOWN],
    )
    yield refuse("retired under another model", "model.retired", "model", "running", model="fraud", version=V1, cause="cost")
    yield refuse(
        "an unknown plan", "evaluation.completed", "unknown", version=V1, plan=ID, results=[{"metric": "auc", "value": "1"}]
    )
    yield refuse(
        "an unknown version approved",
        "approval.decided",
        "unknown",
        of={"version": UNKNOWN, "environment": "production"},
        decision="approve",
        meaning="approval",
    )
    revoke = {"decision": "revoke", "meaning": "approval", "of": {"protocol": 1}}
    yield refuse("an unknown decision revoked", "approval.decided", "unknown", revokes=ID, **revoke)
    yield refuse(
        "an unregistered version deployed",
        "deployment.changed",
        "unknown",
        "replaces",
        **PLACE,
        transition="promote",
        version=UNKNOWN,
    )
    yield refuse(
        "scaled over another version", "deployment.changed", "replaces", **PLACE, transition="scale", version=V1, replaces=V2
    )
    revoke |= {"of": {"version": V2, "environment": "production"}}
    yield refuse(
        "a revocation of something else",
        "approval.decided",
        "of",
        "revoke",
        revokes=pen.id("approved"),
        **revoke,
    )
    nothing = ("retired", "approvals", "evaluations")
    yield refuse("over an unseen change", "deployment.changed", "replaces", *nothing, **PLACE, transition="promote", version=V2)
    again: Json = {"transition": "rollback", "version": V1, "replaces": V1}
    yield refuse("what runs replaces itself", "deployment.changed", "replaces", **PLACE, **again)
    yield refuse("another version scaled", "deployment.changed", "recorded-version", **PLACE, transition="scale", version=V2)
    yield refuse(
        "nothing stopped", "deployment.changed", "recorded-version", environment="staging", name="x", transition="stop", version=V1
    )
    yield refuse(
        "citations that do not exist",
        "deployment.changed",
        "unknown",
        "approvals",
        "evaluations",
        **PLACE,
        transition="start",
        version=V1,
        approvals=[ID],
        evaluations=[ID],
        waivers=[ID],
    )
    yield refuse(
        "an unknown deployment observed",
        "deployment.observed",
        "unknown",
        environment="x",
        name="x",
        seen=V1,
        means="manual",
        matches=False,
    )
    yield refuse("closed twice", "incident.closed", "incident", "hold-role", incident=pen.id("incident"), version=V2)
    yield refuse("closed for another version", "incident.closed", "incident", incident=pen.id("minor"), version=V1)
    yield refuse(
        "a parameter of nothing", "parameter.changed", "unknown", of={"version": UNKNOWN}, target="feature", path="x", new=1
    )
    yield refuse("about nothing", "risk.assessed", "unknown", about=["model/fraud"], kind="rms")
    long = [f"purpose-{n:03d}-{'x' * 110}" for n in range(32)]
    yield refuse(
        "a record that would be too long",
        "dataset.registered",
        "record-size",
        name="long",
        data=digest("long"),
        bytes=1,
        files=1,
        purposes=long,
    )


def _list_order(pen: Scribe) -> Iterator[Case]:
    """The conditions of events about owners, actors, keys and records."""
    last, now = pen.book.height, moment(60)

    def refuse(case: str, name: str, /, *rules: str, **fields: object) -> Case:
        return case, last, now, [pen.sign(case, name, **fields)], [_refused(*rules)]

    yield refuse("offered by another", "ownership.offered", "owner", model="credit-risk", **{"from": "dave"}, to="bob")
    yield refuse(
        "a member that never was one rotates",
        "member.changed",
        "amendment",
        "member",
        member="globex",
        change="rotate",
        validatorKey=digest("x"),
    )
    unknown = ("unknown", "amendment")
    nobody: Json = {"member": "acme", "change": "remove", "approvals": [ID]}
    yield refuse("an unknown approval of a member", "member.changed", *unknown, "member", **nobody)
    yield refuse("an unknown approval of a policy", "policy.amended", *unknown, policy={"roles": []}, approvals=[ID])
    yield refuse("offered by a former owner", "ownership.offered", "owner", model="credit-risk", **{"from": "ada"}, to="bob")
    yield refuse("accepted without an offer", "ownership.accepted", "owner", model="credit-risk", offer=pen.id("offered"))
    yield refuse(
        "an enrolled key again",
        "actor.enrolled",
        "once",
        of="erin",
        kind="person",
        keys=[{"key": public("ada"), "proof": prove("ada", "erin")}],
    )
    yield refuse(
        "a key meant for somebody else",
        "actor.enrolled",
        "key-proof",
        of="erin",
        kind="person",
        keys=[{"key": public("gamma"), "proof": prove("gamma", "frank")}],
    )
    yield refuse("a person who becomes a service", "actor.enrolled", "actor", of="bob", kind="service", responsible=["ada"])
    yield refuse("a service that answers for another", "actor.enrolled", "actor", of="robot", kind="service", responsible=["node"])
    yield refuse("somebody else's key revoked", "key.changed", "key", of="ada", change="revoke", key=public("bob2"))
    yield refuse(
        "a key of nobody", "key.changed", "unknown", of="nobody", change="add", key=public("gamma"), proof=prove("gamma", "nobody")
    )
    yield refuse("a later protocol than the next", "protocol.upgraded", "amendment", "protocol", protocol=3)
    yield refuse("the next protocol, approved by nobody", "protocol.upgraded", "amendment", protocol=2)
    yield refuse("the same protocol", "protocol.upgraded", "amendment", "protocol", protocol=1)
    yield refuse("a member that never was one leaves", "member.changed", "amendment", "member", member="globex", change="remove")
    yield refuse("about other streams", "record.amended", "about", target=pen.id("note"), about=["policy"], kind="correct")
    yield refuse("an unknown target", "record.amended", "unknown", target=ID, about=["policy"], kind="correct")
    yield refuse("an unknown event disclosed", "disclosure.made", "unknown", exportDigest=digest("x"), events=[ID])
    yield refuse(
        "the attempt of nobody",
        "attempt.refused",
        "unknown",
        "actor",
        of="nobody",
        attempted="note.added",
        payloadDigest=digest("x"),
        rules=["role"],
    )
