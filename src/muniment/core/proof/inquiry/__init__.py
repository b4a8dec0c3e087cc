"""Questions whose answer follows from several streams, records and entries (docs/spec, section 10.7).

    findings = evaluate(HistoryQuestion(of="model/credit-risk"), ground)

Each has a module with three things: the question as it stands in the file, its findings as they stand in the file's result,
and the pure function from a ground to the findings.
"""

from __future__ import annotations

from functools import singledispatch

from muniment.core.proof.inquiry import blame, claim, diff, gate, history, impact, lineage
from muniment.core.proof.inquiry.blame import BlameFindings, BlameQuestion, Setting
from muniment.core.proof.inquiry.claim import ClaimFindings, ClaimQuestion, Witness
from muniment.core.proof.inquiry.derivation import Derived, path_to
from muniment.core.proof.inquiry.diff import Difference, DiffFindings, DiffQuestion
from muniment.core.proof.inquiry.gate import GateFindings, GateQuestion, Objection, Standing
from muniment.core.proof.inquiry.ground import Block, Ground, Told
from muniment.core.proof.inquiry.history import HistoryFindings, HistoryQuestion, Span
from muniment.core.proof.inquiry.impact import ImpactFindings, ImpactQuestion, Running
from muniment.core.proof.inquiry.lineage import LineageFindings, LineageQuestion
from muniment.errors import InvariantError

Inquiry = BlameQuestion | ClaimQuestion | DiffQuestion | GateQuestion | HistoryQuestion | ImpactQuestion | LineageQuestion
Findings = BlameFindings | ClaimFindings | DiffFindings | GateFindings | HistoryFindings | ImpactFindings | LineageFindings


@singledispatch
def evaluate(question: Inquiry, ground: Ground) -> Findings:
    """What follows from a ground for a question.

    Raises VerificationError (step 11) where the ground lacks something or contradicts itself, InvalidInput (`bad-question`,
    `bad-claim`, `too-many-things`).
    """
    raise InvariantError(f"{type(question).__name__} has no function that answers it")


evaluate.register(blame.evaluate)
evaluate.register(claim.evaluate)
evaluate.register(diff.evaluate)
evaluate.register(gate.evaluate)
evaluate.register(history.evaluate)
evaluate.register(impact.evaluate)
evaluate.register(lineage.evaluate)

__all__ = [
    "BlameFindings",
    "BlameQuestion",
    "Block",
    "ClaimFindings",
    "ClaimQuestion",
    "Derived",
    "DiffFindings",
    "DiffQuestion",
    "Difference",
    "Findings",
    "GateFindings",
    "GateQuestion",
    "Ground",
    "HistoryFindings",
    "HistoryQuestion",
    "ImpactFindings",
    "ImpactQuestion",
    "Inquiry",
    "LineageFindings",
    "LineageQuestion",
    "Objection",
    "Running",
    "Setting",
    "Span",
    "Standing",
    "Told",
    "Witness",
    "evaluate",
    "path_to",
]
