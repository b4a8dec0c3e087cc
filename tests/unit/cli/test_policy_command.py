"""`muniment policy` and `muniment init --policy`"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment import exits
from muniment.client import policy_file
from muniment.core.rules import policy as policies
from muniment.core.rules import policy_text

Call = Callable[..., Any]

TEAM = policies.identify(policy_file.load("team").policy)


@pytest.fixture
def team(call: Call) -> Path:
    """A ledger under the ready policy `team`: alice founded it; bob and carol are approvers."""
    assert call("init", "--origin", "example.com/credit", "--actor", "alice", "--policy", "team").code == 0
    for person in ("bob", "carol"):
        line = call("keys", "request", "--actor", person).out.strip()
        assert call("keys", "admit", line, "--role", "approver", "--actor", "alice").code == 0
    return Path(".muniment").resolve()


@pytest.fixture
def lower() -> str:
    Path("next.toml").write_text(policy_file.read("team").replace("auc >= 0.80", "auc >= 0.70"))
    return "next.toml"


def test_init_says_what_the_founder_may_do_and_who_is_needed(call: Call) -> None:
    answer = call("init", "--origin", "example.com/credit", "--actor", "alice", "--policy", "team")
    assert (answer.code, answer.err) == (0, "")
    assert "alice, as admin, deployer and trainer" in answer.out
    assert f"team · {TEAM[:4]}…{TEAM[-4:]}" in answer.out
    assert "for production: 2 as approver\n" in answer.out
    assert "muniment keys request --origin example.com/credit --actor NAME\n" in answer.out
    assert answer.out.endswith("Next: muniment dataset NAME PATH\n")
    assert call("dataset", "loans", policy_write("loans.csv", "1")).code == 0


def test_init_under_stricter_rules(call: Call) -> None:
    answer = call("init", "--actor", "alice", "--policy", "regulated")
    assert "for production: 2 as approver, 1 as risk, 1 as trainer, 1 as evaluator and 1 as deployer\n" in answer.out
    assert answer.out.endswith("Next: muniment keys admit LINE --role ROLE\n")


def test_init_with_a_file_of_ones_own(call: Call) -> None:
    text = policy_file.read("team").replace("approver = 2", "approver = 3")
    value = call("init", "--policy", policy_write("policy.toml", text), "--json").json()
    assert value["policy"] == policies.identify(policy_text.parse(text)) != TEAM
    assert (value["roles"], value["enrol"][0]) == (["admin", "deployer", "trainer"], "for production: 3 as approver")
    assert call("policy", "show", "--json").json()["digest"] == value["policy"]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (('"dataset.assessed"', '"dataset.asessed"'), "bad-policy-file", "Did you mean dataset.assessed?"),
        (('founder = ["admin", "deployer", "trainer"]\n', ""), "no-founder", 'founder = ["admin"]'),
        (('node = ["attempt', 'machine = ["attempt'), "no-service-role", "node = ["),
    ],
)
def test_init_with_a_file_that_does_not_do(call: Call, change: tuple[str, str], code: str, said: str) -> None:
    path = policy_write("policy.toml", policy_file.read("team").replace(*change))
    answer = call("init", "--policy", path, "--json")
    assert (answer.code, answer.json()["error"]["code"]) == (exits.USAGE, code)
    assert said in answer.json()["error"]["hint"]
    assert not Path(".muniment").exists()


def test_init_without_such_a_policy(call: Call) -> None:
    answer = call("init", "--policy", "taem")
    assert (answer.code, "Did you mean team?" in answer.err) == (exits.NOT_FOUND, True)


def test_show(call: Call, home: Path) -> None:
    answer = call("policy", "show")
    assert answer.out.startswith("The policy in force · ")
    assert "  from      the genesis of this ledger\n" in answer.out
    assert "owner may write everything.\n" in answer.out
    assert "To consider\nThe policy can be changed by one person alone" in answer.out
    value = call("policy", "show", "--json").json()
    assert (value["index"], value["approvals"]) == (0, [])
    assert value["policy"]["roles"][0] == {"name": "approver", "may": ["approval.decided", "note.added"]}
    text = call("policy", "show", "--toml").out
    assert policies.identify(policy_text.parse(text)) == value["digest"]


def test_show_a_file_without_a_ledger(call: Call) -> None:
    assert call("policy", "show", "team", "--toml").out == policy_file.read("team")
    answer = call("policy", "show", "team")
    assert answer.out.startswith(f"The policy in team\n  digest  {TEAM}\n")
    assert call("policy", "show", "team", "--json").json()["founder"] == ["admin", "deployer", "trainer"]
    path = policy_write("policy.toml", policy_file.read("team"))
    written = call("policy", "show", path, "--toml").out
    assert policy_text.parse_file(written) == policy_file.load("team")


def test_check(call: Call) -> None:
    answer = call("policy", "check", "team")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("No mistakes in team. It says:\n\nproduction asks for the approval of 2 persons as approver")
    assert f"Digest: {TEAM}\n" in answer.out
    value = call("policy", "check", "team", "--json").json()
    assert (value["digest"], value["doubts"]) == (TEAM, ["One person alone could give all approvals of staging."])


def test_check_tells_every_mistake(call: Call) -> None:
    text = policy_file.read("team").replace("approver = 2", "aprover = 2").replace("days = 90", "days = 0")
    lines = [at for at, line in enumerate(text.splitlines(), 1) if "aprover = 2" in line or "days = 0" in line]
    path = policy_write("policy.toml", text)
    answer = call("policy", "check", path)
    assert (answer.code, answer.out) == (exits.USAGE, "")
    assert answer.err.startswith(f"3 mistakes in {path}:\n  line {lines[0]}: the role 'aprover' is used here and not defined\n")
    error = call("policy", "check", path, "--json").json()["error"]
    assert (error["code"], error["details"]["line"], len(error["details"]["mistakes"])) == ("bad-policy-file", lines[0], 3)
    assert f"{path}, line {lines[0]}: " in error["message"]
    assert call("policy", "check", "nothing.toml").code == exits.NOT_FOUND


def test_diff(call: Call, team: Path, lower: str) -> None:
    answer = call("policy", "diff", lower, "--actor", "alice")
    assert answer.out == (
        "From the policy in force to next.toml:\n  looser     production asks for auc at least 0.70 on test data, not 0.80.\n"
    )
    assert "stricter" in call("policy", "diff", lower, "team").out
    assert call("policy", "diff", "team").out == "team says the same as the policy in force.\n"
    value = call("policy", "diff", "team", lower, "--json").json()
    assert (value["old"], value["changes"][0]["effect"]) == (TEAM, "looser")
    assert call("policy", "diff", "team", "solo", "regulated").code == exits.USAGE


def test_an_amendment_from_beginning_to_end(call: Call, team: Path, lower: str) -> None:
    proposed = call("policy", "propose", lower, "--actor", "alice")
    assert "Approved by 0 of 2 as approver; 2 missing\n  who may: bob, carol\n" in proposed.out
    assert f"Next, by those who approve it: muniment policy approve {lower}\n" in proposed.out
    refused = call("policy", "amend", lower, "--actor", "alice")
    assert (refused.code, "muniment policy approve" in refused.err) == (exits.REFUSED, True)
    dry = call("policy", "approve", lower, "--actor", "bob", "--dry-run")
    assert (dry.code, "Nothing was recorded" in dry.out) == (0, True)
    digest = call("policy", "propose", lower, "--actor", "alice", "--json").json()["digest"]
    by_file = call("policy", "approve", lower, "--actor", "bob", "--reason", "no model reaches more")
    assert by_file.code == 0
    assert "looser     production asks for auc at least 0.70" in by_file.out
    assert by_file.out.endswith("\nNext: muniment policy propose next.toml, which says who is still missing\n")
    assert (
        "Approved by 1 of 2 as approver: bob; 1 missing\n  who may: carol\n"
        in call("policy", "propose", lower, "--actor", "bob").out
    )
    assert call("policy", "approve", digest, "--actor", "carol").code == 0
    assert "muniment policy amend next.toml" in call("policy", "propose", lower, "--actor", "bob").out
    assert call("policy", "amend", lower, "--actor", "bob").code == exits.REFUSED
    done = call("policy", "amend", lower, "--actor", "alice")
    assert done.out.startswith(
        f"The policy {digest[:4]}…{digest[-4:]} is in force\n  in the place of {TEAM[:4]}…{TEAM[-4:]} (entry 0)\n"
    )
    told = call("policy", "history", "--actor", "alice").out
    assert "alice, approved by bob (entry 5) and carol (entry 7)" in told
    assert [each["digest"] for each in call("policy", "history", "--actor", "alice", "--json").json()["policies"]] == [TEAM, digest]
    assert "there is nothing to change" in call("policy", "propose", lower, "--actor", "alice").out


def test_an_amendment_that_would_lock_everybody_out(call: Call, home: Path) -> None:
    assert "nobody who is enrolled could enrol anybody any more" in call("policy", "propose", "team").out
    answer = call("policy", "amend", "team", "--json")
    assert (answer.code, answer.json()["error"]["code"]) == (exits.USAGE, "locked-out")


def test_explain(call: Call, team: Path, model: Path, loans: Path) -> None:
    assert call("dataset", "loans", loans, "--actor", "alice").code == 0
    assert call("register", "credit-risk", model, "--data", "loans", "--actor", "alice").code == 0
    answer = call("policy", "explain", "production/credit-risk@1", "--actor", "alice")
    assert answer.code == exits.REFUSED
    assert answer.out.startswith(
        "credit-risk@1 in production: 2 of 7 requirements are not met\n  Judged as if alice deployed it now"
    )
    assert answer.out.count("  missing  ") == 2
    assert "muniment approve credit-risk@1" in answer.out
    for person in ("bob", "carol"):
        assert call("approve", "credit-risk@1", "--environment", "production", "--actor", person).code == 0
    assert call("evaluate", "credit-risk@1", "--metric", "auc=0.9", "--role", "test", "--actor", "alice").code == 0
    met = call("policy", "explain", "production/credit-risk", "--actor", "alice")
    assert met.code == 0
    assert met.out.startswith("credit-risk@1 in production: nothing is missing\n")
    assert "bob (entry " in met.out
    open_ended = call("policy", "explain", "production/credit-risk", "--actor", "bob")
    assert (open_ended.code, "Who deploys is left open" in open_ended.out) == (0, True)
    value = json.loads(call("policy", "explain", "production/credit-risk", "--actor", "bob", "--deployer", "bob", "--json").out)
    assert (value["admitted"], value["deployer"]) == (False, "bob")
    assert [each["rule"] for each in value["findings"] if not each["met"]] == ["role", "separation"]


@pytest.mark.parametrize("place", ["production", "/credit-risk", "production/"])
def test_explain_needs_a_place_and_a_version(call: Call, home: Path, place: str) -> None:
    answer = call("policy", "explain", place)
    assert (answer.code, "production/credit-risk@7" in answer.err) == (exits.USAGE, True)


def test_a_near_miss(call: Call) -> None:
    answer = call("policy", "expalin")
    assert (answer.code, "Did you mean 'explain'?" in answer.err) == (exits.USAGE, True)


def policy_write(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


def test_what_comes_next_is_said_to_who_can_do_it(call: Call, team: Path, lower: str, model: Path) -> None:
    first = call("policy", "approve", lower, "--actor", "bob")
    assert first.out.endswith(f"Next: muniment policy propose {lower}, which says who is still missing\n")
    assert call("policy", "approve", lower, "--actor", "carol").out.endswith(f"Next: muniment policy amend {lower}\n")
    call("register", "credit-risk", model, "--actor", "alice")
    told = call("evaluate", "credit-risk@1", "--metric", "auc=0.9", "--actor", "alice").out
    assert "  production asks for auc on test data: this does not count there; say so with --role test\n" in told
    told = call("evaluate", "credit-risk@1", "--metric", "auc=0.9", "--role", "validation", "--actor", "alice").out
    assert "  production asks for auc on test data: this does not count there\n" in told
    assert "does not count" not in call("evaluate", "credit-risk", "--metric", "auc=0.9", "--role", "test", "--actor", "alice").out
    # Roles that are given take the place of those that somebody has.
    asked = call("policy", "explain", "production/credit-risk@1", "--deployer", "bob")
    assert "`muniment keys roles bob --role approver --role deployer`" in asked.out
    offered = call("hand-off", "offer", "credit-risk", "--to", "bob", "--actor", "alice")
    assert "  bob may not accept it yet: that is for trainer, and bob holds approver\n" in offered.out


def test_a_withdrawn_origin_is_told_by_its_name(call: Call, team: Path, model: Path) -> None:
    call("dataset", "loans", policy_write("loans.csv", "1"), "--actor", "alice")
    call("register", "credit-risk", model, "--data", "loans@1", "--actor", "alice")
    call("withdraw", "loans", "--cause", "consent", "--actor", "alice")
    said = "loans@1 was withdrawn (entry 9): credit-risk@1 <- loans@1."
    approved = call("approve", "credit-risk@1", "staging", "--actor", "bob")
    assert f"  still missing for staging: {said}\n" in approved.out
    refused = call("deploy", "credit-risk@1", "staging", "--actor", "alice")
    assert f"    found    {said}\n" in refused.err
    assert "data/" not in refused.err
