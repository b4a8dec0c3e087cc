"""A solo ledger moves in: its owner writes all members into its last block, the others audit a copy, and the heights go on."""

from collections.abc import Callable
from pathlib import Path

import apsw
import msgspec
import pytest

import founders
from muniment import config
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.opening import connect
from muniment.core.format import checkpoint, entry
from muniment.core.proof import authority
from muniment.core.rules import members
from muniment.core.rules.policy import Agreement
from muniment.errors import Conflict, InvalidInput, MunimentError, Unavailable
from muniment.ledger.store.file import Store
from muniment.node.founding import drafting, ledger_file, moving, preparing, sealing
from muniment.node.founding.answer import Answer
from muniment.node.founding.consortium import Consortium
from muniment.node.founding.draft import Draft
from muniment.node.homes import NodeHome

MEMBERS = ("bank", "clinic", "lab", "uni")


class Moving:
    """The solo ledger of the lab, and four members who have joined."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = founders.solo(folder / "lab")
        self.earlier = self.home.load_trust()
        with self.open() as ledger:
            ledger.record("system.registered", {"name": "scoring", "operatorRole": "provider"})
        self.draft: Draft = drafting.draft_moved(folder / "lab", MEMBERS, founders.TIME, "lab")
        self.answers = [self.join(each) for each in MEMBERS]
        self.copy = folder / "copy.db"

    def join(self, organisation: str) -> Answer:
        person = {"person": "alice"} if organisation == "lab" else {}
        return founders.join(self.folder, self.draft, organisation, **person)

    def open(self, folder: Path | None = None) -> Ledger:
        state = {"XDG_STATE_HOME": str(self.folder / "state"), "HOME": str(self.folder)}
        return connect(config.resolve(state, self.folder, {"home": str(folder or self.home.folder)}))

    def write(self, answers: tuple[Answer, ...]) -> None:
        with self.open() as ledger:
            moving.write_members(ledger, answers, ("owner",))

    def seal_own(self, write: Callable[[tuple[Answer, ...]], None] | None = None) -> Consortium:
        invitation = founders.invite(self.draft)
        made = preparing.prepare(self.home.folder, invitation, self.answers, copy=self.copy, write=write or self.write)
        return sealing.seal(self.home.folder, made, founders.clock).consortium

    def seal(self, organisation: str, copy: Path | None = None, sealed: Consortium | None = None) -> Consortium:
        invitation = msgspec.structs.replace(founders.invite(self.draft), sealed=sealed)
        folder = self.folder / organisation
        made = preparing.prepare(folder, invitation, [] if sealed else self.answers, ledger=copy or self.copy)
        return sealing.seal(folder, made, founders.clock).consortium


@pytest.fixture
def them(tmp_path: Path) -> Moving:
    return Moving(tmp_path)


def code_of(action: Callable[..., object], *arguments: object, **named: object) -> str:
    with pytest.raises(MunimentError) as caught:
        action(*arguments, **named)
    assert caught.value.hint
    return caught.value.code


def test_everybody_starts_where_the_ledger_ended(them: Moving) -> None:
    sealed = them.seal_own()
    assert them.seal("bank") == them.seal("clinic") == them.seal("uni", sealed=sealed) == sealed
    homes = [NodeHome(them.folder / each) for each in MEMBERS]
    assert len({each.consortium.read_bytes() for each in homes}) == len({each.engine_genesis.read_bytes() for each in homes}) == 1
    told = msgspec.json.decode(homes[0].engine_genesis.read_bytes())["app_state"]
    assert told["size"] == sealed.start.size > 2
    assert sealed.start.ledger == sealed.draft.ledger == them.earlier.ledger
    for home in homes:
        store = Store.open(home.ledger)
        try:
            assert ledger_file.measure(store) == sealed.start
            assert store.validators == sealed.validators
        finally:
            store.close()


def test_the_members_are_written_in_the_last_block_alone(them: Moving) -> None:
    """So that no block of the solo time would have needed a quorum that did not exist yet."""
    sealed = them.seal_own()
    store = Store.open(NodeHome(them.home.folder).ledger)
    try:
        with store.view() as view:
            changed = [height for height in range(view.height + 1) if view.header(height).validators is not msgspec.UNSET]
            assert changed == [view.height] == [sealed.start.height]
            assert members.decode(bytes(view.header(view.height).validators or b"")) == sealed.validators
            # The one that ends with it is still judged by the set before: the log's own key.
            assert authority.open_head(view.checkpoint, them.earlier).signed
    finally:
        store.close()


def test_the_log_key_goes_to_the_node(them: Moving) -> None:
    key = them.home.log_key.read_bytes()
    sealed = them.seal_own()
    assert not them.home.log_key.exists()
    home = NodeHome(them.home.folder)
    assert home.publisher_key.read_bytes() == key
    trust = them.home.load_trust()
    assert trust.log_keys == them.earlier.log_keys
    assert (trust.quorum, trust.ledger) == (3, them.earlier.ledger)
    assert sealed.validators.publisher == members.Publisher(key=trust.log_keys[0].public_key.hex(), organisation="lab")
    assert (home.home / "trust-before.toml").read_text().count("[[cosigners]]") == 0
    engine = them.home.open()
    try:
        assert code_of(engine.append_block, []) == "written-through-its-node"
    finally:
        engine.close()


def test_an_owner_who_does_not_publish_ends_the_key(tmp_path: Path) -> None:
    them = Moving(tmp_path)
    them.draft = drafting.draft_moved(tmp_path / "lab", MEMBERS, founders.TIME, "bank")
    them.answers = [them.join(each) for each in MEMBERS]
    sealed = them.seal_own()
    assert not them.home.log_key.exists()
    assert (tmp_path / "lab" / "keys" / "log.key-ended").exists()
    assert not NodeHome(tmp_path / "lab").publisher_key.exists()
    # What it signed goes on to verify.
    assert {*them.earlier.log_keys} < {*sealed.trust().log_keys}


def test_nothing_is_written_for_answers_that_do_not_hold(them: Moving, tmp_path: Path) -> None:
    before = them.home.store.read_bytes()
    them.answers[0] = founders.join(tmp_path / "elsewhere", founders.draft(MEMBERS), "bank")
    assert code_of(them.seal_own) == "other-draft"
    del them.answers[0]
    assert code_of(them.seal_own) == "answers-missing"
    assert them.home.log_key.exists()
    assert them.home.store.read_bytes() == before


def test_nothing_is_written_where_the_rules_let_nobody_in(them: Moving) -> None:
    """Nobody is enrolled of members who do not come."""
    with them.open() as ledger:
        strict = msgspec.structs.replace(ledger.policy(), amendment=(Agreement(role="owner", count=2),))
        ledger.policies.amend(strict)
        before = {each.id for each in ledger.index.actors()}
    assert code_of(them.seal_own) == "amendment-first"
    assert them.home.log_key.exists()
    with them.open() as ledger:
        assert {each.id for each in ledger.index.actors()} == before


def test_a_copy_that_somebody_changed(them: Moving) -> None:
    """One byte anywhere in the copy, and the member founds nothing and keeps nothing."""
    them.seal_own()
    for number, change in enumerate(
        (
            "update entry set body = replace(body, 'scoring', 'scorinG') where idx = 1",
            "update block set checkpoint = replace(checkpoint, 'example', 'examplf') where height = 0",
            "update record set value = (select value from record limit 1 offset 3) where key = (select key from record limit 1)",
        )
    ):
        forged = them.folder / f"forged-{number}.db"
        forged.write_bytes(them.copy.read_bytes())
        sql = apsw.Connection(str(forged))
        columns = {each[1] for each in sql.execute("pragma table_info(record)")}
        if "record set" in change and "value" not in columns:
            pytest.fail(f"the table has other columns now: {columns}")
        sql.execute(change)
        sql.close()
        assert forged.read_bytes() != them.copy.read_bytes()
        assert code_of(them.seal, "bank", forged) in ("moved-ledger", "corrupt-store", "log-signature", "bad-note")
        assert not NodeHome(them.folder / "bank").ledger.exists()
        assert [each.name for each in (them.folder / "bank").glob("*.db*")] == []
    them.seal("bank")


def test_a_copy_of_another_ledger_or_another_moment(them: Moving, tmp_path: Path) -> None:
    sealed = them.seal_own()
    other = founders.solo(tmp_path / "other")
    assert code_of(them.seal, "bank", other.store) in ("other-ledger", "log-key-unknown")
    store = Store.open(NodeHome(them.home.folder).ledger)
    # With the owner's own line on it: who took a copy of his home instead of the one that he made has a sound one too.
    store.backup(tmp_path / "whole.db")
    store.close()
    later = msgspec.structs.replace(sealed, start=msgspec.structs.replace(sealed.start, size=sealed.start.size + 1))
    assert code_of(them.seal, "bank", tmp_path / "whole.db", later) == "other-start"
    assert code_of(them.seal, "bank", tmp_path / "nothing.db") == "not-found"
    them.seal("bank", tmp_path / "whole.db")


def test_a_copy_without_the_members(them: Moving, tmp_path: Path) -> None:
    """What the owner copied before he wrote the members down is no start."""
    store = Store.open(them.home.store)
    store.backup(tmp_path / "early.db")
    store.close()
    them.seal_own()
    assert code_of(them.seal, "bank", tmp_path / "early.db") == "members-differ"
    assert not NodeHome(them.folder / "bank").ledger.exists()


def test_a_program_that_still_writes(them: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the copy is not kept, and the log's key is where it was."""
    measure, seen = ledger_file.measure, []

    def moved(store: Store) -> object:
        seen.append(store)
        found = measure(store)
        return msgspec.structs.replace(found, size=found.size + len(seen))

    def write(answers: tuple[Answer, ...]) -> None:
        them.write(answers)
        monkeypatch.setattr(moving.ledger_file, "measure", moved)

    with pytest.raises(Conflict) as caught:
        them.seal_own(write)
    assert caught.value.code == "still-written"
    assert them.home.log_key.exists()
    assert not them.copy.exists()
    monkeypatch.setattr(moving.ledger_file, "measure", measure)
    # The members are written already: sealing again goes on from there.
    them.seal_own()
    assert them.copy.exists()


