"""Effects of decisions: approvals, revocations, waivers."""

from __future__ import annotations

import pytest

import machine as machines
import makers
from machine import Bank, Machine
from muniment.core.format import time

A, B, C = "a" * 64, "b" * 64, "c" * 64
PRODUCTION = {"version": A, "environment": "production"}


def decide(machine: Machine, decision: str = "approve", actor: str = "ada", of: object = PRODUCTION, **fields: object) -> str:
    """A decision that is admitted."""
    return machine.say("approval.decided", actor, of=of, decision=decision, meaning="approval", **fields)


def test_an_approval_is_kept_as_it_was_at_admission(registered: Machine) -> None:
    index = registered.position.frontier.size
    id_ = decide(registered, "approve", "ci", onBehalfOf=["bob"], expiresAt="2027-01-01T00:00:00.000000Z")
    assert registered.state(f"approval/{id_}") == {
        "decision": "approve",
        "environment": "production",
        "expires": "2027-01-01T00:00:00.000000Z",
        "index": index,
        "keyid": registered.key_of("ci"),
        "of": f"version/{A}",
        "persons": ["ada", "bob"],
        "roles": ["owner"],
        "status": "open",
        "time": registered.position.time,
    }
    registered.say("actor.enrolled", of="ci", kind="service", responsible=["bob"])
    assert registered.state(f"approval/{id_}")["roles"] == ["owner"]


@pytest.mark.parametrize(
    ("of", "named"),
    [
        ({"policy": B}, f"policy/{B}"),
        ({"member": "acme", "terms": B}, f"member/acme/{B}"),
        ({"member": "2", "terms": B}, f"member/2/{B}"),
        ({"protocol": 2}, "protocol/2"),
    ],
)
def test_no_two_kinds_of_things_look_alike(registered: Machine, of: object, named: str) -> None:
    state = registered.state(f"approval/{decide(registered, of=of)}")
    assert (state["of"], "environment" in state) == (named, False)


def test_a_version_is_approved_once_it_is_registered(registered: Machine) -> None:
    of = {"version": C, "environment": "production"}
    assert registered.refusals("approval.decided", of=of, decision="approve", meaning="review") == ["unknown"]


def test_a_revocation_marks_the_decision(registered: Machine) -> None:
    for decision in ("approve", "reject", "conditional"):
        first = decide(registered, decision)
        revocation = decide(registered, "revoke", "ci", revokes=first)
        assert registered.state(f"approval/{first}")["status"] == "revoked"
        assert registered.state(f"approval/{first}")["persons"] == ["ada"]
        # It is an event of that decision's stream and has none of its own, so that it cannot be revoked in turn.
        assert registered.record(f"approval/{revocation}") is None
        fields = {"of": PRODUCTION, "decision": "revoke", "meaning": "review"}
        assert registered.refusals("approval.decided", **fields, revokes=revocation) == ["unknown"]


def test_a_revocation_names_what_the_decision_was_about(registered: Machine) -> None:
    first = decide(registered)
    for of in ({**PRODUCTION, "version": B}, {**PRODUCTION, "environment": "test"}, {"policy": A}, {"member": "a", "terms": A}):
        assert registered.refusals("approval.decided", of=of, decision="revoke", revokes=first, meaning="review") == ["of"]
    assert registered.state(f"approval/{first}")["status"] == "open"


def test_an_event_that_revokes_itself_revokes_nothing(registered: Machine) -> None:
    id_ = makers.next_id()
    raw = registered.sign("approval.decided", event_id=id_, of=PRODUCTION, decision="revoke", revokes=id_, meaning="review")
    assert [reason.rule for reason in registered.block(raw)[0].reasons] == ["unknown"]


def test_a_waiver_has_scope_and_expiry(registered: Machine) -> None:
    fields = {"rule": "approvals", "environment": "production", "expiresAt": "2027-01-01T00:00:00.000000Z"}
    id_ = registered.say("waiver.granted", version=A, **fields)
    assert registered.state(f"waiver/{id_}") == {
        "environment": "production",
        "expires": "2027-01-01T00:00:00.000000Z",
        "index": registered.position.frontier.size - 2,
        "keyid": registered.key_of("ada"),
        "persons": ["ada"],
        "rule": "approvals",
        "version": A,
    }
    assert registered.refusals("waiver.granted", version=C, **fields) == ["unknown"]


def test_somebody_answers_for_a_decision_and_it_ends_later_than_it_begins() -> None:
    bank = Bank()
    bank.train()
    fields = {"of": PRODUCTION, "meaning": "approval"}
    for decision in ("approve", "conditional", "reject"):
        (reason,) = bank.reasons("approval.decided", "ghost", **fields, decision=decision, onBehalfOf=["amy"])
        assert (reason.rule, reason.sentence()) == (
            "persons",
            "A decision is made by somebody who answers for it. Nobody answers for ghost. "
            "Enrol ghost anew with the persons who are responsible for it.",
        )
    now = time.format(time.parse(bank.position.time) + machines.SECOND)
    assert bank.refusals("approval.decided", **fields, decision="approve", expiresAt=now) == ["expired"]
    assert bank.refusals("approval.decided", **{**fields, "of": {"policy": A}}, decision="approve", expiresAt=now) == ["expired"]
