"""How a slice of an evaluation is named: three verifiers find the same, and the names are those of the specification."""

from __future__ import annotations

import base64
from pathlib import Path

import family as told
import scripting
from asking import ask_twice, draft
from family import Family
from muniment.core.proof import answer as answers
from muniment.core.proof import trust as trusts
from muniment.core.proof.inquiry import DiffFindings, DiffQuestion

QUESTION = DiffQuestion(a=f"version/{told.V1}", b=f"version/{told.V2}")
VALUES = {"flag": True, "off": False, "number": 7, "decimal": "0.5", "text": {"sealed": "A" * 43}}
NAME = f"auc on validation (decimal=0.5, flag=true, number=7, off=false, text=sealed:{'A' * 43})"


def test_a_slice_is_named_as_json_writes_its_values(tmp_path: Path) -> None:
    family = Family(tmp_path / "ledger.db")
    conditions = [{"key": key, "value": value} for key, value in sorted(VALUES.items())]
    results = [{"metric": "auc", "slice": conditions, "value": "0.7"}]
    family.say("sliced", "evaluation.completed", version=told.V1, results=results, datasetRole="validation")
    found = ask_twice(family, QUESTION).result.findings
    assert isinstance(found, DiffFindings)
    assert NAME in [each.key for each in found.differences]
    raw = base64.b64encode(answers.encode(draft(family, QUESTION))).decode()
    [here] = scripting.run([{"run": "answer", "raw": raw, "trust": trusts.format(family.trust)}])
    assert NAME in [each["key"] for each in here["gave"]["result"]["findings"]["differences"]]
