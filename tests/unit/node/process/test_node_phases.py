"""What `muniment node status` says in each phase of a node's life: of an earlier one nothing is taken for the present."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import supervising
from commanding import Machine, Said
from muniment.core.format import time
from muniment.ledger.embedded import system_clock
from muniment.node import settings
from muniment.node.homes import NodeHome
from muniment.node.process import health, lock, orders, record, standing
from muniment.node.settings import NodeSettings
from muniment.server.standing import Alarm, PeerStanding, Standing

NOW = "2026-11-23T12:00:00Z"
TAKE = """
import sys, time
from pathlib import Path
from muniment.node.process import lock
descriptor = lock.take(Path(sys.argv[1]), sys.argv[2])
print("taken", flush=True)
if "leave" in sys.argv:
    import subprocess
    print(subprocess.Popen(["sleep", "600"], pass_fds=(descriptor,)).pid, flush=True)
else:
    time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    found = NodeHome(tmp_path / "home")
    found.folder.mkdir(parents=True)
    said = NodeSettings(organisation="bank", listen="127.0.0.1:1", p2p="127.0.0.1:2", rpc="127.0.0.1:3")
    found.settings.write_text(settings.format(said))
    return found


def write(home: NodeHome, **said: Any) -> Standing:
    """What an application wrote."""
    peer = PeerStanding(
        organisation="lab", url="http://lab", reached=True, height=9, heard=time.format(system_clock()), agrees=True
    )
    common: dict[str, Any] = {
        "organisation": "bank",
        "origin": "example.com/credit",
        "ledger": "ab" * 32,
        "release": "1",
        "time": time.format(system_clock()),
        "height": 9,
        "size": 30,
        "sealed": "2026-11-23T11:00:00.000000Z",
        "engine": "running",
        "engine_height": 97,
        "engine_peers": 3,
        "waiting": 0,
        "members": ("bank", "lab"),
        "quorum": 2,
        "publisher": "bank",
        "protocol": 1,
        "peers": (peer,),
    }
    found = Standing(**{**common, **said})
    home.status.write_bytes(msgspec.json.encode(found))
    return found


def run(home: NodeHome, *, ready: bool = True, engine: int | None = 12, **said: Any) -> None:
    """What a supervisor wrote."""
    application = {"process": 11, "since": NOW, "starts": 1, "ready": ready, "failed": "", **said.pop("application", {})}
    described = {"process": engine, "since": NOW, "starts": 1, "held": False, **said.pop("about_engine", {})}
    record.write(
        home.folder,
        {"process": 10, orders.APPLICATION: application, orders.ENGINE: described, "stopping": False, "alarms": [], **said},
    )


