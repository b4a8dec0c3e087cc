"""Four engines with the smallest application (`bench.bare`), under the settings that nodes run with: the limit of a consortium."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import uvloop

from bench.calling import Caller
from muniment.cli.consortium_demo import nodes
from muniment.cli.consortium_demo.place import Place
from muniment.errors import Unavailable
from muniment.net import address
from muniment.node.engine import binary
from muniment.node.engine.rpc import EngineRpc
from muniment.node.homes import NodeHome
from muniment.node.process import start
from muniment.node.settings import split_place

START_SECONDS = 90.0


class Bare:
    """The four of them. Transactions go to the first one, whose application says what was committed."""

    def __init__(self, rpc: tuple[str, int], told: int) -> None:
        self._rpc = rpc
        self._told = told

    def drive(self, transactions: Sequence[bytes], outstanding: int) -> float:
        """Have all of them committed, with so many under way at a time: the seconds that it took."""
        began = time.perf_counter()
        uvloop.run(self._drive(transactions, outstanding))
        return time.perf_counter() - began

    async def _drive(self, transactions: Sequence[bytes], outstanding: int) -> None:
        loop = asyncio.get_running_loop()
        waiting: dict[str, asyncio.Future[None]] = {hashlib.sha256(raw).hexdigest(): loop.create_future() for raw in transactions}
        rest = bytearray()

        def hear() -> None:
            rest.extend(os.read(self._told, 1 << 16))
            *names, last = rest.split(b"\n")
            rest[:] = last
            for name in names:
                future = waiting.get(name.decode())
                if future is not None and not future.done():
                    future.set_result(None)

        loop.add_reader(self._told, hear)
        pending = iter(transactions)

        async def call() -> None:
            _, caller = await loop.create_connection(Caller, *self._rpc)
            for raw in pending:
                answer = json.loads((await caller.ask(_ask(raw))).partition(b"\r\n\r\n")[2])
                if "error" in answer or answer["result"]["code"]:
                    raise RuntimeError(str(answer)[:500])
                await waiting[hashlib.sha256(raw).hexdigest()]
            caller.close()

        try:
            await asyncio.gather(*(call() for _ in range(outstanding)))
        finally:
            loop.remove_reader(self._told)


@contextmanager
def running(folder: Path) -> Iterator[Bare]:
    """Found a consortium only for its engines, and run these."""
    engine = str(binary.find(os.environ).path)
    founded = nodes.found(Place(folder))
    started: list[subprocess.Popen[bytes]] = []
    try:
        homes = [each.home for each in founded.by_name.values()]
        applications = [_start_application(home, folder, started) for home in homes]
        for home in homes:
            log = (home.folder / "engine.log").open("wb")
            with log:
                started.append(subprocess.Popen([engine, "node", "--home", str(home.engine)], stdout=log, stderr=log))
        place = homes[0].load_settings().rpc
        assert applications[0].stdout is not None
        _wait(EngineRpc(address.parse(f"http://{place}")))
        yield Bare(split_place(place), applications[0].stdout.fileno())
    finally:
        # The engines first: an application that is gone would only make them complain.
        for process in reversed(started):
            process.send_signal(signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _start_application(home: NodeHome, folder: Path, started: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    # What the others say is read by nobody, and a full pipe would stop them.
    out = subprocess.PIPE if not started else subprocess.DEVNULL
    socket = start.find_socket(home)
    start.write_config(home, home.load_settings(), socket)
    process = subprocess.Popen([sys.executable, "-m", "bench.bare", str(socket)], stdout=out, cwd=Path(__file__).parents[1])
    started.append(process)
    ends = time.monotonic() + START_SECONDS
    while not socket.exists() and time.monotonic() < ends and process.poll() is None:
        time.sleep(0.02)
    return process


def _wait(rpc: EngineRpc) -> None:
    """Until the first block is committed."""
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        with suppress(Unavailable):
            if rpc.status().height >= 1:
                return
        time.sleep(0.1)
    raise RuntimeError("four engines did not make a block")


def _ask(raw: bytes) -> bytes:
    said = {"jsonrpc": "2.0", "id": 0, "method": "broadcast_tx_sync", "params": {"tx": base64.b64encode(raw).decode()}}
    body = json.dumps(said).encode()
    head = f"POST / HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
