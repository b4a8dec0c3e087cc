"""All that is asked, met or not: what `policy explain` shows, and what the rules refuse by."""

from __future__ import annotations

import pytest

from machine import Bank, World, production
from muniment.core.rules import ancestry, chain
from muniment.core.rules.policy import DataTerms, Threshold
from muniment.core.rules.requirements import Case, Finding, evaluate
from muniment.errors import InvariantError

A, B, D = "a" * 64, "b" * 64, "d" * 64
AUC = Threshold(metric="auc", comparator="ge", threshold="0.9", dataset_role="test")
TERMS = DataTerms(licences=("MIT",), purposes=("credit",))


@pytest.fixture
def bank() -> Bank:
    """Production asks for everything that can be asked for."""
    bank = Bank(production(approvals={"approver": 1, "risk": 1}, separation=("deployer",), evaluations=(AUC,), data=TERMS))
    bank.data(licence="MIT", purposes=["credit"])
    bank.train(inputs=[{"data": D, "role": "training"}])
    return bank


def judge(bank: Bank, **changes: object) -> tuple[Finding, ...]:
    """What would be found about a start by Ada, at the time of the newest block."""
    fields = {"environment": "production", "version": A, "transition": "start", "time": bank.position.time, "deployer": ("ada",)}
    case = Case(**{**fields, **changes})
    world = World(bank)
    return evaluate(world, chain.policy_in_force(bank.replay), case, ancestry.walk(world, A))


def test_everything_that_is_asked_is_found_in_its_order(bank: Bank) -> None:
    findings = judge(bank)
    assert [(each.rule, each.met) for each in findings] == [
        ("retired", True),
        ("hold", True),
        ("withdrawn", True),
        ("rejected", True),
        ("approvals", False),
        ("approvals", False),
        ("evaluations", False),
        ("licence", True),
        ("purpose", True),
        ("unknown-ancestry", True),
    ]
    assert [each.required for each in findings if each.met] == [
        "A retired version does not run again.",
        "A version on hold is not deployed.",
        "Nothing that a deployed version was made of is withdrawn.",
        "What was rejected for production is not deployed there until the rejection is revoked.",
        "production takes what is licensed under MIT.",
        "production takes data that may be used for credit.",
        "production takes versions of which all origins are known.",
    ]
    assert not any(each.found or each.missing for each in findings if each.met)


def test_what_meets_a_requirement_is_named(bank: Bank) -> None:
    amy, rita = bank.decide("amy"), bank.decide("rita")
    measured = bank.measure("0.95")
    findings = judge(bank, approvals=(amy, rita), evaluations=(measured,))
    assert all(each.met for each in findings)
    assert [each.by for each in findings if each.by] == [
        (f"approval/{amy}",),
        (f"approval/{rita}",),
        (f"evaluation/{measured}",),
    ]


def test_a_waiver_is_named_where_it_is_needed(bank: Bank) -> None:
    waivers = (bank.waive("approvals"), bank.waive("evaluations"), bank.waive("licence"))
    findings = judge(bank, waivers=waivers)
    assert [(each.rule, each.waived) for each in findings if each.waived] == [
        ("approvals", waivers[0]),
        ("approvals", waivers[0]),
        ("evaluations", waivers[1]),
    ]
    assert all(each.holds for each in findings)


def test_what_is_found_is_what_refuses(bank: Bank) -> None:
    # The deployment stands in the next block, and nothing here depends on the second between them.
    found = tuple(each.reason() for each in judge(bank) if not each.holds)
    assert bank.deploy() == found


def test_a_version_that_nobody_registered_is_not_judged(bank: Bank) -> None:
    with pytest.raises(InvariantError):
        judge(bank, version=B)
