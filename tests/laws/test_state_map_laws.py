"""Laws of the state map: one root for one set of records, one verdict for one key, and no other path than the true one."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.core.format import state_map
from muniment.core.format.state_map import History, Other, Record, StateProof, Tree
from muniment.errors import CorruptStore, InvalidInput, VerificationError

Leaves = dict[bytes, bytes]

# Keys that share long prefixes, as no SHA-256 of a name ever will: a base with a few bits flipped.
_bases = st.sampled_from([bytes(32), b"\xff" * 32, sha256(b"base").digest()])
_flips = st.lists(st.integers(0, 255) | st.integers(8, 26), max_size=3)
_keys = st.builds(
    lambda base, flips: (int.from_bytes(base, "big") ^ sum(1 << 255 - bit for bit in set(flips))).to_bytes(32, "big"),
    _bases,
    _flips,
)
_leaves = st.dictionaries(_keys, st.binary(min_size=32, max_size=32).filter(any), max_size=12)
# The count only tunes the cache; a false one makes it as deep for a few records as for many.
_counts = st.sampled_from([0, 5_000, 40_000])
_names = st.lists(st.text("abc/", min_size=1, max_size=4), unique=True, max_size=12)


def oracle(leaves: Leaves, depth: int = 0) -> bytes:
    """The rule of the specification, read naively: split by each bit in turn."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return next(iter(leaves.values()))
    right = {key: leaf for key, leaf in leaves.items() if key[depth // 8] & 128 >> depth % 8}
    left = {key: leaf for key, leaf in leaves.items() if key not in right}
    if not left or not right:
        return oracle(left or right, depth + 1)
    return sha256(bytes([3, depth]) + oracle(left, depth + 1) + oracle(right, depth + 1)).digest()


class Store:
    """What a database would keep."""

    def __init__(self, leaves: Leaves) -> None:
        self.leaves = dict(leaves)
        cells = state_map.bulk_cells(sorted(leaves.items()))
        self.rows = [b"".join(cells[16 * row : 16 * row + 16]) for row in range(256)]

    def read(self, ranges: list[state_map.Range]) -> list[state_map.Row]:
        assert all(one[1] < other[0] for one, other in pairwise(ranges))
        return [row for low, high in ranges for row in sorted(self.leaves.items()) if low <= row[0] <= high]

    def build(self, tree: Tree, leaves: Leaves) -> state_map.Change:
        ranges = tree.plan(leaves)
        return tree.build(ranges, self.read(ranges), leaves)

    def write(self, tree: Tree, leaves: Leaves) -> state_map.Change:
        change = self.build(tree, leaves)
        assert change.added == len(leaves.keys() - self.leaves.keys())
        self.leaves.update(leaves)
        for row_id, hashes in change.cells.items():
            self.rows[row_id] = hashes
        tree.commit(change)
        return change

    def prove(self, tree: Tree, key: bytes) -> state_map.Path:
        return tree.prove(key, self.read(tree.plan_proof(key)))


@given(st.lists(_leaves, max_size=5), _counts)
@settings(max_examples=60, deadline=None)
def test_the_root_is_a_function_of_the_set(batches: list[Leaves], count: int) -> None:
    store = Store({})
    tree = Tree.decode([], count)
    for batch in batches:
        change = store.write(tree, batch)
        assert change.root == tree.root() == oracle(store.leaves)
    assert store.rows == Store(store.leaves).rows
    assert state_map.bulk(sorted(store.leaves.items())) == tree.root() == Tree.decode(store.rows, 0).root()
    # The same records again, one at a time and from the last to the first.
    again, alone = Store({}), Tree.decode([], 0)
    for key, leaf in reversed(store.leaves.items()):
        again.write(alone, {key: leaf})
    assert alone.root() == tree.root()


@given(_leaves, _leaves, _leaves, _counts)
@settings(max_examples=60, deadline=None)
def test_a_rollback_forgets_everything(first: Leaves, second: Leaves, third: Leaves, count: int) -> None:
    store = Store(first)
    tree = Tree.decode(store.rows, count)
    roots = set()
    for _ in range(2):
        change = store.build(tree, second)
        roots.add(change.root)
        tree.rollback(change)
        assert tree.root() == oracle(first)
    assert roots == {oracle({**first, **second})}
    store.write(tree, third)
    assert tree.root() == oracle(store.leaves)


@given(_leaves, st.lists(st.tuples(st.integers(0, 1), _leaves), max_size=6), _counts)
@settings(max_examples=60, deadline=None)
def test_two_processes_share_one_store(first: Leaves, turns: list[tuple[int, Leaves]], count: int) -> None:
    store = Store(first)
    trees = [Tree.decode(store.rows, count), Tree.decode(store.rows, 0)]
    for writer, batch in turns:
        change = store.write(trees[writer], batch)
        for row_id, hashes in change.cells.items():
            trees[1 - writer].replace(row_id, hashes)
        trees[1 - writer].resize(len(store.leaves))
        assert trees[0].root() == trees[1].root() == oracle(store.leaves)


@given(_leaves.filter(bool), _leaves, _keys, _counts)
@settings(max_examples=100, deadline=None)
def test_every_path_leads_to_the_root(leaves: Leaves, more: Leaves, absent: bytes, count: int) -> None:
    store = Store(leaves)
    tree = Tree.decode(store.rows, count)
    for _ in range(2):
        for key in (*store.leaves, absent):
            path = store.prove(tree, key)
            assert path.end is not None
            assert (path.end == key) == (key in store.leaves)
            assert state_map.climb(key, store.leaves[path.end], path.depths, path.siblings) == oracle(store.leaves)
        store.write(tree, more)


@given(_leaves.filter(bool), st.data(), _counts, st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_wrong_row_is_found_before_anything_builds_on_it(leaves: Leaves, data: st.DataObject, count: int, warm: bool) -> None:
    store = Store(leaves)
    tree = Tree.decode(store.rows, count)
    if warm:
        everything = tree.plan(leaves)
        tree.commit(tree.build(everything, store.read(everything), {}))
    wrong = data.draw(st.sampled_from(sorted(leaves)))
    before = store.leaves.pop(wrong)
    if data.draw(st.booleans()):
        store.leaves[wrong] = bytes([before[0] ^ 1]) + before[1:]
    with pytest.raises(CorruptStore):
        store.build(tree, {wrong: bytes(32)})
    with pytest.raises(CorruptStore):
        store.prove(tree, wrong)
    assert tree.root() == oracle(leaves)


def value_of(name: str) -> bytes:
    return b'{"name":"%b"}' % name.encode()


def prove(store: Store, tree: Tree, name: str, names: list[str]) -> StateProof:
    path = store.prove(tree, state_map.key(name))
    end = next((each for each in names if state_map.key(each) == path.end), None)
    if end == name:
        return state_map.prove_presence(name, value_of(name), path)
    return state_map.prove_absence(name, None if end is None else value_of(end), path)


def holds(root: bytes, proof: StateProof) -> bool:
    try:
        state_map.check(root, proof)
    except VerificationError:
        return False
    return True


@given(_names, _names, _counts)
@settings(max_examples=40, deadline=None)
def test_a_key_has_one_verdict(names: list[str], others: list[str], count: int) -> None:
    store = Store({state_map.key(name): state_map.leaf(state_map.key(name), value_of(name)) for name in names})
    tree = Tree.decode(store.rows, count)
    root = tree.root()
    asked = dict.fromkeys(names + others)
    proofs = {name: prove(store, tree, name, names) for name in asked}
    for name, proof in proofs.items():
        raw = state_map.encode_proof(proof)
        assert state_map.check(root, state_map.decode_proof(raw)) == (value_of(name) if name in names else None)
    # Every path and every record there is, shown for every name as presence and as absence: only what is true is accepted.
    for name in asked:
        for path in proofs.values():
            for record in names:
                shown = msgspec.structs.replace(path, name=name, value=msgspec.Raw(value_of(record)), other=msgspec.UNSET)
                assert not holds(root, shown) or record == name
                other = Other(state_map.key(record).hex(), sha256(value_of(record)).hexdigest())
                shown = msgspec.structs.replace(path, name=name, value=msgspec.UNSET, other=other)
                assert not holds(root, shown) or name not in names
            assert not holds(root, msgspec.structs.replace(path, name=name, value=msgspec.UNSET, other=msgspec.UNSET)) or not names


@given(
    st.lists(st.text("abc/", min_size=1, max_size=4), unique=True, min_size=2, max_size=12),
    st.text("abc/", min_size=1, max_size=4),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_any_altered_bit_fails(names: list[str], name: str, data: st.DataObject) -> None:
    store = Store({state_map.key(each): state_map.leaf(state_map.key(each), value_of(each)) for each in names})
    tree = Tree.decode(store.rows, len(names))
    proof = prove(store, tree, name, names)
    root = tree.root()
    place = data.draw(st.integers(0, len(proof.depths) - 1))
    bit = data.draw(st.integers(0, 255))
    siblings = list(proof.siblings)
    siblings[place] = (int.from_bytes(siblings[place], "big") ^ 1 << bit).to_bytes(32, "big")
    refused(root, msgspec.structs.replace(proof, siblings=tuple(siblings)), "state-root")
    depths = list(proof.depths)
    depths[place] = data.draw(st.integers(0, 256).filter(lambda depth: depth != proof.depths[place]))
    refused(root, msgspec.structs.replace(proof, depths=tuple(depths)), "state-depths", "state-absence", "state-root")
    shorter = (proof.depths[:place] + proof.depths[place + 1 :], proof.siblings[:place] + proof.siblings[place + 1 :])
    refused(root, msgspec.structs.replace(proof, depths=shorter[0], siblings=shorter[1]), "state-root")
    if isinstance(proof.other, Other):
        # The other key, turned away from the walk at a listed bit: the fold alone would not notice if its leaf stayed.
        turned = (int(proof.other.key, 16) ^ 1 << 255 - proof.depths[place]).to_bytes(32, "big").hex()
        refused(root, msgspec.structs.replace(proof, other=Other(turned, proof.other.value)), "state-absence")
    else:
        value = bytearray(value_of(name))
        value[data.draw(st.integers(0, len(value) - 1))] ^= 1
        refused(root, msgspec.structs.replace(proof, value=msgspec.Raw(bytes(value))), "state-root")


def refused(root: bytes, proof: StateProof, *codes: str) -> None:
    with pytest.raises(VerificationError) as caught:
        state_map.check(root, proof)
    assert caught.value.step == 11
    assert caught.value.code in codes


@given(st.sets(st.integers(0, 60), min_size=2, max_size=12).map(sorted), st.data())
@settings(max_examples=150, deadline=None)
def test_a_history_has_one_cut(indices: list[int], data: st.DataObject) -> None:
    links = tuple((index, sha256(b"%d" % index).digest()) for index in indices)
    heads = [state_map.key("s")]
    for index, leaf in links:
        heads.append(state_map.fold(heads[-1], index, leaf))
    record = Record(len(links), indices[0], heads[-1].hex(), indices[-1], msgspec.Raw(b"{}"))
    bound = data.draw(st.integers(indices[0] + 1, indices[-1]))
    assert state_map.compare(record, bound) == "earlier"
    count = sum(index < bound for index in indices)
    start = data.draw(st.integers(1, count))
    history = state_map.prove_history("s", links, bound, start)
    past = state_map.check_history("s", record, bound, history)
    assert (past.count, past.first, past.head, past.last, past.start) == (
        count,
        indices[0],
        heads[count],
        indices[count - 1],
        start,
    )
    # Every other cut of the true links, whatever head and events go with it, fails.
    for cut in range(len(links) + 1):
        for begin in range(cut + 1):
            for head in heads:
                shown = History(head, links[begin:cut], links[cut:])
                true = cut == count and begin < cut and head == heads[begin]
                assert fits(record, bound, shown) == true


def fits(record: Record, bound: int, history: History) -> bool:
    try:
        state_map.check_history("s", record, bound, history)
    except VerificationError:
        return False
    return True


@given(st.binary(max_size=200) | st.text('{}[]":,0depthsnamvlu', max_size=60).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_decoders_raise_nothing_outside_the_tree(raw: bytes) -> None:
    for decode in (state_map.decode_proof, state_map.decode_record):
        with pytest.raises(InvalidInput):
            decode(raw)
