"""Two peers that we did not write: `abci-cli`, which CometBFT brings for this, and CometBFT itself with one validator."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import engines
import golang
import makers
from chaining import Chain
from muniment.core.format import merkle
from muniment.node.abci.server import Server
from muniment.node.chain import moment
from muniment.node.chain.session import Session
from muniment.node.engine import release

PROGRAM = "abci-cli"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`abci-cli`: beside the engine, on the path, or built by Go from the engine's own source."""
    beside = engines.find_engine().with_name(PROGRAM)
    if beside.exists():
        return beside
    if found := shutil.which(PROGRAM):
        return Path(found)
    folder = tmp_path_factory.mktemp("bin")
    golang.run_go(folder, "install", f"{release.MODULE}/abci/cmd/{PROGRAM}@{release.VERSION}", GOBIN=str(folder))
    return folder / PROGRAM


class Cli:
    """`abci-cli` at the socket of a small ledger's application."""

    def __init__(self, program: Path, chain: Chain, socket: Path) -> None:
        self.chain = chain
        self.failed: list[Exception] = []
        self.server = Server(socket, lambda: Session(chain.application), self.failed.append)
        self._command = [str(program), "--address", f"unix://{socket}", "--log_level", "error"]

    def run(self, *arguments: str, lines: str = "") -> str:
        done = subprocess.run(
            [*self._command, *arguments], input=lines, capture_output=True, text=True, errors="replace", timeout=90, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def batch(self, *lines: str) -> str:
        """Several questions on one connection."""
        return self.run("batch", lines="\n".join(lines) + "\n")


@pytest.fixture
def cli(program: Path, tmp_path: Path) -> Iterator[Cli]:
    cli = Cli(program, Chain.found(tmp_path / "ledger.db"), tmp_path / "abci.sock")
    cli.server.open()
    yield cli
    cli.server.close()


def written(raw: bytes) -> str:
    return "0x" + raw.hex()


def codes(said: str) -> list[str]:
    return re.findall(r"-> code: (\w+)", said)


def test_abci_cli_is_answered(cli: Cli) -> None:
    assert "-> data: hello" in cli.run("echo", "hello")
    assert "-> data: muniment" in cli.run("info")
    raw = cli.chain.batch(cli.chain.system(), cli.chain.system())
    assert codes(cli.run("check_tx", written(raw))) == ["OK"]
    assert codes(cli.run("check_tx", "0x00")) == ["1"]
    # The time comes first; what does not open is left out.
    assert codes(cli.run("prepare_proposal", written(raw), "0x00")) == ["OK", "OK"]
    when = written(moment.encode(cli.chain.now))
    assert "ACCEPT" in cli.run("process_proposal", when, written(raw))
    assert "REJECT" in cli.run("process_proposal", written(raw))
    assert "REJECT" in cli.run("process_proposal", when, written(raw), "0x00")
    assert codes(cli.run("query", "--path", "/store", "0x00")) == ["OK"]
    assert cli.failed == []


def test_abci_cli_commits_a_block_of_the_year_1(cli: Cli) -> None:
    """It sends Go's zero time and height 0, and everything on one connection."""
    raw = cli.chain.batch(cli.chain.system("scoring"))
    said = cli.batch(f"check_tx {written(raw)}", f"finalize_block {written(raw)} 0x00", "commit", "info")
    assert set(codes(said)) == {"OK"}
    assert cli.failed == []
    told = cli.chain.told[0]
    assert told.sealed is not None
    assert told.sealed.header.time == "2026-11-23T12:00:00.000001Z"
    assert cli.chain.root.hex() in said.lower()
    assert cli.chain.size == 3


def test_commit_without_a_block_has_no_answer(cli: Cli, program: Path) -> None:
    with pytest.raises((AssertionError, subprocess.TimeoutExpired)):
        cli.run("commit")
    assert [str(each) for each in cli.failed] == ["the engine commits a block that was not judged on this connection"]


def test_an_engine_with_one_validator_commits_what_it_is_handed(tmp_path: Path) -> None:
    with engines.chain(tmp_path, 1) as chain:
        node = chain.nodes[0]
        node.start()
        entries = chain.systems(150)
        node.wait(lambda each: each.mark() is not None)
        chain.submit(entries)
        node.wait(lambda each: (mark := each.mark()) is not None and mark.size == 152)
        mark = chain.settle()
        # An idle ledger makes no blocks.
        time.sleep(1.0)
        assert node.mark() == mark
        with node.store.view() as view:
            assert [merkle.leaf(raw) for _, raw in view.entries(1, 151)] == [merkle.leaf(raw) for raw in entries]
        status = node.ask("status")["result"]["sync_info"]
        assert (status["latest_block_height"], status["latest_app_hash"]) == (str(mark.height), mark.root.hex().upper())
        assert node.failures == []


def test_an_engine_killed_at_any_time_goes_on(tmp_path: Path) -> None:
    with engines.chain(tmp_path, 1) as chain:
        node = chain.nodes[0]
        node.start()
        node.wait(lambda each: each.mark() is not None)
        sent = 0
        for number in range(3):
            entries = chain.systems(40)
            chain.submit(entries)
            # With the block on its way, at another moment each time.
            time.sleep(0.1 * number)
            node.stop(signal.SIGKILL)
            node.start()
            node.wait(lambda each: "result" in _ask(each))
            chain.submit(entries)
            sent += len(entries)
            # Every event once, whether or not it had been committed before.
            node.wait(partial(_has, sent))
        mark = chain.settle()
        node.stop()
        node.start()
        assert node.mark() == mark


def _ask(node: engines.Node, method: str = "status") -> dict[str, Any]:
    try:
        return dict(node.ask(method))
    except (OSError, ValueError):
        return {}


def _has(events: int, node: engines.Node) -> bool:
    with node.store.view() as view:
        return view.size - view.height - 1 == events


def test_the_engine_obeys_who_is_a_member(tmp_path: Path) -> None:
    with engines.chain(tmp_path, 1) as chain:
        first, late = chain.nodes[0], chain.join()
        for node in (first, late):
            node.start()
            node.wait(partial(_has_validators, 1))
        key = late.signer.public_key.hex()
        change = {"member": "late", "validatorKey": key, "cosignerKey": "c" * 64}
        chain.submit([makers.sign(chain.ledger, "member.changed", change="admit", **change)])
        # Two heights later it votes; from then on no block comes about without it.
        for count in (2, 1):
            for node in (first, late):
                node.wait(partial(_has_validators, count))
            chain.submit(chain.systems(3), node=1)
            chain.settle()
            if count == 2:
                late.signal(signal.SIGSTOP)
                mark = first.mark()
                chain.submit([makers.sign(chain.ledger, "member.changed", change="remove", member="late")])
                time.sleep(1.0)
                assert first.mark() == mark
                late.signal(signal.SIGCONT)
        assert first.mark() == late.mark()
        assert first.failures == late.failures == []


def _has_validators(count: int, node: engines.Node) -> bool:
    answer = _ask(node, "validators")
    return "result" in answer and len(answer["result"]["validators"]) == count
