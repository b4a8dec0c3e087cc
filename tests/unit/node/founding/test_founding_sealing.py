"""Sealing: the same bytes for all members, whoever seals, in whatever order the answers came; and nothing else besides."""

import itertools
import os
import stat
from pathlib import Path

import msgspec
import pytest

import founders
from muniment.core.format import checkpoint, entry, merkle, note
from muniment.core.proof import authority
from muniment.errors import InvalidInput, MunimentError, NotFound, Unavailable
from muniment.ledger.store.file import Store
from muniment.node.founding import answer as answers
from muniment.node.founding import consortium as consortia
from muniment.node.founding import document, engine_keys, joining, sealing
from muniment.node.founding.answer import Answer
from muniment.node.homes import NodeHome

Founded = tuple[Path, list[Answer]]


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    folder = tmp_path_factory.mktemp("joined")
    return folder, founders.join_all(folder, founders.draft())


def genesis_header(home: NodeHome) -> bytes:
    store = Store.open(home.ledger)
    try:
        with store.view() as view:
            assert (view.size, view.height) == (1, 0)
            return view.entry(0)
    finally:
        store.close()


def code_of(action: object, *arguments: object) -> str:
    with pytest.raises(MunimentError) as caught:
        action(*arguments)  # type: ignore[operator]
    assert caught.value.hint
    return caught.value.code


def test_all_members_build_the_same(tmp_path: Path) -> None:
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    made = []
    for organisation, order in zip(founders.MEMBERS, itertools.permutations(given), strict=False):
        # His own answer is taken from his home; given once more it changes nothing.
        told = [each for each in order if each.organisation != organisation or organisation == "bank"]
        sealed = founders.seal(tmp_path, draft, organisation, told)
        home = NodeHome(tmp_path / organisation)
        made.append((home.consortium.read_bytes(), home.engine_genesis.read_bytes(), genesis_header(home), sealed.consortium))
    assert all(each == made[0] for each in made)
    raw, engine, header, consortium = made[0]
    assert consortia.decode(raw) == consortium
    assert consortium.ledger == merkle.leaf(header).hex() == consortium.start.root
    assert entry.decode_header(header).time == draft.time
    told = msgspec.json.decode(engine)
    assert told["chain_id"] == consortium.chain_id
    assert told["app_state"] == {
        "ledger": consortium.ledger,
        "leaf": consortium.start.leaf,
        "origin": founders.ORIGIN,
        "root": consortium.start.root,
        "size": 1,
    }
    assert [each["name"] for each in told["validators"]] == list(founders.MEMBERS)


def test_the_home_of_a_node(tmp_path: Path) -> None:
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    consortium = founders.seal(tmp_path, draft, "bank", given).consortium
    home = NodeHome(tmp_path / "bank")
    assert home.load_consortium() == consortium
    settings = home.load_settings()
    assert (settings.organisation, settings.p2p) == ("bank", "0.0.0.0:26656")
    assert [(each.organisation, each.p2p) for each in settings.peers] == [
        (each.organisation, each.peer) for each in given if each.organisation != "bank"
    ]
    trust = consortium.trust()
    assert (trust.quorum, len(trust.cosigners), len(trust.log_keys)) == (3, 4, 1)
    store = Store.open(home.ledger)
    try:
        with store.view() as view:
            parsed = note.parse(view.checkpoint)
            (voice,) = checkpoint.open_cosignatures(parsed, [each.verifier for each in trust.cosigners])
        assert voice.verifier.name == f"{founders.ORIGIN}/bank"
        assert voice.time == founders.NOW // 1_000_000
        assert store.validators == consortium.validators
    finally:
        store.close()
    secret = [each for each in home.home.rglob("*") if each.is_file() and b"seed: " in each.read_bytes()]
    secret += [home.validator_key, home.engine_node_key, home.validator_state, home.ledger]
    assert len(secret) == 3 + 4
    for each in [*secret, home.folder, home.home]:
        assert stat.S_IMODE(each.stat().st_mode) & 0o077 == 0, each


