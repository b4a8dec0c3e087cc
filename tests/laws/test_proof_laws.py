"""Laws of proofs: no changed byte of a receipt, an answer, a bundle or an evidence file goes unnoticed, and parsers only say
InvalidInput."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import proving
from muniment.core.proof import answer, authority, bundle, evidence, receipt, tlog_policy, trust, verify
from muniment.core.proof.answer import AtQuestion
from muniment.core.proof.inquiry import ClaimQuestion, DiffQuestion, HistoryQuestion, ImpactQuestion, LineageQuestion
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger import prover

STEPS = frozenset(range(2, 14))


class World:
    """Proofs of every kind, made once."""

    def __init__(self, folder: Path) -> None:
        story = proving.Story(folder / "ledger.db")
        listed = [("alpha", "Alpha", "append-only"), ("beta", "Beta", "replayed")]
        self.trust = proving.witnessed(story.trust, listed, 2)
        with story.life.engine.view() as view:
            answers = {
                "event": prover.prove_entry(view, story.start, files=proving.FILES),
                "sealed": prover.prove_entry(view, story.note, disclose=proving.opening),
                "header": prover.prove_entry(view, 4),
                "state": prover.prove_state(view, [proving.PLACE, "model/none"]),
                "history": prover.prove_inquiry(view, HistoryQuestion(of="model/credit-risk")),
                "genesis": prover.prove_inquiry(view, HistoryQuestion(of="policy")),
                "impact": prover.prove_inquiry(view, ImpactQuestion(of=f"data/{proving.DATA}")),
                "lineage": prover.prove_inquiry(view, LineageQuestion(direction="up", of=f"version/{proving.V2}")),
                "diff": prover.prove_inquiry(view, DiffQuestion(a=f"version/{proving.V1}", b=f"version/{proving.V2}")),
                "claim": prover.prove_inquiry(
                    view, ClaimQuestion(claim="approved", environment="production", of=f"version/{proving.V1}")
                ),
                "at": prover.prove_at(view, proving.PLACE, story.times[story.scale]),
                "latest": prover.prove_at(view, proving.PLACE, story.times[story.rollback]),
            }
            self.answers = {name: answer.encode(proving.cosign_answer(each, "alpha", "beta")) for name, each in answers.items()}
            bare = prover.prove_receipt(view, story.start)
            self.entry = view.entry(story.start)
            cosigned = msgspec.structs.replace(bare, checkpoint=proving.cosign(bare.checkpoint, "alpha", "beta"))
            self.receipt = receipt.format(cosigned)
            head = authority.open_head(cosigned.checkpoint, self.trust)
            shown = proving.cosign(proving.resign(bare.checkpoint, root=b"0" * 32), "alpha")
            try:
                evidence.check(evidence.pin(head), authority.open_head(shown, self.trust), None, contact=True)
            except evidence.SplitView as split:
                self.evidence = evidence.encode(split.evidence)


@cache
def world() -> World:
    with tempfile.TemporaryDirectory() as folder:
        return World(Path(folder))


def flip(raw: bytes, place: int, change: int) -> bytes:
    place %= len(raw)
    return raw[:place] + bytes([raw[place] ^ change]) + raw[place + 1 :]


@pytest.mark.parametrize(
    "name", ["event", "sealed", "header", "state", "history", "genesis", "impact", "lineage", "diff", "claim", "at", "latest"]
)
@given(place=st.integers(0, 2**20), change=st.integers(1, 255))
@settings(max_examples=100, deadline=None)
def test_no_changed_byte_of_an_answer_is_believed(name: str, place: int, change: int) -> None:
    honest = answer.decode(world().answers[name])
    raw = flip(world().answers[name], place, change)
    try:
        found = verify.verify_answer(raw, world().trust)
    except InvalidInput:
        return
    except VerificationError as error:
        if error.step not in STEPS:
            raise
        return
    # Another time between the same two headers is another question, with this very answer.
    assert isinstance(honest.question, AtQuestion)
    assert isinstance(found.question, AtQuestion)
    assert found.question.time != honest.question.time
    assert msgspec.structs.replace(answer.decode(raw), question=honest.question) == honest


def test_every_byte_of_a_small_receipt() -> None:
    raw = world().receipt.encode()
    for place in range(len(raw)):
        text = flip(raw, place, 1).decode("utf-8", "surrogateescape")
        with pytest.raises((InvalidInput, VerificationError)):
            verify.verify_receipt(text, world().trust, entry=world().entry)


@given(place=st.integers(0, 2**20), change=st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_no_changed_byte_of_evidence_accuses(place: int, change: int) -> None:
    raw = flip(world().evidence, place, change)
    honest = evidence.verify_evidence(evidence.decode(world().evidence), world().trust)
    try:
        found = evidence.decode(raw)
        sentence = evidence.verify_evidence(found, world().trust)
    except (InvalidInput, VerificationError):
        return
    # Cosignatures stand beside the log's own signature, and only a line by nobody known may change.
    assert sentence == honest


@given(cut=st.integers(1, 200), name=st.sampled_from(["event", "at", "history"]))
@settings(max_examples=60, deadline=None)
def test_a_cut_file_is_no_file(cut: int, name: str) -> None:
    with pytest.raises(InvalidInput):
        answer.decode(world().answers[name][:-cut])


PARSERS: list[Callable[[bytes], object]] = [answer.decode, bundle.decode, evidence.decode, evidence.decode_pin]
TEXTS: list[Callable[[str], object]] = [receipt.parse, trust.parse, lambda text: tlog_policy.parse_policy(text, "a" * 64)]

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["format", "question", "note", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(raw=st.binary(max_size=200) | json_like.map(lambda value: msgspec.json.encode(value) + b"\n"))
@settings(max_examples=200, deadline=None)
def test_parsers_of_bytes_raise_nothing_else(raw: bytes) -> None:
    for parse in PARSERS:
        with pytest.raises(InvalidInput):
            parse(raw)


@given(text=st.text(max_size=300) | st.text("\n =[]\"'abc#.0", max_size=60))
@settings(max_examples=300, deadline=None)
def test_parsers_of_text_raise_nothing_else(text: str) -> None:
    for parse in TEXTS:
        with pytest.raises(InvalidInput):
            parse(text)


@given(place=st.integers(0, 2**20), replacement=st.text(max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_changed_trust_file_is_read_as_it_stands_or_refused(place: int, replacement: str) -> None:
    text = trust.format(world().trust)
    place %= len(text)
    try:
        found = trust.parse(text[:place] + replacement + text[place + 1 :])
    except InvalidInput:
        return
    assert isinstance(found, Trust)
    assert trust.parse(trust.format(found)) == found
