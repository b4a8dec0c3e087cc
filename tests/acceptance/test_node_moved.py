"""A solo ledger of 10,000 events becomes one of three organisations, by the commands that people use.

Heights go on, old receipts verify, every member audited what moved in, and nobody writes past the members any more.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import msgspec
import pytest

import commanding
import consortium
import founders
import processes
from consortium import Consortium, Node
from muniment import config
from muniment.client import checking, standpoint
from muniment.client.checking import Wanted
from muniment.client.home import Home
from muniment.client.opening import connect
from muniment.client.remote.first_contact import FirstContactWarning
from muniment.core.format import checkpoint, dsse, time
from muniment.core.format.keys import Verifier
from muniment.core.proof import authority
from muniment.core.proof import consortium as consortia
from muniment.core.proof import path as paths
from muniment.core.proof import receipt as receipts
from muniment.core.proof import trust as trusts
from muniment.core.proof.authority import Tier
from muniment.core.proof.verify import verify_answer
from muniment.core.rules import events
from muniment.errors import LedgerError, VerificationError
from muniment.ledger import prover, signers
from muniment.ledger.embedded import system_clock
from muniment.ledger.ids import new_event_id
from muniment.ledger.store.file import Store

EVENTS = 10_000
BATCH = 1_000
MEMBERS = ("bank", "lab", "uni")
OWNER = "alice"
DRAFT, COPY = "draft.json", "copy.db"
PATIENCE_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""
VERIFICATION = 3
SOLO: Tier = "solo"


class Moved(msgspec.Struct, frozen=True):
    """The nodes, the height that the ledger moved in at, and receipts from before, by index.

    refused: what a member was told whose copy of the ledger had been changed
    """

    folder: Path
    them: Consortium
    height: int
    receipts: dict[int, str]
    refused: dict[str, Any]


def run(folder: Path, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """A command of `muniment`; its JSON, or that of its error."""
    with mock.patch.dict(os.environ, {"XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)}):
        said = commanding.Machine().call(*map(str, arguments), "--json")
    assert said.code == code, said.err or said.out
    found: dict[str, Any] = said.json
    return found


def record(home: Home) -> dict[int, str]:
    """Record many small events in the ledger of one operator; receipts of three of them, as of then."""
    trust, signer, engine = home.load_trust(), signers.load_file(home.actor_key(OWNER)), home.open()
    try:
        for first in range(0, EVENTS, BATCH):
            batch = [_sign(trust.ledger, signer, f"system-{number}") for number in range(first, first + BATCH)]
            assert {each.decision for each in engine.append(batch)} == {"admitted"}
        with engine.view() as view:
            return {index: receipts.format(prover.prove_receipt(view, index)) for index in (1, EVENTS // 2, view.size - 2)}
    finally:
        engine.close()


def _sign(ledger: str, signer: signers.FileSigner, name: str) -> bytes:
    common = {"ledger": ledger, "eventId": new_event_id(), "occurredAt": time.format(system_clock()), "actor": OWNER}
    event = events.build("system.registered", {**common, "name": name, "operatorRole": "provider"})
    return dsse.encode(dsse.sign(events.encode(event), signer))


def falsify(copy: Path, target: Path) -> None:
    """Another copy, in which one entry is another one."""
    target.write_bytes(copy.read_bytes())
    with closing(sqlite3.connect(target)) as database:
        database.execute("UPDATE entry SET body = (SELECT body FROM entry WHERE idx = 1) WHERE idx = ?", (EVENTS // 3,))
        database.commit()


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    folder = tmp_path_factory.mktemp("moved")
    home = founders.solo(folder / "lab", OWNER)
    before = record(home)
    members = [f"--member={each}" for each in MEMBERS]
    run(folder, "consortium", "new", "--from", home.folder, "--publisher", "lab", "--out", folder / DRAFT, *members)
    ports = iter(processes.free_ports(3 * len(MEMBERS)))
    for each in MEMBERS:
        http, p2p, rpc = (f"127.0.0.1:{next(ports)}" for _ in range(3))
        told = ("--url", f"http://{http}", "--p2p", p2p, "--p2p-listen", p2p, "--listen", http, "--rpc", rpc)
        person = OWNER if each == "lab" else f"{each}-ada"
        who = ("--organisation", each, "--person", person, "--home", folder / each, "--out", folder / f"{each}.answer.json")
        run(folder, "consortium", "join", folder / DRAFT, *who, *told)

    def seal(each: str, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
        others = [folder / f"{other}.answer.json" for other in MEMBERS if other != each]
        return run(folder, "consortium", "seal", folder / DRAFT, *others, "--home", folder / each, *arguments, code=code)

    first = seal("lab", "--role", "owner", "--copy", folder / COPY)
    falsify(folder / COPY, folder / "false.db")
    refused = seal("bank", "--ledger", folder / "false.db", code=VERIFICATION)
    for each in ("bank", "uni"):
        sealed = seal(each, "--ledger", folder / COPY)
        assert (sealed["fingerprint"], sealed["start"]) == (first["fingerprint"], first["start"])
    them = Consortium({each: Node(folder / each, each, OWNER if each == "lab" else f"{each}-ada", folder) for each in MEMBERS})
    with consortium.alone():
        try:
            yield Moved(folder, them.start(), first["start"]["height"], before, refused)
        finally:
            for node in them:
                node.close()


def read(node: Node, index: int) -> bytes:
    """An entry as a node has it."""
    store = Store.open(node.home.ledger)
    try:
        with store.view() as view:
            return view.entry(index)
    finally:
        store.close()


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


def test_the_members_stand_behind_what_moved_in(moved: Moved) -> None:
    """Before anything else is recorded: whoever comes now believes them, and not the one operator of before."""
    them = moved.them
    consortium.until(lambda: len(them.bank.standing()["checkpoints"][0]["cosigners"]) == len(MEMBERS), PATIENCE_SECONDS)
    assert max(them.bank.heads()) == moved.height
    newest = them.bank.text("/checkpoint").encode()
    assert authority.open_head(newest, them.trust).tier == "consortium"
    folder = moved.folder / "fresh"
    variables = {
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
        "MUNIMENT_URL": them.bank.url,
        "MUNIMENT_TOKEN": them.bank.token,
    }
    with pytest.warns(FirstContactWarning):
        ledger = connect(config.resolve(variables, folder, {}))
    with ledger:
        verified = verify_answer(ledger.prove_state("members").raw, them.trust, tier="consortium")
    assert verified.head.height == moved.height
    # Who believed the operator finds his line there as before.
    earlier = trusts.parse((them.lab.home.home / "trust-before.toml").read_text())
    assert authority.open_head(newest, earlier).signed


def test_heights_go_on_and_old_receipts_verify(moved: Moved) -> None:
    them, height = moved.them, moved.height
    before = {each: head for each, head in them.lab.heads().items() if each <= height}
    assert before[height][0] > EVENTS
    first = submit(them.uni, them.system("uni", "after"))
    assert first["height"] == height + 1
    submit(them.lab, them.system("lab", "later"))
    after = them.agree(PATIENCE_SECONDS)
    assert {each: after[each] for each in before} == before
    trust = them.trust
    consortium.until(lambda: authority.open_head(them.bank.text("/checkpoint").encode(), trust).tier == "consortium")
    store = Store.open(them.bank.home.ledger)
    try:
        with store.view() as view:
            steps = view.path()
    finally:
        store.close()
    # Who believed the one operator walks on to the members, and what he signed is still worth what it was.
    earlier = trusts.parse((them.lab.home.home / "trust-before.toml").read_text())
    assert consortia.agree(paths.follow(earlier, steps), trust)
    outside = {"HOME": str(moved.folder / "out"), "XDG_STATE_HOME": str(moved.folder / "out")}
    nowhere = config.resolve(outside, moved.folder, {})
    at_a_node = config.resolve({**outside, "MUNIMENT_URL": them.bank.url, "MUNIMENT_TOKEN": them.bank.token}, moved.folder, {})
    for text in moved.receipts.values():
        assert authority.open_head(receipts.parse(text).checkpoint, earlier).signed
        raw = read(them.uni, receipts.parse(text).index)
        # By the trust file of that time alone; by that of the members over the path, where one operator's word is enough.
        for settings, believed, tier in ((nowhere, earlier, None), (at_a_node, trust, SOLO)):
            found = checking.check(text.encode(), standpoint.take(settings, believed), Wanted(entry=raw, tier=tier))
            assert (found.missing, found.kind) == ("", "receipt"), found.sentences
    # The log's own line goes on, by the same key; it follows the quorum's lines.
    consortium.until(lambda: signed_by(them.bank, earlier.log_keys[0]) > before[height][0])


def signed_by(node: Node, log: Verifier) -> int:
    """The size of a node's newest checkpoint, where it has the log's own line; else 0."""
    with suppress(VerificationError):
        return checkpoint.open(node.text("/checkpoint").encode(), log).size
    return 0


def test_nobody_writes_past_the_members(moved: Moved) -> None:
    home = Home(moved.them.lab.home.home)
    settings = config.resolve({"XDG_STATE_HOME": str(moved.folder / "state"), "HOME": str(moved.folder)}, moved.folder, {})
    settings = msgspec.structs.replace(settings, home=home.folder)
    size = max(moved.them.lab.heads().values())[0]
    with pytest.raises(LedgerError, match="node") as refused, connect(settings) as ledger:
        ledger.record("system.registered", {"name": "past", "operatorRole": "provider"})
    assert refused.value.code == "written-through-its-node"
    # The key that signed for one operator is the node's now, for what the members agreed on.
    assert not home.log_key.exists()
    assert max(moved.them.lab.heads().values())[0] == size


def test_a_copy_that_was_changed_is_not_taken(moved: Moved) -> None:
    assert moved.refused["error"]["code"] == "moved-ledger"
    assert f"{EVENTS // 3}" in moved.refused["error"]["message"]
