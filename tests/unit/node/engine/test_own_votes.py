"""A validator whose own record knows less than the chain shows votes no more, until its key was exchanged."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from chaining import Chain
from membership import signer
from muniment.core.rules import members
from muniment.errors import InvalidInput
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.abci.proto import validator_pb2 as validator
from muniment.node.abci.server import Halted
from muniment.node.engine import config_toml, votes
from muniment.node.engine.config_toml import EngineSettings
from muniment.node.engine.votes import OwnVotes
from muniment.node.founding import engine_keys
from muniment.node.places import NodePlaces

COMMIT, NIL, ABSENT = validator.BLOCK_ID_FLAG_COMMIT, validator.BLOCK_ID_FLAG_NIL, validator.BLOCK_ID_FLAG_ABSENT
OTHER = signer("bank", "vote").public_key.hex()


@pytest.fixture
def places(tmp_path: Path) -> NodePlaces:
    made = NodePlaces(tmp_path)
    engine_keys.create_validator(made.validator_key)
    engine_keys.begin_state(made.validator_state)
    return made


def own(places: NodePlaces) -> str:
    return engine_keys.load(places.validator_key).public_key.hex()


def record(places: NodePlaces, height: int) -> None:
    """What the engine writes before each vote."""
    places.validator_state.write_text(json.dumps({"height": str(height), "round": 0, "step": 3}))


def commit(*said: tuple[str, validator.BlockIDFlag]) -> abci.CommitInfo:
    found = [
        abci.VoteInfo(validator=abci.Validator(address=bytes.fromhex(members.address(key)), power=1), block_id_flag=flag)
        for key, flag in said
    ]
    return abci.CommitInfo(votes=found)


def test_what_its_record_knows_is_its_own(places: NodePlaces) -> None:
    watching, here = OwnVotes(places), own(places)
    for height in range(1, 5):
        record(places, height)
        assert watching.doubt(height, commit((OTHER, COMMIT), (here, COMMIT))) == ""
    assert votes.read_silence(places) is None


@pytest.mark.parametrize("flag", [COMMIT, NIL])
@pytest.mark.parametrize("known", [0, 6])
def test_a_vote_that_its_record_does_not_know_silences_it(places: NodePlaces, flag: validator.BlockIDFlag, known: int) -> None:
    record(places, known)
    here = own(places)
    told = OwnVotes(places).doubt(7, commit((OTHER, COMMIT), (here, flag)))
    assert "block 7 of the engine has a vote of this validator" in told
    assert f"which ends at {known}" in told
    assert votes.read_silence(places) == votes.Silence(key=here, record=known, seen=7)


def test_blocks_that_were_made_without_it_say_nothing(places: NodePlaces) -> None:
    """As after a pause: the others went on, and this node catches up."""
    watching, here = OwnVotes(places), own(places)
    assert watching.doubt(7, commit((OTHER, COMMIT), (here, ABSENT))) == ""
    assert watching.doubt(8, commit((OTHER, COMMIT))) == ""
    assert watching.doubt(0, abci.CommitInfo()) == ""


def test_a_key_that_was_exchanged_votes_again(places: NodePlaces) -> None:
    assert OwnVotes(places).doubt(7, commit((own(places), COMMIT)))
    places.validator_key.unlink()
    engine_keys.create_validator(places.validator_key)
    assert votes.read_silence(places) is None
    assert OwnVotes(places).doubt(8, commit((OTHER, COMMIT))) == ""


def test_a_silence_that_cannot_be_read_is_no_permission(places: NodePlaces) -> None:
    (places.folder / votes.FILE).write_text("{")
    with pytest.raises(InvalidInput) as caught:
        votes.read_silence(places)
    assert caught.value.code == "bad-silence"


def test_a_record_that_cannot_be_read_is_told(places: NodePlaces) -> None:
    places.validator_state.write_text("{}")
    with pytest.raises(InvalidInput) as caught:
        OwnVotes(places).doubt(7, commit((own(places), COMMIT)))
    assert caught.value.code == "bad-validator-state"


def test_who_is_silent_has_another_key_and_another_record(places: NodePlaces) -> None:
    votes.prepare_silent(places)
    votes.prepare_silent(places)
    settings = EngineSettings(name="lab", socket=Path("/s"), p2p="0.0.0.0:1", rpc="127.0.0.1:2")
    said = tomllib.loads(config_toml.format(settings))
    quiet = tomllib.loads(config_toml.format(EngineSettings(name="lab", socket=Path("/s"), p2p="a:1", rpc="a:2", silent=True)))
    for each, key, state in ((said, places.validator_key, places.validator_state), (quiet, None, None)):
        signs, remembers = each["priv_validator_key_file"], each["priv_validator_state_file"]
        assert (places.engine / signs).exists()
        assert (places.engine / remembers).exists()
        assert key is None or (places.engine / signs, places.engine / remembers) == (key, state)
    assert quiet["priv_validator_key_file"] != said["priv_validator_key_file"]
    assert quiet["priv_validator_state_file"] != said["priv_validator_state_file"]


def test_a_block_that_shows_it_is_not_judged(tmp_path: Path, places: NodePlaces) -> None:
    chain = Chain.found(tmp_path / "ledger.db")
    chain.begin()
    chain.block(chain.batch())
    chain.application._doubt = OwnVotes(places).doubt
    asked = abci.RequestFinalizeBlock(txs=[chain.batch()], height=2, decided_last_commit=commit((own(places), COMMIT)))
    with pytest.raises(Halted, match="must not vote"):
        chain.ask(finalize_block=asked)
    assert chain.info()[0] == 1


def test_nothing_is_voted_for_either(tmp_path: Path, places: NodePlaces) -> None:
    """The vote on the next block would come before that block is decided."""
    chain = Chain.found(tmp_path / "ledger.db")
    chain.begin()
    chain.application._doubt = OwnVotes(places).doubt
    asked = abci.RequestProcessProposal(height=8, proposed_last_commit=commit((own(places), COMMIT)))
    with pytest.raises(Halted):
        chain.ask(process_proposal=asked)
