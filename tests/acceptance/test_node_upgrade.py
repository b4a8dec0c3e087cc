"""The members take the next protocol at a height: who speaks it goes on, who does not stops judging, harms nobody, and catches up.

Three nodes run the next release (tests/releases.py), under whose protocol 2 one rule is another; the fourth runs this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

import consortium
import feeding
import releases
from consortium import Consortium, Node
from muniment.core.format import entry
from muniment.core.rules import members
from muniment.ledger.store.file import Store
from muniment.server.standing import Alarm

PATIENCE_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""
UNAVAILABLE = 6
UNKNOWN = "protocol-unknown"


def run(folder: Path, node: Node, *arguments: str, release: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command as the first person of a member gives it; who is told that the node does not know yet tries again."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MUNIMENT_")}
    said = {
        "MUNIMENT_HOME": str(node.home.home),
        "MUNIMENT_ACTOR": node.person,
        "MUNIMENT_URL": node.url,
        "MUNIMENT_TOKEN": node.token,
        "XDG_STATE_HOME": str(folder / "clients"),
    }
    found: list[subprocess.CompletedProcess[str]] = []

    def done() -> bool:
        command = [sys.executable, "-m", "muniment", *arguments]
        variables = environment | said | (release or {})
        found.append(subprocess.run(command, capture_output=True, text=True, env=variables, cwd=folder, check=False))
        return found[-1].returncode != UNAVAILABLE or "this release speaks" in found[-1].stderr

    consortium.until(done, PATIENCE_SECONDS, lambda: found[-1].stderr)
    return found[-1]


def upgrade(folder: Path, them: Consortium, release: dict[str, str]) -> int:
    """Three members agree, and one records it: the index of the entry."""
    for node in (them.bank, them.lab, them.source):
        assert run(folder, node, "protocol", "upgrade", "2", "--approve", release=release).returncode == 0
    done = run(folder, them.lab, "protocol", "upgrade", "2", "--json", release=release)
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout)["recorded"]["index"])


def alarms(node: Node) -> dict[str, Alarm]:
    """What a node says to be wrong, by code; nothing while it starts."""
    with suppress(httpx.HTTPError):
        return {each["code"]: each for each in node.standing()["alarms"]}
    return {}


def engine(node: Node) -> dict[str, Any]:
    """What the supervisor says of its engine."""
    found: dict[str, Any] = json.loads((node.home.folder / "processes.json").read_text())["engine"]
    return found


def protocols(node: Node) -> tuple[list[int], list[int]]:
    """The protocol of every header, and the size after it, by height."""
    store = Store.open(node.home.ledger)
    try:
        with store.view() as view:
            headers = [view.header(height) for height in range(view.height + 1)]
            return [each.protocol for each in headers], [each.size + 1 for each in headers]
    finally:
        store.close()


def decide(node: Node, raw: bytes) -> str:
    """What becomes of an event; one that is there the second time was admitted when the node did not know yet."""
    (verdict,) = node.record(raw)
    return "admitted" if verdict["decision"] == "repeated" else str(verdict["decision"])


def check_stopped(folder: Path, them: Consortium, size: int) -> None:
    """It says why it judges no more, goes on answering readers, and nobody is said to differ."""
    watch = them.watch
    consortium.until(lambda: UNKNOWN in alarms(watch), PATIENCE_SECONDS, watch.tail)
    consortium.until(lambda: engine(watch)["held"] and engine(watch)["process"] is None, PATIENCE_SECONDS, watch.tail)
    told = [""]

    def says() -> bool:
        done = run(folder, watch, "node", "status", "--home", str(watch.home.home))
        told[0] = done.stdout
        return done.returncode == 1 and f"[{UNKNOWN}]" in done.stdout

    consortium.until(says, PATIENCE_SECONDS, lambda: told[0])
    assert "protocol 2" in told[0]
    assert watch.standing()["size"] == size
    # A client of this release verifies what it shows.
    shown = run(folder, watch, "show", "system/odd-before", "--json")
    assert shown.returncode == 0, shown.stderr
    assert "protocol 2" in watch.text("/consortium")
    for node in them:
        assert not {"diverged", "peer-diverged", "engine-failed"} & alarms(node).keys()
    assert them.watch.runs


def test_the_next_protocol_acts_from_a_height_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What this test itself reads of the ledgers it reads as the next release does.
    monkeypatch.setattr(entry, "PROTOCOLS", frozenset({1, 2}))
    release = releases.next_release(tmp_path)
    with consortium.alone():
        them = consortium.found(tmp_path)
        others = (them.bank, them.lab, them.source)
        try:
            for node in others:
                node.start(environment=release)
            them.watch.start()
            for node in them:
                node.wait()
            assert decide(them.bank, them.system("bank", "odd-before")) == "admitted"
            refused = run(tmp_path, them.watch, "protocol", "upgrade", "2", "--propose", "--json")
            assert (refused.returncode, "protocol-not-spoken" in refused.stdout) == (2, True)
            with feeding.flowing(Consortium({each.organisation: each for each in others})) as feed:
                index = upgrade(tmp_path, them, release)
                feed.next(3)
            assert decide(them.source, them.system("source", "odd-after")) == "refused"
            assert decide(them.source, them.system("source", "even")) == "admitted"
            numbers, sizes = protocols(them.bank)
            height = next(height for height, size in enumerate(sizes) if size > index)
            assert numbers == [1] * (height + 1) + [2] * (len(numbers) - height - 1)
            check_stopped(tmp_path, them, sizes[height])
            # And this release says of the others' ledger what it needs, and nothing worse.
            unread = run(tmp_path, them.bank, "show", "system/even")
            assert "this release speaks 1" in unread.stderr

            # Started again it stays where it is, and answers readers, though it is not ready for events.
            them.watch.stop()
            them.watch.start()
            check_stopped(tmp_path, them, sizes[height])
            # The release that speaks it judges what was left.
            them.watch.stop()
            them.watch.start(environment=release).wait(PATIENCE_SECONDS)
            them.agree(PATIENCE_SECONDS)
            (own,) = [each for each in them.watch.home.load_consortium().validators.members if each.organisation == "watch"]
            consortium.until(lambda: members.address(own.key) in votes(them), PATIENCE_SECONDS, them.watch.tail)
            consortium.until(lambda: not alarms(them.watch), PATIENCE_SECONDS, them.watch.tail)
            assert decide(them.watch, them.system("watch", "odd-at-last")) == "refused"
            them.agree(PATIENCE_SECONDS)
            feed.check(*them)
            assert feed.refused == []
        finally:
            for node in them:
                node.close()


def votes(them: Consortium) -> set[str]:
    """The addresses of those who signed the newest block of the engine, after one more event."""
    them.bank.record(them.system("bank", "again"))
    found = httpx.get(f"http://{them.bank.home.load_settings().rpc}/commit", trust_env=False, timeout=PATIENCE_SECONDS).json()
    return {each["validator_address"].lower() for each in found["result"]["signed_header"]["commit"]["signatures"]}
