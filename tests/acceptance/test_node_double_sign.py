"""A validator that runs twice signs twice: the proof stands in a header under its name, and the chain goes on.

The twin is a copy of the whole node, as one gets by starting a backup beside the original: the same validator's key, a record of
what was signed that begins anew, and an engine's key of its own, under which two of the others take it for a peer. It does not
look whether the chain shows votes of its own that it does not know of, which would end it (test_node_restored).
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import msgspec

import consortium
import processes
from consortium import Consortium, Node
from muniment.core.format.entry import Header
from muniment.core.rules import members
from muniment.core.rules.members import Fault
from muniment.ledger.store.file import Store
from muniment.node import settings
from muniment.node.founding import engine_keys
from muniment.node.settings import Peer

PROVEN_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""


def copy(them: Consortium, of: Node, folder: Path) -> Node:
    """A copy of a node that did not run yet, with addresses and an engine's key of its own."""
    home = folder / "twin"
    shutil.copytree(of.home.home, home)
    twin = Node(home, of.organisation, of.person, folder)
    http, p2p, rpc = (f"127.0.0.1:{port}" for port in processes.free_ports(3))
    told = msgspec.structs.replace(twin.home.load_settings(), listen=http, url=f"http://{http}", p2p=p2p, rpc=rpc)
    twin.home.settings.write_text(settings.format(told))
    twin.home.engine_node_key.unlink()
    key = engine_keys.create_engine(twin.home.engine_node_key)
    peer = Peer(organisation="backup", url="", p2p=f"{members.address(key.public_key.hex())}@{p2p}")
    for node in (them.bank, them.lab):
        known = node.home.load_settings()
        node.home.settings.write_text(settings.format(msgspec.structs.replace(known, peers=(*known.peers, peer))))
    again = Node(home, of.organisation, of.person, folder)
    again.log = folder / "twin.log"
    return again


def unscrupulous(folder: Path) -> dict[str, str]:
    """The variables under which a node votes whatever it, and whoever it could ask, has seen of itself."""
    place = folder / "unscrupulous"
    place.mkdir()
    (place / "sitecustomize.py").write_text(
        """
import sys

if any("muniment.node.service.process" in each for each in sys.orig_argv):
    from muniment.node.engine.votes import OwnVotes

    OwnVotes.doubt = lambda self, height, commit: ""
elif "start" in sys.orig_argv:
    from muniment.node.light import remembering

    remembering.find_forgotten = lambda *told: None
"""
    )
    return {"PYTHONPATH": str(place)}


def run(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of muniment, by somebody who remembers nothing."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MUNIMENT_") or "COMETBFT" in key}
    environment["XDG_STATE_HOME"] = str(state)
    return subprocess.run(
        [sys.executable, "-m", "muniment", *arguments], capture_output=True, text=True, env=environment, check=False
    )


def headers(node: Node) -> list[Header]:
    store = Store.open(node.home.ledger)
    try:
        with store.view() as view:
            return [view.header(height) for height in range(view.height + 1)]
    finally:
        store.close()


def proofs(node: Node) -> dict[int, tuple[Fault, ...]]:
    """The faults that headers name, by height."""
    return {
        each.height: members.decode_faults(bytes(each.evidence)) for each in headers(node) if isinstance(each.evidence, msgspec.Raw)
    }


def check_told(node: Node, found: dict[int, tuple[Fault, ...]]) -> None:
    """Its status, its alarms, its log and its pages name the organisation; nobody else is named."""

    def sounds() -> bool:
        alarms = {(each["code"], each["organisation"]) for each in node.standing()["alarms"]}
        assert {organisation for code, organisation in alarms if code == "double-sign"} <= {"watch"}
        return ("double-sign", "watch") in alarms

    consortium.until(sounds, PROVEN_SECONDS, lambda: str(node.standing()["alarms"]))
    assert {each["organisation"] for each in node.standing()["faults"]} == {"watch"}
    consortium.until(lambda: '"code":"double-sign","organisation":"watch"' in node.log.read_text(), PROVEN_SECONDS, node.tail)
    page = node.text("/consortium")
    assert "Proof of double signing" in page
    assert "voted twice" in page
    for height in found:
        block = node.text(f"/blocks/{height}")
        assert "watch" in block
        assert "Proof of double signing" in block


def check_ledger(node: Node, faults: int, state: Path) -> None:
    """The member's record counts them; the file is sound, and its whole history verifies, replayed from the first event."""
    store = Store.open(node.home.ledger)
    try:
        with store.view() as view:
            raw = view.record("member/watch")
    finally:
        store.close()
    assert raw is not None
    assert msgspec.json.decode(raw)["state"]["faults"] == faults
    home = str(node.home.home)
    for command in (("fsck", "--home", home), ("verify", home, "--trust", f"{home}/trust.toml")):
        done = run(state, *command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def test_a_validator_that_signs_twice_is_named_in_a_header(tmp_path: Path) -> None:
    them = consortium.found(tmp_path)
    twin = copy(them, them.watch, tmp_path)
    try:
        them.start()
        twin.start(environment=unscrupulous(tmp_path)).wait()
        sent = iter(range(1_000))

        def proven() -> bool:
            number = next(sent)
            them.bank.record(them.system("bank", f"system-{number}"))
            return bool(proofs(them.bank))

        began = time.monotonic()
        consortium.until(proven, PROVEN_SECONDS, lambda: them.bank.tail() + twin.tail())
        print(f"proven after {time.monotonic() - began:.1f} s and {next(sent)} events")
        twin.stop()
        # All go on, and agree on what was proven.
        (verdict,) = them.lab.record(them.system("lab", "afterwards"))
        assert verdict["decision"] in ("admitted", "repeated")
        them.agree()
        # One more block may name what was found last.
        consortium.until(lambda: all(proofs(node) == proofs(them.bank) for node in them), PROVEN_SECONDS)
        found = proofs(them.bank)
        validator = next(each for each in them.bank.home.load_consortium().validators.members if each.organisation == "watch")
        for fault in itertools.chain.from_iterable(found.values()):
            assert (fault.organisation, fault.kind, fault.address) == ("watch", "duplicate-vote", members.address(validator.key))
        for node in them:
            check_told(node, found)
        check_ledger(them.bank, sum(map(len, found.values())), tmp_path / "outsider")
    finally:
        twin.close()
        for each in them:
            each.close()
