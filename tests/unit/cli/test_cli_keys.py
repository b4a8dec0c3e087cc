"""`muniment keys`"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment import exits
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


def test_who_lost_a_key_makes_another_one(call: Call, home: Path) -> None:
    def ask(*more: str) -> str:
        return str(call("keys", "request", "--actor", "bob", "--json", *more).json()["request"])

    first = ask()
    assert call("keys", "admit", first, "--role", "owner", "--actor", "alice").code == 0
    key = call("keys", "list", "bob", "--json").json()["actors"][0]["keys"][0]["key"]
    assert call("keys", "compromise", key[:8], "--from", "1", "--actor", "alice").code == 0
    refused = call("note", "actor/bob", "x", "--actor", "bob")
    assert (refused.code, "`muniment keys request --actor bob --new`" in refused.err) == (exits.REFUSED, True)
    assert ask() == first
    again = call("keys", "admit", first, "--actor", "alice")
    assert (again.code, "`muniment keys request --actor bob --new`" in again.err) == (exits.FAILURE, True)
    second = ask("--new")
    assert second not in (first, "")
    assert ask() == second
    assert len(list((home / "keys" / "actors").glob("bob.key-ended-*"))) == 1
    assert call("keys", "admit", second, "--actor", "alice").code == 0
    assert call("note", "actor/bob", "x", "--actor", "bob").code == 0


def test_a_service_needs_somebody_responsible(call: Call, home: Path) -> None:
    asked = call("keys", "request", "--actor", "ci", "--kind", "service")
    assert asked.err.endswith("muniment keys admit LINE --role ROLE --responsible PERSON\n")


def test_admit_says_what_is_missing(call: Call, home: Path) -> None:
    line = call("keys", "request", "--actor", "bob", "--json").json()["request"]
    for arguments, code in ([line], "no-role"), ([line, "--role", "aprover"], "no-such-role"), (["x"], "bad-key-request"):
        answer = call("keys", "admit", *arguments, "--actor", "alice", "--json")
        assert (answer.code, answer.json()["error"]["code"]) == (exits.USAGE, code)


def test_list(call: Call, home: Path) -> None:
    lines = call("keys", "list").out.splitlines()
    assert lines[0].split() == ["actor", "kind", "roles", "key", "standing", "file"]
    assert lines[1].split()[:3] == ["alice", "person", "owner"]
    assert "in use since entry 0 (" in lines[1]
    assert lines[1].endswith("here")
    assert lines[2].startswith("node   service of alice")
    assert call("keys", "list", "nobody").code == exits.NOT_FOUND
    holders = call("keys", "list", "--json").json()["actors"]
    assert [holder["actor"]["id"] for holder in holders] == ["alice", "node"]


def test_rotate(call: Call, home: Path) -> None:
    before = json.loads(call("keys", "list", "--json").out)["actors"][0]["here"]
    answer = call("keys", "rotate", "--reason", "a year has passed")
    assert answer.code == 0
    assert answer.out.startswith("alice now signs with the key ")
    listed = call("keys", "list")
    assert "in use from entry 0 (" in listed.out
    assert "  ended at entry 1 (" in listed.out
    value = call("keys", "rotate", "--json").json()
    assert value["replaces"] != before
    assert value["recorded"]["event"] == "key.changed"


def test_roles(call: Call, home: Path) -> None:
    line = call("keys", "request", "--actor", "ci", "--kind", "service").out.strip()
    assert call("keys", "admit", line, "--role", "deployer", "--responsible", "alice", "--actor", "alice").code == 0
    changed = call("keys", "roles", "ci", "--role", "trainer", "--role", "deployer", "--organisation", "acme", "--actor", "alice")
    assert changed.out.splitlines()[:4] == [
        "ci (service) has changed",
        "  roles        deployer, trainer",
        "  responsible  alice",
        "  organisation acme",
    ]
    assert "service of alice (acme)  deployer, trainer" in call("keys", "list").out
    assert call("keys", "roles", "ci", "--none", "--actor", "alice", "--json").json()["roles"] == []
    for arguments, code in (
        (["ci"], exits.USAGE),
        (["ci", "--none", "--role", "trainer"], exits.USAGE),
        (["ci", "--role", "trainr"], exits.USAGE),
        (["nobody", "--role", "trainer"], exits.NOT_FOUND),
        (["ci", "--responsible", "nobody"], exits.REFUSED),
    ):
        assert call("keys", "roles", *arguments, "--actor", "alice").code == code, arguments


def test_a_list_stays_within_its_width(call: Call, home: Path) -> None:
    """Whatever is said of a key is said, in further lines where the first is full."""
    line = call("keys", "request", "--actor", "continuous-delivery", "--kind", "service").out.strip()
    roles = ["approver", "deployer", "node", "owner", "trainer"]
    given = [part for role in roles for part in ("--role", role)]
    more = ["--responsible", "alice", "--organisation", "north-hospital", "--actor", "alice"]
    key = call("keys", "admit", line, *given, *more, "--json").json()["key"]
    assert call("keys", "compromise", key[:8], "--from", "0", "--actor", "alice").code == 0
    assert call("keys", "admit", call("keys", "request", "--actor", "continuous-delivery", "--new").out.strip(), "--actor", "alice")
    lines = call("keys", "list").out.splitlines()
    assert max(map(len, lines)) <= 120
    words = " ".join(" ".join(lines).split())
    for said in (*roles, "service of", "(north-hospital)", "in use from entry 1 (", "ended at entry 3 (", "from entry 0 on"):
        assert said in words, said
    listed = call("keys", "list", "continuous-delivery").out.splitlines()
    assert listed[1].startswith("continuous-delivery  service of")
    assert [line for line in listed if "disputed from entry 0 on" in line]


def test_what_a_compromised_key_signed_is_told(call: Call, version: str) -> None:
    line = call("keys", "request", "--actor", "bob").out.strip()
    admitted = call("keys", "admit", line, "--role", "approver", "--actor", "alice", "--json").json()
    approved = call("approve", "credit-risk@1", "production", "--actor", "bob", "--json").json()["recorded"]["index"]
    answer = call("keys", "compromise", admitted["key"], "--from", str(approved), "--actor", "alice")
    assert f"  disputed     entry {approved}, approval.decided on credit-risk@1\n" in answer.out
    late = call("keys", "compromise", admitted["key"], "--from", "999", "--actor", "alice")
    assert (late.code, "refused-from-index" in late.err) == (exits.REFUSED, True)


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
