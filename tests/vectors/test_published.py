"""The published vectors hold for our own code: every good case passes, every bad one fails as it says."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cases import FOLDER, Case, canonical, decode64, each, edited, fails, hashes, load, raw_of, verifier
from muniment.client import key_request
from muniment.core.format import (
    checkpoint,
    decimal,
    dsse,
    encoding,
    entry,
    keys,
    manifest,
    merkle,
    note,
    state_map,
    statement,
    tiles,
)
from muniment.core.format.manifest import FileProof, Line
from muniment.core.format.state_map import History
from muniment.core.format.tiles import Bundle, Tile
from muniment.core.rules import chain, events, genesis, policy
from muniment.core.rules.events import operation, stream_name, value
from muniment.ledger.signers import SeedSigner

REPOSITORY = FOLDER.parent.parent.parent
FORMS = {
    "identifier": encoding.Identifier,
    "segment": encoding.Segment,
    "digest": encoding.HexDigest,
    "gitDigest": encoding.GitDigest,
    "eventId": encoding.EventId,
    "time": encoding.Time,
    "decimal": encoding.Decimal,
    "origin": genesis.Origin,
    "mapKey": value.Key,
    "clearText": value.ClearText,
    "control": value.Control,
    "clause": value.Clause,
    "mediaType": value.MediaType,
    "eventName": policy.EventName,
    "country": operation.Country,
    "signature": genesis.Signature,
    "commitment": statement.SealedDigest,
    "salt": statement.Salt,
    "subjectName": statement.SubjectName,
    "stream": stream_name.Stream,
}


def test_the_vectors_are_what_the_code_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "tools/vectors.py", str(tmp_path)], cwd=REPOSITORY, check=True, capture_output=True)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    assert sorted(written) == sorted(kept)
    assert [name for name in sorted(kept) if written[name] != kept[name]] == [], "run `make docs`"


def test_every_file_is_explained() -> None:
    page = (FOLDER.parent / "vectors.md").read_text(encoding="utf-8")
    assert [path.name for path in FOLDER.iterdir() if f"`{path.name}`" not in page] == []


@each("keys", "keys")
def test_keys(case: Case) -> None:
    assert SeedSigner(bytes.fromhex(case["seed"])).public_key.hex() == case["public"]


@each("encoding", "good")
def test_canonical_json(case: Case) -> None:
    raw = case["text"].encode()
    assert encoding.encode(encoding.decode(raw)) == raw
    encoding.check_limits(raw, len(raw))


@each("encoding", "bad")
def test_other_json(case: Case) -> None:
    fails(case, lambda: encoding.decode(raw_of(case), limit=case.get("limit", encoding.MAX_PAYLOAD_BYTES)))


@pytest.mark.parametrize("form", sorted(load("encoding")["forms"]))
def test_forms_of_text(form: str) -> None:
    cases = load("encoding")["forms"][form]
    for text in cases["good"]:
        assert msgspec.convert(text, FORMS[form]) == text
    for text in cases["bad"]:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(text, FORMS[form])


def test_every_form_is_there() -> None:
    assert sorted(load("encoding")["forms"]) == sorted(FORMS)


def test_decimals() -> None:
    vectors = load("decimals")
    for case in vectors["compared"]:
        assert decimal.compare(case["left"], case["right"]) == case["order"] == -decimal.compare(case["right"], case["left"])
    for case in vectors["held"]:
        assert decimal.holds(case["value"], case["comparator"], case["threshold"]) is case["holds"]
    for case in vectors["bad"]:
        fails(case, lambda: decimal.parse(case["text"]))  # noqa: B023


@each("manifests", "good")
def test_manifests(case: Case) -> None:
    read = manifest.decode(case["manifest"].encode())
    assert manifest.root(read).hex() == case["root"]
    assert manifest.encode(read).decode() == case["manifest"]
    for line in read.lines:
        proof = manifest.decode_proof(canonical(case["proofs"][line.path]))
        manifest.check(bytes.fromhex(case["root"]), line, proof)
        assert manifest.prove(read, line.path) == proof


@each("manifests", "bad")
def test_bad_manifests(case: Case) -> None:
    fails(case, lambda: manifest.decode(case["manifest"].encode()))


@each("manifests", "badProofs")
def test_bad_file_proofs(case: Case) -> None:
    line, proof = msgspec.convert(case["line"], Line), msgspec.convert(case["proof"], FileProof)
    fails(case, lambda: manifest.check(bytes.fromhex(case["root"]), line, proof))


@each("seals", "good", "bad")
def test_seals(case: Case) -> None:
    def open_it() -> None:
        shown = statement.Disclosure(case["disclosure"]["salt"], case["disclosure"]["value"])
        statement.check_disclosure(statement.Sealed(case["sealed"]), shown)

    fails(case, open_it) if "code" in case else open_it()


@each("envelopes", "good")
def test_envelopes(case: Case) -> None:
    raw = decode64(case["entry"])
    envelope = dsse.decode(raw)
    assert dsse.open(envelope).decode() == case["payload"]
    assert (envelope.key.hex(), envelope.signature.hex()) == (case["publicKey"], case["signature"])
    assert dsse.pae(envelope.payload) == decode64(case["pae"])
    assert dsse.encode(envelope) == raw
    assert merkle.leaf(raw).hex() == case["leaf"]


@each("envelopes", "bad")
def test_bad_envelopes(case: Case) -> None:
    fails(case, lambda: dsse.decode(raw_of(case)))


@each("envelopes", "forged")
def test_forged_envelopes(case: Case) -> None:
    dsse.decode(decode64(case["entry"]))
    fails(case, lambda: chain.open_submission(decode64(case["entry"])))


@each("events", "good")
def test_events(case: Case) -> None:
    event = events.decode(case["payload"].encode())
    assert list(events.streams(event)) == case["streams"]
    assert [{"name": each.name, "sha256": each.sha256} for each in events.subjects(event)] == case["subjects"]


@each("events", "bad")
def test_bad_events(case: Case) -> None:
    fails(case, lambda: events.streams(events.decode(case["payload"].encode())))


@each("headers", "good")
def test_headers(case: Case) -> None:
    raw = case["text"].encode()
    header = entry.decode(raw)
    assert isinstance(header, entry.Header)
    assert entry.encode_header(header) == raw
    assert merkle.leaf(raw).hex() == case["leaf"]
    assert entry.leaf_without_state(header).hex() == case["leafWithoutState"]
    assert (
        merkle.leaf(canonical({k: v for k, v in msgspec.json.decode(raw).items() if k != "state"})).hex()
        == case["leafWithoutState"]
    )


@each("headers", "bad")
def test_bad_headers(case: Case) -> None:
    fails(case, lambda: entry.decode_header(case["text"].encode()))


@each("headers", "goodGenesis")
def test_geneses(case: Case) -> None:
    raw = case["text"].encode()
    assert genesis.encode(genesis.decode(raw)) == raw


@each("headers", "badGenesis")
def test_bad_geneses(case: Case) -> None:
    fails(case, lambda: genesis.decode(case["text"].encode()))


@each("key-requests", "good")
def test_key_requests(case: Case) -> None:
    request = key_request.parse(case["line"])
    assert msgspec.to_builtins(request) == case["request"]
    assert key_request.format(request) == case["line"]


@each("key-requests", "bad")
def test_bad_key_requests(case: Case) -> None:
    fails(case, lambda: key_request.parse(case["line"]))


def open_note(case: Case) -> tuple[checkpoint.Checkpoint, list[int]]:
    vectors = load("notes")
    raw = case["note"].encode()
    head = checkpoint.open(raw, verifier(vectors["logKey"]))
    return head, [each.time for each in checkpoint.open_cosignatures(note.parse(raw), [verifier(vectors["cosignerKey"])])]


@each("notes", "opened")
def test_notes(case: Case) -> None:
    head, times = open_note(case)
    assert (head.size, head.root.hex(), times) == (case["size"], case["root"], case["cosigned"])


@each("notes", "refused")
def test_forged_notes(case: Case) -> None:
    fails(case, lambda: open_note(case))


@each("notes", "goodKeys")
def test_verifier_keys(case: Case) -> None:
    key = keys.parse(case["vkey"])
    assert (key.name, key.key_id.hex(), key.type, key.public_key.hex()) == tuple(
        case[k] for k in ("name", "keyId", "type", "material")
    )
    assert keys.format(key) == case["vkey"]


@each("notes", "badKeys")
def test_bad_verifier_keys(case: Case) -> None:
    fails(case, lambda: keys.parse(case["vkey"]))


@each("notes", "badNotes")
def test_bad_notes(case: Case) -> None:
    fails(case, lambda: note.parse(case["note"].encode()))


@each("notes", "goodCheckpoints")
def test_checkpoints(case: Case) -> None:
    read = checkpoint.parse(case["text"])
    assert (read.origin, read.size, read.root.hex()) == (case["origin"], case["size"], case["root"])
    assert checkpoint.format(read) == case["text"]


@each("notes", "badCheckpoints")
def test_bad_checkpoints(case: Case) -> None:
    fails(case, lambda: checkpoint.parse(case["text"]))


def leaves(size: int) -> list[bytes]:
    return [hashlib.sha256(b"\0" + f"entry {n}".encode()).digest() for n in range(size)]


def test_the_tree() -> None:
    vectors = load("tree")
    roots = [bytes.fromhex(root) for root in vectors["roots"]]
    assert [merkle.root(leaves(size)) for size in range(len(roots))] == roots
    for case in vectors["inclusion"]:
        proof, index, size = hashes(case["proof"]), case["index"], case["size"]
        merkle.check_inclusion(leaves(size)[index], index, size, proof, roots[size])
        assert merkle.prove_inclusion(leaves(size), index) == proof
    for case in vectors["consistency"]:
        proof, old, new = hashes(case["proof"]), case["old"], case["new"]
        merkle.check_consistency(old, new, proof, roots[old], roots[new])
        assert merkle.prove_consistency(leaves(new), old) == proof


@each("tree", "badInclusion")
def test_bad_inclusion(case: Case) -> None:
    leaf, root = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"])
    fails(case, lambda: merkle.check_inclusion(leaf, case["index"], case["size"], hashes(case["proof"]), root))


@each("tree", "badConsistency")
def test_bad_consistency(case: Case) -> None:
    old_root, new_root = bytes.fromhex(case["oldRoot"]), bytes.fromhex(case["newRoot"])
    fails(case, lambda: merkle.check_consistency(case["old"], case["new"], hashes(case["proof"]), old_root, new_root))


def test_tiles() -> None:
    vectors = load("tree")
    for case in vectors["paths"]:
        place = (
            Bundle(case["index"], case["width"])
            if case["level"] == "entries"
            else Tile(case["level"], case["index"], case["width"])
        )
        assert tiles.path(place) == case["path"]
        assert tiles.parse_path(case["path"]) == place
    for path in vectors["badPaths"]:
        fails({"code": "bad-tile-path"}, lambda: tiles.parse_path(path))  # noqa: B023
    assert tiles.decode_bundle(decode64(vectors["bundle"]["bytes"])) == hashes(vectors["bundle"]["entries"])
    for case in vectors["badBundles"]:
        fails(case, lambda: tiles.decode_bundle(decode64(case["bytes"])))  # noqa: B023


def root_of(records: dict[str, object]) -> bytes:
    rows = [(state_map.key(name), canonical(record)) for name, record in records.items()]
    return state_map.bulk(sorted((key, state_map.leaf(key, raw)) for key, raw in rows))


def check_state(root: str, shown: object) -> bytes | None:
    return state_map.check(bytes.fromhex(root), state_map.decode_proof(canonical(shown)))


def test_the_state_map() -> None:
    vectors = load("state-map")
    for case in vectors["keys"]:
        assert state_map.key(case["name"]).hex() == case["key"]
    head = state_map.key(vectors["fold"]["name"])
    for case in vectors["fold"]["heads"]:
        head = state_map.fold(head, case["index"], bytes.fromhex(case["leaf"]))
        assert head.hex() == case["head"]
    ledger = vectors["ledger"] | {"records": load("ledger")["records"]}
    for case in (*vectors["maps"], ledger):
        assert root_of(case["records"]).hex() == case["root"]
        for proof in case["proofs"]:
            record = case["records"].get(proof["name"])
            assert check_state(case["root"], proof) == (None if record is None else canonical(record))


@each("state-map", "forged")
def test_forged_state(case: Case) -> None:
    fails(case, lambda: check_state(case["root"], case["proof"]))


@each("state-map", "badRecords")
def test_bad_records(case: Case) -> None:
    fails(case, lambda: state_map.decode_record(canonical(case["record"])))


def read_history(case: Case) -> History:
    events, pairs = (tuple((link["index"], bytes.fromhex(link["leaf"])) for link in case[k]) for k in ("events", "later"))
    return History(decode64(case["before"]), events, pairs)


def test_standings() -> None:
    vectors = load("history")
    record = state_map.decode_record(canonical(vectors["record"]))
    for case in vectors["standings"]:
        assert state_map.compare(record, case["bound"]) == case["standing"]
        assert state_map.compare(None, case["bound"]) == "absent"


@each("history", "good", "bad")
def test_histories(case: Case) -> None:
    vectors = load("history")
    record = state_map.decode_record(canonical(vectors["record"]))

    def check() -> state_map.Past:
        return state_map.check_history(vectors["name"], record, case["bound"], read_history(case))

    if "code" in case:
        fails(case, check)
    else:
        past = check()
        assert case["past"] == {k: getattr(past, k) for k in ("count", "first", "last", "start")} | {"head": past.head.hex()}


def test_patches_are_applied() -> None:
    operations = [
        {"op": "replace", "path": "/a/0", "value": 2},
        {"op": "remove", "path": "/b"},
        {"op": "add", "path": "/a/1", "value": 3},
    ]
    assert edited({"a": [1], "b": 0}, operations) == {"a": [2, 3]}
