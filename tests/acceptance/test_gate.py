"""Promise: what serves starts only if the ledger says so, restarts without it, and is let through by hand only in the open.

Everything through the command line, with its exit codes. Alice owns the ledger; Bob approves. The clock can be turned on.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import commanding
from commanding import HOUR_NS
from muniment import exits
from muniment.ledger import embedded

ORIGIN = "example.com/credit"
PLACE = "production/credit-risk"


class Site(commanding.Machine):
    """One machine: a ledger, the files of two versions, and a clock that can be turned on."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.home = folder / ".muniment"

    def do(self, *arguments: str, actor: str = "alice") -> Any:
        """A command that is taken; its answer."""
        said = self.call(*arguments, "--actor", actor, "--json")
        assert said.code == exits.OK, said.out
        return said.json

    def gate(self, files: str = "model", *arguments: str, place: str = PLACE) -> tuple[int, str, list[str]]:
        """Exit code, the code of the answer, and those of all that speaks against the start."""
        said = self.call("gate", place, files, *arguments, "--actor", "alice", "--json")
        assert said.json["allowed"] is (said.code == exits.OK)
        return said.code, said.json["code"], [each["code"] for each in said.json["causes"]]

    def lose_ledger(self) -> None:
        """The ledger's disk is gone; its keys and its trust file are here."""
        for path in self.home.glob("ledger.db*"):
            path.rename(path.with_name(f"away-{path.name}"))

    def find_ledger(self) -> None:
        """It is back."""
        for path in self.home.glob("away-ledger.db*"):
            path.rename(path.with_name(path.name.removeprefix("away-")))


