"""The machine under test and the history beside it: every event is judged by both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import machine
from machine import Machine
from muniment.core.format import time
from muniment.core.rules import chain
from muniment.core.rules.chain import Block, Submission
from muniment.core.rules.genesis import Genesis
from muniment.core.rules.policy import Verdict
from oracle import judge, policy_at, repeats
from oracle.history import Entry, History, read_entry

Told = tuple[int, tuple[bytes, ...]]
"""A block as it is submitted: how many microseconds after the one before, and its entries."""
Step = tuple[int, bytes]
"""One event, and the pause where it begins a block."""


class Judged(NamedTuple):
    """An event, the rules by which the oracle refuses it, and what the machine decided."""

    entry: Entry
    history: History
    foreseen: set[str]
    first: int | None
    verdict: Verdict

    def agrees(self) -> bool:
        """Do both say the same?"""
        if self.foreseen or self.verdict.decision == "refused":
            return {reason.rule for reason in self.verdict.reasons} == self.foreseen
        if self.first is not None or self.verdict.decision == "repeated":
            return self.verdict.decision == "repeated" and self.verdict.index == self.first
        return self.verdict.index == self.entry.index

    def told(self) -> str:
        """The difference in one line and the event below it."""
        found = [reason.rule for reason in self.verdict.reasons]
        event = json.dumps(self.entry.event, indent=1)
        return f"{self.entry.name}: the oracle says {sorted(self.foreseen)}, the machine {self.verdict.decision} {found}\n{event}"


class Chronicle(Machine):
    """A ledger in memory, in which time passes between blocks, and its history as the oracle reads it."""

    def __init__(self, founding: Genesis) -> None:
        super().__init__(founding)
        self.pause = machine.SECOND
        self.told: list[Told] = []
        self.history = History(json.loads(self.entries[0])["genesis"])

    @property
    def moment(self) -> str:
        """The time of the next block."""
        return time.format(time.parse(self.position.time) + self.pause)

    def judge(self, submissions: Iterable[Submission]) -> list[Verdict]:
        """Seal what is admitted, after the pause."""
        block = Block(self.position, chain.policy_in_force(self.replay), self.moment, tuple(submissions))
        transition = chain.apply(self.replay, block)
        if transition.admitted:
            self._seal(chain.seal(block, transition, self._root(transition)).raw, transition.admitted)
        return list(transition.verdicts)

    def compare(self, pause: int, raws: Sequence[bytes]) -> list[Judged]:
        """Submit a block after a pause, and ask the oracle about each of its events."""
        self.pause = pause
        self.told.append((pause, tuple(raws)))
        moment, height, index = self.moment, self.position.height + 1, self.position.frontier.size
        submissions = chain.open_submissions(raws)
        judged = []
        for submission, verdict in zip(submissions, self.judge(submissions), strict=True):
            entry = read_entry(index, height, moment, submission.envelope.key.hex(), submission.envelope.payload)
            foreseen, history = judge(self.history, entry), self.history
            judged.append(Judged(entry, history, foreseen, repeats(history, entry), verdict))
            if verdict.decision == "admitted":
                self.history = History(history.genesis, (*history.entries, entry))
                index += 1
        return judged

    def policy(self) -> object:
        """The policy that judges the next block, by the oracle, in plain JSON."""
        return policy_at(self.history, self.position.height + 1)


def shrink(founding: Genesis, told: Sequence[Told]) -> str:
    """The fewest events, in order, after which oracle and machine differ; nothing where they do not."""
    steps = [(pause if not at else 0, raw) for pause, raws in told for at, raw in enumerate(raws)]
    if not _difference(founding, steps):
        return ""
    for size in (64, 16, 4, 1, 1):
        for at in range(len(steps) - size, -1, -size):
            fewer = _without(steps, at, size)
            steps = fewer if _difference(founding, fewer) else steps
    lines = [f"{each.entry.name} {json.dumps(each.entry.event)}" for each in _replay(founding, steps)]
    return "\n".join(lines) + "\n" + _difference(founding, steps)


def _without(steps: list[Step], at: int, size: int) -> list[Step]:
    """Leave some events out; where they began blocks, the next one does, no earlier than before."""
    rest = steps[at + size :]
    pause = sum(pause for pause, _ in steps[at : at + size])
    if rest and pause:
        rest[0] = (rest[0][0] + pause, rest[0][1])
    return steps[:at] + rest


def _difference(founding: Genesis, steps: Sequence[Step]) -> str:
    return next((each.told() for each in _replay(founding, steps) if not each.agrees()), "")


def _replay(founding: Genesis, steps: Sequence[Step]) -> list[Judged]:
    chronicle, found = Chronicle(founding), list[Judged]()
    blocks: list[tuple[int, list[bytes]]] = []
    for pause, raw in steps:
        if pause or not blocks:
            blocks.append((pause or 1, []))
        blocks[-1][1].append(raw)
    for pause, raws in blocks:
        found += chronicle.compare(pause, raws)
        if not all(each.agrees() for each in found):
            break
    return found
