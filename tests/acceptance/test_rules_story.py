"""Promise: the chain itself refuses what the policy does not allow, says what is missing, and goes on proving what was.

One story through the command line, with its exit codes, chapter by chapter; told twice, unchanged: over a ledger in a folder, and
by people who reach it at a node over HTTP. Ada trains, deploys and administers, and may approve
what others made; Ben and Cleo approve; Dan watches; `ci` is a service for which Ada answers. The policy is `team`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import commanding
import serving
from commanding import HOUR_NS, Said
from muniment import exits
from muniment.ledger import embedded

ORIGIN = "example.com/credit"
TEAM = {
    "ben": ("person", ["--role", "approver"]),
    "cleo": ("person", ["--role", "approver"]),
    "dan": ("person", ["--role", "observer"]),
    "ci": ("service", ["--role", "approver", "--responsible", "ada"]),
}
RECEIPT = "cleo.receipt"


class Office(commanding.Machine):
    """The command line as several people use it, on one machine, with a clock that can be turned on."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.refused_deployments = 0

    def say(self, actor: str, *arguments: str) -> Said:
        """A command as one person calls it, answered for people to read."""
        said = self.call(*arguments, "--actor", actor)
        self.refused_deployments += said.code == exits.REFUSED and arguments[0] in ("deploy", "rollback")
        return said

    def ask(self, actor: str, *arguments: str) -> Said:
        """A command as one person calls it, answered in JSON."""
        return self.say(actor, *arguments, "--json")

    def do(self, actor: str, *arguments: str) -> Any:
        """A command that is taken; its answer."""
        said = self.ask(actor, *arguments)
        assert said.code == exits.OK, said.out
        return said.json

    def record(self, actor: str, event: str, **fields: object) -> Any:
        """An event from JSON, which is taken."""
        path = self.folder / "event.json"
        path.write_text(json.dumps({"event": event, **fields}))
        return self.do(actor, "record", str(path))


class Branch(Office):
    """An office whose ledger is served by a node as soon as it is founded; everybody works through it from then on."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        super().__init__(folder)
        self._patch = patch
        self._stack = stack

    def call(self, *arguments: str) -> Said:
        """A command; after the founding the settings name the node, and a folder with nothing but the founder's key."""
        said = super().call(*arguments)
        if arguments[0] == "init":
            home, client = self.folder / ".muniment", self.folder / "client"
            server = self._stack.enter_context(serving.running(home, state=self.folder / "server"))
            shutil.copytree(home / "keys" / "actors", client / "keys" / "actors", ignore=shutil.ignore_patterns("node.key"))
            for name, value in (("URL", server.url), ("TOKEN", server.token), ("HOME", str(client))):
                self._patch.setenv(f"MUNIMENT_{name}", value)
        return said


