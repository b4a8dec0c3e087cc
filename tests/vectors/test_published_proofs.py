"""The published ledger, receipts, answers, trust files, evidence and bundles hold for our own code."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import pytest

from cases import FOLDER, Case, canonical, decode64, each, edited, fails, hashes, load, trust_of
from muniment.core.format import checkpoint, dsse, entry, keys, manifest, merkle, note, state_map
from muniment.core.proof import answer, authority, bundle, evidence, receipt, tlog_policy, trust, verify
from muniment.core.proof.evidence import Pin, SplitView
from muniment.core.proof.trust import Trust
from muniment.core.rules import chain, events
from muniment.core.rules.chain import Block
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger.replay import Replay

LEDGER = load("ledger")


def entries_of(block: Case) -> list[bytes]:
    return [decode64(each["entry"]) for each in block["entries"]]


ENTRIES = [raw for block in LEDGER["blocks"] for raw in (*entries_of(block), decode64(block["header"]["entry"]))]


def payload(index: int) -> bytes:
    raw = ENTRIES[index]
    return dsse.decode(raw).payload if raw.startswith(b'{"payload"') else raw


def replay_until(height: int) -> Replay:
    replay = Replay(payload)
    for block in LEDGER["blocks"][: height + 1]:
        replay.advance(decode64(block["header"]["entry"]), chain.open_submissions(entries_of(block)))
    return replay


def test_the_ledger_replays_block_by_block() -> None:
    replay, leaves = Replay(payload), []
    log = keys.parse(LEDGER["logKey"])
    for height, block in enumerate(LEDGER["blocks"]):
        submissions = chain.open_submissions(entries_of(block))
        done = replay.advance(decode64(block["header"]["entry"]), submissions)
        for case, submission in zip(block["entries"], submissions, strict=True):
            assert case["index"] == len(leaves)
            assert (case["event"], case["streams"]) == (submission.event.NAME, list(submission.streams))
            assert case["leaf"] == submission.leaf.hex()
            leaves.append(submission.leaf)
        assert (block["header"]["index"], block["header"]["leaf"]) == (len(leaves), merkle.leaf(ENTRIES[len(leaves)]).hex())
        leaves.append(merkle.leaf(ENTRIES[len(leaves)]))
        assert replay.position is not None
        assert (height, block["time"], block["state"]) == (done.header.height, done.header.time, done.header.state)
        assert block["root"] == merkle.root(leaves).hex() == replay.position.frontier.root().hex()
        assert {state_map.key(name): canonical(record) for name, record in block["records"].items()} == done.records
        head = checkpoint.open(block["checkpoint"].encode(), log)
        assert (head.size, head.root.hex()) == (len(leaves), block["root"])
    assert {name: canonical(record) for name, record in LEDGER["records"].items()} == {
        n: replay.record(n) for n in LEDGER["records"]
    }
    assert len(replay.records) == len(LEDGER["records"])
    assert replay.position.ledger == LEDGER["ledger"] == LEDGER["blocks"][0]["header"]["leaf"]


def test_the_ledger_holds_every_event() -> None:
    # After a later protocol nothing could follow; members have a ledger of their own.
    listed = {each["event"] for name in ("consortium", "ledger") for block in load(name)["blocks"] for each in block["entries"]}
    assert listed == set(events.TYPES) - {"protocol.upgraded"}
    header = entry.decode_header(ENTRIES[0])
    assert entry.leaf_without_state(header).hex() == LEDGER["genesisLeafWithoutState"]


@pytest.fixture(scope="module")
def heights() -> dict[int, Replay]:
    return {after: replay_until(after) for after in {case["after"] for case in load("refusals")["cases"]}}


@each("refusals", "cases")
def test_refusals(case: Case, heights: dict[int, Replay]) -> None:
    replay = heights[case["after"]]
    assert replay.position is not None
    submissions = chain.open_submissions([decode64(text) for text in case["entries"]])
    block = Block(replay.position, chain.policy_in_force(replay), case["time"], submissions)
    found = chain.apply(replay, block)
    for verdict, wanted in zip(found.verdicts, case["verdicts"], strict=True):
        assert verdict.decision == wanted["decision"], verdict
        assert verdict.index == wanted.get("index", -1)
        assert list(dict.fromkeys(reason.rule for reason in verdict.reasons)) == wanted.get("rules", [])
    if not found.admitted:
        assert found.records == {}


def test_every_rule_refuses_something() -> None:
    seen = {rule for case in load("refusals")["cases"] for verdict in case["verdicts"] for rule in verdict.get("rules", [])}
    seen |= {rule for case in load("consortium")["refused"] for rule in case["rules"]}
    page = (FOLDER.parent / "6-rules.md").read_text(encoding="utf-8")
    # The limits of an ancestry would take thousands of entries.
    assert seen == set(re.findall(r"rule `([a-z-]+)`", page)) - {"ancestry-limit", "ancestry-block-limit"}


def prove(old: int, new: int) -> Sequence[bytes]:
    """What the ledger gives for a proof between two sizes."""
    return merkle.prove_consistency([merkle.leaf(raw) for raw in ENTRIES[:new]], old)


def pin_of(name: str) -> Pin:
    pins = load("answers")["pins"]
    return evidence.pin(authority.open_head(pins["notes"][name].encode(), trust_of("solo")))


def terms(case: Case) -> Case:
    """The arguments that a case hands to the verifier."""
    found: Case = {"now": case.get("now"), "max_age": case.get("maxAge"), "tier": case.get("tier")}
    if "pin" in case:
        found["pin"] = pin_of(case["pin"])
        found["consistency"] = None if case.get("offline") else prove
    return found


def verify_answer(raw: bytes, case: Case) -> verify.Verified:
    subject = load("answers")["subjects"].get(case.get("subject"))
    files = None if subject is None else manifest.decode(subject.encode())
    return verify.verify_answer(raw, trust_of(case["trust"]), subject=files, **terms(case))


def answer_of(case: Case) -> bytes:
    """The bytes of an answer: given whole, or as an edit of a good one."""
    if "answer" in case:
        return canonical(case["answer"]) + b"\n"
    good = next(each for each in load("answers")["good"] if each["name"] == case["from"])
    return canonical(edited(good["answer"], case.get("patch", []))) + b"\n"


@each("answers", "good")
def test_answers(case: Case) -> None:
    raw = answer_of(case)
    assert answer.encode(answer.decode(raw)) == raw
    verified, expect = verify_answer(raw, case), case["expect"]
    assert (verified.result.height, list(verified.result.statuses)) == (expect["height"], expect["statuses"])
    assert (verified.ground.tier, verified.ground.basis, verified.current) == (expect["tier"], expect["basis"], expect["current"])
    if "subject" in expect:
        assert isinstance(verified.subject, verify.Subject)
        assert msgspec.to_builtins(verified.subject.thing) == expect["subject"]
        assert verified.subject.compared is ("subject" in case)
    assert all(verify.tell(verified))


@each("answers", "bad")
def test_bad_answers(case: Case) -> None:
    fails(case, lambda: verify_answer(answer_of(case), case))


@each("answers", "badFiles")
def test_files_that_are_no_answer(case: Case) -> None:
    raw = case["text"].encode() if "text" in case else answer_of(case)
    fails(case, lambda: verify.verify_answer(raw, trust_of("solo")))


def test_a_bad_answer_for_every_step() -> None:
    assert {case["step"] for case in load("answers")["bad"]} == set(range(2, 14))


def verify_receipt(case: Case) -> verify.VerifiedReceipt:
    raw = decode64(case["entry"]) if "entry" in case else None
    leaf = bytes.fromhex(case["leaf"]) if "leaf" in case else None
    return verify.verify_receipt(case["receipt"], trust_of(case["trust"]), entry=raw, leaf=leaf, **terms(case))


@each("receipts", "good")
def test_receipts(case: Case) -> None:
    assert receipt.format(receipt.parse(case["receipt"])) == case["receipt"]
    verified = verify_receipt(case)
    assert verified.included is case["included"]
    assert all(verify.tell_receipt(verified))


@each("receipts", "bad")
def test_bad_receipts(case: Case) -> None:
    fails(case, lambda: verify_receipt(case))


@each("receipts", "badTexts")
def test_texts_that_are_no_receipt(case: Case) -> None:
    fails(case, lambda: receipt.parse(case["receipt"]))


def describe(found: Trust) -> Case:
    """A trust file in the vectors' words."""
    cosigners = [
        {"vkey": keys.format(one.verifier), "organisation": one.organisation, "statement": one.statement} for one in found.cosigners
    ]
    return {
        "origin": found.origin,
        "ledger": found.ledger,
        "logKeys": [keys.format(key) for key in found.log_keys],
        "cosigners": cosigners,
        "quorum": found.quorum,
    }


