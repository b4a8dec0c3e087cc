"""The supervisor over a real CometBFT: what it starts, what it survives, how it ends (node.process)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

import engines
import supervising
from muniment.core.rules import members
from muniment.errors import Conflict
from muniment.node.founding import engine_keys
from muniment.node.process import lock
from muniment.node.process.supervisor import GRACE_SECONDS, TICK_SECONDS

MAX_RSS_KIB = 25 << 10


def is_gone(process: int) -> bool:
    try:
        # One that nobody has reaped yet does nothing any more.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except OSError:
        return True


def test_it_starts_the_application_then_the_engine_and_stops_both_within_seconds(tmp_path: Path) -> None:
    # Long enough that none of them is killed on a slow machine: both stop by themselves.
    with supervising.supervised(tmp_path, timing=supervising.QUICK._replace(stop=60.0)) as node:
        node.wait_until(lambda: node.height >= 1)
        greeting = json.loads((node.folder / "stdout").read_text())
        assert greeting == {"url": "http://127.0.0.1:1", "process": node.process.pid}
        node.submit("hello")
        node.wait_until(lambda: node.height >= 2)
        said = [json.loads(line)["code"] for line in node.log.splitlines()]
        assert said[:3] == ["application-started", "application-ready", "engine-started"]
        memory = Path(f"/proc/{node.process.pid}/status").read_text()
        rss = next(int(line.split()[1]) for line in memory.splitlines() if line.startswith("VmRSS:"))
        assert rss < MAX_RSS_KIB
        signed = json.loads(node.places.validator_state.read_text())["height"]
        assert int(signed) >= 2
        children = [node.child("application"), node.child("engine")]
        with pytest.raises(Conflict) as refused:
            lock.take(node.folder)
        assert (refused.value.code, refused.value.details["process"]) == ("already-running", str(node.process.pid))
        assert lock.find_holder(node.folder) == (str(node.process.pid), lock.NODE, True)
        began = time.monotonic()
        assert node.stop() == 0
        assert time.monotonic() - began < 60
        assert "-killed" not in node.log
        assert all(is_gone(each) for each in children)
        assert lock.find_holder(node.folder) is None
        # The validator's own record is CometBFT's alone.
        assert int(json.loads(node.places.validator_state.read_text())["height"]) >= int(signed)
        assert "Version info" in (node.folder / "logs" / "engine.log").read_text()


def test_whichever_dies_both_begin_again_and_the_chain_goes_on(tmp_path: Path) -> None:
    with supervising.supervised(tmp_path) as node:
        node.wait_until(lambda: node.height >= 1)
        for name, other in (("application", "engine"), ("engine", "application")):
            before, beside = node.child(name), node.child(other)
            os.kill(before, signal.SIGKILL)
            node.wait_restarted(name, before)
            assert node.child(other) != beside
        assert node.record["application"]["starts"] == 3


def test_an_application_that_dies_within_a_block_is_no_failure_of_the_engine(tmp_path: Path) -> None:
    with supervising.supervised(tmp_path) as node:
        node.wait_until(lambda: node.height >= 1)
        before = node.child("application")
        (node.folder / "dies").touch()
        node.submit_when_ready("one")
        node.wait_restarted("application", before)
        # The engine's log says so, because it lost the application; it is not to blame.
        assert b"CONSENSUS FAILURE" in (node.folder / "logs" / "engine.log").read_bytes()
        assert "engine-failed" not in node.log
        assert node.codes == []


def test_who_does_not_stop_is_killed_and_a_second_signal_kills_at_once(tmp_path: Path) -> None:
    again = supervising.prepare(tmp_path)
    (again[0].folder / "stubborn").touch()
    for code, stop in ((0, 3.0), (130, 60.0)):
        with supervising.supervised(tmp_path, again=again, timing=supervising.QUICK._replace(stop=stop)) as node:
            node.wait_until(lambda: node.record.get("process") == node.process.pid)
            node.wait_answering()
            children = [node.child("application"), node.child("engine")]
            began = time.monotonic()
            node.process.terminate()
            if code:
                node.wait_until(lambda: node.record["stopping"])
                node.process.terminate()
            assert node.process.wait(supervising.PATIENCE_SECONDS) == code
            assert (time.monotonic() - began > stop) == (code == 0)
            assert all(is_gone(each) for each in children)


def test_a_halted_application_and_a_halted_engine_are_replaced(tmp_path: Path) -> None:
    with supervising.supervised(tmp_path, timing=supervising.QUICK._replace(application=3.0, engine=3.0, start=30.0)) as node:
        node.wait_until(lambda: node.height >= 1)
        for name in ("application", "engine"):
            before = node.child(name)
            # Until it answered for the first time it would be waited for much longer.
            time.sleep(2 * TICK_SECONDS)
            os.kill(before, signal.SIGSTOP)
            node.wait_restarted(name, before)
            assert f'"{name}-hung"' in node.log
        # So is one whose event loop stands still, although its process runs.
        before = node.child("application")
        (node.folder / "mute").touch()
        node.wait_until(lambda: node.record["application"]["process"] not in (None, before))
        (node.folder / "mute").unlink()
        node.wait_answering()


def test_no_child_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    again = supervising.prepare(tmp_path)
    with supervising.supervised(tmp_path, again=again) as node:
        node.wait_until(lambda: node.height >= 1)
        children = [node.child("application"), node.child("engine")]
        node.process.kill()
        node.process.wait()
        node.wait_until(lambda: all(is_gone(each) for each in children))
        height = node.height
    with supervising.supervised(tmp_path, again=again) as node:
        node.wait_until(lambda: node.record["process"] == node.process.pid)
        node.wait_answering()
        node.submit_when_ready("more")
        node.wait_until(lambda: node.height > height)


def test_an_engine_that_finds_another_state_is_given_up_and_the_application_answers_on(tmp_path: Path) -> None:
    with supervising.supervised(tmp_path) as node:
        node.submit_when_ready("one")
        node.wait_until(lambda: node.height >= 2)
        # Killed before it has kept for itself what the application answered, it would not ask again.
        node.wait_idle()
        (node.folder / "wrong").touch()
        os.kill(node.child("engine"), signal.SIGKILL)
        node.wait_until(lambda: node.record["engine"]["held"])
        assert node.record["engine"]["process"] is None
        assert node.codes == ["diverged"]
        application = node.child("application")
        node.wait_until(lambda: {"alarms": ["diverged"]} in node.heard)
        starts = node.record["engine"]["starts"]
        # Readers keep their application, and should it die, they get another one; the engine stays away.
        os.kill(application, signal.SIGKILL)
        node.wait_until(lambda: node.record["application"]["process"] not in (None, application))
        node.wait_until(lambda: node.record["application"]["ready"])
        time.sleep(1)
        assert node.record["engine"] == {"process": None, "since": node.record["engine"]["since"], "starts": starts, "held": True}
        assert node.stop() == 0


def test_an_engine_that_gives_up_consensus_and_lives_on_is_replaced(tmp_path: Path) -> None:
    with supervising.supervised(tmp_path, timing=supervising.QUICK._replace(healthy=4.0)) as node:
        node.wait_until(lambda: node.height >= 1)
        before = node.child("engine")
        (node.folder / "absurd").touch()
        node.submit_when_ready("one")
        node.wait_until(lambda: "engine-failed" in node.codes)
        (node.folder / "absurd").unlink()
        # Once the cause is mended it goes on by itself, and in a while the alarm ends.
        node.wait_restarted("engine", before)
        assert not node.record["engine"]["held"]
        node.wait_until(lambda: node.codes == [])


def test_who_dies_at_once_is_started_more_and_more_slowly(tmp_path: Path) -> None:
    again = supervising.prepare(tmp_path)
    (again[0].folder / "ends").touch()
    with supervising.supervised(tmp_path, again=again) as node:
        node.wait_until(lambda: node.record.get("application", {}).get("starts", 0) >= 3)
        waits = [json.loads(line)["message"].split()[-2] for line in node.log.splitlines() if "application-ended" in line]
        assert waits[:2] == ["1", "2"]
        (node.folder / "ends").unlink()
        node.wait_answering()
        assert node.stop() == 0


LONG = supervising.QUICK._replace(early=0.1, healthy=300.0)
"""All lives here are neither early nor long enough to be well."""


def waits(node: supervising.Supervised, event: str) -> list[str]:
    return [json.loads(line)["message"].split()[-2] for line in node.log.splitlines() if f'"{event}"' in line]


def test_who_ends_of_itself_a_while_after_each_start_is_waited_for_and_told(tmp_path: Path) -> None:
    again = supervising.prepare(tmp_path)
    (again[0].folder / "fades").touch()
    with supervising.supervised(tmp_path, again=again, timing=LONG) as node:
        node.wait_until(lambda: "application-failed" in node.codes)
        node.wait_until(lambda: len(waits(node, "application-ended")) >= 3)
        assert waits(node, "application-ended")[:3] == ["1", "2", "4"]


def test_who_is_killed_several_times_in_a_row_is_started_at_once_without_an_alarm(tmp_path: Path) -> None:
    with supervising.supervised(tmp_path, timing=LONG) as node:
        for name in ("application", "application", "engine", "application", "engine"):
            node.wait_until(lambda: node.height >= 1)
            node.wait_answering()
            before = node.child(name)
            os.kill(before, signal.SIGKILL)
            node.wait_restarted(name, before)
        assert set(waits(node, "application-ended")) == {"0"}
        assert set(waits(node, "engine-ended")) <= {"0"}
        assert node.codes == []


def test_a_process_that_the_system_does_not_give_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse = """
import errno, os
fork, asked = os.fork, []
def refuse():
    asked.append(1)
    if len(asked) in (1, 2, 4):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
    return fork()
