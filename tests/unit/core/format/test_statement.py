"""Statements and seals."""

from __future__ import annotations

import base64
import hashlib
import json

import msgspec
import pytest

from muniment.core.format import statement
from muniment.core.format.statement import Disclosure, Sealed, check_disclosure, disclose, seal
from muniment.errors import InvalidInput, VerificationError

SALT = bytes(range(16))


class Note(msgspec.Struct, frozen=True):
    text: str


def test_statement_has_exactly_four_keys_in_canonical_order() -> None:
    raw = statement.encode(b'{"text":"hello"}', "urn:example:note", [("loans", "0a" * 32), ("model/x", "0b" * 32)])
    assert raw == (
        b'{"_type":"https://in-toto.io/Statement/v1","predicate":{"text":"hello"},"predicateType":"urn:example:note",'
        b'"subject":[{"digest":{"sha256":"' + b"0a" * 32 + b'"},"name":"loans"},'
        b'{"digest":{"sha256":"' + b"0b" * 32 + b'"},"name":"model/x"}]}'
    )
    read = msgspec.json.decode(raw, type=statement.statement_of(Note))
    assert read.predicate == Note("hello")
    assert read.predicate_type == "urn:example:note"
    assert read.subject == (statement.subject("loans", "0a" * 32), statement.subject("model/x", "0b" * 32))
    assert read.subject[1].sha256 == "0b" * 32


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": []},
        {"subject": [{"name": "x", "digest": {"md5": "00"}}]},
        {"subject": [{"name": "x", "digest": {"sha256": "0A" * 32}}]},
        {"subject": [{"name": "x", "digest": {"sha256": "0a" * 32}, "uri": "http://x"}]},
        {"subject": [{"name": "a name", "digest": {"sha256": "0a" * 32}}]},
        {"extra": 1},
    ],
)
def test_typed_statement_refuses_what_is_not_one(change: dict[str, object]) -> None:
    good = json.loads(statement.encode(b'{"text":"hello"}', "urn:example:note", [("loans", "0a" * 32)]))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(good | change), type=statement.statement_of(Note))


def test_seal_is_the_hash_of_salt_and_canonical_value() -> None:
    digest = hashlib.sha256(SALT + b'"why"').digest()
    assert seal("why", SALT) == Sealed(base64.urlsafe_b64encode(digest).decode().rstrip("="))
    assert seal(["a", 1, True], SALT) != seal("why", SALT)
    assert seal("why", SALT) != seal("why", SALT[::-1])


def test_disclosure_opens_its_seal_and_no_other() -> None:
    disclosure = disclose("why", SALT)
    assert disclosure.salt == "AAECAwQFBgcICQoLDA0ODw"
    check_disclosure(seal("why", SALT), disclosure)
    for wrong in (Disclosure(disclosure.salt, "whY"), disclose("why", SALT[::-1])):
        with pytest.raises(VerificationError) as caught:
            check_disclosure(seal("why", SALT), wrong)
        assert (caught.value.step, caught.value.code) == (12, "disclosure")


@pytest.mark.parametrize(
    "salt", ["", "short", "AAECAwQFBgcICQoLDA0ODx", "AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0ODw\n", "é" * 22]
)
def test_a_salt_has_one_text(salt: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_disclosure(seal("why", SALT), Disclosure(salt, "why"))
    assert caught.value.code == "bad-salt"


def test_salts_of_another_length_and_values_outside_the_profile_are_refused() -> None:
    with pytest.raises(InvalidInput):
        seal("why", b"short")
    with pytest.raises(InvalidInput):
        check_disclosure(seal("why", SALT), disclose(0.5, SALT))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["A" * 42, "A" * 44, "A" * 42 + "B", "A" * 42 + "=", "+" * 43])
def test_a_commitment_has_one_text(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({"sealed": text}), type=Sealed)
