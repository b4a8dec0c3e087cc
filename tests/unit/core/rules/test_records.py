"""Records have room: the sets of a state are bounded, and whatever else it says fits into the rest of 4,096 bytes."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from machine import Bank
from muniment.core.format import encoding, state_map
from muniment.core.rules import records
from muniment.core.rules.events.value import SealedText
from muniment.core.rules.records import MAX_SET_BYTES, State

A = "a" * 64
LONG = "x" * 128
TIME = "2026-11-23T12:00:00.000000Z"
NUMBER = 2**53 - 1
# What is shorter than the longest identifier, by the names of fields.
SHORT = {
    "decision": "conditional",
    "kind": "organisation",
    "status": "registered",
    "transition": "rollback",
    "personal_data": "pseudonymised",
    "comparator": "ge",
    "threshold": "1" * 40,
    "dataset_role": "validation",
    "expires": TIME,
    "time": TIME,
    "rule": "unknown-ancestry",
    "of": f"protocol/{LONG}",
    "offer": "0" * 36,
    "run": "0" * 36,
    "plan": "0" * 36,
    **dict.fromkeys(("claims", "data", "digest", "genesis", "key", "keyid", "latest", "trust"), A),
}
STATES = [each for each in vars(records).values() if isinstance(each, type) and issubclass(each, State)]


def fullest(field: msgspec.structs.FieldInfo) -> object:
    """The longest value that a field of a state takes, its sets apart."""
    if field.name == "value":
        return SealedText(sealed="A" * 43, digest=A)
    kinds = get_args(field.type) or (field.type,)
    if tuple in kinds or getattr(field.type, "__origin__", None) is tuple:
        return ()
    if int in kinds or field.type is int:
        return NUMBER
    return True if bool in kinds or field.type is bool else SHORT.get(field.name, LONG)


@pytest.mark.parametrize("kind", STATES, ids=lambda kind: kind.__name__)
def test_the_rest_of_a_record_leaves_room_for_full_sets(kind: type[State]) -> None:
    state = kind(**{field.name: fullest(field) for field in msgspec.structs.fields(kind)})
    sets = [field for field in msgspec.structs.fields(kind) if getattr(field.type, "__origin__", None) is tuple]
    record = state_map.Record(count=NUMBER, first=NUMBER, head=A, last=NUMBER, state=msgspec.Raw(encoding.encode_struct(state)))
    # A set that is there costs its name, its brackets and a comma as well.
    names = sum(len(field.encode_name) + 6 for field in sets)
    assert len(encoding.encode_struct(record)) + names + (MAX_SET_BYTES if sets else 0) <= 4_096


def test_sets_take_a_little_more_than_their_texts() -> None:
    rejected = (records.Rejections(count=9, environment="p"), records.Rejections(count=1, environment="qq"))
    sets = {"persons": ("ada",), "admitted": ("p", "q"), "rejected": rejected}
    state = records.Version(made=1, model="m", ordinal=1, status="registered", **sets)
    assert state.set_bytes() == 6 + 4 + 4 + 49 + 50


def test_a_rejection_takes_no_more_room_than_it_counts_for() -> None:
    most = records.Rejections(count=NUMBER, environment="p")
    assert len(encoding.encode_struct(most)) + 1 <= 49


def test_no_number_of_rejections_keeps_others_from_theirs() -> None:
    bank = Bank()
    bank.train()
    decided = [bank.decide("amy", "reject", "x" * 128) for _ in range(30)]
    assert bank.state(f"version/{A}")["rejected"] == [{"count": 30, "environment": "x" * 128}]
    bank.decide("amy", "revoke", "x" * 128, revokes=decided[3])
    assert bank.state(f"version/{A}")["rejected"] == [{"count": 29, "environment": "x" * 128}]


def test_rejections_count_for_the_size_of_a_version() -> None:
    bank = Bank()
    bank.train()
    places = [f"e{n:02d}" + "x" * 125 for n in range(19)]
    decided = [bank.decide("amy", "reject", place) for place in places[:18]]
    fields = {"of": {"version": A, "environment": places[18]}, "decision": "reject", "meaning": "approval"}
    (reason,) = bank.reasons("approval.decided", "ben", **fields)
    assert reason.sentence() == (
        f"The sets in the record of a stream take at most 3200 bytes. Those of version/{A} would take {6 + 19 * 176}."
    )
    bank.say("incident.recorded", severity="high", awareAt=TIME, version=A, hold=True)
    bank.decide("amy", "revoke", places[0], revokes=decided[0])
    bank.decide("ben", "reject", places[18])


def test_persons_count_for_the_size_of_a_record() -> None:
    bank = Bank()
    crowd = [f"p{n:02d}" + "x" * 125 for n in range(25)]
    for person in crowd:
        bank.say("actor.enrolled", of=person, kind="person")
    run = bank.say("training.started", "tom", onBehalfOf=crowd[:12])
    assert bank.refusals("training.started", "tom", onBehalfOf=crowd) == ["record-size"]
    assert bank.refusals("training.finished", "tom", run=run, status="failed", onBehalfOf=crowd[12:]) == ["record-size"]
    bank.say("training.finished", "tom", run=run, status="failed", onBehalfOf=crowd[12:24])
    version = {"model": "m", "version": A, "derivation": "trained"}
    assert bank.refusals("model.registered", "tom", **version, onBehalfOf=crowd) == ["record-size"]
    bank.say("model.registered", "tom", **version, onBehalfOf=crowd[:20])
    bank.say("incident.recorded", severity="high", awareAt=TIME, version=A, hold=True)
    for name, fields in (
        ("evaluation.completed", {"version": A, "results": [{"metric": "auc", "value": "1"}]}),
        ("waiver.granted", {"version": A, "rule": "hold", "environment": "p", "expiresAt": "2027-01-01T00:00:00.000000Z"}),
    ):
        assert bank.refusals(name, "tom", **fields, onBehalfOf=crowd) == ["record-size"]


def test_what_was_admitted_leaves_room_for_a_hold() -> None:
    bank = Bank()
    bank.train()
    for n in range(18):
        bank.decide("amy", "reject", f"e{n:02d}" + "x" * 125)
    # As full as it can be made, by an environment whose name is as long as there is room.
    for letter in "yz":
        for length in range(128, 0, -1):
            of = {"version": A, "environment": letter * length}
            (verdict,) = bank.block(bank.sign("approval.decided", "amy", of=of, decision="reject", meaning="approval"))
            if verdict.decision == "admitted":
                break
    bank.say("incident.recorded", severity="high", awareAt=TIME, version=A, hold=True)