os.fork = refuse
"""
    monkeypatch.setattr(supervising, "SCRIPT", refuse + supervising.SCRIPT)
    with supervising.supervised(tmp_path, timing=supervising.QUICK._replace(healthy=8.0)) as node:
        node.wait_until(lambda: "application-failed" in node.codes)
        assert "temporarily unavailable" in node.record["alarms"][0]["text"]
        node.wait_until(lambda: node.height >= 1)
        assert waits(node, "application-not-started") == ["1", "2"]
        assert waits(node, "engine-not-started") == ["1"]
        node.wait_until(lambda: node.codes == [])
        assert node.stop() == 0


def test_without_standard_output_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `muniment node start >&-`."""
    monkeypatch.setattr(supervising, "SCRIPT", "import os, sys\nos.close(1)\nsys.stdout = None\n" + supervising.SCRIPT)
    with supervising.supervised(tmp_path) as node:
        node.wait_until(lambda: node.height >= 1)
        assert node.stop() == 0


def test_an_engine_that_cannot_start_is_an_alarm_with_its_own_words(tmp_path: Path) -> None:
    again = supervising.prepare(tmp_path)
    with socket.create_server(("127.0.0.1", again[1])), supervising.supervised(tmp_path, again=again) as node:
        node.wait_until(lambda: "engine-failed" in node.codes)
        (alarm,) = node.record["alarms"]
        assert "address already in use" in alarm["text"]
        node.wait_until(lambda: {"alarms": ["engine-failed"]} in node.heard)
    with supervising.supervised(tmp_path, again=again) as node:
        node.wait_until(lambda: node.record["process"] == node.process.pid)
        node.wait_answering()
        assert node.codes == []


