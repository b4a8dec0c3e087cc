"""Envelopes have one sequence of bytes, exactly one signature, and no way to the payload but through it."""

from __future__ import annotations

import base64
import json

import pytest

from muniment.core.format import dsse
from muniment.core.format.dsse import Envelope
from muniment.core.format.encoding import MAX_ENTRY_BYTES, MAX_PAYLOAD_BYTES
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger.signers import SeedSigner

SIGNER = SeedSigner(b"s" * 32)
# 4 bytes: their base64 ends with "==", so that its last character has unused bits.
PAYLOAD = b'{"a"'
ENVELOPE = dsse.sign(PAYLOAD, SIGNER)
RAW = dsse.encode(ENVELOPE)


def document(raw: bytes = RAW) -> dict[str, object]:
    """An envelope as plain JSON values."""
    value = json.loads(raw)
    assert isinstance(value, dict)
    return value


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def test_the_bytes_are_those_of_the_specification() -> None:
    parts = base64.b64encode(PAYLOAD), SIGNER.public_key.hex().encode(), base64.b64encode(ENVELOPE.signature)
    form = b'{"payload":"%b","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"%b","sig":"%b"}]}'
    assert form % parts == RAW
    assert compact(document()) == RAW


def test_what_is_signed_is_the_pre_authentication_encoding() -> None:
    assert dsse.pae(b"hello") == b"DSSEv1 28 application/vnd.in-toto+json 5 hello"
    assert ENVELOPE.signature == SIGNER.sign(dsse.pae(PAYLOAD))


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 1_000, MAX_PAYLOAD_BYTES])
def test_reading_gives_back_what_was_written(length: int) -> None:
    envelope = dsse.sign(bytes(range(256)) * (length // 256 + 1), SIGNER)
    envelope = dsse.sign(envelope.payload[:length], SIGNER)
    raw = dsse.encode(envelope)
    assert dsse.decode(raw) == envelope
    assert dsse.open(dsse.decode(raw)) == envelope.payload
    assert len(raw) <= MAX_ENTRY_BYTES


def test_a_payload_is_unreachable_without_its_signature() -> None:
    with pytest.raises(VerificationError) as caught:
        dsse.open(Envelope(PAYLOAD + b"}", ENVELOPE.key, ENVELOPE.signature))
    assert (caught.value.step, caught.value.code) == (9, "signature")


def test_a_payload_has_a_greatest_length() -> None:
    envelope = Envelope(b" " * (MAX_PAYLOAD_BYTES + 1), ENVELOPE.key, ENVELOPE.signature)
    with pytest.raises(InvalidInput) as caught:
        dsse.encode(envelope)
    assert caught.value.code == "too-long"
    larger = document() | {"payload": base64.b64encode(envelope.payload).decode()}
    with pytest.raises(InvalidInput) as caught:
        dsse.decode(compact(larger))
    assert caught.value.code == "too-long"


SIGNATURE = {"keyid": SIGNER.public_key.hex(), "sig": base64.b64encode(ENVELOPE.signature).decode()}
SHORTER = {"keyid": SIGNER.public_key.hex()[:-2], "sig": SIGNATURE["sig"]}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not-json"),
        (b"\xff", "not-json"),
        (RAW[:-1], "not-json"),
        (b"[" * 5_000, "not-json"),
        (RAW.replace(b'"payload":', b'"x":' + b"[" * 5_000 + b"]" * 5_000 + b',"payload":', 1), "not-json"),
        (b"[]", "not-an-envelope"),
        (b'{"height":1,"previous":"","size":2,"state":""}', "header-submitted"),
        (compact(document() | {"signatures": []}), "one-signature"),
        (compact(document() | {"signatures": [SIGNATURE, SIGNATURE]}), "one-signature"),
        (compact(document() | {"payloadType": "text/plain"}), "payload-type"),
        (RAW.replace(base64.b64encode(PAYLOAD), b"eyJ"), "not-base64"),
        (RAW.replace(base64.b64encode(PAYLOAD), b"eyJhIh=="), "not-canonical"),
        (RAW.replace(b"==", b"", 1), "not-base64"),
        (b" " + RAW, "not-canonical"),
        (RAW + b"\n", "not-canonical"),
        (RAW.replace(b'"payload":', b'"payload" :', 1), "not-canonical"),
        (RAW.replace(b"/vnd", b"\\/vnd"), "not-canonical"),
        (compact(document() | {"z": 1}), "not-canonical"),
        (compact(dict(reversed(document().items()))), "not-canonical"),
        (compact(document() | {"signatures": [SIGNATURE | {"z": 1}]}), "not-canonical"),
        (compact(document() | {"signatures": [SIGNATURE | {"keyid": "g" * 64}]}), "not-canonical"),
        (compact(document() | {"signatures": [SIGNATURE | {"keyid": SIGNER.public_key.hex().upper()}]}), "not-canonical"),
        (compact(document() | {"signatures": [SIGNATURE | {"sig": base64.b64encode(bytes(63)).decode()}]}), "not-canonical"),
        (compact(document() | {"signatures": [SHORTER]}), "not-canonical"),
        (b" " * (MAX_ENTRY_BYTES + 1), "too-long"),
    ],
)
def test_nothing_else_is_an_envelope(raw: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        dsse.decode(raw)
    assert caught.value.code == code


def test_no_changed_byte_is_read_as_the_same_envelope() -> None:
    for at in range(len(RAW)):
        changed = RAW[:at] + bytes((RAW[at] ^ 1,)) + RAW[at + 1 :]
        try:
            envelope = dsse.decode(changed)
        except InvalidInput:
            continue
        assert envelope != ENVELOPE
        assert dsse.encode(envelope) == changed
