"""snapshots.format: a list of bundles that leads to the application hash, and chunks of which each is checked by itself."""

from __future__ import annotations

import base64
import random
import zlib
from contextlib import suppress

import msgspec
import pytest

from muniment.core.format import encoding, merkle, tiles
from muniment.errors import InvalidInput
from muniment.node.snapshots import format

ENTRIES = [b"entry %d" % number for number in range(700)]


def bundles(entries: list[bytes]) -> list[bytes]:
    leaves = [merkle.leaf(each) for each in entries]
    return [merkle.root(leaves[at : at + 256]) for at in range(0, len(leaves), 256)]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 640, 700])
def test_the_list_of_bundles_leads_to_the_root_over_all_entries(size: int) -> None:
    entries = ENTRIES[:size]
    root = merkle.root([merkle.leaf(each) for each in entries])
    offer = format.describe(9, bundles(entries))
    assert (offer.height, offer.format, offer.chunks, offer.hash) == (9, 1, -(-size // 256), root)
    assert format.open_metadata(offer, root) == tuple(bundles(entries))


@pytest.mark.parametrize(
    "change",
    [
        {"hash": b"x" * 32},
        {"chunks": 2},
        {"chunks": 0, "metadata": b""},
        {"metadata": b"x" * 96},
        {"metadata": b"x" * 95},
        {"chunks": format.MAX_CHUNKS + 1},
    ],
)
def test_what_does_not_lead_to_the_root_is_refused(change: dict[str, object]) -> None:
    offer = format.describe(9, bundles(ENTRIES))
    with pytest.raises(InvalidInput) as refused:
        format.open_metadata(msgspec.structs.replace(offer, **change), offer.hash)
    assert refused.value.code == "bad-snapshot"


def test_another_root_than_the_trusted_one_is_refused() -> None:
    offer = format.describe(9, bundles(ENTRIES))
    with pytest.raises(InvalidInput):
        format.open_metadata(offer, b"t" * 32)


def test_a_chunk_is_the_entry_bundle_and_comes_back() -> None:
    entries = tuple(ENTRIES[:256])
    raw = format.encode_chunk(entries)
    assert zlib.decompress(raw) == tiles.encode_bundle(entries)
    assert format.decode_chunk(raw, bundles(list(entries))[0], full=True) == entries


def test_a_chunk_of_the_longest_entries_comes_back() -> None:
    entries = tuple([bytes([number]) * encoding.MAX_ENTRY_BYTES for number in range(256)])
    raw = format.encode_chunk(entries)
    assert format.decode_chunk(raw, bundles(list(entries))[0], full=True) == entries


def test_every_flipped_byte_of_a_chunk_is_noticed() -> None:
    entries = ENTRIES[:40]
    raw, bundle = format.encode_chunk(entries), bundles(entries)[0]
    noticed = 0
    for at in range(len(raw)):
        damaged = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with suppress(InvalidInput):
            assert format.decode_chunk(damaged, bundle, full=False) == tuple(entries)
            continue
        noticed += 1
    # A flip in the first two bytes may leave a stream that means the same.
    assert noticed >= len(raw) - 2


def test_a_chunk_of_other_entries_or_with_more_behind_it_is_refused() -> None:
    raw, bundle = format.encode_chunk(ENTRIES[:256]), bundles(ENTRIES[:256])[0]
    for bad in (format.encode_chunk(ENTRIES[:255]), format.encode_chunk(ENTRIES[1:257]), raw + b"x", raw[:-1], b"", b"\0" * 40):
        with pytest.raises(InvalidInput):
            format.decode_chunk(bad, bundle, full=True)
    with pytest.raises(InvalidInput):
        format.decode_chunk(format.encode_chunk(ENTRIES[:40]), bundles(ENTRIES[:40])[0], full=True)


def test_a_chunk_that_swells_is_not_swallowed() -> None:
    bomb = zlib.compress(b"\0" * (format.MAX_BUNDLE_BYTES + 1))
    with pytest.raises(InvalidInput):
        format.decode_chunk(bomb, b"x" * 32, full=False)


def test_even_the_longest_bundle_fits_a_message_of_the_engine() -> None:
    payload = base64.b64encode(random.Random(1).randbytes(48_960))
    longest = (b'{"payload":"' + payload + b'"}')[: encoding.MAX_ENTRY_BYTES]
    assert len(longest) > 65_000
    assert len(zlib.compress(longest, 1)) * tiles.WIDTH < 16_000_000
