"""The verification script of the pages (JavaScript, WebCrypto) comes to the published verdicts, steps and codes."""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import scripting
from cases import FOLDER, Case, canonical, decode64, edited, hashes, load, raw_of, trust_of
from muniment.core.format import keys, manifest, merkle
from muniment.core.proof import authority, evidence, verify
from muniment.server import scripts

LEDGER = load("ledger")
ENTRIES = [decode64(case["entry"]) for block in LEDGER["blocks"] for case in (*block["entries"], block["header"])]
LEAVES = [merkle.leaf(raw) for raw in ENTRIES]


def encode64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def run(cases: Sequence[Case], joined: Path | None = None) -> list[Case]:
    """What became of each case, where a ledger gives its true proofs."""
    return scripting.run(cases, joined, consistency_proofs())


@functools.cache
def consistency_proofs() -> dict[str, list[str]]:
    """The true proofs between every two sizes that the vectors' pins and answers have, and those that lead up to a size."""
    notes = [case["checkpoint"] for block in LEDGER["blocks"] for case in (block,)]
    sizes = sorted(
        {int(note.split("\n")[1]) for note in notes} | {int(n.split("\n")[1]) for n in load("answers")["pins"]["notes"].values()}
    )
    pairs = [(old, new) for old in sizes for new in sizes if old < new <= len(LEAVES)]
    pairs += [(size - 1, size) for size in sizes if 1 < size <= len(LEAVES)]
    return {f"{old}-{new}": [encode64(each) for each in merkle.prove_consistency(LEAVES[:new], old)] for old, new in pairs}


@functools.cache
def trust_text(name: str) -> str:
    return next(str(case["text"]) for case in load("trust")["good"] if case["name"] == name)


def answer_raw(case: Case) -> bytes:
    if "text" in case:
        return str(case["text"]).encode()
    if "answer" in case:
        return canonical(case["answer"]) + b"\n"
    good = next(each for each in load("answers")["good"] if each["name"] == case["from"])
    return canonical(edited(good["answer"], case.get("patch", []))) + b"\n"


def terms(case: Case) -> Case:
    pins, subjects = load("answers")["pins"]["notes"], load("answers")["subjects"]
    found: Case = {key: case[key] for key in ("now", "maxAge", "tier", "offline") if key in case}
    if "pin" in case:
        pinned = evidence.pin(authority.open_head(pins[case["pin"]].encode(), trust_of("solo")))
        found["pin"] = {"origin": pinned.origin, "size": pinned.size, "root": pinned.root, "note": pinned.note}
    if "subject" in case:
        found["subject"] = subjects[case["subject"]]
    return found


def answer_case(case: Case) -> Case:
    return {"run": "answer", "raw": encode64(answer_raw(case)), "trust": trust_text(case.get("trust", "solo")), **terms(case)}


def receipt_case(case: Case) -> Case:
    given = {key: case[key] for key in ("receipt", "entry", "leaf") if key in case}
    return {"run": "receipt", "trust": trust_text(case["trust"]), **given, **terms(case)}


def bundle_case(case: Case) -> Case:
    good = load("bundles")["good"][0]["bundle"]
    raw = canonical(case["bundle"] if "bundle" in case else edited(good, case["patch"])) + b"\n"
    return {"run": "bundle", "raw": encode64(raw), "trust": trust_text(case.get("trust", "solo"))}


def evidence_trust() -> str:
    told = load("evidence")["trust"]
    log_keys = ", ".join(f'"{key}"' for key in told["logKeys"])
    return f'origin = "{told["origin"]}"\nledger = "{told["ledger"]}"\nlog_keys = [{log_keys}]\nquorum = "none"\n'


def check_verdict(case: Case, found: Case) -> None:
    """The verdict that a case of the vectors names: a bad one fails with its step (1 where it has none) and code."""
    wanted = {"step": case.get("step", 1), "code": case["code"]}
    assert {key: found.get(key) for key in wanted} == wanted, (case.get("name"), found)


def payload_of(entry: str) -> bytes:
    return decode64(json.loads(decode64(entry))["payload"])


