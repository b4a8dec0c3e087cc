"""client.key_request: one line that asks for a key to be admitted."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.client import key_request
from muniment.client.key_request import PREFIX, Request
from muniment.errors import InvalidInput, MunimentError
from muniment.ledger.signers import SeedSigner

SIGNER = SeedSigner(bytes(range(32)))
REQUEST = key_request.make("example.com/credit", "bob", "person", SIGNER)
LINE = key_request.format(REQUEST)


def written(request: Request) -> str:
    return key_request.format(request)


def test_both_ways() -> None:
    assert key_request.parse(LINE) == REQUEST
    assert "\n" not in LINE
    assert REQUEST.key == SIGNER.public_key.hex()
    assert REQUEST.fingerprint.replace(" ", "") == REQUEST.key[:32]


@pytest.mark.parametrize(
    "text",
    [
        "",
        PREFIX,
        LINE[1:],
        LINE + "\n",
        " " + LINE,
        LINE + "=",
        LINE[:-1],
        LINE + "A",
        LINE[:60] + "\n" + LINE[60:],
        LINE.replace("v1", "v2"),
        PREFIX + "ä",
        PREFIX + "A" * 3000,
        PREFIX + base64.urlsafe_b64encode(b"{}").decode(),
        PREFIX + base64.urlsafe_b64encode(b"[" * 1000).decode(),
        PREFIX + base64.urlsafe_b64encode(b"\xff").decode().rstrip("="),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        key_request.parse(text)
    assert caught.value.code == "bad-key-request"
    assert "muniment keys request" in caught.value.hint


@pytest.mark.parametrize(("field", "value"), [("actor", "eve"), ("origin", "example.com/other"), ("key", "0" * 64)])
def test_a_request_is_for_one_actor_and_one_ledger(field: str, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        key_request.parse(written(msgspec.structs.replace(REQUEST, **{field: value})))
    assert caught.value.code == "key-proof"


@given(at=st.integers(len(PREFIX), len(LINE) - 1), character=st.sampled_from("Az09-_"))
def test_one_changed_character_is_refused_or_changes_only_the_kind(at: int, character: str) -> None:
    changed = LINE[:at] + character + LINE[at + 1 :]
    try:
        read = key_request.parse(changed)
    except MunimentError:
        return
    assert (read.actor, read.key, read.origin) == (REQUEST.actor, REQUEST.key, REQUEST.origin)


@given(st.text(max_size=200))
def test_no_text_leaves_the_error_tree(text: str) -> None:
    for candidate in (text, PREFIX + text):
        try:
            key_request.parse(candidate)
        except InvalidInput:
            pass
        else:
            pytest.fail("a random text is no request")
