"""Signed notes (C2SP signed-note): a text, and lines that say who signed it.

    raw = note.format(note.sign("hello\\n", "example.com/log", signer))
    opened = note.open(raw, [verifier])         # VerificationError unless a known key signed it
    opened.text

Signatures by unknown keys are carried and never looked into. A signature by a known key that fails rejects the whole
note: whoever holds that key's name would not have written it. `open` knows plain Ed25519 keys (type 0x01) only;
cosignatures are opened by core.format.checkpoint, since what they sign is a checkpoint and a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from muniment.core.format import base64, keys
from muniment.errors import InvalidInput, VerificationError

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100

_control = re.compile(r"[\x00-\x09\x0b-\x1f]")


class Signature(msgspec.Struct, frozen=True):
    """One line under a note, not verified. `key_id` is 4 bytes; `blob` is what the type of the key makes of it."""

    name: str
    key_id: bytes
    blob: bytes


class Note(msgspec.Struct, frozen=True):
    """A text that ends with a newline, and at least one signature line, none of them verified."""

    text: str
    signatures: tuple[Signature, ...]


class Opened(msgspec.Struct, frozen=True):
    """A note that a known key signed: one entry of `verified` for each such key, and the lines by unknown keys."""

    text: str
    verified: tuple[Signature, ...]
    unknown: tuple[Signature, ...]


def parse(raw: bytes) -> Note:
    """Read the bytes of a note and verify nothing. Raises InvalidInput for anything that is not exactly one note."""
    if len(raw) > MAX_NOTE_BYTES:
        raise InvalidInput(f"{len(raw)} bytes where a note has at most {MAX_NOTE_BYTES}", code="too-long")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad_note("is not UTF-8") from None
    # The text may hold empty lines itself: the last one parts it from the signatures.
    text, separator, lines = whole.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise _bad_note("has no signature lines after an empty line")
    text += "\n"
    check_text(text)
    if lines.count("\n") > MAX_SIGNATURES:
        raise _bad_note(f"has more than {MAX_SIGNATURES} signatures")
    signatures = tuple(parse_signature(line + "\n") for line in lines[:-1].split("\n"))
    return Note(text, signatures)


def format(note: Note) -> bytes:
    """Write a note. Raises InvalidInput for what `parse` would not take back."""
    check_text(note.text)
    if not 0 < len(note.signatures) <= MAX_SIGNATURES:
        raise _bad_note(f"has {len(note.signatures)} signatures where 1 to {MAX_SIGNATURES} are allowed")
    raw = (note.text + "\n" + "".join(map(format_signature, note.signatures))).encode()
    if len(raw) > MAX_NOTE_BYTES:
        raise InvalidInput(f"{len(raw)} bytes where a note has at most {MAX_NOTE_BYTES}", code="too-long")
    return raw


def parse_signature(line: str) -> Signature:
    """Read one signature line with its newline: em dash, space, name, space, base64 of key id and signature."""
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != "—" or not encoded.endswith("\n"):
        raise _bad_note("has a signature line that is not written — <name> <base64>")
    keys.check_name(name)
    data = base64.parse(encoded[:-1], what=f"the signature by {name}")
    if len(data) <= keys.KEY_ID_BYTES:
        raise _bad_note(f"has no signature in the line of {name}")
    return Signature(name, data[: keys.KEY_ID_BYTES], data[keys.KEY_ID_BYTES :])


def format_signature(signature: Signature) -> str:
    """Write one signature line with its newline."""
    keys.check_name(signature.name)
    if len(signature.key_id) != keys.KEY_ID_BYTES or not signature.blob:
        raise _bad_note(f"has no whole signature by {signature.name}")
    return f"— {signature.name} {base64.format(signature.key_id + signature.blob)}\n"


def attach(note: Note, lines: Iterable[str]) -> Note:
    """The note with these signature lines after its own; a line that it has already is not added twice."""
    signatures = dict.fromkeys((*note.signatures, *map(parse_signature, lines)))
    return msgspec.structs.replace(note, signatures=tuple(signatures))


def sign(text: str, name: str, signer: keys.Signer) -> Note:
    """Sign a text with an Ed25519 key under a key name (signed-note, "Ed25519 signatures")."""
    check_text(text)
    verifier = keys.derive(name, signer.public_key)
    return Note(text, (Signature(name, verifier.key_id, signer.sign(text.encode())),))


def open(raw: bytes, verifiers: Iterable[keys.Verifier]) -> Opened:
    """Read a note and verify every line by a known Ed25519 key (signed-note, "Signatures").

    Raises InvalidInput for what is not a note, VerificationError (step 3) when a line by a known key fails
    (`log-signature`) or no line is by a known key (`log-key-unknown`). A key that signed twice counts once.
    """
    note = parse(raw)
    known = index(verifiers, keys.ED25519)
    message = note.text.encode()
    verified: dict[keys.Verifier, Signature] = {}
    unknown: list[Signature] = []
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            unknown.append(signature)
        elif keys.is_valid(verifier.public_key, message, signature.blob):
            verified.setdefault(verifier, signature)
        else:
            raise VerificationError(
                f"the signature by {signature.name} is not over this text",
                step=3,
                code="log-signature",
                details={"key": keys.format(verifier)},
            )
    if not verified:
        raise VerificationError(
            "no known key signed this note",
            step=3,
            code="log-key-unknown",
            hint="Ask for a note signed by the key that you trust, or correct the key in the trust file.",
            details={"signed_by": [signature.name for signature in note.signatures]},
        )
    return Opened(note.text, tuple(verified.values()), tuple(unknown))


def index(verifiers: Iterable[keys.Verifier], type_: int) -> Mapping[tuple[str, bytes], keys.Verifier]:
    """The verifiers of one type by the name and key id that a line gives. Two keys under one pair are InvalidInput."""
    known: dict[tuple[str, bytes], keys.Verifier] = {}
    for verifier in verifiers:
        if verifier.type == type_ and known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise InvalidInput(
                f"two keys are called {verifier.name} with one key id",
                code="ambiguous-key",
                hint="Leave one of them out of the trust file, or have its owner publish a key under another name.",
            )
    return known


def check_text(text: str) -> None:
    """A text ends with a newline, is valid Unicode and has no other control character (signed-note, "Format")."""
    if not text.endswith("\n"):
        raise _bad_note("has a text that does not end with a newline")
    if _control.search(text) is not None:
        raise _bad_note("has a control character in its text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _bad_note("has a text that is not valid Unicode") from None


def _bad_note(reason: str) -> InvalidInput:
    return InvalidInput(f"the note {reason}", code="bad-note", hint="Use the bytes of a C2SP signed note as they were received.")
