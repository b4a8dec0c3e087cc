"""The state map: its hash rules to the letter, its cache, its proofs and the history rule."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

import msgspec
import pytest

from muniment.core.format import state_map
from muniment.core.format.state_map import History, Other, Record, StateProof, Tree
from muniment.errors import CorruptStore, InvalidInput, InvariantError, VerificationError

ZEROS = bytes(32)


def sha(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def at(bits: str) -> bytes:
    """A key that begins with these bits and goes on with zeros."""
    return int(bits.ljust(256, "0"), 2).to_bytes(32, "big")


def stored(rows: list[tuple[bytes, bytes]]) -> list[bytes]:
    cells = state_map.bulk_cells(sorted(rows))
    return [b"".join(cells[16 * row : 16 * row + 16]) for row in range(256)]


def within(ranges: list[state_map.Range], rows: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [row for row in sorted(rows) if any(low <= row[0] <= high for low, high in ranges)]


class TestRules:
    def test_hashes_are_those_of_the_specification(self) -> None:
        key = state_map.key("model/créd")
        assert key == sha("model/créd".encode())
        assert state_map.leaf(key, b'{"a":1}') == sha(b"\x02", key, sha(b'{"a":1}'))
        assert state_map.leaf_of_digest(key, sha(b'{"a":1}')) == state_map.leaf(key, b'{"a":1}')
        assert state_map.fold(key, 258, ZEROS) == sha(b"\x04", key, bytes(6) + b"\x01\x02", ZEROS)
        assert state_map.EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    def test_a_name_without_utf8_form_is_refused(self) -> None:
        with pytest.raises(InvalidInput) as caught:
            state_map.key("model/\ud800")
        assert caught.value.code == "not-unicode"

    def test_root_of_none_of_one_and_of_three(self) -> None:
        a, b, c = (bytes([fill]) * 32 for fill in (1, 2, 3))
        assert state_map.bulk([]) == state_map.EMPTY
        assert state_map.bulk([(at("0"), a)]) == a
        # The first two keys differ in bit 0, the last two in bit 200.
        deep = at("1" + "0" * 199 + "1")
        inner = sha(b"\x03\xc8", b, c)
        assert state_map.bulk([(at("0"), a), (at("1"), b), (deep, c)]) == sha(b"\x03\x00", a, inner)

    @pytest.mark.parametrize("keys", [("1", "0"), ("01", "01"), ("000000000001", "000000000000")])
    def test_records_out_of_order_are_refused(self, keys: tuple[str, str]) -> None:
        rows = [(at(key), ZEROS) for key in keys]
        for function in (state_map.bulk, state_map.bulk_cells):
            with pytest.raises(InvalidInput) as caught:
                function(rows)
            assert caught.value.code == "record-order"

    def test_cells_are_the_nodes_at_depth_12(self) -> None:
        rows = [(at("000000000001" + tail), sha(tail.encode())) for tail in ("0", "1")] + [(at("1" * 12), sha(b"x"))]
        cells = state_map.bulk_cells(rows)
        assert len(cells) == 4096
        assert cells[1] == sha(b"\x03\x0c", sha(b"0"), sha(b"1"))
        assert cells[4095] == sha(b"x")
        assert cells.count(ZEROS) == 4094


class TestPlan:
    def test_cold_cells_are_read_whole_and_neighbours_are_merged(self) -> None:
        tree = Tree.decode([], 0)
        rest = b"\xff" * 29
        assert tree.plan([]) == []
        assert tree.plan([at("1" * 12), at("0"), at("000000000001"), at("0" * 13 + "1")]) == [
            (b"\x00\x00\x00", b"\x00\x1f\xff" + rest),
            (b"\xff\xf0\x00", b"\xff\xff\xff" + rest),
        ]

    def test_a_warm_cell_is_read_by_the_bucket(self) -> None:
        tree = Tree.decode([], 5000)  # 13 bits
        key = at("0000000000001")
        tree.commit(tree.build(tree.plan([key]), [], {}))
        assert tree.plan([key]) == [(b"\x00\x08\x00", b"\x00\x0f\xff" + b"\xff" * 29)]

    def test_an_absent_key_is_proved_where_its_walk_ends(self) -> None:
        key = at("10101")
        tree = Tree.decode(stored([(key, ZEROS[:31] + b"\x01")]), 1)
        assert tree.plan_proof(at("0")) == tree.plan([key])
        assert Tree.decode([], 0).plan_proof(key) == []


class TestBuild:
    def test_an_empty_map_takes_its_first_records(self) -> None:
        tree = Tree.decode([], 0)
        assert tree.root() == state_map.EMPTY
        leaves = {at("1"): sha(b"1"), at("0"): sha(b"0")}
        change = tree.build(tree.plan(leaves), [], leaves)
        assert change.root == sha(b"\x03\x00", sha(b"0"), sha(b"1")) == tree.root()
        assert change.added == 2
        assert change.cells == {0: sha(b"0") + bytes(480), 128: sha(b"1") + bytes(480)}
        tree.commit(change)
        assert tree.count == 2

    def test_a_rolled_back_change_leaves_nothing(self) -> None:
        rows = [(at("0"), sha(b"0")), (at("01"), sha(b"1"))]
        tree = Tree.decode(stored(rows), 2)
        before = tree.root()
        leaves = {at("0"): sha(b"new"), at("11"): sha(b"2")}
        ranges = tree.plan(leaves)
        first = tree.build(ranges, within(ranges, rows), leaves)
        tree.rollback(first)
        assert tree.root() == before
        assert tree.count == 2
        assert tree.build(ranges, within(ranges, rows), leaves).root == first.root

    def test_only_one_change_may_be_pending(self) -> None:
        tree = Tree.decode([], 0)
        change = tree.build(tree.plan([ZEROS]), [], {ZEROS: sha(b"0")})
        with pytest.raises(InvariantError):
            tree.build(tree.plan([ZEROS]), [], {})
        with pytest.raises(InvariantError):
            tree.replace(0, bytes(512))
        tree.commit(change)
        with pytest.raises(InvariantError):
            tree.rollback(change)

    def test_a_leaf_outside_the_ranges_is_our_own_bug(self) -> None:
        tree = Tree.decode([], 0)
        with pytest.raises(InvariantError):
            tree.build(tree.plan([at("0")]), [], {at("1"): sha(b"1")})

    @pytest.mark.parametrize("count", [0, 200_000])
    @pytest.mark.parametrize("warm", [False, True])
    @pytest.mark.parametrize("fault", ["altered", "missing", "extra", "disordered"])
    def test_records_that_do_not_fold_to_the_stored_hash_are_named(self, count: int, warm: bool, fault: str) -> None:
        prefix = "1010101111001" + "0" * 12
        rows = [(at(prefix + tail), sha(tail.encode())) for tail in ("0", "10", "11")]
        tree = Tree.decode(stored(rows), count)
        before = tree.root()
        leaves = {rows[0][0]: sha(b"new")}
        if warm:
            tree.commit(tree.build(tree.plan(leaves), rows, {}))
        found = {
            "altered": [rows[0], (rows[1][0], ZEROS), rows[2]],
            "missing": rows[:2],
            "extra": [*rows, (at(prefix + "111"), ZEROS)],
            "disordered": [rows[1], rows[0], rows[2]],
        }[fault]
        for attempt in (lambda: tree.build(tree.plan(leaves), found, leaves), lambda: tree.prove(rows[0][0], found)):
            with pytest.raises(CorruptStore) as caught:
                attempt()
            assert caught.value.details == {"table": "cell", "row": 0xAB, "cell": 0xABC, "prefix": "abc"}
        assert tree.root() == before
        assert tree.build(tree.plan(leaves), rows, leaves).root == state_map.bulk([(rows[0][0], sha(b"new")), *rows[1:]])

    def test_a_key_that_is_there_twice_is_corrupt(self) -> None:
        rows = [(at("1"), sha(b"0")), (at("1" + "0" * 20 + "1"), sha(b"1"))]
        tree = Tree.decode(stored(rows), 2)
        for found in ([rows[0], rows[0]], rows[::-1]):
            with pytest.raises(CorruptStore):
                tree.build(tree.plan([rows[0][0]]), found, {})

    def test_odd_cells_are_corrupt(self) -> None:
        for rows in ([bytes(512)] * 255, [bytes(511)] + [bytes(512)] * 255):
            with pytest.raises(CorruptStore):
                Tree.decode(rows, 0)
        for row_id, hashes in ((256, bytes(512)), (-1, bytes(512)), (0, bytes(511))):
            with pytest.raises(CorruptStore):
                Tree.decode([], 0).replace(row_id, hashes)


class TestSharing:
    def test_another_process_changes_a_row(self) -> None:
        rows = [(at("0"), sha(b"0")), (at("0" * 12 + "1"), sha(b"1")), (at("1"), sha(b"2"))]
        tree = Tree.decode(stored(rows), 100_000)
        tree.commit(tree.build(tree.plan(key for key, _ in rows), rows, {}))
        bucket = tree.plan([rows[0][0]])
        changed = [(rows[0][0], sha(b"theirs")), *rows[1:]]
        tree.replace(0, stored(changed)[0])
        assert tree.root() == state_map.bulk(changed)
        assert tree.plan([rows[0][0]]) != bucket
        tree.replace(128, stored(changed)[128])
        assert tree.plan([rows[2][0]]) == [(b"\x80\x00\x00", b"\x80\x00\x7f" + b"\xff" * 29)]

    def test_the_cache_grows_with_the_map(self) -> None:
        rows = [(sha(bytes([n])), sha(bytes([n, n]))) for n in range(40)]
        tree = Tree.decode(stored(rows), 40)
        for count in (5_000, 5_000, 300_000, 10):
            tree.resize(count)
            ranges = tree.plan(key for key, _ in rows)
            change = tree.build(ranges, within(ranges, rows), {rows[0][0]: sha(b"x")})
            assert change.root == state_map.bulk(sorted([(rows[0][0], sha(b"x")), *rows[1:]]))
            tree.rollback(change)
        low, high = tree.plan([rows[0][0]])[0]
        assert int.from_bytes(high[:3], "big") - int.from_bytes(low, "big") == 63


class TestRecord:
    RAW = b'{"count":2,"first":5,"head":"' + b"ab" * 32 + b'","last":9,"state":{"holds":0,"status":"open"}}'

    def test_both_round_trips(self) -> None:
        record = state_map.decode_record(self.RAW)
        assert (record.count, record.first, record.last, bytes(record.state)) == (2, 5, 9, b'{"holds":0,"status":"open"}')
        assert state_map.encode_record(record) == self.RAW

    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            (b'{"holds":0,"status":"open"}', b'{"status":"open","holds":0}', "not-canonical"),
            (b'{"holds":0,"status":"open"}', b'{"holds": 0}', "not-canonical"),
            (b'{"holds":0,"status":"open"}', b'{"holds":null}', "null"),
            (b'{"holds":0,"status":"open"}', b'{"holds":0.5}', "float"),
            (b'{"holds":0,"status":"open"}', b"[]", "schema"),
            (b'"state":', b'"scale":0,"state":', "schema"),
            (b'"count":2,"first":5,', b'"first":5,"count":2,', "not-canonical"),
            (b'"count":2', b'"count":0', "schema"),
            (b'"count":2', b'"count":6', "record-indices"),
            (b'"count":2', b'"count":1', "record-indices"),
            (b'"last":9', b'"last":4', "record-indices"),
            (b"abab", b"ABAB", "schema"),
            (b"}}", b"}", "not-json"),
            (b'"open"', b'"' + b"x" * 4096 + b'"', "too-long"),
            (b'"open"', b"[" * 5000 + b"]" * 5000, "too-long"),
            (b'"open"', b"[" * 20 + b"]" * 20, "too-deep"),
        ],
    )
    def test_what_is_not_one_is_refused(self, old: bytes, new: bytes, code: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            state_map.decode_record(self.RAW.replace(old, new, 1))
        assert caught.value.code == code

    def test_a_record_has_at_most_4096_bytes(self) -> None:
        with pytest.raises(InvalidInput) as caught:
            state_map.encode_record(Record(1, 0, "00" * 32, 0, msgspec.Raw(b'{"a":"' + b"x" * 4096 + b'"}')))
        assert caught.value.code == "record-too-long"


class TestProof:
    NAMES = ("model/loans", "acts/ada", "version/1")

    def prove(self, name: str) -> tuple[bytes, StateProof]:
        values = {state_map.key(each): b'{"name":"%b"}' % each.encode() for each in self.NAMES}
        rows = sorted((key, state_map.leaf(key, value)) for key, value in values.items())
        tree = Tree.decode(stored(rows), len(rows))
        key = state_map.key(name)
        path = tree.prove(key, within(tree.plan_proof(key), rows))
        assert path.end is not None
        prove = state_map.prove_presence if path.end == key else state_map.prove_absence
        return tree.root(), prove(name, values[path.end], path)

    def test_presence_in_json(self) -> None:
        root, proof = self.prove("acts/ada")
        raw = state_map.encode_proof(proof)
        plain = json.loads(raw)
        assert sorted(plain) == ["depths", "name", "siblings", "value"]
        assert plain["value"] == {"name": "acts/ada"}
        assert [base64.b64decode(sibling) for sibling in plain["siblings"]] == list(proof.siblings)
        assert state_map.decode_proof(raw) == proof
        assert state_map.check(root, state_map.decode_proof(raw)) == b'{"name":"acts/ada"}'

    def test_absence_in_json(self) -> None:
        root, proof = self.prove("acts/bob")
        raw = state_map.encode_proof(proof)
        plain = json.loads(raw)
        assert sorted(plain) == ["depths", "name", "other", "siblings"]
        assert plain["other"]["key"] in [state_map.key(name).hex() for name in self.NAMES]
        assert state_map.check(root, state_map.decode_proof(raw)) is None

    def test_the_empty_map(self) -> None:
        path = Tree.decode([], 0).prove(state_map.key("x"), [])
        proof = state_map.prove_absence("x", None, path)
        assert state_map.encode_proof(proof) == b'{"depths":[],"name":"x","siblings":[]}'
        assert state_map.check(state_map.EMPTY, proof) is None
        self.refused(ZEROS, proof, "state-root")
        with pytest.raises(InvariantError):
            state_map.prove_absence("x", b"{}", path)
        self.refused(state_map.EMPTY, msgspec.structs.replace(proof, depths=(0,), siblings=(ZEROS,)), "state-shape")

    def test_forgeries_fail_by_name(self) -> None:
        root, proof = self.prove("acts/ada")
        change = msgspec.structs.replace
        assert len(proof.depths) == 2
        other = Other("00" * 32, "00" * 32)
        self.refused(root, change(proof, other=other), "state-shape")
        self.refused(root, change(proof, value=msgspec.Raw(b'{"name": "acts/ada"}')), "state-root")
        self.refused(root, change(proof, name="acts/bob"), "state-root")
        self.refused(root, change(proof, depths=proof.depths[::-1]), "state-depths")
        self.refused(root, change(proof, depths=(3, 3)), "state-depths")
        self.refused(root, change(proof, depths=(0, 256)), "state-depths")
        self.refused(root, change(proof, depths=(0,)), "state-siblings")
        self.refused(root, change(proof, siblings=(proof.siblings[0], proof.siblings[1][:31])), "state-siblings")
        self.refused(root, change(proof, siblings=proof.siblings[::-1]), "state-root")
        itself = Other(state_map.key("acts/ada").hex(), sha(b'{"name":"acts/ada"}').hex())
        self.refused(root, change(proof, value=msgspec.UNSET, other=itself), "state-absence")
        turned = bytes([state_map.key("acts/ada")[0] ^ 128 >> proof.depths[0]]) + state_map.key("acts/ada")[1:]
        self.refused(root, change(proof, value=msgspec.UNSET, other=Other(turned.hex(), "00" * 32)), "state-absence")

    @pytest.mark.parametrize(
        "raw",
        [
            b'{"depths":[],"name":"x","siblings":["AAAA="]}',
            b'{"depths":[],"name":"x","siblings":["AAB="]}',
            b'{"depths":[-1],"name":"x","siblings":["' + b"A" * 43 + b'="]}',
            b'{"depths":[true],"name":"x","siblings":[]}',
            b'{"depths":[],"name":"x","siblings":[],"value":null}',
            b'{"depths":[],"name":"x","siblings":[],"value":{"b":1,"a":2}}',
            b'{"depths":[],"name":"x","other":{"key":"00","value":"00"},"siblings":[]}',
            b'{"depths":[],"name":"x"}',
            b"[" * 5000,
            b"",
        ],
    )
    def test_what_is_no_proof_is_refused(self, raw: bytes) -> None:
        with pytest.raises(InvalidInput):
            state_map.decode_proof(raw)

    def refused(self, root: bytes, proof: StateProof, code: str) -> None:
        with pytest.raises(VerificationError) as caught:
            state_map.check(root, proof)
        assert (caught.value.step, caught.value.code) == (11, code)


class TestHistory:
    LINKS = tuple((index, sha(bytes([index]))) for index in (3, 7, 8, 20))

    def record(self) -> Record:
        head = state_map.key("s")
        for index, leaf in self.LINKS:
            head = state_map.fold(head, index, leaf)
        return Record(4, 3, head.hex(), 20, msgspec.Raw(b"{}"))

    def test_the_three_cases(self) -> None:
        record = self.record()
        assert [state_map.compare(record, bound) for bound in (3, 4, 20, 21)] == ["absent", "earlier", "earlier", "same"]
        assert state_map.compare(None, 5) == "absent"

    def test_the_record_as_of_a_bound(self) -> None:
        history = state_map.prove_history("s", self.LINKS, 8, start=2)
        assert (history.events, history.pairs) == (self.LINKS[1:2], self.LINKS[2:])
        past = state_map.check_history("s", self.record(), 8, history)
        first = state_map.fold(state_map.key("s"), *self.LINKS[0])
        assert history.before == first
        assert (past.count, past.first, past.last, past.start) == (2, 3, 7, 2)
        assert past.head == state_map.fold(first, *self.LINKS[1])

    @pytest.mark.parametrize("start", [0, 3])
    def test_a_start_beyond_the_bound_is_refused(self, start: int) -> None:
        with pytest.raises(InvalidInput):
            state_map.prove_history("s", self.LINKS, 8, start)

    def test_false_histories_fail_by_name(self) -> None:
        a, b, c, d = self.LINKS
        key = state_map.key("s")
        after = state_map.fold(key, *a)
        self.refused(21, History(key, (a, b, c, d), ()), "history-standing")
        self.refused(3, History(key, (), (a, b, c, d)), "history-standing")
        self.refused(8, History(after, (), (b, c, d)), "history-count")
        self.refused(8, History(key, (a, b, (10, ZEROS)), (c, d)), "history-count")
        self.refused(8, History(key, (a, b), (d, c)), "history-order")
        self.refused(8, History(key, (a, a), (c, d)), "history-order")
        self.refused(8, History(key, ((0, a[1]), b), (c, d)), "history-order")
        self.refused(8, History(key, ((4, a[1]), b), (c, d)), "history-order")
        self.refused(8, History(key, (a, b), (c, (19, d[1]))), "history-order")
        self.refused(8, History(after, ((3, b[1]),), (c, d)), "history-order")
        self.refused(8, History(key, (a, (7, b[1][:31])), (c, d)), "history-order")
        self.refused(8, History(key, (a,), (b, c, d)), "history-bound")
        self.refused(8, History(key, (a, b, c), (d,)), "history-bound")
        self.refused(9, History(key, (a, b), (c, d)), "history-bound")
        self.refused(8, History(after, (a, b), (c, d)), "history-start")
        self.refused(8, History(after[:31], (b,), (c, d)), "history-start")
        self.refused(8, History(key, (b,), (c, d)), "history-head")
        self.refused(8, History(key, (a, (6, b[1])), (c, d)), "history-head")
        self.refused(8, History(key, (a, b), ((9, c[1]), d)), "history-head")

    def refused(self, bound: int, history: History, code: str) -> None:
        with pytest.raises(VerificationError) as caught:
            state_map.check_history("s", self.record(), bound, history)
        assert (caught.value.step, caught.value.code) == (11, code)
