"""--dry-run and --on-behalf-of: one way for every command that records something."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from muniment import exits
from muniment.cli import application
from muniment.client import opening
from muniment.core.format import dsse
from muniment.core.rules import events

Call = Callable[..., Any]

READING = {"at", "blame", "diff", "history", "impact", "lineage"}


def snapshot(home: Path) -> dict[str, str]:
    """Every file of a ledger with its digest, apart from the read model and what SQLite keeps beside its file."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.startswith("index.db") and not path.name.endswith(("-shm", "-wal"))
    }


def size(home: Path) -> int:
    with opening.open(home) as ledger, ledger.view() as view:
        return view.size


@pytest.fixture
def lived(call: Call, version: str, loans: Path, tmp_path: Path) -> Path:
    """A home in which each command below has something to speak about."""
    assert call("dataset", "loans", loans).code == 0
    assert call("approve", version, "production").code == 0
    assert call("hold", version, "--severity", "low").code == 0
    line = call("keys", "request", "--actor", "bob", "--origin", "example.com/credit", "--home", tmp_path / "bobs").out.strip()
    (tmp_path / "bob").write_text(line)
    (tmp_path / "note.json").write_text(json.dumps({"event": "note.added", "about": ["actor/alice"], "text": "Read."}))
    Path("more.csv").write_text("amount,paid\n7,0\n")
    return Path(".muniment").resolve()


COMMANDS = [
    ["dataset", "more", "more.csv", "--origin", "the bank"],
    ["plan", "credit-risk", "auc", "ge", "0.9"],
    ["train", "credit-risk", "--param", "depth=6", "--reason", "why", "--", "touch", "trained"],
    ["register", "credit-risk", "more.csv"],
    ["evaluate", "credit-risk@1", "--metric", "auc=0.9", "--reason", "why"],
    ["approve", "credit-risk@1", "staging", "--reason", "why"],
    ["approve", "--revoke", "5"],
    ["deploy", "credit-risk@1", "production"],
    ["change", "credit-risk@1", "decision.cutoff", "-0.5", "--target", "threshold", "--reason", "why"],
    ["withdraw", "loans", "--cause", "licence", "--remedy", "none"],
    ["hold", "credit-risk", "--severity", "high", "--impact", "much"],
    ["hold", "--release", "credit-risk@1", "--outcome", "fine"],
    ["waive", "hold", "credit-risk@1", "production", "--for", "4h", "--measures", "two look at it"],
    ["retire", "credit-risk@1", "--cause", "unused"],
    ["note", "credit-risk", "read by two"],
    ["hand-off", "offer", "credit-risk", "--to", "node"],
    ["record", "{}/note.json"],
    ["keys", "rotate"],
    ["keys", "roles", "node", "--organisation", "acme"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: "-".join(each[:2]))
def test_a_dry_run_writes_nothing(call: Call, lived: Path, tmp_path: Path, arguments: list[str]) -> None:
    given = [each.replace("{}", str(tmp_path)) for each in arguments]
    at = given.index("--") if "--" in given else len(given)
    before = snapshot(lived)
    answer = call(*given[:at], "--dry-run", "--json", *given[at:])
    found = answer.json()
    assert snapshot(lived) == before
    assert size(lived) == 9
    assert not Path("trained").exists()
    assert found["decision"] in ("admitted", "refused")
    assert answer.code == (exits.REFUSED if found["decision"] == "refused" else exits.OK)
    assert found["size"] == 9
    assert "." in found["event"]


def test_a_key_request_is_tried_too(call: Call, lived: Path, tmp_path: Path) -> None:
    before = snapshot(lived)
    line = (tmp_path / "bob").read_text()
    assert call("keys", "admit", line, "--role", "approver", "--dry-run").out.startswith("actor.enrolled would be admitted")
    assert snapshot(lived) == before
    assert size(lived) == 9


def test_a_dry_run_that_is_refused_says_everything(call: Call, lived: Path) -> None:
    answer = call("deploy", "credit-risk@1", "production", "--dry-run")
    assert answer.code == exits.REFUSED
    lines = answer.out.splitlines()
    assert lines[0] == "deployment.changed would be refused, as the ledger stands (9 entries). Nothing was recorded."
    assert lines[1] == "  hold: A version on hold is not deployed."
    assert [line.split()[0] for line in lines[2:]] == ["found", "missing", "mend"]
    (reason,) = call("deploy", "credit-risk@1", "production", "--dry-run", "--json").json()["reasons"]
    assert set(reason) == {"rule", "required", "found", "missing", "mend"}
    refused = call("deploy", "credit-risk@1", "production")
    assert refused.err.splitlines()[1:] == lines[1:]


def test_what_is_recorded_already(call: Call, lived: Path, loans: Path) -> None:
    answer = call("dataset", "loans", loans, "--dry-run")
    assert (answer.code, answer.out) == (
        0,
        "dataset.registered would change nothing: it is recorded already, as the ledger stands (9 entries). "
        "Nothing was recorded.\n",
    )


def test_a_dry_run_sends_nothing_that_waits(call: Call, lived: Path) -> None:
    with opening.open() as ledger:
        _, raw = ledger._writer.sign("note.added", {"about": ["actor/alice"], "text": "Later."})
        ledger._writer.spool.store(raw)
    answer = call("note", "credit-risk", "now", "--dry-run")
    assert "1 of your events waits" in answer.err
    assert len(list((lived / "spool").glob("*.json"))) == 1


def test_on_behalf_of(call: Call, version: str, tmp_path: Path) -> None:
    for person in ("bob", "carol"):
        asked = call("keys", "request", "--actor", person, "--origin", "example.com/credit", "--home", tmp_path / person)
        call("keys", "admit", asked.out.strip(), "--role", "approver")
    answer = call("note", "credit-risk", "read", "--on-behalf-of", "carol", "--on-behalf-of", "bob", "--json")
    index = answer.json()["recorded"]["index"]
    with opening.open() as ledger, ledger.view() as view:
        event = events.decode(dsse.decode(view.entry(index)).payload)
    assert event.on_behalf_of == ("bob", "carol")
    stranger = call("note", "credit-risk", "read", "--on-behalf-of", "nobody")
    assert stranger.code == exits.REFUSED


def writing_commands() -> list[tuple[str, click.Command]]:
    """Every command that records something, by its name: all whose function was made by `session.writing`."""
    root = application.application
    context = click.Context(root)
    found = []
    for name in application.COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        parts = command.commands if isinstance(command, click.Group) else {"": command}
        found += [(f"{name} {part}".strip(), each) for part, each in parts.items()]
    return [(name, each) for name, each in found if any(parameter.name == "dry_run" for parameter in each.params)]


def test_every_command_that_writes_can_be_tried() -> None:
    writing = dict(writing_commands())
    tried = {" ".join(each[:2]) if " ".join(each[:2]) in writing else each[0] for each in COMMANDS}
    expected = {"hand-off accept", "keys admit", "keys compromise", "keys revoke", "rollback"}
    assert tried | expected <= set(writing)
    for name, command in writing.items():
        assert {"on_behalf_of", "dry_run", "actor", "home", "as_json"} <= {each.name for each in command.params}, name
    assert not READING & set(writing)