def test_a_members_word_alone_is_no_proof(joined: Founded, tmp_path: Path) -> None:
    folder, given = joined
    consortium = consortia.build(founders.draft(), given)
    signer = founders.joining.signers.load_file(folder / "bank" / "node" / "cosigner.key")
    sealing.ledger_file.create(tmp_path / "ledger.db", consortium, sealing.ledger_file.cosigning("bank", signer, founders.clock))
    store = Store.open(tmp_path / "ledger.db")
    with store.view() as view, pytest.raises(MunimentError):
        authority.check_vote(authority.open_head(view.checkpoint, consortium.trust()), consortium.trust())
    store.close()


def test_sealed_again(tmp_path: Path) -> None:
    """The same once more is no change at all; anything else is refused, and nothing is touched."""
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    assert not founders.seal(tmp_path, draft, "lab", given).again
    home = NodeHome(tmp_path / "lab")
    before = {each: each.read_bytes() for each in home.home.rglob("*") if each.is_file()}
    assert founders.seal(tmp_path, draft, "lab", given).again
    other = founders.draft(policy="regulated")
    elsewhere = [founders.join(tmp_path / "elsewhere", other, each) for each in founders.MEMBERS]
    sealed = consortia.build(other, elsewhere)
    assert code_of(sealing.seal, home.home, sealed, founders.clock) == "sealed-already"
    assert code_of(founders.join, tmp_path, draft, "lab") == "sealed-already"
    assert {each: each.read_bytes() for each in home.home.rglob("*") if each.is_file()} == before


