"""Checkpoints and cosignatures (C2SP tlog-checkpoint, tlog-cosignature).

    raw = checkpoint.sign(Checkpoint("example.com/log", size, root), signer)
    checkpoint.open(raw, verifier)                                # signed by the key that is named like the origin
    line = checkpoint.cosign(note.parse(raw), "witness.example/w1", witness, time)
    checkpoint.open_cosignatures(note.parse(raw + line.encode()), [witness_verifier])

The key that signs a checkpoint of ours is named exactly like its origin; tlog-checkpoint only says SHOULD.
Cosignatures are Ed25519 (type 0x04). Lines by ML-DSA-44 keys (type 0x06) are carried with the note and count for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from muniment.core.format import base64, keys, note
from muniment.errors import InvalidInput, VerificationError

HASH_BYTES = 32
MAX_SIZE = 2**63 - 1
MAX_TIME = 2**63 - 1

_TIME_BYTES = 8
_COSIGNATURE_BYTES = _TIME_BYTES + 64
_size = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(msgspec.Struct, frozen=True):
    """The head of a log: `root` (32 bytes) is the RFC 6962 root over its first `size` entries."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


class Cosignature(msgspec.Struct, frozen=True):
    """One cosigner's verified statement: at `time` (POSIX seconds, its own clock) this was the largest head it had seen."""

    verifier: keys.Verifier
    time: int
    signature: bytes


def parse(text: str) -> Checkpoint:
    """Read the text of a checkpoint (tlog-checkpoint, "Note text"). Raises InvalidInput."""
    note.check_text(text)
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise _bad_checkpoint("is not at least three lines, none of them empty")
    origin, size, root = lines[:3]
    if _size.fullmatch(size) is None:
        raise _bad_checkpoint("has a size that is not a decimal number without leading zeroes")
    checkpoint = Checkpoint(origin, int(size), base64.parse(root, what="the root hash"), tuple(lines[3:]))
    _check(checkpoint)
    return checkpoint


def format(checkpoint: Checkpoint) -> str:
    """Write the text of a checkpoint, with its final newline. Raises InvalidInput for what `parse` would not take back."""
    _check(checkpoint)
    lines = (checkpoint.origin, str(checkpoint.size), base64.format(checkpoint.root), *checkpoint.extensions)
    if not all(lines) or any("\n" in line for line in lines):
        raise _bad_checkpoint("has an empty line or a line within a line")
    text = "\n".join(lines) + "\n"
    note.check_text(text)
    return text


def sign(checkpoint: Checkpoint, signer: keys.Signer) -> bytes:
    """The checkpoint as a note signed by the log's key, which is named like the origin."""
    return note.format(note.sign(format(checkpoint), checkpoint.origin, signer))


def open(raw: bytes, verifier: keys.Verifier) -> Checkpoint:
    """Verify a signed checkpoint against the log's key.

    Raises InvalidInput for what is not a note or not a checkpoint, VerificationError (step 3) when the key did not sign
    it (`log-signature`, `log-key-unknown`) or the origin is not the key's name (`log-origin`).
    """
    checkpoint = parse(note.open(raw, (verifier,)).text)
    if checkpoint.origin != verifier.name:
        raise VerificationError(
            f"the checkpoint is of {checkpoint.origin}, the key is named {verifier.name}",
            step=3,
            code="log-origin",
            hint="Give the checkpoint of the ledger that you trust, or that other ledger's trust file.",
        )
    return checkpoint


def cosign(checkpoint_note: note.Note, name: str, signer: keys.Signer, time: int) -> str:
    """The signature line, with its newline, of a cosigner (type 0x04) called `name` at `time` (POSIX seconds).

    A cosigner must have checked that the checkpoint extends all that it cosigned before: that is for the caller.
    """
    parse(checkpoint_note.text)
    if not 0 <= time <= MAX_TIME:
        raise InvalidInput(f"{time} is not a POSIX time", code="bad-cosignature-time")
    verifier = keys.derive(name, signer.public_key, keys.COSIGNATURE)
    blob = time.to_bytes(_TIME_BYTES, "big") + signer.sign(_cosigned_message(checkpoint_note.text, time))
    return note.format_signature(note.Signature(name, verifier.key_id, blob))


