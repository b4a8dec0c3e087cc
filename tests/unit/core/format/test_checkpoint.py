"""core.format.checkpoint: heads of logs, and what cosigners say of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
from nacl.signing import SigningKey

from muniment.core.format import checkpoint, keys, note
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.format.note import Note, Signature
from muniment.errors import InvalidInput, VerificationError


class Key:
    """A signer for the tests."""

    def __init__(self, number: int) -> None:
        self.key = SigningKey(bytes([number]) * 32)
        self.public_key = bytes(self.key.verify_key)

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message).signature


ORIGIN = "example.com/behind-the-sofa"
ROOT = hashlib.sha256(b"root").digest()
ROOT64 = base64.b64encode(ROOT).decode()
HEAD = Checkpoint(ORIGIN, 20852163, ROOT)
TEXT = f"{ORIGIN}\n20852163\n{ROOT64}\n"
LOG = Key(1)
LOG_VERIFIER = keys.derive(ORIGIN, LOG.public_key)
RAW = checkpoint.sign(HEAD, LOG)

WITNESS = Key(2)
WITNESS_NAME = "witness.example.com/w1"
WITNESS_VERIFIER = keys.derive(WITNESS_NAME, WITNESS.public_key, keys.COSIGNATURE)
TIME = 1_679_315_147
LINE = checkpoint.cosign(note.parse(RAW), WITNESS_NAME, WITNESS, TIME)

# The note of C2SP tlog-cosignature, whose keys are not published: its form is a vector all the same.
PUBLISHED = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
""".encode()


def test_the_published_form_is_read_and_written() -> None:
    parsed = note.parse(PUBLISHED)
    head = checkpoint.parse(parsed.text)
    assert (head.origin, head.size, head.extensions) == (ORIGIN, 20852163, ())
    assert checkpoint.format(head) == parsed.text
    assert note.format(parsed) == PUBLISHED
    assert int.from_bytes(parsed.signatures[1].blob[:8], "big") == TIME


def test_a_checkpoint_is_written_read_signed_and_opened() -> None:
    assert checkpoint.format(HEAD) == TEXT
    assert checkpoint.parse(TEXT) == HEAD
    assert checkpoint.open(RAW, LOG_VERIFIER) == HEAD
    assert checkpoint.open(RAW + LINE.encode(), LOG_VERIFIER) == HEAD
    empty = Checkpoint(ORIGIN, 0, hashlib.sha256(b"").digest(), ("extension one", "two"))
    assert checkpoint.open(checkpoint.sign(empty, LOG), LOG_VERIFIER) == empty


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{ORIGIN}\n1\n",
        f"{ORIGIN}\n1\n{ROOT64}",
        f"\n1\n{ROOT64}\n",
        f"{ORIGIN}\n\n{ROOT64}\n",
        f"{ORIGIN}\n1\n{ROOT64}\n\n",
        f"{ORIGIN}\n1\n{ROOT64}\n\nextension\n",
        f"{ORIGIN}\n01\n{ROOT64}\n",
        f"{ORIGIN}\n+1\n{ROOT64}\n",
        f"{ORIGIN}\n-1\n{ROOT64}\n",
        f"{ORIGIN}\n1 \n{ROOT64}\n",
        f"{ORIGIN}\n1_0\n{ROOT64}\n",
        f"{ORIGIN}\n\u0661\n{ROOT64}\n",
        f"{ORIGIN}\n{2**63}\n{ROOT64}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{ROOT64}\n",
        f"{ORIGIN}\n1\n{ROOT64[:-1]}\n",
        f"{ORIGIN}\n1\n{ROOT.hex()}\n",
        f"{ORIGIN}\n1\n{base64.b64encode(ROOT[:31]).decode()}\n",
        f"{ORIGIN}\n1\n{base64.b64encode(ROOT + b'x').decode()}\n",
        f"{ORIGIN}\n1\n {ROOT64}\n",
        f"{ORIGIN}\r\n1\n{ROOT64}\n",
        f"\ud800\n1\n{ROOT64}\n",
    ],
)
def test_what_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checkpoint.parse(text)
    assert caught.value.code in {"bad-checkpoint", "bad-note", "not-base64"}
    assert caught.value.hint


