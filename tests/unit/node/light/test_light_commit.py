"""light.commit: who signed a block of CometBFT, recognised from an answer of its RPC (commit.json, of four real validators)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from muniment.core.rules import members
from muniment.core.rules.members import Member, Validators
from muniment.errors import InvalidInput
from muniment.node.light import commit, vote

RECORDED = json.loads((Path(__file__).parent / "commit.json").read_text())
VALIDATORS = Validators(members=tuple([Member(**each) for each in RECORDED["members"]]))
SIGNATURES = RECORDED["answer"]["result"]["signed_header"]["commit"]["signatures"]


def changed(**commit_fields: Any) -> bytes:
    answer = json.loads(json.dumps(RECORDED["answer"]))
    answer["result"]["signed_header"]["commit"].update(commit_fields)
    return json.dumps(answer).encode()


def of(raw: bytes, chain: str = RECORDED["chain"]) -> tuple[str, ...]:
    return commit.signers(commit.decode(raw), chain, VALIDATORS)


def test_the_validators_of_a_real_block_are_found() -> None:
    found = commit.decode(changed())
    assert found.block.hash.hex().upper() == RECORDED["answer"]["result"]["signed_header"]["commit"]["block_id"]["hash"]
    signed = {each["validator_address"].lower() for each in SIGNATURES if each["block_id_flag"] == 2}
    assert of(changed()) == tuple(sorted(each.organisation for each in VALIDATORS.members if members.address(each.key) in signed))
    assert 3 * len(signed) > 2 * len(VALIDATORS.members)


@pytest.mark.parametrize(
    "field",
    [
        {"height": "1"},
        {"round": 7},
        {"block_id": {"hash": "00" * 32, "parts": {"total": 1, "hash": "00" * 32}}},
    ],
)
def test_a_signature_is_over_height_round_and_block(field: dict[str, Any]) -> None:
    raw = json.loads(changed(**field))
    raw["result"]["signed_header"]["header"]["height"] = raw["result"]["signed_header"]["commit"]["height"]
    assert of(json.dumps(raw).encode()) == ()


def test_a_signature_is_for_one_chain_and_one_time() -> None:
    assert of(changed(), "muniment-" + "0" * 32) == ()
    raw = json.loads(changed())
    for each in raw["result"]["signed_header"]["commit"]["signatures"]:
        each["timestamp"] = "2026-11-23T00:00:00.5Z"
    assert of(json.dumps(raw).encode()) == ()


def test_a_validator_counts_once_and_a_stranger_never() -> None:
    raw = json.loads(changed())
    signatures = raw["result"]["signed_header"]["commit"]["signatures"]
    present = [each for each in signatures if each["block_id_flag"] == 2]
    raw["result"]["signed_header"]["commit"]["signatures"] = present[:1] * 4
    assert len(of(json.dumps(raw).encode())) == 1
    alone = msgspec.structs.replace(VALIDATORS, members=VALIDATORS.members[:1])
    assert len(commit.signers(commit.decode(changed()), RECORDED["chain"], alone)) <= 1


def test_votes_against_a_block_do_not_count() -> None:
    raw = json.loads(changed())
    for each in raw["result"]["signed_header"]["commit"]["signatures"]:
        each["block_id_flag"] = 3
    assert of(json.dumps(raw).encode()) == ()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        json.dumps({"result": {}}).encode(),
        changed(height="0"),
        changed(height="-1"),
        changed(height="99999999999999999999"),
        changed(height="77"),
        changed(block_id={"hash": "xyz", "parts": {"total": 1, "hash": ""}}),
        changed(signatures=[{"block_id_flag": 2, "validator_address": "A", "timestamp": "yesterday", "signature": ""}]),
        changed(signatures=[{"block_id_flag": 2, "validator_address": "A", "timestamp": "2026-01-01T00:00:00Z", "signature": "?"}]),
    ],
)
def test_what_has_another_form_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        commit.decode(raw)
    assert refused.value.code in ("bad-commit", "no-commit")


def test_a_height_that_is_not_there_is_told() -> None:
    with pytest.raises(InvalidInput, match="height 999") as refused:
        commit.decode(json.dumps(RECORDED["none"]).encode())
    assert refused.value.code == "no-commit"


def test_times_of_the_engine() -> None:
    assert vote.parse_time("1970-01-01T00:00:01Z") == (1, 0)
    assert vote.parse_time("2026-11-23T14:51:28.6351Z") == (1_795_445_488, 635_100_000)
    assert vote.parse_time("0001-01-01T00:00:00Z") == (-62_135_596_800, 0)
    for bad in ("", "2026-11-23T14:51:28", "2026-13-23T14:51:28Z", "2026-11-23T14:51:28.1234567890Z"):
        with pytest.raises(InvalidInput):
            vote.parse_time(bad)


def test_the_bytes_of_a_vote() -> None:
    """The vector of CometBFT's own tests for an empty canonical vote (types/vote_test.go, TestVoteSignBytesTestVectors)."""
    nothing = vote.BlockId(hash=b"", parts=0, parts_hash=b"")
    raw = vote.encode("", 1, 1, nothing, -62_135_596_800, 0)
    # Theirs has no block id at all where it is empty; ours always names one.
    assert raw[1:3] == bytes([0x8, 0x2])
    assert bytes([0x11, 0x1, 0, 0, 0, 0, 0, 0, 0]) in raw
    assert bytes([0x19, 0x1, 0, 0, 0, 0, 0, 0, 0]) in raw
    assert raw.endswith(bytes([0x2A, 0xB, 0x8, 0x80, 0x92, 0xB8, 0xC3, 0x98, 0xFE, 0xFF, 0xFF, 0xFF, 0x1]))


@pytest.mark.parametrize("number", [-1, 1 << 63, 10**30])
def test_a_round_that_nobody_could_sign_is_refused(number: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        commit.decode(changed(round=number))
    assert caught.value.code == "bad-commit"
