"""A member rotates its keys and another organisation is let in, through the nodes themselves; then the new keys are needed.

That they are used is shown by stopping so many others that nothing goes on without them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

import consortium
from consortium import Consortium, Node
from muniment import config
from muniment.client.council import Change
from muniment.client.ledger import Ledger
from muniment.client.opening import connect
from muniment.errors import Unavailable
from muniment.ledger.embedded import system_clock
from muniment.node.founding import joining, rotating, sealing

# A client says aloud that it follows the members; here that is no mistake.
pytestmark = pytest.mark.filterwarnings("default::muniment.client.following.MembersWarning")

PATIENCE_SECONDS = 120.0
R = TypeVar("R")


def insist(action: Callable[[], R]) -> R:
    """Do something as a client does who is told to try again."""
    told: list[R] = []

    def done() -> bool:
        with suppress(Unavailable, httpx.HTTPError):
            told.append(action())
        return bool(told)

    consortium.until(done, PATIENCE_SECONDS)
    return told[0]


def open_at(folder: Path, node: Node) -> Ledger:
    """The ledger as the first person of a member opens it at its node."""
    said = {
        "MUNIMENT_URL": node.url,
        "MUNIMENT_HOME": str(node.home.home),
        "MUNIMENT_TOKEN": node.token,
        "MUNIMENT_ACTOR": node.person,
    }
    environment = {"XDG_STATE_HOME": str(folder / "clients"), "HOME": str(folder), **said}
    return connect(config.resolve(environment, folder, {}))


def ask(folder: Path, node: Node, action: Callable[[Ledger], R]) -> R:
    def once() -> R:
        with open_at(folder, node) as ledger:
            return action(ledger)

    return insist(once)


def agree(folder: Path, them: Consortium, change: Change) -> None:
    for each in ("bank", "lab", "source"):
        ask(folder, them.nodes[each], lambda ledger: ledger.members.approve(change))
    ask(folder, them.lab, lambda ledger: ledger.members.record(change))


def needs(them: Consortium, away: Node, name: str) -> dict[str, Any]:
    """An event that is acknowledged while one node is away."""
    away.stop()
    raw = them.system("bank", name)
    (told,) = insist(lambda: them.bank.submit(raw))
    away.start().wait(PATIENCE_SECONDS)
    return told


def test_rotated_keys_are_used(tmp_path: Path) -> None:
    with consortium.running(tmp_path) as them:
        home = them.lab.home
        before = {each: each.read_bytes() for each in (home.cosigner_key, home.validator_key)}
        made = rotating.make_next(home.home, "lab", consortium.ORIGIN, ("cosigner", "validator"))
        agree(
            tmp_path,
            them,
            Change(member="lab", change="rotate", validator_key=made["validator"], cosigner_key=made["cosigner"]),
        )
        consortium.until(lambda: them.bank.standing()["height"] == them.lab.standing()["height"])
        # The block after the one with the event is the engine's own: it proves the state, and is signed by the set before.
        time.sleep(2)
        them.lab.stop()
        them.lab.start().wait(PATIENCE_SECONDS)
        assert all(each.read_bytes() != raw for each, raw in before.items())
        assert needs(them, them.watch, "needs-the-lab")["decision"] in ("admitted", "repeated")
        them.agree(PATIENCE_SECONDS)
        trust = ask(tmp_path, them.bank, lambda ledger: ledger.members.show("lab"))
        assert (trust.key, trust.cosigner) == (made["validator"], made["cosigner"])


def test_an_organisation_comes_in(tmp_path: Path) -> None:
    with consortium.running(tmp_path) as them:
        sealed = them.lab.home.load_consortium()
        http, p2p, rpc = (f"127.0.0.1:{port}" for port in consortium.free_ports(3))
        asked = joining.Asked(person="news-ada", url=f"http://{http}", p2p=p2p, p2p_listen=p2p, listen=http, rpc=rpc)
        home = tmp_path / "news"
        answer = joining.join(home, joining.Invitation(draft=sealed.draft, sealed=sealed), "news", asked)
        sealing.seal(home, sealed, system_clock)
        for node in them:
            assert sealing.meet(node.home.home, answer)
            node.stop()
            node.start().wait(PATIENCE_SECONDS)
        ask(tmp_path, them.lab, lambda ledger: ledger.members.enrol("news", *answer.list_requests(), ("member",)))
        change = Change(member="news", change="admit", validator_key=answer.body.validator, cosigner_key=answer.body.cosigner)
        agree(tmp_path, them, change)
        grown = Consortium({**them.nodes, "news": Node(home, "news", "news-ada", tmp_path)})
        try:
            grown.news.start().wait(PATIENCE_SECONDS)
            # Four of five make a proof now: without the newcomer one could not be away.
            assert needs(grown, grown.watch, "needs-the-newcomer")["decision"] in ("admitted", "repeated")
            grown.agree(PATIENCE_SECONDS)
            council = ask(tmp_path, grown.news, lambda ledger: ledger.members.in_force())
            assert council is not None
            assert (len(council.members), council.quorum) == (5, 4)
            assert f"— {consortium.ORIGIN}/news " in grown.bank.text("/checkpoint")
        finally:
            grown.news.close()
