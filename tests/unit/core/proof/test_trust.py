"""Trust files: what they say, and the field that every error names."""

from __future__ import annotations

import pytest

import makers
import proving
from muniment.core.format import keys
from muniment.core.proof import trust
from muniment.core.proof.trust import Cosigner, Trust
from muniment.errors import InvalidInput

SOLO = Trust(makers.ORIGIN, "a" * 64, (makers.VERIFIER,))
WITNESSED = proving.witnessed(
    SOLO,
    [("alpha", "Alpha", "append-only"), ("beta", "Beta", "replayed"), ("beta2", "Beta", "voted"), ("gamma", "Gamma", "voted")],
    2,
)
TEXT = trust.format(WITNESSED)


@pytest.mark.parametrize("value", [SOLO, WITNESSED, proving.witnessed(SOLO, [("alpha", "Alpha", "voted")], 1)])
def test_a_trust_file_comes_back(value: Trust) -> None:
    text = trust.format(value)
    assert trust.parse(text) == value
    assert trust.format(trust.parse(text)) == text


def test_it_is_written_for_people() -> None:
    assert 'quorum = "2 of 3 organisations"' in TEXT
    assert TEXT.startswith("# Whom we believe")
    assert 'quorum = "none"' in trust.format(SOLO)


def test_several_keys_are_one_organisation() -> None:
    assert WITNESSED.organisations == ("Alpha", "Beta", "Gamma")


def test_a_name_may_need_quoting() -> None:
    odd = Trust('a"b\\c\x7f', "a" * 64, (keys.derive('a"b\\c\x7f', makers.LOG.public_key),))
    assert trust.parse(trust.format(odd)) == odd


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("origin = ", "origins = ", "origins"),
        (f'origin = "{makers.ORIGIN}"', "origin = 3", "origin"),
        (f'origin = "{makers.ORIGIN}"', 'origin = ""', "origin"),
        (f'origin = "{makers.ORIGIN}"', 'origin = "other.example"', "log_keys[0]"),
        (f'origin = "{makers.ORIGIN}"', "", "origin"),
        ('ledger = "a', 'ledger = "A', "ledger"),
        ("log_keys = [", "log_keys = [ 1,", "log_keys[0]"),
        ("log_keys = [", 'log_keys = [ "x",', "log_keys[0]"),
        ("2 of 3 organisations", "2 of 4 organisations", "quorum"),
        ("2 of 3 organisations", "4 of 3 organisations", "quorum"),
        ("2 of 3 organisations", "2 of 3 organisation", "quorum"),
        ("2 of 3 organisations", "two", "quorum"),
        ('statement = "replayed"', 'statement = "seen"', "cosigners[1].statement"),
        ('organisation = "Gamma"', 'organisation = "Gam ma"', "cosigners[3].organisation"),
        ('organisation = "Gamma"', 'organisation = "none"', "cosigners[3].organisation"),
        ('organisation = "Gamma"', 'organization = "Gamma"', "cosigners[3].organization"),
        ('organisation = "Alpha"\n', "", "cosigners[0].organisation"),
    ],
)
def test_an_error_names_its_field(old: str, new: str, field: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidInput) as caught:
        trust.parse(TEXT.replace(old, new, 1))
    assert (caught.value.code, caught.value.details["field"]) == ("bad-trust", field)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["=", "[[cosigners]", "a = " + "[" * 5_000, "cosigners = 1", 'x = """', "cosigners = [1]"])
def test_what_is_no_trust_file(text: str) -> None:
    with pytest.raises(InvalidInput):
        trust.parse(text)


def test_a_trust_file_has_a_limit() -> None:
    with pytest.raises(InvalidInput) as caught:
        trust.parse("#" * (trust.MAX_TRUST_CHARACTERS + 1))
    assert caught.value.code == "too-long"


def test_one_key_cannot_speak_for_two_organisations() -> None:
    alpha = WITNESSED.cosigners[0]
    twice = Cosigner(keys.derive("other.example/w", alpha.verifier.public_key, keys.COSIGNATURE), "Other", "voted")
    with pytest.raises(InvalidInput, match="stands above already"):
        trust.format(Trust(SOLO.origin, SOLO.ledger, SOLO.log_keys, (alpha, twice), 1))


def test_the_ledger_cannot_witness_itself() -> None:
    own = Cosigner(keys.derive("w.example", makers.LOG.public_key, keys.COSIGNATURE), "Other", "append-only")
    with pytest.raises(InvalidInput, match="stands above already"):
        trust.check(Trust(SOLO.origin, SOLO.ledger, SOLO.log_keys, (own,), 1))


def test_a_cosigner_does_not_sign_as_a_log() -> None:
    wrong = Cosigner(keys.derive("w.example", proving.WITNESSES["alpha"].public_key), "Other", "append-only")
    with pytest.raises(InvalidInput, match="type 0x04"):
        trust.check(Trust(SOLO.origin, SOLO.ledger, SOLO.log_keys, (wrong,), 1))


def test_without_log_keys_a_quorum_must_vote() -> None:
    voters = proving.witnessed(SOLO, [("alpha", "Alpha", "voted"), ("beta", "Beta", "append-only")], 1)
    assert trust.check(Trust(voters.origin, voters.ledger, (), voters.cosigners, 1)).log_keys == ()
    with pytest.raises(InvalidInput) as caught:
        trust.check(Trust(voters.origin, voters.ledger, (), voters.cosigners, 2))
    assert caught.value.details["field"] == "log_keys"


def test_a_key_of_a_type_that_nothing_here_verifies_is_kept() -> None:
    later = keys.derive("pq.example/w", b"k" * 1_312, keys.COSIGNATURE_ML_DSA_44)
    value = Trust(SOLO.origin, SOLO.ledger, SOLO.log_keys, (Cosigner(later, "Later", "append-only"),), 1)
    assert trust.parse(trust.format(value)) == value
