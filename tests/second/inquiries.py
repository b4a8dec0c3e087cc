"""The questions that have findings (docs/spec 10.7), from a ground that holds what a file proves.

word, findings = answer(question, ground)
"""

from __future__ import annotations

from second.claims import claim, diff
from second.derivation import blame, history, impact, lineage
from second.forms import Json
from second.gate import gate
from second.ground import Ground

QUESTIONS = {"blame": blame, "claim": claim, "diff": diff, "gate": gate, "history": history, "impact": impact, "lineage": lineage}


def answer(question: Json, g: Ground) -> tuple[str, Json]:
    """The word of the result, and its findings."""
    return QUESTIONS[question["ask"]](question, g)


def about(question: Json) -> list[str]:
    """The streams that a question is about."""
    if question["ask"] == "gate":
        return [f"version/{question['version']}"]
    return [question[key] for key in ("of", "a", "b") if key in question]
