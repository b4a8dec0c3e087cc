"""Entries: the exact bytes that the tree's leaves are made of (docs/spec, section 4).

An entry is either the envelope of an event or the header that seals a block. A header commits to everything before it
(`root`, `size`), to the state after it (`state`) and to the header before it (`previous`).
"""

from __future__ import annotations

import msgspec

from muniment.core.format import dsse, encoding, merkle
from muniment.core.format.dsse import Envelope
from muniment.core.format.encoding import MAX_ENTRY_BYTES, HexDigest, Natural, Time
from muniment.errors import InvalidInput

NO_PREVIOUS = "0" * 64
PROTOCOL = 1
"""The protocol that a new ledger begins with."""

PROTOCOLS = frozenset({1})
"""Those that this release speaks."""

Absent = msgspec.UnsetType


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What seals a block.

    `size` is the header's own index, `root` the RFC 6962 root of all entries before it, `state` the root of the state map
    after the block, `previous` the leaf of the header before. `genesis`, `validators` and `evidence` are canonical JSON kept
    as bytes: this module knows no rules.
    """

    height: Natural
    time: Time
    previous: HexDigest
    size: Natural
    root: HexDigest
    state: HexDigest
    protocol: Natural
    genesis: msgspec.Raw | Absent = msgspec.UNSET
    validators: msgspec.Raw | Absent = msgspec.UNSET
    evidence: msgspec.Raw | Absent = msgspec.UNSET


_read_header = msgspec.json.Decoder(Header)


def decode(raw: bytes) -> Envelope | Header:
    """Read the bytes of an entry. Raises InvalidInput."""
    return decode_header(raw) if raw.startswith((b'{"evidence"', b'{"genesis"', b'{"height"')) else dsse.decode(raw)


def encode(entry: Envelope | Header) -> bytes:
    """The exact bytes of an entry."""
    return encode_header(entry) if isinstance(entry, Header) else dsse.encode(entry)


def decode_header(raw: bytes) -> Header:
    """Read a header strictly: canonical form, known fields, genesis exactly at height 0."""
    plain = encoding.decode(raw, limit=MAX_ENTRY_BYTES)
    try:
        header = _read_header.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"not a header: {error}", code="bad-header") from None
    check_protocol(header.protocol)
    first = header.height == 0
    if first != (header.genesis is not msgspec.UNSET) or first != (header.previous == NO_PREVIOUS) or first != (header.size == 0):
        raise InvalidInput("only the header of height 0 carries a genesis and has no previous one", code="bad-header")
    if not isinstance(plain, dict) or (first and header.root != merkle.EMPTY.hex()):
        raise InvalidInput("the genesis header must commit to the empty tree", code="bad-header")
    return header


def check_protocol(number: int) -> None:
    """Check that this release speaks a protocol. Raises InvalidInput (`protocol-unknown`)."""
    if number not in PROTOCOLS:
        raise InvalidInput(
            f"this follows protocol {number}, and this release speaks {', '.join(map(str, sorted(PROTOCOLS)))}",
            code="protocol-unknown",
            hint="Install a release that speaks it.",
        )


def encode_header(header: Header) -> bytes:
    """The canonical bytes of a header. Raises InvalidInput over 65,535 bytes."""
    raw = encoding.encode_struct(header)
    if len(raw) > MAX_ENTRY_BYTES:
        raise InvalidInput(f"the header has {len(raw)} bytes where an entry has at most {MAX_ENTRY_BYTES}", code="too-long")
    return raw


class _Stateless(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    height: int
    time: str
    previous: str
    size: int
    root: str
    protocol: int
    genesis: msgspec.Raw | Absent = msgspec.UNSET
    validators: msgspec.Raw | Absent = msgspec.UNSET
    evidence: msgspec.Raw | Absent = msgspec.UNSET


def leaf_without_state(header: Header) -> bytes:
    """What the streams that a header itself changes fold in place of an entry leaf: `state` cannot commit to itself."""
    return merkle.leaf(
        encoding.encode_struct(
            _Stateless(
                height=header.height,
                time=header.time,
                previous=header.previous,
                size=header.size,
                root=header.root,
                protocol=header.protocol,
                genesis=header.genesis,
                validators=header.validators,
                evidence=header.evidence,
            )
        )
    )
