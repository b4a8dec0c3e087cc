"""muniment show"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import credit
from muniment import exits
from muniment.client import home as homes
from muniment.client import opening, policy_file

Call = Callable[..., Any]


@pytest.fixture
def lived(home: Path) -> credit.Lived:
    with opening.open() as ledger:
        return credit.live(ledger, Path())


def facts(out: str) -> dict[str, str]:
    """The labelled lines."""
    lines = [line.strip().split("  ", 1) for line in out.splitlines()[1:] if line.startswith("  ")]
    return {line[0]: line[1].strip() for line in lines}


def test_a_version(call: Call, lived: credit.Lived) -> None:
    out = call("show", "credit-risk@1").out
    assert out.startswith("credit-risk@1 · ")
    told = facts(out)
    assert told["model.registered"].startswith("by alice, entry 3, sealed 20")
    assert told["data"].startswith("loans@1 · ")
    assert told["files"].startswith("3 with ")
    assert told["evaluated"] == "auc 0.907: measured without a plan; by alice, entry 5"
    assert told["decided"] == "approve for production by alice, entry 7"
    assert "model" not in told
    assert out.endswith("Next: muniment prove credit-risk@1 --out proof.json\n")


def test_a_version_with_everything_that_can_happen_to_it(call: Call, lived: credit.Lived) -> None:
    with opening.open() as ledger:
        plan = ledger.plan("credit-risk", "auc", "ge", 0.95)
        ledger.evaluate("credit-risk@2", {"auc": 0.93}, plan=plan)
        of = {"version": lived.first.digest, "environment": "production"}
        ledger.record(
            "approval.decided", {"of": of, "decision": "revoke", "revokes": lived.approved.event_id, "meaning": "approval"}
        )
    told = facts(call("show", "credit-risk@2").out)
    assert told["evaluated"].startswith("auc 0.93: FAILED its plan")
    assert told["deployment"] == "production/credit-risk: running since entry 13"
    assert facts(call("show", "credit-risk@1").out)["decided"].endswith("revoked by entry 19")


def test_other_things(call: Call, lived: credit.Lived) -> None:
    assert facts(call("show", credit.PLACE).out)["runs"].startswith("credit-risk@2 · ")
    data = call("show", "loans").out
    assert data.splitlines()[0].endswith("  data set")
    assert facts(data)["licence"] == "CC-BY-4.0"
    assert call("show", "model/credit-risk").out.count("version  ") == 3
    assert call("show", "dataset/loans").code == 0
    assert facts(call("show", "alice").out)["roles"] == "owner"
    assert facts(call("show", "2").out)["height"] == "1"


def test_prose_is_opened_from_the_vault_here(call: Call, lived: credit.Lived) -> None:
    assert facts(call("show", "7").out)["reason"] == f"{credit.REASON}  (sealed; opened from the vault here)"
    Path(".muniment/vault.jsonl").unlink()
    assert facts(call("show", "7").out)["reason"] == "sealed, and not held in the vault here"


def test_a_run(call: Call, home: Path) -> None:
    _, model = credit.write_files(Path())
    with opening.open() as ledger, ledger.training("credit-risk", parameters={"max_depth": 6}) as run:
        run.metric("auc", 0.9)
        run.register("credit-risk", model)
    told = facts(call("show", "credit-risk").out)
    assert told["trained"].startswith("finished, by alice, entry 1")
    assert told["parameters"] == "max_depth=6"
    assert facts(call("show", "5").out)["metrics"] == "auc 0.9"


def test_a_long_history_is_cut(call: Call, home: Path) -> None:
    with opening.open() as ledger:
        for number in range(25):
            ledger.record("note.added", {"about": ["policy"], "text": str(number)})
    out = call("show", "policy").out
    assert "... and 6 earlier ones" in out


def test_refused_attempts_are_a_thing_of_their_own(call: Call) -> None:
    policy = msgspec.structs.replace(policy_file.load("solo").policy, record_refusals=("note.added",))
    homes.found(Path(".muniment"), actor="alice", policy=policy)
    Path("note.json").write_text('{"event": "note.added", "about": ["model/none"], "text": "nobody registered it"}')
    assert call("record", "note.json").code == exits.REFUSED
    assert "attempt.refused  attempts/alice" in call("log").out
    told = call("show", "attempts/alice").out
    assert (facts(told)["attempted"], facts(told)["rules"]) == ("note.added", "unknown")
    assert "muniment prove attempts/alice" in told


def test_json(call: Call, lived: credit.Lived) -> None:
    for thing in ("credit-risk@1", credit.PLACE, "loans", "alice", "2", "7", "policy"):
        assert call("show", thing, "--json").json()["title"]
    assert call("show", "7", "--json").json()["made"]["opened"] == {"reason": credit.REASON}


def test_what_is_not_there(call: Call, lived: credit.Lived) -> None:
    assert call("show", "nobody").code == exits.NOT_FOUND
