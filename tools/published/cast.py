"""Who and when: the fixed keys, times, ids and texts that every vector is made of.

Nothing here is random and no clock is read, so that the vectors come out the same on every machine.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from muniment.core.format import dsse, keys, time
from muniment.core.rules import events
from muniment.core.rules.events import Event
from muniment.ledger.signers import SeedSigner

Json = dict[str, object]

ORIGIN = "example.org/vectors"
START_US = time.parse("2026-03-02T09:00:00.000000Z")
MINUTE_US = 60_000_000
NAMES = (
    *("log", "ada", "bob", "bob2", "carol", "carol2", "node", "dave", "mallory", "alpha", "alpha2", "beta", "gamma"),
    *("ci", "erin", "frank", "ghost", "grace", "robot"),
    *(f"{name} cosigner" for name in ("acme", "bank", "globex", "globex 2", "lab", "tuv")),
)


def seed(name: str) -> bytes:
    """The seed of a key: SHA-256 of a text with its name in it."""
    return hashlib.sha256(f"muniment vectors: {name}".encode()).digest()


KEYS: Mapping[str, SeedSigner] = {name: SeedSigner(seed(name)) for name in NAMES}
LOG = KEYS["log"]
VERIFIER = keys.derive(ORIGIN, LOG.public_key)


def witness(name: str) -> keys.Verifier:
    """The cosigner key (type 0x04) of an outside party."""
    return keys.derive(f"{name}.example/witness", KEYS[name].public_key, keys.COSIGNATURE)


def moment(minutes: int, microseconds: int = 0) -> str:
    """The time so many minutes after the start."""
    return time.format(START_US + minutes * MINUTE_US + microseconds)


def event_id(number: int) -> str:
    """The UUIDv7 of the event with this number: a millisecond of its own, and the number again where chance would stand."""
    text = f"{START_US // 1_000 + number:012x}7{number:03x}8{number:015x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def digest(text: str) -> str:
    """SHA-256 of a text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def salt(text: str) -> bytes:
    """The 16 bytes that seal a text; outside of vectors a salt is random."""
    return hashlib.sha256(f"salt: {text}".encode()).digest()[:16]


def encode64(raw: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(raw).decode()


def sign(event: Event, key: str) -> bytes:
    """The entry that carries an event."""
    return dsse.encode(dsse.sign(events.encode(event), KEYS[key]))


def list_keys() -> list[Json]:
    """Every key with its seed: vectors are public, so are the keys that signed them."""
    return [{"name": name, "seed": seed(name).hex(), "public": KEYS[name].public_key.hex()} for name in NAMES]