@pytest.fixture(params=["folder", "node"])
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Office]:
    """A folder of its own, in which nothing of this machine's user is seen."""
    for variable in [name for name in os.environ if name.startswith("MUNIMENT_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        made = Office(tmp_path) if request.param == "folder" else Branch(tmp_path, monkeypatch, stack)
        monkeypatch.setattr(embedded, "clocks", SimpleNamespace(time_ns=made.time_ns))
        yield made


def test_the_story(office: Office) -> None:
    """Each chapter goes on from where the one before ended."""
    gather(office)
    train(office)
    approve_what_one_made_oneself(office)
    deploy_with_one_approval_of_two(office)
    hold_and_release(office)
    waive(office)
    roll_back(office)
    lose_a_key(office)
    withdraw_data(office)
    read_on(office)


def gather(office: Office) -> None:
    """Everybody is let in, each with a role."""
    office.do("ada", "init", "--origin", ORIGIN, "--policy", "team")
    for actor, (kind, granted) in TEAM.items():
        line = office.do(actor, "keys", "request", "--origin", ORIGIN, "--kind", kind)["request"]
        office.do("ada", "keys", "admit", line, *granted)
    office.do("ada", "keys", "roles", "ada", *[f"--role={role}" for role in ("admin", "approver", "deployer", "trainer")])


def train(office: Office) -> None:
    """Three versions that learned from cleaned data, each of them measured."""
    for name in ("raw", "clean", "test"):
        (office.folder / f"{name}.csv").write_text(f"amount,paid\n{len(name)},1\n")
    raw, clean, _ = (office.do("ada", "dataset", f"loans-{name}", f"{name}.csv")["digest"] for name in ("raw", "clean", "test"))
    office.record("ada", "dataset.transformed", operation="clean", inputs=[raw], outputs=[clean])
    for number in (1, 2, 3):
        model = office.folder / f"model-{number}"
        model.write_bytes(bytes([number]))
        run = office.record("ada", "training.started", model="credit-risk", inputs=[{"role": "training", "data": clean}])
        office.do("ada", "register", "credit-risk", str(model), "--run", str(run["eventId"]))
        office.record("ada", "training.finished", run=run["eventId"], status="finished")
        measured = ["--metric", f"auc=0.9{number}", "--data", "loans-test", "--role", "test"]
        office.do("ada", "evaluate", f"credit-risk@{number}", *measured)


def approve_what_one_made_oneself(office: Office) -> None:
    """The trainer's own approval is refused, and so is that of a service for which she answers."""
    for actor in ("ada", "ci"):
        said = office.ask(actor, "approve", "credit-risk@1", "production")
        assert said.refusal == (exits.REFUSED, {"separation"})
        assert "The trainer is ada." in said.json["error"]["message"]


def deploy_with_one_approval_of_two(office: Office) -> None:
    """One approval of two: refused, with what is missing. Whoever has spoken is not heard twice. With the second one it runs."""
    deploy = ("deploy", "credit-risk@1", "production")
    office.do("ben", "approve", "credit-risk@1", "production")
    said = office.ask("ada", *deploy)
    assert said.refusal == (exits.REFUSED, {"approvals"})
    (reason,) = said.json["error"]["details"]["reasons"]
    assert reason["missing"] == ["1 more approval by approver"]
    assert "muniment approve credit-risk@1" in reason["mend"]
    told = office.say("ada", *deploy)
    assert (told.code, told.out) == (exits.REFUSED, "")
    assert re.search(r"missing +1 more approval by approver", told.err)
    office.do("ben", "approve", "credit-risk@1", "production")
    assert office.ask("ada", *deploy).refusal == (exits.REFUSED, {"approvals"})
    approved = office.do("cleo", "approve", "credit-risk@1", "production")
    # What Cleo was handed that day: it is shown again when her key is lost.
    (office.folder / RECEIPT).write_text(approved["recorded"]["receipt"])
    office.do("ada", *deploy)


def hold_and_release(office: Office) -> None:
    """Dan may record an incident, and hold nothing with it."""
    hold, release = ("hold", "credit-risk@1", "--severity", "high"), ("hold", "--release", "credit-risk@1")
    canary = ("deploy", "credit-risk@1", "production", "--name", "credit-risk-canary")
    assert office.ask("dan", *hold).refusal == (exits.REFUSED, {"hold-role"})
    office.do("ben", *hold)
    assert office.ask("ada", *canary).refusal == (exits.REFUSED, {"hold"})
    assert office.ask("dan", *release).refusal == (exits.REFUSED, {"role"})
    office.do("ben", *release)
    office.do("ada", *canary)


def waive(office: Office) -> None:
    """A waiver lets through one version in one environment, for one rule, until it expires; never by the one it would help."""
    grant = ("waive", "approvals", "credit-risk@2", "production", "--for", "4h", "--measures", "Two people watch it.")
    refused = (exits.REFUSED, {"approvals"})
    assert office.ask("dan", *grant).refusal == (exits.REFUSED, {"role"})
    office.do("ada", *grant)
    assert office.ask("ada", "deploy", "credit-risk@2", "production").refusal == refused
    office.do("ben", *grant)
    assert office.ask("ada", "deploy", "credit-risk@2", "staging").refusal == refused
    assert office.ask("ada", "deploy", "credit-risk@3", "production").refusal == refused
    office.do("ben", "hold", "credit-risk@2", "--severity", "low")
    assert office.ask("ada", "deploy", "credit-risk@2", "production").refusal == (exits.REFUSED, {"hold"})
    office.do("ben", "hold", "--release", "credit-risk@2")
    office.do("ada", "deploy", "credit-risk@2", "production")
    office.ahead_ns += 5 * HOUR_NS
    assert office.ask("ada", "deploy", "credit-risk@2", "production", "--name", "credit-risk-canary").refusal == refused


def roll_back(office: Office) -> None:
    """What was admitted without help comes back without asking; what only a waiver let through does not."""
    office.do("ada", "rollback", "production/credit-risk")
    said = office.ask("ada", "rollback", "production/credit-risk", "--to", "credit-risk@2")
    assert said.refusal == (exits.REFUSED, {"approvals"})


def lose_a_key(office: Office) -> None:
    """A key in other hands: what it signed stays proved and is disputed, the gate shuts, and the next deployment needs another."""
    (cleo,) = [each for each in office.do("ada", "keys", "list")["actors"] if each["actor"]["id"] == "cleo"]
    approved = office.do("ada", "verify", RECEIPT)["found"]["index"]
    east = ("deploy", "credit-risk@1", "production", "--name", "credit-risk-east")
    gate = ("gate", "production/credit-risk", "model-1")
    office.do("ada", *east, "--dry-run")
    office.do("ada", *gate)
    office.do("cleo", "keys", "rotate")
    office.do("ada", "keys", "compromise", cleo["keys"][0]["key"], "--from", str(approved))
    said = office.ask("ada", *east)
    assert said.refusal == (exits.REFUSED, {"approvals"})
    assert f"Not cleo (entry {approved}): its key was compromised: approval disputed." in said.json["error"]["message"]
    shut = office.ask("ada", *gate)
    assert (shut.code, [each["code"] for each in shut.json["causes"]]) == (exits.REFUSED, ["approval-disputed"])
    assert "Approval disputed" in office.say("ada", *gate).out
    told = office.say("dan", "verify", RECEIPT)
    assert told.code == exits.OK
    assert f"admitted, but disputed since entry {approved}" in " ".join(told.out.split())
    proof = office.folder / "proof.json"
    office.do("ada", "prove", str(approved), "--out", str(proof))
    told = office.say("dan", "verify", str(proof))
    assert told.code == exits.OK
    assert f"admitted, but disputed since entry {approved}" in " ".join(told.out.split())
    office.do("cleo", "approve", "credit-risk@1", "production")
    office.do("ada", *east)


def withdraw_data(office: Office) -> None:
    """The next deployment is refused with the way by which the data reached the model; going back is refused as well."""
    office.do("ben", "withdraw", "loans-raw", "--cause", "consent")
    path = r"loans-raw@1 was withdrawn \(entry \d+\): credit-risk@1 <- loans-clean@1 <- loans-raw@1"
    for command in (
        ("deploy", "credit-risk@1", "production", "--name", "credit-risk-west"),
        ("rollback", "production/credit-risk", "--to", "credit-risk@1"),
    ):
        said = office.ask("ada", *command)
        assert said.refusal == (exits.REFUSED, {"withdrawn"})
        assert re.search(path, said.json["error"]["message"])


def read_on(office: Office) -> None:
    """Each refused deployment is on record, as `team` asks; and the whole ledger holds, rules included."""
    recorded = office.do("dan", "log", "--event", "attempt.refused", "--limit", "100")["events"]
    assert len(recorded) == office.refused_deployments
    told = office.say("dan", "verify", ".muniment")
    assert told.code == exits.OK, told.err
