"""client.home: the folder of a ledger, and founding one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from muniment.client import home as homes
from muniment.client import opening, policy_file
from muniment.client.home import Home
from muniment.core.rules import genesis
from muniment.core.rules.policy import Policy, PolicyViolation, Role
from muniment.errors import InvalidInput, MunimentError, NotFound, Unavailable
from muniment.ledger import signers


def test_a_new_ledger_is_whole(tmp_path: Path) -> None:
    home = homes.found(tmp_path / "new" / ".muniment", origin="example.com/credit", actor="alice")
    assert home.actors() == ["alice"]
    trust = home.load_trust()
    engine = home.open()
    try:
        assert trust.origin == engine.origin == "example.com/credit"
        assert trust.ledger == engine.ledger
    finally:
        engine.close()
    public = {signers.load_file(path).public_key for path in (home.log_key, home.actor_key("alice"), home.actor_key("node"))}
    assert len(public) == 3
    assert signers.load_file(home.actor_key("alice")).purpose == "alice of example.com/credit"


def test_nothing_of_it_is_for_others(tmp_path: Path) -> None:
    home = homes.found(tmp_path / ".muniment")
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    for path in home.folder.rglob("*"):
        if path.suffix in (".key", ".db"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert (home.folder / ".gitignore").read_text() == "*\n"


def test_names_are_drawn_where_none_are_given(tmp_path: Path) -> None:
    home = homes.found(tmp_path / "My Credit!" / ".muniment")
    origin = home.load_trust().origin
    homes.check_origin(origin)
    assert origin.startswith("local/My-Credit-")
    (actor,) = home.actors()
    assert actor.startswith("person-")
    assert homes.found(tmp_path / "second").load_trust().origin != origin


def test_the_first_policy_is_valid_and_leaves_the_owner_free() -> None:
    policy = policy_file.load("solo").policy
    assert policy.may(["owner"], "policy.amended")
    assert not policy.may(["approver"], "deployment.changed")
    assert [each.name for each in policy.environments] == ["production", "staging"]


@pytest.mark.parametrize(
    ("origin", "actor", "code"),
    [
        ("https://example.com/x", "alice", "bad-origin"),
        ("example.com", "alice", "bad-origin"),
        ("Example.com/x", "alice", "bad-origin"),
        ("example.com/x\n", "alice", "bad-origin"),
        ("example.com/x", "../alice", "bad-actor"),
        ("example.com/x", "alice@example.com", "bad-actor"),
        ("example.com/x", "a" * 129, "bad-actor"),
        ("example.com/x", "node", "bad-actor"),
    ],
)
def test_bad_names_leave_nothing(tmp_path: Path, origin: str, actor: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        homes.found(tmp_path / ".muniment", origin=origin, actor=actor)
    assert caught.value.code == code
    assert not list(tmp_path.glob(".muniment*"))


def test_a_bad_policy_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        homes.found(tmp_path / ".muniment", policy=Policy(roles=(Role(name="nobody"),)))
    assert not list(tmp_path.glob(".muniment*"))


def test_a_ledger_is_never_founded_over_another(tmp_path: Path) -> None:
    home = homes.found(tmp_path / ".muniment")
    before = home.log_key.read_bytes()
    with pytest.raises(InvalidInput) as caught:
        homes.found(tmp_path / ".muniment")
    assert caught.value.code == "already-a-ledger"
    assert home.log_key.read_bytes() == before


def test_a_folder_with_something_else_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / ".muniment"
    folder.mkdir()
    (folder / "mine").write_text("keep")
    with pytest.raises(InvalidInput) as caught:
        homes.found(folder)
    assert caught.value.code == "not-empty"
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_an_empty_folder_may_be_there(tmp_path: Path) -> None:
    (tmp_path / ".muniment").mkdir()
    assert homes.found(tmp_path / ".muniment").store.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Unavailable) as caught:
        homes.found(tmp_path / ".muniment")
    assert caught.value.code == "home-unwritable"


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MunimentError) as caught:
        homes.found(tmp_path / "file")
    assert caught.value.code == "not-empty"
    with pytest.raises(Unavailable) as unavailable:
        homes.found(tmp_path / "file" / ".muniment")
    assert unavailable.value.code == "home-unwritable"


def test_the_trust_file(tmp_path: Path) -> None:
    home = homes.found(tmp_path / ".muniment")
    other = tmp_path / "trust.toml"
    other.write_bytes(home.trust.read_bytes())
    home.trust.unlink()
    assert home.load_trust(other).origin == home.load_trust(other).origin
    with pytest.raises(NotFound) as caught:
        home.load_trust()
    assert caught.value.code == "no-trust"
    home.trust.write_bytes(b"\xff")
    with pytest.raises(InvalidInput):
        home.load_trust()


def test_without_the_logs_key_a_ledger_is_only_read(tmp_path: Path) -> None:
    home = homes.found(tmp_path / ".muniment")
    home.log_key.unlink()
    engine = home.open()
    try:
        with engine.view() as view:
            assert view.size == 1
    finally:
        engine.close()


def test_the_ledgers_service_is_no_actor_of_a_person(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.actors() == []
    for name in ("zoe.key", "bob.key", "node.key", "bob.key-next", "bob.key-ended-01234567"):
        path = home.actor_key("x").with_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    assert home.actors() == ["bob", "zoe"]


def test_a_purpose_fits_a_key_file() -> None:
    assert len(homes.purpose("a" * 128, "example.com/" + "b" * 100)) == signers.MAX_PURPOSE_CHARACTERS


def test_the_genesis_holds_what_was_asked(tmp_path: Path) -> None:
    home = homes.found(tmp_path / ".muniment", origin="example.com/credit", actor="alice")
    engine = home.open()
    try:
        with engine.view() as view:
            header = view.header(0)
    finally:
        engine.close()
    founding = genesis.decode(bytes(header.genesis or b""))
    assert [actor.id for actor in founding.actors] == ["alice", "node"]
    assert founding.actors[1].responsible == ("alice",)


def test_refused_events_are_recorded_where_the_policy_asks_and_the_services_key_is_here(tmp_path: Path) -> None:
    policy = msgspec.structs.replace(policy_file.load("solo").policy, record_refusals=("note.added",))
    home = homes.found(tmp_path / ".muniment", actor="alice", policy=policy)
    ledger = opening.open(home.folder)
    with pytest.raises(PolicyViolation):
        ledger.record("note.added", {"about": ["model/none"], "text": "nobody registered it"})
    ((row,), (again,)) = ledger.log(limit=1), ledger.log("attempts/alice")
    assert (row.name, row.thing, row.actor) == ("attempt.refused", "attempts/alice", "node") == (again.name, again.thing, "node")
    assert ledger.show("attempts/alice").events == 1
    assert ledger.history("attempts/alice").verified.result.statuses == ("complete",)
    ledger.close()
    home.actor_key("node").unlink()
    ledger = opening.open(home.folder)
    with pytest.raises(PolicyViolation):
        ledger.record("note.added", {"about": ["model/none"], "text": "nobody registered it"})
    assert len(ledger.log("attempts/alice")) == 1
    ledger.close()