ADMITTED = (exits.OK, "admitted", [])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A version that learned from data is approved by Bob and runs in production."""
    for variable in [name for name in os.environ if name.startswith("MUNIMENT_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    made = Site(tmp_path)
    monkeypatch.setattr(embedded, "clocks", SimpleNamespace(time_ns=made.time_ns))
    for name in ("model", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.bin").write_text(name)
    (tmp_path / "loans.csv").write_text("amount,paid\n100,1\n")
    made.do("init", "--origin", ORIGIN)
    line = made.do("keys", "request", "--origin", ORIGIN, actor="bob")["request"]
    made.do("keys", "admit", line, "--role", "owner")
    made.do("dataset", "loans", "loans.csv")
    made.do("register", "credit-risk", "model", "--data", "loans")
    made.do("approve", "credit-risk@1", "production", actor="bob")
    made.do("deploy", "credit-risk@1", "production")
    return made


def test_what_runs_by_the_record_may_start_and_nothing_else(site: Site) -> None:
    assert site.gate() == ADMITTED
    digest = site.do("show", "credit-risk@1")["thing"]["digest"]
    assert site.gate(digest) == ADMITTED
    assert site.gate(place="staging/credit-risk") == (exits.REFUSED, "refused", ["not-deployed"])
    assert site.gate("other") == (exits.REFUSED, "refused", ["unknown", "other-version"])
    site.do("register", "credit-risk", "other")
    assert site.gate("other") == (exits.REFUSED, "refused", ["other-version"])
    (site.folder / "model" / "weights.bin").write_text("changed")
    assert site.gate() == (exits.REFUSED, "refused", ["unknown", "other-version"])
    told = site.call("gate", PLACE, "other")
    assert "Refused by the ledger: credit-risk@2" in told.out
    assert "By the record production/credit-risk runs credit-risk@1, since entry" in told.out
    assert "Trust tier: solo" in told.out
    assert "State basis: asserted" in told.out
    assert "by this machine's clock" in told.out


def test_a_stopped_and_a_retired_version_do_not_start(site: Site) -> None:
    version = site.do("show", "credit-risk@1")["thing"]["digest"]
    stop = {"event": "deployment.changed", "transition": "stop", "environment": "production", "name": "credit-risk"}
    (site.folder / "stop.json").write_text(json.dumps({**stop, "version": version}))
    site.do("record", "stop.json")
    assert site.gate() == (exits.REFUSED, "refused", ["not-deployed"])
    site.do("retire", "credit-risk@1", "--cause", "superseded")
    assert site.gate() == (exits.REFUSED, "refused", ["not-deployed", "retired"])


def test_a_hold_closes_the_gate_until_it_is_released(site: Site) -> None:
    site.do("hold", "credit-risk@1", "--severity", "high")
    assert site.gate() == (exits.REFUSED, "refused", ["hold"])
    # What is kept is the newest answer, so that the hold is heard without the ledger too.
    site.lose_ledger()
    assert site.gate() == (exits.REFUSED, "refused-before", ["not-asked", "hold"])
    site.find_ledger()
    site.do("hold", "--release", "credit-risk@1")
    assert site.gate() == ADMITTED


def test_withdrawn_data_closes_it_and_says_the_way(site: Site) -> None:
    site.do("withdraw", "loans", "--cause", "consent")
    assert site.gate() == (exits.REFUSED, "refused", ["withdrawn"])
    assert "credit-risk@1 <- loans@1" in site.call("gate", PLACE, "model").out


def test_a_disputed_approval_closes_it_and_the_old_receipt_still_verifies(site: Site) -> None:
    receipt = site.do("log", "--event", "approval.decided")["events"][0]["index"]
    site.do("prove", str(receipt), "--out", "approval.json")
    assert site.gate() == ADMITTED
    site.do("keys", "rotate", actor="bob")
    (bob,) = [each for each in site.do("keys", "list")["actors"] if each["actor"]["id"] == "bob"]
    lost = next(each["key"] for each in bob["keys"] if each["until"] is not None)
    site.do("keys", "compromise", lost, "--from", str(receipt))
    assert site.gate() == (exits.REFUSED, "refused", ["approval-disputed"])
    assert "Approval disputed:" in site.call("gate", PLACE, "model").out
    site.do("prove", str(receipt), "--out", "again.json")
    told = site.call("verify", "again.json")
    assert (told.code, "disputed since entry" in " ".join(told.out.split())) == (exits.OK, True)
    assert site.call("verify", "approval.json").code == exits.OK
    site.do("approve", "credit-risk@1", "production", actor="bob")


def test_what_came_back_by_a_rollback_rests_on_the_approvals_of_before(site: Site) -> None:
    approved = site.do("log", "--event", "approval.decided")["events"][0]["index"]
    site.do("register", "credit-risk", "other")
    site.do("deploy", "credit-risk@2", "production")
    assert site.gate("other") == ADMITTED
    site.do("rollback", PLACE)
    assert site.gate() == ADMITTED
    (bob,) = [each for each in site.do("keys", "list")["actors"] if each["actor"]["id"] == "bob"]
    site.do("keys", "compromise", bob["keys"][0]["key"], "--from", str(approved))
    assert site.gate() == (exits.REFUSED, "refused", ["approval-disputed"])
    site.do("waive", "gate", "credit-risk@1", "production", "--for", "1h")
    assert site.gate() == (exits.OK, "waived", ["approval-disputed"])


def test_a_restart_needs_no_ledger_while_the_answer_is_fresh(site: Site) -> None:
    assert site.gate() == ADMITTED
    assert site.call("verify", "model.muniment-gate.json").code == exits.OK
    site.lose_ledger()
    told = site.call("gate", PLACE, "model")
    assert (told.code, "by the ledger's last answer" in told.out) == (exits.OK, True)
    assert "The ledger could not be asked: there is no ledger at" in told.out
    site.ahead_ns += 2 * HOUR_NS
    assert site.gate() == ADMITTED
    assert site.gate("model", "--max-age", "1h") == (exits.REFUSED, "stale", ["not-asked", "stale"])
    site.ahead_ns += 7 * 24 * HOUR_NS
    assert site.gate() == (exits.REFUSED, "stale", ["not-asked", "stale"])
    assert site.gate("model", "--max-age", "30d") == ADMITTED
    (site.folder / "muniment.toml").write_text('[gate]\nmax_age = "30d"\n')
    assert site.gate() == ADMITTED
    site.ahead_ns = -10 * HOUR_NS
    assert site.gate() == (exits.REFUSED, "clock", ["not-asked", "clock"])


def test_a_ledger_without_its_log_key_may_be_a_copy_and_is_believed_for_a_while(site: Site) -> None:
    (site.home / "keys" / "log.key").rename(site.folder / "log.key")
    assert site.gate() == ADMITTED
    site.ahead_ns += 8 * 24 * HOUR_NS
    assert site.gate() == (exits.REFUSED, "refused", ["stale"])
    assert site.gate("model", "--max-age", "9d") == ADMITTED
    (site.folder / "log.key").rename(site.home / "keys" / "log.key")
    assert site.gate() == ADMITTED


def test_without_the_ledger_nothing_new_starts(site: Site) -> None:
    site.lose_ledger()
    assert site.gate() == (exits.REFUSED, "no-cache", ["not-asked", "no-cache"])
    site.find_ledger()
    assert site.gate() == ADMITTED
    site.lose_ledger()
    kept = ("--receipt", "model.muniment-gate.json")
    assert site.gate("other", *kept) == (exits.REFUSED, "new-version", ["not-asked", "new-version"])
    assert site.gate("model", *kept, place="staging/credit-risk") == (
        exits.REFUSED,
        "other-deployment",
        ["not-asked", "other-deployment"],
    )


def test_an_answer_that_was_changed_lets_nothing_start(site: Site) -> None:
    assert site.gate() == ADMITTED
    site.do("hold", "credit-risk@1", "--severity", "high")
    good, kept = site.folder / "good.json", site.folder / "model.muniment-gate.json"
    assert site.gate("model", "--receipt", str(good))[0] == exits.REFUSED
    site.lose_ledger()
    refused = good.read_text()
    allowed = refused.replace('"allowed":false', '"allowed":true').replace('"statuses":["fails"]', '"statuses":["holds"]')
    for text in (
        allowed,
        refused[:-2],
        "",
        "{}",
        refused.replace(" ", ""),
        kept.read_text().replace("production", "prodaction", 1),
    ):
        good.write_text(text)
        assert site.gate("model", "--receipt", str(good)) == (exits.REFUSED, "cache-broken", ["not-asked", "cache-broken"])
    good.unlink()
    good.mkdir()
    assert site.gate("model", "--receipt", str(good / ".." / "good.json" / "x" / "y"))[0] == exits.REFUSED


def test_a_damaged_ledger_is_one_that_cannot_be_asked(site: Site) -> None:
    assert site.gate() == ADMITTED
    (site.home / "ledger.db").write_bytes(b"this is no database" * 500)
    for path in site.home.glob("ledger.db-*"):
        path.unlink()
    assert site.gate() == ADMITTED
    assert site.gate("other")[1] == "no-cache"


def test_another_ledger_is_none_that_could_be_asked(site: Site) -> None:
    assert site.gate() == ADMITTED
    trust = shutil.copy(site.home / "trust.toml", site.folder)
    shutil.rmtree(site.home)
    site.do("init", "--origin", "example.com/other")
    assert site.gate("model", "--trust", str(trust)) == ADMITTED
    told = site.call("gate", PLACE, "other", "--trust", str(trust))
    assert (told.code, "The ledger could not be asked" in told.out) == (exits.REFUSED, True)
    assert f"is example.com/other, and the trust file is about {ORIGIN}" in told.out
    # One that only claims to be the same is no reason to ask the kept answer.
    shutil.rmtree(site.home)
    shutil.rmtree(site.folder / "state")
    site.do("init", "--origin", ORIGIN)
    assert site.gate("model", "--trust", str(trust))[:2] == (exits.REFUSED, "log-key-unknown")


def test_a_ledger_that_was_rolled_back_is_not_believed_and_the_cache_does_not_hide_it(site: Site) -> None:
    shutil.copytree(site.home, site.folder / "old")
    site.do("hold", "credit-risk@1", "--severity", "high")
    assert site.gate()[1] == "refused"
    shutil.rmtree(site.home)
    (site.folder / "old").rename(site.home)
    code, said, causes = site.gate()
    assert (code, said.startswith("split-view"), causes) == (exits.REFUSED, True, [said])


def test_the_glass_is_broken_in_the_open_and_recorded(site: Site) -> None:
    site.do("hold", "credit-risk@1", "--severity", "high")
    told = site.call("gate", PLACE, "model", "--actor", "alice", "--break-glass", "--reason", "customers wait", "--for", "2h")
    assert told.code == exits.OK
    assert told.out.startswith("GLASS BROKEN: credit-risk@1")
    assert "is recorded." in told.out
    assert site.do("log", "--limit", "1")["events"][0]["name"] == "waiver.granted"
    assert site.do("show", site.do("log", "--limit", "1")["events"][0]["eventId"])["made"]["opened"] == {"reason": "customers wait"}
    assert site.gate() == (exits.OK, "waived", ["hold"])
    site.lose_ledger()
    assert site.gate() == (exits.OK, "waived", ["hold"])
    site.ahead_ns += 3 * HOUR_NS
    assert site.gate() == (exits.REFUSED, "refused-before", ["not-asked", "waiver-expired", "hold"])
    site.find_ledger()
    assert site.gate()[0] == exits.REFUSED
    # Of other versions and other places it says nothing.
    assert site.gate(place="staging/credit-risk")[0] == exits.REFUSED


def test_the_glass_is_broken_without_the_ledger_and_delivered_later(site: Site) -> None:
    assert site.gate() == ADMITTED
    site.do("hold", "credit-risk@1", "--severity", "high")
    assert site.gate()[1] == "refused"
    site.lose_ledger()
    glass = ("--break-glass", "--reason", "the disk is gone", "--for", "2h")
    told = site.call("gate", PLACE, "model", "--actor", "alice", *glass)
    assert (told.code, "NOT YET RECORDED" in told.out, "in force as of block" in told.out) == (exits.OK, True, True)
    assert site.gate() == (exits.OK, "broken-glass", ["not-asked", "hold"])
    # The copy beside the answer is enough for a machine whose spool is empty again.
    for path in (site.home / "spool").glob("*.json"):
        path.rename(site.folder / path.name)
    assert site.gate() == (exits.OK, "broken-glass", ["not-asked", "hold"])
    for path in site.folder.glob("0*.json"):
        path.rename(site.home / "spool" / path.name)
    site.find_ledger()
    assert site.gate() == (exits.OK, "waived", ["hold"])
    assert site.do("log", "--event", "waiver.granted")["events"] != []
    assert not list((site.home / "spool").glob("*.json"))
    site.lose_ledger()
    site.ahead_ns += 3 * HOUR_NS
    code, said, causes = site.gate()
    assert (code, said, causes[0]) == (exits.REFUSED, "refused-before", "not-asked")
    assert {"waiver-expired", "hold"} <= set(causes)


def test_a_glass_that_the_ledger_refuses(site: Site) -> None:
    glass = ("--break-glass", "--reason", "it must run")
    told = site.call("gate", PLACE, "other", "--actor", "alice", *glass)
    assert told.code == exits.OK
    assert "REFUSED by the ledger" in told.out
    assert "rejected/" in told.out
    assert len(site.do("log", "--pending")["rejected"]) == 1
    assert site.gate("other") == (exits.REFUSED, "refused", ["unknown", "other-version", "waiver-refused"])
    line = site.do("keys", "request", "--origin", ORIGIN, actor="eve")["request"]
    site.do("hold", "credit-risk@1", "--severity", "high")
    eve = site.call("gate", PLACE, "model", "--actor", "eve", *glass, "--json")
    assert (eve.code, eve.json["causes"][-1]["code"]) == (exits.REFUSED, "waiver-key")
    site.do("keys", "admit", line, "--role", "trainer")
    eve = site.call("gate", PLACE, "model", "--actor", "eve", *glass, "--json")
    assert (eve.code, eve.json["causes"][-1]["code"]) == (exits.REFUSED, "role")
    nobody = site.call("gate", PLACE, "model", "--actor", "mallory", *glass, "--json")
    assert (nobody.code, nobody.json["causes"][-1]["code"]) == (exits.REFUSED, "no-actor-key")


def test_a_forged_waiver_beside_the_model_lets_nothing_start(site: Site, tmp_path: Path) -> None:
    assert site.gate() == ADMITTED
    site.do("hold", "credit-risk@1", "--severity", "high")
    assert site.gate()[1] == "refused"
    site.lose_ledger()
    told = site.call("gate", PLACE, "model", "--actor", "alice", "--break-glass", "--reason", "x")
    assert told.code == exits.OK
    shutil.rmtree(site.home / "spool")
    waiver = site.folder / "model.muniment-gate.json.waiver"
    raw, ending = waiver.read_bytes(), str(time.gmtime().tm_year)
    longer = base64.b64encode(base64.b64decode(json.loads(raw)["payload"]).replace(ending.encode(), b"2036")).decode()
    forged = raw.replace(json.loads(raw)["payload"].encode(), longer.encode())
    for spoiled in (forged, raw[:-1], b"", b"[" * 70_000, raw.replace(b'"sig":"', b'"sig":"A', 1)):
        assert spoiled != raw
        waiver.write_bytes(spoiled)
        assert site.gate()[0] == exits.REFUSED
    waiver.write_bytes(raw)
    assert site.gate()[1] == "broken-glass"
    # Of a key that neither lies here nor is shown by the answer nothing is believed.
    (site.folder / "model.muniment-gate.json").unlink()
    (site.home / "keys" / "actors" / "alice.key").rename(site.folder / "alice.key")
    assert site.gate() == (exits.REFUSED, "no-cache", ["not-asked", "no-cache", "waiver-unverified"])


def test_whatever_happens_the_answer_is_four_and_never_a_traceback(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert site.gate("nowhere")[0] == exits.REFUSED
    assert site.gate(place="production") == (exits.REFUSED, "bad-deployment", ["bad-deployment"])
    assert site.gate("model", "--trust", "none.toml") == (exits.REFUSED, "no-trust", ["no-trust"])
    (site.folder / "bad.toml").write_text("origin = 7")
    assert site.gate("model", "--trust", "bad.toml")[0] == exits.REFUSED
    monkeypatch.setenv("MUNIMENT_URL", "http://127.0.0.1:9")
    assert site.gate() == (exits.REFUSED, "no-trust", ["no-trust"])
    monkeypatch.setenv("MUNIMENT_HOME", str(site.home))
    assert site.gate() == (exits.REFUSED, "no-cache", ["not-asked", "no-cache"])
    monkeypatch.delenv("MUNIMENT_URL")
    monkeypatch.delenv("MUNIMENT_HOME")

    def fail(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("muniment.client.gating.asking.ask", fail)
    assert site.gate() == (exits.REFUSED, "unexpected", ["unexpected"])
    assert "a mistake of ours" in site.call("gate", PLACE, "model").out


def test_what_is_asked_of_the_command_line(site: Site) -> None:
    assert site.call("gate", PLACE, "model", "--break-glass").code == exits.USAGE
    assert site.call("gate", PLACE, "model", "--reason", "x").code == exits.USAGE
    assert site.call("gate", PLACE, "model", "--max-age", "soon").code == exits.USAGE
    told = site.call("gate", PLACE, "model", "--break-glass", "--reason", "x", "--actor", "alice")
    assert (told.code, "no glass was broken" in told.out) == (exits.OK, True)