@pytest.mark.parametrize(
    "value",
    [
        Checkpoint("", 1, ROOT),
        Checkpoint("a\nb", 1, ROOT),
        Checkpoint("a\tb", 1, ROOT),
        Checkpoint(ORIGIN, -1, ROOT),
        Checkpoint(ORIGIN, 2**63, ROOT),
        Checkpoint(ORIGIN, 1, ROOT[:31]),
        Checkpoint(ORIGIN, 1, ROOT, ("",)),
        Checkpoint(ORIGIN, 1, ROOT, ("a\nb",)),
        Checkpoint("an origin with spaces", 1, ROOT),
    ],
)
def test_what_could_not_be_read_back_is_not_signed(value: Checkpoint) -> None:
    with pytest.raises(InvalidInput):
        checkpoint.sign(value, LOG)


def test_another_key_did_not_sign() -> None:
    with pytest.raises(VerificationError) as caught:
        checkpoint.open(RAW, keys.derive(ORIGIN, WITNESS.public_key))
    assert (caught.value.step, caught.value.code) == (3, "log-key-unknown")


def test_the_key_is_named_like_the_origin() -> None:
    raw = note.format(note.sign(TEXT, "example.com/another", LOG))
    with pytest.raises(VerificationError) as caught:
        checkpoint.open(raw, keys.derive("example.com/another", LOG.public_key))
    assert (caught.value.step, caught.value.code) == (3, "log-origin")


def test_a_signed_text_that_is_no_checkpoint_is_refused() -> None:
    raw = note.format(note.sign("hello\n", ORIGIN, LOG))
    with pytest.raises(InvalidInput):
        checkpoint.open(raw, LOG_VERIFIER)


def test_a_cosignature_is_over_the_time_and_the_text() -> None:
    (cosignature,) = checkpoint.open_cosignatures(note.parse(RAW + LINE.encode()), [WITNESS_VERIFIER])
    assert (cosignature.verifier, cosignature.time) == (WITNESS_VERIFIER, TIME)
    # tlog-cosignature, "Ed25519 signed message", written out by hand.
    message = f"cosignature/v1\ntime 1679315147\n{TEXT}".encode()
    assert WITNESS.key.verify_key.verify(message, cosignature.signature) == message
    name, encoded = LINE.removeprefix("— ").split()
    assert name == WITNESS_NAME
    expected = hashlib.sha256(WITNESS_NAME.encode() + b"\n\x04" + WITNESS.public_key).digest()[:4] + TIME.to_bytes(8, "big")
    assert base64.b64decode(encoded)[:12] == expected


def test_cosigners_that_are_unknown_or_of_other_types_count_for_nothing() -> None:
    ml_dsa = keys.derive(WITNESS_NAME, bytes(1312), keys.COSIGNATURE_ML_DSA_44)
    other = Signature(WITNESS_NAME, ml_dsa.key_id, bytes(8 + 2420))
    cosigned = note.attach(note.parse(RAW), [LINE, note.format_signature(other)])
    plain = keys.derive(WITNESS_NAME, WITNESS.public_key)
    assert checkpoint.open_cosignatures(cosigned, [ml_dsa, LOG_VERIFIER, plain]) == ()
    assert len(checkpoint.open_cosignatures(cosigned, [ml_dsa, WITNESS_VERIFIER])) == 1
    assert note.open(note.format(cosigned), [LOG_VERIFIER]).unknown == cosigned.signatures[1:]


