"""No deployment is admitted whose requirements a naive re-check over the full history refuses, and none refused that it admits.

The oracle (`tests/oracle`) decides every event of random stories anew from all that was admitted before; the machine from
its records. They must agree on every one: admitted, repeated, or refused by the same set of rules.
"""

from __future__ import annotations

from collections import Counter

import pytest

from muniment.core.rules.requirements import WAIVABLE
from oracle import policy_at, requirements
from oracle.deployments import JUDGED
from oracle.history import Json
from oracle.people import environment_of
from oracle.town import Judged, Town, play, shrink

BLOCKS = 60
DEPLOYMENT_RULES = frozenset(WAIVABLE) - {"gate"}


@pytest.mark.parametrize("start", range(4))
def test_machine_and_oracle_agree(start: int, long: bool) -> None:
    for seed in range(start, 800 if long else 24, 4):
        town = Town(seed)
        for _ in range(BLOCKS):
            if not all(each.agrees() for each in play(town)):
                pytest.fail(f"story {seed}:\n{shrink(town.founding, town.chronicle.told)}")


def test_every_rule_is_seen_to_refuse_to_be_met_and_to_be_waived() -> None:
    """Fixed stories, so that this says something about the ones above: they come from the same place."""
    seen = {outcome: Counter[str]() for outcome in ("refused", "met", "waived")}
    decisions, amendments, returned = Counter[str](), Counter[str](), 0
    for seed in range(1000, 1080):
        town = Town(seed)
        for each in (each for _ in range(BLOCKS) for each in play(town)):
            if each.entry.name == "policy.amended":
                amendments[each.verdict.decision] += 1
            if each.entry.name != "deployment.changed" or each.entry.event["transition"] not in JUDGED:
                continue
            decisions[each.verdict.decision] += 1
            seen["refused"].update(each.foreseen & DEPLOYMENT_RULES)
            if each.verdict.decision == "admitted":
                asked, bare = asked_of(each), requirements(each.history, each.entry, waive=False)
                seen["waived"].update(bare)
                seen["met"].update(asked - bare)
                returned += is_return(each)
        missing = {outcome: sorted(DEPLOYMENT_RULES - set(rules)) for outcome, rules in seen.items()}
        if returned and not any(missing.values()) and set(amendments) == {"admitted", "refused"}:
            break
    else:
        pytest.fail(f"never seen: {missing}; rollbacks admitted as such: {returned}; amendments: {amendments}")
    assert min(decisions["admitted"], decisions["refused"]) > decisions.total() / 4


def asked_of(judged: Judged) -> set[str]:
    """The rules that were asked of a deployment at all."""
    rules = {"retired", "hold", "withdrawn"}
    asked: Json | None = environment_of(policy_at(judged.history, judged.entry.height), judged.entry.event["environment"])
    if asked is None:
        return rules
    terms = asked.get("data", {})
    rules |= {"rejected"} | ({"approvals"} & set(asked)) | ({"evaluations"} & set(asked))
    rules |= {"separation"} if {"approvals", "separation"} <= set(asked) else set()
    rules |= {rule for rule, key in (("licence", "licences"), ("purpose", "purposes")) if key in terms}
    return rules | ({"unknown-ancestry"} if "data" in asked and not terms.get("allowUnknownAncestry") else set())


def is_return(judged: Judged) -> bool:
    """Was a rollback admitted that would have been refused as a promotion?"""
    entry = judged.entry
    promotion = entry._replace(event={**entry.event, "transition": "promote"})
    return entry.event["transition"] == "rollback" and bool(requirements(judged.history, promotion))
