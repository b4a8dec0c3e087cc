"""Laws of keys, notes and checkpoints: round trips, and no bit that may be changed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from muniment.core.format import checkpoint, keys, note
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.format.note import Note, Signature
from muniment.errors import InvalidInput, MunimentError, VerificationError


class Key:
    """A signer for the tests."""

    def __init__(self, number: int) -> None:
        self.key = SigningKey(bytes([number]) * 32)
        self.public_key = bytes(self.key.verify_key)

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message).signature


LOG, WITNESS = Key(1), Key(2)

characters = st.characters(exclude_categories=["Cs"]).filter(lambda character: character >= " ")
lines = st.text(characters, min_size=1, max_size=20)
texts = st.lists(st.text(characters, max_size=20), min_size=1, max_size=5).map(lambda parts: "\n".join(parts) + "\n")
names = st.text(characters.filter(lambda character: character != "+" and not character.isspace()), min_size=1, max_size=20)
signatures = st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
notes = st.builds(Note, texts, st.lists(signatures, min_size=1, max_size=20).map(tuple))
heads = st.builds(
    Checkpoint,
    names,
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(lines, max_size=3).map(tuple),
)


@settings(deadline=None)
@given(notes)
def test_a_note_that_is_written_is_read_back(value: Note) -> None:
    assert note.parse(note.format(value)) == value


@settings(deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200), notes.map(note.format).flatmap(lambda raw: st.binary(max_size=4).map(lambda more: raw + more))
    )
)
def test_bytes_that_are_read_are_written_back(raw: bytes) -> None:
    try:
        value = note.parse(raw)
    except InvalidInput:
        return
    assert note.format(value) == raw


@settings(deadline=None)
@given(heads)
def test_a_checkpoint_that_is_written_is_read_back(head: Checkpoint) -> None:
    text = checkpoint.format(head)
    assert checkpoint.parse(text) == head
    raw = checkpoint.sign(head, LOG)
    assert checkpoint.open(raw, keys.derive(head.origin, LOG.public_key)) == head


@settings(deadline=None)
@given(st.one_of(st.text(), st.builds("\n".join, st.lists(st.text()))))
def test_a_text_that_is_read_is_written_back(text: str) -> None:
    try:
        head = checkpoint.parse(text)
    except InvalidInput:
        return
    assert checkpoint.format(head) == text


@settings(deadline=None)
@given(names, st.sampled_from([keys.ED25519, keys.COSIGNATURE]), st.binary(min_size=32, max_size=32))
def test_a_verifier_key_that_is_written_is_read_back(name: str, type_: int, public_key: bytes) -> None:
    verifier = keys.derive(name, public_key, type_)
    assert keys.parse(keys.format(verifier)) == verifier


@settings(deadline=None)
@given(st.one_of(st.text(), st.builds("+".join, st.lists(st.text(), min_size=3, max_size=3))))
def test_a_verifier_key_is_read_or_refused(text: str) -> None:
    try:
        verifier = keys.parse(text)
    except InvalidInput:
        return
    assert keys.format(verifier) == text


@settings(deadline=None)
@given(texts, st.data())
def test_any_flipped_bit_of_a_signed_note_fails(text: str, data: st.DataObject) -> None:
    raw = bytearray(note.format(note.sign(text, "example.com/log", LOG)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises((InvalidInput, VerificationError)):
        note.open(bytes(raw), [keys.derive("example.com/log", LOG.public_key)])


@settings(deadline=None)
@given(heads, st.integers(0, 2**63 - 1), st.data())
def test_any_flipped_bit_of_a_cosigned_checkpoint_fails_or_loses_a_signature(
    head: Checkpoint, time: int, data: st.DataObject
) -> None:
    log = keys.derive(head.origin, LOG.public_key)
    witness = keys.derive("witness.example/w1", WITNESS.public_key, keys.COSIGNATURE)
    signed = note.parse(checkpoint.sign(head, LOG))
    cosigned = note.format(note.attach(signed, [checkpoint.cosign(signed, witness.name, WITNESS, time)]))
    assert verdict(cosigned, log, witness) == (head, (time,))
    raw = bytearray(cosigned)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    # A bit of the cosigner's name or key id makes it a stranger: the checkpoint holds and nobody cosigned it.
    assert verdict(bytes(raw), log, witness) in (None, (head, ()))


def verdict(raw: bytes, log: keys.Verifier, witness: keys.Verifier) -> tuple[Checkpoint, tuple[int, ...]] | None:
    try:
        head = checkpoint.open(raw, log)
        return head, tuple(cosignature.time for cosignature in checkpoint.open_cosignatures(note.parse(raw), [witness]))
    except MunimentError:
        return None
