"""muniment node: start, status, and what doctor says of a node; real processes of one member."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import consortium
import engines
from commanding import Machine, Said
from consortium import Node
from muniment.core.format import time
from muniment.errors import InvalidInput
from muniment.ledger.embedded import system_clock
from muniment.node.engine import binary
from muniment.node.homes import NodeHome
from muniment.node.process import record, standing, start
from muniment.server.standing import Alarm, PeerStanding


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that runs, of the only member."""
    engines.find_engine()
    with consortium.running(tmp_path_factory.mktemp("solo"), ("lab",)) as them:
        yield them.nodes["lab"]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> NodeHome:
    """A node of two members that never ran."""
    them = consortium.found(tmp_path_factory.mktemp("founded"), ("bank", "lab"))
    try:
        return them.nodes["lab"].home
    finally:
        for each in them:
            each.close()


@pytest.fixture
def home(founded: NodeHome, tmp_path: Path) -> NodeHome:
    return NodeHome(Path(shutil.copytree(founded.home, tmp_path / "home")))


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def call(home: NodeHome, *arguments: str) -> Said:
    return Machine().call(*arguments, "--home", str(home.home))


def code(said: Said) -> tuple[int, str]:
    return said.code, said.json["error"]["code"]


def checks(home: NodeHome) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for each in call(home, "doctor", "--json").json["checks"]:
        found.setdefault(each["name"], []).append((each["grade"], each["said"]))
    return found


def test_a_node_that_runs_says_that_all_is_well(running: Node) -> None:
    consortium.until(lambda: call(running.home, "node", "status").code == 0)
    said = call(running.home, "node", "status")
    assert said.out.startswith("lab, a node of example.com/credit\n")
    assert "1 of 1 must cosign" in said.out
    assert said.out.endswith("All is well.\n")
    told = call(running.home, "node", "status", "--json").json
    assert (told["phase"], told["current"], told["well"], told["alarms"], told["wrong"]) == ("running", True, True, [], [])
    assert int(told["supervisor"]) == running.pid("supervisor")
    assert told["engine"]["process"] == running.pid("engine")
    assert told["standing"]["organisation"] == "lab"
    # The engine's own interface is for this machine, its log for its owner.
    assert stat.S_IMODE((running.home.folder / "logs" / "engine.log").stat().st_mode) == 0o600


def test_a_second_one_is_refused(running: Node) -> None:
    said = call(running.home, "node", "start", "--json")
    assert code(said) == (1, "already-running")
    assert str(running.pid("supervisor")) in said.json["error"]["message"]
    assert running.text("/healthz")


def test_doctor_looks_at_engine_and_node(running: Node) -> None:
    consortium.until(lambda: call(running.home, "node", "status").code == 0)
    found = checks(running.home)
    ((grade, said),) = found["engine"]
    assert (grade, said.startswith("CometBFT v0.38.25 at ")) == ("ok", True)
    assert [each[0] for name in ("node", "node's files", "node's keys", "node's addresses") for each in found[name]] == ["ok"] * 4
    # A consortium's ledger is not sealed with a log key of one machine.
    assert "log key" not in found


