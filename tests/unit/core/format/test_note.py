"""core.format.note: the form of a signed note, and who signed it."""

from __future__ import annotations

import base64

import pytest
from nacl.signing import SigningKey

from muniment.core.format import keys, note
from muniment.core.format.note import Note, Signature
from muniment.errors import InvalidInput, VerificationError


class Key:
    """A signer for the tests."""

    def __init__(self, number: int) -> None:
        self.key = SigningKey(bytes([number]) * 32)
        self.public_key = bytes(self.key.verify_key)

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message).signature


# C2SP signed-note, "Example".
EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()

LOG = Key(1)
LOG_VERIFIER = keys.derive("example.com/log", LOG.public_key)
TEXT = "one\n\nthree: — é\n"
RAW = note.format(note.sign(TEXT, "example.com/log", LOG))
OTHER = Signature("example.com/other", b"\1\2\3\4", b"anything")
OTHER_LINE = note.format_signature(OTHER).encode()


def test_the_published_example_opens() -> None:
    opened = note.open(EXAMPLE, [keys.parse(EXAMPLE_VKEY)])
    assert opened.text == "This is an example message.\n"
    assert [signature.name for signature in opened.verified] == ["example.com/foo"]
    assert opened.unknown == ()
    assert note.format(note.parse(EXAMPLE)) == EXAMPLE


def test_what_is_signed_opens() -> None:
    opened = note.open(RAW, [LOG_VERIFIER])
    assert (opened.text, len(opened.verified), opened.unknown) == (TEXT, 1, ())


def test_the_last_empty_line_ends_the_text() -> None:
    for text in ("\n", "a\n\n", "a\n\nb\n", "— a b\n", "\n\n\n"):
        raw = note.format(note.sign(text, "example.com/log", LOG))
        assert note.parse(raw).text == text
        assert note.open(raw, [LOG_VERIFIER]).text == text


def test_unknown_keys_are_carried_and_ignored() -> None:
    opened = note.open(RAW + OTHER_LINE, [LOG_VERIFIER])
    assert opened.unknown == (OTHER,)
    assert len(opened.verified) == 1


def test_a_key_that_shares_only_name_or_id_is_unknown() -> None:
    same_name = Signature(LOG_VERIFIER.name, b"\0\0\0\0", bytes(64))
    same_id = Signature("example.com/else", LOG_VERIFIER.key_id, bytes(64))
    raw = RAW + (note.format_signature(same_name) + note.format_signature(same_id)).encode()
    assert note.open(raw, [LOG_VERIFIER]).unknown == (same_name, same_id)


@pytest.mark.parametrize("blob", [bytes(64), b"\0", LOG.sign(TEXT.encode()) + b"\0", LOG.sign(TEXT.encode())[:-1]])
def test_a_known_key_that_fails_rejects_the_whole_note(blob: bytes) -> None:
    bad = note.format_signature(Signature(LOG_VERIFIER.name, LOG_VERIFIER.key_id, blob)).encode()
    witness = Key(2)
    good = note.format(note.sign(TEXT, "example.com/w", witness))
    for raw in (RAW + bad, good + bad):
        with pytest.raises(VerificationError) as caught:
            note.open(raw, [LOG_VERIFIER, keys.derive("example.com/w", witness.public_key)])
        assert (caught.value.step, caught.value.code) == (3, "log-signature")


def test_a_note_without_a_known_key_is_rejected() -> None:
    for verifiers in ([], [keys.derive("example.com/log", Key(2).public_key)]):
        with pytest.raises(VerificationError) as caught:
            note.open(RAW, verifiers)
        assert (caught.value.step, caught.value.code) == (3, "log-key-unknown")
        assert caught.value.details == {"signed_by": ["example.com/log"]}


def test_a_cosigner_key_does_not_stand_for_a_plain_signature() -> None:
    cosigner = keys.derive("example.com/log", LOG.public_key, keys.COSIGNATURE)
    line = note.format_signature(Signature("example.com/log", cosigner.key_id, LOG.sign(TEXT.encode()))).encode()
    with pytest.raises(VerificationError, match="no known key"):
        note.open(note.format(note.parse(TEXT.encode() + b"\n" + line)), [cosigner])


def test_a_key_that_signed_twice_counts_once() -> None:
    line = note.format_signature(note.parse(RAW).signatures[0]).encode()
    assert len(note.open(RAW + line, [LOG_VERIFIER, LOG_VERIFIER]).verified) == 1


