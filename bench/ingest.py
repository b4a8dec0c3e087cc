"""Ingest: signed events admitted, sealed and durable, against verifying the same signatures, appending and syncing.

The limit checks each signature with PyNaCl, appends the same bytes to a file and calls fdatasync once a block. Blocks of one
wait for the disk, so they are compared by the clock on the wall; larger ones by processor time, which a busy disk cannot blur.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Clock, Result, Turns
from bench.sample import Sample, Scale, unpack, verify_all

WARM_EVENTS = 1_000


def measure(sample: Sample, scale: Scale, folder: Path) -> list[Result]:
    """`ingest.1`, `ingest.10`, `ingest.100` and `ingest.1000`, in events a second."""
    for _ in range(scale.warm_blocks):
        sample.engine.append(sample.notes(min(WARM_EVENTS, scale.streams)))
    return [_measure(sample, scale.rounds, folder, size, blocks) for size, blocks in scale.ingest]


def _measure(sample: Sample, rounds: int, folder: Path, size: int, blocks: int) -> Result:
    turns = Turns()
    descriptor = os.open(folder / "raw", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    try:
        for _ in range(rounds):
            _take_turns(turns, sample, descriptor, [sample.notes(size) for _ in range(blocks)])
    finally:
        os.close(descriptor)
    clock: Clock = "wall" if size == 1 else "cpu"
    of = f"{'time' if clock == 'wall' else 'CPU'} of raw PyNaCl verify + append + fdatasync"
    return turns.rate("ours", "limit", of, size * blocks, "events/s", clock, f"ingest.{size}")


def _take_turns(turns: Turns, sample: Sample, descriptor: int, batches: Sequence[list[bytes]]) -> None:
    signed = [unpack(batch) for batch in batches]

    def limit() -> None:
        for batch, messages in zip(batches, signed, strict=True):
            verify_all(messages)
            os.write(descriptor, b"".join(batch))
            os.fdatasync(descriptor)

    def ours() -> None:
        for batch in batches:
            sample.engine.append(batch)

    turns.round({"limit": limit, "ours": ours})
