"""A server in a process of its own against the engine in this one, on the same disk and the same processors.

Each figure of writing is compared, round by round, with the in-process figure at the same block size: for 64 connections that is
the size of the blocks that the server made of them. Latencies are of a lone caller, with the receipt in the answer.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from bench import calling, history
from bench.history import History
from bench.measure import Result, Turns, percentile, spread
from bench.processes import resident_mib
from bench.sample import ORIGIN, Sample, Scale
from muniment.client.home import Home
from muniment.core.format import keys
from muniment.core.proof import trust
from muniment.core.proof.trust import Trust
from muniment.ledger import signers
from muniment.server.access import store
from muniment.server.access.tokens import Tokens, Wish

CONNECTIONS = 64
LIMITS = "[limits]\nrequests_per_second = 1000000\nanonymous_per_second = 1000000\nlisteners = 4096\n"
PLATEAU_SECONDS = (0.040, 0.048)
"""Where answers would pile up if Nagle's algorithm waited for a delayed acknowledgement."""
LEAST_MIB = 0.1
"""Less than that the pages of memory do not show."""


class Target(NamedTuple):
    """A server that is measured."""

    address: tuple[str, int]
    process: int
    token: str
    sample: Sample


def measure(scale: Scale, folder: Path) -> list[Result]:
    """`http.*`: ratios to in-process, latencies, memory at load, listeners."""
    home = Home(folder / "home")
    sample = _found(home)
    twin = Sample.create(folder / "twin.db", seed=3)
    lives = []
    for each in (sample, twin):
        each.register(scale.served, block=1_000)
        lives.append(history.write(each, scale.lived))
        for _ in range(scale.warm_blocks):
            each.engine.append(each.notes(min(1_000, scale.served)))
    with _serving(home, sample, folder) as target:
        calling.drive(target.address, [calling.submit(sample.notes(1), target.token) for _ in range(20)], 1)
        results = [*_measure_lone(target, twin, scale), _measure_many(target, twin, scale), _measure_batches(target, twin, scale)]
        results += _measure_reads(target, lives[0], scale)
        results.append(_memory("http.memory", target, 150.0))
        results.append(_measure_listeners(target, scale))
    sample.close()
    twin.close()
    return results


def _measure_lone(target: Target, twin: Sample, scale: Scale) -> list[Result]:
    """One connection with one event at a time: its rate, its latency, and how many answers waited for a network timer."""
    count = scale.calls
    turns, taken = Turns(), list[float]()
    for _ in range(scale.rounds):
        requests = [calling.submit(target.sample.notes(1), target.token) for _ in range(count)]
        alone = [twin.notes(1) for _ in range(count)]
        turns.round(
            {
                "limit": lambda alone=alone: [twin.engine.append(each) for each in alone],  # type: ignore[misc]
                "ours": lambda requests=requests: taken.extend(calling.drive(target.address, requests, 1)),  # type: ignore[misc]
            }
        )
    middle, limit = statistics.median(taken) * 1_000, turns.median("limit", "wall") / count * 1_000
    waited = sum(PLATEAU_SECONDS[0] <= each <= PLATEAU_SECONDS[1] for each in taken)
    return [
        turns.rate("ours", "limit", "in-process, blocks of 1", count, "events/s", "wall", "http.1x1"),
        Result("http.lone", middle, "ms", middle / limit, "in-process, blocks of 1", spread(turns.seconds("ours", "wall"))),
        Result("http.prompt", len(taken) - waited, "answers", 1 - waited / len(taken), "all answers, none within 40-48 ms", 0.0),
    ]