def table() -> Iterator[tuple[str, Case, Case]]:
    """Every published case: which list it is from, the case, and what the script is asked."""
    for case in load("encoding")["good"]:
        yield "encoding good", case, {"run": "json", "raw": encode64(raw_of(case))}
    for case in load("encoding")["bad"]:
        yield "encoding bad", case, {"run": "json", "raw": encode64(raw_of(case)), "limit": case.get("limit", 48_960)}
    for case in load("notes")["goodKeys"]:
        yield "vkey good", case, {"run": "vkey", "vkey": case["vkey"]}
    for case in load("notes")["badKeys"]:
        yield "vkey bad", case, {"run": "vkey", "vkey": case["vkey"]}
    for case in load("notes")["badNotes"]:
        yield "note bad", case, {"run": "note", "raw": encode64(str(case["note"]).encode())}
    for case in load("notes")["goodCheckpoints"]:
        yield "checkpoint good", case, {"run": "checkpoint", "text": case["text"]}
    for case in load("notes")["badCheckpoints"]:
        yield "checkpoint bad", case, {"run": "checkpoint", "text": case["text"]}
    opening = {"run": "openNote", "logKey": load("notes")["logKey"], "cosignerKey": load("notes")["cosignerKey"]}
    for name in ("opened", "refused"):
        for case in load("notes")[name]:
            yield f"note {name}", case, {**opening, "raw": encode64(str(case["note"]).encode())}
    for name in ("good", "bad"):
        for case in load("headers")[name]:
            yield f"header {name}", case, {"run": "header", "text": case["text"]}
        for case in load("envelopes")[name]:
            raw = case["entry"] if name == "good" else encode64(str(case["text"]).encode())
            yield f"envelope {name}", case, {"run": "envelope", "raw": raw}
        for case in load("events")[name]:
            yield f"event {name}", case, {"run": "event", "raw": encode64(str(case["payload"]).encode())}
        for case in load("seals")[name]:
            yield f"seal {name}", case, {"run": "seal", "sealed": case["sealed"], "disclosure": case["disclosure"]}
        for case in load("manifests")[name]:
            yield f"manifest {name}", case, {"run": "manifest", "raw": encode64(str(case["manifest"]).encode())}
        for case in load("history")[name]:
            about = {"name": load("history")["name"], "record": load("history")["record"]}
            given = {key: case[key] for key in ("bound", "before", "events", "later")}
            yield f"history {name}", case, {"run": "history", **about, **given}
        for case in load("trust")[name]:
            yield f"trust {name}", case, {"run": "trust", "text": case["text"]}
        for case in load("evidence")[name]:
            raw = encode64(canonical(case["evidence"]) + b"\n")
            yield f"evidence {name}", case, {"run": "evidence", "raw": raw, "trust": evidence_trust()}
        for case in load("receipts")[name]:
            yield f"receipt {name}", case, receipt_case(case)
        for case in load("answers")[name]:
            yield f"answer {name}", case, answer_case(case)
        for case in load("bundles")[name]:
            yield f"bundle {name}", case, bundle_case(case)
    for block in load("consortium")["blocks"]:
        raw = block["header"].encode()
        plain = canonical({key: value for key, value in json.loads(raw).items() if key != "state"})
        told = {"name": block["height"], "leaf": merkle.leaf(raw).hex(), "leafWithoutState": merkle.leaf(plain).hex()}
        yield "header good", told, {"run": "header", "text": block["header"]}
    for block in (*load("consortium")["blocks"], *load("ledger")["blocks"]):
        for case in block["entries"]:
            yield "streams good", case, {"run": "streams", "raw": encode64(payload_of(case["entry"]))}
    for case in load("envelopes")["forged"]:
        yield "envelope forged", case, {"run": "envelope", "raw": case["entry"]}
    for case in load("receipts")["badTexts"]:
        yield "receipt bad text", case, {"run": "receiptText", "receipt": case["receipt"]}
    for case in load("answers")["badFiles"]:
        yield "answer bad file", case, answer_case(case)
    for case in load("bundles")["badFiles"]:
        yield "bundle bad file", case, bundle_case(case)
    for case in load("evidence")["badFiles"]:
        yield "evidence bad file", case, {"run": "evidenceFile", "raw": encode64(canonical(case["evidence"]) + b"\n")}
    pins = load("evidence")["pins"]
    yield "pin good", {"name": "a pin"}, {"run": "pin", "raw": encode64(canonical(pins["good"]) + b"\n")}
    for case in pins["bad"]:
        yield "pin bad", case, {"run": "pin", "raw": encode64(canonical(edited(pins["good"], case["patch"])) + b"\n")}
    for case in load("state-map")["forged"]:
        yield "state proof forged", case, {"run": "stateProof", "root": case["root"], "proof": case["proof"]}
    for case in load("state-map")["badRecords"]:
        yield "record bad", case, {"run": "record", "record": case["record"]}
    for one in load("state-map")["maps"]:
        for proof in one["proofs"]:
            yield "state proof good", {"name": proof["name"]}, {"run": "stateProof", "root": one["root"], "proof": proof}