def test_doctor_names_what_is_wrong_with_a_node(home: NodeHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(binary.VARIABLE, str(tmp_path / "nothing"))
    home.validator_key.chmod(0o644)
    text = home.settings.read_text()
    rpc = home.load_settings().rpc
    home.settings.write_text(text.replace(rpc, rpc.replace("127.0.0.1", "0.0.0.0")))
    found = checks(home)
    assert [found[name][0][0] for name in ("engine", "node's keys", "node's addresses", "node")] == [*["problem"] * 3, "warning"]
    assert call(home, "doctor").code == 1


def test_what_is_no_node_cannot_start(home: NodeHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = NodeHome(tmp_path / "nothing")
    assert code(call(nothing, "node", "start", "--json")) == (5, "no-node")
    assert code(call(nothing, "node", "status", "--json")) == (5, "no-node")
    assert not nothing.home.exists()
    monkeypatch.setenv(binary.VARIABLE, str(tmp_path / "cometbft"))
    assert code(call(home, "node", "start", "--json")) == (5, "no-engine")
    # Without its record a validator would forget what it signed, and sign something else.
    home.validator_state.unlink()
    assert code(call(home, "node", "start", "--json")) == (5, "no-validator-state")
    assert not home.validator_state.exists()
    home.engine_genesis.unlink()
    assert code(call(home, "node", "start", "--json")) == (5, "no-node")


def test_a_node_that_does_not_run_says_so(home: NodeHome) -> None:
    said = call(home, "node", "status")
    assert said.code == 1
    assert "the node does not run" in said.out
    assert "muniment node start" in said.out


def test_what_is_prepared_for_a_start(home: NodeHome, tmp_path: Path) -> None:
    engine = engines.find_engine()
    home.state_sync.write_text('{"servers": ["http://a:1", "http://b:2"], "height": 5, "hash": "AB"}')
    typed = {"port": 0, "public": None, "proxies": (), "certificate": "/x.pem"}
    said: list[str] = []
    told = start.prepare(home, {binary.VARIABLE: str(engine)}, typed, log_format="json", as_json=True, say=said.append)
    os.close(told.lock)
    assert told.engine == (str(engine), "node", "--home", str(home.engine))
    assert told.application[4] == str(home.home)
    assert json.loads(told.application[-1]) == {"port": 0, "certificate": "/x.pem"}
    assert told.rpc == ("127.0.0.1", int(home.load_settings().rpc.rpartition(":")[2]))
    config = home.engine_config.read_text()
    assert f'proxy_app = "unix://{told.application[6]}"' in config
    assert "trust_height = 5" in config
    assert said == []
    home.state_sync.write_text("{}")
    assert code(call(home, "node", "start", "--json")) == (2, "bad-node-settings")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of a name as short as most."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    shutil.rmtree(place)


def test_a_socket_lies_elsewhere_where_the_path_is_too_long(tmp_path: Path, short: Path) -> None:
    assert start.find_socket(NodeHome(tmp_path)) == tmp_path / "node" / "abci.sock"
    far = start.find_socket(NodeHome(tmp_path / ("x" * 100)))
    assert len(str(far)) < start.MAX_SOCKET_PATH
    assert stat.S_IMODE(far.parent.stat().st_mode) == 0o700
    # Every start finds it again, and no other home does.
    assert start.find_socket(NodeHome(tmp_path / ("x" * 100))) == far
    assert start.find_socket(NodeHome(tmp_path / ("y" * 100))) != far
    assert len(list(short.iterdir())) == 2


@pytest.mark.usefixtures("short")
def test_a_folder_of_the_same_name_that_is_not_this_users_alone_is_left(tmp_path: Path) -> None:
    home = NodeHome(tmp_path / ("x" * 100))
    first = start.find_socket(home).parent
    first.chmod(0o777)
    second = start.find_socket(home).parent
    first.rmdir()
    first.symlink_to(second)
    third = start.find_socket(home).parent
    first.unlink()
    first.write_text("")
    assert len({first, second, third, start.find_socket(home).parent}) == 4


def test_the_supervisor_looks_up_no_name(home: NodeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare() -> tuple[str, int]:
        environment = {binary.VARIABLE: str(engines.find_engine())}
        told = start.prepare(home, environment, {}, log_format="json", as_json=True, say=lambda _: None)
        os.close(told.lock)
        return told.rpc

    port = home.load_settings().rpc.rpartition(":")[2]
    home.settings.write_text(home.settings.read_text().replace(f"127.0.0.1:{port}", f"engine.test:{port}"))
    named = [(socket.AF_INET6, 1, 6, "", ("::1", int(port), 0, 0)), (socket.AF_INET, 1, 6, "", ("127.0.0.7", int(port)))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: named)
    assert prepare() == ("127.0.0.7", int(port))

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror("not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(InvalidInput, match=r"engine\.test, which leads nowhere"):
        prepare()


def test_alarms_of_both_are_told_and_an_old_word_is_none(running: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person reads when things are wrong, over a status that says so."""
    consortium.until(lambda: call(running.home, "node", "status").code == 0)
    known = standing.look(running.home).standing
    assert known is not None
    # However long this takes, what the application said grows no older.
    clock = system_clock()
    monkeypatch.setattr(standing, "system_clock", lambda: clock)
    now = time.format(clock)
    alarm = Alarm(code="peer-diverged", text="its checkpoint of 9 entries has another root", since=now, organisation="bank")
    peers = (
        PeerStanding(organisation="bank", url="http://b", reached=True, height=7, lag=2, heard=now, agrees=False),
        PeerStanding(organisation="clinic", url="http://c", reached=False),
    )
    fresh = msgspec.structs.replace(known, time=now, peers=peers, alarms=(alarm,))
    written = record.read(running.home.folder)
    written["alarms"] = [
        {"code": "peer-diverged", "text": "as above", "since": now},
        {"code": "diverged", "text": "this node computed another state", "since": now},
    ]
    written["engine"] |= {"process": None, "held": True}
    monkeypatch.setattr(record, "read", lambda folder: written)
    monkeypatch.setattr(standing, "_read_standing", lambda home: fresh)
    said = call(running.home, "node", "status")
    assert said.code == 1
    assert "bank" in said.out
    assert "8 (2 behind)" in said.out
    assert "Alarm [peer-diverged] (bank)" in said.out
    assert "Alarm [diverged]" in said.out
    assert said.out.count("Alarm [peer-diverged]") == 1
    assert "Wrong: the engine is stopped and is not started again before this node is mended" in said.out
    assert [grade for grade, _ in checks(running.home)["node"]] == ["problem"] * 3
    old = msgspec.structs.replace(known, time=time.format(clock - 90_000_000))
    monkeypatch.setattr(standing, "_read_standing", lambda home: old)
    assert "has not said for 90 seconds how it stands" in call(running.home, "node", "status").out


def test_the_group_has_the_commands_that_mend(home: NodeHome) -> None:
    listed = Machine().call("node", "--help")
    names = ["start", "status", "join", "repair"]
    assert [name for name in names if f"\n  {name} " in listed.out] == names
    assert Machine().call("node", "strat").code == 2
