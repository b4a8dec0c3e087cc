"""What holds for every manifest: one form, one root, and no proof of anything else."""

from __future__ import annotations

import hashlib
import unicodedata
from contextlib import suppress

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from muniment.core.format import difference, manifest, oms
from muniment.core.format.encoding import MAX_INTEGER
from muniment.core.format.manifest import FileProof, Line, Manifest
from muniment.errors import InvalidInput, MunimentError, VerificationError

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
segments = (
    st.text(st.characters(exclude_categories=("C", "Zl", "Zp"), exclude_characters="/\\"), min_size=1, max_size=8)
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(lambda text: text not in (".", ".."))
)
# The suffix keeps a path from being another path's folder.
paths = st.lists(segments, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".f")
lines = st.builds(Line, path=paths, sha256=digests, size=st.integers(0, MAX_INTEGER))
listings = st.lists(lines, min_size=1, max_size=20, unique_by=lambda line: line.path)


def built(found: list[Line]) -> Manifest:
    try:
        return manifest.build(found)
    except InvalidInput as error:
        assume(error.code != "path-twice")
        raise


@given(listings, st.randoms())
def test_order_of_arrival_does_not_matter(found: list[Line], random: object) -> None:
    expected = built(found)
    random.shuffle(found)  # type: ignore[attr-defined]
    assert manifest.build(found) == expected
    assert manifest.root(manifest.build(found)) == manifest.root(expected)


@given(listings)
def test_both_round_trips(found: list[Line]) -> None:
    first = built(found)
    raw = manifest.encode(first)
    assert manifest.decode(raw) == first
    assert manifest.encode(manifest.decode(raw)) == raw


@given(listings, st.data())
def test_a_flipped_bit_is_another_manifest_or_none(found: list[Line], data: st.DataObject) -> None:
    first = built(found)
    raw = bytearray(manifest.encode(first))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        other = manifest.decode(bytes(raw))
    except InvalidInput:
        return
    assert manifest.root(other) != manifest.root(first)


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_no_input_escapes_the_error_tree(raw: bytes) -> None:
    for read in (manifest.decode, manifest.decode_proof, oms.decode):
        with pytest.raises(InvalidInput):
            read(raw)
    with pytest.raises(InvalidInput):
        manifest.decode(b'{"path":"a","sha256":"' + raw + b'","size":1}\n')


@given(st.text(max_size=30))
def test_a_path_is_taken_in_one_form_or_refused(path: str) -> None:
    try:
        manifest.check_path(path)
    except InvalidInput:
        return
    assert path == unicodedata.normalize("NFC", path)
    assert not {"", ".", ".."} & set(path.split("/"))
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in path)


@given(listings)
def test_every_line_has_a_proof(found: list[Line]) -> None:
    whole = built(found)
    root = manifest.root(whole)
    for index, line in enumerate(whole.lines):
        proof = manifest.prove(whole, line.path)
        assert (proof.index, proof.size) == (index, len(whole.lines))
        assert manifest.decode_proof(manifest.encode_proof(proof)) == proof
        manifest.check(root, line, proof)


@given(listings, st.data())
def test_a_changed_proof_line_or_root_fails_at_step_12(found: list[Line], data: st.DataObject) -> None:
    whole = built(found)
    root, line = manifest.root(whole), data.draw(st.sampled_from(whole.lines))
    proof = manifest.prove(whole, line.path)
    bit = data.draw(st.integers(0, 255))

    def flip(raw: bytes) -> bytes:
        return (int.from_bytes(raw, "big") ^ 1 << bit).to_bytes(32, "big")

    wrong: list[tuple[bytes, Line, FileProof]] = [
        (flip(root), line, proof),
        (root, msgspec.structs.replace(line, size=line.size - 1 if line.size else 1), proof),
        (root, msgspec.structs.replace(line, path=f"{line.path}x"), proof),
        (root, msgspec.structs.replace(line, sha256=flip(bytes.fromhex(line.sha256)).hex()), proof),
        (root, line, msgspec.structs.replace(proof, hashes=(*proof.hashes, root))),
    ]
    for number, one in enumerate(proof.hashes):
        hashes = (*proof.hashes[:number], flip(one), *proof.hashes[number + 1 :])
        wrong.append((root, line, msgspec.structs.replace(proof, hashes=hashes)))
    for case in wrong:
        with pytest.raises(VerificationError) as caught:
            manifest.check(*case)
        assert caught.value.step == 12


@given(listings, listings)
def test_a_difference_names_every_path_once(first: list[Line], second: list[Line]) -> None:
    old, new = built(first), built(second)
    found = manifest.compare(old, new)
    parts = (found.changed, found.added, found.removed, found.same)
    everything = [path for part in parts for path in part]
    assert sorted(everything) == sorted({line.path for line in (*old.lines, *new.lines)})
    back = manifest.compare(new, old)
    assert (back.changed, back.added, back.removed, back.same) == (found.changed, found.removed, found.added, found.same)
    assert found.is_empty == (manifest.digests(old) == manifest.digests(new))
    said = difference.sentence(found)
    assert said
    assert "\n" not in said
    assert ("identical" in said) or not found.same


@given(listings)
def test_the_openssf_statement_speaks_of_the_same_files(found: list[Line]) -> None:
    whole = built(found)
    statement = oms.build(whole, name="model")
    raw = oms.encode(statement)
    assert oms.decode(raw) == statement
    oms.check(statement, whole)
    oms.check(msgspec.structs.replace(statement, resources=oms.sort_by_component(statement.resources)), whole)
    concatenated = b"".join(bytes.fromhex(line.sha256) for line in sorted(found, key=lambda line: line.path))
    assert oms.subject_digest(statement.resources) == hashlib.sha256(concatenated).digest()


@given(listings, st.data())
def test_garbled_statements_raise_nothing_but_errors_of_the_tree(found: list[Line], data: st.DataObject) -> None:
    raw = bytearray(oms.encode(oms.build(built(found), name="model")))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(MunimentError):
        oms.check(oms.decode(bytes(raw)), built(found))
