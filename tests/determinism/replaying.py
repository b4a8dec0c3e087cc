"""Runs the published ledger and prints what came of it, as JSON: `python replaying.py docs/spec/vectors`.

For a process of its own, under another hash seed or another Python. It needs the core, msgspec and PyNaCl, nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

from muniment.core.format import dsse, merkle
from muniment.core.proof import trust, verify
from muniment.core.rules import chain, events
from muniment.core.rules.chain import Block
from muniment.ledger.replay import Replay


def main(folder: Path) -> None:
    """Replay, judge what is refused, verify an answer; print every root, record, reason and sentence."""
    ledger = json.loads((folder / "ledger.json").read_text(encoding="utf-8"))
    blocks = [([base64.b64decode(each["entry"]) for each in block["entries"]], block) for block in ledger["blocks"]]
    entries = [raw for listed, block in blocks for raw in (*listed, base64.b64decode(block["header"]["entry"]))]

    def payload(index: int) -> bytes:
        raw = entries[index]
        return dsse.decode(raw).payload if raw.startswith(b'{"payload"') else raw

    refusals = json.loads((folder / "refusals.json").read_text(encoding="utf-8"))["cases"]
    replay, roots, reasons = Replay(payload), [], []
    for height, (listed, block) in enumerate(blocks):
        done = replay.advance(base64.b64decode(block["header"]["entry"]), chain.open_submissions(listed))
        assert replay.position is not None
        roots.append((replay.position.frontier.root().hex(), done.header.state, _digest(list(done.records.items()))))
        for case in (case for case in refusals if case["after"] == height):
            submissions = chain.open_submissions([base64.b64decode(text) for text in case["entries"]])
            judged = Block(replay.position, chain.policy_in_force(replay), case["time"], submissions)
            reasons.append(str(chain.apply(replay, judged)))
    rewritten = [
        merkle.leaf(events.encode(events.decode(payload(n)))) for n, raw in enumerate(entries) if raw.startswith(b'{"payload"')
    ]
    report = {"roots": roots, "reasons": _digest(reasons), "events": _digest(rewritten), "words": _digest(_tell(folder))}
    print(json.dumps(report, sort_keys=True))


def _tell(folder: Path) -> list[str]:
    texts = {case["name"]: case["text"] for case in json.loads((folder / "trust.json").read_text(encoding="utf-8"))["good"]}
    told = []
    for case in json.loads((folder / "answers.json").read_text(encoding="utf-8"))["good"]:
        raw = json.dumps(case["answer"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        if "pin" not in case:
            told += verify.tell(verify.verify_answer(raw, trust.parse(texts[case["trust"]])))
    return told


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
