"""Four nodes of processes of their own on this machine, beside four engines with the smallest application there can be.

Both have the same settings, and whoever submits shares the processors with all of them. A node's application is measured by
its processor time on top of PyNaCl's verification in this process. The fresh node at the end is one of the four with what it
had on its first day, but for what its validator signed, which nobody ever winds back.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import calling, engines
from bench.calling import submit
from bench.measure import Result, Turns, percentile, spread, take
from bench.processes import cpu_seconds, resident_mib
from bench.sample import Scale, unpack, verify_all
from muniment.cli.consortium_demo import nodes
from muniment.cli.consortium_demo.nodes import Node, Nodes
from muniment.cli.consortium_demo.place import PERSONS, Place
from muniment.client.home import Home
from muniment.core.format import dsse
from muniment.core.rules import events
from muniment.errors import NotFound
from muniment.ledger import signers
from muniment.ledger.ids import new_event_id
from muniment.net import address
from muniment.node.chain import batch
from muniment.node.engine.rpc import EngineRpc
from muniment.node.process import lock, orders, record
from muniment.node.settings import split_place

BATCH = 200
OUTSTANDING = 8
APPLICATION, ENGINE, SUPERVISOR = orders.APPLICATION, orders.ENGINE, "supervisor"
SYNC_SECONDS = 300.0
SETTLE_SECONDS = 3.0


class Source:
    """Signed events for one ledger by one person."""

    def __init__(self, home: Path, ledger: str, person: str) -> None:
        self._signer = signers.load_file(Home(home).actor_key(person))
        self._common = {"ledger": ledger, "occurredAt": "2026-11-23T12:00:00.000000Z", "actor": person}
        self._made = 0

    def batches(self, count: int, size: int = BATCH) -> list[tuple[bytes, ...]]:
        """`count` events that are not recorded yet, in batches of `size`."""
        return [tuple([self._make() for _ in range(size)]) for _ in range(max(1, count // size))]

    def _make(self) -> bytes:
        self._made += 1
        fields = {**self._common, "eventId": new_event_id(), "name": f"s-{self._made}", "operatorRole": "provider"}
        return dsse.encode(dsse.sign(events.encode(events.build("system.registered", fields)), self._signer))


def measure(scale: Scale, folder: Path) -> list[Result]:
    """`consortium.*`: what four nodes do in a second, how soon, at what cost; where the engine is not installed, nothing."""
    ours, limit = folder / "nodes", folder / "bare"
    for each in (ours, limit):
        each.mkdir()
    turns = Turns()
    try:
        _measure_bare(limit / "before", turns, scale)
    except NotFound as error:
        sys.stderr.write(f"consortium: {error}. {error.hint}\n")
        return []
    founded = nodes.found(Place(ours))
    with ExitStack() as ending:
        ending.callback(founded.close)
        fresh = list(founded.by_name.values())[-1]
        shutil.copytree(fresh.home.home, folder / "fresh")
        founded.start()
        results = _Measured(founded, turns, scale).run(folder / "fresh")
    if scale.rounds > 2:
        _measure_bare(limit / "after", turns, scale)
    return [_rate(turns, scale), *results]


def _measure_bare(folder: Path, turns: Turns, scale: Scale) -> None:
    folder.mkdir()
    with engines.running(folder) as bare:
        founder = sorted(PERSONS)[0]
        source = Source(folder / founder, "0" * 64, PERSONS[founder])

        def pack(count: int) -> list[bytes]:
            return [batch.encode(os.urandom(batch.NONCE_BYTES), each) for each in source.batches(count)]

        bare.drive(pack(scale.ordered // 2), OUTSTANDING)
        for _ in range(max(1, scale.rounds // 2)):
            made = pack(scale.ordered)
            turns.round({"bare": lambda made=made: bare.drive(made, OUTSTANDING)})  # type: ignore[misc]


def _rate(turns: Turns, scale: Scale) -> Result:
    """The bare engines were measured before and after, in as many turns; each side's median is compared."""
    taken = turns.seconds("ours", "wall")
    amount = scale.ordered // BATCH * BATCH
    middle, limit = statistics.median(taken), turns.median("bare", "wall")
    of = f"{amount / limit:,.0f} with a bare application"
    return Result("consortium.rate", amount / middle, "events/s", limit / middle, of, spread(taken))


