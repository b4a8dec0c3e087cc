"""The request for a key to be admitted: one line that a person can paste into a mail (docs/spec, section 5.2).

    muniment-key-request:v1:<base64url, no padding, of canonical JSON {"actor","key","kind","origin","proof"}>

`proof` is the key's own signature over actor, key and origin, so that nobody can ask for a key that he does not hold, nor
reuse a request in another ledger or for another actor. The line holds no secret.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from muniment.core.format import encoding
from muniment.core.format.encoding import HexDigest, Segment
from muniment.core.format.keys import Signer
from muniment.core.rules import genesis
from muniment.core.rules.genesis import KeyProof, Kind, Origin, Signature
from muniment.errors import InvalidInput

PREFIX = "muniment-key-request:v1:"
MAX_CHARACTERS = 2_048


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks, with which public key (64 hex), for the ledger of which origin."""

    actor: Segment
    key: HexDigest
    kind: Kind
    origin: Origin
    proof: Signature

    @property
    def fingerprint(self) -> str:
        """What two people compare over another channel: the first half of the public key, in groups."""
        return " ".join(self.key[at : at + 4] for at in range(0, 32, 4))


_decode = encoding.decoder(Request, limit=MAX_CHARACTERS)


def make(origin: str, actor: str, kind: Kind, signer: Signer) -> Request:
    """Let a key ask for its admission."""
    proved = genesis.prove_key(origin, actor, signer)
    return Request(actor=actor, key=proved.key, kind=kind, origin=origin, proof=proved.proof)


def format(request: Request) -> str:
    """Write a request on one line."""
    return PREFIX + base64.urlsafe_b64encode(encoding.encode_struct(request)).rstrip(b"=").decode()


def parse(text: str) -> Request:
    """Read a request and check the key's own signature. Raises InvalidInput (`bad-key-request`, `key-proof`)."""
    if len(text) > MAX_CHARACTERS or not text.startswith(PREFIX):
        raise _bad_request(f"does not begin with {PREFIX}")
    try:
        body = text.removeprefix(PREFIX)
        request = _decode(base64.urlsafe_b64decode(body.encode("ascii") + b"=" * (-len(body) % 4)))
    except (UnicodeEncodeError, binascii.Error):
        raise _bad_request("is not base64url") from None
    except InvalidInput as error:
        raise _bad_request(str(error)) from None
    # A lenient decoder takes several texts for the same bytes; a request has one.
    if format(request) != text:
        raise _bad_request("is not written in its one form")
    genesis.check_key(request.origin, request.actor, KeyProof(key=request.key, proof=request.proof))
    return request


def _bad_request(reason: str) -> InvalidInput:
    return InvalidInput(
        f"this is no key request: it {reason}",
        code="bad-key-request",
        hint="Copy the whole line that `muniment keys request` printed.",
    )
