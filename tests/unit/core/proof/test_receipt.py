"""Receipts: the C2SP tlog-proof text, strictly."""

from __future__ import annotations

import pytest

import makers
from muniment.core.format import checkpoint
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.proof import receipt
from muniment.core.proof.receipt import Receipt
from muniment.errors import InvalidInput

NOTE = checkpoint.sign(Checkpoint(makers.ORIGIN, 5, b"r" * 32), makers.LOG)
RECEIPT = Receipt(index=3, proof=(b"a" * 32, b"b" * 32), checkpoint=NOTE)
TEXT = receipt.format(RECEIPT)


def test_the_text_is_that_of_the_specification() -> None:
    lines = TEXT.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 3"]
    assert lines[4] == ""
    assert TEXT.endswith(NOTE.decode())


@pytest.mark.parametrize(
    "value",
    [
        RECEIPT,
        Receipt(index=0, proof=(), checkpoint=NOTE),
        Receipt(index=2**63 - 2, proof=(b"x" * 32,) * 63, checkpoint=NOTE, extra=b"\x00extra\nbytes"),
    ],
)
def test_both_round_trips(value: Receipt) -> None:
    text = receipt.format(value)
    assert receipt.parse(text) == value
    assert receipt.format(receipt.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad-receipt"),
        (TEXT.replace("@v1", "@v2"), "bad-receipt"),
        (TEXT.replace("\n\n", "\n", 1), "not-base64"),
        (TEXT.replace("index 3", "index 03"), "bad-receipt"),
        (TEXT.replace("index 3", "index -1"), "bad-receipt"),
        (TEXT.replace("index 3", "index 9223372036854775807"), "bad-receipt"),
        (TEXT.replace("index 3\n", ""), "bad-receipt"),
        (TEXT.replace("index 3", "extra \nindex 3"), "not-canonical"),
        (TEXT.replace("index 3", "extra YQ\nindex 3"), "not-base64"),
        (TEXT.replace("index 3\n", "index 3\n" + "eHh4" * 10 + "\n"), "bad-receipt"),
        (TEXT.replace("index 3\n", "index 3\n" + "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\n" * 64), "bad-receipt"),
        (TEXT + "\n", "bad-note"),
        (TEXT.replace("\n5\n", "\n05\n"), "bad-checkpoint"),
        (TEXT.replace("\r", "").replace("index 3", "index 3\r"), "bad-receipt"),
        (TEXT.replace(makers.ORIGIN, "\ud800"), "bad-receipt"),
        ("x" * (receipt.MAX_RECEIPT_BYTES + 1), "too-long"),
    ],
)
def test_what_is_no_receipt(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        receipt.parse(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "value",
    [
        Receipt(index=-1, proof=(), checkpoint=NOTE),
        Receipt(index=0, proof=(b"short",), checkpoint=NOTE),
        Receipt(index=0, proof=(), checkpoint=b"no note"),
        Receipt(index=0, proof=(), checkpoint=NOTE, extra=b"x" * 65_536),
    ],
)
def test_nothing_is_written_that_cannot_be_read(value: Receipt) -> None:
    with pytest.raises(InvalidInput):
        receipt.format(value)
