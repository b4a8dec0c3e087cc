"""What the others remember of a validator's votes, asked before its engine starts: signatures that its own record does not know."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.core.rules import members
from muniment.errors import InvalidInput, Unavailable
from muniment.ledger.signers import SeedSigner
from muniment.node.engine.votes import Silence
from muniment.node.founding import engine_keys
from muniment.node.light import remembering, vote
from muniment.node.light.commit import Commit, Signature
from muniment.node.light.vote import BlockId
from muniment.node.places import NodePlaces
from muniment.node.settings import Peer

CHAIN = "muniment-test"
BLOCK = BlockId(hash=bytes(32), parts=1, parts_hash=bytes(32))
PEERS = tuple([Peer(organisation=each, url=f"http://{each}.test") for each in ("bank", "lab", "source")])
OTHER = SeedSigner(bytes(range(32)))


@pytest.fixture
def places(tmp_path: Path) -> NodePlaces:
    made = NodePlaces(tmp_path)
    engine_keys.create_validator(made.validator_key)
    engine_keys.begin_state(made.validator_state)
    made.validator_state.write_text(json.dumps({"height": "5", "round": 0, "step": 3}))
    return made


def signed(signer: SeedSigner, height: int, *, chain: str = CHAIN, address: str = "") -> Commit:
    message = vote.encode(chain, height, 0, BLOCK, 7, 7)
    own = address or members.address(signer.public_key.hex())
    return Commit(
        height=height,
        round=0,
        block=BLOCK,
        app_hash=bytes(32),
        signatures=(Signature(address=own, time=(7, 7), signature=signer.sign(message)),),
    )


def asked(blocks: dict[str, dict[int, Commit]]) -> Callable[[str, int], Commit]:
    """Nodes by name, each with the blocks that it has."""

    def ask(url: str, height: int) -> Commit:
        name = url.removeprefix("http://").removesuffix(".test")
        if name not in blocks:
            raise Unavailable("nobody is there", code="unreachable")
        height = height or max(blocks[name], default=0)
        if height not in blocks[name]:
            raise InvalidInput("no such block", code="no-commit")
        return blocks[name][height]

    return ask


def test_a_vote_after_the_record_is_found_wherever_one_node_keeps_it(places: NodePlaces) -> None:
    own = engine_keys.load(places.validator_key)
    chain = {height: signed(OTHER, height) for height in range(1, 12)}
    shown = {**chain, 8: signed(own, 8)}
    found = remembering.find_forgotten(places, CHAIN, PEERS, asked({"bank": chain, "lab": shown}))
    assert found == Silence(key=own.public_key.hex(), record=5, seen=8)


def test_a_key_that_is_in_use_elsewhere_now_is_found_where_old_blocks_are_gone(places: NodePlaces) -> None:
    own = engine_keys.load(places.validator_key)
    found = remembering.find_forgotten(places, CHAIN, PEERS, asked({"source": {900: signed(own, 900)}}))
    assert found == Silence(key=own.public_key.hex(), record=5, seen=900)


def test_what_the_record_knows_is_no_news(places: NodePlaces) -> None:
    own = engine_keys.load(places.validator_key)
    chain = {height: signed(own, height) for height in range(1, 6)}
    assert remembering.find_forgotten(places, CHAIN, PEERS, asked({each.organisation: chain for each in PEERS})) is None
    assert remembering.find_forgotten(places, CHAIN, PEERS, asked({})) is None
    assert remembering.find_forgotten(places, CHAIN, (), asked({})) is None


def test_nobody_silences_a_validator_without_its_signature(places: NodePlaces) -> None:
    own = engine_keys.load(places.validator_key)
    address = members.address(own.public_key.hex())
    for lie in (signed(OTHER, 6, address=address), signed(own, 6, chain="muniment-other"), signed(own, 6, address="ab" * 20)):
        assert remembering.find_forgotten(places, CHAIN, PEERS, asked({"bank": {6: lie}})) is None


def test_a_node_that_never_answers_is_not_waited_for(places: NodePlaces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "SECONDS", 0.1)
    over = threading.Event()

    def hang(url: str, height: int) -> Commit:
        over.wait(600)
        raise Unavailable("late", code="unreachable")

    assert remembering.find_forgotten(places, CHAIN, PEERS, hang) is None
    assert not over.is_set()
    over.set()
