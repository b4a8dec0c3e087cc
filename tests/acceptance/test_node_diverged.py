"""One node judges by another rule than the others: it alone is named, by all of them, and a repair brings it back.

Two such releases: one remembers something else of an event, so that its checkpoint has another root, and one refuses an event,
so that its ledger is merely shorter and nothing that it signed is wrong. Seconds are printed; within ten on a free machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

import consortium
import deviating
from consortium import Consortium, Node
from muniment import config
from muniment.client.opening import connect
from muniment.config import Config
from muniment.core.format import note
from muniment.core.proof import evidence
from muniment.core.rules import members
from muniment.errors import MunimentError

NAMED_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""
BACK_SECONDS = 180.0
CODES = ("diverged", "peer-diverged")


def run(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of muniment; what it remembers is in a folder of the test's."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MUNIMENT_") or "COMETBFT" in key}
    return subprocess.run(
        [sys.executable, "-m", "muniment", *arguments],
        capture_output=True,
        text=True,
        env=environment | {"XDG_STATE_HOME": str(state)},
        check=False,
    )


def named(node: Node) -> set[tuple[str, str]]:
    """Whom a node says to have diverged, by code; nobody while it starts again."""
    with suppress(httpx.HTTPError):
        return {(each["code"], each["organisation"]) for each in node.standing()["alarms"] if each["code"] in CODES}
    return set()


def logged(node: Node, code: str, organisation: str) -> bool:
    """Is there a line in its log with this code about this organisation?"""
    for line in node.log.read_text().splitlines():
        with suppress(ValueError):
            said: dict[str, Any] = json.loads(line)
            if (said.get("code"), said.get("organisation")) == (code, organisation):
                return True
    return False


def start(tmp_path: Path, change: str) -> Consortium:
    """Four nodes, of which the one of `watch` has a changed rule; and a first event that all of them admit."""
    them = consortium.found(tmp_path)
    for each in (them.bank, them.lab, them.source):
        each.start()
    them.watch.start(environment=deviating.environment(tmp_path, change))
    for each in them:
        each.wait(BACK_SECONDS)
    them.bank.record(them.system("bank", "even"))
    them.agree()
    return them


def submit(them: Consortium, node: Node, name: str) -> None:
    (verdict,) = node.record(them.system(node.organisation, name))
    assert verdict["decision"] in ("admitted", "repeated")


def name_it(them: Consortium) -> None:
    """The event that the changed rule judges otherwise; then all say who it is, and nobody names anybody else."""
    others = (them.bank, them.lab, them.source)
    submit(them, them.bank, "odd")
    began, seen = time.monotonic(), dict[str, float]()

    def known() -> bool:
        for node in them:
            found = named(node)
            assert found <= {("peer-diverged", "watch"), ("diverged", "watch"), ("peer-diverged", "")}, found
            if ("diverged" if node is them.watch else "peer-diverged", "watch") in found:
                seen.setdefault(node.organisation, time.monotonic() - began)
        return len(seen) == 4

    consortium.until(known, NAMED_SECONDS, lambda: f"{seen} {them.watch.tail()}")
    print("named after", ", ".join(f"{seconds:.1f} s by {name}" for name, seconds in seen.items()))
    consortium.until(lambda: logged(them.watch, "diverged", "watch"), NAMED_SECONDS, them.watch.tail)
    consortium.until(lambda: all(logged(node, "peer-diverged", "watch") for node in others), NAMED_SECONDS)
    for node in others:
        check_status(node, "Alarm [peer-diverged] (watch)")
    submit(them, them.lab, "even-2")
    them.agree(NAMED_SECONDS, *others)


def check_status(node: Node, text: str) -> None:
    """`muniment node status` says so, and that the node is not well. It is told once a second how the node stands."""
    told = [""]

    def says() -> bool:
        done = run(node.home.home / "seen", "node", "status", "--home", str(node.home.home))
        told[0] = done.stdout
        return text in done.stdout and done.returncode == 1

    consortium.until(says, NAMED_SECONDS, lambda: told[0])


def tell_readers(them: Consortium, folder: Path, code: str) -> None:
    """Whoever reads the node that is alone hears it: on its page, from its status, and a client believes nothing of it."""
    consortium.until(lambda: ("diverged", "watch") in named(them.watch), NAMED_SECONDS, them.watch.tail)
    check_status(them.watch, "Alarm [diverged] (watch)")
    assert "diverged" in page(them.watch, "/consortium")
    assert "Do not rely on what it shows" in page(them.watch, "/")
    assert "Do not rely on what it shows" not in page(them.bank, "/")
    # A client that asks it alone, and was at another node before.
    settings = [client(folder, them, node) for node in (them.bank, them.watch)]
    connect(settings[0]).close()

    def refuses() -> bool:
        try:
            with connect(settings[1]) as ledger, ledger.view():
                return False
        except MunimentError as error:
            return error.code == code

    consortium.until(refuses, NAMED_SECONDS, them.watch.tail)


def client(folder: Path, them: Consortium, node: Node) -> Config:
    """Somebody at one node, who has the owner's trust file and remembers what he saw."""
    environment = {
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "client"),
        "MUNIMENT_URL": node.url,
        "MUNIMENT_TOKEN": node.token,
        "MUNIMENT_TRUST": str(them.bank.home.home / "trust.toml"),
    }
    return config.resolve(environment, folder, {})