ALL = list(table())
# What the vectors say and a verifier of answers has no use for; each is read by the Python tests. `paths` has a test of its own.
LEFT_OUT = {"decimals", "key-requests", "paths", "refusals"}


@functools.cache
def results() -> list[Case]:
    return run([asked for _, _, asked in ALL])


LISTS = sorted({name for name, _, _ in ALL})


@pytest.mark.parametrize(
    "name", [each for each in LISTS if each.endswith(("bad", "refused", "file", "text")) or each == "state proof forged"]
)
def test_bad_cases_fail_with_the_published_step_and_code(name: str) -> None:
    for (each, case, _), found in zip(ALL, results(), strict=True):
        if each == name:
            check_verdict(case, found)
            assert "field" not in case or found["field"] == case["field"]


@pytest.mark.parametrize("name", [each for each in LISTS if each.endswith(("good", "opened"))])
def test_good_cases_hold(name: str) -> None:
    for (each, case, _), found in zip(ALL, results(), strict=True):
        if each == name:
            assert "gave" in found, (case.get("name"), found)
            check_gift(name, case, found["gave"])


def check_gift(name: str, case: Case, gave: Any) -> None:
    """What stands beside a good case."""
    if name == "answer good":
        expect = case["expect"]
        assert (gave["result"]["height"], gave["result"]["statuses"]) == (expect["height"], expect["statuses"])
        assert (gave["ground"]["tier"], gave["ground"]["basis"], gave["current"]) == (
            expect["tier"],
            expect["basis"],
            expect["current"],
        )
        if "subject" in expect:
            assert gave["subject"]["thing"] == expect["subject"]
        assert sorted(gave["steps"]) == list(range(1, 14))
    elif name == "header good":
        assert gave == {"leaf": case["leaf"], "folded": case["leafWithoutState"]}
    elif name == "streams good":
        assert gave == case["streams"]
    elif name == "envelope good":
        assert gave == {"key": case["publicKey"], "signed": True}
    elif name == "manifest good":
        assert gave == case["root"]
    elif name == "history good":
        assert gave == case["past"]["start"]
    elif name == "trust good":
        assert gave == case["trust"]
    elif name == "vkey good":
        assert (gave["name"], gave["id"], gave["type"], gave["key"]) == (
            case["name"],
            case["keyId"],
            case["type"],
            case["material"],
        )
    elif name == "checkpoint good":
        assert (gave["origin"], int(gave["size"]), gave["root"]) == (case["origin"], case["size"], case["root"])
    elif name == "note opened":
        assert (gave["size"], gave["root"]) == (case["size"], case["root"])
        assert gave["cosigned"] == case["cosigned"]
    elif name == "bundle good":
        assert gave["sizes"] == case["sizes"]
    elif name == "receipt good":
        assert gave["included"] is case["included"]


def test_forged_envelopes_are_not_signed() -> None:
    forged = [found for (name, _, _), found in zip(ALL, results(), strict=True) if name == "envelope forged"]
    assert forged
    assert all(found.get("gave", {}).get("signed") is False for found in forged)


