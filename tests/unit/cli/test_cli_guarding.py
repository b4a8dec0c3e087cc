"""The commands that stop, waive, retire and explain: withdraw, hold, waive, retire, note."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment import exits

Call = Callable[..., Any]


def test_withdraw_says_what_learned_from_it(call: Call, home: Path, loans: Path, model: Path, tmp_path: Path) -> None:
    loans_digest = call("dataset", "loans", loans, "--json").json()["digest"]
    Path("clean.csv").write_text("amount,paid\n1,1\n")
    clean = call("dataset", "clean", "clean.csv", "--json").json()["digest"]
    made = {"event": "dataset.transformed", "operation": "clean", "inputs": [loans_digest], "outputs": [clean]}
    (tmp_path / "made.json").write_text(json.dumps(made))
    assert call("record", tmp_path / "made.json").code == 0
    assert call("register", "credit-risk", model, "--data", "clean", "--derivation", "trained").code == 0
    assert call("deploy", "credit-risk@1", "production").code == 0
    answer = call("withdraw", "loans", "--cause", "consent", "--remedy", "train again")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].endswith(" is withdrawn: consent")
    assert lines[1] == "  1 version learned from it:"
    assert lines[2] == "    credit-risk@1 by way of clean@1: runs as production/credit-risk"
    assert lines[-1] == "Next: muniment deploy credit-risk@1 --environment production --transition stop"
    refused = call("deploy", "credit-risk@1", "staging")
    assert refused.code == exits.REFUSED
    assert "credit-risk@1 <- clean@1 <- loans@1" in refused.err


def test_withdraw_what_nobody_used(call: Call, home: Path, loans: Path) -> None:
    call("dataset", "loans", loans)
    value = call("withdraw", "loans@1", "--cause", "licence", "--json").json()
    assert (value["cause"], value["impact"].get("deployments", [])) == ("licence", [])
    Path("more.csv").write_text("x\n")
    call("dataset", "more", "more.csv")
    assert "no version learned from it" in call("withdraw", "more", "--cause", "defect").out
    assert call("withdraw", "more").code == exits.USAGE
    assert call("withdraw", "mroe", "--cause", "defect").code == exits.NOT_FOUND


def test_hold(call: Call, version: str) -> None:
    assert call("deploy", version, "production").code == 0
    held = call("hold", "credit-risk", "--severity", "high", "--impact", "much", "--aware-at", "2026-03-04")
    assert held.out.splitlines()[:2] == [held.out.splitlines()[0], "  runs as production/credit-risk"]
    assert held.out.splitlines()[0].endswith(" is on hold (high)")
    assert held.out.endswith("Next: muniment hold --release credit-risk@1 --outcome TEXT\n")
    assert call("deploy", version, "staging").code == exits.REFUSED
    more = call("hold", version, "--severity", "low", "--json").json()
    both = call("hold", "--release", "credit-risk@1")
    assert (both.code, "2 incidents hold" in both.err) == (exits.USAGE, True)
    first = call("hold", "--release", more["incident"], "--outcome", "nothing found")
    assert "  1 more holds it\n" in first.out
    last = call("hold", "--release", "credit-risk@1", "--json").json()
    assert (last["holds"], last["version"]) == (0, version)
    none = call("hold", "--release", "credit-risk@1")
    assert (none.code, "no-hold" in none.err) == (exits.NOT_FOUND, True)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["credit-risk"],
        ["credit-risk", "--severity", "awful"],
        ["credit-risk", "--severity", "low", "--outcome", "x"],
        ["credit-risk", "--release", "1"],
        ["--release", "1", "--severity", "low"],
    ],
)
def test_a_hold_that_says_too_little_or_too_much(call: Call, version: str, arguments: list[str]) -> None:
    assert call("hold", *arguments).code == exits.USAGE


def test_an_incident_without_a_hold(call: Call, version: str) -> None:
    told = call("incident", "credit-risk", "--severity", "low", "--impact", "stale data").out.splitlines()
    assert told[0].startswith("An incident with credit-risk@1")
    assert told[0].endswith("(low)")
    close = told[-1].removeprefix("Next: muniment ").replace("TEXT", "repaired").split()
    assert call("deploy", version, "production").code == 0
    closed = call(*close)
    assert closed.out.startswith("An incident with credit-risk@1")
    assert closed.out.splitlines()[0].endswith(" is closed")
    assert call(*close).code == exits.REFUSED
    value = call("incident", version, "--severity", "high", "--json").json()
    call("hold", version, "--severity", "low")
    assert "  1 more holds it\n" in call("incident", "--close", value["incident"]).out
    answer = call("incident", "--close", version)
    assert (answer.code, answer.out.splitlines()[0].endswith("is closed")) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["credit-risk"],
        ["credit-risk", "--severity", "low", "--outcome", "x"],
        ["credit-risk", "--close", "1"],
        ["--close", "1", "--severity", "low"],
    ],
)
def test_an_incident_that_says_too_little_or_too_much(call: Call, arguments: list[str]) -> None:
    """Outside of a ledger too: what is wrong with a command is said before anything is looked for."""
    assert call("incident", *arguments).code == exits.USAGE


@pytest.mark.parametrize(
    "arguments",
    [
        ["approve"],
        ["approve", "m@1"],
        ["approve", "m@1", "production", "--reject", "--conditional"],
        ["evaluate", "m@1", "--metric", "auc"],
        ["hold", "m@1"],
        ["hold", "m@1", "--release", "1"],
        ["keys", "roles", "bob"],
        ["keys", "roles", "bob", "--none", "--role", "owner"],
        ["waive", "hold", "m@1", "production"],
        ["withdraw", "loans"],
    ],
)
def test_usage_is_looked_at_before_the_ledger(call: Call, arguments: list[str]) -> None:
    answer = call(*arguments)
    assert (answer.code, answer.out) == (exits.USAGE, "")
    assert len(answer.err.splitlines()) == 2


def test_waive(call: Call, version: str) -> None:
    call("hold", version, "--severity", "low")
    answer = call("waive", "hold", "credit-risk@1", "production", "--for", "4h", "--measures", "two watch it")
    assert answer.code == 0
    assert answer.out.startswith("hold is waived for credit-risk@1 · ")
    assert "  until 2" in answer.out
    deployed = call("deploy", "credit-risk@1", "production")
    assert "  cites no approvals, no evaluations and 1 waiver\n" in deployed.out
    # Exactly its scope.
    assert call("deploy", "credit-risk@1", "staging").code == exits.REFUSED
    value = call("waive", "gate", version, "--environment", "staging", "--until", "2096-01-01", "--json").json()
    assert (value["rule"], value["expiresAt"]) == ("gate", "2096-01-01T00:00:00.000000Z")
    for arguments in ([], ["--for", "4h", "--until", "2096-01-01"], ["--for", "soon"], ["--until", "soon"]):
        assert call("waive", "hold", version, "production", *arguments).code == exits.USAGE
    assert call("waive", "hold", version).code == exits.USAGE
    for rule, said in (("amendment", "These can: approvals"), ("holds", "Did you mean 'hold'?")):
        answer = call("waive", rule, version, "production", "--for", "4h")
        assert (answer.code, said in answer.err) == (exits.USAGE, True)
    assert call("waive", "hold", version, "production", "--until", "2020-01-01").code == exits.REFUSED


def test_retire(call: Call, version: str, model: Path) -> None:
    (model / "weights.bin").write_bytes(b"more")
    call("register", "credit-risk", model)
    call("deploy", "credit-risk@1", "production")
    running = call("retire", "credit-risk@1", "--cause", "superseded")
    assert (running.code, "refused-running" in running.err) == (exits.REFUSED, True)
    call("deploy", "credit-risk@1", "production", "--transition", "stop")
    answer = call("retire", "credit-risk@1", "--cause", "superseded", "--replacement", "credit-risk@2")
    assert answer.out.splitlines()[0].endswith(" is retired: superseded")
    assert "  replaced by credit-risk@2 · " in answer.out
    assert call("deploy", "credit-risk@1", "production").code == exits.REFUSED
    assert call("retire", "credit-risk@1", "--cause", "superseded").code == exits.REFUSED
    assert call("retire", "credit-risk@2").code == exits.USAGE


def test_note(call: Call, version: str) -> None:
    answer = call("note", "credit-risk", "watch this one")
    assert answer.out.splitlines()[0] == "A note on credit-risk"
    assert call("note", "credit-risk@1", "read", "--json").json()["about"] == f"version/{version}"
    assert call("log", "model/credit-risk").out.count("note.added") == 1
    assert call("note", "nothing", "read").code == exits.NOT_FOUND
    assert call("note", "credit-risk").code == exits.USAGE