def attach(raw: bytes, lines: Iterable[str]) -> bytes:
    """A signed checkpoint with further signature lines, the log's own first, as tools expect it; none is repeated.

    Of a cosigner that signed again only the newest line stands there.
    """
    attached = note.attach(note.parse(raw), lines)
    origin = parse(attached.text).origin
    ordered = sorted(_drop_earlier(attached.signatures), key=lambda each: each.name != origin)
    return note.format(note.Note(attached.text, tuple(ordered)))


def read_time(cosignature: note.Signature) -> int:
    """When a cosigner says that it signed (POSIX seconds, its own clock); nothing of it is verified. 0 where it says no time."""
    return int.from_bytes(cosignature.blob[:_TIME_BYTES], "big") if len(cosignature.blob) == _COSIGNATURE_BYTES else 0


def open_cosignatures(checkpoint_note: note.Note, verifiers: Iterable[keys.Verifier]) -> tuple[Cosignature, ...]:
    """Verify every line by a known cosigner of type 0x04; one cosignature each, the newest where it signed again.

    Lines by other keys, and verifiers of other types, are passed over. None at all is an empty answer: how many are
    enough is for the trust file to say. Raises VerificationError (step 4, `cosignature`) when a known cosigner's line fails.
    """
    parse(checkpoint_note.text)
    known = note.index(verifiers, keys.COSIGNATURE)
    newest: dict[keys.Verifier, Cosignature] = {}
    for line in checkpoint_note.signatures:
        verifier = known.get((line.name, line.key_id))
        if verifier is None:
            continue
        cosignature = _open_cosignature(checkpoint_note.text, verifier, line.blob)
        if verifier not in newest or newest[verifier].time < cosignature.time:
            newest[verifier] = cosignature
    return tuple(newest.values())


def _drop_earlier(signatures: Iterable[note.Signature]) -> list[note.Signature]:
    newest: dict[tuple[str, bytes], int] = {}
    found = list(signatures)
    for each in found:
        owner = each.name, each.key_id
        newest[owner] = max(read_time(each), newest.get(owner, 0))
    return [each for each in found if read_time(each) == newest[each.name, each.key_id]]


def _open_cosignature(text: str, verifier: keys.Verifier, blob: bytes) -> Cosignature:
    """A `timestamped_signature` (tlog-cosignature, "Format"): eight bytes of time, 64 of signature."""
    time, signature = int.from_bytes(blob[:_TIME_BYTES], "big"), blob[_TIME_BYTES:]
    # A blob of another length leaves a signature of another length, which is never valid.
    if time > MAX_TIME or not keys.is_valid(verifier.public_key, _cosigned_message(text, time), signature):
        raise VerificationError(
            f"the cosignature by {verifier.name} is not over this checkpoint",
            step=4,
            code="cosignature",
            details={"key": keys.format(verifier)},
        )
    return Cosignature(verifier, time, signature)


def _cosigned_message(text: str, time: int) -> bytes:
    """What a cosigner signs (tlog-cosignature, "Ed25519 signed message")."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _check(checkpoint: Checkpoint) -> None:
    if not 0 <= checkpoint.size <= MAX_SIZE:
        raise _bad_checkpoint("has a size beyond 2^63 - 1")
    if len(checkpoint.root) != HASH_BYTES:
        raise _bad_checkpoint(f"has a root hash of {len(checkpoint.root)} bytes instead of {HASH_BYTES}")


def _bad_checkpoint(reason: str) -> InvalidInput:
    return InvalidInput(
        f"the checkpoint {reason}", code="bad-checkpoint", hint="Use the bytes of a C2SP checkpoint as they were received."
    )
