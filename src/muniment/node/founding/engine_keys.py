"""The keys that CometBFT reads, in its own JSON, written by us: then no key is made by a program that we do not watch.

    signer = engine_keys.create_validator(path)         # priv_validator_key.json, 0600
    signer = engine_keys.load(path)
    engine_keys.begin_state(path)                       # priv_validator_state.json: nothing was signed yet

A private key there is the 32-byte seed followed by the 32-byte public key, in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from pathlib import Path

from muniment.core.rules import members
from muniment.errors import Conflict, InvalidInput
from muniment.ledger import signers
from muniment.ledger.signers import SEED_BYTES, SeedSigner

_PRIVATE, _PUBLIC = "tendermint/PrivKeyEd25519", "tendermint/PubKeyEd25519"


def create_validator(path: Path) -> SeedSigner:
    """Make the key of a validator. Raises as `signers.write_secret`: what is there is never replaced."""
    seed = os.urandom(SEED_BYTES)
    signer = SeedSigner(seed)
    document = {
        "address": members.address(signer.public_key.hex()).upper(),
        "pub_key": {"type": _PUBLIC, "value": _encode(signer.public_key)},
        "priv_key": _private(seed, signer),
    }
    signers.write_secret(path, _format(document))
    return signer


def create_engine(path: Path) -> SeedSigner:
    """Make the key that an engine is known by among its peers. Raises as `create_validator`."""
    seed = os.urandom(SEED_BYTES)
    signer = SeedSigner(seed)
    signers.write_secret(path, _format({"priv_key": _private(seed, signer)}))
    return signer


def load(path: Path) -> SeedSigner:
    """Read either file. Raises as `signers.read_secret`, and InvalidInput (`bad-key-file`), which never quotes the text."""
    try:
        document = json.loads(signers.read_secret(path))
        private = document["priv_key"]
        raw = base64.b64decode(private["value"], validate=True)
        if private["type"] != _PRIVATE or len(raw) != 2 * SEED_BYTES:
            raise ValueError
        signer = SeedSigner(raw[:SEED_BYTES])
        named = document.get("pub_key", {"value": _encode(signer.public_key)})["value"]
        if raw[SEED_BYTES:] != signer.public_key or named != _encode(signer.public_key):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise InvalidInput(
            f"the engine's key file {path} is damaged", code="bad-key-file", hint="Restore it from a backup, or rotate the key."
        ) from None
    return signer


def begin_state(path: Path) -> None:
    """Write that a new validator has signed nothing yet; a state that is there stays: replacing it would be signing twice."""
    try:
        signers.write_secret(path, _format({"height": "0", "round": 0, "step": 0}))
    except Conflict:
        return


def _private(seed: bytes, signer: SeedSigner) -> dict[str, str]:
    return {"type": _PRIVATE, "value": _encode(seed + signer.public_key)}


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _format(document: object) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()