@contextmanager
def taken(home: NodeHome, work: str = lock.NODE, *more: str) -> Iterator[subprocess.Popen[str]]:
    """Another process has the lock."""
    process = subprocess.Popen([sys.executable, "-c", TAKE, str(home.folder), work, *more], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "taken\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(home: NodeHome) -> Said:
    return Machine().call("node", "status", "--home", str(home.home))


def doctor(home: NodeHome) -> list[tuple[str, str]]:
    return [(each.grade, each.said) for each in health.examine(home, {}) if each.name == "node"]


def test_before_its_first_start(home: NodeHome) -> None:
    said = ask(home)
    assert said.code == 1
    assert said.out == f"bank, a node in {home.home}\n\nWrong: the node does not run\nStart it: muniment node start\n"


def test_after_it_was_stopped_nothing_of_the_engine_is_told(home: NodeHome) -> None:
    write(home, alarms=(Alarm(code="disk", text="1 MB are free", since=NOW),))
    run(home, ready=False, engine=None, stopping=True)
    said = ask(home)
    assert said.code == 1
    assert "As it stood when it last ran" in said.out
    assert "30 entries in 10 blocks" in said.out
    assert "Wrong: the node does not run\nStart it: muniment node start\n" in said.out
    assert not [word for word in ("engine", "running", "last heard", "Alarm") if word in said.out]
    assert doctor(home) == [("warning", "the node does not run")]


def test_one_that_was_killed_says_that_nobody_stopped_it(home: NodeHome) -> None:
    write(home)
    run(home)
    found = standing.look(home)
    assert (found.phase, found.supervisor, found.application.process, found.current) == ("stopped", "", None, False)
    assert found.wrong == ("the node does not run: it ended without being told to, as when its machine goes down",)


def test_one_that_cannot_run_says_why(home: NodeHome) -> None:
    run(home, ready=False, engine=None, stopping=True, application={"process": None, "failed": "port 8760 is taken"})
    assert standing.look(home).wrong == ("the node does not run, because its application cannot: port 8760 is taken",)


def test_while_it_starts_the_last_life_is_called_so(home: NodeHome) -> None:
    write(home)
    with taken(home) as process:
        # Before its supervisor has written anything, while it looks at its settings and asks its peers.
        said = ask(home)
        assert (said.code, standing.look(home).phase) == (1, "starting")
        assert "As it stood when it last ran" in said.out
        assert "  engine     not started yet\n" in said.out
        assert f"supervisor {process.pid}; no application; no engine" in said.out
        assert said.out.endswith("\nIt starts: the application is not ready yet.\n")
        run(home, ready=False, engine=None)
        said = ask(home)
        assert "As it stood when it last ran" in said.out
        assert "running" not in said.out
        assert "application 11 since 2026-11-23 12:00:00 UTC; no engine" in said.out
        assert said.out.endswith("\nIt starts: the application is not ready yet.\n")
        assert doctor(home) == [("warning", "it starts: the application is not ready yet")]
        run(home, ready=False, engine=None, application={"starts": 3})
        assert "Wrong: the application ended, and is started again (start 3 of this node): the node's log says why" in ask(home).out


def test_an_engine_that_is_not_up_yet_has_no_height(home: NodeHome) -> None:
    write(home, engine="away", engine_height=0, engine_peers=0)
    with taken(home):
        for engine in (None, 12):
            run(home, engine=engine)
            said = ask(home)
            assert said.code == 1
            assert "As it stood" not in said.out
            assert "  engine     does not answer yet\n" in said.out
            assert said.out.endswith("\nIt starts: the application answers, the engine not yet.\n")
        # The application has just become ready and has not looked at itself yet.
        home.status.unlink()
        assert "  engine     does not answer yet\n" in ask(home).out
        run(home, engine=None, about_engine={"starts": 2})
        assert "Wrong: the engine ended, and is started again (start 2 of this node)" in ask(home).out


def test_catching_up_is_not_well_yet_and_running_is(home: NodeHome) -> None:
    with taken(home) as process:
        run(home)
        write(home, engine="catching-up")
        said = ask(home)
        assert said.code == 1
        assert "  engine     catching up, at height 97, connected to 3 other engines\n" in said.out
        assert said.out.endswith("\nIt catches up: the engine takes the blocks that this node lacks from the others.\n")
        write(home)
        said = ask(home)
        assert said.code == 0
        assert "  engine     running, at height 97, connected to 3 other engines\n" in said.out
        assert said.out.endswith("\nAll is well.\n")
        assert doctor(home) == [("ok", f"it runs, as process {process.pid}, and nothing is wrong")]


def test_stopping_and_held(home: NodeHome) -> None:
    write(home)
    with taken(home):
        run(home, stopping=True)
        said = ask(home)
        assert (said.code, said.out.splitlines()[-1]) == (1, "It stops.")
        run(home, engine=None, about_engine={"held": True})
        said = ask(home)
        assert "  engine     stopped" in said.out
        assert said.out.endswith("Wrong: the engine is stopped and is not started again before this node is mended\n")


def test_a_repair_is_no_running_node(home: NodeHome) -> None:
    write(home)
    run(home)
    with taken(home, "node repair") as process:
        said = ask(home)
        assert "supervisor" not in said.out
        assert (
            f"Wrong: the node does not run while `muniment node repair` works on its folder, as process {process.pid}" in said.out
        )
        assert doctor(home)[0][0] == "problem"


def test_a_supervisor_that_is_gone_is_not_taken_for_who_has_its_number_now(home: NodeHome) -> None:
    write(home)
    with taken(home, lock.NODE, "leave") as process:
        assert process.stdout is not None
        left = int(process.stdout.readline())
        process.wait()
        try:
            run(home, engine=left)
            found = standing.look(home)
            assert (found.phase, found.current) == ("orphaned", False)
            gone = (
                f"the node's supervisor, process {process.pid}, is gone, and the engine that it started runs on, as process {left}"
            )
            assert found.wrong == (f"{gone}: end that one",)
            # Its number belongs to somebody else by now: to this test's parent.
            (home.folder / lock.NAME).write_text(f"{os.getppid()} {lock.NODE}\n")
            assert standing.look(home).phase == "orphaned"
        finally:
            os.kill(left, signal.SIGKILL)


def test_a_real_one_through_its_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The phases of a real supervisor with a real engine; what the application says of itself is written by this test."""
    places, rpc = supervising.prepare(tmp_path)
    home = NodeHome(places.home)
    said = NodeSettings(organisation="bank", listen="127.0.0.1:1", p2p="127.0.0.1:2", rpc="127.0.0.1:3")
    home.settings.write_text(settings.format(said))

    def phase() -> str:
        return standing.look(home).phase

    assert phase() == "stopped"
    write(home, engine="away")
    with supervising.supervised(tmp_path, again=(places, rpc)) as node:
        node.wait_until(lambda: phase() == "waking")
        assert standing.look(home).supervisor == str(node.process.pid)
        node.wait_until(lambda: node.height >= 1)
        write(home)
        assert phase() == "running"
        # What the killed supervisor wrote is still there, and its children are gone with it.
        node.process.kill()
        node.process.wait()
        node.wait_until(lambda: phase() == "stopped")
        assert json.loads((home.folder / record.NAME).read_text())["stopping"] is False
        assert "ended without being told to" in standing.look(home).wrong[0]
