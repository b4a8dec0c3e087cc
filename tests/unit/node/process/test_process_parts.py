"""The parts of a supervisor: findings in a log, alarms, waits, watchdogs, the log's files, the lock, the line (node.process)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.errors import Conflict, NotFound
from muniment.node.process import findings, line, lock, orders, record
from muniment.node.process.alarms import Alarms, Seldom
from muniment.node.process.backoff import Backoff
from muniment.node.process.log_file import MAX_LINE_BYTES, LineReader, LogFile
from muniment.node.process.orders import Orders
from muniment.node.process.supervised import Supervised
from muniment.node.process.watchdog import Probe, Watchdog
from muniment.server.standing import Alarm

PEER = "ab" * 20


@pytest.mark.parametrize(
    ("said", "kind", "code"),
    [
        (
            '{"_msg":"CONSENSUS FAILURE!!!","err":"wrong Block.Header.AppHash.  Expected X, got Y","level":"error"}',
            "failure",
            "diverged",
        ),
        ('{"_msg":"CONSENSUS FAILURE!!!","err":"voting power can\'t be higher","level":"error"}', "failure", "engine-failed"),
        (
            "panic: precommit step; +2/3 prevoted for an invalid block: wrong Block.Header.AppHash.  Expected X, got Y",
            "failure",
            "diverged",
        ),
        ("panic: state.AppHash does not match AppHash after replay. Got", "failure", "diverged"),
        ("panic: block.AppHash does not match AppHash after replay. Got AA, expected BB.", "failure", "diverged"),
        ("ERROR: latest CometBFT block (3) LastAppHash (A) does not match app's AppHash (B)", "failure", "diverged"),
        ('{"_msg":"found conflicting vote from ourselves; did you unsafe_reset a validator?"}', "alarm", "double-sign"),
        (
            '{"_msg":"prevote step: consensus deems this block invalid; prevoting nil","err":"wrong Block.Header.AppHash",'
            '"level":"error"}',
            "passing",
            "peer-diverged",
        ),
        ("panic: write cs.wal: no space left on device", "passing", "disk"),
        ('{"_msg":"Error flushing wal","err":"write cs.wal: no space left on device","level":"error"}', "passing", "disk"),
        ('{"_msg":"Verified new evidence of byzantine behavior"}', "seen", "double-sign"),
        ('{"_msg":"verified new evidence of byzantine behavior"}', "seen", "double-sign"),
        ('{"_msg":"Failed to reconnect to peer. Beginning exponential backoff"}', "seen", "peer-silent"),
    ],
)
def test_what_the_engine_says_of_trouble_is_recognised(said: str, kind: str, code: str) -> None:
    found = findings.recognise(said.encode())
    assert found is not None
    assert (found.kind, found.code) == (kind, code)


def test_a_peer_is_named_and_daily_life_is_not_trouble() -> None:
    lost = findings.recognise(f'{{"_msg":"Stopping peer for error","peer":"Peer{{MConn{{1.2.3.4:5}} {PEER} out}}"}}'.encode())
    assert lost is not None
    assert (lost.code, lost.peer) == ("peer-lost", PEER)
    assert findings.recognise(b'{"_msg":"Completed ABCI Handshake","appHash":"00","level":"info"}') is None


@pytest.mark.parametrize(
    "words",
    [
        "CONSENSUS FAILURE!!! AppHash",
        "panic: state.AppHash does not match AppHash",
        "found conflicting vote from ourselves",
        "prevote step: consensus deems this block invalid; AppHash",
        "no space left on device",
    ],
)
@pytest.mark.parametrize("level", ["info", "error"])
def test_what_a_stranger_calls_himself_is_no_trouble_of_this_node(words: str, level: str) -> None:
    """Whoever reaches the port for other engines may name his network as he likes, and it stands in the line that refuses him."""
    why = f"incompatible: peer is on a different network. Got {words}, expected muniment-00"
    assert findings.recognise(json.dumps({"_msg": "Inbound Peer rejected", "err": why, "level": level}).encode()) is None
    moniker = f"invalid NodeInfo: info.Moniker must be valid non-empty ASCII text without tabs, but got {words}"
    assert findings.recognise(json.dumps({"_msg": "Inbound Peer rejected", "err": moniker, "level": "info"}).encode()) is None


def test_the_last_complaint_is_kept_in_its_own_words() -> None:
    assert findings.quote(b"panic: no such thing") == "panic: no such thing"
    assert findings.quote(b'{"_msg":"Error dialing","err":"refused","level":"error"}') == "Error dialing: refused"
    assert findings.quote(b'{"_msg":"all is well","level":"info"}') == ""
    assert findings.quote(b'not json "level":"error"') == ""
    assert findings.quote(b'["level", "error", {"level":"error"}]') == ""
    assert len(findings.quote(b"panic: " + b"x" * 5_000)) == findings.MAX_TEXT


def test_an_alarm_keeps_its_beginning_and_is_told_when_it_changes() -> None:
    alarms = Alarms()
    assert alarms.set("disk", "full", "1", ends=10.0)
    assert not alarms.set("disk", "fuller", "2", ends=20.0)
    assert alarms.tell() == [{"code": "disk", "text": "fuller", "since": "1"}]
    alarms.changed = False
    alarms.set("disk", "fuller", "3", ends=20.0)
    assert not alarms.changed
    alarms.expire(10.0)
    assert "disk" in alarms
    alarms.expire(20.0)
    assert (alarms.changed, alarms.tell(), alarms.clear("disk")) == (True, [], False)
    # What has no end stays until somebody takes it back.
    alarms.set("diverged", "x", "4")
    alarms.expire(1e9)
    assert "diverged" in alarms


def test_what_happens_all_the_time_is_told_once_a_minute() -> None:
    seldom = Seldom()
    assert seldom.may_tell("peer-lost", PEER, 0.0)
    assert not seldom.may_tell("peer-lost", PEER, 59.0)
    assert seldom.may_tell("peer-lost", "another", 59.0)
    assert seldom.may_tell("peer-lost", PEER, 60.0)
    # Strangers come with as many names as they like; what is remembered of them is bounded.
    for number in range(1_000):
        assert seldom.may_tell("peer-lost", str(number), 61.0)


def test_waits_grow_with_early_deaths_only() -> None:
    backoff = Backoff(early_seconds=10)
    assert [backoff.count(1.0) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert backoff.count(11.0) == 0
    assert backoff.count(1.0) == 1


def test_who_fails_before_it_was_well_waits_too_and_who_is_killed_does_not() -> None:
    backoff = Backoff(early_seconds=10, healthy_seconds=60)
    assert [backoff.count(30.0, status) for status in (70, -signal.SIGSEGV, 2)] == [1, 2, 4]
    assert (backoff.count(61.0, 70), backoff.deaths) == (0, 0)
    for status in (-signal.SIGKILL, -signal.SIGTERM, 0) * 3:
        assert (backoff.count(11.0, status), backoff.deaths) == (0, 0)


def test_no_file_gets_the_number_of_a_closed_standard_output() -> None:
    code = """
