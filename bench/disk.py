"""Disk: what an event adds to the ledger's file, tiles, indices and all, against the bytes of its envelope."""

from __future__ import annotations

import os

import apsw

from bench.measure import Result, spread
from bench.sample import Sample, Scale

BLOCK_EVENTS = 100
BLOCKS = 20


def measure(sample: Sample, scale: Scale) -> list[Result]:
    """`disk.event`: bytes for each event in blocks of 100, all of the write-ahead log being folded back into the file."""
    grown, ratios = list[float](), list[float]()
    before = _size(sample)
    for _ in range(scale.rounds):
        written = 0
        for _ in range(BLOCKS):
            batch = sample.notes(BLOCK_EVENTS)
            written += sum(map(len, batch))
            sample.engine.append(batch)
        after = _size(sample)
        grown.append((after - before) / (BLOCKS * BLOCK_EVENTS))
        ratios.append((after - before) / written)
        before = after
    # The file grows by pages and tiles, so that only the whole says what an event takes.
    count = len(grown)
    return [Result("disk.event", sum(grown) / count, "bytes", sum(ratios) / count, "bytes of the envelope", spread(grown))]


def _size(sample: Sample) -> int:
    connection = apsw.Connection(os.fspath(sample.path))
    try:
        # A connection that has read nothing does not know that the file has a log, and folds none.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()
    return sample.path.stat().st_size
