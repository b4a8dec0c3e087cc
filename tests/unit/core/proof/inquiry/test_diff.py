"""How two versions differ, by what their events say."""

from __future__ import annotations

from pathlib import Path

import msgspec

import family as told
from asking import ask, ask_twice, draft, fails
from family import Family
from muniment.core.format import time
from muniment.core.proof.inquiry import DiffFindings, DiffQuestion

QUESTION = DiffQuestion(a=f"version/{told.V1}", b=f"version/{told.V2}")


def test_every_kind_of_fact(family: Family) -> None:
    found = ask(family, QUESTION).result.findings
    assert isinstance(found, DiffFindings)
    assert found.names == ("credit-risk@1", "credit-risk@2")
    unset = msgspec.UNSET
    assert {(each.area, each.key): (each.a, each.b) for each in found.differences} == {
        ("registration", "derivation"): ("trained", "finetuned"),
        ("data", "bureau@1"): (unset, "training"),
        ("data", "holdout@1"): ("test", unset),
        ("data", "joined@1"): ("training", unset),
        ("parents", "credit-risk@1"): (unset, "base"),
        # The last change counts, not what the run began with.
        ("parameters", "depth"): (9, 8),
        ("code", "gitCommit"): ("f" * 40, "e" * 40),
        ("metrics", "auc in training"): ("0.91", "0.93"),
        ("metrics", "auc on test"): ("0.90", unset),
        ("approvals", f"production by ada in entry {family.at['approval']}"): ("approve, counts", unset),
        ("approvals", f"staging by ada in entry {family.at['expiring']}"): ("approve, expired", unset),
    }
    assert found.same == 3


def test_a_version_does_not_differ_from_itself(family: Family) -> None:
    found = ask(family, DiffQuestion(a=QUESTION.a, b=QUESTION.a)).result.findings
    assert isinstance(found, DiffFindings)
    assert found.differences == ()


def test_nothing_is_compared_with_what_is_not_recorded(family: Family) -> None:
    verified = ask(family, DiffQuestion(a=QUESTION.a, b=f"version/{'9' * 64}"))
    assert verified.result.statuses == ("absent",)


def tell(family: Family, area: str) -> list[tuple[str, object, object]]:
    found = ask_twice(family, QUESTION).result.findings
    assert isinstance(found, DiffFindings)
    return [(each.key, each.a, each.b) for each in found.differences if each.area == area]


def test_two_facts_that_read_alike_stay_two(tmp_path: Path) -> None:
    family, unset = Family(tmp_path / "ledger.db"), msgspec.UNSET
    of = {"version": told.V1}
    family.say("cutoff", "parameter.changed", of=of, target="threshold", path="cutoff", new="0.5")
    family.say("alike", "parameter.changed", of=of, target="hyperparameter", path="threshold cutoff", new="0.9")
    family.say("gone", "parameter.changed", of=of, target="prompt", path="rate", new=1)
    family.say("unset", "parameter.changed", of=of, target="prompt", path="rate", old=1)
    both = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    for label, conditions, value in (("two", both, "0.7"), ("one", [{"key": "a=1, b", "value": "2"}], "0.8")):
        results = [{"metric": "auc", "slice": conditions, "value": value}]
        family.say(label, "evaluation.completed", version=told.V1, results=results, datasetRole="validation")
    # In order of the target, then as each of the two slices is written.
    parameters = [("threshold cutoff", "0.9", unset), ("threshold cutoff", "0.5", unset)]
    assert [each for each in tell(family, "parameters") if "cutoff" in each[0]] == parameters
    sliced = [each for each in tell(family, "metrics") if "(" in each[0]]
    assert sliced == [("auc on validation (a=1, b=2)", "0.7", unset), ("auc on validation (a=1, b=2)", "0.8", unset)]
    assert not any("rate" in each[0] for each in tell(family, "parameters"))


def test_a_flag_is_no_number(tmp_path: Path) -> None:
    family = Family(tmp_path / "ledger.db")
    for label, version, new in (("a", told.V1, True), ("b", told.V2, 1)):
        family.say(label, "parameter.changed", of={"version": version}, target="prompt", path="flag", new=new)
    assert ("prompt flag", True, 1) in tell(family, "parameters")


def test_an_approval_hides_no_open_rejection(tmp_path: Path) -> None:
    family = Family(tmp_path / "ledger.db")
    of = {"version": told.V1, "environment": "production"}
    with family.engine.view() as view:
        soon = time.format(time.parse(view.header(view.height).time) + 5_000_000)
    rejection = family.say("rejection", "approval.decided", of=of, decision="reject", meaning="approval", expiresAt=soon)
    family.say("maybe", "approval.decided", of=of, decision="conditional", meaning="approval")
    family.say("again", "approval.decided", of=of, decision="approve", meaning="approval")
    family.life.grow(100)
    standing = {entry: value for entry, value, _ in tell(family, "approvals")}
    named = {label: standing[f"production by ada in entry {family.at[label]}"] for label in ("rejection", "maybe", "again")}
    # A rejection blocks until it is revoked, whatever it says about its time; what is conditional never counts.
    assert named == {"rejection": "reject, open", "maybe": "conditional, open", "again": "approve, counts"}
    family.say("revoked", "approval.decided", of=of, decision="revoke", revokes=rejection, meaning="approval")
    assert (f"production by ada in entry {family.at['rejection']}", "reject, revoked", msgspec.UNSET) in tell(family, "approvals")


def test_all_that_something_was_used_as_is_told(tmp_path: Path) -> None:
    family, version = Family(tmp_path / "ledger.db"), "e" * 64
    inputs = [{"data": told.RAW, "role": role} for role in ("test", "training")]
    run = family.say("run", "training.started", model="both", inputs=inputs, baseVersions=[told.V1])
    family.say("both", "model.registered", model="both", version=version, derivation="merged", run=run, parents=[told.V1])
    found = ask_twice(family, DiffQuestion(a=f"version/{version}", b=f"version/{told.V4}")).result.findings
    assert isinstance(found, DiffFindings)
    told_of = {each.key: each.a for each in found.differences if each.area in ("data", "parents")}
    assert (told_of["loans@1"], told_of["credit-risk@1"]) == ("test, training", "merged, base")


def test_an_approval_cannot_be_left_out(family: Family) -> None:
    found = draft(family, QUESTION)
    approval = f"approval/{family.ids['approval']}"
    states = tuple(each for each in found.states if each.name != approval)
    fails(family, msgspec.structs.replace(found, states=states), "state-missing")