def test_an_interrupted_sealing_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stops, the next call ends with the same files."""
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    whole = founders.seal(tmp_path, draft, "auditor", given).consortium
    home = NodeHome(tmp_path / "bank")
    write, count = sealing.files.write, 0

    def fail_at(number: int) -> None:
        def failing(path: Path, raw: bytes) -> None:
            nonlocal count
            count += 1
            if count == number:
                raise Unavailable("the disk is full", code="disk-full")
            write(path, raw)

        monkeypatch.setattr(sealing.files, "write", failing)

    for number in (1, 2, 3, 4):
        count = 0
        fail_at(number)
        assert code_of(founders.seal, tmp_path, draft, "bank", given) == "disk-full"
        assert not home.consortium.exists()
    monkeypatch.setattr(sealing.files, "write", write)
    assert founders.seal(tmp_path, draft, "bank", given).consortium == whole
    assert home.consortium.read_bytes() == NodeHome(tmp_path / "auditor").consortium.read_bytes()
    assert not [each for each in home.home.iterdir() if each.name.startswith("ledger-")]


def test_what_a_validator_signed_is_never_replaced(tmp_path: Path) -> None:
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    home = NodeHome(tmp_path / "bank")
    home.validator_state.write_text('{"height":"7"}')
    founders.join(tmp_path, draft, "bank")
    founders.seal(tmp_path, draft, "bank", given)
    assert home.validator_state.read_text() == '{"height":"7"}'


def test_the_answers_of_all_are_needed(joined: Founded) -> None:
    folder, given = joined
    draft = founders.draft()
    with pytest.raises(InvalidInput) as caught:
        sealing.gather(folder / "lab", draft, given[:1])
    assert caught.value.code == "answers-missing"
    assert caught.value.details == {"missing": ["bank", "clinic"]}


def test_two_answers_of_one_member(joined: Founded, tmp_path: Path) -> None:
    draft, given = founders.draft(), joined[1]
    again = founders.join(tmp_path, draft, "bank")
    assert code_of(consortia.build, draft, [*given, again]) == "two-answers"


def test_two_members_with_one_key(tmp_path: Path) -> None:
    """Whoever could count twice is refused: the same home cannot join twice, and keys that were copied are found."""
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    twin = tmp_path / "twin"
    (twin / "clinic" / "node" / "engine" / "config").mkdir(mode=0o700, parents=True)
    for each in (twin, *twin.rglob("*")):
        each.chmod(0o700)
    copied = twin / "clinic" / "node" / "engine" / "config" / "priv_validator_key.json"
    copied.write_bytes(NodeHome(tmp_path / "bank").validator_key.read_bytes())
    copied.chmod(0o600)
    cheat = founders.join(twin, draft, "clinic")
    others = [each for each in given if each.organisation != "clinic"]
    assert code_of(consortia.build, draft, [*others, cheat]) == "key-shared"


def test_two_members_who_call_somebody_alike(tmp_path: Path) -> None:
    draft = founders.draft()
    given = [founders.join(tmp_path, draft, each, person="ada") for each in draft.members]
    assert code_of(consortia.build, draft, given) == "actor-shared"


def test_a_sealed_file_that_was_handed_over(tmp_path: Path) -> None:
    """It is believed in nothing: what draft and answers do not make is refused."""
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    sealed = founders.seal(tmp_path, draft, "lab", given).consortium
    invitation = joining.read_invitation(NodeHome(tmp_path / "lab").consortium.read_bytes())
    assert invitation.sealed == sealed
    assert sealing.seal(tmp_path / "bank", sealed, founders.clock).consortium == sealed
    start = msgspec.structs.replace(sealed.start, root="0" * 64)
    for changed in (
        msgspec.structs.replace(sealed, start=start),
        msgspec.structs.replace(sealed, answers=sealed.answers[:3]),
        msgspec.structs.replace(sealed, answers=sealed.answers[::-1]),
        msgspec.structs.replace(sealed, draft=msgspec.structs.replace(draft, time="2026-11-23T14:00:00.000001Z")),
        msgspec.structs.replace(sealed, draft=founders.draft(publisher="bank")),
    ):
        with pytest.raises(InvalidInput):
            joining.read_invitation(document.encode(changed))


def test_a_home_seals_what_it_answered(tmp_path: Path) -> None:
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    elsewhere = founders.join(tmp_path / "elsewhere", draft, "bank")
    others = [each for each in given if each.organisation != "bank"]
    sealed = consortia.build(draft, [*others, elsewhere])
    assert code_of(sealing.seal, tmp_path / "bank", sealed, founders.clock) == "other-answer"
    whole = consortia.build(draft, given)
    assert code_of(sealing.seal, tmp_path / "nobody", whole, founders.clock) == "not-joined"
    NodeHome(tmp_path / "bank").cosigner_key.unlink()
    founders.joining.signers.create_file(NodeHome(tmp_path / "bank").cosigner_key, "another")
    assert code_of(sealing.seal, tmp_path / "bank", whole, founders.clock) == "keys-differ"


def test_a_home_that_holds_another_ledger(tmp_path: Path) -> None:
    draft = founders.draft()
    founders.solo(tmp_path / "bank")
    given = founders.join_all(tmp_path, draft)
    before = (tmp_path / "bank" / "ledger.db").read_bytes()
    assert code_of(founders.seal, tmp_path, draft, "bank", given) == "already-a-ledger"
    assert (tmp_path / "bank" / "ledger.db").read_bytes() == before


def test_joining_again_keeps_the_keys(tmp_path: Path) -> None:
    draft = founders.draft()
    first = founders.join(tmp_path, draft, "bank")
    moved = founders.join(tmp_path, draft, "bank", p2p="bank.example:1", url="https://bank.example")
    assert moved.body.list_keys() == first.body.list_keys()
    assert (moved.peer, moved.body.url) == (f"{first.engine_id}@bank.example:1", "https://bank.example")
    other = document.encode(founders.draft())
    assert code_of(joining.join, tmp_path / "bank", joining.read_invitation(other), "lab", joining.Asked()) == "joined-already"


def test_joining_needs_an_invitation(tmp_path: Path) -> None:
    draft = founders.draft()
    assert code_of(joining.join, tmp_path / "x", founders.invite(draft), "mallory", joining.Asked()) == "no-such-member"
    assert not (tmp_path / "x").exists()
    given = founders.join_all(tmp_path, draft)
    sealed = joining.Invitation(draft=draft, sealed=consortia.build(draft, given))
    assert code_of(joining.join, tmp_path / "y", sealed, "bank", joining.Asked()) == "member-already"
    answer = joining.join(tmp_path / "newcomer", sealed, "newcomer", joining.Asked())
    assert answers.verify_keys(answer).body.draft == document.identify(draft)


def test_a_newcomer_builds_the_same_home(tmp_path: Path) -> None:
    """Who is to be admitted later starts where all others started, and votes once the ledger says so."""
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    sealed = founders.seal(tmp_path, draft, "lab", given).consortium
    founders.joining.join(tmp_path / "newcomer", joining.Invitation(draft=draft, sealed=sealed), "newcomer", joining.Asked())
    home = sealing.seal(tmp_path / "newcomer", sealed, founders.clock)
    assert home.organisation == "newcomer"
    assert genesis_header(NodeHome(tmp_path / "newcomer")) == genesis_header(NodeHome(tmp_path / "lab"))
    assert [each.organisation for each in home.settings.peers] == list(founders.MEMBERS)


def test_a_node_meets_a_newcomer(tmp_path: Path) -> None:
    """What people wrote into node.toml stays; what contradicts it is theirs to settle."""
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    sealed = founders.seal(tmp_path, draft, "lab", given).consortium
    home = NodeHome(tmp_path / "lab")
    home.settings.write_text("# ours\n" + home.settings.read_text())
    invitation = joining.Invitation(draft=draft, sealed=sealed)
    asked = joining.Asked(url="https://newcomer.example", p2p="newcomer.example:26656")
    answer = joining.join(tmp_path / "newcomer", invitation, "newcomer", asked)
    assert sealing.meet(home.home, answer)
    assert not sealing.meet(home.home, answer)
    peer = home.load_settings().peers[-1]
    assert (peer.organisation, peer.url, peer.p2p) == ("newcomer", "https://newcomer.example", answer.peer)
    assert home.settings.read_text().startswith("# ours\n")
    moved = joining.join(tmp_path / "newcomer", invitation, "newcomer", joining.Asked(p2p="elsewhere.example:1"))
    assert code_of(sealing.meet, home.home, moved) == "other-address"
    other = founders.join(tmp_path / "other", msgspec.structs.replace(draft, origin="example.com/other"), "bank")
    assert code_of(sealing.meet, home.home, other) == "other-origin"


@pytest.mark.parametrize("count", [1, 2, 64])
def test_from_one_to_many(tmp_path: Path, count: int) -> None:
    """A consortium of one works as one of many; below four the strength is said plainly elsewhere (rules)."""
    draft = founders.draft([f"org{number}" for number in range(count)], publisher="org0")
    sealed = consortia.build(draft, founders.join_all(tmp_path, draft))
    assert sealed.validators.quorum == 2 * count // 3 + 1
    assert sealed.start.size == 1


def test_a_solo_home_is_no_node(tmp_path: Path) -> None:
    founders.solo(tmp_path / "solo")
    with pytest.raises(NotFound) as caught:
        NodeHome(tmp_path / "solo").load_consortium()
    assert caught.value.code == "no-node"
    assert "muniment serve" in caught.value.hint
    founders.join(tmp_path, founders.draft(), "bank")
    with pytest.raises(NotFound) as caught:
        NodeHome(tmp_path / "bank").load_consortium()
    assert "seal" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        NodeHome(tmp_path / "nothing").load_settings()
    assert caught.value.code == "no-node"


def test_a_nodes_home_refuses_what_is_not_voted(tmp_path: Path) -> None:
    """Also where somebody put a log's key into it."""
    draft = founders.draft()
    given = founders.join_all(tmp_path, draft)
    founders.seal(tmp_path, draft, "bank", given)
    home = founders.Home(tmp_path / "bank")
    founders.joining.signers.create_file(home.log_key, "a log")
    engine = home.open()
    try:
        with pytest.raises(Unavailable) as caught:
            engine.append_block([])
    finally:
        engine.close()
    assert caught.value.code == "written-through-its-node"
    assert "MUNIMENT_URL" in caught.value.hint
    assert home.actors() == ["bank-ada"]


def test_files_of_another_user_are_refused(tmp_path: Path) -> None:
    draft = founders.draft()
    founders.join(tmp_path, draft, "bank")
    os.chmod(NodeHome(tmp_path / "bank").validator_key, 0o644)
    assert code_of(founders.join, tmp_path, draft, "bank") == "key-permissions"
    assert code_of(engine_keys.load, NodeHome(tmp_path / "bank").validator_key) == "key-permissions"
