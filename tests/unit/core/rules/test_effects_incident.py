"""Effects of incidents, hand-offs and amendments of records."""

from __future__ import annotations

import pytest

import makers
from machine import Bank, Machine
from muniment.core.rules import events

A, B, C, LOANS = "a" * 64, "b" * 64, "c" * 64, "d" * 64
AWARE = {"severity": "high", "awareAt": "2026-11-23T00:00:00.000000Z"}


def test_a_hold_counts_while_its_incident_is_open(registered: Machine) -> None:
    held = [registered.say("incident.recorded", version=A, hold=True, **AWARE) for _ in range(2)]
    free = registered.say("incident.recorded", version=A, hold=False, **AWARE)
    assert registered.state(f"version/{A}")["holds"] == 2
    assert registered.state(f"incident/{held[0]}") == {"hold": True, "status": "open", "version": A}
    assert registered.state(f"incident/{free}") == {"status": "open", "version": A}
    for incident, left in ((free, 2), (held[0], 1), (held[1], 0)):
        registered.say("incident.closed", incident=incident, version=A)
        assert registered.state(f"version/{A}").get("holds", 0) == left
        assert registered.state(f"incident/{incident}")["status"] == "closed"


def test_an_incident_is_closed_once_and_for_its_own_version(registered: Machine) -> None:
    incident = registered.say("incident.recorded", version=A, hold=True, **AWARE)
    assert registered.refusals("incident.closed", incident=incident, version=B) == ["incident"]
    assert registered.refusals("incident.closed", incident=makers.next_id(), version=C) == ["unknown", "unknown"]
    close = [registered.sign("incident.closed", incident=incident, version=A) for _ in range(2)]
    assert [verdict.decision for verdict in registered.block(*close)] == ["admitted", "refused"]
    assert "holds" not in registered.state(f"version/{A}")
    assert registered.refusals("incident.recorded", version=C, hold=True, **AWARE) == ["unknown"]


def test_a_model_is_handed_over_by_offer_and_acceptance(registered: Machine) -> None:
    offer = registered.say("ownership.offered", model="m", **{"from": "ada"}, to="ci")
    assert registered.state("model/m") == {"count": 2, "latest": B, "offer": offer, "offeredTo": "ci", "owner": "ada"}
    registered.say("ownership.accepted", "ci", model="m", offer=offer)
    assert registered.state("model/m") == {"count": 2, "latest": B, "owner": "ci"}
    assert registered.refusals("ownership.accepted", "ci", model="m", offer=offer) == ["owner"]


def test_only_the_owner_offers(registered: Machine) -> None:
    # Neither in somebody's name, nor what is another's.
    assert registered.refusals("ownership.offered", "ci", model="m", **{"from": "ada"}, to="ci") == ["owner"]
    assert registered.refusals("ownership.offered", "ci", model="m", **{"from": "ci"}, to="eve") == ["owner"]
    assert registered.refusals("ownership.offered", model="m", **{"from": "bob"}, to="eve") == ["owner"]
    assert registered.refusals("ownership.offered", model="x", **{"from": "ada"}, to="nobody") == ["unknown", "unknown"]


def test_only_the_receiver_accepts_and_only_the_open_offer(registered: Machine) -> None:
    first = registered.say("ownership.offered", model="m", **{"from": "ada"}, to="eve")
    second = registered.say("ownership.offered", model="m", **{"from": "ada"}, to="ci")
    for actor, offer in (("ada", second), ("ci", first), ("ci", makers.next_id())):
        assert registered.refusals("ownership.accepted", actor, model="m", offer=offer) == ["owner"]
    assert registered.refusals("ownership.accepted", "ci", model="x", offer=second) == ["unknown"]
    registered.say("ownership.accepted", "ci", model="m", offer=second)


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        (["correct"], {}),
        (["preserve"], {"preserved": True}),
        (["preserve", "correct"], {"preserved": True}),
        (["preserve", "unpreserve"], {}),
        (["preserve", "unpreserve", "redact"], {"redacted": True}),
        (["redact", "preserve"], {"preserved": True, "redacted": True}),
    ],
)
def test_an_amendment_names_all_streams_of_its_target(registered: Machine, kinds: list[str], state: dict[str, bool]) -> None:
    target = registered.event_ids()[0]
    about = list(events.streams(registered.event(target)))
    assert about == ["acts/ada", f"data/{LOANS}", "dataset/loans"]
    for kind in kinds:
        registered.say("record.amended", "ci", target=target, about=about, kind=kind)
    assert registered.state(f"amendment/{target}") == state
    assert registered.record(f"data/{LOANS}")["count"] == 2 + len(kinds)  # type: ignore[index]
    for wrong in (about[:2], [*about, "model/m"]):
        assert registered.refusals("record.amended", target=target, about=wrong, kind="correct") == ["about"]


