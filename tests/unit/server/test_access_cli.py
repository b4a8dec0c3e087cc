"""`muniment tokens`: made, listed and revoked beside a running server; and the access log that it writes."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import entering
from commanding import Machine, Said
from entering import Entered, bearer
from muniment.client import home as homes
from muniment.server.access import journal
from muniment.server.access.journal import Journal, Line

VIEW = "/v1/view"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return homes.found(tmp_path / "home", origin="example.com/credit").folder


@pytest.fixture
def door(home: Path) -> Iterator[Entered]:
    with entering.entered(home, state=home / "server") as entered:
        yield entered


def call(home: Path, *arguments: str) -> Said:
    return Machine().call("tokens", *arguments, "--home", str(home))


def test_a_token_is_printed_once_and_alone(home: Path) -> None:
    said = call(home, "create", "--name", "CI", "--scope", "write", "--environment", "staging", "--expires", "90d")
    assert said.code == 0
    token = said.out.strip()
    assert token.startswith("mun_")
    assert "CI may read, write, only about staging, until" in said.err
    assert token not in said.err
    quiet = call(home, "create", "--name", "CI", "--quiet")
    assert (quiet.code, quiet.err, quiet.out.count("\n")) == (0, "", 1)
    made = call(home, "create", "--name", "J", "--scope", "admin", "--ledger", "credit", "--json").json
    assert (made["made"]["scopes"], made["made"]["ledgers"], made["made"]["expiresAt"]) == (["admin"], ["credit"], None)
    listed = call(home, "list")
    assert [line.split()[1] for line in listed.out.splitlines()[1:]] == ["J", "CI", "CI"]
    assert token not in listed.out
    assert stat.S_IMODE((home / "server" / "access.db").stat().st_mode) == 0o600


def test_a_token_of_the_command_line_opens_a_running_server_and_stops_to(home: Path, door: Entered) -> None:
    token = call(home, "create", "--name", "CI", "--quiet").out.strip()
    assert door.client.get(VIEW, headers=bearer(token)).status_code == 200
    assert call(home, "revoke", token.split("_")[1]).code == 0
    door.access.verified.forget()
    assert door.client.get(VIEW, headers=bearer(token)).json()["code"] == "token-revoked"
    assert "revoked" in call(home, "list").out


def test_what_cannot_be(home: Path, tmp_path: Path) -> None:
    assert call(home, "list", "--json").json["error"]["code"] == "no-server-state"
    assert call(tmp_path / "nowhere", "create", "--name", "x", "--json").json["error"]["code"] == "no-server-state"
    assert not (tmp_path / "nowhere").exists()
    assert call(home, "create", "--name", "x", "--expires", "tomorrow").code == 2
    call(home, "create", "--name", "x")
    assert call(home, "revoke", "nobody", "--json").json["error"]["code"] == "no-such-token"


def test_the_log_says_who_read_what_and_no_secret(home: Path, door: Entered) -> None:
    token = door.token("read")
    id_ = token.split("_")[1]
    asked = door.client.get("/v1/events?limit=3&q=eyJhbGciOiJub25l.e30.x%0ax", headers=bearer(token))
    assert asked.status_code in (200, 400)
    view = door.client.get(VIEW, headers=bearer(token))
    door.client.post("/v1/tokens", json={"name": "x"}, headers=bearer(token))
    for path in ("/healthz", "/sign-in?code=abc", "/static/style.css"):
        door.client.get(path)
    door.client.get(VIEW)
    door.access.log.close()

    raw = (home / "server" / "access" / "@.jsonl").read_bytes()
    assert token.encode() not in raw
    assert stat.S_IMODE((home / "server" / "access" / "@.jsonl").stat().st_mode) == 0o600
    lines = [json.loads(each) for each in raw.splitlines()]
    assert [(each["method"], each["status"], each["caller"], each["kind"]) for each in lines] == [
        ("GET", asked.status_code, id_, "token"),
        ("GET", 200, id_, "token"),
        ("POST", 403, id_, "token"),
    ]
    assert lines[0]["path"] == "/v1/events?limit=3&q=[token]%0ax"
    assert lines[1]["bytes"] == len(view.content)
    assert len({each["request"] for each in lines}) == 3
    said = call(home, "log", "--last", "2")
    assert [line.rpartition("  ")[2] for line in said.out.splitlines()[1:]] == [f"GET {VIEW}", "POST /v1/tokens"]


def line(**more: object) -> Line:
    said = {"time": "t", "request": "r", "caller": "c", "kind": "token", "method": "GET", "path": "/", "status": 200, "bytes": 1}
    return Line(**{**said, **more})  # type: ignore[arg-type]


def test_what_an_attacker_writes_stays_on_its_line(tmp_path: Path) -> None:
    log = Journal(tmp_path)
    log.start()
    log.note("credit", line(caller='x"}\n{"time":"forged"', path="/\r\n\u2028\x00"))
    log.note("../../etc/passwd", line())
    log.note("a@1", line())
    log.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["..%2F..%2Fetc%2Fpasswd.jsonl", "a%401.jsonl", "credit.jsonl"]
    assert (tmp_path / "credit.jsonl").read_bytes().count(b"\n") == 1
    assert [each.caller for each in journal.read(tmp_path, "credit")] == ['x"}\n{"time":"forged"']


def test_what_a_terminal_would_obey_is_not_printed(home: Path, door: Entered) -> None:
    door.client.get("/%1b%5B2J%E2%80%AE", headers=bearer(door.token("read")))
    door.access.log.close()
    said = call(home, "log").out
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "GET /\ufffd[2J\ufffd" in said


def test_a_full_log_gets_another_name_and_nothing_is_lost(tmp_path: Path) -> None:
    path = journal.path_of(tmp_path, "credit")
    for each in range(40):
        journal.append(path, [json.dumps({"n": each}).encode() + b"\n"], max_bytes=64)
    files = sorted(tmp_path.iterdir())
    assert len(files) > 5
    found = [json.loads(raw)["n"] for file in [*files[:-1], files[-1]] for raw in file.read_bytes().splitlines()]
    assert sorted(found) == list(range(40))


def test_a_log_that_cannot_be_written_says_how_much_it_lost(tmp_path: Path) -> None:
    log = Journal(tmp_path / "access")
    log.start()
    (tmp_path / "access" / "credit.jsonl").mkdir()
    log.note("credit", line())
    log.note("credit", line())
    log.close()
    (tmp_path / "access" / "credit.jsonl").rmdir()
    log.start()
    log.note("credit", line())
    log.close()
    assert [each.lost for each in journal.read(tmp_path / "access", "credit")] == [2]