def test_every_topic_of_the_vectors_is_run() -> None:
    topics = {path.stem for path in FOLDER.glob("*.json")}
    assert topics - LEFT_OUT == {
        "answers", "bundles", "consortium", "encoding", "envelopes", "events", "evidence", "headers", "history", "keys", "ledger",
        "manifests", "notes", "receipts", "seals", "state-map", "tree", "trust",
    }  # fmt: skip


def test_it_tells_the_same_sentences() -> None:
    told = 0
    for (name, case, _), found in zip(ALL, results(), strict=True):
        if name == "answer good":
            words = list(verify.tell(python_verdict(case)))
        elif name == "receipt good":
            words = list(verify.tell_receipt(python_receipt(case)))
        elif name == "bundle good":
            words = list(verify.tell_bundle(verify.verify_bundle(canonical(case["bundle"]) + b"\n", trust_of("solo"))))
        else:
            continue
        assert found["gave"]["words"] == words, case["name"]
        told += 1
    assert told > 60


def arguments(case: Case) -> Case:
    given = terms(case)
    found: Case = {"now": given.get("now"), "max_age": given.get("maxAge"), "tier": given.get("tier")}
    if "pin" in given:
        found["pin"] = evidence.Pin(**given["pin"])
        found["consistency"] = None if case.get("offline") else lambda old, new: merkle.prove_consistency(LEAVES[:new], old)
    return found


def python_verdict(case: Case) -> verify.Verified:
    subject = load("answers")["subjects"].get(case.get("subject"))
    files = None if subject is None else manifest.decode(subject.encode())
    return verify.verify_answer(answer_raw(case), trust_of(case["trust"]), subject=files, **arguments(case))


def python_receipt(case: Case) -> verify.VerifiedReceipt:
    raw = decode64(case["entry"]) if "entry" in case else None
    leaf = bytes.fromhex(case["leaf"]) if "leaf" in case else None
    return verify.verify_receipt(case["receipt"], trust_of(case["trust"]), entry=raw, leaf=leaf, **arguments(case))


def test_every_entry_of_the_published_ledger_opens() -> None:
    asked: list[Case] = []
    for block in LEDGER["blocks"]:
        asked += [{"run": "envelope", "raw": case["entry"]} for case in block["entries"]]
        asked += [{"run": "event", "raw": encode64(payload_of(case["entry"]))} for case in block["entries"]]
        asked.append({"run": "header", "text": decode64(block["header"]["entry"]).decode()})
    assert [found for found in run(asked) if "gave" not in found] == []


def test_forms_of_text() -> None:
    forms = load("encoding")["forms"]
    told = [
        (kind == "good", {"run": "form", "form": name[0].upper() + name[1:], "text": text})
        for name, cases in forms.items()
        for kind in ("good", "bad")
        for text in cases[kind]
    ]
    found = run([asked for _, asked in told])
    assert [each["gave"] for each in found] == [wanted for wanted, _ in told]


def test_running_heads() -> None:
    told = load("state-map")["fold"]
    heads = [run([{"run": "key", "name": told["name"]}])[0]["gave"], *(each["head"] for each in told["heads"])]
    asked = [{**each, "run": "fold", "head": head} for head, each in zip(heads, told["heads"], strict=False)]
    assert [found["gave"] for found in run(asked)] == heads[1:]


def test_trees_of_the_vectors() -> None:
    told = load("tree")
    entries = [f"entry {n}" for n in range(22)]
    by_size = told["roots"]
    grown = run([{"run": "tree", "entries": entries[:size]} for size in range(len(by_size))])
    assert [found["gave"] for found in grown] == by_size
    asked: list[Case] = []
    for each in told["inclusion"]:
        leaf = merkle.leaf(entries[each["index"]].encode())
        asked.append(inclusion(leaf, each["index"], each["size"], hashes(each["proof"]), bytes.fromhex(by_size[each["size"]])))
    for each in told["consistency"]:
        sizes = each["old"], each["new"]
        asked.append(consistency(*sizes, hashes(each["proof"]), *(bytes.fromhex(by_size[size]) for size in sizes)))
    assert [found for found in run(asked) if "gave" not in found] == []
    bad = [
        inclusion(bytes.fromhex(each["leaf"]), each["index"], each["size"], hashes(each["proof"]), bytes.fromhex(each["root"]))
        for each in told["badInclusion"]
    ] + [
        consistency(each["old"], each["new"], hashes(each["proof"]), bytes.fromhex(each["oldRoot"]), bytes.fromhex(each["newRoot"]))
        for each in told["badConsistency"]
    ]
    for case, found in zip([*told["badInclusion"], *told["badConsistency"]], run(bad), strict=True):
        check_verdict(case, found)


def inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> Case:
    given = {"leaf": encode64(leaf), "index": str(index), "size": str(size), "proof": list(map(encode64, proof))}
    return {"run": "inclusion", **given, "root": encode64(root)}


def consistency(older: int, newer: int, proof: Sequence[bytes], older_root: bytes, newer_root: bytes) -> Case:
    roots = {"olderRoot": encode64(older_root), "newerRoot": encode64(newer_root)}
    return {"run": "consistency", "older": str(older), "newer": str(newer), "proof": list(map(encode64, proof)), **roots}


def test_ed25519_has_libsodium_s_verdict_on_all_edge_cases(shared_vectors: Path) -> None:
    published = json.loads((shared_vectors / "ed25519-edge" / "ed25519vectors.json").read_text())
    asked = [{"run": "ed25519", "key": case["key"], "message": case["msg"], "signature": case["sig"]} for case in published]
    accepted = [bool(found["gave"]) for found in run(asked)]
    wanted = [keys.is_valid(bytes.fromhex(case["key"]), case["msg"].encode(), bytes.fromhex(case["sig"])) for case in published]
    assert (len(published), sum(accepted)) == (914, 43)
    assert accepted == wanted


def test_rfc_6962_proofs_of_others(shared_vectors: Path) -> None:
    # As in test_merkle_vectors.py: of the one case with roots of 12 bytes only equality is asked.
    asked, wanted = [], []
    for file in sorted((shared_vectors / "merkle").rglob("*.json")):
        case, kind = json.loads(file.read_text("utf-8")), file.relative_to(shared_vectors / "merkle").parts[0]
        proof = [decode64(each) for each in case.get("proof") or []]
        if kind == "inclusion":
            leaf, root = decode64(case["leafHash"]), decode64(case["root"])
            asked.append(inclusion(leaf, int(case["leafIdx"]), int(case["treeSize"]), proof, root))
        elif kind == "consistency":
            roots = decode64(case["root1"]), decode64(case["root2"])
            asked.append(consistency(int(case["size1"]), int(case["size2"]), proof, *roots))
        else:
            continue
        wanted.append((file.stem, case["wantErr"]))
    found = [(name, "gave" not in each) for (name, _), each in zip(wanted, run(asked), strict=True)]
    assert len(found) == 196
    assert found == wanted


def test_checkpoints_of_another_log(shared_vectors: Path) -> None:
    vkey = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
    files = sorted((shared_vectors / "tlog-tiles" / "log").rglob("checkpoint*"))
    cosigner = load("notes")["cosignerKey"]
    asked = [{"run": "openNote", "raw": encode64(file.read_bytes()), "logKey": vkey, "cosignerKey": cosigner} for file in files]
    assert files
    assert [found for found in run(asked) if "gave" not in found] == []


def test_the_vocabulary_is_that_of_the_types() -> None:
    path = Path(__file__).resolve().parents[2] / "tools" / "script_vocabulary.py"
    spec = importlib.util.spec_from_file_location("script_vocabulary", path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.render() == (scripting.MODULES / "vocabulary.js").read_text(encoding="utf-8"), (
        "run python tools/script_vocabulary.py"
    )


def test_the_joined_script_does_what_the_modules_do(tmp_path: Path) -> None:
    kinds = ("answer", "receipt", "bundle", "trust")
    at = [place for place, (_, _, asked) in enumerate(ALL) if asked["run"] in kinds]
    for compact in (True, False):
        joined = tmp_path / f"verify-{compact}.js"
        joined.write_text(scripts.join(compact=compact), encoding="utf-8")
        assert run([ALL[place][2] for place in at], joined) == [results()[place] for place in at]
