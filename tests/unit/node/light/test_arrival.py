"""arrival: which block a node without blocks begins from, and who vouches for it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from muniment.core.rules.members import Member, Validators
from muniment.errors import Conflict, InvalidInput, Unavailable
from muniment.node.light import arrival, commit
from muniment.node.light.commit import Commit
from muniment.node.places import NodePlaces
from muniment.node.settings import Peer

RECORDED = json.loads((Path(__file__).parent / "commit.json").read_text())
CHAIN = RECORDED["chain"]
VALIDATORS = Validators(members=tuple([Member(**each) for each in RECORDED["members"]]))
REAL = commit.decode(json.dumps(RECORDED["answer"]).encode())
HASH = REAL.block.hash.hex().upper()
PEERS = tuple(Peer(organisation=name, url=f"https://{name}.example") for name in ("bank", "lab", "source"))


class Nodes:
    """What nodes answer, by address: the newest height, or an error; all of them the one real block at its height."""

    def __init__(self, **newest: int | Exception) -> None:
        self.newest = {f"https://{name}.example": found for name, found in newest.items()}
        self.other: dict[str, Commit] = {}

    def __call__(self, url: str, height: int) -> Commit:
        newest = self.newest[url]
        if isinstance(newest, Exception):
            raise newest
        if height == 0:
            return msgspec.structs.replace(REAL, height=newest)
        assert height == REAL.height
        if newest < height:
            raise InvalidInput("no such block", code="no-commit")
        return self.other.get(url, REAL)


def find(nodes: Nodes, validators: Validators = VALIDATORS, trusted: tuple[int, str] | None = None) -> arrival.Start:
    return arrival.find_start(CHAIN, validators, PEERS, nodes, trusted)


AWAY = Unavailable("nobody there", code="unreachable")


@pytest.mark.parametrize("low", [1, 2, REAL.height - 1])
def test_one_that_lags_or_lies_keeps_nobody_out(low: int) -> None:
    found = find(Nodes(bank=low, lab=REAL.height + 2, source=REAL.height + 50))
    assert (found.sync.height, found.sync.hash) == (REAL.height, HASH)
    assert found.asked == ("lab", "source")
    assert found.silent == (("bank", "no such block"),)


def test_the_block_is_one_that_two_nodes_have_and_members_signed() -> None:
    found = find(Nodes(bank=REAL.height + 1, lab=REAL.height + 2, source=REAL.height + 50))
    assert (found.sync.height, found.sync.hash) == (REAL.height, HASH)
    assert found.sync.servers == tuple(f"https://{name}.example/v1/engine" for name in ("bank", "lab", "source"))
    assert len(found.signers) >= 3
    assert found.asked == ("bank", "lab", "source")
    assert found.silent == ()


def test_two_others_are_enough_and_who_is_silent_is_named() -> None:
    found = find(Nodes(bank=REAL.height + 2, lab=AWAY, source=REAL.height + 2))
    assert found.asked == ("bank", "source")
    assert found.silent == (("lab", "nobody there"),)


def test_one_other_is_not_enough() -> None:
    with pytest.raises(Unavailable, match="lab: nobody there") as told:
        find(Nodes(bank=REAL.height + 2, lab=AWAY, source=AWAY))
    assert told.value.code == "too-few-nodes"


def test_a_chain_that_has_hardly_begun_has_no_snapshot() -> None:
    with pytest.raises(InvalidInput) as told:
        find(Nodes(bank=2, lab=2, source=9))
    assert told.value.code == "chain-too-young"


def test_nodes_that_name_different_blocks_stop_it() -> None:
    nodes = Nodes(bank=REAL.height + 2, lab=REAL.height + 2, source=REAL.height + 2)
    nodes.other["https://lab.example"] = msgspec.structs.replace(REAL, block=msgspec.structs.replace(REAL.block, hash=b"x" * 32))
    with pytest.raises(Conflict) as told:
        find(nodes)
    assert told.value.code == "blocks-differ"


def test_a_block_that_nobody_signed_whom_this_ledger_knows_is_not_believed() -> None:
    nodes = Nodes(bank=REAL.height + 2, lab=REAL.height + 2, source=REAL.height + 2)
    strangers = Validators(
        members=tuple(
            Member(cosigner=f"{number:064x}", key=f"{number + 50:064x}", organisation=f"o{number}") for number in range(4)
        )
    )
    with pytest.raises(Conflict) as told:
        find(nodes, strangers)
    assert told.value.code == "block-unvouched"
    found = find(nodes, strangers, (REAL.height, HASH))
    assert found.sync.height == REAL.height
    assert found.signers == ()


def test_more_than_a_third_must_have_signed() -> None:
    nodes = Nodes(bank=REAL.height + 2, lab=REAL.height + 2, source=REAL.height + 2)
    for known, believed in ((1, False), (2, True)):
        real = [each for each in VALIDATORS.members if each.organisation in commit.signers(REAL, CHAIN, VALIDATORS)][:known]
        others = [
            Member(cosigner=f"{number:064x}", key=f"{number + 50:064x}", organisation=f"z{number}") for number in range(4 - known)
        ]
        mixed = Validators(members=(*real, *others))
        if believed:
            assert len(find(nodes, mixed).signers) == known
        else:
            with pytest.raises(Conflict):
                find(nodes, mixed)


def test_a_block_that_was_read_aloud_must_be_the_one_that_nodes_have() -> None:
    nodes = Nodes(bank=REAL.height + 2, lab=REAL.height + 2, source=REAL.height + 2)
    with pytest.raises(Conflict) as told:
        find(nodes, trusted=(REAL.height, "0" * 64))
    assert told.value.code == "blocks-differ"
    assert arrival.parse_trusted(f"7:{HASH.lower()}") == (7, HASH)
    for bad in ("", "7", f"0:{HASH}", f"7:{HASH[1:]}", f"7:{HASH} ", f"-7:{HASH}"):
        with pytest.raises(InvalidInput):
            arrival.parse_trusted(bad)


def test_what_is_written_is_what_the_engine_is_told(tmp_path: Path) -> None:
    places = NodePlaces(tmp_path)
    places.folder.mkdir()
    found = find(Nodes(bank=REAL.height + 2, lab=REAL.height + 2, source=REAL.height + 2))
    arrival.write(places, found.sync)
    arrival.write(places, found.sync)
    assert arrival.load(places) == found.sync
    assert not arrival.has_blocks(places)
