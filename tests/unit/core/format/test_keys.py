"""core.format.keys: the verdict on a signature, and verifier keys."""

from __future__ import annotations

import base64
import hashlib

import pytest
from nacl.signing import SigningKey

from muniment.core.format import keys
from muniment.errors import InvalidInput, VerificationError

KEY = SigningKey(bytes(range(32)))
PUBLIC = bytes(KEY.verify_key)
MESSAGE = b"a message"
SIGNATURE = KEY.sign(MESSAGE).signature

# C2SP signed-note, "Verifier keys", example.
EXAMPLE = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


def vkey(name: str, type_: int, material: bytes, identifier: str | None = None) -> str:
    body = bytes((type_,)) + material
    identifier = identifier or hashlib.sha256(name.encode() + b"\n" + body).hexdigest()[:8]
    return f"{name}+{identifier}+{base64.b64encode(body).decode()}"


def test_a_signature_holds_for_its_key_and_message_only() -> None:
    assert keys.is_valid(PUBLIC, MESSAGE, SIGNATURE)
    assert keys.is_valid(PUBLIC, b"", KEY.sign(b"").signature)
    assert not keys.is_valid(PUBLIC, MESSAGE + b".", SIGNATURE)
    assert not keys.is_valid(bytes(SigningKey(bytes(32)).verify_key), MESSAGE, SIGNATURE)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_key_of_another_length_verifies_nothing(length: int) -> None:
    assert not keys.is_valid((PUBLIC + PUBLIC)[:length], MESSAGE, SIGNATURE)


@pytest.mark.parametrize("cut", [0, 1, 63])
def test_the_border_between_signature_and_message_cannot_move(cut: int) -> None:
    signed = SIGNATURE + MESSAGE
    assert not keys.is_valid(PUBLIC, signed[cut:], signed[:cut])
    assert not keys.is_valid(PUBLIC, signed[65:], signed[:65])


def test_verify_says_step_9() -> None:
    keys.verify(PUBLIC, MESSAGE, SIGNATURE)
    with pytest.raises(VerificationError) as caught:
        keys.verify(PUBLIC, b"another", SIGNATURE)
    assert (caught.value.step, caught.value.code) == (9, "signature")


def test_the_published_verifier_key_is_read_and_written() -> None:
    verifier = keys.parse(EXAMPLE)
    assert (verifier.name, verifier.type, verifier.key_id.hex(), len(verifier.public_key)) == ("example.com/foo", 1, "530d903a", 32)
    assert keys.format(verifier) == EXAMPLE
    assert keys.derive("example.com/foo", verifier.public_key) == verifier


def test_one_key_has_another_id_under_another_type_or_name() -> None:
    ids = {keys.key_id(name, type_, PUBLIC) for name in ("a", "b") for type_ in (keys.ED25519, keys.COSIGNATURE)}
    assert len(ids) == 4


@pytest.mark.parametrize(
    "text",
    [
        vkey("example.com/w", 0x04, PUBLIC),
        vkey("example.com/w", 0x06, bytes(1312)),
        vkey("x", 0x02, b"spki", "0badf00d"),
        vkey("ö", 1, PUBLIC),
    ],
    ids=["cosignature", "ml-dsa-44", "ecdsa with an id of its own", "a name beyond ASCII"],
)
def test_other_types_are_read_and_kept(text: str) -> None:
    assert keys.format(keys.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad-vkey"),
        ("example.com/foo", "bad-vkey"),
        ("example.com/foo+530d903a", "bad-vkey"),
        (EXAMPLE.replace("530d903a", "530D903A"), "bad-vkey"),
        (EXAMPLE.replace("530d903a", "530d903b"), "bad-vkey"),
        (EXAMPLE.replace("530d903a", "530d903"), "bad-vkey"),
        (EXAMPLE.replace("/foo", "/fop"), "bad-vkey"),
        (EXAMPLE + "\n", "not-base64"),
        (EXAMPLE + "=", "not-base64"),
        (EXAMPLE.replace("+Ae", "+A e"), "not-base64"),
        (" " + EXAMPLE, "bad-key-name"),
        (EXAMPLE.removeprefix("example.com/foo"), "bad-key-name"),
        ("\ud800" + EXAMPLE, "bad-key-name"),
        (vkey("a\u00a0b", 1, PUBLIC), "bad-key-name"),
        (vkey("a", 1, PUBLIC[:31]), "bad-key"),
        (vkey("a", 4, PUBLIC + b"\0"), "bad-key"),
        (vkey("a", 6, PUBLIC), "bad-key"),
        (vkey("a", 1, b""), "bad-vkey"),
        ("a+00000000+", "bad-vkey"),
        ("a+00000000+" + "A" * 10_000, "bad-vkey"),
        # Two texts of the same bytes: the unused last bits are set.
        (vkey("x", 0x02, b"s", "00000000").replace("AnM=", "AnN="), "not-base64"),
    ],
)
def test_what_is_not_a_verifier_key_is_refused(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        keys.parse(text)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\tb", "a\x00b", "a\u2003b", "a\u2028b", "\udc80"])
def test_a_key_name_has_no_space_and_no_plus(name: str) -> None:
    with pytest.raises(InvalidInput, match="not a key name"):
        keys.derive(name, PUBLIC)


def test_a_verifier_is_derived_for_known_types_only() -> None:
    for type_ in (0x00, 0x02, 0xFF, 256, -1):
        with pytest.raises(InvalidInput) as caught:
            keys.derive("a", PUBLIC, type_)
        assert caught.value.code == "bad-key"
