"""A node whose folder was restored from a copy does not vote on what it voted on before: it follows without a vote.

Its record of what it signed (priv_validator_state.json) came back with the rest, and is older than what it signed. Nothing in the
folder shows that; the blocks of the others do, and they are asked before the engine starts.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import httpx

import consortium
from consortium import Node

SECONDS = 180.0


def codes(node: Node) -> set[str]:
    with suppress(httpx.HTTPError):
        return {each["code"] for each in node.standing()["alarms"]}
    return set()


def test_a_restored_validator_follows_without_voting(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with consortium.running(tmp_path) as them:
        them.bank.record(them.system("bank", "first"))
        them.agree()
        them.watch.stop()
        shutil.copytree(them.watch.home.home, copy)
        them.watch.start().wait()
        for number in range(4):
            them.bank.record(them.system("bank", f"later-{number}"))
        them.agree()
        them.watch.stop()
        assert not (them.watch.home.folder / "silence.json").exists()
        # Nobody of the others waits for it, and its votes are no part of the newest blocks.
        them.lab.record(them.system("lab", "without"))
        shutil.rmtree(them.watch.home.home)
        shutil.copytree(copy, them.watch.home.home)
        restored = them.watch.home.validator_state.read_bytes()

        them.watch.start().wait()
        assert "follows without voting" in them.watch.log.read_text()
        assert (them.watch.home.folder / "silence.json").exists()
        consortium.until(lambda: "signed-elsewhere" in codes(them.watch), SECONDS, them.watch.tail)
        (verdict,) = them.lab.record(them.system("lab", "afterwards"))
        assert verdict["decision"] in ("admitted", "repeated")
        them.agree(SECONDS)
        assert them.watch.home.validator_state.read_bytes() == restored
        assert "conflicting vote" not in (them.watch.home.folder / "logs" / "engine.log").read_text()
        assert not any("double-sign" in codes(each) for each in them)
