"""DSSE v1 envelopes with exactly one signature (docs/spec, section 3).

    envelope = sign(payload, signer)
    raw = encode(envelope)                  # the exact bytes of a ledger entry
    payload = open(decode(raw))             # verified; there is no other way to the payload of received bytes

The signature covers PAE(payloadType, payload), never a re-serialisation. The key id is the public key itself, so that an
envelope can be verified before anything is looked up.
"""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from muniment.core.format import keys
from muniment.core.format.encoding import MAX_ENTRY_BYTES, MAX_PAYLOAD_BYTES
from muniment.errors import InvalidInput

PAYLOAD_TYPE = "application/vnd.in-toto+json"

_PAE_PREFIX = b"DSSEv1 %d %s " % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode())
_FORM = b'{"payload":"%b","payloadType":"' + PAYLOAD_TYPE.encode() + b'","signatures":[{"keyid":"%b","sig":"%b"}]}'
_form = re.compile(
    rb'\{"payload":"([A-Za-z0-9+/=]*)","payloadType":"'
    + re.escape(PAYLOAD_TYPE.encode())
    + rb'","signatures":\[\{"keyid":"([0-9a-f]{64})","sig":"([A-Za-z0-9+/]{86}==)"\}\]\}\Z'
)


class Envelope(msgspec.Struct, frozen=True):
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
    match = _form.match(raw)
    if match is None:
        raise _explain(raw)
    try:
        envelope = Envelope(base64.b64decode(match[1]), bytes.fromhex(match[2].decode()), base64.b64decode(match[3]))
    except (binascii.Error, ValueError):
        raise InvalidInput("the payload is not base64", code="not-base64") from None
    if encode(envelope) != raw:
        raise InvalidInput("the base64 of the envelope is not in its one form", code="not-canonical")
    return envelope


def encode(envelope: Envelope) -> bytes:
    """The exact bytes of the entry. Raises InvalidInput for a payload over 48,960 bytes."""
    if len(envelope.payload) > MAX_PAYLOAD_BYTES:
        raise InvalidInput(
            f"the payload has {len(envelope.payload)} bytes where at most {MAX_PAYLOAD_BYTES} are allowed", code="too-long"
        )
    return _FORM % (
        binascii.b2a_base64(envelope.payload, newline=False),
        envelope.key.hex().encode(),
        binascii.b2a_base64(envelope.signature, newline=False),
    )


def sign(payload: bytes, signer: keys.Signer) -> Envelope:
    """Sign a payload with one key."""
    return Envelope(payload, signer.public_key, signer.sign(pae(payload)))


def open(envelope: Envelope) -> bytes:
    """The payload, once its signature holds. Raises VerificationError (step 9)."""
    keys.verify(envelope.key, pae(envelope.payload), envelope.signature)
    return envelope.payload


def _explain(raw: bytes) -> InvalidInput:
    """Say what keeps these bytes from being one of our envelopes."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return InvalidInput("not a JSON envelope", code="not-json", hint="Send one DSSE envelope in JSON.")
    if not isinstance(value, dict):
        return InvalidInput("not a DSSE envelope", code="not-an-envelope")
    if "previous" in value and "state" in value:
        return InvalidInput(
            "a header cannot be submitted: the ledger seals its own blocks", code="header-submitted", hint="Submit signed events only."
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
    return InvalidInput(
        "the envelope is not in canonical form",
        code="not-canonical",
        hint="Write the keys payload, payloadType, signatures in this order, without white space, with padded base64.",
    )
