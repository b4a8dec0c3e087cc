"""Keys: Ed25519 verification with libsodium's verdict, and C2SP verifier keys (docs/spec, sections 3.1 and 3.4; C2SP signed-note).

    keys.is_valid(public_key, message, signature)      # for hot loops
    keys.format(keys.derive("example.com/log", public_key))
    'example.com/log+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx'

Implementations of Ed25519 disagree on malformed keys and signatures. Protocol 1 takes libsodium's verdict: the encodings
of A and R canonical, neither of small order, S below the group order. Signing lives in ledger.signers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import msgspec
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from muniment.core.format import base64
from muniment.errors import InvalidInput, VerificationError

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEY_ID_BYTES = 4

ED25519 = 0x01
COSIGNATURE = 0x04
COSIGNATURE_ML_DSA_44 = 0x06

MAX_VKEY_CHARACTERS = 8_192

# The types whose key material has one length and whose key id is always the recommended hash.
_material_bytes: Mapping[int, int] = MappingProxyType(
    {ED25519: PUBLIC_KEY_BYTES, COSIGNATURE: PUBLIC_KEY_BYTES, COSIGNATURE_ML_DSA_44: 1_312}
)
_key_id = re.compile(r"[0-9a-f]{8}")
_not_in_names = re.compile(r"[+\s\x00-\x1f]")


class Signer(Protocol):
    """Something that signs with one Ed25519 key: a file, a keyring, a device."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key."""

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature of `message`."""


class Verifier(msgspec.Struct, frozen=True):
    """What a C2SP verifier key says. `key_id` is 4 bytes, `type` the signature type byte, `public_key` its material."""

    name: str
    key_id: bytes
    type: int
    public_key: bytes


def is_valid(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Is `signature` libsodium-valid for `message` under `public_key`? What has a wrong length is not."""
    # libsodium reads 32 bytes wherever the key points and splits signature from message by position alone.
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


def verify(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Raise VerificationError (step 9, `signature`) unless `is_valid`."""
    if not is_valid(public_key, message, signature):
        raise VerificationError(
            "the signature is not by this key over these bytes", step=9, code="signature", details={"key": public_key.hex()}
        )


def key_id(name: str, type_: int, public_key: bytes) -> bytes:
    """The 4 bytes that stand for a key in a note: SHA-256(name | 0x0A | type | public key), cut (signed-note, "Signatures")."""
    return hashlib.sha256(name.encode() + b"\n" + bytes((type_,)) + public_key).digest()[:KEY_ID_BYTES]


def derive(name: str, public_key: bytes, type_: int = ED25519) -> Verifier:
    """The verifier of a public key under a name. Raises InvalidInput for a bad name, a wrong length or an unknown type."""
    check_name(name)
    if type_ not in _material_bytes:
        raise InvalidInput(f"no rule for key ids of signature type {type_} is known", code="bad-key", hint="Use an Ed25519 key.")
    _check_material(type_, public_key)
    return Verifier(name, key_id(name, type_, public_key), type_, public_key)


def parse(vkey: str) -> Verifier:
    """Read `<name>+<hex key id>+<base64 of type and key>` (signed-note, "Verifier keys"). Raises InvalidInput.

    Types that this code cannot verify are read and kept, so that a trust file may name them; nothing counts them.
    """
    parts = vkey.split("+", 2) if len(vkey) <= MAX_VKEY_CHARACTERS else []
    if len(parts) != 3 or _key_id.fullmatch(parts[1]) is None:
        raise _bad_vkey("is not written <name>+<8 hex>+<base64>")
    name, identifier = parts[0], bytes.fromhex(parts[1])
    check_name(name)
    material = base64.parse(parts[2], what="the key in the verifier key")
    if len(material) < 2:
        raise _bad_vkey("holds no key")
    verifier = Verifier(name, identifier, material[0], material[1:])
    _check_material(verifier.type, verifier.public_key)
    if verifier.type in _material_bytes and identifier != key_id(name, verifier.type, verifier.public_key):
        raise _bad_vkey("has a key id that does not belong to its name and key")
    return verifier


def format(verifier: Verifier) -> str:
    """Write a verifier as a C2SP verifier key."""
    material = bytes((verifier.type,)) + verifier.public_key
    return f"{verifier.name}+{verifier.key_id.hex()}+{base64.format(material)}"


def check_name(name: str) -> None:
    """A key name is not empty and has no Unicode space, no plus, no control character (signed-note, "Format")."""
    try:
        name.encode()
    except UnicodeEncodeError:
        name = ""
    if not name or _not_in_names.search(name) is not None:
        raise InvalidInput(
            f"{name!r} is not a key name",
            code="bad-key-name",
            hint="Use a schema-less URL such as example.com/log, without spaces and without plus.",
        )


def _check_material(type_: int, public_key: bytes) -> None:
    expected = _material_bytes.get(type_)
    if expected is not None and len(public_key) != expected:
        raise InvalidInput(
            f"a key of type 0x{type_:02x} has {expected} bytes, not {len(public_key)}", code="bad-key", hint="Copy the key whole."
        )


def _bad_vkey(reason: str) -> InvalidInput:
    return InvalidInput(
        f"the verifier key {reason}", code="bad-vkey", hint="Copy the key as its owner published it; nothing in it may be changed."
    )
