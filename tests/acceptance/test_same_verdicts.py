"""Promise: one sequence of events gives one ledger, whether it comes through the SDK, the command line, JSON or a node.

Every step is done four times, in four copies of one ledger: by a verb of the SDK, by its command, by `muniment record` with the
fields of the event as docs/events.md has them, and by the SDK through a node that serves the copy over HTTP. Each time the verdict
is the same (what was decided, and by which rules), and so is every entry, the tree's root before each header and the map's root
after each block.

Three things are held fixed, because they are different each time by their nature:
- who is there: the ledger is founded and all keys are made once, and its folder is copied;
- the clock: it stands still while a step is done, and goes on by a minute between two of them;
- chance: the n-th draw of so many bytes in a step is the same, which gives the same event ids and the same salts.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

import muniment
import serving
from muniment import config, exits
from muniment.cli import application
from muniment.client import identity, opening, policy_file
from muniment.client.home import Home
from muniment.client.remote import first_contact
from muniment.client.remote.first_contact import FirstContactWarning
from muniment.core.format import checkpoint, dsse, note
from muniment.core.format import time as times
from steps import STEPS
from threefold import ADMITTED, ORIGIN, POLICY, REPEATED, Seen, Step, Verdict, do_by_verb, refused

BEGAN_US = times.parse("2026-06-01T09:00:00.000000Z")
STEP_US = 60_000_000
EVENT_ID_BYTES = 10


class Fixed:
    """A clock that stands still during a step, and chance that is drawn anew in each."""

    def __init__(self) -> None:
        self.step = 0
        self._drawn: Counter[int] = Counter()
        self._chance = os.urandom

    def begin(self, step: int) -> None:
        self.step = step
        self._drawn.clear()

    def now(self) -> str:
        return times.format(self.time_ns() // 1_000)

    def time_ns(self) -> int:
        return (BEGAN_US + self.step * STEP_US) * 1_000

    def urandom(self, size: int) -> bytes:
        # What a node draws for itself takes nothing away either; only what its service records is drawn like all event ids.
        if threading.current_thread() is not threading.main_thread() and size != EVENT_ID_BYTES:
            return self._chance(size)
        # By size as well: what names a temporary file takes nothing away from ids and salts.
        self._drawn[size] += 1
        return hashlib.shake_256(f"{self.step} {size} {self._drawn[size]}".encode()).digest(size)


class Way(Protocol):
    """How a step is done: returns the verdict, and the event id and entry where there is one."""

    def __call__(self, seen: Seen, step: Step) -> tuple[Verdict, str, int]: ...


def by_sdk(seen: Seen, step: Step) -> tuple[Verdict, str, int]:
    with muniment.open(seen.home, actor=step.actor) as ledger:
        return do_by_verb(ledger, seen, step)


def by_node(seen: Seen, step: Step) -> tuple[Verdict, str, int]:
    with muniment.open(os.environ["MUNIMENT_URL"], actor=step.actor) as ledger:
        return do_by_verb(ledger, seen, step)


def by_command(seen: Seen, step: Step) -> tuple[Verdict, str, int]:
    return _run(step.cli(seen), seen, step)


def by_json(seen: Seen, step: Step) -> tuple[Verdict, str, int]:
    path = seen.home.parent / "event.json"
    path.write_text(json.dumps(dict(step.fields(seen))))
    return _run(["record", str(path), "--event", step.event], seen, step)


def _run(arguments: Sequence[str], seen: Seen, step: Step) -> tuple[Verdict, str, int]:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        code = application.run([*arguments, "--home", str(seen.home), "--actor", step.actor, "--json"])
    said = json.loads(out.getvalue())
    if code == exits.OK:
        recorded = said.get("recorded", said)
        return REPEATED if recorded["again"] else ADMITTED, recorded["eventId"], recorded["index"]
    error = said["error"]
    if code == exits.REFUSED and "reasons" in error["details"]:
        return refused(*(reason["rule"] for reason in error["details"]["reasons"])), "", -1
    assert error["code"].startswith("conflict-"), error
    return refused(error["code"].removeprefix("conflict-")), "", -1


class Lived(NamedTuple):
    """What a copy came to: verdicts, what each entry says, and every root."""

    verdicts: list[Verdict]
    said: list[Any]
    roots: list[tuple[int, str, str]]
    last: tuple[int, bytes]


def live(way: Way, home: Path, fixed: Fixed) -> Lived:
    """Do every step in one way."""
    seen, verdicts = Seen(home, fixed.now), []
    for number, step in enumerate(STEPS, 1):
        fixed.begin(number)
        verdict, event_id, index = way(seen, step)
        verdicts.append(verdict)
        if event_id:
            seen.ids[step.name], seen.entries[step.name] = event_id, index
    with muniment.open(home) as ledger, ledger.view() as view:
        raws = [view.entry(index) for index in range(view.size)]
        said = [json.loads(dsse.open(dsse.decode(raw)))["predicate"] if raw.startswith(b'{"payload"') else {} for raw in raws]
        headers = [view.header(height) for height in range(view.height + 1)]
        last = checkpoint.parse(note.parse(view.checkpoint).text)
        return Lived(verdicts, said, [(each.size, each.root, each.state) for each in headers], (last.size, last.root))


WAYS: Mapping[str, Way] = {"sdk": by_sdk, "command": by_command, "json": by_json, "node": by_node}


@contextmanager
def at_node(home: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """A node that serves a ledger, and settings of a client that holds the keys of all and nothing else."""
    with serving.running(home, state=home.parent / "server") as server:
        patch.setenv("MUNIMENT_URL", server.url)
        patch.setenv("MUNIMENT_TOKEN", server.token)
        settings = config.resolve(os.environ, home.parent, {})
        with pytest.warns(FirstContactWarning):
            first_contact.meet(settings)
        for actor in Home(home).actors():
            identity.import_key(Home(settings.home), ORIGIN, Home(home).actor_key(actor))
        yield
    patch.delenv("MUNIMENT_URL")
    patch.delenv("MUNIMENT_TOKEN")


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lived]:
    """The same life in three ways."""
    folder, fixed = tmp_path_factory.mktemp("lives"), Fixed()
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("MUNIMENT_")]:
            patch.delenv(variable)
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("XDG_STATE_HOME", str(folder / "founding"))
        patch.setattr(time, "time_ns", fixed.time_ns)
        patch.setattr(os, "urandom", fixed.urandom)
        first = folder / "first"
        first.mkdir()
        opening.init(first / "ledger", origin=ORIGIN, actor="ada", policy="team").close()
        for actor in ("ben", "cleo"):
            identity.request(Home(first / "ledger"), ORIGIN, actor, "person")
        (first / "loans.csv").write_text("amount,paid\n100,1\n")
        # A new policy for later: the model shall be better.
        (first / POLICY).write_text(policy_file.read("team").replace("auc >= 0.80", "auc >= 0.85"))
        for number in (1, 2):
            (first / f"model-{number}.bin").write_bytes(bytes([number]))
        lived = {}
        for name, way in WAYS.items():
            # The copies have one origin: each client remembers its own.
            patch.setenv("XDG_STATE_HOME", str(folder / f"state-{name}"))
            shutil.copytree(first, folder / name)
            home = folder / name / "ledger"
            with at_node(home, patch) if way is by_node else nullcontext():
                lived[name] = live(way, home, fixed)
        return lived


@pytest.mark.parametrize("way", WAYS)
def test_each_step_gets_its_verdict(lives: dict[str, Lived], way: str) -> None:
    found = [(step.name, verdict) for step, verdict in zip(STEPS, lives[way].verdicts, strict=True)]
    assert found == [(step.name, step.verdict) for step in STEPS]


@pytest.mark.parametrize("way", [way for way in WAYS if way != "sdk"])
def test_every_entry_says_the_same(lives: dict[str, Lived], way: str) -> None:
    assert lives[way].said == lives["sdk"].said


@pytest.mark.parametrize("way", [way for way in WAYS if way != "sdk"])
def test_the_roots_after_each_block_are_the_same(lives: dict[str, Lived], way: str) -> None:
    assert lives[way].roots == lives["sdk"].roots
    assert lives[way].last == lives["sdk"].last


def test_refused_deployments_are_on_record(lives: dict[str, Lived]) -> None:
    """The policy `team` asks for it: what the ledger itself wrote about them is compared above like all else."""
    rules = [set(said["rules"]) for said in lives["sdk"].said if "attempted" in said]
    refusals = [step for step in STEPS if step.event == "deployment.changed" and step.verdict.decision == "refused"]
    assert rules == [set(step.verdict.rules) for step in refusals]
