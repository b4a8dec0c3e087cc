"""The members of a running consortium change while events flow through all of its nodes, by the commands that people use.

An organisation comes in, one gets other keys, another one publishes, the rules are amended, one is let go: the chapters of one
story, in this order. Whatever was acknowledged on the way stays true, and what was proved before verifies after it. That new keys
are used is shown by stopping so many others that nothing goes on without them.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import msgspec
import pytest

import commanding
import consortium
import feeding
import golang
import processes
from commanding import Said
from consortium import Consortium, Node
from feeding import Feed
from muniment import config
from muniment.client import checking, standpoint
from muniment.client.checking import Wanted
from muniment.client.following import MembersWarning
from muniment.client.opening import connect
from muniment.client.world import World
from muniment.config import Config
from muniment.core.format import checkpoint, digest, keys, note
from muniment.core.proof import authority, receipt
from muniment.core.proof import consortium as councils
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.core.rules import members
from muniment.core.rules.records import PolicyInForce
from muniment.ledger.store.file import Store

# A client says aloud that it follows the members; here that is no mistake.
pytestmark = pytest.mark.filterwarnings("default::muniment.client.following.MembersWarning")

PATIENCE_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""
ASKING: dict[str, Any] = {"trust_env": False, "timeout": PATIENCE_SECONDS}
UNAVAILABLE = 6
COSIGNER = 0x04


class Proved(msgspec.Struct, frozen=True):
    """What an outsider had before anything changed: whom he believed, and what he was given, by kind."""

    trust: Trust
    files: dict[str, bytes]


class Life(msgspec.Struct, frozen=True):
    """The consortium, what flows through it, its outsider, and what he had at the beginning."""

    folder: Path
    them: Consortium
    feed: Feed
    outsider: Config
    proved: Proved

    def run(self, node: Node, *arguments: str | Path) -> Any:
        """A command of `muniment`, as the first person of a member gives it at its node; its JSON.

        Who is told that the node does not know yet tries again, as people do.
        """
        found: list[Said] = []

        def done() -> bool:
            found.append(self._call(node, *map(str, arguments)))
            return found[-1].code != UNAVAILABLE

        consortium.until(done, PATIENCE_SECONDS, lambda: found[-1].err)
        assert found[-1].code == 0, f"{arguments}: {found[-1].err}"
        return found[-1].json

    def _call(self, node: Node, *arguments: str) -> Said:
        environment = {
            "HOME": str(self.folder),
            "MUNIMENT_HOME": str(node.home.home),
            "MUNIMENT_ACTOR": node.person,
            "MUNIMENT_URL": node.url,
            "MUNIMENT_TOKEN": node.token,
            "XDG_STATE_HOME": str(self.folder / "clients"),
        }
        with mock.patch.dict(os.environ, environment):
            return commanding.Machine().call(*arguments, "--json")

    def approve(self, *arguments: str | Path, by: tuple[str, ...] = ("bank", "lab", "source")) -> None:
        """Members agree to a change."""
        for each in by:
            self.run(self.them.nodes[each], *arguments, "--approve")

    def lacks(self, *arguments: str) -> tuple[int, int, int]:
        """How many voices a change needs, of how many members, and how many are missing, as the bank's node sees it."""
        asked = self.run(self.them.bank, *arguments, "--propose")["consent"]["tallies"][0]
        return asked["count"], asked["quorumOf"], asked["missing"]

    def needs(self, away: Node) -> None:
        """Events go on while this node is away, so all others vote and cosign; then it comes back."""
        away.stop()
        self.feed.next(2)
        away.start().wait(PATIENCE_SECONDS)


def stand(folder: Path, node: Node | None = None) -> Config:
    """Somebody outside with a home of his own, at a node or at none."""
    environment = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    if node is not None:
        environment |= {"MUNIMENT_URL": node.url, "MUNIMENT_TOKEN": node.token}
    return config.resolve(environment, folder, {})