class _Measured:
    """Four nodes that run. Everything is submitted to the first one."""

    def __init__(self, founded: Nodes, turns: Turns, scale: Scale) -> None:
        self._nodes = list(founded.by_name.values())
        self._turns = turns
        self._scale = scale
        self._first = self._nodes[0]
        self._source = Source(self._first.home.home, founded.consortium.ledger, PERSONS[self._first.organisation])

    def run(self, fresh: Path) -> list[Result]:
        """All figures of four nodes but the rate, which is in the turns."""
        scale = self._scale
        self._submit(self._source.batches(scale.ordered // 2))
        lone = self._alone()
        middle = statistics.median(lone) * 1_000
        results = [
            Result("consortium.lone", middle, "ms p50", 350 / middle, "350 ms, to the receipt", spread(lone)),
            self._measure_cost(),
        ]
        while self._size() < scale.synced:
            self._submit(self._source.batches(scale.ordered))
        most = max(sum(resident_mib(self._pid(node, part), "VmHWM:") for part in (APPLICATION, ENGINE)) for node in self._nodes)
        results.append(Result("consortium.memory", most, "MiB peak", 250 / most, "250 MiB, application and engine", 0.0))
        results.append(self._measure_idle())
        last = self._nodes[-1]
        last.stop()
        down = self._alone()
        worst = percentile(down, 0.99) * 1_000
        results.append(Result("consortium.down", worst, "ms p99", 2_000 / worst, "2 s, one of four away", spread(down)))
        results.append(self._measure_sync(last, fresh))
        return results

    def _measure_cost(self) -> Result:
        """Rounds at full load; what a node's application spends on an event beside its signature."""
        scale, spent = self._scale, list[float]()
        for _ in range(scale.rounds):
            made = self._source.batches(scale.ordered)
            signed = unpack([each for many in made[:10] for each in many])
            verified = take(lambda signed=signed: verify_all(signed)).cpu / len(signed)  # type: ignore[misc]
            before = self._cpu(APPLICATION)
            self._turns.round({"ours": lambda made=made: self._submit(made)})  # type: ignore[misc]
            used = (self._cpu(APPLICATION) - before) / len(self._nodes) / (len(made) * BATCH)
            spent.append(max(used - verified, 1e-6) * 1_000_000)
        middle = statistics.median(spent)
        return Result("consortium.cpu", middle, "us/event", 150 / middle, "150 us a node beside PyNaCl", spread(spent))

    def _measure_idle(self) -> Result:
        """What four nodes cost where nobody wants anything. An idle ledger makes no block."""
        self._settle()
        parts = (APPLICATION, ENGINE, SUPERVISOR)
        height, before, began = self._height(), sum(map(self._cpu, parts)), time.monotonic()
        time.sleep(self._scale.idle_seconds)
        used = (sum(map(self._cpu, parts)) - before) / (time.monotonic() - began) * 100
        if self._height() != height:
            raise RuntimeError("an idle consortium made a block")
        used = max(used, 0.01)
        return Result("consortium.idle", used, "% of a core", 15 / used, "15 % for all four", 0.0)

    def _settle(self) -> None:
        """Wait until the block that follows the last events is there too, however long that takes."""
        ends = time.monotonic() + SYNC_SECONDS
        height = -1
        while (newest := self._height()) != height:
            if time.monotonic() > ends:
                raise RuntimeError("a consortium without events does not cease to make blocks")
            height = newest
            time.sleep(SETTLE_SECONDS)

    def _measure_sync(self, node: Node, fresh: Path) -> Result:
        """A node with nothing but its genesis fetches all blocks; it is not asked for more while it does."""
        size = self._size()
        kept = node.home.validator_state.read_bytes()
        shutil.rmtree(node.home.home)
        shutil.copytree(fresh, node.home.home)
        node.home.validator_state.write_bytes(kept)
        began = time.perf_counter()
        node.start()
        while (found := node.stand()) is None or found.size < size:
            if time.perf_counter() - began > SYNC_SECONDS:
                raise RuntimeError(f"a fresh node has {found.size if found else 0} of {size} entries")
            time.sleep(0.25)
        rate = size / (time.perf_counter() - began)
        return Result("consortium.sync", rate, "events/s", rate / 2_000, "2,000, from the start of its processes", 0.0)

    def _alone(self) -> list[float]:
        """The seconds of one event at a time, to its receipt."""
        host = split_place(self._first.home.load_settings().listen)
        made = self._source.batches(self._scale.alone, 1)
        return calling.drive(host, [submit(each, self._first.token) for each in made], 1)

    def _submit(self, batches: Sequence[tuple[bytes, ...]]) -> None:
        host = split_place(self._first.home.load_settings().listen)
        calling.drive(host, [submit(each, self._first.token) for each in batches], OUTSTANDING)

    def _cpu(self, part: str) -> float:
        return sum(cpu_seconds(self._pid(node, part)) for node in self._nodes)

    def _pid(self, node: Node, part: str) -> int:
        if part == SUPERVISOR:
            holder = lock.find_holder(node.home.folder)
            assert holder is not None
            return int(holder.process)
        return int(record.read(node.home.folder)[part]["process"])

    def _size(self) -> int:
        found = self._first.stand()
        return 0 if found is None else found.size

    def _height(self) -> int:
        """Of the engine."""
        return EngineRpc(address.parse(f"http://{self._first.home.load_settings().rpc}")).status().height
