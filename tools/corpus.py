"""Record the corpus of the protocol in force: `python tools/corpus.py FILE`. Done once for a protocol, before it is released.

The first two stories are the published ledgers with their published refusals, which have every event but one that raises the
protocol; the others are random ones of `tests/oracle`, whose every verdict an independent reading of the whole history confirmed.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "corpus")]

import msgspec  # noqa: E402
import replaying  # noqa: E402  (found on the path that was just set)

from muniment.core.format import state_map  # noqa: E402
from muniment.core.format import time as times  # noqa: E402
from muniment.core.rules import chain  # noqa: E402
from muniment.core.rules.chain import Block  # noqa: E402
from muniment.core.rules.members import Fault  # noqa: E402
from muniment.ledger.replay import Replay  # noqa: E402
from oracle.town import Town, play  # noqa: E402

VECTORS = REPOSITORY / "docs" / "spec" / "vectors"
STORIES = 8
BLOCKS = 90

Submitted = tuple[str, list[bytes], list[Any]]
"""A block as it is submitted: its time, its entries, and faults."""


def main(path: Path) -> None:
    """Write the corpus; its bytes hang on nothing but the code and the vectors."""
    stories = [record(*read_published()), record(*read_consortium()), *[record(*play_town(seed)) for seed in range(STORIES)]]
    raw = json.dumps(stories, separators=(",", ":"), sort_keys=True).encode()
    path.write_bytes(gzip.compress(raw, mtime=0))
    sys.stdout.write(f"{sum(len(story['blocks']) for story in stories)} blocks, {path.stat().st_size:,} bytes\n")


def read_published() -> tuple[bytes, Iterable[Submitted]]:
    """The published ledger, and after each block the submissions that are published as refused there."""
    ledger = json.loads((VECTORS / "ledger.json").read_text(encoding="utf-8"))
    refusals = json.loads((VECTORS / "refusals.json").read_text(encoding="utf-8"))["cases"]

    def submit() -> Iterator[Submitted]:
        for height, block in enumerate(ledger["blocks"]):
            if height:
                yield block["time"], [base64.b64decode(each["entry"]) for each in block["entries"]], []
            for case in refusals:
                if case["after"] == height and all(each["decision"] != "admitted" for each in case["verdicts"]):
                    yield case["time"], [base64.b64decode(text) for text in case["entries"]], []
        # Those in which something is admitted change what is published, so they come last, one after the other.
        for case in refusals:
            if any(each["decision"] == "admitted" for each in case["verdicts"]):
                yield case["time"], [base64.b64decode(text) for text in case["entries"]], []

    return base64.b64decode(ledger["blocks"][0]["header"]["entry"]), submit()


def read_consortium() -> tuple[bytes, Iterable[Submitted]]:
    """The published consortium, and what is refused at its end."""
    told = json.loads((VECTORS / "consortium.json").read_text(encoding="utf-8"))

    def submit() -> Iterator[Submitted]:
        for block in told["blocks"][1:]:
            yield block["time"], [base64.b64decode(each["entry"]) for each in block["entries"]], block["faults"]
        for case in told["refused"]:
            yield case["time"], [base64.b64decode(case["entry"])], []

    return told["blocks"][0]["header"].encode(), submit()


def play_town(seed: int) -> tuple[bytes, Iterable[Submitted]]:
    """A random story; the oracle agrees with all of it."""
    town = Town(seed)
    chronicle = town.chronicle

    def submit() -> Iterator[Submitted]:
        for _ in range(BLOCKS):
            began = len(chronicle.told)
            judged = play(town)
            wrong = [each.told() for each in judged if not each.agrees()]
            if wrong:
                raise AssertionError(f"seed {seed}: {wrong[0]}")
            if judged and len(chronicle.told) > began:
                yield judged[0].entry.time, list(chronicle.told[-1][1]), []

    return chronicle.entries[0], submit()


def record(founding: bytes, submitted: Iterable[Submitted]) -> dict[str, Any]:
    """Judge and seal block after block, and keep what came of each."""
    bodies = [founding]
    machine = Replay(bodies.__getitem__)
    machine.advance(founding, ())
    blocks = []
    for time, raws, told in submitted:
        assert machine.position is not None
        time = max(time, times.format(times.parse(machine.position.time) + 1))
        faults = msgspec.convert(told, tuple[Fault, ...])
        judged = Block(machine.position, chain.policy_in_force(machine), time, chain.open_submissions(raws), faults)
        transition = chain.apply(machine, judged)
        block: dict[str, Any] = {
            "entries": [base64.b64encode(raw).decode() for raw in raws],
            "time": time,
            **({"faults": told} if told else {}),
            "verdicts": [replaying.describe(each) for each in transition.verdicts],
        }
        if transition.seals:
            records = {**machine.records, **transition.records}
            root = state_map.bulk(sorted((key, state_map.leaf(key, value)) for key, value in records.items()))
            header = chain.seal(judged, transition, root).raw
            machine.advance(header, transition.admitted)
            bodies += [each.envelope.payload for each in transition.admitted] + [header]
            block["header"] = base64.b64encode(header).decode()
        blocks.append(block)
    return {"genesis": base64.b64encode(founding).decode(), "blocks": blocks}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
