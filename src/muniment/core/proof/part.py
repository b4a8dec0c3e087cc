"""The shape of whatever stands in an answer, and the words of its result (docs/spec, section 10.2)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from muniment.core.format.encoding import MAX_ENTRY_BYTES
from muniment.core.proof.receipt import MAX_PROOF_HASHES

Absent = msgspec.UnsetType
UNSET = msgspec.UNSET

Status = Literal["absent", "complete", "earlier", "fails", "holds", "present", "recorded", "unchanged"]

Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Hashes = Annotated[tuple[Hash, ...], msgspec.Meta(max_length=MAX_PROOF_HASHES)]
EntryBytes = Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_ENTRY_BYTES)]

# Put together from the texts of one entry.
Text = Annotated[str, msgspec.Meta(max_length=MAX_ENTRY_BYTES)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True, gc=False):
    """Frozen, lowerCamelCase, known fields only, absent where nothing is said."""
