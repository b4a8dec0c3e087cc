"""The blocks of a consortium run once more, by an embedded engine in this process, from what CometBFT ordered and nothing else.

blocks = rerunning.read_blocks(them.bank)           # every transaction, refused events too, with the times of the blocks
again = rerunning.run(folder / "again.db", genesis_entry, blocks)
again.verdicts[envelope]                            # of each submission of this envelope, in order
"""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import consortium
import makers
from muniment.core.format import entry, time
from muniment.core.rules import chain, genesis
from muniment.core.rules.policy import Verdict
from muniment.ledger.embedded import Embedded
from muniment.ledger.store.file import Store
from muniment.node.chain import batch, moment

PATIENCE_SECONDS = 180.0


class Block(NamedTuple):
    """What the engine ordered at a height of its own. The time is in microseconds since 1970; None where there is no event."""

    height: int
    time: int | None
    entries: tuple[bytes, ...]


class Again(NamedTuple):
    """What the embedded engine made of it."""

    engine: Embedded
    blocks: list[Block]
    verdicts: dict[bytes, list[Verdict]]
    judged_in: dict[bytes, list[int]]
    """The engine's own heights at which an envelope was judged, in the order of its verdicts."""


def read_blocks(node: consortium.Node, stop: int | None = None) -> list[Block]:
    """The blocks of a node's engine, the first one first: so many, or all up to the newest one with events."""
    newest = stop or int(_ask(node, "status")["sync_info"]["latest_block_height"])
    blocks = [_read(node, height) for height in range(1, newest + 1)]
    while stop is None and blocks and blocks[-1].time is None:
        blocks.pop()
    return blocks


def run(path: Path, founded: bytes, blocks: list[Block]) -> Again:
    """Found the ledger of a genesis entry in a new file, and append the blocks. The log is signed by a key of no meaning."""
    header = entry.decode_header(founded)
    store = Store.create(path, genesis.decode(bytes(header.genesis or b"")), header.time, makers.seal)
    now = [time.parse(header.time)]
    engine = Embedded(store, makers.LOG, clock=lambda: now[0])
    again = Again(engine, blocks, {}, {})
    for block in blocks:
        if block.time is None:
            continue
        now[0] = block.time
        verdicts = engine.append_block(chain.open_submissions(block.entries))
        for raw, verdict in zip(block.entries, verdicts, strict=True):
            again.verdicts.setdefault(raw, []).append(verdict)
            again.judged_in.setdefault(raw, []).append(block.height)
    return again


def _read(node: consortium.Node, height: int) -> Block:
    told = _ask(node, f"block?height={height}")["block"]["data"]["txs"] or []
    transactions = [base64.b64decode(each) for each in told]
    times = [when for each in transactions if (when := moment.decode(each)) is not None]
    batches = [batch.decode(each) for each in transactions if moment.decode(each) is None]
    assert len(times) == (1 if batches else 0), f"block {height} names {len(times)} times"
    return Block(height, times[0] if times else None, tuple(raw for entries in batches for raw in entries))


def _ask(node: consortium.Node, path: str) -> Any:
    """The answer of a node's engine."""
    with urllib.request.urlopen(f"http://{node.home.load_settings().rpc}/{path}", timeout=PATIENCE_SECONDS) as answered:
        return json.load(answered)["result"]
