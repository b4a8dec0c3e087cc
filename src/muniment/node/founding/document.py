"""What the three files of a founding have in common (docs/spec, section 13.6).

raw = encode(draft)             # canonical JSON, and one newline at its end
identify(draft)                 # the digest of what stands before the newline: people compare it, and others name it
read = decoder(Draft, limit=MAX_DRAFT_BYTES)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from muniment.core.format import digest, encoding

Absent = msgspec.UnsetType
UNSET = msgspec.UNSET


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """The shape of everything in these files."""


P = TypeVar("P", bound=Part)


def decoder(type_: type[P], *, limit: int) -> Callable[[bytes], P]:
    """A strict reader of such a file; the newline may be missing. It raises as that of `encoding.decoder`."""
    read = encoding.decoder(type_, limit=limit)
    return lambda raw: read(raw.removesuffix(b"\n"))


def encode(value: Part) -> bytes:
    """The bytes of the file."""
    return encoding.encode_struct(value) + b"\n"


def identify(value: Part) -> str:
    """The SHA-256 of the file without its newline, in lower hex."""
    return digest.format(digest.sha256(encoding.encode_struct(value)))
