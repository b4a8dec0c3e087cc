"""A node whose folder was restored from a copy does not vote on what it may have voted on before: it follows without a vote.

Its record of what it signed (priv_validator_state.json) came back with the rest, and is older than what it signed. The chain shows
that, and nothing in the folder does.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import httpx

import consortium
from consortium import Node

SECONDS = 60.0
CODE = "signed-elsewhere"


def sounds(node: Node) -> bool:
    with suppress(httpx.HTTPError):
        return CODE in {each["code"] for each in node.standing()["alarms"]}
    return False


def test_a_restored_validator_follows_without_voting(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with consortium.running(tmp_path) as them:
        them.bank.submit(them.system("bank", "first"))
        them.agree()
        them.watch.stop()
        shutil.copytree(them.watch.home.home, copy)
        them.watch.start().wait()
        for number in range(4):
            them.bank.submit(them.system("bank", f"later-{number}"))
        them.agree()
        them.watch.stop()
        shutil.rmtree(them.watch.home.home)
        shutil.copytree(copy, them.watch.home.home)

        them.watch.start()
        consortium.until(lambda: sounds(them.watch), SECONDS, them.watch.tail)
        assert (them.watch.home.folder / "silence.json").exists()
        kept = them.watch.home.validator_state.read_bytes()
        # The others need nobody's restored vote; whoever asks the restored node is still answered.
        (verdict,) = them.lab.submit(them.system("lab", "meanwhile"))
        assert verdict["decision"] == "admitted"
        consortium.until(lambda: them.watch.pid("engine") is None, SECONDS, them.watch.tail)

        them.watch.stop()
        them.watch.start().wait()
        assert "follows without voting" in them.watch.log.read_text()
        (verdict,) = them.lab.submit(them.system("lab", "afterwards"))
        assert verdict["decision"] == "admitted"
        them.agree(SECONDS)
        assert sounds(them.watch)
        assert them.watch.home.validator_state.read_bytes() == kept
