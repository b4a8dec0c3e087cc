"""Proof of double signing: what a header says of it, and what it changes."""

from __future__ import annotations

import msgspec
import pytest

import machine as machines
from machine import Machine
from muniment.core.format import entry, state_map
from muniment.core.rules import chain, council, members
from muniment.core.rules.members import Fault

TIME = "2026-11-23T11:59:00.000000Z"
STRANGER = "f" * 40


def fault(name: str, height: int = 7, kind: str = "duplicate-vote") -> Fault:
    address = members.address(machines.member_key(name, "validator"))
    return msgspec.convert({"address": address, "height": height, "kind": kind, "time": TIME}, Fault)


@pytest.fixture
def two() -> Machine:
    return Machine(machines.consortium("acme", "bank"))


def streams(machine: Machine, name: str) -> tuple[str, str]:
    return f"member/{name}", f"validator/{members.address(machines.member_key(name, 'validator'))}"


def test_a_fault_alone_makes_a_block(two: Machine) -> None:
    before = two.position
    two.prove(fault("acme"))
    header = two.header
    assert two.position.height == before.height + 1
    assert header["size"] == before.frontier.size == 1
    told = {"address": fault("acme").address, "height": 7, "kind": "duplicate-vote", "organisation": "acme", "time": TIME}
    assert header["evidence"] == [told]
    assert "validators" not in header
    for stream in streams(two, "acme"):
        record = two.record(stream) or {}
        assert (record["count"], record["first"], record["last"]) == (2, 0, 1)
    assert two.state("member/acme")["faults"] == 1
    assert "faults" not in two.state("member/bank")
    assert two.again().position == two.position


def test_it_folds_the_leaf_without_state(two: Machine) -> None:
    stream = streams(two, "acme")[1]
    head = (two.record(stream) or {})["head"]
    two.prove(fault("acme"))
    header = entry.decode_header(two.entries[-1])
    leaf = entry.leaf_without_state(header)
    assert (two.record(stream) or {})["head"] == state_map.fold(bytes.fromhex(head), 1, leaf).hex()
    assert council.folded(header) == streams(two, "acme")


def test_many_faults_of_one_fold_once(two: Machine) -> None:
    two.prove(fault("acme", 7), fault("bank", 8), fault("acme", 9, "light-client-attack"), fault("acme", 7))
    assert sorted(each["height"] for each in two.header["evidence"]) == [7, 8, 9]
    assert [each["address"] for each in two.header["evidence"]] == sorted(each["address"] for each in two.header["evidence"])
    record = two.record("member/acme") or {}
    assert (record["count"], record["state"]["faults"]) == (2, 2)
    assert two.state("member/bank")["faults"] == 1
    two.prove(fault("acme", 7))
    assert two.state("member/acme")["faults"] == 3


def test_an_address_that_nobody_knows_is_told_and_changes_nothing(two: Machine) -> None:
    before = two.replay.records
    two.prove(Fault(address=STRANGER, height=0, kind="duplicate-vote", time=TIME))
    assert two.header["evidence"] == [{"address": STRANGER, "height": 0, "kind": "duplicate-vote", "time": TIME}]
    assert two.replay.records == before
    assert council.folded(entry.decode_header(two.entries[-1])) == ()
    assert two.record(f"validator/{STRANGER}") is None


def test_what_was_said_of_the_organisation_counts_for_nothing(two: Machine) -> None:
    two.prove(msgspec.structs.replace(fault("acme"), organisation="bank"))
    assert two.header["evidence"][0]["organisation"] == "acme"
    assert "faults" not in two.state("member/bank")


def test_a_ledger_of_one_operator_has_nobody_to_blame(machine: Machine) -> None:
    before = machine.position
    machine.prove(fault("acme"))
    assert machine.position == before
    machine.faults = (fault("acme"),)
    machine.block(machine.sign("system.registered", name="s"))
    assert "evidence" not in machine.header


def test_faults_and_changes_of_one_block(two: Machine) -> None:
    """The new key is known when the faults are named, and the old one stays known."""
    fresh = machines.member_key("acme", "validator 2")
    two.faults = (fault("acme"), msgspec.structs.replace(fault("acme", 8), address=members.address(fresh)))
    verdicts = two.block(two.sign("member.changed", member="acme", change="rotate", validatorKey=fresh))
    assert verdicts[0].decision == "admitted"
    header = two.header
    assert [each["organisation"] for each in header["evidence"]] == ["acme", "acme"]
    assert header["validators"]["members"][0]["key"] == fresh
    state = two.state("member/acme")
    # The event is entry 1, the header that tells of the faults entry 2.
    assert (state["faults"], state["index"], state["key"]) == (2, 1, fresh)
    record = two.record(f"validator/{members.address(fresh)}") or {}
    assert (record["count"], record["first"], record["last"]) == (2, 1, 2)
    assert set(council.folded(entry.decode_header(two.entries[-1]))) == {
        "member/acme",
        streams(two, "acme")[1],
        f"validator/{members.address(fresh)}",
    }


def test_who_left_is_still_named(two: Machine) -> None:
    two.say("member.changed", member="acme", change="remove")
    index = two.state("member/acme")["index"]
    two.prove(fault("acme"))
    state = two.state("member/acme")
    assert (state["status"], state["faults"], state["index"]) == ("removed", 1, index)
    two.say(
        "member.changed", member="acme", change="admit", validatorKey=machines.member_key("acme", "validator"), cosignerKey="9" * 64
    )
    assert two.state("member/acme")["faults"] == 1


def test_refused_events_and_faults_make_a_header_of_faults(two: Machine) -> None:
    two.faults = (fault("bank"),)
    (verdict,) = two.block(two.sign("member.changed", member="acme", change="admit", validatorKey="8" * 64, cosignerKey="9" * 64))
    assert verdict.decision == "refused"
    assert "validators" not in two.header
    assert two.state("member/bank")["faults"] == 1


def test_a_header_has_room_for_all_that_can_be_in_it() -> None:
    names = [f"{number:02}{'x' * 45}" for number in range(64)]
    machine = Machine(machines.consortium(*names))
    most = (1 << 53) - 1
    machine.faults = tuple(
        msgspec.structs.replace(fault(names[0], kind="light-client-attack"), height=most - number) for number in range(200)
    )
    fresh = machines.member_key("new", "validator")
    (verdict,) = machine.block(machine.sign("member.changed", member=names[0], change="rotate", validatorKey=fresh))
    assert verdict.decision == "admitted"
    assert len(machine.header["evidence"]) == members.MAX_FAULTS
    assert len(machine.entries[-1]) < entry.MAX_ENTRY_BYTES // 2
    validators = chain.validators_in_force(machine.replay)
    assert validators is not None
    assert len(validators.members) == 64