def test_what_is_amended_or_disclosed_stands_in_an_earlier_block(machine: Machine) -> None:
    raw = machine.sign("system.registered", name="s")
    id_ = makers.next_id()
    about = ["acts/ada", "system/s"]
    itself = machine.sign("record.amended", event_id=id_, target=id_, about=[*about, f"amendment/{id_}"], kind="correct")
    first = machine.block(raw, itself)[0].event_id
    amend = machine.sign("record.amended", target=first, about=about, kind="correct")
    disclose = machine.sign("disclosure.made", exportDigest=A, events=[first])
    other = Machine()
    assert [verdict.decision for verdict in other.block(raw, amend, disclose)] == ["admitted", "refused", "refused"]
    assert [verdict.decision for verdict in machine.block(itself, amend, disclose)] == ["refused", "admitted", "admitted"]


def test_holds_are_opened_and_released_by_who_may() -> None:
    bank = Bank(hold_roles=("risk",))
    bank.train()
    fields = {"version": A, **AWARE}
    (reason,) = bank.reasons("incident.recorded", "amy", **fields, hold=True)
    assert (reason.rule, reason.sentence()) == (
        "hold-role",
        "Holds are opened and released by risk. amy holds approver. "
        "Ask somebody with that role. An incident that holds nothing needs none: `muniment incident`.",
    )
    free = bank.say("incident.recorded", "amy", **fields, hold=False)
    bank.say("incident.closed", "amy", incident=free, version=A)
    held = bank.say("incident.recorded", "rita", **fields, hold=True)
    assert bank.refusals("incident.closed", "amy", incident=held, version=A) == ["hold-role"]
    assert bank.state(f"version/{A}")["holds"] == 1
    bank.say("incident.closed", "rita", incident=held, version=A)
    assert "holds" not in bank.state(f"version/{A}")


def test_where_the_policy_names_nobody_whoever_records_incidents_holds() -> None:
    bank = Bank()
    bank.train()
    bank.say("incident.closed", "ben", incident=bank.say("incident.recorded", "amy", version=A, hold=True, **AWARE), version=A)


def test_what_has_to_be_preserved_is_not_redacted(registered: Machine) -> None:
    target = registered.event_ids()[0]
    fields = {"target": target, "about": list(events.streams(registered.event(target)))}
    registered.say("record.amended", **fields, kind="preserve")
    (reason,) = registered.reasons("record.amended", **fields, kind="redact")
    assert (reason.rule, reason.sentence()) == (
        "preserved",
        f"What has to be preserved is not redacted. {target} has to be. "
        "Lift that first, with a `record.amended` of kind unpreserve.",
    )
    registered.say("record.amended", **fields, kind="unpreserve")
    registered.say("record.amended", **fields, kind="redact")


def test_a_model_that_is_only_planned_belongs_to_nobody(machine: Machine) -> None:
    machine.say("evaluation.planned", model="m", metric="auc", comparator="ge", threshold="0.9")
    (reason,) = machine.reasons("ownership.offered", model="m", **{"from": "ada"}, to="ci")
    assert (reason.rule, reason.sentence()) == ("owner", "A model is offered by its owner. m belongs to nobody.")
