"""A supervisor as a process of its own, with less patience, over `acting` and a real CometBFT with one validator.

with supervising.supervised(tmp_path) as node:
    node.wait_until(lambda: node.height > 1)
    os.kill(node.children()["engine"], signal.SIGKILL)
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import engines
import processes
from muniment.node.engine import config_toml, genesis_json
from muniment.node.engine.config_toml import EngineSettings
from muniment.node.engine.genesis_json import AppState
from muniment.node.founding import engine_keys
from muniment.node.places import NodePlaces
from muniment.node.process import lock, orders, record
from muniment.node.process.orders import Orders
from muniment.node.process.supervisor import Timing

PATIENCE_SECONDS = 180.0
QUICK = Timing(stop=3.0, application=60.0, engine=60.0, start=120.0, every=0.2, early=120.0, healthy=120.0)
"""A test that waits for one of these has its own; nothing that a slow machine does by itself comes near the long ones."""
# As `python -m muniment.node.process`, and nothing else imported: its size is measured.
SCRIPT = """
import json, sys
from muniment.node.process import __main__, orders
from muniment.node.process.supervisor import Timing
sys.exit(__main__.main(orders.decode(sys.argv[1]), Timing(*json.loads(sys.argv[2]))))
"""


class Supervised:
    """A node that runs under a supervisor; `places` are its files."""

    def __init__(self, places: NodePlaces, process: subprocess.Popen[str], rpc: int) -> None:
        self.places = places
        self.process = process
        self.rpc = rpc

    @property
    def folder(self) -> Path:
        return self.places.folder

    @property
    def record(self) -> dict[str, Any]:
        return record.read(self.folder)

    @property
    def height(self) -> int:
        try:
            return int(json.loads((self.folder / "state.json").read_text())["height"])
        except FileNotFoundError:
            return 0

    @property
    def codes(self) -> list[str]:
        return [each["code"] for each in self.record.get("alarms", [])]

    @property
    def heard(self) -> list[dict[str, Any]]:
        """What the application heard over its line."""
        return [json.loads(line) for line in (self.folder / "heard").read_text().splitlines()]

    @property
    def log(self) -> str:
        return (self.folder / "stderr").read_text()

    def child(self, name: str) -> int:
        """The process of the application or the engine, once it runs."""
        return int(self.wait_until(lambda: self.record.get(name, {}).get("process")))

    def ask(self, method: str, **params: str) -> dict[str, Any]:
        """A question to the engine; its result. Raises OSError."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.rpc}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as reply:
            found: dict[str, Any] = json.loads(reply.read())["result"]
        return found

    def submit(self, text: str) -> None:
        """Have a transaction ordered; one that the engine has already is under way."""
        try:
            self.ask("broadcast_tx_sync", tx=base64.b64encode(text.encode()).decode())
        except urllib.error.HTTPError as error:
            if b"tx already exists in cache" not in error.read():
                raise

    def submit_when_ready(self, text: str) -> None:
        """The same, as soon as the engine takes it."""
        self.wait_until(lambda: _try(lambda: self.submit(text)))

    def wait_idle(self) -> None:
        """Wait until the engine has written down all that came of the last block, and has nothing more to do."""

        def is_idle() -> bool:
            with suppress(OSError):
                state = json.loads((self.folder / "state.json").read_text())
                newest = self.ask("status")["sync_info"]
                turns_to = self.ask("consensus_state")["round_state"]["height/round/step"].partition("/")[0]
                # After a block that changed something it makes one more, which names what came of it.
                told = (newest["latest_block_height"], newest["latest_app_hash"].lower())
                return told == (str(state["height"]), state["hash"]) and int(turns_to) == int(state["height"]) + 1
            return False

        self.wait_until(is_idle)

    def wait_until(self, holds: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait for something to become true, and return it."""
        deadline = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < deadline, f"{self.record}\n{self.log}"
            time.sleep(0.05)
        return found

    def wait_restarted(self, name: str, before: int) -> None:
        """Wait for both to run again, `name` with another process than before, and for a new block."""
        self.wait_until(lambda: self.record[name]["process"] not in (None, before))
        self.wait_answering()
        height = self.height
        self.submit_when_ready(f"again {height}")
        self.wait_until(lambda: self.height > height)

    def wait_answering(self) -> None:
        """Wait until the application is ready and the engine runs."""
        self.wait_until(lambda: self.record["application"]["ready"] and self.record["engine"]["process"])

    def stop(self) -> int:
        """Ask it to stop: its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)


def prepare(folder: Path) -> tuple[NodePlaces, int]:
    """The files of a node with one validator, and the port of its RPC."""
    places = NodePlaces(folder)
    rpc, p2p = processes.free_ports(2)
    places.engine_config.parent.mkdir(parents=True)
    places.validator_state.parent.mkdir()
    key = engine_keys.create_validator(places.validator_key).public_key.hex()
    engine_keys.create_engine(places.engine_node_key)
    engine_keys.begin_state(places.validator_state)
    text = genesis_json.format(
        time="2026-11-23T12:00:00Z", protocol=1, validators=[("solo", key)], state=AppState("ab" * 32, "", "", "", 1)
    )
    places.engine_genesis.write_text(text)
    settings = EngineSettings(name="solo", socket=places.socket, p2p=f"127.0.0.1:{p2p}", rpc=f"127.0.0.1:{rpc}")
    places.engine_config.write_text(config_toml.format(settings))
    return places, rpc


@contextmanager
def supervised(
    folder: Path, *, engine: Path | None = None, again: tuple[NodePlaces, int] | None = None, timing: Timing = QUICK
) -> Iterator[Supervised]:
    """Run a node until the block ends. `again` is what `prepare` made before."""
    places, rpc = again or prepare(folder)
    held = lock.take(places.folder)
    told = Orders(
        folder=places.folder,
        application=(sys.executable, str(Path(__file__).with_name("acting.py")), str(places.folder), str(places.socket)),
        engine=(str(engine or engines.find_engine()), "node", "--home", str(places.engine)),
        rpc=("127.0.0.1", rpc),
        lock=held,
        as_json=True,
    )
    with (places.folder / "stderr").open("w") as errors, (places.folder / "stdout").open("w") as out:
        command = [sys.executable, "-c", SCRIPT, orders.encode(told), json.dumps(timing)]
        process = subprocess.Popen(command, stdout=out, stderr=errors, text=True, pass_fds=(held,))
    os.close(held)
    try:
        yield Supervised(places, process, rpc)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _try(act: Callable[[], None]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True