@each("trust", "good")
def test_trust_files(case: Case) -> None:
    assert describe(trust.parse(case["text"])) == case["trust"]
    assert trust.format(trust.parse(case["text"])) == case["text"]


@each("trust", "bad")
def test_bad_trust_files(case: Case) -> None:
    with pytest.raises(InvalidInput) as caught:
        trust.parse(case["text"])
    assert (caught.value.code, caught.value.details["field"]) == (case["code"], case["field"])


@each("trust", "policies")
def test_policies(case: Case) -> None:
    known = trust_of(case["trust"])
    assert tlog_policy.format_policy(known) == case["policy"]
    read = tlog_policy.parse_policy(case["policy"], known.ledger)
    assert (read.quorum, read.organisations, read.log_keys) == (known.quorum, known.organisations, known.log_keys)


@each("trust", "badPolicies")
def test_bad_policies(case: Case) -> None:
    fails(case, lambda: tlog_policy.parse_policy(case["text"], "0" * 64))


def evidence_trust() -> Trust:
    told = load("evidence")["trust"]
    return Trust(told["origin"], told["ledger"], tuple(keys.parse(vkey) for vkey in told["logKeys"]))


def decode_evidence(case: Case) -> evidence.Evidence:
    return evidence.decode(canonical(case["evidence"]) + b"\n")