def test_a_cosigner_that_signed_again_counts_once_with_its_newest_time() -> None:
    parsed = note.parse(RAW)
    lines = [checkpoint.cosign(parsed, WITNESS_NAME, WITNESS, time) for time in (5, 9, 7)]
    (cosignature,) = checkpoint.open_cosignatures(note.attach(parsed, lines), [WITNESS_VERIFIER])
    assert cosignature.time == 9


def test_of_a_cosigner_that_signed_again_the_newest_line_is_attached() -> None:
    parsed, other = note.parse(RAW), f"{WITNESS_NAME}/other"
    again = [checkpoint.cosign(parsed, WITNESS_NAME, WITNESS, time) for time in (5, 9, 7)]
    beside = checkpoint.cosign(parsed, other, WITNESS, 3)
    once = checkpoint.attach(RAW, [*again, beside])
    assert [each.name for each in note.parse(once).signatures] == [ORIGIN, WITNESS_NAME, other]
    assert [*map(checkpoint.read_time, note.parse(once).signatures)] == [0, 9, 3]
    assert checkpoint.attach(once, again) == once
    later = checkpoint.cosign(parsed, WITNESS_NAME, WITNESS, 10)
    assert {*map(checkpoint.read_time, note.parse(checkpoint.attach(once, [later])).signatures)} == {0, 10, 3}


@pytest.mark.parametrize(
    "change",
    [
        lambda blob: blob[:-1],
        lambda blob: blob + b"\0",
        lambda blob: blob[:8],
        lambda blob: blob[:1],
        lambda blob: blob[8:],
        lambda blob: (TIME + 1).to_bytes(8, "big") + blob[8:],
        lambda blob: blob[:8] + WITNESS.sign(TEXT.encode()),
        lambda blob: (2**63).to_bytes(8, "big") + WITNESS.sign(f"cosignature/v1\ntime {2**63}\n{TEXT}".encode()),
    ],
    ids=["short", "long", "only a time", "one byte", "no time", "another time", "plain signature", "time beyond 2^63 - 1"],
)
def test_a_known_cosigner_that_fails_is_said_at_step_4(change: Callable[[bytes], bytes]) -> None:
    good = note.parse_signature(LINE)
    bad = note.format_signature(Signature(good.name, good.key_id, change(good.blob)))
    for lines in ([bad], [LINE, bad]):
        with pytest.raises(VerificationError) as caught:
            checkpoint.open_cosignatures(note.attach(note.parse(RAW), lines), [WITNESS_VERIFIER])
        assert (caught.value.step, caught.value.code) == (4, "cosignature")


def test_a_cosignature_does_not_move_to_another_checkpoint() -> None:
    other = note.parse(checkpoint.sign(Checkpoint(ORIGIN, 20852164, ROOT), LOG))
    with pytest.raises(VerificationError):
        checkpoint.open_cosignatures(note.attach(other, [LINE]), [WITNESS_VERIFIER])


def test_only_checkpoints_and_possible_times_are_cosigned() -> None:
    hello = note.sign("hello\n", ORIGIN, LOG)
    with pytest.raises(InvalidInput):
        checkpoint.cosign(hello, WITNESS_NAME, WITNESS, TIME)
    with pytest.raises(InvalidInput):
        checkpoint.open_cosignatures(hello, [WITNESS_VERIFIER])
    for time in (-1, 2**63):
        with pytest.raises(InvalidInput) as caught:
            checkpoint.cosign(note.parse(RAW), WITNESS_NAME, WITNESS, time)
        assert caught.value.code == "bad-cosignature-time"
    largest = checkpoint.cosign(note.parse(RAW), WITNESS_NAME, WITNESS, 2**63 - 1)
    assert checkpoint.open_cosignatures(note.attach(note.parse(RAW), [largest]), [WITNESS_VERIFIER])[0].time == 2**63 - 1


def test_a_note_made_by_hand_raises_nothing_but_our_errors() -> None:
    with pytest.raises(InvalidInput):
        checkpoint.open_cosignatures(Note(f"\ud800\n1\n{ROOT64}\n", ()), [WITNESS_VERIFIER])
