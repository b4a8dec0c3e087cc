"""Runs a recorded corpus again and compares every verdict and every root: `python replaying.py FILE`.

A corpus is gzipped JSON: stories, each with the header of its genesis and its blocks as they were submitted, what is refused
included; for each block the time, the faults that a consortium's engine proved, the verdicts and, where something was sealed,
the header. For a process of its own, under another Python: it needs the core, msgspec and PyNaCl, nothing else.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from muniment.core.rules import chain
from muniment.core.rules.chain import Block
from muniment.core.rules.members import Fault
from muniment.core.rules.policy import Verdict
from muniment.ledger.replay import Replay


def load(path: Path) -> list[dict[str, Any]]:
    """The stories of a corpus."""
    stories: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    return stories


def replay(story: dict[str, Any]) -> list[str]:
    """Judge and seal every block anew; the roots of tree and map after each. Raises AssertionError at the first difference."""
    bodies: list[bytes] = []
    machine = Replay(bodies.__getitem__)
    founding = base64.b64decode(story["genesis"])
    machine.advance(founding, ())
    bodies.append(founding)
    roots = []
    for number, block in enumerate(story["blocks"]):
        assert machine.position is not None
        submissions = chain.open_submissions([base64.b64decode(raw) for raw in block["entries"]])
        faults = msgspec.convert(block.get("faults", []), tuple[Fault, ...])
        judged = Block(machine.position, chain.policy_in_force(machine), block["time"], submissions, faults)
        transition = chain.apply(machine, judged)
        verdicts = [describe(each) for each in transition.verdicts]
        assert verdicts == block["verdicts"], f"block {number}: {verdicts}, recorded was {block['verdicts']}"
        if transition.seals:
            header = base64.b64decode(block["header"])
            # Raises where the header that follows from the block is another one than the recorded one.
            done = machine.advance(header, transition.admitted)
            bodies += [each.envelope.payload for each in transition.admitted] + [header]
            roots.append(f"{machine.position.frontier.root().hex()} {done.header.state}")
    return roots


def describe(verdict: Verdict) -> list[Any]:
    """A verdict as the corpus keeps it: the decision, the index or the rules in their order."""
    rules = [reason.rule for reason in verdict.reasons]
    return [verdict.decision, *(rules if verdict.decision == "refused" else [verdict.index])]


def main(path: Path) -> None:
    """Print one digest over all roots."""
    roots = [root for story in load(path) for root in replay(story)]
    sys.stdout.write(hashlib.sha256("\n".join(roots).encode()).hexdigest() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
