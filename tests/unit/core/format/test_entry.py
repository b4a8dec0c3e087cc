"""Entries: envelopes and headers, told apart by their bytes."""

from __future__ import annotations

import json

import msgspec
import pytest

from muniment.core.format import dsse, entry, merkle
from muniment.core.format.entry import Header
from muniment.errors import InvalidInput
from muniment.ledger.signers import SeedSigner

GENESIS = Header(
    height=0,
    time="2026-03-04T12:00:00.000000Z",
    previous=entry.NO_PREVIOUS,
    size=0,
    root=merkle.EMPTY.hex(),
    state="b" * 64,
    protocol=1,
    genesis=msgspec.Raw(b'{"origin":"example.com/x"}'),
)
SECOND = Header(height=1, time=GENESIS.time, previous="a" * 64, size=2, root="c" * 64, state="d" * 64, protocol=1)


def edited(header: Header, **changes: object) -> bytes:
    """A header with other fields; None takes one out."""
    value = {**json.loads(entry.encode(header)), **changes}
    return json.dumps(
        {key: item for key, item in value.items() if item is not None}, sort_keys=True, separators=(",", ":")
    ).encode()


@pytest.mark.parametrize("header", [GENESIS, SECOND, msgspec.structs.replace(SECOND, evidence=msgspec.Raw(b"[1]"))])
def test_a_header_is_read_and_written_alike(header: Header) -> None:
    raw = entry.encode(header)
    read = entry.decode(raw)
    assert isinstance(read, Header)
    assert read == header
    assert entry.encode(read) == raw


def test_an_envelope_is_told_from_a_header() -> None:
    envelope = dsse.sign(b"{}", SeedSigner(b"s" * 32))
    assert entry.decode(entry.encode(envelope)) == envelope


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (edited(SECOND, height=0), "bad-header"),
        (edited(SECOND, size=0), "bad-header"),
        (edited(SECOND, previous=entry.NO_PREVIOUS), "bad-header"),
        (edited(SECOND, genesis={}), "bad-header"),
        (edited(GENESIS, genesis=None), "bad-header"),
        (edited(GENESIS, root="a" * 64), "bad-header"),
        (edited(GENESIS, height=1), "bad-header"),
        (edited(SECOND, height=True), "bad-header"),
        (edited(SECOND, height=-1), "bad-header"),
        (edited(SECOND, protocol=2), "protocol-unknown"),
        (edited(SECOND, protocol=0), "protocol-unknown"),
        (edited(GENESIS, protocol=2), "protocol-unknown"),
        (edited(SECOND, protocol="1"), "bad-header"),
        (edited(SECOND, other=1), "bad-header"),
        (edited(SECOND, state=None), "bad-header"),
        (edited(SECOND, root="A" * 64), "bad-header"),
        (edited(SECOND, time="2026-03-04T12:00:00Z"), "bad-header"),
        (edited(SECOND, time="2026-03-04T12:00:00.000000Z\n"), "bad-header"),
        (edited(SECOND, height=1.0), "float"),
        (edited(SECOND, height=2**53), "integer-range"),
        (entry.encode(SECOND) + b" ", "not-canonical"),
        (entry.encode(SECOND).replace(b'"height":1', b'"height":1,"height":1'), "not-canonical"),
    ],
)
def test_all_other_headers_are_refused(raw: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        entry.decode(raw)
    assert caught.value.code == code


def test_a_header_may_be_too_long() -> None:
    with pytest.raises(InvalidInput) as caught:
        entry.encode(msgspec.structs.replace(GENESIS, genesis=msgspec.Raw(b'"' + b"x" * 65_535 + b'"')))
    assert caught.value.code == "too-long"


def test_the_leaf_without_state_is_that_of_the_same_json() -> None:
    for header in (GENESIS, SECOND):
        assert entry.leaf_without_state(header) == merkle.leaf(edited(header, state=None))
        assert entry.leaf_without_state(header) == entry.leaf_without_state(msgspec.structs.replace(header, state="e" * 64))