def test_a_program_that_is_none_is_told_too(tmp_path: Path) -> None:
    with supervising.supervised(tmp_path, engine=tmp_path / "nothing") as node:
        node.wait_until(lambda: "engine-failed" in node.codes)
        assert "cannot be run" in node.record["alarms"][0]["text"]


def test_an_application_that_cannot_run_ends_the_node_with_its_reason(tmp_path: Path) -> None:
    again = supervising.prepare(tmp_path)
    (again[0].folder / "unfit").touch()
    with supervising.supervised(tmp_path, again=again) as node:
        assert node.process.wait(supervising.PATIENCE_SECONDS) == 5
        error = json.loads((node.folder / "stdout").read_text())["error"]
        assert (error["code"], error["message"]) == ("no-ledger", "there is no ledger here")


def test_a_node_that_ran_goes_on_trying_when_its_application_cannot_run_for_a_while(tmp_path: Path) -> None:
    with supervising.supervised(tmp_path) as node:
        node.wait_until(lambda: node.height >= 1)
        (node.folder / "unfit").touch()
        os.kill(node.child("application"), signal.SIGKILL)
        node.wait_until(lambda: node.log.count("there is no ledger here") >= 2)
        (node.folder / "unfit").unlink()
        node.wait_answering()
        assert node.stop() == 0


