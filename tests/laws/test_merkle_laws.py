"""Laws of the tree and its tiles: equal to the RFC's recursive definition, and to pymerkle; every flipped bit fails."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree, verify_consistency

from muniment.core.format import merkle, tiles
from muniment.core.format.merkle import Frontier
from muniment.core.format.tile_reader import TileReader
from muniment.core.format.tiles import Bundle, Tile
from muniment.errors import InvalidInput, VerificationError

LIMIT = 600
ENTRIES = tuple(b"%d" % number for number in range(LIMIT))
LEAVES = tuple(merkle.leaf(entry) for entry in ENTRIES)

sizes = st.integers(0, LIMIT)
positive = st.integers(1, LIMIT)


@st.composite
def leaf_and_size(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(positive)
    return draw(st.integers(0, size - 1)), size


@st.composite
def old_and_new(draw: st.DrawFn) -> tuple[int, int]:
    new = draw(positive)
    return draw(st.integers(1, new)), new


# RFC 6962 section 2.1, written down as it stands there. `_split` is its k.
def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def naive_root(leaves: tuple[bytes, ...]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else merkle.EMPTY
    k = _split(len(leaves))
    return merkle.node(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(m: int, leaves: tuple[bytes, ...]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: tuple[bytes, ...], whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = _split(len(leaves))
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


ROOTS = tuple(naive_root(LEAVES[:size]) for size in range(LIMIT + 1))


@pytest.fixture(scope="module")
def oracle() -> InmemoryTree:
    return InmemoryTree.init_from_entries(ENTRIES)


@given(cuts=st.lists(sizes, max_size=6), size=sizes)
def test_a_frontier_does_not_depend_on_how_it_grew(cuts: list[int], size: int) -> None:
    frontier, at = Frontier(), 0
    for cut in (*sorted(cut for cut in cuts if cut < size), size):
        frontier, at = frontier.extend(LEAVES[at:cut]), cut
        assert frontier.root() == ROOTS[cut]
    assert frontier == Frontier().extend(LEAVES[:size])
    whole = [naive_root(LEAVES[s.index << s.level : (s.index + 1) << s.level]) for s in merkle.plan_frontier(size)]
    assert frontier == merkle.resume(size, whole)


def test_appending_one_by_one_gives_the_same_frontier() -> None:
    frontier = Frontier()
    for leaf in LEAVES:
        frontier = frontier.append(leaf)
    assert frontier == Frontier().extend(LEAVES)
    assert frontier.root() == ROOTS[LIMIT]


@given(leaf_and_size())
def test_inclusion_proofs_are_those_of_the_rfc_and_hold(pair: tuple[int, int]) -> None:
    index, size = pair
    proof = merkle.prove_inclusion(LEAVES[:size], index)
    assert list(proof) == naive_path(index, LEAVES[:size])
    assert merkle.fold_inclusion(LEAVES[index], index, size, proof) == ROOTS[size]


@given(old_and_new())
def test_consistency_proofs_are_those_of_the_rfc_and_hold(pair: tuple[int, int]) -> None:
    old, new = pair
    proof = merkle.prove_consistency(LEAVES[:new], old)
    assert list(proof) == naive_subproof(old, LEAVES[:new], True)
    assert merkle.fold_consistency(old, new, proof, ROOTS[old]) == (ROOTS[old], ROOTS[new])


@settings(max_examples=60)
@given(pair=leaf_and_size())
def test_pymerkle_agrees_on_roots_and_inclusion(oracle: InmemoryTree, pair: tuple[int, int]) -> None:
    index, size = pair
    proof = merkle.prove_inclusion(LEAVES[:size], index)
    theirs = oracle.prove_inclusion(index + 1, size).serialize()  # pymerkle counts leaves from 1
    assert oracle.get_leaf(index + 1) == LEAVES[index]
    assert oracle.get_root(size) == ROOTS[size]
    assert [LEAVES[index].hex(), *(hash_.hex() for hash_ in proof)] == theirs["path"]


@settings(max_examples=60)
@given(pair=old_and_new())
def test_pymerkle_agrees_on_consistency(oracle: InmemoryTree, pair: tuple[int, int]) -> None:
    old, new = pair
    proof = merkle.prove_consistency(LEAVES[:new], old)
    merkle.check_consistency(old, new, proof, oracle.get_root(old), oracle.get_root(new))
    # pymerkle writes another form of consistency proof: its own verdict on our roots is what can be compared.
    verify_consistency(ROOTS[old], ROOTS[new], oracle.prove_consistency(old, new))


@given(pair=leaf_and_size(), data=st.data())
def test_every_flipped_bit_breaks_inclusion(pair: tuple[int, int], data: st.DataObject) -> None:
    index, size = pair
    hashes = [LEAVES[index], *merkle.prove_inclusion(LEAVES[:size], index), ROOTS[size]]
    where, bit = data.draw(st.integers(0, len(hashes) - 1)), data.draw(st.integers(0, 255))
    hashes[where] = (int.from_bytes(hashes[where], "big") ^ 1 << bit).to_bytes(32, "big")
    leaf, *proof, root = hashes
    with pytest.raises(VerificationError) as caught:
        merkle.check_inclusion(leaf, index, size, proof, root)
    assert (caught.value.step, caught.value.code) == (7, "inclusion-root")


@given(pair=old_and_new(), data=st.data())
def test_every_flipped_bit_breaks_consistency(pair: tuple[int, int], data: st.DataObject) -> None:
    old, new = pair
    hashes = [ROOTS[old], *merkle.prove_consistency(LEAVES[:new], old), ROOTS[new]]
    where, bit = data.draw(st.integers(0, len(hashes) - 1)), data.draw(st.integers(0, 255))
    hashes[where] = (int.from_bytes(hashes[where], "big") ^ 1 << bit).to_bytes(32, "big")
    old_root, *proof, new_root = hashes
    with pytest.raises(VerificationError) as caught:
        merkle.check_consistency(old, new, proof, old_root, new_root)
    assert caught.value.step == 5
    assert caught.value.code in {"consistency-old-root", "consistency-new-root"}


@given(pair=leaf_and_size(), another=sizes)
def test_a_proof_holds_for_no_other_leaf(pair: tuple[int, int], another: int) -> None:
    index, size = pair
    proof = merkle.prove_inclusion(LEAVES[:size], index)
    if another != index:
        with pytest.raises(VerificationError):
            merkle.check_inclusion(LEAVES[index], another, size, proof, ROOTS[size])


@given(
    leaf=st.binary(max_size=40),
    index=st.integers(-(2**70), 2**70),
    size=st.integers(-(2**70), 2**70),
    proof=st.lists(st.binary(min_size=31, max_size=33), max_size=4),
)
def test_nothing_outside_the_error_tree_escapes(leaf: bytes, index: int, size: int, proof: list[bytes]) -> None:
    with pytest.raises((InvalidInput, VerificationError)):
        merkle.check_inclusion(leaf, index, size, proof, bytes(32))
    with pytest.raises((InvalidInput, VerificationError)):
        merkle.check_consistency(index, size, proof, leaf, bytes(32))


@given(
    resource=st.builds(Tile, st.integers(0, 63), st.integers(0, 2**63 - 1), st.integers(1, 256))
    | st.builds(Bundle, st.integers(0, 2**63 - 1), st.integers(1, 256))
)
def test_paths_are_read_back(resource: Tile | Bundle) -> None:
    assert tiles.parse_path(tiles.path(resource)) == resource


@settings(max_examples=50, deadline=None)
@given(
    st.text(alphabet="tile/entrs0159x.p\n", max_size=30)
    | st.from_regex(r"tile/[0-9]{1,2}/(x[0-9]{3}/){0,2}[0-9]{3}(\.p/[0-9]{1,3})?")
)
def test_a_path_that_is_read_is_in_its_one_form(text: str) -> None:
    try:
        resource = tiles.parse_path(text)
    except InvalidInput:
        return
    assert tiles.path(resource) == text


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=256))
def test_bundles_are_read_back(entries: list[bytes]) -> None:
    assert list(tiles.decode_bundle(tiles.encode_bundle(entries))) == entries


@given(st.binary(max_size=200))
def test_a_bundle_that_is_read_is_in_its_one_form(raw: bytes) -> None:
    try:
        entries = tiles.decode_bundle(raw)
    except InvalidInput:
        return
    assert tiles.encode_bundle(entries) == raw


@given(st.integers(0, 2**40), st.data())
def test_every_perfect_subtree_is_found_in_a_tile_of_the_tree(size: int, data: st.DataObject) -> None:
    for subtree in merkle.plan_frontier(size):
        level = data.draw(st.integers(0, subtree.level))
        index = data.draw(st.integers(0, (size >> level) - 1))
        tile, height, at = tiles.locate(merkle.Subtree(level, index), size)
        assert 0 <= height < 8
        assert (at + 1) << height <= tile.width
        assert tile.width == min(256, (size >> 8 * tile.level) - 256 * tile.index)
        # The tile's own hashes below the subtree span exactly the subtree's leaves.
        assert ((tile.index << 8) + (at << height)) << 8 * tile.level == index << level
        assert height + 8 * tile.level == level


def _publish(size: int) -> dict[str, bytes]:
    files, row = {}, b"".join(LEAVES[:size])
    for tile in tiles.tiles_for(size):
        if tile.level == 0:
            files[tiles.path(tile)] = row[tile.index * 8192 :][: tile.width * 32]
        else:
            below = [files[tiles.path(Tile(tile.level - 1, tile.index * 256 + at))] for at in range(tile.width)]
            files[tiles.path(tile)] = b"".join(tiles.fold(raw, 8, 0) for raw in below)
    for bundle in tiles.bundles_for(size):
        files[tiles.path(bundle)] = tiles.encode_bundle(ENTRIES[bundle.index * 256 :][: bundle.width])
    return files


@settings(max_examples=25, deadline=None)
@given(size=positive, data=st.data())
def test_a_reader_gives_the_tree_and_finds_every_flipped_bit(size: int, data: st.DataObject) -> None:
    files = _publish(size)
    reader = TileReader(lambda resource: files[tiles.path(resource)], size, ROOTS[size])
    assert tuple(reader.entries()) == ENTRIES[:size]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert reader.prove_inclusion(index) == merkle.prove_inclusion(LEAVES[:size], index)
    assert reader.prove_consistency(old) == merkle.prove_consistency(LEAVES[:size], old)

    name = data.draw(st.sampled_from(sorted(files)))
    raw = bytearray(files[name])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    files[name] = bytes(raw)
    fresh = TileReader(lambda resource: files[tiles.path(resource)], size, ROOTS[size])
    with pytest.raises((VerificationError, InvalidInput)) as caught:
        list(fresh.entries())
    # A flipped bit in a tile never changes its form; in a bundle it may hit a length.
    assert isinstance(caught.value, VerificationError) or "entries" in name
