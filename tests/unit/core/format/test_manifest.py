"""Manifests: one form on the wire, one root, and a proof for each file."""

from __future__ import annotations

import hashlib
import tracemalloc

import msgspec
import pytest

from muniment.core.format import manifest
from muniment.core.format.manifest import FileProof, Line
from muniment.errors import InvalidInput, NotFound, VerificationError

LINES = [
    Line("weights/model.safetensors", hashlib.sha256(b"weights").hexdigest(), 7),
    Line("config.json", hashlib.sha256(b"{}").hexdigest(), 2),
    Line("weights.json", hashlib.sha256(b"").hexdigest(), 0),
    Line("Größe/größe.txt", hashlib.sha256(b"x").hexdigest(), 1),
]


def oracle_root(entries: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 as it is written there."""
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    half = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + oracle_root(entries[:half]) + oracle_root(entries[half:])).digest()


def code_of(raw: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        manifest.decode(raw)
    return caught.value.code


def test_lines_are_sorted_by_the_bytes_of_their_paths() -> None:
    found = manifest.build(LINES)
    paths = [line.path for line in found.lines]
    assert paths == ["Größe/größe.txt", "config.json", "weights.json", "weights/model.safetensors"]
    assert paths == sorted(paths, key=str.encode)
    assert found.total_bytes == 10


def test_the_encoded_form_to_the_byte() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    raw = manifest.encode(manifest.build([LINES[1], LINES[3]]))
    assert (
        raw
        == (
            f'{{"path":"Größe/größe.txt","sha256":"{digest}","size":1}}\n'
            f'{{"path":"config.json","sha256":"{LINES[1].sha256}","size":2}}\n'
        ).encode()
    )
    assert manifest.encode(manifest.decode(raw)) == raw


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 31])
def test_the_root_is_that_of_rfc_6962_and_every_file_has_a_proof(count: int) -> None:
    found = manifest.build([Line(f"{number:03}", hashlib.sha256(b"%d" % number).hexdigest(), number) for number in range(count)])
    root = manifest.root(found)
    assert root == oracle_root(manifest.encode(found).split(b"\n")[:-1])
    for line in found.lines:
        proof = manifest.prove(found, line.path)
        manifest.check(root, line, manifest.decode_proof(manifest.encode_proof(proof)))


def test_a_proof_of_something_else_fails_at_step_12() -> None:
    found = manifest.build(LINES)
    root, line = manifest.root(found), found.lines[1]
    proof = manifest.prove(found, line.path)
    wrong = [
        (root, msgspec.structs.replace(line, size=3), proof, "file-proof-root"),
        (root, msgspec.structs.replace(line, path="config.jsom"), proof, "file-proof-root"),
        (root, msgspec.structs.replace(line, sha256="0" * 64), proof, "file-proof-root"),
        (b"\0" * 32, line, proof, "file-proof-root"),
        (root, line, FileProof(0, proof.size, proof.hashes), "file-proof-root"),
        (root, line, FileProof(9, proof.size, proof.hashes), "file-proof-index"),
        (root, line, FileProof(proof.index, proof.size, proof.hashes[:1]), "file-proof-length"),
    ]
    for root_, line_, proof_, code in wrong:
        with pytest.raises(VerificationError) as caught:
            manifest.check(root_, line_, proof_)
        assert (caught.value.step, caught.value.code) == (12, code)


def test_proofs_are_read_strictly() -> None:
    raw = manifest.encode_proof(manifest.prove(manifest.build(LINES), "config.json"))
    for bad in (
        b"",
        b"{}",
        raw + b" ",
        raw.replace(b'"index":1', b'"index":01'),
        raw.replace(b"=", b""),
        raw.replace(b"[", b"[null,"),
    ):
        with pytest.raises(InvalidInput):
            manifest.decode_proof(bad)


def test_a_file_that_is_not_listed_has_no_proof() -> None:
    with pytest.raises(NotFound) as caught:
        manifest.prove(manifest.build(LINES), "missing.json")
    assert caught.value.code == "file-not-listed"


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b",
        ".hidden",
        "..a",
        "a..",
        "a b",
        " ",
        "a:b",
        "model-00001-of-00002.safetensors",
        "é",
        "日本/モデル",
        "👩‍🔬.txt",
        "x" * 1024,
    ],
)
def test_paths_that_are_taken(path: str) -> None:
    manifest.check_path(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/./b", "a/../b", "a/..", "x" * 1025, "é" * 513),
        *("a\\b", "a\nb", "a\0", "\x7f", "\x85", "\u2028", "\u202ea", "a\u2066", "\u200f", "e\u0301", "\ud800"),
    ],
)
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        manifest.check_path(path)
    assert caught.value.code == "bad-path"


def test_what_a_manifest_cannot_hold() -> None:
    digest = "0" * 64
    for lines, code in [
        ([], "empty-manifest"),
        ([Line("a", digest, 0), Line("a", digest, 0)], "path-twice"),
        ([Line("a", digest, 0), Line("a-b", digest, 0), Line("a/b", digest, 0)], "path-twice"),
        ([Line("a/b", digest, 0), Line("a/b/c/d", digest, 0)], "path-twice"),
        ([Line("a", digest, 0), Line("a.", digest, 0), Line("a.b/c", digest, 0), Line("a/b", digest, 0)], "path-twice"),
        ([Line("a", digest.upper() + "A", 0)], "bad-digest"),
        ([Line("a", digest, -1)], "integer-range"),
        ([Line("a", digest, 2**53)], "integer-range"),
        ([Line("../a", digest, 1)], "bad-path"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            manifest.build(lines)
        assert caught.value.code == code


def test_decode_takes_only_the_one_form() -> None:
    raw = manifest.encode(manifest.build(LINES))
    first, second, *rest = raw.splitlines(keepends=True)
    assert code_of(b"") == "empty-manifest"
    assert code_of(raw[:-1]) == "cut-off"
    assert code_of(b"".join([second, first, *rest])) == "not-sorted"
    assert code_of(b"".join([first, first, second, *rest])) == "path-twice"
    assert code_of(raw.replace(b'"size":2', b'"size": 2')) == "not-canonical"
    assert code_of(raw.replace(b'"size":2', b'"size":2,"x":1')) == "schema"
    assert code_of(raw.replace(b'"size":2', b'"size":-2')) == "schema"
    assert code_of(raw.replace(b"\n", b"\r\n")) == "not-canonical"
    assert code_of(raw + b"\n") == "not-json"
    assert code_of(b"\xff\n") == "not-json"
    assert code_of(b"[" * 5000 + b"\n") == "too-deep"
    assert code_of(raw.replace(b"config.json", b"../onf.json")) == "bad-path"


def test_limits_are_met_before_any_line_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = manifest.encode(manifest.build(LINES))
    monkeypatch.setattr(manifest, "MAX_LINES", 3)
    assert code_of(raw) == "too-many-lines"
    with pytest.raises(InvalidInput):
        manifest.build(LINES)
    monkeypatch.setattr(manifest, "MAX_BYTES", 100)
    assert code_of(raw) == "too-long"


def test_deep_folders_cost_no_memory() -> None:
    """A hostile manifest of some megabytes must not fill the memory with the folders that it names."""
    deep = manifest.build([Line(f"{number:05d}/" + "a/" * 500 + "b", "0" * 64, 0) for number in range(2_000)])
    raw = manifest.encode(deep)
    tracemalloc.start()
    manifest.decode(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * len(raw)


def test_compare_two_manifests() -> None:
    old = manifest.build(LINES)
    new = manifest.build([Line("config.json", "0" * 64, 5), *LINES[2:]])
    found = manifest.compare(old, new)
    assert (found.changed, found.removed) == (("config.json",), ("weights/model.safetensors",))
    assert manifest.compare(old, old).is_empty
