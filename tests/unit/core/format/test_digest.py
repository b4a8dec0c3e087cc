"""Digests: the published values, and text in one form only."""

from __future__ import annotations

import hashlib

import pytest

from muniment.core.format import digest
from muniment.errors import InvalidInput

# FIPS 180-4's own examples.
PUBLISHED = {
    b"": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    b"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
}


@pytest.mark.parametrize("data", PUBLISHED)
def test_published_values(data: bytes) -> None:
    assert digest.format(digest.sha256(data)) == PUBLISHED[data]


def test_parse_reads_what_format_writes() -> None:
    raw = digest.sha256(b"abc")
    assert digest.parse(digest.format(raw)) == raw


@pytest.mark.parametrize("text", ["", "ab", "A" * 64, "g" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", " " + "a" * 63, "é" * 64])
def test_parse_refuses_every_other_form(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        digest.parse(text)
    assert caught.value.code == "bad-digest"


def test_format_refuses_other_lengths() -> None:
    with pytest.raises(InvalidInput):
        digest.format(b"\0" * 31)


def test_hasher_takes_pieces_of_every_kind() -> None:
    hasher = digest.Hasher()
    for piece in (b"mun", bytearray(b"im"), memoryview(b"ent")):
        hasher.update(piece)
    assert hasher.digest() == hashlib.sha256(b"muniment").digest() == hasher.digest()


def test_short_is_what_people_read() -> None:
    assert digest.short("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08") == "9f86…0a08"
    assert digest.short("abc") == "abc"
