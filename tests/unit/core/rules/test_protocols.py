"""The protocol in force: who may raise it, and what software does that does not speak it."""

from __future__ import annotations

import pytest

import machine as machines
import makers
from machine import Machine
from muniment.core.format import entry
from muniment.core.rules import chain
from muniment.core.rules.chain import Block
from muniment.errors import InvalidInput, Unavailable


def test_only_the_next_one_follows(machine: Machine) -> None:
    for number in (0, 1, 3):
        assert machine.refusals("protocol.upgraded", protocol=number) == ["protocol"]
    assert machine.refusals("protocol.upgraded", protocol=3, approvals=[makers.next_id()]) == ["unknown", "protocol"]
    assert machine.state("protocol") == {"number": 1}


def test_it_acts_from_the_next_height_on(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "PROTOCOLS", frozenset({1, 2}))
    machine.say("protocol.upgraded", protocol=2)
    assert (machine.header["protocol"], machine.state("protocol")) == (1, {"number": 2})
    machine.say("system.registered", name="s")
    assert machine.header["protocol"] == 2
    assert machine.again().position == machine.position


def test_it_changes_nothing_else_in_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A protocol and a member in one block: both are judged by the protocol before."""
    monkeypatch.setattr(entry, "PROTOCOLS", frozenset({1, 2, 3}))
    machine = Machine(machines.consortium("acme", "bank"))
    verdicts = machine.block(
        machine.sign("protocol.upgraded", protocol=2),
        machine.sign("member.changed", member="bank", change="remove"),
        machine.sign("protocol.upgraded", protocol=2),
        machine.sign("protocol.upgraded", protocol=3),
    )
    assert [each.decision for each in verdicts] == ["admitted", "admitted", "refused", "admitted"]
    assert (machine.header["protocol"], machine.state("protocol")) == (1, {"number": 3})
    assert [each["organisation"] for each in machine.header["validators"]["members"]] == ["acme"]
    machine.say("system.registered", name="s")
    assert machine.header["protocol"] == 3


def test_whoever_does_not_speak_it_judges_nothing_more(machine: Machine) -> None:
    machine.say("protocol.upgraded", protocol=2)
    position = machine.position
    block = Block(position, chain.policy_in_force(machine.replay), "2030-01-01T00:00:00.000000Z", ())
    with pytest.raises(Unavailable) as caught:
        chain.apply(machine.replay, block)
    assert caught.value.code == "protocol-unknown"
    with pytest.raises(Unavailable) as caught:
        machine.block(machine.sign("system.registered", name="s"))
    assert caught.value.code == "protocol-unknown"
    assert machine.position == position
    # What stands before is there as ever.
    assert machine.again().position == position


def test_a_header_of_an_unknown_protocol_is_none_of_ours(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "PROTOCOLS", frozenset({1, 2}))
    machine.say("protocol.upgraded", protocol=2)
    machine.say("system.registered", name="s")
    monkeypatch.setattr(entry, "PROTOCOLS", frozenset({1}))
    with pytest.raises(InvalidInput) as caught:
        machine.again()
    assert caught.value.code == "protocol-unknown"
