"""Whoever looked before notices: a ledger that shows another history is told apart by any client that pinned, and convicted.

Four ways to rewrite history with the ledger's own key. Each time the command says SplitView, ends with 3, and leaves a file that
proves it to somebody who never saw the ledger.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.client import home as homes
from muniment.client import opening
from muniment.client.home import Home
from muniment.core.format import entry, time
from muniment.core.rules import genesis
from muniment.errors import VerificationError
from muniment.ledger import signers
from muniment.ledger.embedded import Embedded, system_clock

ORIGIN = "example.com/credit"
NAMES = ("loans", "mortgages", "cards", "leases")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a ledger of five blocks, which this client has seen to its end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for variable in [name for name in os.environ if name.startswith("MUNIMENT_")]:
        monkeypatch.delenv(variable)
    with opening.init(origin=ORIGIN, actor="alice") as ledger:
        for number, name in enumerate(NAMES):
            ledger.record("dataset.registered", {"name": name, "data": f"{number:064x}", "bytes": 1, "files": 1})
    return tmp_path


def muniment(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "muniment", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **more}, check=False)


def read_events() -> list[bytes]:
    """The envelopes of the ledger, in order."""
    engine = Home(Path(".muniment")).open()
    with engine.view() as view:
        raw = [each for _, each in view.entries(0, view.size) if each.startswith(b'{"payload"')]
    engine.close()
    return raw


def rebuild(events: list[bytes]) -> None:
    """Put another ledger in its place: the same genesis to the last byte, the same key, other events."""
    home = Home(Path(".muniment"))
    engine = home.open()
    with engine.view() as view:
        header = entry.decode_header(view.entry(0))
    engine.close()
    founding = genesis.decode(bytes(header.genesis or b""))
    for path in Path(".muniment").glob("*.db*"):
        path.unlink()
    began = time.parse(header.time)
    clock = iter([began, *(system_clock() + number for number in range(len(events)))])
    rewritten = Embedded.create(home.store, founding, signers.load_file(home.log_key), clock=lambda: next(clock))
    for raw in events:
        rewritten.append([raw])
    rewritten.close()


def cut_the_tail() -> None:
    """Take the last block away, as a restored backup or a dishonest operator would."""
    sql = sqlite3.connect(".muniment/ledger.db")
    with sql:
        (last,) = sql.execute("SELECT max(height) FROM block").fetchone()
        (end,) = sql.execute("SELECT idx FROM block WHERE height = ?", (last - 1,)).fetchone()
        for statement in ("DELETE FROM block WHERE idx > ?", "DELETE FROM entry WHERE idx > ?", "DELETE FROM event WHERE idx > ?"):
            sql.execute(statement, (end,))
    sql.close()


def swap_two_entries() -> None:
    """The same events in another order, all sealed anew."""
    first, second, *rest = read_events()
    rebuild([second, first, *rest])


def rewrite_everything() -> None:
    """Another history of the same length from the same genesis: the third event never happened, a new one did."""
    events = read_events()
    with opening.open() as ledger:
        fields = {"name": "forged", "data": "f" * 64, "bytes": 1, "files": 1}
        _, forged = ledger._writer.sign("dataset.registered", fields)
    rebuild([*events[:2], forged, *events[3:]])


def rewrite_and_grow() -> None:
    """Another history, which by now is longer than what was seen."""
    first, second, *rest = read_events()
    with opening.open() as ledger:
        more = [ledger._writer.sign("note.added", {"about": ["policy"], "text": str(number)})[1] for number in range(3)]
    rebuild([second, first, *rest, *more])


@pytest.mark.parametrize(
    ("attack", "kind", "proves_itself"),
    [
        (cut_the_tail, "rollback", False),
        (swap_two_entries, "same-size", True),
        (rewrite_everything, "same-size", True),
        (rewrite_and_grow, "inconsistent", True),
    ],
)
def test_a_client_that_looked_before_says_so(place: Path, attack: Callable[[], None], kind: str, proves_itself: bool) -> None:
    attack()
    for arguments in (["verify", ".muniment"], ["log"]):
        said = muniment(*arguments)
        assert said.returncode == 3, said
        assert f"split-view-{kind}" in said.stderr
        assert said.stdout == ""
    error = json.loads(muniment("verify", ".muniment", "--json").stdout)["error"]
    assert error["step"] == 5
    evidence = Path(error["details"]["evidence"])
    assert evidence.parent == place / "state/muniment/pins"
    assert str(evidence) in said.stderr

    # Somebody else, who has only the evidence and the trust file, and never saw the ledger.
    other = place / "other"
    other.mkdir()
    shutil.copy(evidence, other / "evidence.json")
    shutil.copy(".muniment/trust.toml", other / "trust.toml")
    apart = {"XDG_STATE_HOME": str(other / "state"), "MUNIMENT_HOME": str(other / "nowhere")}
    checked = muniment("verify", other / "evidence.json", "--trust", other / "trust.toml", **apart)
    assert checked.returncode == 0, checked
    assert "This evidence holds." in checked.stdout
    assert ("proves it by itself" in checked.stdout) is proves_itself


def test_a_client_that_never_looked_is_told_by_the_trust_file_alone(place: Path) -> None:
    """A new genesis has a new id: with the keys rewritten history still is another ledger."""
    trust = Path(".muniment/trust.toml").read_text()
    shutil.rmtree("state")
    home = homes.found(place / "again", origin=ORIGIN, actor="alice")
    shutil.copy(home.store, ".muniment/ledger.db")
    Path(".muniment/trust.toml").write_text(trust)
    said = muniment("verify", ".muniment")
    assert said.returncode == 3
    assert "log-key-unknown" in said.stderr


def test_evidence_that_was_touched_accuses_nobody(place: Path) -> None:
    swap_two_entries()
    error = json.loads(muniment("verify", ".muniment", "--json").stdout)["error"]
    evidence = json.loads(Path(error["details"]["evidence"]).read_bytes())
    evidence["shown"] = evidence["pinned"]
    raw = json.dumps(evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    Path("touched.json").write_text(raw)
    said = muniment("verify", "touched.json")
    assert (said.returncode, "[evidence]" in said.stderr) == (3, True)
    with pytest.raises(VerificationError):
        opening.open()


def test_an_honest_ledger_that_grew_is_no_split_view(place: Path) -> None:
    with opening.open() as ledger:
        ledger.record("note.added", {"about": ["policy"], "text": "more"})
    assert muniment("verify", ".muniment").returncode == 0