def test_two_keys_under_one_name_and_id_are_ambiguous() -> None:
    twin = keys.Verifier(LOG_VERIFIER.name, LOG_VERIFIER.key_id, keys.ED25519, Key(2).public_key)
    with pytest.raises(InvalidInput) as caught:
        note.open(RAW, [LOG_VERIFIER, twin])
    assert caught.value.code == "ambiguous-key"


def test_sixteen_signatures_and_more_are_accepted_up_to_a_limit() -> None:
    lines = [note.format_signature(Signature(f"w{number}", b"\0\0\0\1", b"x")).encode() for number in range(100)]
    for count in (15, 16, 99):
        assert len(note.open(RAW + b"".join(lines[:count]), [LOG_VERIFIER]).unknown) == count
    with pytest.raises(InvalidInput, match="more than 100"):
        note.parse(RAW + b"".join(lines))
    with pytest.raises(InvalidInput, match="101 signatures"):
        note.format(Note("a\n", (OTHER,) * 101))
    large = note.format_signature(Signature("ml-dsa", b"\0\0\0\1", bytes(5_000))).encode()
    assert len(note.open(RAW + large * 16, [LOG_VERIFIER]).unknown) == 16


def test_lines_are_attached_once() -> None:
    line = OTHER_LINE.decode()
    more = note.attach(note.parse(RAW), [line, line])
    assert note.format(more) == RAW + OTHER_LINE
    assert note.attach(more, [line]) == more


GOOD = base64.b64encode(b"\0\0\0\1x").decode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"\n" + OTHER_LINE,
        b"text\n" + OTHER_LINE,
        RAW[:-1],
        RAW + b"\n",
        RAW + b"text",
        RAW.replace(b"\n", b"\r\n"),
        RAW.replace(b"one", b"o\0e"),
        RAW.replace(b"one", b"o\te"),
        RAW.replace(b"one", b"o\x1fe"),
        RAW.replace(b"one", b"o\xffe"),
        RAW.replace(b"one", b"\xed\xa0\x80"),
        b"\xff\xfe" + RAW,
        f"a\n\n- name {GOOD}\n".encode(),
        f"a\n\n—name {GOOD}\n".encode(),
        f"a\n\n—  name {GOOD}\n".encode(),
        f"a\n\n— name  {GOOD}\n".encode(),
        f"a\n\n— name {GOOD} \n".encode(),
        f"a\n\n— {GOOD}\n".encode(),
        f"a\n\n— na+me {GOOD}\n".encode(),
        f"a\n\n— na\u00a0me {GOOD}\n".encode(),
        f"a\n\n— name {GOOD.rstrip('=')}\n".encode(),
        "a\n\n— name \n".encode(),
        "a\n\n— name AAAAAQ==\n".encode(),
        "a\n\n— name AAAAAX==\n".encode(),
        "a\n\n— name AAAAAXj=\n".encode(),
        "a\n\n— name AAA_AXg=\n".encode(),
        b"a" * 1_000_001,
    ],
)
def test_what_is_not_a_note_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        note.parse(raw)
    assert caught.value.code in {"bad-note", "bad-key-name", "not-base64", "too-long"}
    assert caught.value.hint


@pytest.mark.parametrize(
    "value",
    [
        Note("", (OTHER,)),
        Note("no newline", (OTHER,)),
        Note("a\rb\n", (OTHER,)),
        Note("\ud800\n", (OTHER,)),
        Note("a\n", ()),
        Note("a\n", (Signature("a b", b"\0\0\0\1", b"x"),)),
        Note("a\n", (Signature("a", b"\0\0\1", b"x"),)),
        Note("a\n", (Signature("a", b"\0\0\0\1", b""),)),
        Note("a\n", (Signature("a", b"\0\0\0\1", bytes(900_000)),)),
    ],
)
def test_what_could_not_be_read_back_is_not_written(value: Note) -> None:
    with pytest.raises(InvalidInput):
        note.format(value)


def test_a_text_that_could_not_be_read_back_is_not_signed() -> None:
    with pytest.raises(InvalidInput):
        note.sign("no newline", "example.com/log", LOG)
    with pytest.raises(InvalidInput):
        note.sign("a\n", "a name", LOG)
