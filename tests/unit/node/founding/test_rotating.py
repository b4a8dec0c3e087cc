"""Another key for a member: made at home, used once the ledger and the engine have it, and never before."""

import json
from pathlib import Path

import msgspec
import pytest

import founders
import makers
from muniment.core.format import time
from muniment.core.rules import chain
from muniment.errors import InvalidInput
from muniment.ledger import signers
from muniment.ledger.store.file import Store
from muniment.node.founding import engine_keys, rotating
from muniment.node.founding.draft import Rules
from muniment.node.founding.ledger_file import cosigning
from muniment.node.homes import NodeHome

LATER = founders.NOW + 1_000_000


class Lab:
    """The lab's home in a consortium of one; `tell` writes into its ledger as the engine would at a height."""

    def __init__(self, folder: Path) -> None:
        draft = founders.draft(("lab",), policy="solo")
        assert isinstance(draft.rules, Rules)
        # Whoever may write a change needs nobody else's word: who agrees is looked at elsewhere.
        policy = msgspec.structs.replace(draft.rules.policy, amendment=())
        draft = msgspec.structs.replace(draft, rules=msgspec.structs.replace(draft.rules, policy=policy))
        self.home = NodeHome(folder / "lab")
        self.answer = founders.join(folder, draft, "lab")
        founders.seal(folder, draft, "lab", [])
        self.ledger = self.home.load_consortium().ledger

    def tell(self, height: int, **fields: str) -> None:
        entries = []
        if fields:
            signer = signers.load_file(founders.Home(self.home.home).actor_key("lab-ada"))
            entries = [makers.sign(self.ledger, "member.changed", actor="lab-ada", signer=signer, member="lab", **fields)]
        store = Store.open(self.home.ledger)
        try:
            staged = store.stage(chain.open_submissions(entries), lambda _: time.format(LATER + height))
            assert [each.reasons for each in staged.judged.verdicts if each.decision != "admitted"] == []
            store.commit(staged, cosigning("lab", signers.load_file(self.home.cosigner_key), founders.clock), height)
        finally:
            store.close()

    def public(self, path: Path) -> str:
        return (engine_keys.load(path) if path.suffix == ".json" else signers.load_file(path)).public_key.hex()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def make(lab: Lab, *uses: rotating.Rotated) -> dict[rotating.Rotated, str]:
    return rotating.make_next(lab.home.home, "lab", founders.ORIGIN, uses)


def test_a_key_waits_until_the_ledger_has_it(lab: Lab) -> None:
    before = lab.public(lab.home.validator_key)
    made = make(lab, "validator")
    assert make(lab, "validator") == made != {"validator": before}
    assert rotating.settle(lab.home.home) == ()
    assert lab.public(lab.home.validator_key) == before
    assert lab.public(lab.home.next_validator_key) == made["validator"]


def test_the_old_key_votes_for_the_block_after(lab: Lab) -> None:
    """The engine has the new validator two heights after the event: where all are needed, the one between needs the old key."""
    made = make(lab, "validator")
    lab.tell(1)
    lab.tell(2, change="rotate", validatorKey=made["validator"])
    assert rotating.settle(lab.home.home) == ()
    lab.tell(3)
    assert rotating.settle(lab.home.home) == ("validator",)
    assert lab.public(lab.home.validator_key) == made["validator"]
    ended = lab.home.validator_key.with_name("priv_validator_key.json-ended-1")
    assert engine_keys.load(ended).public_key.hex() == lab.answer.body.validator
    assert not lab.home.next_validator_key.exists()
    assert rotating.settle(lab.home.home) == ()


def test_a_cosigning_key_is_in_use_with_the_next_block(lab: Lab) -> None:
    made = make(lab, "cosigner", "validator")
    lab.tell(2, change="rotate", cosignerKey=made["cosigner"])
    assert rotating.settle(lab.home.home) == ("cosigner",)
    assert lab.public(lab.home.cosigner_key) == made["cosigner"]
    assert lab.public(lab.home.validator_key) == lab.answer.body.validator


def test_a_new_publishers_key(lab: Lab) -> None:
    made = make(lab, "publisher")
    lab.tell(2, change="publish", publisherKey=made["publisher"])
    assert rotating.settle(lab.home.home) == ("publisher",)
    assert lab.public(lab.home.publisher_key) == made["publisher"]
    assert len(list(lab.home.folder.glob("publisher.key-ended-*"))) == 1


def test_what_was_signed_stays_known(lab: Lab) -> None:
    """Another key does not begin anew with what it signed."""
    lab.home.validator_state.write_text(json.dumps({"height": "9", "round": 0, "step": 3}))
    made = make(lab, "validator")
    lab.tell(2, change="rotate", validatorKey=made["validator"])
    lab.tell(3)
    rotating.settle(lab.home.home)
    assert json.loads(lab.home.validator_state.read_text())["height"] == "9"


def test_a_crash_between_leaves_both_keys(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(lab, "cosigner")
    lab.tell(2, change="rotate", cosignerKey=made["cosigner"])

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rotating.os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        rotating.settle(lab.home.home)
    monkeypatch.undo()
    assert lab.public(lab.home.cosigner_key) == lab.answer.body.cosigner
    assert rotating.settle(lab.home.home) == ("cosigner",)
    assert lab.public(lab.home.cosigner_key) == made["cosigner"]


def test_nobody_makes_the_keys_of_another_member(lab: Lab) -> None:
    with pytest.raises(InvalidInput) as caught:
        rotating.make_next(lab.home.home, "bank", founders.ORIGIN, ("validator",))
    assert caught.value.code == "other-home"
    assert not (lab.home.folder / "next").exists()
