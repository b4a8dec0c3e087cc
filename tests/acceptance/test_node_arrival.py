"""A fourth member comes late and begins from a snapshot; later its node is brought back from the others. All by the commands.

What it then shows over HTTP is read by people who are not ours: the reader in Go checks its checkpoint, who cosigned it, every
tile and every entry.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

import consortium
import engines
import golang
from consortium import Consortium, Node
from muniment.ledger.store.file import Store
from muniment.ledger.store.marks import Mark

BATCHES = 8


def test_a_late_member_begins_from_a_snapshot_and_is_repaired(tmp_path: Path) -> None:
    engines.find_engine()
    them = consortium.found(tmp_path)
    late = them.watch
    try:
        for node in (them.bank, them.lab, them.source):
            node.start()
        for node in (them.bank, them.lab, them.source):
            node.wait()
        for number in range(BATCHES):
            record(them, f"early-{number}")
        answer, said = run("join", late)
        assert answer["asked"] == ["bank", "lab", "source"]
        assert set(answer["signers"]) == {"bank", "lab", "source"}
        assert said == 0
        late.start().wait()
        them.agree()
        # It did not take the first blocks: nobody told it what they led to.
        assert (begun := marks(late)[0].height) > 1

        problem, said = run("repair", late)
        assert (problem["error"]["code"], said != 0) == ("already-running", True)
        late.stop()
        assert run("join", late)[0]["error"]["code"] == "node-has-blocks"
        signed = late.home.validator_state.read_bytes()
        mended, said = run("repair", late, "--from-others")
        assert (mended["plan"]["way"], said) == ("snapshot", 0)
        assert late.home.validator_state.read_bytes() == signed
        kept = Store.open(Path(mended["kept"]) / "ledger.db")
        assert (kept.mark() or Mark(0, 0, b"")).height >= begun
        kept.close()
        late.start("--public").wait()
        record(them, "after")
        them.agree()
        read = golang.build_reader(tmp_path)
        read_all(them, late, read)
        record(them, "last")
        read_all(them, late, read)
    finally:
        for node in them:
            node.close()


def read_all(them: Consortium, node: Node, read: golang.Read) -> None:
    """A node shows the ledger that all have, cosigned by all, once the last of them has."""
    size, root = max(them.agree().values())
    names = sorted(each.verifier.name for each in them.trust.cosigners)
    assert len(names) == 4
    # The publisher's line follows the quorum, and is told to the other nodes a moment later.
    consortium.until(lambda: f"— {them.trust.origin} " in node.text("/checkpoint"))
    consortium.until(lambda: golang.read_log(read, node.url, them.trust) == (size, base64.b64decode(root).hex(), names))


def record(them: Consortium, name: str) -> None:
    """Ten events, submitted again where the node says that it does not know yet, as every client does."""
    entries = [them.system("bank", f"{name}-{number}") for number in range(10)]

    def recorded() -> bool:
        with suppress(httpx.HTTPStatusError):
            return {each["decision"] for each in them.bank.submit(*entries)} <= {"admitted", "repeated"}
        return False

    consortium.until(recorded)


def run(command: str, node: Node, *options: str) -> tuple[dict[str, Any], int]:
    """A command of `muniment node`: its JSON, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "muniment", "node", command, "--home", str(node.home.home), "--json", *options],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return json.loads(done.stdout or done.stderr), done.returncode


def marks(node: Node) -> list[Mark]:
    store = Store.open(node.home.ledger)
    try:
        return store.marks(0, 1 << 40)
    finally:
        store.close()