def page(node: Node, path: str) -> str:
    """A page of a node that may be starting again just now."""
    return patient(lambda: node.text(path))


def patient(ask: Callable[[], str]) -> str:
    """An answer of a node that may be starting again just now."""
    found: list[str] = []

    def answers() -> bool:
        with suppress(httpx.HTTPError):
            found.append(ask())
        return bool(found)

    consortium.until(answers, NAMED_SECONDS)
    return found[0]


def repair(them: Consortium) -> None:
    """Stop it, repair it with the right release, start it: the same history, and it votes and cosigns again."""
    them.watch.stop()
    done = run(them.watch.home.home / "seen", "node", "repair", "--home", str(them.watch.home.home))
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr
    began = time.monotonic()
    them.watch.start().wait(BACK_SECONDS)
    them.agree(BACK_SECONDS)
    submit(them, them.watch, "odd-again")
    newest = max(them.agree())
    assert {"bank", "lab", "source", "watch"} == patient_cosigners(them, newest)
    consortium.until(lambda: votes(them), BACK_SECONDS, them.watch.tail)
    print(f"back after {time.monotonic() - began:.1f} s")
    # That a block was not right here may stand for two minutes more: the engine reads its own diary again when it starts.
    over = {("peer-diverged", "")}
    consortium.until(lambda: all(named(each) <= over for each in them), BACK_SECONDS, lambda: str([named(each) for each in them]))


def patient_cosigners(them: Consortium, height: int) -> set[str]:
    def cosigners() -> set[str]:
        # A node looks at itself once a second, and may not have seen this block yet.
        found = [each["cosigners"] for each in them.bank.standing()["checkpoints"] if each["height"] == height]
        return {*found[0]} if found else set()

    consortium.until(lambda: len(cosigners()) == 4, BACK_SECONDS)
    return cosigners()


def votes(them: Consortium) -> bool:
    """Is its signature in a commit of the engine?"""
    them.bank.record(them.system("bank", f"voted-{time.monotonic_ns()}"))
    (validator,) = [each for each in them.watch.home.load_consortium().validators.members if each.organisation == "watch"]
    found = httpx.get(f"http://{them.bank.home.load_settings().rpc}/commit", trust_env=False, timeout=BACK_SECONDS).json()
    signed = {each["validator_address"].lower() for each in found["result"]["signed_header"]["commit"]["signatures"]}
    return members.address(validator.key) in signed


def check_evidence(them: Consortium) -> None:
    """A file with both checkpoints: what the quorum signed, what this one member signed; anybody verifies it."""
    for node in (them.bank, them.lab, them.source):
        path = max((node.home.folder / "evidence").glob("evidence-*.json"), key=lambda each: each.stat().st_mtime_ns)
        shown = evidence.decode(path.read_bytes())
        pinned, other = (note.parse(each.encode()) for each in (shown.pinned, shown.shown))
        origin = consortium.ORIGIN
        assert f"{origin}/{node.organisation}" in {each.name for each in pinned.signatures}
        assert [each.name for each in other.signatures] == [f"{origin}/watch"]
        assert pinned.text != other.text
        checked = run(node.home.home / "seen", "verify", str(path), "--trust", str(them.lab.home.home / "trust.toml"))
        print(checked.stdout, checked.stderr)
        assert checked.returncode == 0


@pytest.mark.parametrize("change", ["RECORDS", "REFUSES"])
def test_a_node_with_a_changed_rule_is_named_and_comes_back(tmp_path: Path, change: str) -> None:
    them = start(tmp_path, getattr(deviating, change))
    try:
        name_it(them)
        # Its own line alone stands under what it shows, or a state that is old: it is alone, and stays where it is.
        tell_readers(them, tmp_path, {"RECORDS": "quorum", "REFUSES": "behind"}[change])
        if change == "RECORDS":
            check_evidence(them)
        repair(them)
    finally:
        for each in them:
            each.close()
