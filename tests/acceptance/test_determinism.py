"""Nothing that is signed or hashed hangs on chance: not on the hash seed of a process, not on how a ledger was cut into calls.

The recorded ledger here is one that was just recorded; tests/determinism replays the published one, under another Python too.
tests/unit/test_house.py holds import-linter's contracts and the audit hook to the same issue.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from muniment.core.format import dsse, state_map
from muniment.core.rules import chain
from muniment.ledger.embedded import Embedded
from muniment.ledger.replay import Replay
from muniment.ledger.store.file import Store

TESTS = Path(__file__).resolve().parent.parent
SEEDS = ("0", "1", "random")

RECORD = """
import sys
from pathlib import Path
import makers, proving
story = proving.Story(Path(sys.argv[1]))
story.life.grow(120, block=9)
with story.life.engine.view() as view:
    sys.stdout.write(view.checkpoint.decode())
story.life.close()
"""
REPLAY = """
import json, sys
from pathlib import Path
import makers
from muniment.ledger.audit import audit
from muniment.ledger.embedded import Embedded
from muniment.ledger.store.file import Store
engine = Embedded(Store.open(Path(sys.argv[1])), None)
found = audit(engine.view, makers.VERIFIER)
engine.close()
json.dump({"root": found.root, "state": found.state, "ledger": found.ledger, "replayed": found.replayed}, sys.stdout)
"""


def run(script: str, seed: str, *arguments: Path) -> str:
    """A script in a process of its own, under a hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{TESTS.parent / 'src'}{os.pathsep}{TESTS}"}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """The same life recorded under each seed: the file, and the signed checkpoint at its end."""
    folder = tmp_path_factory.mktemp("recorded")
    return {seed: (folder / f"{seed}.db", run(RECORD, seed, folder / f"{seed}.db")) for seed in SEEDS}


def test_recording_gives_the_same_ledger_under_every_hash_seed(recorded: dict[str, tuple[Path, str]]) -> None:
    assert len({note for _, note in recorded.values()}) == 1
    bytes_of = []
    for path, _ in recorded.values():
        engine = Embedded(Store.open(path), None)
        with engine.view() as view:
            bytes_of.append([raw for _, raw in view.entries(0, view.size)])
        engine.close()
    assert bytes_of[0] == bytes_of[1] == bytes_of[2]


@pytest.mark.parametrize("seed", SEEDS)
def test_replay_gives_the_same_roots_under_every_hash_seed(recorded: dict[str, tuple[Path, str]], seed: str) -> None:
    path, note = recorded["0"]
    found = json.loads(run(REPLAY, seed, path))
    engine = Embedded(Store.open(path), None)
    with engine.view() as view:
        header = view.header(view.height)
        assert (found["state"], found["replayed"]) == (header.state, True)
        assert view.checkpoint.decode() == note
    engine.close()
    assert found == json.loads(run(REPLAY, "0", path))


def test_replay_in_memory_gives_every_header_of_the_store(recorded: dict[str, tuple[Path, str]]) -> None:
    """Block by block, and at the end record by record."""
    path, _ = recorded["1"]
    engine = Embedded(Store.open(path), None)
    with engine.view() as view:
        raws = [raw for _, raw in view.entries(0, view.size)]
        replay, waiting, height = Replay(lambda index: _body(raws[index])), list[bytes](), 0
        for raw in raws:
            if raw.startswith(b'{"payload"'):
                waiting.append(raw)
                continue
            done = replay.advance(raw, chain.open_submissions(waiting))
            assert done.header == view.header(height)
            waiting, height = [], height + 1
        for name in ("actor/ada", "model/credit-risk", "deployment/production/credit-risk", "policy"):
            assert replay.record(name) == view.record(name)
        assert state_map.bulk(replay.rows()).hex() == view.header(view.height).state
    engine.close()


def _body(raw: bytes) -> bytes:
    return dsse.decode(raw).payload if raw.startswith(b'{"payload"') else raw
