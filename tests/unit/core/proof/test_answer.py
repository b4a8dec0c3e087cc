"""Answers and bundles as files: one form, strict limits, and nothing outside the error tree."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import proving
from muniment.core.format import encoding
from muniment.core.proof import answer, bundle
from muniment.core.proof.answer import Answer, Opened
from muniment.core.proof.bundle import Bundle
from muniment.errors import InvalidInput
from muniment.ledger import prover


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> proving.Story:
    return proving.Story(Path(tmp_path_factory.mktemp("answer")) / "ledger.db")


@pytest.fixture(scope="module")
def found(story: proving.Story) -> Answer:
    with story.life.engine.view() as view:
        return prover.prove_at(view, proving.PLACE, story.times[story.scale], disclose=proving.opening)


@pytest.fixture(scope="module")
def packed(story: proving.Story, found: Answer) -> Bundle:
    with story.life.engine.view() as view:
        return prover.prove_bundle(view, [found], entries=[1, 2], trust=story.trust)


def plain(raw: bytes) -> dict[str, object]:
    """The JSON of a file, to be changed."""
    value = msgspec.json.decode(raw)
    assert isinstance(value, dict)
    return value


def written(value: dict[str, object]) -> bytes:
    """Changed JSON as a canonical file."""
    return encoding.encode(value) + b"\n"


def test_an_answer_comes_back(found: Answer) -> None:
    raw = answer.encode(found)
    assert answer.encode(answer.decode(raw)) == raw
    assert raw.count(b"\n") == 1
    # One canonical line of JSON: a person reads it with `jq`, and `jq -cS` writes it back unchanged.
    assert written(plain(raw)) == raw


def test_a_bundle_comes_back(packed: Bundle) -> None:
    raw = bundle.encode(packed)
    assert bundle.encode(bundle.decode(raw)) == raw
    assert written(plain(raw)) == raw


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"colour": "blue"}, "schema"),
        ({"format": "urn:muniment:answer:v2"}, "schema"),
        ({"disclosures": []}, "schema"),
        ({"entries": []}, "schema"),
        ({"question": {"ask": "everything"}}, "schema"),
        ({"question": {"ask": "at", "stream": "nonsense", "time": "2026-11-23T12:00:00.000000Z"}}, "schema"),
        ({"question": {"ask": "at", "stream": "policy", "time": "2026-11-23"}}, "schema"),
        ({"question": {"ask": "state", "streams": ["protocol", "policy"]}}, "not-sorted"),
        ({"question": {"ask": "state", "streams": []}}, "schema"),
        ({"genesis": ["YQ=="]}, "schema"),
        ({"genesis": ["YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="] * 64}, "schema"),
        ({"result": {"height": -1, "statuses": ["present"]}}, "schema"),
        ({"result": {"height": 1, "statuses": ["fine"]}}, "schema"),
        ({"receipt": None}, "null"),
        ({"manifest": 1.5}, "float"),
    ],
)
def test_what_is_no_answer(found: Answer, change: dict[str, object], code: str) -> None:
    value = plain(answer.encode(found)) | change
    raw = msgspec.json.encode(value, order="sorted") + b"\n"
    with pytest.raises(InvalidInput) as caught:
        answer.decode(raw)
    assert caught.value.code == code


def test_the_order_of_every_list_is_fixed(found: Answer) -> None:
    for field in ("entries", "states"):
        value = plain(answer.encode(found))
        items = value[field]
        assert isinstance(items, list)
        for wrong in (items[::-1], [*items, items[-1]]):
            with pytest.raises(InvalidInput) as caught:
                answer.decode(written({**value, field: wrong}))
            assert caught.value.code == "not-sorted"


@pytest.mark.parametrize("value", [1.5, None, {"a b": 1}, [float("nan")], {"x": object()}])
def test_a_disclosed_value_is_in_the_profile(found: Answer, value: object) -> None:
    opened = Opened(salt="c3Nzc3Nzc3Nzc3Nzc3Nzcw", sealed="A" * 43, value=value)
    with pytest.raises(InvalidInput):
        answer.encode(msgspec.structs.replace(found, disclosures=(opened,)))


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"{}", b"{}\n", b"\xff\n", b"[" * 5_000 + b"\n", b"null\n", b'{"a":1}\n', b"{" + b'"a":{' * 5_000 + b"\n"]
)
def test_what_is_no_file_at_all(raw: bytes) -> None:
    for decode in (answer.decode, bundle.decode):
        with pytest.raises(InvalidInput):
            decode(raw)


def test_a_file_has_a_limit() -> None:
    for decode, limit in ((answer.decode, answer.MAX_ANSWER_BYTES), (bundle.decode, bundle.MAX_BUNDLE_BYTES)):
        with pytest.raises(InvalidInput) as caught:
            decode(b"x" * (limit + 1) + b"\n")
        assert caught.value.code == "too-long"


def test_white_space_and_other_forms_are_refused(found: Answer) -> None:
    raw = answer.encode(found)
    for bad in (raw[:-1], raw + b"\n", raw.replace(b",", b", ", 1), b" " + raw, msgspec.json.format(raw, indent=2) + b"\n"):
        with pytest.raises(InvalidInput):
            answer.decode(bad)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"answers": None, "receipts": None}, "null"),
        ({"checkpoints": []}, "schema"),
        ({"checkpoints": [{"note": "nothing"}]}, "bad-note"),
        ({"receipts": [{"receipt": "nothing"}]}, "bad-receipt"),
        ({"trust": 1}, "schema"),
    ],
)
def test_what_is_no_bundle(packed: Bundle, change: dict[str, object], code: str) -> None:
    value = plain(bundle.encode(packed)) | change
    with pytest.raises(InvalidInput) as caught:
        bundle.decode(msgspec.json.encode(value, order="sorted") + b"\n")
    assert caught.value.code == code


def test_a_bundle_holds_something_in_order(packed: Bundle) -> None:
    with pytest.raises(InvalidInput) as caught:
        bundle.encode(msgspec.structs.replace(packed, answers=(), receipts=()))
    assert caught.value.code == "empty-bundle"
    with pytest.raises(InvalidInput) as caught:
        bundle.encode(msgspec.structs.replace(packed, checkpoints=packed.checkpoints * 2))
    assert caught.value.code == "not-sorted"
