"""`muniment keys`"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment.cli import exits
from muniment.client import key_request

Call = Callable[..., Any]


def test_a_second_person(call: Call, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = call("keys", "request", "--origin", "example.com/credit", "--actor", "bob", "--home", tmp_path / "bobs")
    assert asked.code == 0
    line = asked.out.strip()
    request = key_request.parse(line)
    assert (request.actor, request.origin, request.kind) == ("bob", "example.com/credit", "person")
    assert request.fingerprint in asked.err
    assert (tmp_path / "bobs/keys/actors/bob.key").exists()
    assert call("keys", "request", "--origin", "example.com/credit", "--actor", "bob", "--home", tmp_path / "bobs").out == asked.out
    # As a mail program breaks it.
    monkeypatch.setattr(sys, "stdin", io.StringIO(line[:70] + "\n" + line[70:] + "\n"))
    admitted = call("keys", "admit", "-", "--role", "approver", "--organisation", "risk")
    assert admitted.code == 0
    assert admitted.out.startswith("bob (person) may sign with the key ")
    assert request.fingerprint in admitted.out
    again = call("keys", "admit", line)
    assert (again.code, "is already known" in again.err) == (exits.FAILURE, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--actor", "bob"], "--origin"),
        (["--origin", "example.com/x"], "--actor"),
        (["--origin", "nowhere", "--actor", "bob"], "is no origin"),
        (["--origin", "example.com/x", "--actor", "b b"], "cannot name an actor"),
        (["--origin", "example.com/x", "--actor", "bob", "--kind", "robot"], "robot"),
    ],
)
def test_a_request_that_cannot_be(call: Call, arguments: list[str], said: str) -> None:
    answer = call("keys", "request", *arguments)
    assert (answer.code, answer.out) == (exits.USAGE, "")
    assert said in answer.err
    assert not Path(".muniment").exists()


def test_admit_says_what_is_missing(call: Call, home: Path) -> None:
    line = call("keys", "request", "--actor", "bob", "--json").json()["request"]
    for arguments, code in ([line], "no-role"), ([line, "--role", "aprover"], "no-such-role"), (["x"], "bad-key-request"):
        answer = call("keys", "admit", *arguments, "--actor", "alice", "--json")
        assert (answer.code, answer.json()["error"]["code"]) == (exits.USAGE, code)


def test_list(call: Call, home: Path) -> None:
    lines = call("keys", "list").out.splitlines()
    assert lines[0].split() == ["actor", "kind", "roles", "key", "standing", "file"]
    assert lines[1].split()[:3] == ["alice", "person", "owner"]
    assert lines[1].split()[-4:] == ["since", "entry", "0", "here"]
    holders = call("keys", "list", "--json").json()["actors"]
    assert [holder["actor"]["id"] for holder in holders] == ["alice", "node"]


def test_rotate(call: Call, home: Path) -> None:
    before = json.loads(call("keys", "list", "--json").out)["actors"][0]["here"]
    answer = call("keys", "rotate", "--reason", "a year has passed")
    assert answer.code == 0
    assert answer.out.startswith("alice now signs with the key ")
    listed = call("keys", "list")
    assert "entries 0 to 1, ended" in listed.out
    value = call("keys", "rotate", "--json").json()
    assert value["replaces"] != before
    assert value["recorded"]["event"] == "key.changed"


def test_revoke_and_compromise(call: Call, home: Path) -> None:
    for actor in ("bob", "carol"):
        line = call("keys", "request", "--actor", actor).out.strip()
        assert call("keys", "admit", line, "--role", "approver", "--actor", "alice").code == 0
    keys = {each["actor"]["id"]: each["here"] for each in call("keys", "list", "--json").json()["actors"]}
    assert call("keys", "revoke", keys["bob"], "--actor", "alice").code == 0
    assert call("keys", "compromise", keys["carol"][:10], "--from", "1", "--actor", "alice").code == 0
    listed = call("keys", "list").out
    assert "disputed from entry 1" in listed
    own = call("keys", "revoke", keys["alice"], "--actor", "alice")
    assert (own.code, "muniment keys rotate" in own.err) == (exits.USAGE, True)
    assert call("keys", "revoke", "0" * 64, "--actor", "alice").code == exits.NOT_FOUND