def _measure_many(target: Target, twin: Sample, scale: Scale) -> Result:
    """64 connections with one event at a time."""
    count = scale.calls * 4
    turns = Turns()
    for _ in range(scale.rounds):
        requests = [calling.submit(target.sample.notes(1), target.token) for _ in range(count)]
        before = _height(target)
        turns.round({"ours": lambda requests=requests: calling.drive(target.address, requests, CONNECTIONS)})  # type: ignore[misc]
        size = max(1, round(count / max(1, _height(target) - before)))
        blocks = [twin.notes(size) for _ in range(count // size)]
        turns.round({"limit": lambda blocks=blocks: [twin.engine.append(each) for each in blocks]})  # type: ignore[misc]
    return turns.rate("ours", "limit", f"in-process, blocks of {size}", count, "events/s", "wall", f"http.{CONNECTIONS}x1")


def _measure_batches(target: Target, twin: Sample, scale: Scale) -> Result:
    """One connection with a hundred events at a time."""
    count = max(1, scale.calls // 20)
    turns = Turns()
    for _ in range(scale.rounds):
        requests = [calling.submit(target.sample.notes(100), target.token) for _ in range(count)]
        blocks = [twin.notes(100) for _ in range(count)]
        turns.round(
            {
                "limit": lambda blocks=blocks: [twin.engine.append(each) for each in blocks],  # type: ignore[misc]
                "ours": lambda requests=requests: calling.drive(target.address, requests, 1),  # type: ignore[misc]
            }
        )
    return turns.rate("ours", "limit", "in-process, blocks of 100", count * 100, "events/s", "wall", "http.1x100")


def _measure_reads(target: Target, lived: History, scale: Scale) -> list[Result]:
    """Pages for people, one after the other: the slowest of a hundred of each kind, once the index has read what is new."""
    size = int(str(calling.ask_json(target.address, calling.get("/v1/view", target.token))["size"]))
    paths = lived.pages() | {"entry": [f"/entries/{index}" for index in target.sample.indices(scale.calls, size)]}
    calling.drive(target.address, [calling.get("/", target.token, "text/html")], 1)
    results = []
    for name, asked in paths.items():
        requests = [calling.get(path, target.token, "text/html") for path in islice(cycle(asked), scale.calls)]
        taken = calling.drive(target.address, requests, 1)
        worst = percentile(taken, 0.99) * 1_000
        results.append(Result(f"http.page.{name}", worst, "ms p99", 100 / worst, "100 ms", spread(taken)))
    return results


def _measure_listeners(target: Target, scale: Scale) -> Result:
    """What idle listeners to events cost, in memory."""
    before = resident_mib(target.process)
    socks = []
    request = calling.get("/v1/stream", target.token, "text/event-stream")
    for _ in range(scale.listeners):
        sock = socket.create_connection(target.address)
        sock.sendall(request)
        socks.append(sock)
    for sock in socks:
        if not sock.recv(64).startswith(b"HTTP/1.1 200"):
            raise RuntimeError("the server took no more listeners")
    # Memory that the server had at hand already is not seen to be taken.
    cost = max(resident_mib(target.process) - before, LEAST_MIB)
    for sock in socks:
        sock.close()
    return Result("http.listeners", cost, "MiB", 100 / cost, f"100 MiB for {scale.listeners}", 0.0)


def _memory(name: str, target: Target, most: float) -> Result:
    used = resident_mib(target.process, "VmHWM:")
    return Result(name, used, "MiB", most / used, f"{most:g} MiB", 0.0)


def _height(target: Target) -> int:
    return int(str(calling.ask_json(target.address, calling.get("/v1/view", target.token))["height"]))


def _found(home: Home) -> Sample:
    """A ledger in a folder that a server can serve."""
    log = signers.create_file(home.log_key, "the ledger of a measurement")
    sample = Sample.create(home.store, seed=2, log=log)
    home.trust.write_text(trust.format(Trust(ORIGIN, sample.ledger, (keys.derive(ORIGIN, log.public_key),))), encoding="utf-8")
    return sample


@contextmanager
def _serving(home: Home, sample: Sample, folder: Path) -> Iterator[Target]:
    """Serve the ledger in a process of its own."""
    state, config = folder / "state", folder / "server.toml"
    config.write_text(LIMITS, encoding="utf-8")
    file = store.open(state)
    token = Tokens(file).create(Wish(name="bench", scopes=("admin",)), "bench").token
    file.close()
    command = [sys.executable, "-m", "muniment", "serve", "--home", str(home.folder), "--port", "0", "--json"]
    environment = {**os.environ, "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--config", str(config), "--state", str(state)],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            text=True,
        )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        if not said:
            raise RuntimeError((folder / "log").read_text(encoding="utf-8"))
        host, _, port = json.loads(said)["url"].partition("://")[2].rpartition(":")
        yield Target((host, int(port)), process.pid, token, sample)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
