"""Checkpoints that Tessera signed: fifteen sizes of one log, under the verifier key that is published with them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from muniment.core.format import checkpoint, keys, note
from muniment.errors import MunimentError, VerificationError


@pytest.fixture(scope="module")
def verifier(shared_vectors: Path) -> keys.Verifier:
    match = re.search(r"`(example\.com/log/testdata\+[^`]+)`", (shared_vectors / "README.md").read_text())
    assert match is not None
    return keys.parse(match[1])


@pytest.fixture(scope="module")
def log(shared_vectors: Path) -> Path:
    return shared_vectors / "tlog-tiles" / "log"


def test_every_checkpoint_is_opened(log: Path, verifier: keys.Verifier) -> None:
    for size in range(16):
        raw = (log / f"checkpoint.{size}").read_bytes()
        head = checkpoint.open(raw, verifier)
        assert (head.origin, head.size, head.extensions) == ("example.com/log/testdata", size, ())
        assert note.format(note.parse(raw)) == raw
        assert checkpoint.parse(checkpoint.format(head)) == head
    assert (log / "checkpoint").read_bytes() == raw
    assert checkpoint.open((log / "checkpoint.0").read_bytes(), verifier).root == hashlib.sha256(b"").digest()


def test_the_verifier_key_is_written_as_it_was_published(shared_vectors: Path, verifier: keys.Verifier) -> None:
    assert f"`{keys.format(verifier)}`" in (shared_vectors / "README.md").read_text()


def test_signatures_do_not_move_between_checkpoints(log: Path, verifier: keys.Verifier) -> None:
    seven, eight = (note.parse((log / f"checkpoint.{size}").read_bytes()) for size in (7, 8))
    with pytest.raises(VerificationError) as caught:
        checkpoint.open(note.format(note.Note(seven.text, eight.signatures)), verifier)
    assert caught.value.step == 3


def test_any_flipped_bit_is_caught(log: Path, verifier: keys.Verifier) -> None:
    raw = (log / "checkpoint").read_bytes()
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(MunimentError):
            checkpoint.open(bytes(changed), verifier)