@each("evidence", "good")
def test_evidence(case: Case) -> None:
    found = decode_evidence(case)
    assert found.kind == case["kind"]
    assert evidence.encode(found) == canonical(case["evidence"]) + b"\n"
    assert evidence.verify_evidence(found, evidence_trust())
    assert SplitView(found).code == f"split-view-{case['kind']}"


def test_evidence_of_every_kind() -> None:
    kinds = {case["kind"] for case in load("evidence")["good"]}
    assert kinds == {"inconsistent", "rollback", "same-size", "tail-cut", "unproved"}


@each("evidence", "bad")
def test_wrong_accusations(case: Case) -> None:
    fails(case, lambda: evidence.verify_evidence(decode_evidence(case), evidence_trust()))


@each("evidence", "badFiles")
def test_files_that_are_no_evidence(case: Case) -> None:
    fails(case, lambda: decode_evidence(case))


def test_pins() -> None:
    pins = load("evidence")["pins"]
    raw = canonical(pins["good"]) + b"\n"
    assert evidence.encode_pin(evidence.decode_pin(raw)) == raw
    for case in pins["bad"]:
        fails(case, lambda: evidence.decode_pin(canonical(edited(pins["good"], case["patch"])) + b"\n"))  # noqa: B023


def bundle_of(case: Case) -> bytes:
    good = load("bundles")["good"][0]["bundle"]
    return canonical(case["bundle"] if "bundle" in case else edited(good, case["patch"])) + b"\n"


@each("bundles", "good")
def test_bundles(case: Case) -> None:
    raw = bundle_of(case)
    assert bundle.encode(bundle.decode(raw)) == raw
    verified = verify.verify_bundle(raw, trust_of("solo"))
    assert list(verified.sizes) == case["sizes"]
    assert all(verify.tell_bundle(verified))


@each("bundles", "bad")
def test_bad_bundles(case: Case) -> None:
    fails(case, lambda: verify.verify_bundle(bundle_of(case), trust_of(case.get("trust", "solo"))))


@each("bundles", "badFiles")
def test_files_that_are_no_bundle(case: Case) -> None:
    fails(case, lambda: bundle.decode(bundle_of(case)))


def test_the_bundle_s_own_trust_file_is_only_compared() -> None:
    raw = bundle_of(load("bundles")["good"][0])
    assert trust.parse(str(bundle.decode(raw).trust)) == trust_of("solo")
    with pytest.raises(VerificationError):
        verify.verify_bundle(raw, trust_of("another key"))


def test_notes_are_written_as_they_were_read() -> None:
    for block in LEDGER["blocks"]:
        assert note.format(note.parse(block["checkpoint"].encode())).decode() == block["checkpoint"]


def test_hashes_are_of_32_bytes() -> None:
    for case in load("answers")["good"]:
        assert all(len(each) == 32 for each in hashes(case["answer"].get("genesis", [])))
