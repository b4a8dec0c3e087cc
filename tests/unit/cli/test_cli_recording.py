"""The commands that record what happens to a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from muniment import exits
from muniment.client import opening
from muniment.core.rules.policy import Verdict
from muniment.errors import Unavailable
from muniment.ledger.embedded import Embedded

Call = Callable[..., Any]


def state(stream: str) -> dict[str, Any]:
    """What the ledger says about a stream."""
    with opening.open() as ledger, ledger.view() as view:
        return json.loads(view.record(stream) or b"{}")["state"]


def test_dataset(call: Call, home: Path, loans: Path) -> None:
    answer = call("dataset", "loans", loans, "--licence", "MIT", "--purpose", "b", "--purpose", "a", "--personal-data", "no")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0].startswith("loans@1 · ")
    assert lines[1:] == [
        "  1 file, 18 bytes",
        "  dataset.registered recorded: entry 1, block 1, receipt verified",
        "",
        "Next: muniment train MODEL --input training=loans@1 --output FOLDER -- COMMAND",
    ]
    value = call("dataset", "loans", loans, "--json").json()
    assert (value["name"], value["number"], value["files"], value["bytes"]) == ("loans", 1, 1, 18)
    assert (value["recorded"]["index"], value["recorded"]["again"]) == (1, True)
    assert value["recorded"]["receipt"].startswith("c2sp.org/tlog-proof@v1\nindex 1\n")
    kept = state(f"data/{value['digest']}")
    assert (kept["licence"], kept["purposes"], kept["personalData"]) == ("MIT", ["a", "b"], "no")
    assert "was recorded before" in call("dataset", "loans", loans).out


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["loans", "nowhere.csv"], exits.NOT_FOUND, "missing"),
        (["the loans", "loans.csv"], exits.USAGE, "schema"),
        (["loans", "loans.csv", "--personal-data", "maybe"], exits.USAGE, "usage"),
        (["loans", "loans.csv", "--rows", "-1"], exits.USAGE, "usage"),
    ],
)
def test_a_data_set_that_cannot_be(call: Call, home: Path, loans: Path, arguments: list[str], code: int, error: str) -> None:
    answer = call("dataset", *arguments, "--json")
    assert (answer.code, answer.json()["error"]["code"]) == (code, error)


def test_the_same_bytes_under_another_name(call: Call, home: Path, loans: Path) -> None:
    call("dataset", "loans", loans)
    answer = call("dataset", "mortgages", loans)
    assert answer.code == exits.FAILURE
    assert "These bytes are loans@1." in answer.err
    assert answer.err.count("Use loans@1.") == 1


@pytest.mark.parametrize(("comparator", "told"), [("ge", "at least"), (">=", "at least"), ("<", "less than"), ("==", "exactly")])
def test_plan(call: Call, home: Path, comparator: str, told: str) -> None:
    answer = call("plan", "credit-risk", "auc", comparator, "-0.50", "--reason", "agreed")
    assert answer.code == 0
    assert answer.out.startswith(f"credit-risk must reach auc {told} -0.50\n  plan ")
    plan = call("plan", "credit-risk", "auc", comparator, "0.9", "--json").json()
    assert state(f"plan/{plan['id']}")["threshold"] == "0.9"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["auc", "0.9"], "in quotes"),
        (["auc", "~", "0.9"], "no comparator"),
        (["auc", "ge", "high"], "THRESHOLD is a number"),
        (["auc", "ge", "0.9", "--nope"], "--nope"),
    ],
)
def test_a_plan_that_a_shell_took_apart(call: Call, home: Path, arguments: list[str], said: str) -> None:
    answer = call("plan", "credit-risk", *arguments)
    assert answer.code == exits.USAGE
    assert said in answer.err


def test_register(call: Call, home: Path, model: Path, loans: Path) -> None:
    call("dataset", "loans", loans)
    answer = call("register", "credit-risk", model, "--derivation", "trained", "--data", "loans", "--licence", "MIT")
    assert answer.code == 0
    assert answer.out.startswith("credit-risk@1 · ")
    assert answer.out.endswith("Next: muniment evaluate credit-risk@1 --metric NAME=VALUE\n")
    (model / "weights.bin").write_bytes(b"more")
    value = call("register", "credit-risk", model, "--parent", "credit-risk@1", "--json").json()
    assert value["number"] == 2
    assert call("register", "credit-risk", model, "--run", "7").code == exits.NOT_FOUND


def test_evaluate(call: Call, version: str, loans: Path) -> None:
    call("dataset", "loans", loans)
    measured = call(
        "evaluate", "credit-risk@1", "--metric", "auc=0.907", "--metric", "loss=.25", "--data", "loans", "--role", "test"
    )
    assert measured.code == 0
    assert "  auc 0.907\n  loss 0.25\n  evaluation.completed recorded" in measured.out
    assert "plan" not in measured.out
    plan = call("plan", "credit-risk", "auc", "ge", "0.9", "--json").json()
    met = call("evaluate", "credit-risk@1", "--metric", "auc=0.907")
    assert f"plan met: auc at least 0.9, planned in entry {plan['recorded']['index']}" in met.out
    missed = call("evaluate", "credit-risk@1", "--metric", "auc=0.8", "--plan", plan["id"], "--json").json()
    assert (missed["passed"], missed["plan"], missed["version"]) == (False, plan["id"], version)
    assert "plan not met" in call("evaluate", "credit-risk@1", "--metric", "auc=nan", "--plan", str(plan["recorded"]["index"])).out
    alone = call("evaluate", "credit-risk@1", "--metric", "auc=0.8", "--no-plan", "--json").json()
    assert (alone["passed"], alone["plan"]) == (None, None)
    assert call("evaluate", "credit-risk@1", "--metric", "auc=0.8", "--plan", "1").code == exits.NOT_FOUND
    assert call("evaluate", "credit-risk@1").code == exits.USAGE


def test_approve(call: Call, version: str) -> None:
    answer = call("approve", "credit-risk@1", "--environment", "production", "--reason", "fine", "--expires-at", "2027-01-01")
    assert answer.code == 0
    assert " is approved for production by alice\n" in answer.out
    assert answer.out.endswith("Next: muniment deploy credit-risk@1 --environment production\n")
    value = call("approve", version, "--environment", "production", "--reject", "--json").json()
    assert (value["decision"], value["version"]) == ("reject", version)
    rejected = state(f"approval/{value['recorded']['eventId']}")
    assert (rejected["decision"], rejected["persons"]) == ("reject", ["alice"])
    conditional = call("approve", version[:8], "--environment", "production", "--conditional", "--conditions", "watch it")
    assert "approved under conditions" in conditional.out
    assert "Next:" not in conditional.out
    mistakes = (["--reject", "--conditional"], ["--conditions", "watch it"], ["--revoke", "1"], ["--member", "x"], ["--terms", "x"])
    for arguments in mistakes:
        assert call("approve", version, "--environment", "production", *arguments).code == exits.USAGE
    assert call("approve", version, "--environment", "production", "--expires-at", "tomorrow").code == exits.USAGE
    unknown = call("approve", "credit-rsk", "--environment", "production")
    assert (unknown.code, "Did you mean credit-risk?" in unknown.err) == (exits.NOT_FOUND, True)


def test_what_is_decided_about(call: Call, version: str) -> None:
    for arguments in ([], ["credit-risk@1"], ["--reject"], ["--member", "acme"], ["--revoke", "1", "--reject"]):
        assert call("approve", *arguments).code == exits.USAGE
    protocol = call("approve", "--protocol", "2")
    assert protocol.out.startswith("Protocol 2 is approved by alice\n")
    member = call("approve", "--member", "acme", "--terms", "1" * 64, "--meaning", "review", "--json").json()
    assert (member["member"], member["decision"]) == ("acme", "approve")


def test_a_decision_is_taken_back(call: Call, version: str) -> None:
    rejected = call("approve", "credit-risk@1", "production", "--reject", "--json").json()["recorded"]
    refused = call("deploy", "credit-risk@1", "production")
    assert refused.code == exits.REFUSED
    assert refused.err.startswith("Refused [refused-rejected]")
    answer = call("approve", "--revoke", str(rejected["index"]), "--reason", "a mistake")
    assert answer.out.startswith(f"The decision of entry {rejected['index']} is taken back by alice\n")
    assert call("approve", "--revoke", rejected["eventId"]).code == exits.REFUSED
    assert call("approve", "--revoke", "1").code == exits.NOT_FOUND
    assert call("deploy", "credit-risk@1", "production").code == 0


def test_an_environment_that_the_policy_does_not_name_is_refused(call: Call, version: str) -> None:
    answer = call("approve", version, "prodution")
    assert answer.code == exits.REFUSED
    assert answer.err.startswith("Refused [refused-environment]")
    assert "production" in answer.err


def test_deploy(call: Call, version: str, model: Path) -> None:
    dry = call("deploy", "credit-risk@1", "--environment", "production", "--dry-run")
    assert (dry.code, dry.out) == (
        0,
        "deployment.changed would be admitted, as the ledger stands (3 entries). Nothing was recorded.\n",
    )
    call("approve", "credit-risk@1", "--environment", "production")
    answer = call("deploy", "credit-risk@1", "--environment", "production", "--traffic-share", "0.5", "--region", "eu-west")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].startswith("production/credit-risk now runs: credit-risk@1 · ")
    assert lines[1] == "  cites 1 approval and no evaluations"
    (model / "weights.bin").write_bytes(b"more")
    call("register", "credit-risk", model)
    value = call("deploy", "credit-risk", "--environment", "production", "--json").json()
    assert (value["replaces"], value["transition"], value["approvals"]) == (version, "promote", [])
    back = call("rollback", "production/credit-risk", "--reason", "drift")
    assert back.out.startswith("production/credit-risk runs again: credit-risk@1 · ")
    assert "replaces credit-risk@2 · " in back.out
    assert call("rollback", "production/credit-risk", "--to", "credit-risk@2", "--json").json()["transition"] == "rollback"
    stopped = call("deploy", "credit-risk@2", "--environment", "production", "--transition", "stop")
    assert stopped.out.startswith("production/credit-risk was stopped: credit-risk@2 · ")
    assert "cites" not in stopped.out


def test_a_deployment_that_is_refused(call: Call, home: Path) -> None:
    for arguments in ([], ["--dry-run"]):
        answer = call("deploy", "0" * 64, "--environment", "production", "--name", "credit-risk", *arguments)
        assert answer.code == exits.REFUSED
        assert "muniment register" in answer.out + answer.err
    error = call("deploy", "0" * 64, "--environment", "production", "--json").json()["error"]
    assert error["code"] == "refused-unknown"
    assert error["details"]["reasons"][0]["rule"] == "unknown"
    assert call("log", "--json").json() == {"events": []}


@pytest.mark.parametrize(
    ("place", "code"),
    [("credit-risk", exits.USAGE), ("production/x", exits.NOT_FOUND), ("production/credit-risk", exits.NOT_FOUND)],
)
def test_a_rollback_to_nothing(call: Call, version: str, place: str, code: int) -> None:
    call("deploy", version, "--environment", "production")
    assert call("rollback", place).code == code


def test_record(call: Call, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"event": "note.added", "about": ["actor/alice"], "text": "Reviewed."}))
    assert (
        call("record", path, "--dry-run").out
        == "note.added would be admitted, as the ledger stands (1 entry). Nothing was recorded.\n"
    )
    answer = call("record", path)
    assert answer.code == 0
    assert "note.added recorded: entry 1, block 1, receipt verified" in answer.out
    assert call("record", path, "--json").json()["index"] == 3
    assert call("record", path, "--event", "model.retired").code == exits.USAGE
    path.write_text(json.dumps({"about": ["actor/alice"], "text": "Reviewed."}))
    assert call("record", path, "--event", "note.added").code == 0
    assert "no event is named" in call("record", path).err


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": NaN}', '{"event": 7}', "[" * 5_000, '{"event": "note.added"}', "\ud800"])
def test_a_file_that_is_no_event(call: Call, home: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    answer = call("record", path)
    assert answer.code == exits.USAGE
    assert "Traceback" not in answer.err


def test_record_lists_the_vocabulary(call: Call) -> None:
    answer = call("record", "--list")
    assert answer.code == 0
    assert "model.registered" in answer.out
    assert "A version of a model is registered" in answer.out
    assert call("record", "--list", "--json").json()["events"]["note.added"]


def test_log(call: Call, version: str, loans: Path) -> None:
    call("dataset", "loans", loans)
    call("approve", version, "--environment", "production")
    lines = call("log").out.splitlines()
    assert lines[0].split() == ["entry", "sealed", "(ledger's", "clock)", "event", "about", "by"]
    assert [line.split()[4] for line in lines[1:]] == ["approval.decided", "dataset.registered", "model.registered"]
    assert len(call("log", "--limit", "1").out.splitlines()) == 2
    assert "dataset.registered" not in call("log", "credit-risk@1").out
    rows = call("log", "--event", "dataset.registered", "--json").json()["events"]
    assert [row["thing"] for row in rows] == ["loans@1"]
    assert call("log", "nothing-like-it").code == exits.NOT_FOUND
    assert call("log", "--pending").out == "Nothing waits, nothing was rejected.\n"


def test_what_waits_and_what_was_refused(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Embedded, entries: Sequence[bytes]) -> list[Verdict]:
        raise Unavailable("the disk is full", code="full")

    with monkeypatch.context() as patch:
        patch.setattr(Embedded, "append", refuse)
        assert call("train", "m", "--input", f"training={'0' * 64}", "--", "true").code == 0
        listed = call("log", "--pending")
    assert listed.err == "2 of your events wait to be sent: see `muniment log --pending`.\n"
    assert [line.split()[0] for line in listed.out.splitlines()] == ["waiting", "waiting"]
    # Whatever opens the ledger next delivers them.
    said = call("log", "--pending")
    assert said.err == "2 were refused by the ledger: see `muniment log --pending`.\n"
    assert "The data set 00000000… is not recorded." in said.out
    rejected = call("log", "--pending", "--json").json()["rejected"]
    assert [each["refusal"]["code"] for each in rejected] == ["refused-unknown", "refused-unknown"]


def test_who_acts(call: Call, home: Path, loans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("keys", "request", "--actor", "bob").code == 0
    unclear = call("dataset", "loans", loans)
    assert (unclear.code, "alice, bob" in unclear.err) == (exits.USAGE, True)
    refused = call("dataset", "loans", loans, "--actor", "bob")
    assert (refused.code, "belongs to nobody here" in refused.err) == (exits.REFUSED, True)
    monkeypatch.setenv("MUNIMENT_ACTOR", "alice")
    assert call("dataset", "loans", loans).code == 0
    missing = call("dataset", "loans", loans, "--actor", "alcie")
    assert (missing.code, "Did you mean alice?" in missing.err) == (exits.NOT_FOUND, True)