import os
for each in (0, 1): os.close(each)
from muniment.node.process.child import open_standard
open_standard()
os.write(2, repr(([os.get_inheritable(each) for each in range(3)], os.open(os.devnull, os.O_RDONLY) > 2)).encode())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert done.stderr == b"([True, True, True], True)"


def test_a_watchdog_waits_longer_for_the_first_answer_and_forgives_its_own_pauses() -> None:
    dog = Watchdog(0.0, 5.0, start_patience=60.0, every=1.0)
    assert dog.is_due(1.0)
    dog.ask(1.0)
    assert not dog.is_due(2.0)
    assert not dog.is_hung(60.0)
    dog.answer(10.0)
    assert dog.is_due(10.0)
    assert (dog.is_hung(15.9), dog.is_hung(16.1)) == (False, True)
    dog.forgive(100.0)
    assert not dog.is_hung(116.0)
    assert dog.is_hung(116.1)


def test_a_question_that_nobody_answers_hangs_and_one_that_nobody_takes_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        probe = Probe(address)
        assert probe.begin()
        assert probe.writes
        while probe.writes:
            assert probe.advance() is None
        assert probe.advance() is None
        taken, _ = listening.accept()
        assert taken.recv(100).startswith(b"GET /health ")
        taken.sendall(b"H")
        answer = None
        while answer is None:
            answer = probe.advance()
        assert answer
        probe.close()
        taken.close()
    gone = Probe(address)
    assert not gone.begin() or gone.advance() is False
    gone.close()
    # A name that leads nowhere just now is no reason to end the supervisor, and with it the node.
    for name in ("nowhere.invalid", "a" * 64 + ".invalid"):
        lost = Probe((name, 26657))
        assert not lost.begin()
        lost.close()


