"""What a node keeps, and for how long.

The ledger itself is kept whole, for ever. Of the consensus engine, which holds every event a second time in its blocks:

    blocks        the last `keep_blocks` (node.toml; 0 keeps all). Headers and signatures stay longer by themselves, until evidence
                  of signing twice no longer counts: 100,000 blocks and 48 hours. Older nodes come in through a snapshot then
    cs.wal        what the engine needs after a crash is in the newest file; the newest eight of 10 MB stay, checked at each start
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LEAST_BLOCKS = 1_000
"""A newcomer takes a snapshot, and then the blocks since: they must still be there when it is done."""

STEP = 100
"""So many blocks go at once: each time costs the engine a write to the disk."""

KEEP_WAL_FILES = 8

_wal = re.compile(r"wal\.([0-9]{3,9})")


def retain(keep_blocks: int) -> Callable[[int], int]:
    """From the engine's height to the first one that it has to keep, 0 for all: what the application answers to Commit."""
    kept = max(keep_blocks, LEAST_BLOCKS)

    def first(height: int) -> int:
        return max(0, height - kept + 1) // STEP * STEP if keep_blocks else 0

    return first


def prune_wal(engine: Path) -> int:
    """Remove the oldest files of the engine's log for crashes, and say how many. `engine` is its home; it must not run.

    A crash in between leaves fewer of the old ones, which nobody reads.
    """
    folder = engine / "data" / "cs.wal"
    if not folder.is_dir():
        return 0
    numbered = sorted((int(match[1]), path) for path in folder.iterdir() if (match := _wal.fullmatch(path.name)))
    gone = numbered[:-KEEP_WAL_FILES]
    for _, path in gone:
        with suppress(FileNotFoundError):
            path.unlink()
    return len(gone)
