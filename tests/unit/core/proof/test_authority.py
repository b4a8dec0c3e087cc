"""Who stands behind a checkpoint: organisations are counted, not keys, and each for what it states."""

from __future__ import annotations

import pytest

import makers
import proving
from muniment.core.format import checkpoint, note
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.proof import authority
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput, VerificationError

NOTE = checkpoint.sign(Checkpoint(makers.ORIGIN, 5, b"r" * 32), makers.LOG)
SOLO = Trust(makers.ORIGIN, "a" * 64, (makers.VERIFIER,))
SEEN = [(name, name.removesuffix("2").capitalize(), "append-only") for name in ("alpha", "beta", "beta2", "gamma")]


def test_one_operator_is_solo() -> None:
    head = authority.open_head(NOTE, SOLO)
    assert (head.tier, head.basis, head.basis_by, head.voices, head.quorum_time) == ("solo", "asserted", (), (), None)
    authority.check_tier(head, None)


def test_cosignatures_of_strangers_count_for_nothing() -> None:
    assert authority.open_head(proving.cosign(NOTE, "alpha", "beta"), SOLO).tier == "solo"


def test_one_organisation_with_several_keys_counts_once() -> None:
    trust = proving.witnessed(SOLO, SEEN, 2)
    head = authority.open_head(proving.cosign(NOTE, "beta", "beta2"), trust)
    assert (head.tier, [voice.organisation for voice in head.voices]) == ("solo", ["Beta"])
    head = authority.open_head(proving.cosign(NOTE, "beta", "beta2", "gamma"), trust)
    assert (head.tier, [voice.organisation for voice in head.voices]) == ("witnessed", ["Beta", "Gamma"])


@pytest.mark.parametrize(
    ("said", "tier", "basis", "by"),
    [
        (("append-only", "append-only", "append-only"), "witnessed", "asserted", ()),
        (("replayed", "append-only", "append-only"), "witnessed", "asserted", ()),
        (("replayed", "replayed", "append-only"), "witnessed", "replayed-by", ("Alpha", "Beta")),
        (("replayed", "voted", "append-only"), "witnessed", "replayed-by", ("Alpha", "Beta")),
        (("voted", "voted", "replayed"), "consortium", "voted", ("Alpha", "Beta")),
    ],
)
def test_each_counts_for_what_it_states(said: tuple[str, ...], tier: str, basis: str, by: tuple[str, ...]) -> None:
    listed = [(name, name.capitalize(), each) for name, each in zip(("alpha", "beta", "gamma"), said, strict=True)]
    head = authority.open_head(proving.cosign(NOTE, "alpha", "beta", "gamma"), proving.witnessed(SOLO, listed, 2))
    assert (head.tier, head.basis, head.basis_by) == (tier, basis, by)


def test_the_strongest_statement_of_an_organisation_counts() -> None:
    trust = proving.witnessed(SOLO, [("beta", "Beta", "append-only"), ("beta2", "Beta", "voted")], 1)
    assert authority.open_head(proving.cosign(NOTE, "beta"), trust).tier == "witnessed"
    assert authority.open_head(proving.cosign(NOTE, "beta", "beta2"), trust).tier == "consortium"


def test_a_quorum_was_there_when_its_last_member_was() -> None:
    trust = proving.witnessed(SOLO, SEEN, 2)
    raw = proving.cosign(proving.cosign(proving.cosign(NOTE, "alpha", time=100), "beta", time=300), "gamma", time=200)
    assert authority.open_head(raw, trust).quorum_time == 200


def test_the_quorum_of_the_trust_file_is_asked_for() -> None:
    trust = proving.witnessed(SOLO, SEEN, 2)
    head = authority.open_head(proving.cosign(NOTE, "alpha"), trust)
    with pytest.raises(VerificationError) as caught:
        authority.check_tier(head, None)
    assert (caught.value.step, caught.value.code, caught.value.details["organisations"]) == (4, "quorum", ["Alpha"])
    authority.check_tier(head, "solo")
    with pytest.raises(VerificationError, match="voted for"):
        authority.check_tier(authority.open_head(proving.cosign(NOTE, "alpha", "beta"), trust), "consortium")


def test_votes_stand_in_for_a_silent_publisher() -> None:
    voters = [("alpha", "Alpha", "voted"), ("beta", "Beta", "voted")]
    parsed = note.parse(proving.cosign(NOTE, "alpha", "beta"))
    unsigned = note.format(note.Note(parsed.text, parsed.signatures[1:]))
    head = authority.open_head(unsigned, proving.witnessed(SOLO, voters, 2))
    assert (head.signed, head.tier) == (False, "consortium")
    for trust in (proving.witnessed(SOLO, voters, 0), proving.witnessed(SOLO, [("alpha", "Alpha", "replayed")], 1)):
        with pytest.raises(VerificationError) as caught:
            authority.open_head(unsigned, trust)
        assert (caught.value.step, caught.value.code) == (3, "log-key-unknown")


def test_what_fails_at_which_step() -> None:
    with pytest.raises(InvalidInput):
        authority.open_head(b"nothing", SOLO)
    for raw, step, code in (
        (checkpoint.sign(Checkpoint("other.example", 5, b"r" * 32), makers.LOG), 2, "origin"),
        (checkpoint.sign(Checkpoint(makers.ORIGIN, 5, b"r" * 32), makers.BOB), 3, "log-key-unknown"),
        (NOTE.replace(b"\n5\n", b"\n6\n"), 3, "log-signature"),
    ):
        with pytest.raises(VerificationError) as caught:
            authority.open_head(raw, SOLO)
        assert (caught.value.step, caught.value.code) == (step, code)
    forged = note.parse(proving.cosign(proving.resign(NOTE, size=6), "alpha")).signatures[1]
    mixed = note.format(note.Note(note.parse(NOTE).text, (*note.parse(NOTE).signatures, forged)))
    with pytest.raises(VerificationError) as caught:
        authority.open_head(mixed, proving.witnessed(SOLO, SEEN, 1))
    assert (caught.value.step, caught.value.code) == (4, "cosignature")
