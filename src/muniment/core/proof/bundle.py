"""Bundles: the one-file form, which outlives the ledger and us (docs/spec, section 11.5).

    bundle = decode(raw)
    verify.verify_bundle(raw, trust)

Answers and receipts of one ledger, the checkpoints that they lie under with the proofs that these are one history, and the
trust file of whoever made it. Disclosures and manifests stand in the answers that they belong to. The trust file inside is
there to be compared: it is believed only if its reader decides so, aloud, and hands it to `verify_bundle` himself.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from muniment.core.format import checkpoint, encoding, note
from muniment.core.proof import answer as answers
from muniment.core.proof import path as paths
from muniment.core.proof import receipt as receipts
from muniment.core.proof.answer import Answer
from muniment.core.proof.part import UNSET, Absent, EntryBytes, Hashes
from muniment.core.proof.path import MAX_STEPS, Step
from muniment.core.proof.receipt import format_checkpoint
from muniment.errors import InvalidInput

FORMAT: Literal["urn:muniment:bundle:v1"] = "urn:muniment:bundle:v1"
MAX_BUNDLE_BYTES = 128 * 1024 * 1024


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """The shape of every part of a bundle."""


class Evidenced(_Part, frozen=True, kw_only=True):
    """A receipt, and the exact bytes of its entry (base64 in JSON) where they may be shown."""

    receipt: str
    entry: EntryBytes | Absent = UNSET


class Signpost(_Part, frozen=True, kw_only=True):
    """A signed checkpoint, and the proof that it continues the one before in the bundle; none for the first."""

    note: str
    consistency: Hashes = ()


class Bundle(_Part, frozen=True, kw_only=True):
    """One file. `checkpoints` ascend by size, and everything lies under one of them. `trust` is its maker's trust file.

    path: how the members of a consortium came to be those who cosigned these checkpoints; no answer has one of its own
    """

    format: Literal["urn:muniment:bundle:v1"]
    answers: tuple[Answer, ...] = ()
    receipts: tuple[Evidenced, ...] = ()
    checkpoints: Annotated[tuple[Signpost, ...], msgspec.Meta(min_length=1)]
    path: Annotated[tuple[Step, ...], msgspec.Meta(max_length=MAX_STEPS)] = ()
    trust: str | Absent = UNSET


_read = encoding.decoder(Bundle, limit=MAX_BUNDLE_BYTES)


def encode(bundle: Bundle) -> bytes:
    """The bytes of the file: canonical JSON and a newline. Raises InvalidInput for what `decode` would not take back."""
    for answer in bundle.answers:
        answers.encode(answer)
    raw = encoding.encode_struct(bundle) + b"\n"
    decode(raw)
    return raw


def decode(raw: bytes) -> Bundle:
    """Read a bundle; every failure is InvalidInput. Nothing in it is verified."""
    if not raw.endswith(b"\n"):
        raise InvalidInput("the bundle does not end with a newline", code="not-canonical", hint="Use the file as it was written.")
    bundle = _read(raw[:-1])
    if not bundle.answers and not bundle.receipts:
        raise InvalidInput("the bundle holds neither an answer nor a receipt", code="empty-bundle")
    for answer in bundle.answers:
        answers.check(answer)
        if answer.path:
            raise InvalidInput("an answer in a bundle has a path of its own", code="path-form")
    paths.check_form(bundle.path)
    for each in bundle.receipts:
        receipts.parse(each.receipt)
    sizes = [read_size(each.note) for each in bundle.checkpoints]
    if any(left >= right for left, right in pairwise(sizes)):
        raise InvalidInput("the checkpoints of the bundle do not ascend", code="not-sorted")
    return bundle


def read_size(text: str) -> int:
    """The size that the text of a signed checkpoint names. Raises InvalidInput."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("a checkpoint is not valid Unicode text", code="not-unicode") from None
    format_checkpoint(raw)
    return checkpoint.parse(note.parse(raw).text).size
