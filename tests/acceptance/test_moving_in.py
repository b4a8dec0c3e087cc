"""A solo ledger becomes one of three organisations: heights go on, old receipts verify, and every new block has a quorum."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

import consortium
import founders
from consortium import Consortium, Node
from muniment import config
from muniment.client.opening import connect
from muniment.core.format import checkpoint, entry, time
from muniment.core.proof import authority
from muniment.core.proof import consortium as consortia
from muniment.core.proof import path as paths
from muniment.core.proof import receipt as receipts
from muniment.ledger.embedded import system_clock
from muniment.ledger.store.file import Store
from muniment.node.founding import draft as drafts
from muniment.node.founding import drafting, joining, moving, preparing, sealing
from muniment.node.founding.answer import Answer

MEMBERS = ("bank", "lab", "uni")
OWNER = "alice"
PATIENCE_SECONDS = 90.0


def move(folder: Path) -> tuple[Consortium, int, str]:
    """Found a solo ledger, record something, move it in; the nodes, the height that it moved at, and a receipt from before."""
    home = founders.solo(folder / "lab", OWNER)
    settings = config.resolve({"XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)}, folder, {"home": str(home.folder)})
    with connect(settings) as ledger:
        receipt = ledger.record("system.registered", {"name": "scoring", "operatorRole": "provider"}).receipt
    draft = drafting.draft_moved(home.folder, MEMBERS, time.format(system_clock()), "lab")
    invitation = joining.read_invitation(drafts.encode(draft))
    ports = iter(consortium.free_ports(3 * len(MEMBERS)))
    told = []
    for each in MEMBERS:
        http, p2p, rpc = (f"127.0.0.1:{next(ports)}" for _ in range(3))
        person = OWNER if each == "lab" else f"{each}-ada"
        asked = joining.Asked(person=person, url=f"http://{http}", p2p=p2p, p2p_listen=p2p, listen=http, rpc=rpc)
        told.append(joining.join(folder / each, invitation, each, asked))

    def write(answers: tuple[Answer, ...]) -> None:
        with connect(settings) as ledger:
            moving.write_members(ledger, answers, ("owner",))

    made = preparing.prepare(home.folder, invitation, told, copy=folder / "copy.db", write=write)
    sealing.seal(home.folder, made, system_clock)
    for each in ("bank", "uni"):
        other = preparing.prepare(folder / each, invitation, told, ledger=folder / "copy.db")
        assert sealing.seal(folder / each, other, system_clock).consortium == made
    nodes = {each: Node(folder / each, each, OWNER if each == "lab" else f"{each}-ada", folder) for each in MEMBERS}
    return Consortium(nodes), made.start.height, receipt


def submit(node: Node, raw: bytes) -> dict[str, Any]:
    """An event, again and again until it is acknowledged: an engine that was just started takes a moment to find the others."""
    told: list[dict[str, Any]] = []

    def acknowledged() -> bool:
        with suppress(httpx.HTTPError):
            told.extend(node.submit(raw))
        return bool(told)

    consortium.until(acknowledged, PATIENCE_SECONDS, node.tail)
    assert told[0]["decision"] in ("admitted", "repeated")
    return told[0]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Consortium, int, str]:
    return move(tmp_path_factory.mktemp("moving"))


def test_a_solo_ledger_goes_on_as_a_consortium(moved: tuple[Consortium, int, str]) -> None:
    them, height, receipt = moved
    before = them.lab.heads()
    with consortium.alone():
        try:
            them.start()
            first = submit(them.uni, them.system("uni", "after"))
            assert first["height"] == height + 1
            submit(them.lab, them.system("lab", "later"))
            after = them.agree()
        finally:
            for node in them:
                node.close()
    assert {each: after[each] for each in before} == before
    trust = them.trust
    store = Store.open(them.bank.home.ledger)
    try:
        with store.view() as view:
            for number in range(height + 1, view.height + 1):
                head = authority.open_head(view.checkpoint_at(number), trust)
                assert head.tier == "consortium"
            assert isinstance(entry.decode(view.entry(first["index"])), entry.Envelope)
            newest, steps = view.checkpoint, view.path()
    finally:
        store.close()
    # Who believed the one operator walks on to the members, and what he signed is still worth what it was.
    earlier = founders.Home(them.lab.home.home).load_trust(them.lab.home.home / "trust-before.toml")
    assert consortia.agree(paths.follow(earlier, steps), trust)
    old = receipts.parse(receipt)
    assert authority.open_head(old.checkpoint, trust).signed
    # The log's own line goes on, by the same key.
    assert checkpoint.open(newest, earlier.log_keys[0]).size > old.index
