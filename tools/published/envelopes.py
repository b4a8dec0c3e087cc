"""envelopes.json and events.json: signed entries, and payloads that are no event in its one form."""

from __future__ import annotations

import json
from collections.abc import Callable

from muniment.core.format import dsse, merkle
from muniment.core.rules import events
from published import cast
from published.book import Book
from published.cast import KEYS, Json, digest, encode64
from published.scribe import Scribe

Edit = Callable[[Json], object]
Value = dict[str, object]


def canonical(value: object) -> str:
    """Canonical JSON of a value whose strings hold nothing that needs more care."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def write_envelopes(book: Book, scribe: Scribe) -> Json:
    """One envelope part by part, and what is refused."""
    raw = book.raw_entries[scribe.index("note")]
    envelope = dsse.decode(raw)
    good: Json = {
        "name": "a note",
        "entry": encode64(raw),
        "payload": envelope.payload.decode(),
        "pae": encode64(dsse.pae(envelope.payload)),
        "publicKey": envelope.key.hex(),
        "signature": envelope.signature.hex(),
        "leaf": merkle.leaf(raw).hex(),
    }
    short = dsse.encode(dsse.sign(b"{}", KEYS["ada"])).decode()
    value = json.loads(short)
    signature = value["signatures"][0]
    header = book.raw_entries[0].decode()
    bad = {
        "white space": (short.replace(":", ": "), "not-canonical"),
        "keys out of order": (json.dumps({"signatures": [signature], **value}, separators=(",", ":")), "not-canonical"),
        "another key": (canonical({**value, "x": 1}), "not-canonical"),
        "two signatures": (canonical({**value, "signatures": [signature] * 2}), "one-signature"),
        "no signature": (canonical({**value, "signatures": []}), "one-signature"),
        "another payload type": (canonical({**value, "payloadType": "application/json"}), "payload-type"),
        "base64 without padding": (canonical({**value, "payload": "e30"}), "not-base64"),
        "base64 with bits to spare": (canonical({**value, "payload": "e31="}), "not-canonical"),
        "a key id in capitals": (
            canonical({**value, "signatures": [{**signature, "keyid": signature["keyid"].upper()}]}),
            "not-canonical",
        ),
        "a short signature": (canonical({**value, "signatures": [{**signature, "sig": "AAAA"}]}), "not-canonical"),
        "a header": (header, "header-submitted"),
        "an array": ("[]", "not-an-envelope"),
        "not JSON": ("{", "not-json"),
    }
    flipped = dsse.encode(dsse.Envelope(envelope.payload, envelope.key, bytes(64)))
    moved = dsse.encode(dsse.Envelope(envelope.payload.replace(b"ada", b"bob"), envelope.key, envelope.signature))
    other = dsse.encode(dsse.Envelope(envelope.payload, KEYS["bob"].public_key, envelope.signature))
    forged = {"a signature of zeroes": flipped, "another payload": moved, "another key": other}
    return {
        "about": "docs/spec 3.2. `good` is one entry and its parts; `forged` have the form and a signature that fails.",
        "good": [good],
        "bad": [{"name": name, "text": text, "code": code} for name, (text, code) in bad.items()],
        "forged": [{"name": name, "entry": encode64(each), "code": "bad-signature"} for name, each in forged.items()],
    }


def write_events(book: Book, scribe: Scribe) -> Json:
    """Payloads that are refused, each an event of the ledger with one thing changed."""
    cases: list[Json] = []
    for name, label, edit, code in (*STATEMENTS, *FORMS, *CONDITIONS):
        payload = json.loads(book.event(scribe.index(label)))
        given = edit(payload)
        cases.append({"name": name, "payload": given if isinstance(given, str) else canonical(payload), "code": code})
    good = []
    for name, label in (("subject by name", "v1"), ("subject by stream", "run, unnamed"), ("several things", "finished")):
        event = events.decode(book.event(scribe.index(label)))
        listed = [{"name": each.name, "sha256": each.sha256} for each in events.subjects(event)]
        shown = {"name": name, "payload": book.event(scribe.index(label)).decode(), "streams": list(events.streams(event))}
        good.append(shown | {"subjects": listed})
    return {
        "about": "docs/spec 3.3 and 12. ledger.json holds an event of every kind; these are what must not pass.",
        "good": good,
        "bad": cases,
    }


def _predicate(**changes: object) -> Edit:
    """Set fields of the predicate; None takes one out."""

    def edit(payload: Json) -> None:
        predicate = payload["predicate"]
        assert isinstance(predicate, dict)
        for field, value in changes.items():
            if value is None:
                del predicate[field]
            else:
                predicate[field] = value

    return edit


def _policy(**changes: object) -> Edit:
    """Set fields of the policy that an amendment carries."""

    def edit(payload: Json) -> None:
        predicate = payload["predicate"]
        assert isinstance(predicate, dict)
        predicate["policy"] |= changes

    return edit


def _beside_quorum(count: int) -> list[Json]:
    return [{"count": "quorum", "role": "approver"}, {"count": count, "role": "risk"}]


def _statement(**changes: object) -> Edit:
    return lambda payload: payload.update(changes)


def _text(change: Callable[[str], str]) -> Edit:
    return lambda payload: change(canonical(payload))


Listed = tuple[str, str, Edit, str]
SUBJECT = {"name": "credit-risk", "digest": {"sha256": digest("something else")}}
STATEMENTS: tuple[Listed, ...] = (
    ("another statement type", "note", _statement(_type="https://in-toto.io/Statement/v0.1"), "not-a-statement"),
    ("another field of the statement", "note", _statement(extra=1), "schema"),
    ("an unknown event", "note", _statement(predicateType="urn:muniment:event:note.burned:v1"), "unknown-event"),
    ("another version of an event", "note", _statement(predicateType="urn:muniment:event:note.added:v2"), "unknown-event"),
    ("another subject", "v1", _statement(subject=[SUBJECT]), "subject"),
    ("no subject", "v1", _statement(subject=[]), "schema"),
    ("white space", "v1", _text(lambda text: text.replace(":", ": ", 1)), "not-canonical"),
    ("a key twice", "v1", _text(lambda text: text[:-1] + ',"subject":[]}'), "not-canonical"),
    ("cut off", "v1", _text(lambda text: text[:-1]), "not-json"),
    ("another event's predicate", "v1", _statement(predicateType="urn:muniment:event:note.added:v1"), "schema"),
)
FORMS: tuple[Listed, ...] = (
    ("a required field missing", "v1", _predicate(model=None), "schema"),
    ("an unknown field", "v1", _predicate(comment="x"), "schema"),
    ("null", "v1", _text(lambda text: text.replace('"format":"safetensors"', '"format":null')), "null"),
    ("a floating-point number", "run", _text(lambda text: text.replace('"seed":-1', '"seed":0.5')), "float"),
    ("an empty array", "v1", _predicate(parents=[]), "schema"),
    ("prose in clear", "approved", _predicate(reason="fine"), "schema"),
    ("a digest in capitals", "v1", _predicate(omsDigest=digest("openssf").upper()), "schema"),
    ("a UUID of another version", "v1", _predicate(eventId="019cadc6-9a80-4001-8000-000000000001"), "schema"),
    ("a time without its fraction", "v1", _predicate(occurredAt="2026-03-02T09:00:00Z"), "schema"),
    ("an array out of order", "loans", _predicate(purposes=["research", "credit-scoring"]), "not-sorted"),
    ("an element twice", "loans", _predicate(purposes=["research", "research"]), "not-sorted"),
    ("a key of a map twice", "run", _predicate(parameters=[{"key": "a", "value": 1}, {"key": "a", "value": 2}]), "not-sorted"),
    (
        "citations out of order",
        "run",
        _predicate(cites=[{"relation": "used", "data": digest("a")}, {"relation": "used", "blob": digest("b")}]),
        "not-sorted",
    ),
    (
        "metrics out of order",
        "finished",
        _predicate(metrics=[{"metric": "loss", "value": "1"}, {"metric": "auc", "value": "1"}]),
        "not-sorted",
    ),
    ("an exponent too large", "finished", _predicate(computeFlop="1e401"), "bad-decimal"),
    ("infinite energy", "finished", _predicate(energyKwh="Infinity"), "bad-decimal"),
    ("65 approvals", "deployed", _predicate(approvals=[f"019cadc6-9a80-7001-8000-0000000000{n:02x}" for n in range(65)]), "schema"),
    ("a role that the policy lacks", "amended", _policy(holdRoles=["king"]), "bad-policy"),
    ("more approvals than can be named", "amended", _policy(amendment=[{"count": 65, "role": "approver"}]), "bad-policy"),
    ("too many beside a quorum", "amended", _policy(amendment=_beside_quorum(22)), "bad-policy"),
    ("another word than quorum", "amended", _policy(amendment=[{"count": "all", "role": "approver"}]), "schema"),
    (
        "a quorum of persons",
        "amended",
        _policy(environments=[{"approvals": [{"count": "quorum", "role": "approver"}], "name": "production"}]),
        "schema",
    ),
    ("approved by nobody", "amended", _policy(amendment=[{"count": 0, "role": "approver"}]), "bad-policy"),
    ("a threshold that is no number", "plan, slices", _predicate(threshold="NaN"), "bad-decimal"),
    ("255 streams", "note", _predicate(about=[f"acts/b{n:03d}" for n in range(254)]), "too-many-streams"),
    ("257 streams of an amendment", "redact", _predicate(about=[f"acts/b{n:03d}" for n in range(255)]), "too-many-streams"),
)
CONDITIONS: tuple[Listed, ...] = (
    ("a citation of nothing", "run", _predicate(cites=[{"relation": "used"}]), "one-form"),
    (
        "a citation of two things",
        "run",
        _predicate(cites=[{"relation": "used", "data": digest("a"), "blob": digest("b")}]),
        "one-form",
    ),
    (
        "an approval of two things",
        "approved",
        _predicate(of={"version": digest("a"), "environment": "production", "protocol": 1}),
        "one-form",
    ),
    ("an approval without its environment", "approved", _predicate(of={"version": digest("a")}), "one-form"),
    ("a revocation of nothing", "approved", _predicate(decision="revoke"), "form"),
    ("made out of itself", "cleaned", _predicate(outputs=[digest("x")], inputs=[digest("x")]), "form"),
    ("a run and data", "v1", _predicate(data=[digest("x")]), "form"),
    (
        "its own parent",
        "v2",
        _text(lambda text: text.replace(json.loads(text)["predicate"]["parents"][0], json.loads(text)["predicate"]["version"])),
        "form",
    ),
    ("a parameter of nothing", "threshold", _predicate(of={}), "one-form"),
    (
        "a parameter of two things",
        "threshold",
        _predicate(of={"version": digest("a"), "environment": "production", "name": "x"}),
        "one-form",
    ),
    ("a change of nothing", "threshold", _predicate(new=None), "form"),
    ("a share above one", "scaled", _predicate(trafficShare="1.01"), "form"),
    ("handed over to oneself", "offered", _predicate(to="ada"), "form"),
    ("a person who has persons", "carol", _predicate(responsible=["ada"]), "form"),
    ("a key added without proof", "bob's new key", _predicate(proof=None), "form"),
    ("a rotation of nothing", "bob's new key", _predicate(replaces=None), "form"),
    ("a revocation with a proof", "stolen", _predicate(change="revoke"), "form"),
    ("a compromise since nothing", "stolen", _predicate(fromIndex=None), "form"),
    (
        "a change from a version to itself",
        "change",
        _text(lambda text: text.replace(json.loads(text)["predicate"]["from"], json.loads(text)["predicate"]["to"])),
        "form",
    ),
    ("a period that ends before it begins", "log", _predicate(periodEndAt="2000-01-01T00:00:00.000000Z"), "form"),
)


def list_seeds() -> Json:
    """keys.json: every key that signed something."""
    return {"about": "Ed25519 seeds (RFC 8032) and public keys, hex. They are public: never use them.", "keys": cast.list_keys()}