def test_after_the_last_block_nothing_is_sealed_alone(them: Moving) -> None:
    """Also before the home is a node's: what the log's key alone signs now, nobody would believe."""
    them.write(tuple(them.answers))
    assert them.home.log_key.exists()
    engine = them.home.open()
    try:
        with pytest.raises(Unavailable) as caught:
            engine.append_block([])
        assert caught.value.code == "written-through-its-node"
    finally:
        engine.close()


def test_members_are_not_admitted_one_by_one(them: Moving) -> None:
    from muniment.client.council import Change

    body = them.answers[0].body
    with them.open() as ledger:
        change = Change(member="bank", change="admit", validator_key=body.validator, cosigner_key=body.cosigner)
        assert code_of(ledger.members.record, change) == "no-consortium"
        assert code_of(ledger.members.move_in, [change]) == "nobody-enrolled"
        assert ledger.members.in_force() is None


def test_a_node_cannot_move_in_again(them: Moving) -> None:
    them.seal_own()
    assert code_of(drafting.draft_moved, them.home.folder, MEMBERS, founders.TIME, "lab") == "already-a-consortium"


def test_the_old_receipts_verify(them: Moving) -> None:
    """By the trust file of the time before: the log's key signed them, and still stands there."""
    store = Store.open(them.home.store)
    with store.view() as view:
        early = view.checkpoint_at(1)
        header = entry.decode_header(view.entry(view.size - 1))
    store.close()
    sealed = them.seal_own()
    assert header.height < sealed.start.height
    trust = them.home.load_trust()
    assert checkpoint.open(early, trust.log_keys[0]).size < sealed.start.size
    assert authority.open_head(early, trust).signed


def test_a_draft_of_a_ledger_that_is_not_there(tmp_path: Path) -> None:
    assert code_of(drafting.draft_moved, tmp_path / "nothing", MEMBERS, founders.TIME) == "not-found"
    home: Home = founders.solo(tmp_path / "solo")
    home.trust.write_text(founders.solo(tmp_path / "other").trust.read_text())
    with pytest.raises(InvalidInput) as caught:
        drafting.draft_moved(home.folder, MEMBERS, founders.TIME)
    assert caught.value.code == "bad-trust"
