"""Answers with their proofs, from a ledger of 100,000 events: asked through the SDK, proved, verified here, ready to hand out.

The limit is what the project promises: 50 ms each, warm. A complete history of 1,000 events is proved and verified in as much,
where the signatures, whose price is PyNaCl's, are counted apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from bench.measure import Result, percentile, take
from bench.rules import LOG, ORIGIN, Lives
from bench.sample import Scale, unpack, verify_all
from muniment import config
from muniment.client import opening
from muniment.client.ledger import Ledger
from muniment.client.proving import Proved
from muniment.core.format import keys
from muniment.core.proof import answer as answers
from muniment.core.proof import trust as trusts
from muniment.core.proof.inquiry import HistoryQuestion
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import verify_answer
from muniment.core.rules.policy import Environment
from muniment.ledger import prover

LIMIT_SECONDS = 0.05
LEAST_SECONDS = 1e-6
CHILDREN = 20
LONG = "system/long"
EVENTS_OF_LIFE = 12


def measure(scale: Scale, folder: Path) -> list[Result]:
    """`answer.at`, `answer.blame`, `answer.diff`, `answer.impact`, `history.prove`, `history.verify`, in milliseconds."""
    lives = _fill(scale, folder)
    trust = Trust(ORIGIN, lives.ledger, (keys.derive(ORIGIN, LOG.public_key),))
    (folder / "trust.toml").write_text(trusts.format(trust), encoding="utf-8")
    lives.close()
    settings = config.resolve({"MUNIMENT_HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}, folder, {})
    with opening.connect(settings) as ledger:
        questions: dict[str, Callable[[], Proved]] = {
            "at": lambda: ledger.at("production/m-7", "now"),
            "blame": lambda: ledger.blame("m-7@1", "max_depth"),
            "diff": lambda: ledger.diff("m-7@1", "m-8@1"),
            "impact": lambda: ledger.impact("shared@1"),
        }
        times = max(5, scale.proofs // 50)
        found = [_result(f"answer.{name}", [take(ask).wall for _ in range(times)][1:]) for name, ask in questions.items()]
        return found + _measure_history(ledger, trust, times)


def _fill(scale: Scale, folder: Path) -> Lives:
    """Lives for nine tenths of the events; one data set with twenty of them; a system with 1,000 notes."""
    lives = Lives(folder / "ledger.db", Environment(name="production"))
    shared = "5" * 64
    lives.append([lives.sign("dataset.registered", "ada", name="shared", data=shared, bytes=1, files=1)[1]])
    for child in range(CHILDREN):
        lives.append(list(lives.live_once(f"child-{child}", data=shared)))
    events = lives.live(max(10, scale.streams // EVENTS_OF_LIFE - CHILDREN - 1_000 // EVENTS_OF_LIFE))
    for block in iter(lambda: list(itertools.islice(events, 996)), []):
        lives.append(block)
    lives.append([lives.sign("system.registered", "ada", name="long", operatorRole="provider")[1]])
    text = {"sealed": "A" * 43}
    lives.append([lives.sign("note.added", "ada", about=[LONG], text=text)[1] for _ in range(999)])
    return lives


def _measure_history(ledger: Ledger, trust: Trust, times: int) -> list[Result]:
    hints = ledger.index.stream_indices
    proving, verifying = [], []
    for _ in range(times):
        with ledger.view() as view:
            turn = take(lambda view=view: answers.encode(prover.prove_inquiry(view, HistoryQuestion(of=LONG), hints=hints)))
            raw = answers.encode(prover.prove_inquiry(view, HistoryQuestion(of=LONG), hints=hints))
        proving.append(turn.wall)
        signed = unpack(each.entry for each in answers.decode(raw).events)
        apart = take(lambda signed=signed: verify_all(signed)).wall
        # What is left may be less than what a busy machine takes from either of them.
        verifying.append(max(take(lambda raw=raw: verify_answer(raw, trust)).wall - apart, LEAST_SECONDS))
    return [_result("history.prove", proving[1:]), _result("history.verify", verifying[1:])]


def _result(name: str, seconds: list[float]) -> Result:
    middle = percentile(seconds, 0.5)
    spread = (max(seconds) - min(seconds)) / middle
    return Result(name, middle * 1000, "ms", LIMIT_SECONDS / middle, "50 ms", spread)
