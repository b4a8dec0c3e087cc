"""The vocabulary: forms, streams and subjects of single events, and what is refused."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from muniment.core.format.statement import Sealed, seal, subject
from muniment.core.rules import events
from muniment.core.rules.events import Event, reference, schema, stream_name
from muniment.core.rules.genesis import KeyProof
from muniment.core.rules.policy import Policy, Role, identify
from muniment.errors import InvalidInput

ID = "01890000-0000-7000-8000-000000000000"
OTHER = "01890000-0000-7000-8000-000000000001"
A, B, C = ("a" * 64, "b" * 64, "c" * 64)
PROOF = "A" * 86 + "=="
COMMON: dict[str, Any] = {"ledger": "1" * 64, "event_id": ID, "occurred_at": "2026-03-04T12:00:00.000000Z", "actor": "alice"}
WHY = seal("because", bytes(16))


VOCABULARY = """
dataset.registered dataset.transformed dataset.withdrawn training.started training.finished model.registered
parameter.changed evaluation.planned evaluation.completed approval.decided waiver.granted deployment.changed
deployment.observed incident.recorded incident.closed ownership.offered ownership.accepted model.retired
record.amended actor.enrolled key.changed policy.amended member.changed protocol.upgraded attempt.refused
disclosure.made ledger.linked system.registered risk.assessed dataset.assessed document.published
change.classified conformity.recorded operation.logged oversight.intervened monitoring.reported
incident.notified corrective_action.taken note.added
"""


def dataset(**changes: Any) -> events.DatasetRegistered:
    return events.DatasetRegistered(**{**COMMON, "name": "loans", "data": A, "bytes": 10, "files": 1, **changes})


def edited(event: Event, **changes: object) -> bytes:
    """The canonical payload of an event with fields of its predicate replaced, or dropped where None."""
    value = json.loads(events.encode(event))
    value["predicate"] = {key: item for key, item in (value["predicate"] | changes).items() if item is not None}
    return canonical(value)


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def refusal(payload: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        events.decode(payload)
    return caught.value.code


def test_the_bytes_of_an_event() -> None:
    event = dataset(reason=WHY, licence="CC-BY-4.0", purposes=("credit-scoring",), personal_data="no")
    assert events.encode(event).decode() == (
        '{"_type":"https://in-toto.io/Statement/v1","predicate":{"actor":"alice","bytes":10,"data":"' + A + '",'
        '"eventId":"' + ID + '","files":1,"ledger":"' + "1" * 64 + '","licence":"CC-BY-4.0","name":"loans",'
        '"occurredAt":"2026-03-04T12:00:00.000000Z","personalData":"no","purposes":["credit-scoring"],'
        '"reason":{"sealed":"' + WHY.sealed + '"}},"predicateType":"urn:muniment:event:dataset.registered:v1",'
        '"subject":[{"digest":{"sha256":"' + A + '"},"name":"loans"}]}'
    )


def test_the_vocabulary_is_complete() -> None:
    assert sorted(events.TYPES) == sorted(VOCABULARY.split())


PARAMETER = hashlib.sha256(b"threshold/score.cutoff").hexdigest()
STREAMS: list[tuple[type[Event], dict[str, Any], list[str]]] = [
    (events.DatasetRegistered, {"name": "eu/loans", "data": A, "bytes": 1, "files": 1}, ["dataset/eu/loans", f"data/{A}"]),
    (events.DatasetTransformed, {"operation": "split", "inputs": (A,), "outputs": (B, C)}, [f"data/{A}", f"data/{B}", f"data/{C}"]),
    (events.DatasetWithdrawn, {"data": A, "cause": "consent"}, [f"data/{A}"]),
    (
        events.TrainingStarted,
        {
            "inputs": (events.TrainingInput(data=A, role="test"), events.TrainingInput(data=A, role="training")),
            "base_versions": (B,),
        },
        [f"run/{ID}", f"data/{A}", f"version/{B}"],
    ),
    (events.TrainingFinished, {"run": OTHER, "status": "finished"}, [f"run/{OTHER}"]),
    (
        events.ModelRegistered,
        {"model": "m", "version": A, "derivation": "merged", "parents": (B, C), "run": OTHER},
        ["model/m", f"version/{A}", f"version/{B}", f"version/{C}", f"run/{OTHER}"],
    ),
    (
        events.ParameterChanged,
        {"of": events.ParameterOwner(version=A), "target": "threshold", "path": "score.cutoff", "new": "0.5"},
        [f"version/{A}", f"parameter/version/{A}/{PARAMETER}"],
    ),
    (
        events.ParameterChanged,
        {"of": events.ParameterOwner(environment="production", name="m"), "target": "threshold", "path": "score.cutoff", "new": 1},
        ["deployment/production/m", f"parameter/deployment/production/m/{PARAMETER}"],
    ),
    (
        events.EvaluationPlanned,
        {"model": "m", "metric": "auc", "comparator": "ge", "threshold": "0.9"},
        [f"plan/{ID}", "model/m"],
    ),
    (
        events.EvaluationCompleted,
        {"version": A, "data": B, "results": (events.Metric(metric="auc", value="0.9"),)},
        [f"evaluation/{ID}", f"version/{A}", f"data/{B}"],
    ),
    (
        events.ApprovalDecided,
        {"of": events.ApprovalSubject(version=A, environment="production"), "decision": "approve", "meaning": "approval"},
        [f"approval/{ID}", f"version/{A}"],
    ),
    (
        events.ApprovalDecided,
        {"of": events.ApprovalSubject(policy=A), "decision": "revoke", "revokes": OTHER, "meaning": "review"},
        [f"approval/{OTHER}"],
    ),
    (
        events.WaiverGranted,
        {"rule": "approvals", "version": A, "environment": "production", "expires_at": "2026-03-05T12:00:00.000000Z"},
        [f"waiver/{ID}", f"version/{A}"],
    ),
    (
        events.DeploymentChanged,
        {"transition": "promote", "environment": "production", "name": "eu/m", "version": A, "replaces": B, "approvals": (OTHER,)},
        ["deployment/production/eu/m", f"version/{A}", f"version/{B}"],
    ),
    (
        events.DeploymentObserved,
        {"environment": "production", "name": "m", "seen": A, "means": "file-hash", "matches": True},
        ["deployment/production/m"],
    ),
    (
        events.IncidentRecorded,
        {"severity": "high", "aware_at": "2026-03-05T12:00:00.000000Z", "version": A, "hold": True},
        [f"incident/{ID}", f"version/{A}"],
    ),
    (events.IncidentClosed, {"incident": OTHER, "version": A}, [f"incident/{OTHER}", f"version/{A}"]),
    (events.OwnershipOffered, {"model": "m", "from_": "alice", "to": "bob"}, ["model/m"]),
    (events.OwnershipAccepted, {"model": "m", "offer": OTHER}, ["model/m"]),
    (events.ModelRetired, {"model": "m", "version": A, "cause": "superseded", "replacement": B}, ["model/m", f"version/{A}"]),
    (
        events.RecordAmended,
        {"target": OTHER, "about": ("acts/alice", "dataset/loans"), "kind": "redact"},
        [f"amendment/{OTHER}", "acts/alice", "dataset/loans"],
    ),
    (
        events.ActorEnrolled,
        {"of": "bob", "kind": "person", "keys": (KeyProof(key=A, proof=PROOF), KeyProof(key=B, proof=PROOF))},
        ["actor/bob", f"key/{A}", f"key/{B}"],
    ),
    (
        events.KeyChanged,
        {"of": "bob", "change": "rotate", "key": A, "replaces": B, "proof": PROOF},
        ["actor/bob", f"key/{A}", f"key/{B}"],
    ),
    (events.PolicyAmended, {"policy": Policy(roles=())}, ["policy"]),
    (events.MemberChanged, {"member": "acme", "change": "remove"}, ["member/acme", "members"]),
    (events.MemberChanged, {"member": "acme", "change": "publish", "publisher_key": A}, ["member/acme", "members"]),
    (
        events.MemberChanged,
        {"member": "acme", "change": "admit", "validator_key": A, "cosigner_key": B},
        [f"cosigner/{B}", "member/acme", "members", f"validator/{hashlib.sha256(bytes.fromhex(A)).hexdigest()[:40]}"],
    ),
    (events.ProtocolUpgraded, {"protocol": 2}, ["protocol"]),
    (
        events.AttemptRefused,
        {"of": "bob", "attempted": "model.registered", "payload_digest": A, "rules": ("role",)},
        ["attempts/bob"],
    ),
    (events.DisclosureMade, {"export_digest": A}, []),
    (events.LedgerLinked, {"linked": A, "origin": "acme/models", "trust_digest": B}, [f"link/{A}"]),
    (events.SystemRegistered, {"name": "scoring", "about": (f"version/{A}",)}, ["system/scoring", f"version/{A}"]),
    (events.NoteAdded, {"about": ("model/m", "policy"), "text": WHY}, ["model/m", "policy"]),
]


@pytest.mark.parametrize(("type_", "fields", "expected"), STREAMS, ids=[f"{row[0].NAME}-{at}" for at, row in enumerate(STREAMS)])
def test_streams_are_those_of_the_vocabulary(type_: type[Event], fields: dict[str, Any], expected: list[str]) -> None:
    event = type_(**COMMON, **fields)
    assert events.streams(events.decode(events.encode(event))) == tuple(sorted({"acts/alice", *expected}))


def test_the_subject_is_the_things_by_digest_else_the_first_stream() -> None:
    started = events.TrainingStarted(**COMMON, inputs=(events.TrainingInput(data=A, role="training"),))
    finished = events.TrainingFinished(
        **COMMON, run=OTHER, status="finished", outputs=(events.TrainingOutput(name="model", digest=B),)
    )
    policy = Policy(roles=(Role(name="owner", may=("*",)),))
    assert events.subjects(dataset()) == (subject("loans", A),)
    assert events.subjects(started) == (subject(f"run/{ID}", hashlib.sha256(f"run/{ID}".encode()).hexdigest()),)
    assert events.subjects(finished) == (subject("model", B),)
    assert events.subjects(events.PolicyAmended(**COMMON, policy=policy)) == (subject("policy", identify(policy)),)
    assert events.subjects(events.DisclosureMade(**COMMON, export_digest=C)) == (subject("acts/alice", C),)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"unknown": 1}, "schema"),
        ({"name": None}, "schema"),
        ({"name": "a name"}, "schema"),
        ({"name": "loans\n"}, "schema"),
        ({"name": "lo\u00e4ns"}, "schema"),
        ({"name": "x" * 129}, "schema"),
        ({"data": A.upper()}, "schema"),
        ({"data": A + "\n"}, "schema"),
        ({"bytes": -1}, "schema"),
        ({"bytes": 1.0}, "float"),
        ({"bytes": True}, "schema"),
        ({"bytes": "1"}, "schema"),
        ({"bytes": 2**53}, "integer-range"),
        ({"personalData": "maybe"}, "schema"),
        ({"purposes": []}, "schema"),
        ({"purposes": ["b", "a"]}, "not-sorted"),
        ({"purposes": ["a", "a"]}, "not-sorted"),
        ({"reason": "because"}, "schema"),
        ({"reason": {"sealed": WHY.sealed, "value": "because"}}, "schema"),
        ({"eventId": "01890000-0000-4000-8000-000000000000"}, "schema"),
        ({"eventId": ID.upper().replace("0", "A", 1)}, "schema"),
        ({"occurredAt": "2026-03-04T12:00:00Z"}, "schema"),
        ({"occurredAt": "2026-03-04T12:00:00.000000+00:00"}, "schema"),
        ({"occurredAt": "2026-13-04T12:00:00.000000Z"}, "schema"),
        ({"actor": "team/alice"}, "schema"),
        ({"controls": ["eu-ai-act"]}, "schema"),
        ({"grade": "certain"}, "schema"),
        ({"cites": [{"relation": "used"}]}, "one-form"),
        ({"cites": [{"relation": "used", "data": A, "blob": A}]}, "one-form"),
        ({"cites": [{"relation": "used", "data": A}, {"relation": "used", "data": A}]}, "not-sorted"),
        ({"source": {"system": "mlflow"}}, "schema"),
        ({"name": "other"}, "subject"),
    ],
)
def test_what_breaks_a_form_is_refused_with_its_code(changes: dict[str, object], code: str) -> None:
    assert refusal(edited(dataset(), **changes)) == code


def test_null_is_refused() -> None:
    payload = events.encode(dataset())
    assert refusal(payload.replace(b'"bytes":10', b'"bytes":10,"rows":null')) in ("null", "not-canonical")
    assert refusal(payload.replace(b'"name":"loans"', b'"name":"loans","rows":null', 1)) == "null"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"predicateType": "urn:muniment:event:dataset.invented:v1"}, "unknown-event"),
        ({"predicateType": "urn:muniment:event:dataset.registered:v2"}, "unknown-event"),
        ({"predicateType": "https://slsa.dev/provenance/v1"}, "unknown-event"),
        ({"predicateType": "urn:muniment:event:dataset.withdrawn:v1"}, "schema"),
        ({"predicateType": 1}, "not-a-statement"),
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "not-a-statement"),
        ({"subject": []}, "schema"),
        ({"subject": [{"digest": {"sha256": B}, "name": "loans"}]}, "subject"),
        ({"subject": [{"digest": {"sha256": A}, "name": "loans"}] * 2}, "subject"),
        ({"extra": 1}, "schema"),
        ({"predicate": []}, "schema"),
    ],
)
def test_what_is_not_our_statement_is_refused(change: dict[str, object], code: str) -> None:
    assert refusal(canonical(json.loads(events.encode(dataset())) | change)) == code


def test_bytes_that_are_not_canonical_are_refused() -> None:
    payload = events.encode(dataset())
    assert refusal(payload + b"\n") == "not-canonical"
    assert refusal(payload.replace(b'"files":1', b'"files": 1')) == "not-canonical"
    assert refusal(payload.replace(b'"loans"', b'"l\\u006fans"')) == "not-canonical"
    assert refusal(payload.replace(b'"files":1', b'"files":1,"files":1')) == "not-canonical"
    assert refusal(payload[:-1]) == "not-json"
    assert refusal(b"\xff" + payload) == "not-json"
    assert refusal(b"") == "not-json"
    assert refusal(b"{}") == "not-a-statement"
    assert refusal(payload.replace(b"loans", b"\\ud800")) in ("not-json", "not-unicode")


def test_deep_and_long_payloads_are_refused_at_any_stack_depth() -> None:
    payload = events.encode(dataset())
    deep = payload.replace(b'"files":1', b'"files":' + b"[" * 5_000 + b"]" * 5_000)
    unknown = payload.replace(b'{"_type"', b'{"Z":' + b"[" * 5_000 + b"]" * 5_000 + b',"_type"')

    def at(depth: int, raw: bytes) -> str:
        return refusal(raw) if depth == 0 else at(depth - 1, raw)

    for depth in (0, sys.getrecursionlimit() // 2):
        assert at(depth, deep) == "too-deep"
        assert at(depth, unknown) == "too-deep"
    assert refusal(b'"' + b"x" * 48_960 + b'"') == "too-long"


def test_an_event_that_is_too_long_or_touches_too_much_is_refused() -> None:
    many = tuple(sorted(hashlib.sha256(bytes([at])).hexdigest() for at in range(256)))
    wide = events.DatasetTransformed(**COMMON, operation="join", inputs=many[:252], outputs=(A,))
    assert len(events.streams(wide)) == 254
    assert events.decode(events.encode(wide)) == wide
    long = [f"parameter/deployment/{'e' * 128}/{'n' * 128}/{each}" for each in many]
    for event, code in (
        (events.DatasetTransformed(**COMMON, operation="join", inputs=many[:253], outputs=(A,)), "too-many-streams"),
        (events.NoteAdded(**COMMON, about=tuple(long[:136]), text=WHY), "too-many-streams"),
        (events.DatasetTransformed(**COMMON, operation="split", inputs=(A,), outputs=many), "too-long"),
    ):
        with pytest.raises(InvalidInput) as caught:
            events.encode(event)
        assert caught.value.code == code


def test_too_many_streams_are_refused_when_read() -> None:
    names = sorted(f"model/{at}" for at in range(256))
    note = events.NoteAdded(**COMMON, about=tuple(names[:253]), text=WHY)
    assert len(events.streams(note)) == 254
    payload = edited(note, about=names[:254])
    assert len(payload) < 256 * 20
    assert refusal(payload) == "too-many-streams"


def test_whatever_is_recorded_leaves_room_for_its_amendment() -> None:
    short = tuple(sorted(f"model/{at}" for at in range(253)))
    long = tuple(
        sorted(f"parameter/deployment/{'e' * 128}/{'n' * 128}/{hashlib.sha256(bytes([at])).hexdigest()}" for at in range(133))
    )
    for about in (short, long):
        target = events.NoteAdded(**COMMON | {"actor": "a" * 128}, about=about, text=WHY)
        events.encode(target)
        kind: dict[str, Any] = {"kind": "unpreserve", "legal_basis": "gdpr:" + "1" * 64, "reason": WHY}
        common = COMMON | {"actor": "b" * 128, "event_id": OTHER}
        amendment = events.RecordAmended(**common, target=ID, about=events.streams(target), **kind)
        assert events.decode(events.encode(amendment)) == amendment


SUBJECT = events.ApprovalSubject
OWNER = events.ParameterOwner
FORMS: list[tuple[type[Event], dict[str, Any], str]] = [
    (events.DatasetTransformed, {"operation": "join", "inputs": (A,), "outputs": (A, B)}, "form"),
    (events.DatasetTransformed, {"operation": "join", "inputs": (), "outputs": (A,)}, "schema"),
    (events.ModelRegistered, {"model": "m", "version": A, "derivation": "trained", "run": ID, "data": (B,)}, "form"),
    (events.ModelRegistered, {"model": "m", "version": A, "derivation": "merged", "parents": (A,)}, "form"),
    (events.ParameterChanged, {"of": OWNER(), "target": "prompt", "path": "p", "new": 1}, "one-form"),
    (
        events.ParameterChanged,
        {"of": OWNER(environment="x"), "target": "prompt", "path": "p", "new": 1},
        "one-form",
    ),
    (
        events.ParameterChanged,
        {"of": OWNER(version=A, name="x"), "target": "prompt", "path": "p", "new": 1},
        "one-form",
    ),
    (events.ParameterChanged, {"of": OWNER(version=A), "target": "prompt", "path": "p"}, "form"),
    (
        events.ParameterChanged,
        {"of": OWNER(version=A), "target": "prompt", "path": "p", "new": "two words"},
        "schema",
    ),
    (
        events.ParameterChanged,
        {"of": OWNER(version=A), "target": "prompt", "path": "p", "new": "-1e401"},
        "schema",
    ),
    (
        events.ParameterChanged,
        {"of": OWNER(version=A), "target": "prompt", "path": "p", "new": "-" + "1" * 40},
        "schema",
    ),
    (events.ParameterChanged, {"of": OWNER(version=A), "target": "prompt", "path": "p\t", "new": 1}, "schema"),
    (events.EvaluationPlanned, {"model": "m", "metric": "auc", "comparator": "ge", "threshold": "NaN"}, "bad-decimal"),
    (events.EvaluationPlanned, {"model": "m", "metric": "auc", "comparator": "ge", "threshold": "1e401"}, "bad-decimal"),
    (events.EvaluationPlanned, {"model": "m", "metric": "auc", "comparator": "near", "threshold": "1"}, "schema"),
    (events.EvaluationCompleted, {"version": A, "results": ()}, "schema"),
    (events.EvaluationCompleted, {"version": A, "results": (events.Metric(metric="auc", value="1e999"),)}, "bad-decimal"),
    (
        events.EvaluationCompleted,
        {
            "version": A,
            "results": (
                events.Metric(
                    metric="auc", value="1", slice=(events.Parameter(key="b", value=1), events.Parameter(key="a", value=1))
                ),
            ),
        },
        "not-sorted",
    ),
    (
        events.TrainingStarted,
        {"parameters": (events.Parameter(key="depth", value=1), events.Parameter(key="depth", value=2))},
        "not-sorted",
    ),
    (events.TrainingFinished, {"run": ID, "status": "finished", "energy_kwh": "Infinity"}, "bad-decimal"),
    (events.ApprovalDecided, {"of": SUBJECT(), "decision": "approve", "meaning": "review"}, "one-form"),
    (events.ApprovalDecided, {"of": SUBJECT(version=A), "decision": "approve", "meaning": "review"}, "one-form"),
    (
        events.ApprovalDecided,
        {"of": SUBJECT(environment="x"), "decision": "approve", "meaning": "review"},
        "one-form",
    ),
    (
        events.ApprovalDecided,
        {"of": SUBJECT(policy=A, protocol=2), "decision": "approve", "meaning": "review"},
        "one-form",
    ),
    (
        events.ApprovalDecided,
        {"of": SUBJECT(policy=A, environment="x"), "decision": "approve", "meaning": "review"},
        "one-form",
    ),
    *[
        (events.ApprovalDecided, {"of": SUBJECT(**of), "decision": "approve", "meaning": "review"}, "one-form")
        for of in ({"member": "acme"}, {"terms": A}, {"policy": A, "terms": A}, {"member": "acme", "terms": A, "protocol": 2})
    ],
    (events.ApprovalDecided, {"of": SUBJECT(policy=A), "decision": "revoke", "meaning": "review"}, "form"),
    (
        events.ApprovalDecided,
        {"of": SUBJECT(policy=A), "decision": "reject", "revokes": ID, "meaning": "review"},
        "form",
    ),
    (events.DeploymentChanged, {"transition": "start", "environment": "eu/prod", "name": "m", "version": A}, "schema"),
    (
        events.DeploymentChanged,
        {"transition": "start", "environment": "prod", "name": "m", "version": A, "traffic_share": "1.01"},
        "form",
    ),
    (events.OwnershipOffered, {"model": "m", "from_": "bob", "to": "bob"}, "form"),
    (events.ActorEnrolled, {"of": "bob", "kind": "person", "responsible": ("bob",)}, "form"),
    (
        events.ActorEnrolled,
        {"of": "bob", "kind": "person", "keys": (KeyProof(key=A, proof=PROOF), KeyProof(key=A, proof=PROOF))},
        "not-sorted",
    ),
    (events.KeyChanged, {"of": "bob", "change": "add", "key": A}, "form"),
    (events.KeyChanged, {"of": "bob", "change": "rotate", "key": A, "proof": PROOF}, "form"),
    (events.KeyChanged, {"of": "bob", "change": "rotate", "key": A, "proof": PROOF, "replaces": A}, "form"),
    (events.KeyChanged, {"of": "bob", "change": "compromise", "key": A}, "form"),
    (events.KeyChanged, {"of": "bob", "change": "revoke", "key": A, "from_index": 3}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "admit"}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "admit", "validator_key": A}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "admit", "cosigner_key": A}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "admit", "validator_key": A, "cosigner_key": A}, "form"),
    (
        events.MemberChanged,
        {"member": "acme", "change": "admit", "validator_key": A, "cosigner_key": B, "publisher_key": C},
        "form",
    ),
    (events.MemberChanged, {"member": "none", "change": "remove"}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "rotate"}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "rotate", "validator_key": A, "cosigner_key": A}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "rotate", "validator_key": A, "publisher_key": B}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "remove", "validator_key": A}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "remove", "publisher_key": A}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "publish"}, "form"),
    (events.MemberChanged, {"member": "acme", "change": "publish", "publisher_key": A, "cosigner_key": B}, "form"),
    (events.NoteAdded, {"about": (), "text": WHY}, "schema"),
    (events.NoteAdded, {"about": ("person/alice",), "text": WHY}, "schema"),
    (events.NoteAdded, {"about": ("model/m",), "text": "words"}, "schema"),
]


@pytest.mark.parametrize(("type_", "fields", "code"), FORMS, ids=[f"{row[0].NAME}-{at}" for at, row in enumerate(FORMS)])
def test_cross_field_forms(type_: type[Event], fields: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        events.encode(type_(**COMMON, **fields))
    assert caught.value.code == code


@pytest.mark.parametrize("field", ["approvals", "evaluations", "waivers"])
def test_an_event_relies_on_so_many_others_and_no_more(field: str) -> None:
    named = tuple(f"01890000-0000-7000-8000-{n:012x}" for n in range(65))
    fields = {**COMMON, "transition": "start", "environment": "p", "name": "m", "version": A}
    events.encode(events.DeploymentChanged(**fields, **{field: named[:64]}))
    with pytest.raises(InvalidInput) as caught:
        events.encode(events.DeploymentChanged(**fields, **{field: named}))
    assert caught.value.code == "schema"


def test_the_terms_of_a_member_are_all_that_changes() -> None:
    def change(**fields: Any) -> str:
        return events.MemberChanged(**COMMON, **{"member": "acme", "change": "admit", "validator_key": A, **fields}).terms()

    text = f'{{"change":"admit","member":"acme","validatorKey":"{A}"}}'
    assert change() == change(approvals=(ID,)) == hashlib.sha256(text.encode()).hexdigest()
    others = [{"member": "b"}, {"change": "rotate"}, {"validator_key": B}, {"cosigner_key": A}, {"publisher_key": A}]
    assert len({change(), *[change(**other) for other in others]}) == 6


def test_encode_refuses_what_json_cannot_say() -> None:
    for wrong in (None, 1.5, object(), {1, 2}, "\ud800", b"bytes", 2**70):
        with pytest.raises(InvalidInput):
            events.encode(dataset(name=wrong))


def test_build_takes_json_fields_in_any_order() -> None:
    fields = json.loads(events.encode(dataset(purposes=("a", "b"))))["predicate"]
    assert events.build("dataset.registered", fields | {"purposes": ["b", "a", "b"]}) == dataset(purposes=("a", "b"))
    for name, wrong, code in (
        ("dataset.invented", fields, "unknown-event"),
        ("dataset.registered", fields | {"bytes": 0.5}, "float"),
        ("dataset.registered", fields | {"colour": "red"}, "schema"),
        ("dataset.withdrawn", fields, "schema"),
    ):
        with pytest.raises(InvalidInput) as caught:
            events.build(name, wrong)
        assert caught.value.code == code


def test_the_preimage_of_a_parameter_stream() -> None:
    digest = hashlib.sha256(b"hyperparameter/optimizer.lr").hexdigest()
    assert stream_name.parameter(f"version/{A}", "hyperparameter", "optimizer.lr") == f"parameter/version/{A}/{digest}"


CLEAR = [(name, leaf) for name, type_ in events.TYPES.items() for leaf in schema.leaves(type_)]


def test_no_clear_field_is_free_text() -> None:
    assert [(name, leaf.path) for name, leaf in CLEAR if leaf.form == schema.FREE_TEXT] == []


def test_sealed_and_clear_fields() -> None:
    assert schema.sealed_fields(events.DatasetRegistered) == ("origin", "reason")
    assert schema.sealed_fields(events.TrainingStarted) == ("parameters[].value", "reason")
    assert schema.sealed_fields(events.ParameterChanged) == ("new", "old", "reason")
    assert "purposes[]" in schema.clear_fields(events.DatasetRegistered)
    assert "snapshot.table" in schema.clear_fields(events.DatasetRegistered)
    assert "parameters[].value" in schema.clear_fields(events.TrainingStarted)


def test_what_the_vocabulary_marks_as_sealed_is_sealed() -> None:
    marked = {
        "dataset.registered": "origin",
        "dataset.withdrawn": "remedy",
        "approval.decided": "conditions",
        "waiver.granted": "measures",
        "incident.recorded": "impact",
        "incident.closed": "outcome",
        "note.added": "text",
    }
    for name, type_ in events.TYPES.items():
        sealed = schema.sealed_fields(type_)
        assert "reason" in sealed
        assert marked.get(name, "reason") in sealed
        assert marked.get(name) not in schema.clear_fields(type_)


def test_every_field_has_a_meaning_and_no_meaning_is_left_over() -> None:
    for type_ in events.TYPES.values():
        names = {field.encode_name for field in schema.fields_of(type_)}
        assert set(schema.meanings(type_)) == names, type_.NAME


def test_own_fields_do_not_hide_common_ones() -> None:
    common = {field.encode_name for field in schema.fields_of(Event)}
    for type_ in events.TYPES.values():
        assert not common & set(type_.__annotations__), type_.NAME


def test_structs_are_frozen_and_closed() -> None:
    for type_ in events.TYPES.values():
        config = type_.__struct_config__
        assert (config.frozen, config.forbid_unknown_fields, config.omit_defaults) == (True, True, True)
        assert all(field.encode_name[0].islower() and "_" not in field.encode_name for field in schema.fields_of(type_))


def test_the_reference_is_up_to_date() -> None:
    document = Path(__file__).resolve().parents[4] / "docs" / "events.md"
    assert document.read_text(encoding="utf-8") == reference.render(), "run: python tools/event_reference.py"


def test_sealed_text_carries_its_digest() -> None:
    text = events.SealedText(sealed=WHY.sealed, digest=A)
    event = events.ParameterChanged(**COMMON, of=OWNER(version=B), target="prompt", path="system", new=text)
    read = events.decode(events.encode(event))
    assert isinstance(read, events.ParameterChanged)
    assert read.new == text
    with pytest.raises(InvalidInput):
        events.encode(msgspec.structs.replace(event, new=Sealed(WHY.sealed)))