def prove(them: Consortium, settings: Config) -> Proved:
    """What an outsider is given about an early event."""
    (verdict,) = them.bank.record(them.system("bank", "scoring"))
    index = verdict["index"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with connect(settings) as ledger:
            files = {
                "answer": ledger.prove(f"entry/{index}").raw,
                "bundle": ledger.bundle("system/scoring").raw,
                "receipt": ledger.receipt("system/scoring").encode(),
                "checkpoint": them.bank.text("/checkpoint").encode(),
            }
    return Proved(trusts.parse((settings.home / "trust.toml").read_text()), files)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("life")
    (folder / "outsider").mkdir()
    with consortium.running(folder) as them:
        outsider = stand(folder / "outsider", them.bank)
        proved = prove(them, outsider)
        with feeding.flowing(them) as feed:
            yield Life(folder, them, feed, outsider, proved)


def engine_has(node: Node) -> set[str]:
    """The addresses of the validators that a node's engine has for its next block."""
    found = httpx.get(f"http://{node.home.load_settings().rpc}/validators?per_page=100", **ASKING).json()
    return {each["address"].lower() for each in found["result"]["validators"]}


def votes(node: Node) -> set[str]:
    """The addresses of those who signed the newest block of the engine."""
    found = httpx.get(f"http://{node.home.load_settings().rpc}/commit", **ASKING).json()
    return {each["validator_address"].lower() for each in found["result"]["signed_header"]["commit"]["signatures"]}


def lines(node: Node) -> set[str]:
    """Whose lines stand under the newest checkpoint that it shows."""
    return {each.name for each in note.parse(node.text("/checkpoint").encode()).signatures}


def quorum(node: Node) -> tuple[tuple[str, ...], int]:
    """Who the members are, and how many make a proof."""
    found = node.standing()
    return tuple(found["members"]), found["quorum"]


def until_all(nodes: tuple[Node, ...], wanted: tuple[tuple[str, ...], int]) -> None:
    consortium.until(lambda: all(quorum(each) == wanted for each in nodes), PATIENCE_SECONDS, lambda: str([*map(quorum, nodes)]))


def test_an_organisation_comes_in(life: Life) -> None:
    them, home = life.them, life.folder / "news"
    http, p2p, rpc = (f"127.0.0.1:{port}" for port in processes.free_ports(3))
    sealed, answer = them.lab.home.consortium, life.folder / "news.answer.json"
    told = ("--url", f"http://{http}", "--p2p", p2p, "--p2p-listen", p2p, "--listen", http, "--rpc", rpc)
    joining = ("consortium", "join", sealed, "--organisation", "news", "--person", "news-ada", *told, "--out", answer)
    for arguments in ((*joining, "--home", home), ("consortium", "seal", sealed, "--home", home)):
        life.run(them.lab, *arguments)
    for node in them:
        assert life.run(node, "consortium", "meet", answer)["written"] == ["news"]
    news = Node(home, "news", "news-ada", life.folder)
    them.nodes["news"] = news
    # It follows before it votes: nobody was started anew.
    news.start().wait(PATIENCE_SECONDS)
    assert quorum(news) == (("bank", "lab", "source", "watch"), 3)

    life.approve("member", "admit", answer)
    life.run(them.lab, "member", "admit", answer, "--role", "member", "--role", "trainer")
    until_all(tuple(them), (("bank", "lab", "news", "source", "watch"), 4))
    admitted = json.loads(answer.read_text())["body"]
    consortium.until(lambda: members.address(admitted["validator"]) in votes(them.bank), PATIENCE_SECONDS, news.tail)
    assert engine_has(them.bank) == engine_has(news)
    consortium.until(lambda: f"{consortium.ORIGIN}/news" in lines(them.source), PATIENCE_SECONDS, news.tail)
    # Four of five make a proof now: without the newcomer one could not be away.
    life.needs(them.watch)
    life.feed.nodes = tuple(them)


def test_a_member_gets_other_keys(life: Life) -> None:
    them, home = life.them, life.them.lab.home
    before = {each: each.read_bytes() for each in (home.cosigner_key, home.validator_key)}
    (old,) = [each for each in home.load_consortium().validators.members if each.organisation == "lab"]
    signed = json.loads(home.validator_state.read_bytes())["height"]
    made = life.run(them.lab, "member", "rotate", "lab", "--new", "validator", "--new", "cosigner", "--propose")["change"]
    halves = ("--validator-key", made["validatorKey"], "--cosigner-key", made["cosignerKey"])
    # With the fifth member the rule asks for a fourth voice.
    life.approve("member", "rotate", "lab", *halves, by=("bank", "lab", "source"))
    consortium.until(lambda: life.lacks("member", "rotate", "lab", *halves) == (4, 5, 1), PATIENCE_SECONDS)
    life.approve("member", "rotate", "lab", *halves, by=("watch",))
    life.run(them.lab, "member", "rotate", "lab", "--new", "validator", "--new", "cosigner")
    fresh = members.address(made["validatorKey"])
    consortium.until(lambda: fresh in engine_has(them.bank), PATIENCE_SECONDS, them.lab.tail)
    assert members.address(old.key) not in engine_has(them.bank)
    life.feed.next(2)
    them.lab.stop()
    them.lab.start().wait(PATIENCE_SECONDS)
    assert all(path.read_bytes() != raw for path, raw in before.items())
    assert {path.with_name(f"{path.name}-ended-1").read_bytes() for path in before} == {*before.values()}
    # What it signed last is remembered across its keys, and goes on from there.
    consortium.until(lambda: fresh in votes(them.bank), PATIENCE_SECONDS, them.lab.tail)
    assert int(json.loads(home.validator_state.read_bytes())["height"]) > int(signed)
    verifier = keys.derive(f"{consortium.ORIGIN}/lab", bytes.fromhex(made["cosignerKey"]), COSIGNER)

    def cosigns() -> bool:
        newest = note.parse(them.source.text("/checkpoint").encode())
        return bool(checkpoint.open_cosignatures(newest, [verifier]))

    consortium.until(cosigns, PATIENCE_SECONDS, them.lab.tail)
    life.needs(them.watch)
    for node in them:
        assert node.standing()["faults"] == []


def test_another_member_publishes(life: Life, tmp_path: Path) -> None:
    them = life.them
    before = keys.derive(consortium.ORIGIN, bytes.fromhex(publisher(them.bank)))
    assert them.bank.standing()["publisher"] == "bank"
    made = life.run(them.source, "member", "publish", "source", "--new", "--propose")["change"]
    life.approve("member", "publish", "source", "--publisher-key", made["publisherKey"], by=("bank", "lab", "source", "news"))
    life.run(them.source, "member", "publish", "source", "--new")
    after = keys.derive(consortium.ORIGIN, bytes.fromhex(made["publisherKey"]))

    def published() -> bool:
        with suppress(Exception):
            return checkpoint.open(them.bank.text("/checkpoint").encode(), after).size > 0
        return False

    consortium.until(published, PATIENCE_SECONDS, them.source.tail)
    newest = note.parse(them.bank.text("/checkpoint").encode())
    assert before.key_id not in {each.key_id for each in newest.signatures}
    assert {each.standing()["publisher"] for each in them} == {"source"}
    # A reader that knows no members, in a language and by people that are not ours.
    life.run(them.source, "export", "tiles", tmp_path / "tiles")
    read = golang.build_reader(tmp_path)
    done = read(tmp_path / "tiles", keys.format(after))
    assert done.returncode == 0, done.stderr
    assert read(tmp_path / "tiles", keys.format(before)).returncode == 1


def publisher(node: Node) -> str:
    """The key of the log's own line."""
    store = Store.open(node.home.ledger)
    try:
        in_force = store.validators
    finally:
        store.close()
    assert in_force is not None
    assert isinstance(in_force.publisher, members.Publisher)
    return in_force.publisher.key


def test_the_rules_change_at_one_height(life: Life) -> None:
    them = life.them

    def register(organisation: str, number: int) -> bytes:
        name = f"data-{number}"
        return them.sign(organisation, "dataset.registered", name=name, data=digest.sha256(name.encode()).hex(), bytes=1, files=1)

    file = life.folder / "stricter.toml"
    file.write_text(life.run(them.bank, "policy", "show", "--toml")["toml"].replace('    "dataset.registered",\n', ""))
    for each in ("bank", "lab", "source", "watch"):
        life.run(them.nodes[each], "policy", "approve", file)
    with feeding.flowing(them, register) as feed:
        feed.next(2)
        amended = life.run(them.lab, "policy", "amend", file)["recorded"]["index"]
        feed.next(2 * len(feed.nodes))
    assert feed.told
    assert {each["reasons"][0]["rule"] for each in feed.refused} == {"role"}
    ends = them.agree(PATIENCE_SECONDS)
    (boundary,) = [size for _, (size, _) in sorted(ends.items()) if size > amended][:1]
    # Until its block ends the rules before hold, and from then on the others: in every ledger alike.
    assert max(feed.told) < boundary
    assert {in_force(node) for node in them} == {amended}


def in_force(node: Node) -> int:
    """The entry that holds the policy by which a node judges."""
    store = Store.open(node.home.ledger)
    try:
        with store.view() as view:
            policy = World(view).read("policy", PolicyInForce)
    finally:
        store.close()
    assert policy is not None
    return policy.index


def test_a_member_leaves(life: Life) -> None:
    them = life.them
    life.approve("member", "remove", "watch", by=("bank", "lab", "source", "news"))
    life.run(them.bank, "member", "remove", "watch")
    until_all(tuple(them), (("bank", "lab", "news", "source"), 3))
    (gone,) = [each for each in them.bank.home.load_consortium().validators.members if each.organisation == "watch"]
    consortium.until(lambda: members.address(gone.key) not in engine_has(them.bank), PATIENCE_SECONDS)
    life.feed.next(4)
    consortium.until(
        lambda: all(f"{consortium.ORIGIN}/watch" not in lines(each) for each in (them.bank, them.news)), PATIENCE_SECONDS
    )
    assert members.address(gone.key) not in votes(them.bank)
    # Its node follows on, and its readers are answered: what it shows has the quorum of those who are members.
    height = them.bank.standing()["height"]
    consortium.until(lambda: them.watch.standing()["height"] >= height, PATIENCE_SECONDS, them.watch.tail)
    believed = trusts.parse((them.news.home.home / "trust.toml").read_text())
    consortium.until(
        lambda: authority.open_head(them.watch.text("/checkpoint").encode(), believed).tier == "consortium",
        PATIENCE_SECONDS,
        them.watch.tail,
    )
    # Three of four make a proof; the one who left is not missed.
    them.watch.stop()
    life.needs(them.bank)
    them.watch.start().wait(PATIENCE_SECONDS)


def check(raw: bytes, settings: Config, trust: Trust) -> str:
    """What is said of a file, in one text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MembersWarning)
        return " ".join(checking.check(raw, standpoint.take(settings, trust), Wanted()).sentences)


def test_what_was_proved_before_holds(life: Life, tmp_path: Path) -> None:
    old, nowhere = life.proved.trust, stand(tmp_path)
    with pytest.warns(MembersWarning, match="watch is no member any more"), connect(life.outsider) as ledger:
        after = ledger.prove("system/scoring").raw
    new = trusts.parse((life.outsider.home / "trust.toml").read_text())
    assert new.organisations == ("bank", "lab", "news", "source")
    assert [councils.agree(trusts.parse(each.read_text()), old) for each in life.outsider.home.glob("trust-until-*.toml")] == [True]
    for kind, raw in life.proved.files.items():
        assert "of 4 organisations voted" in check(raw, nowhere, old), kind
        assert "These were the members of that time" in check(raw, life.outsider, new), kind
    assert authority.open_head(receipt.parse(life.proved.files["receipt"].decode()).checkpoint, old).tier == "consortium"
    assert "The members have changed since your trust file was written" in check(after, nowhere, old)
    assert "of 4 organisations voted" in check(after, nowhere, new)


def test_nothing_that_was_acknowledged_is_lost(life: Life) -> None:
    life.feed.end()
    life.them.agree(PATIENCE_SECONDS)
    life.feed.check(*life.them)
    assert len(life.feed.told) > 20
    assert life.feed.refused == []
