"""fsck over the file of a consortium's member: who judged each block, what they said of it, and the heights of the engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

import makers
from cosigners import Ring, cosign, other_root, until
from membership import member, publisher
from muniment.core.format import keys, note
from muniment.core.proof import consortium
from muniment.core.proof.trust import Trust
from muniment.errors import VerificationError
from muniment.ledger.audit import audit
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import Report, fsck

HEIGHT = 7


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trust]:
    """The ledger of bravo: a key is rotated, the publisher handed over, a member leaves; every checkpoint has all its lines."""
    ring = Ring(tmp_path_factory.mktemp("ring"))
    changes = (
        ring.change("bravo", "rotate", cosignerKey=member("bravo", 1).cosigner),
        ring.change("charlie", "publish", publisherKey=publisher("charlie").key),
        ring.change("delta", "remove"),
    )
    for number in range(HEIGHT):
        ring.block(*([changes[number // 2]] if number % 2 and number // 2 < 3 else []))
        lines = 5 if number < 6 else 4
        assert until(lambda number=number, lines=lines: len(ring["bravo"].keeper.lines(number + 1)) == lines)  # type: ignore[misc]
    with ring["bravo"].store.view() as view:
        validators = view.validators_before(1)
    assert validators is not None
    ring.close()
    return ring["bravo"].path, consortium.to_trust(makers.ORIGIN, ring.ledger, validators)


@pytest.fixture
def path(sound: tuple[Path, Trust], tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copy(sound[0], tmp_path / "ledger.db"))


@pytest.fixture
def sql(path: Path) -> Iterator[apsw.Connection]:
    """The way in for somebody who knows SQL."""
    connection = apsw.Connection(str(path))
    yield connection
    connection.close()


def named(found: Report) -> list[tuple[str, str, int | str]]:
    return [(each.code, each.table, each.row) for each in found.findings]


def test_a_whole_file_is_sound(path: Path, sound: tuple[Path, Trust]) -> None:
    found = fsck(path, sound[1])
    assert named(found) == []
    assert (found.blocks, found.replayed, found.unchecked) == (HEIGHT + 1, True, ())


def test_an_audit_believes_the_quorum_and_nothing_less(path: Path, sql: apsw.Connection) -> None:
    store = Store.open(path)
    validators = store.validators
    assert validators is not None
    trust = consortium.to_trust(makers.ORIGIN, fsck_ledger(store), validators)
    assert audit(store.view, trust).height == HEIGHT
    sql.execute("DELETE FROM cosignature WHERE height = ? AND organisation IN ('', 'alpha')", (HEIGHT,))
    with pytest.raises(VerificationError):
        audit(store.view, trust)
    store.close()


def fsck_ledger(store: Store) -> str:
    with store.view() as view:
        return view.position.ledger


def test_a_file_that_was_founded_anew_is_another_ledger(path: Path, sound: tuple[Path, Trust]) -> None:
    stranger = msgspec.structs.replace(sound[1], ledger="0" * 64)
    assert named(fsck(path, stranger)) == [("other-ledger", "entry", 0)]


@pytest.mark.parametrize("organisation", ["alpha", ""])
def test_a_line_that_was_changed_is_named(path: Path, sql: apsw.Connection, sound: tuple[Path, Trust], organisation: str) -> None:
    line = sql.execute("SELECT line FROM cosignature WHERE height = 3 AND organisation = ?", (organisation,)).get
    signature = note.parse_signature(line)
    bad = note.format_signature(msgspec.structs.replace(signature, blob=signature.blob[:-1] + bytes((signature.blob[-1] ^ 1,))))
    sql.execute("UPDATE cosignature SET line = ? WHERE height = 3 AND organisation = ?", (bad, organisation))
    assert named(fsck(path, sound[1])) == [("cosignature", "cosignature", f"3 {organisation or 'log'}")]


@pytest.mark.parametrize("line", ["no line", "— x AAAAAAAA\n", b"\x00", 7, ""])
def test_what_is_no_line_is_named(path: Path, sql: apsw.Connection, sound: tuple[Path, Trust], line: object) -> None:
    sql.execute("UPDATE cosignature SET line = ? WHERE height = 3 AND organisation = 'alpha'", (line,))
    assert named(fsck(path, sound[1])) == [("cosignature", "cosignature", "3 alpha")]


def test_a_line_of_another_block_is_named(path: Path, sql: apsw.Connection, sound: tuple[Path, Trust]) -> None:
    sql.execute(
        "UPDATE cosignature SET line = (SELECT line FROM cosignature WHERE height = 2 AND organisation = 'alpha')"
        " WHERE height = 3 AND organisation = 'alpha'"
    )
    assert named(fsck(path, sound[1])) == [("cosignature", "cosignature", "3 alpha")]


def test_lines_of_those_who_did_not_judge_are_named(path: Path, sql: apsw.Connection, sound: tuple[Path, Trust]) -> None:
    # Delta left with block 6; nobody is called mallory; there is no block 99.
    for height, name in ((HEIGHT, "delta"), (2, "mallory"), (99, "alpha")):
        sql.execute("INSERT INTO cosignature VALUES (?, ?, 'x')", (height, name))
    rows = [("stray-cosignature", "cosignature", row) for row in ("2 mallory", "7 delta", "99 alpha")]
    assert named(fsck(path, sound[1])) == rows


def test_a_line_by_a_key_that_was_rotated_away_is_named(path: Path, sql: apsw.Connection, sound: tuple[Path, Trust]) -> None:
    # Bravo's own line stands in the row of the block: his old key may not sign what came after its rotation.
    text = note.parse(sql.execute("SELECT checkpoint FROM block WHERE height = 5").get).text
    old = cosign(text, "bravo", number=0).encode()
    sql.execute("UPDATE block SET checkpoint = ? WHERE height = 5", (old,))
    # A quorum of the others stands in for him.
    assert named(fsck(path, sound[1])) == []
    sql.execute("DELETE FROM cosignature WHERE height = 5 AND organisation = 'delta'")
    assert named(fsck(path, sound[1])) == [("quorum", "block", 5)]


def test_a_checkpoint_of_another_tree_is_named(path: Path, sql: apsw.Connection, sound: tuple[Path, Trust]) -> None:
    text = other_root(note.parse(sql.execute("SELECT checkpoint FROM block WHERE height = 5").get).text)
    sql.execute("UPDATE block SET checkpoint = ? WHERE height = 5", (cosign(text, "bravo", number=1).encode(),))
    assert ("checkpoint-root", "block", 5) in named(fsck(path, sound[1]))


def test_with_a_key_alone_a_file_of_members_is_checked_against_itself(path: Path, sql: apsw.Connection) -> None:
    log = keys.derive(makers.ORIGIN, makers.LOG.public_key)
    assert named(fsck(path, log)) == []
    sql.execute("UPDATE cosignature SET line = 'x' WHERE height = 2 AND organisation = 'delta'")
    assert named(fsck(path, log)) == [("cosignature", "cosignature", "2 delta")]


def test_the_table_of_memberships_follows_from_the_headers(path: Path, sql: apsw.Connection, sound: tuple[Path, Trust]) -> None:
    sql.execute("DELETE FROM membership WHERE height = 4")
    sql.execute("INSERT INTO membership VALUES (3)")
    assert named(fsck(path, sound[1])) == [("missing-membership", "membership", 4), ("stray-membership", "membership", 3)]


def test_what_the_engine_led_to_is_a_block(path: Path, sql: apsw.Connection, sound: tuple[Path, Trust]) -> None:
    store = Store.open(path)
    with store.view() as view:
        size, root = view.size, view.position.frontier.root()
    store.close()
    sql.execute("INSERT INTO consensus VALUES (10, ?, ?)", (size, root))
    assert named(fsck(path, sound[1])) == []
    sql.execute("INSERT INTO consensus VALUES (9, ?, ?)", (size, bytes(32)))
    sql.execute("INSERT INTO consensus VALUES (11, 1, ?)", (root,))
    assert named(fsck(path, sound[1])) == [("mark", "consensus", 9), ("mark", "consensus", 11)]