def test_an_application_that_ends_whenever_it_is_asked_is_an_alarm_with_its_own_words(tmp_path: Path) -> None:
    """It is started again and again, and nobody would see more of it than a node that is never quite there."""
    with supervising.supervised(tmp_path, timing=supervising.QUICK._replace(healthy=8.0)) as node:
        node.wait_until(lambda: node.height >= 1)
        (node.folder / "aside").touch()
        os.kill(node.child("engine"), signal.SIGKILL)
        failed = "application-failed"
        (alarm,) = node.wait_until(lambda: [each for each in node.record.get("alarms", ()) if each["code"] == failed])
        assert "something was written beside the chain" in alarm["text"]
        assert "Repair it" in alarm["text"]
        node.wait_until(lambda: any("application-failed" in each["alarms"] for each in node.heard))
        (node.folder / "aside").unlink()
        node.wait_until(lambda: node.codes == [])
        assert node.stop() == 0


def test_a_stranger_whose_network_is_called_like_a_failure_stops_nobody(tmp_path: Path) -> None:
    with supervising.supervised(tmp_path / "node") as node:
        node.wait_until(lambda: node.height >= 1)
        before, log = node.child("engine"), node.folder / "logs" / "engine.log"
        p2p = tomllib.loads(node.places.engine_config.read_text())["p2p"]["laddr"].removeprefix("tcp://")
        name = members.address(engine_keys.load(node.places.engine_node_key).public_key.hex())
        stranger, _ = supervising.prepare(tmp_path / "stranger")
        genesis = json.loads(stranger.engine_genesis.read_text()) | {"chain_id": "CONSENSUS FAILURE!!! AppHash", "app_state": {}}
        stranger.engine_genesis.write_text(json.dumps(genesis))
        told = ["--home", str(stranger.engine), "--proxy_app", "noop", "--p2p.persistent_peers", f"{name}@{p2p}"]
        process = subprocess.Popen([engines.find_engine(), "node", *told], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            node.wait_until(lambda: b"different network. Got CONSENSUS FAILURE!!! AppHash" in log.read_bytes())
            # As long as a real failure is looked at before the engine is stopped, and longer.
            time.sleep(2 * GRACE_SECONDS)
            assert (node.codes, node.child("engine")) == ([], before)
        finally:
            process.kill()
            process.wait()


def test_a_node_that_is_to_outlive_its_terminal_does(tmp_path: Path) -> None:
    """As `nohup muniment node start &` asks for."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with supervising.supervised(tmp_path) as node:
            node.wait_until(lambda: node.height >= 1)
            node.process.send_signal(signal.SIGHUP)
            node.submit_when_ready("on")
            node.wait_until(lambda: node.height >= 2)
            assert not node.record["stopping"]
            assert node.stop() == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_settings_of_the_environment_do_not_reach_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMT_MONIKER", "somebody")
    monkeypatch.setenv("CMTHOME", str(tmp_path / "elsewhere"))
    with supervising.supervised(tmp_path) as node:
        node.wait_until(lambda: node.height >= 1)
        environment = Path(f"/proc/{node.child('engine')}/environ").read_bytes()
        assert b"CMT" not in environment


def test_the_engine_leaves_processors_to_the_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMAXPROCS", raising=False)
    with supervising.supervised(tmp_path) as node:
        node.wait_until(lambda: node.height >= 1)
        environment = Path(f"/proc/{node.child('engine')}/environ").read_bytes().split(b"\0")
        most = max(1, min(4, len(os.sched_getaffinity(0)) // 2))
        assert b"GOMAXPROCS=%d" % most in environment


def test_an_engine_whose_blocks_are_not_for_this_release_is_held_and_readers_are_answered(tmp_path: Path) -> None:
    with supervising.supervised(tmp_path) as node:
        node.wait_until(lambda: node.height >= 1)
        application = node.child("application")
        (node.folder / "halts").touch()
        node.submit("not for us")
        node.wait_until(lambda: node.record["engine"] | {"since": ""} == {"process": None, "since": "", "starts": 1, "held": True})
        assert node.codes == ["protocol-unknown"]
        node.wait_until(lambda: {"alarms": ["protocol-unknown"]} in node.heard)
        # Where the application ends as well, it alone is started again.
        os.kill(application, signal.SIGKILL)
        node.wait_until(lambda: node.record["application"]["process"] not in (None, application))
        node.wait_until(lambda: node.record["application"]["ready"])
        assert node.record["engine"]["process"] is None
        assert node.stop() == 0
