"""The members of a consortium: their form, the quorum, addresses and names."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

import machine as machines
import makers
from muniment.core.format import encoding
from muniment.core.rules import genesis, members
from muniment.core.rules.members import Fault, Member, Publisher, Validators
from muniment.errors import InvalidInput

A, B, C, D, E = (each * 64 for each in "abcde")
ACME, BANK = Member(cosigner=A, key=B, organisation="acme"), Member(cosigner=C, key=D, organisation="bank")
FAULT = Fault(address="a" * 40, height=7, kind="duplicate-vote", time="2026-11-23T12:00:00.000000Z")


@pytest.mark.parametrize(("number", "enough"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (10, 7), (64, 43)])
def test_a_quorum_is_more_than_two_thirds(number: int, enough: int) -> None:
    assert members.quorum(number) == enough
    assert 3 * enough > 2 * number >= 3 * (enough - 1)


def test_an_address_is_the_engine_s() -> None:
    # CometBFT's crypto/ed25519 Address(): the first 20 bytes of SHA-256 of the 32 bytes of the key.
    assert members.address("00" * 32) == hashlib.sha256(bytes(32)).hexdigest()[:40]
    assert members.address("00" * 32) == "66687aadf862bd776c8fc18b8e9f8e2008971485"


def test_a_cosigner_is_named_after_the_ledger_and_its_organisation() -> None:
    assert members.cosigner_name("example.com/credit", "acme") == "example.com/credit/acme"


def test_a_set_is_read_and_written_alike() -> None:
    for publisher in (msgspec.UNSET, Publisher(key=E, organisation="bank")):
        found = Validators(members=(ACME, BANK), publisher=publisher)
        assert members.decode(members.encode(found)) == found
        assert (found.quorum, found.find("bank"), found.find("tuv")) == (2, BANK, None)


@pytest.mark.parametrize(
    ("listed", "publisher", "code"),
    [
        ((), None, "bad-members"),
        ((BANK, ACME), None, "schema"),
        ((ACME, ACME), None, "schema"),
        ((ACME, msgspec.structs.replace(BANK, cosigner=A)), None, "bad-members"),
        ((ACME, msgspec.structs.replace(BANK, key=A)), None, "bad-members"),
        ((msgspec.structs.replace(ACME, key=A),), None, "bad-members"),
        ((ACME, BANK), Publisher(key=E, organisation="tuv"), "bad-members"),
        ((ACME, msgspec.structs.replace(BANK, organisation="none")), None, "bad-members"),
        ((ACME, BANK), Publisher(key=C, organisation="acme"), "bad-members"),
        ((ACME, BANK), Publisher(key=B, organisation="acme"), "bad-members"),
        ((msgspec.structs.replace(ACME, organisation="a/b"),), None, "schema"),
        ((msgspec.structs.replace(ACME, key="A" * 64),), None, "schema"),
    ],
)
def test_what_cannot_be_members(listed: tuple[Member, ...], publisher: Publisher | None, code: str) -> None:
    plain = {"members": [msgspec.to_builtins(each) for each in listed]}
    raw = encoding.encode(plain | ({} if publisher is None else {"publisher": msgspec.to_builtins(publisher)}))
    with pytest.raises(InvalidInput) as caught:
        members.decode(raw)
    assert caught.value.code == code


def test_there_are_at_most_so_many() -> None:
    names = [f"m{number:02}" for number in range(members.MAX_MEMBERS + 1)]
    listed = tuple(
        Member(cosigner=machines.member_key(name, "c"), key=machines.member_key(name, "v"), organisation=name) for name in names
    )
    members.check(Validators(members=listed[:-1]))
    with pytest.raises(InvalidInput) as caught:
        members.check(Validators(members=listed))
    assert caught.value.code == "bad-members"


def test_a_genesis_names_members_that_can_be_some() -> None:
    founding = machines.consortium("acme", "bank")
    assert genesis.decode(genesis.encode(founding)).validators == Validators(members=founding.members)
    assert machines.founding().validators is None
    own = Publisher(key=E, organisation="acme")
    read = genesis.decode(genesis.encode(msgspec.structs.replace(founding, publisher=own)))
    assert read.validators == Validators(members=founding.members, publisher=own)
    for wrong, code in (
        (msgspec.structs.replace(machines.founding(), publisher=own), "bad-genesis"),
        (msgspec.structs.replace(founding, publisher=Publisher(key=E, organisation="tuv")), "bad-members"),
        (msgspec.structs.replace(founding, members=(ACME, msgspec.structs.replace(BANK, key=B))), "bad-members"),
    ):
        with pytest.raises(InvalidInput) as caught:
            genesis.decode(genesis.encode(wrong))
        assert caught.value.code == code
    assert founding.origin == makers.ORIGIN


def test_evidence_is_an_array_of_faults() -> None:
    named = msgspec.structs.replace(FAULT, organisation="acme")
    raw = members.encode_faults((named, FAULT))
    assert raw == encoding.encode([msgspec.to_builtins(each) for each in (named, FAULT)])
    assert members.decode_faults(raw) == (named, FAULT)


@pytest.mark.parametrize(
    "change",
    [
        {"address": "A" * 40},
        {"address": "a" * 64},
        {"height": -1},
        {"height": True},
        {"kind": "unknown"},
        {"time": "2026-11-23T12:00:00Z"},
        {"organisation": "a b"},
        {"power": 1},
    ],
)
def test_a_fault_has_one_form(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        members.decode_faults(encoding.encode([{**msgspec.to_builtins(FAULT), **change}]))
    assert caught.value.code == "schema"


def test_faults_are_settled_once_in_order_and_not_too_many() -> None:
    many = tuple(msgspec.structs.replace(FAULT, height=height) for height in range(1, 100))
    told = msgspec.structs.replace(FAULT, height=9, organisation="bank", time="2026-11-23T12:00:00.000001Z")
    settled = members.settle_faults((told, *reversed(many), *many))
    assert settled == many[: members.MAX_FAULTS]
    assert members.settle_faults(settled) == settled
    # Nobody hides another's fault behind many of his own.
    last = msgspec.structs.replace(FAULT, address="f" * 40)
    assert members.settle_faults((*many, last)) == (*many[: members.MAX_FAULTS - 1], last)
    several = tuple(
        msgspec.structs.replace(FAULT, address=f"{number:040x}", height=height) for number in range(40) for height in (1, 2)
    )
    settled = members.settle_faults(several)
    assert [each.height for each in settled] == [1, 2] * 24 + [1] * 16
    other = msgspec.structs.replace(FAULT, kind="light-client-attack")
    first = msgspec.structs.replace(FAULT, address="0" * 40, height=8)
    assert members.settle_faults((other, FAULT, first)) == (first, FAULT, other)
