"""DSSE v1 envelopes with exactly one signature (docs/spec, section 3.2).

    envelope = sign(payload, signer)
    raw = encode(envelope)                  # the exact bytes of a ledger entry
    payload = open(decode(raw))             # verified; there is no other way to the payload of received bytes

The signature covers PAE(payloadType, payload), never a re-serialisation. The key id is the public key itself, so that an
envelope can be verified before anything is looked up.
"""

from __future__ import annotations

import binascii

import msgspec

from muniment.core.format import encoding, keys
from muniment.core.format.encoding import MAX_ENTRY_BYTES, MAX_PAYLOAD_BYTES
from muniment.errors import InvalidInput

PAYLOAD_TYPE = "application/vnd.in-toto+json"

_PAE_PREFIX = b"DSSEv1 %d %s " % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode())


class _Signature(msgspec.Struct, frozen=True, gc=False):
    """The one signature as JSON. msgspec writes bytes as padded standard base64."""

    keyid: str
    sig: bytes


class _Wire(msgspec.Struct, frozen=True, gc=False):
    """An envelope as JSON: the fields in the order of their names, so that the plain encoder writes the canonical form."""

    payload: bytes
    payload_type: str = msgspec.field(name="payloadType")
    signatures: tuple[_Signature]


_read = msgspec.json.Decoder(_Wire).decode
_write = msgspec.json.Encoder().encode


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """A payload, the public key that signed it (32 bytes) and the signature (64 bytes), not yet verified."""

    payload: bytes
    key: bytes
    signature: bytes


def pae(payload: bytes) -> bytes:
    """The pre-authentication encoding: what is signed (DSSE v1, protocol.md)."""
    return _PAE_PREFIX + b"%d " % len(payload) + payload


def decode(raw: bytes) -> Envelope:
    """Read the canonical bytes of an envelope; anything else, or a second signature, is InvalidInput."""
    if len(raw) > MAX_ENTRY_BYTES:
        raise InvalidInput(f"{len(raw)} bytes where an entry has at most {MAX_ENTRY_BYTES}", code="too-long")
    try:
        wire = _read(raw)
        signature = wire.signatures[0]
        key = bytes.fromhex(signature.keyid)
        # The decoder takes looser base64 and JSON than it writes, and `fromhex` takes upper case: so all is written again.
        exact = key.hex() == signature.keyid and wire.payload_type == PAYLOAD_TYPE and _write(wire) == raw
    except (msgspec.DecodeError, ValueError, RecursionError):
        exact = False
    if not exact or len(key) != keys.PUBLIC_KEY_BYTES or len(signature.sig) != keys.SIGNATURE_BYTES:
        raise _explain(raw)
    if len(wire.payload) > MAX_PAYLOAD_BYTES:
        raise _too_long(wire.payload)
    return Envelope(wire.payload, key, signature.sig)


def encode(envelope: Envelope) -> bytes:
    """The exact bytes of the entry. Raises InvalidInput for a payload over 48,960 bytes."""
    if len(envelope.payload) > MAX_PAYLOAD_BYTES:
        raise _too_long(envelope.payload)
    return _write(_Wire(envelope.payload, PAYLOAD_TYPE, (_Signature(envelope.key.hex(), envelope.signature),)))


def sign(payload: bytes, signer: keys.Signer) -> Envelope:
    """Sign a payload with one key."""
    return Envelope(payload, signer.public_key, signer.sign(pae(payload)))


def open(envelope: Envelope) -> bytes:
    """The payload, once its signature holds. Raises VerificationError (step 9)."""
    keys.verify(envelope.key, pae(envelope.payload), envelope.signature)
    return envelope.payload


def _too_long(payload: bytes) -> InvalidInput:
    return InvalidInput(f"the payload has {len(payload)} bytes where at most {MAX_PAYLOAD_BYTES} are allowed", code="too-long")


def _explain(raw: bytes) -> InvalidInput:
    """Say what keeps these bytes from being one of our envelopes."""
    try:
        encoding.check_limits(raw, MAX_ENTRY_BYTES)
    except InvalidInput as error:
        return error
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return InvalidInput("not a JSON envelope", code="not-json", hint="Send one DSSE envelope in JSON.")
    if not isinstance(value, dict):
        return InvalidInput("not a DSSE envelope", code="not-an-envelope")
    if "previous" in value and "state" in value:
        return InvalidInput(
            "a header cannot be submitted: the ledger seals its own blocks",
            code="header-submitted",
            hint="Submit signed events only.",
        )
    signatures = value.get("signatures")
    if isinstance(signatures, list) and len(signatures) != 1:
        return InvalidInput(
            f"{len(signatures)} signatures where an event carries exactly one",
            code="one-signature",
            hint="Record one event for each signer.",
        )
    if value.get("payloadType") != PAYLOAD_TYPE:
        return InvalidInput(f"the payload type is not {PAYLOAD_TYPE}", code="payload-type")
    try:
        binascii.a2b_base64(str(value.get("payload")), strict_mode=True)
    except ValueError:
        return InvalidInput("the payload is not base64", code="not-base64")
    return InvalidInput(
        "the envelope is not in canonical form",
        code="not-canonical",
        hint="Write the keys payload, payloadType, signatures in this order, without white space, with padded base64.",
    )
