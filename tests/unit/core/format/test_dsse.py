"""Envelopes: one signature, one form."""

from __future__ import annotations

import base64
import json

import pytest

from muniment.core.format import dsse
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger.signers import SeedSigner

SIGNER, OTHER = SeedSigner(b"s" * 32), SeedSigner(b"o" * 32)
PAYLOAD = b'{"_type":"x"}'
RAW = dsse.encode(dsse.sign(PAYLOAD, SIGNER))


def edited(**changes: object) -> bytes:
    """The envelope with other fields, in compact JSON with sorted keys."""
    return json.dumps({**json.loads(RAW), **changes}, sort_keys=True, separators=(",", ":")).encode()


def signature(**changes: object) -> list[dict[str, object]]:
    """The one signature with other fields."""
    return [{**json.loads(RAW)["signatures"][0], **changes}]


def test_what_is_signed_is_what_the_specification_says() -> None:
    assert dsse.pae(PAYLOAD) == b"DSSEv1 28 application/vnd.in-toto+json 13 " + PAYLOAD


def test_an_envelope_is_read_and_written_alike() -> None:
    envelope = dsse.decode(RAW)
    assert (envelope.payload, envelope.key) == (PAYLOAD, SIGNER.public_key)
    assert dsse.encode(envelope) == RAW
    assert dsse.open(envelope) == PAYLOAD


def test_a_payload_cannot_be_had_under_a_signature_that_does_not_hold() -> None:
    envelope = dsse.sign(PAYLOAD, SIGNER)
    for broken in (
        dsse.Envelope(PAYLOAD + b" ", envelope.key, envelope.signature),
        dsse.Envelope(PAYLOAD, OTHER.public_key, envelope.signature),
        dsse.Envelope(PAYLOAD, envelope.key, bytes(64)),
    ):
        with pytest.raises(VerificationError) as caught:
            dsse.open(broken)
        assert caught.value.step == 9


KEYID = SIGNER.public_key.hex()
HUGE = "[" * 900 + "]" * 900


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not-json"),
        (RAW + b"\n", "not-canonical"),
        (RAW[:-1], "not-json"),
        (edited(payload="eyI"), "not-base64"),
        (edited(payload=base64.b64encode(PAYLOAD).decode()[:-3] + "R=="), "not-canonical"),
        (edited(payloadType="application/json"), "payload-type"),
        (edited(extra=1), "not-canonical"),
        (edited(signatures=[]), "one-signature"),
        (edited(signatures=signature() * 2), "one-signature"),
        (edited(signatures=signature(keyid=KEYID.upper())), "not-canonical"),
        (edited(signatures=signature(keyid=KEYID[:62])), "not-canonical"),
        (edited(signatures=signature(keyid=f"{KEYID[:32]} {KEYID[32:]}")), "not-canonical"),
        (edited(signatures=signature(sig="AAAA")), "not-canonical"),
        (edited(signatures=signature(cert="x")), "not-canonical"),
        (edited(payload="A" * 65_536), "too-long"),
        (json.dumps(json.loads(RAW)).encode(), "not-canonical"),
        (b'{"payload":' + HUGE.encode() + b',"payloadType":"application/vnd.in-toto+json","signatures":[{}]}', None),
        (b'{"payload":' + b"1" * 4_300 + b',"payloadType":"application/vnd.in-toto+json","signatures":[{}]}', None),
        (b'{"previous":"","state":""}', "header-submitted"),
        (b"[]", "not-an-envelope"),
    ],
)
def test_all_else_is_refused(raw: bytes, code: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        dsse.decode(raw)
    assert code is None or caught.value.code == code


def test_a_payload_has_a_longest_length() -> None:
    longest = dsse.encode(dsse.sign(b"x" * 48_960, SIGNER))
    assert len(longest) <= 65_535
    assert len(dsse.decode(longest).payload) == 48_960
    with pytest.raises(InvalidInput) as caught:
        dsse.encode(dsse.sign(b"x" * 48_961, SIGNER))
    assert caught.value.code == "too-long"
