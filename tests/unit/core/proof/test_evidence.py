"""Split views: noticed, kept in a file, and checked by others; an honest ledger is never accused."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

import makers
import proving
from muniment.core.format import checkpoint, merkle
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.proof import authority, evidence
from muniment.core.proof.authority import Head
from muniment.core.proof.evidence import Evidence, Prove, SplitView
from muniment.core.proof.trust import Trust
from muniment.errors import CorruptStore, InvalidInput, NotFound, Unavailable, VerificationError

TRUST = Trust(makers.ORIGIN, "a" * 64, (makers.VERIFIER,))
LEAVES = [merkle.leaf(b"%d" % number) for number in range(40)]
OTHER = [merkle.leaf(b"other"), *LEAVES[1:]]


def head(leaves: Sequence[bytes]) -> Head:
    raw = checkpoint.sign(Checkpoint(makers.ORIGIN, len(leaves), merkle.root(leaves)), makers.LOG)
    return authority.open_head(raw, TRUST)


def prover(leaves: Sequence[bytes]) -> Prove:
    return lambda old, new: merkle.prove_consistency(leaves[:new], old)


def split(before: Head, now: Head, prove: Prove | None) -> Evidence:
    with pytest.raises(SplitView) as caught:
        evidence.check(evidence.pin(before), now, prove, contact=True)
    error = caught.value
    assert (error.step, error.code) == (5, f"split-view-{error.evidence.kind}")
    assert evidence.decode(evidence.encode(error.evidence)) == error.evidence
    return error.evidence


@pytest.mark.parametrize("old", range(1, 40))
def test_growth_is_growth(old: int) -> None:
    before, now = head(LEAVES[:old]), head(LEAVES)
    assert evidence.check(evidence.pin(before), now, prover(LEAVES), contact=True) == "newer"
    assert evidence.check(evidence.pin(now), before, prover(LEAVES), contact=False) == "older"
    assert evidence.check(evidence.pin(before), before, None, contact=True) == "same"


def test_two_roots_of_one_size() -> None:
    found = split(head(LEAVES), head(OTHER), prover(OTHER))
    assert found.kind == "same-size"
    sentence = evidence.verify_evidence(found, TRUST)
    assert "two histories of the same 40 entries" in sentence
    assert "proves it by itself" in sentence


@pytest.mark.parametrize("old", [3, 4, 5, 8, 16, 31, 32, 33])
def test_a_rewritten_ledger_that_grew(old: int) -> None:
    found = split(head(LEAVES[:old]), head(OTHER), prover(OTHER))
    assert (found.kind, found.old_root) == ("inconsistent", merkle.root(OTHER[:old]).hex())
    assert f"one of the first {old} was changed" in evidence.verify_evidence(found, TRUST)


@pytest.mark.parametrize("old", [1, 2])
def test_a_proof_that_cannot_hold_the_old_root_leaves_a_question(old: int) -> None:
    found = split(head(LEAVES[:old]), head(OTHER), prover(OTHER))
    assert found.kind == "unproved"
    assert "Ask the operator" in evidence.verify_evidence(found, TRUST)


def test_a_ledger_without_a_proof() -> None:
    def refuse(old: int, new: int) -> Sequence[bytes]:
        raise NotFound("nothing here")

    def break_down(old: int, new: int) -> Sequence[bytes]:
        raise IndexError

    for prove in (refuse, break_down, lambda old, new: (b"short",), lambda old, new: (b"x" * 32,) * 3):
        assert split(head(LEAVES[:7]), head(LEAVES), prove).kind == "unproved"


def test_a_ledger_that_cannot_answer_now_is_not_accused() -> None:
    def fail(error: Exception) -> Prove:
        def prove(old: int, new: int) -> Sequence[bytes]:
            raise error

        return prove

    pin = evidence.pin(head(LEAVES[:7]))
    for error in (Unavailable("busy"), CorruptStore("tile 3 is missing")):
        with pytest.raises(type(error)):
            evidence.check(pin, head(LEAVES), fail(error), contact=True)
    assert split(head(LEAVES), head(LEAVES[:7]), fail(CorruptStore("tile 3 is missing"))).kind == "rollback"


@pytest.mark.parametrize("size", [0, 2**53])
def test_no_ledger_has_such_a_size(size: int) -> None:
    raw = proving.resign(head(LEAVES).note, size=size)
    with pytest.raises(VerificationError) as caught:
        evidence.pin(authority.open_head(raw, TRUST))
    assert caught.value.code == "checkpoint-size"
    assert split(head(LEAVES), authority.open_head(proving.resign(raw, size=0), TRUST), None).kind == "rollback"


def test_an_older_state() -> None:
    found = split(head(LEAVES), head(LEAVES[:30]), None)
    assert found.kind == "rollback"
    assert "gone are the last 10 entries" in evidence.verify_evidence(found, TRUST)
    assert split(head(LEAVES), head(OTHER[:30]), prover(OTHER)).kind == "rollback"


def test_a_tail_that_was_cut() -> None:
    found = split(head(LEAVES), head(LEAVES[:39]), prover(LEAVES))
    assert found.kind == "tail-cut"
    sentence = evidence.verify_evidence(found, TRUST)
    assert "the same history without its last entry" in sentence
    assert "is the word of" in sentence


def test_a_file_may_be_older_and_must_be_comparable() -> None:
    pin = evidence.pin(head(LEAVES))
    with pytest.raises(VerificationError) as caught:
        evidence.check(pin, head(LEAVES[:30]), None, contact=False)
    assert (caught.value.step, caught.value.code) == (5, "consistency-missing")
    with pytest.raises(SplitView) as split_view:
        evidence.check(pin, head(OTHER[:30]), prover(LEAVES), contact=False)
    assert split_view.value.evidence.kind == "inconsistent"


def test_another_ledger_is_no_split_view() -> None:
    pin = msgspec.structs.replace(evidence.pin(head(LEAVES)), origin="other.example")
    with pytest.raises(VerificationError) as caught:
        evidence.check(pin, head(LEAVES), None, contact=True)
    assert (caught.value.step, caught.value.code) == (2, "origin")


def kinds() -> list[Evidence]:
    return [
        split(head(LEAVES), head(OTHER), None),
        split(head(LEAVES[:7]), head(OTHER), prover(OTHER)),
        split(head(LEAVES[:8]), head(OTHER), prover(OTHER)),
        split(head(LEAVES), head(LEAVES[:39]), prover(LEAVES)),
        split(head(LEAVES), head(LEAVES[:30]), None),
        split(head(LEAVES[:7]), head(OTHER), lambda old, new: ()),
    ]


def test_nobody_is_accused_with_two_notes_that_agree() -> None:
    honest = (head(LEAVES[:7]).note.decode(), head(LEAVES).note.decode())
    proof = merkle.prove_consistency(LEAVES, 7)
    for found in kinds():
        for pinned, shown in (honest, honest[::-1], (honest[0], honest[0])):
            # That the smaller one was shown later is for its keeper to say; everything else must fail.
            if found.kind in ("rollback", "tail-cut") and (pinned, shown) == honest[::-1]:
                continue
            forged = msgspec.structs.replace(found, pinned=pinned, shown=shown, proof=proof)
            with pytest.raises(VerificationError) as caught:
                evidence.verify_evidence(forged, TRUST)
            assert (caught.value.step, caught.value.code) == (5, "evidence")


def test_evidence_must_be_signed_by_the_ledger() -> None:
    for found in kinds():
        forged = proving.resign(found.shown.encode(), makers.BOB).decode()
        with pytest.raises(VerificationError) as caught:
            evidence.verify_evidence(msgspec.structs.replace(found, shown=forged), TRUST)
        assert caught.value.step == 3


def test_evidence_and_pins_are_read_strictly() -> None:
    raw = evidence.encode(kinds()[1])
    pin = evidence.encode_pin(evidence.pin(head(LEAVES)))
    assert evidence.decode_pin(pin) == evidence.pin(head(LEAVES))
    for bad in (raw[:-1], raw + b"\n", raw.replace(b"inconsistent", b"nonsense"), b"{}\n", raw.replace(b"\\n", b"\\r", 1), b"\n"):
        with pytest.raises(InvalidInput):
            evidence.decode(bad)
    for bad in (pin[:-1], pin.replace(b'"size":40', b'"size":41'), pin.replace(b'"size":40', b'"size":0'), b"\xff\n"):
        with pytest.raises(InvalidInput):
            evidence.decode_pin(bad)