def test_the_log_begins_new_files_and_keeps_a_few(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "engine.log", file_bytes=10, files=3)
    for number in range(6):
        log.write(f"number {number}\n".encode() * 2)
    log.close()
    assert {path.name: path.read_text().split()[1] for path in tmp_path.iterdir()} == {
        "engine.log": "5",
        "engine.log.1": "4",
        "engine.log.2": "3",
    }


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "nowhere" / "engine.log")
    log.write(b"lost\n")
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_lines_come_whole_and_endless_ones_are_cut() -> None:
    reader = LineReader()
    assert list(reader.read(b"one\ntw")) == [b"one"]
    assert list(reader.read(b"o\n\n")) == [b"two", b""]
    for _ in range(4):
        assert list(reader.read(b"x" * MAX_LINE_BYTES)) == []
    assert [len(each) for each in reader.read(b"\n")] == [MAX_LINE_BYTES]


def test_one_node_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE_SECONDS", 0.3)
    with pytest.raises(NotFound) as missing:
        lock.take(tmp_path / "nothing")
    assert missing.value.code == "no-node"
    assert lock.find_holder(tmp_path) is None
    with lock.held(tmp_path, lock.NODE):
        script = "import sys; from pathlib import Path; from muniment.node.process import lock; lock.take(Path(sys.argv[1]))"
        other = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
        assert f"runs already, as process {os.getpid()}" in other.stderr
        assert lock.find_holder(tmp_path) == (str(os.getpid()), lock.NODE, True)
        with pytest.raises(Conflict), lock.held(tmp_path, lock.NODE):
            pass
    assert lock.find_holder(tmp_path) is None
    with lock.held(tmp_path, "node repair"), pytest.raises(Conflict) as busy:
        lock.take(tmp_path)
    assert str(busy.value) == f"`muniment node repair` works on the node in {tmp_path.parent}, as process {os.getpid()}"


def test_orders_survive_a_command_line(tmp_path: Path) -> None:
    told = Orders(tmp_path, ("python", "-m", "x y"), ("cometbft",), ("::1", 26657), 7, "text", True)
    assert orders.decode(orders.encode(told)) == told


def test_a_record_is_replaced_whole_and_a_broken_one_is_none(tmp_path: Path) -> None:
    assert record.read(tmp_path) == {}
    record.write(tmp_path, {"process": 1})
    assert record.read(tmp_path) == {"process": 1}
    (tmp_path / record.NAME).write_text("[1")
    assert record.read(tmp_path) == {}
    record.write(tmp_path / "nowhere", {"process": 1})


@pytest.fixture
def ends() -> Iterator[tuple[line.Line, Supervised]]:
    ours, theirs = line.connect()
    environment = {line.VARIABLE: str(os.dup(theirs.fileno()))}
    theirs.close()
    supervised = Supervised.from_environment(environment)
    assert supervised is not None
    yield ours, supervised
    ours.close()


def receive(ours: line.Line) -> dict[str, object]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for message in ours.receive() or ():
            return message
        time.sleep(0.01)
    raise AssertionError("nothing came")


def test_both_ends_of_the_line(ends: tuple[line.Line, Supervised]) -> None:
    ours, supervised = ends
    alarms: list[tuple[Alarm, ...]] = []
    ended, well = threading.Event(), [True]
    supervised.start(lambda: well[0], on_alarms=lambda all_: alarms.append(tuple(all_)), on_end=ended.set)
    ours.send({"ask": 1})
    assert receive(ours) == {"answer": 1}
    supervised.tell_ready({"url": "x"})
    assert receive(ours) == {"ready": {"url": "x"}}
    supervised.tell_failed("no-ledger", "m", "h", 5)
    assert receive(ours) == {"failed": {"code": "no-ledger", "message": "m", "hint": "h", "exit": 5}}
    # Who is not well gives no answer, and is asked again.
    well[0] = False
    ours.send({"ask": 2})
    ours.send({"something": "new"})
    ours.send({"alarms": [{"code": "disk", "text": "t", "since": "s"}]})
    while not alarms:
        time.sleep(0.01)
    assert alarms == [(Alarm(code="disk", text="t", since="s"),)]
    well[0] = True
    ours.send({"ask": 3})
    assert receive(ours) == {"answer": 3}
    ours.close()
    assert ended.wait(60)
    supervised.tell_ready({})


def test_what_nobody_takes_is_bounded() -> None:
    ours, theirs = line.connect()
    message = {"text": "x" * 10_000}
    sent = 0
    while ours.send(message):
        sent += 1
        assert sent < 1_000
    theirs.sendall(b"no json\n[1]\n" + json.dumps({"answer": 1}).encode() + b"\n")
    assert receive(ours) == {"answer": 1}
    theirs.close()
    ours.flush()
    assert ours.receive() is None
    ours.close()
    assert Supervised.from_environment({}) is None
