"""A second verifier, written from docs/spec alone (tests/second), says of every published answer what the first one says."""

from __future__ import annotations

import hashlib

import pytest

from cases import Case, decode64, each, edited, load
from second.head import Failed, Trust, hash64
from second.verifier import verify

ANSWERS = load("answers")
GOOD = {case["name"]: case for case in ANSWERS["good"]}


def trust_of(name: str) -> Trust:
    return Trust(next(case["text"] for case in load("trust")["good"] if case["name"] == name))


def pin_of(name: str) -> Case:
    text = ANSWERS["pins"]["notes"][name]
    _, size, root = text.split("\n")[:3]
    return {"size": int(size), "root": hash64(root).hex()}


def leaves() -> list[bytes]:
    blocks = load("ledger")["blocks"]
    raws = [decode64(one["entry"]) for block in blocks for one in (*block["entries"], block["header"])]
    return [hashlib.sha256(b"\0" + raw).digest() for raw in raws]


def root(part: list[bytes]) -> bytes:
    if len(part) == 1:
        return part[0]
    split = 1 << (len(part) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(part[:split]) + root(part[split:])).digest()


def subproof(m: int, part: list[bytes], whole: bool) -> list[bytes]:
    """RFC 6962, 2.1.2."""
    if m == len(part):
        return [] if whole else [root(part)]
    split = 1 << (len(part) - 1).bit_length() - 1
    if m <= split:
        return [*subproof(m, part[:split], whole), root(part[split:])]
    return [*subproof(m - split, part[split:], False), root(part[:split])]


def prove(old: int, new: int) -> list[bytes]:
    """The true proof over the published ledger, and none beyond it."""
    known = leaves()
    return subproof(old, known[:new], True) if new <= len(known) else []


def run(case: Case) -> Case:
    source = GOOD[case["from"]]["answer"] if "from" in case else case["answer"]
    answer = edited(source, case.get("patch", []))
    more: Case = {}
    if "pin" in case:
        more = {"pin": pin_of(case["pin"]), "ask": None if case.get("offline") else prove}
    files = ANSWERS["subjects"].get(case.get("subject"))
    terms = {"now": case.get("now"), "max_age": case.get("maxAge"), "tier": case.get("tier")}
    return verify(answer, trust_of(case["trust"]), files=files, **more, **terms)


def test_the_published_proof_is_the_one_that_is_asked_for() -> None:
    for case in ANSWERS["pins"]["consistency"]:
        assert prove(case["old"], case["new"]) == [hash64(text) for text in case["proof"]]


@each("answers", "good")
def test_good_answers_hold(case: Case) -> None:
    found = run(case)
    assert found == {name: case["expect"][name] for name in found}


@each("answers", "bad")
def test_bad_answers_fail_at_the_same_step(case: Case) -> None:
    with pytest.raises(Failed) as caught:
        run(case)
    assert (caught.value.step, caught.value.code) == (case["step"], case["code"])
