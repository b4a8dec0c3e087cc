"""`kill -9` during concurrent appends by two processes: every acknowledged receipt verifies, and fsck is clean.

In full (`--long`) 200 rounds; in short 20. A receipt counts as acknowledged once the writer has handed it out.
"""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import time as clocks
from pathlib import Path

import makers
from muniment.ledger.audit import audit
from muniment.ledger.embedded import Embedded, system_clock
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck

MAX_ENTRIES = 400
"""From here on a new ledger is begun, so that a round stays short."""


class Writer:
    """A process that appends until it is killed, and hands out a receipt for each event."""

    def __init__(self, path: Path, name: str) -> None:
        self._receipts, out = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            try:
                os.close(self._receipts)
                write(path, name, out)
            finally:
                os._exit(1)
        os.close(out)

    def wait(self) -> bytes:
        """Wait for the first receipt."""
        begun = b""
        while b"\n" not in begun:
            part = os.read(self._receipts, 1 << 16)
            assert part, "it ended by itself"
            begun += part
        return begun

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.process, signal.SIGKILL)

    def collect(self, begun: bytes) -> list[makers.Held]:
        """The receipts that were handed out in full."""
        assert os.WTERMSIG(os.waitpid(self.process, 0)[1]) == signal.SIGKILL
        with os.fdopen(self._receipts, "rb") as pipe:
            lines = (begun + pipe.read()).split(b"\n")
        return [decode(line) for line in lines[:-1]]


def write(path: Path, name: str, out: int) -> None:
    """Append for ever: one event, or a few at once."""
    life = makers.Life(path, Embedded(Store.open(path), makers.LOG, clock=system_clock))
    for number in range(1_000_000):
        events = [
            life.sign("system.registered", event_id=makers.random_id(), name=f"{name}-{number}-{each}", operatorRole="provider")
            for each in range(1 + number % 3)
        ]
        verdicts = life.append(*events)
        with life.engine.view() as view:
            held = [makers.hold(view, raw, verdict.index) for raw, verdict in zip(events, verdicts, strict=True)]
        os.write(out, b"".join(encode(each) for each in held))


def encode(held: makers.Held) -> bytes:
    parts = [held.raw, held.checkpoint, *held.proof]
    return json.dumps([held.index, *[base64.b64encode(part).decode() for part in parts]]).encode() + b"\n"


def decode(line: bytes) -> makers.Held:
    index, *encoded = json.loads(line)
    raw, note, *proof = [base64.b64decode(part) for part in encoded]
    return makers.Held(raw, index, note, tuple(proof))


def check(path: Path, held: list[makers.Held]) -> int:
    """The file is sound and continues every receipt. Returns its size."""
    found = fsck(path, makers.VERIFIER)
    assert found.findings == ()
    reader = Embedded(Store.open(path), None)
    with reader.view() as view:
        for each in held:
            makers.check_held(view, each)
    reader.close()
    return found.size


def test_kill_during_concurrent_appends(tmp_path: Path, long: bool) -> None:
    random_ = random.Random(20_261_123)
    path, held, total = tmp_path / "0.db", list[makers.Held](), 0
    makers.found(path, system_clock).close()
    rounds = 200 if long else 20
    for round_ in range(rounds):
        writers = [Writer(path, f"{round_}-{name}") for name in ("one", "two")]
        begun = [writer.wait() for writer in writers]
        for writer in random_.sample(writers, 2):
            clocks.sleep(random_.uniform(0, 0.03))
            writer.kill()
        fresh = [each for writer, first in zip(writers, begun, strict=True) for each in writer.collect(first)]
        held += fresh
        total += len(fresh)
        size = check(path, held if size_is_small(held) else [*random_.sample(held, 50), *fresh])
        # Nobody was told of what nobody holds; but nothing that somebody holds is missing.
        assert size > max(each.index for each in held)
        if size > MAX_ENTRIES:
            finish(path, held)
            path, held = tmp_path / f"{round_ + 1}.db", []
            makers.found(path, system_clock).close()
    finish(path, held)
    # Each of them handed out one at least, before it was killed.
    assert total >= 2 * rounds


def size_is_small(held: list[makers.Held]) -> bool:
    return len(held) < 50


def finish(path: Path, held: list[makers.Held]) -> None:
    """What an auditor says in the end, and a writer that comes after all of this."""
    life = makers.Life(path, Embedded(Store.open(path), makers.LOG, clock=system_clock))
    life.append(life.sign("system.registered", event_id=makers.random_id(), name="after", operatorRole="provider"))
    assert audit(life.engine.view, makers.VERIFIER).replayed
    with life.engine.view() as view:
        for each in held:
            makers.check_held(view, each)
    life.close()
    assert fsck(path, makers.VERIFIER).findings == ()
    assert {each.name for each in path.parent.iterdir() if each.name.startswith(path.name)} <= {
        path.name,
        f"{path.name}-wal",
        f"{path.name}-shm",
    }
