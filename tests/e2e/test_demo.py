"""`muniment demo` as a newcomer runs it: the real command in an empty folder, without a network and with a home of its own."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from muniment import config
from muniment.cli.commands import demo
from muniment.cli.demo import place
from muniment.cli.demo.attack import Attack
from muniment.client.ledger import Ledger
from muniment.client.opening import connect
from muniment.core.format import dsse, encoding
from muniment.core.rules import policy_text, records

PROGRAM = str(Path(sys.executable).with_name("muniment"))
TIME_LIMIT_S = 300

# Any attempt to reach a network ends the process.
NO_NETWORK = """
import os, sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        os._exit(77)
sys.addaudithook(refuse)
"""


@dataclass(frozen=True)
class Run:
    """One run: where it ran, what it printed, and with which environment."""

    folder: Path
    text: str
    environment: Mapping[str, str]

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """Paste a line into a shell, in the folder in which the demo was started."""
        return subprocess.run(
            line,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo as text, in an empty folder."""
    folder, home = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("home")
    guard = tmp_path_factory.mktemp("guard")
    (guard / "sitecustomize.py").write_text(NO_NETWORK)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(guard), "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        [PROGRAM, "demo"], cwd=folder, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(home.iterdir()) == [], "the demo left something in the user's own folders"
    assert [path.name for path in folder.iterdir()] == ["demo"]
    return Run(folder, done.stdout, environment)


@pytest.fixture(scope="module")
def told(story: Run) -> dict[str, Any]:
    """The demo again, in the same folder, for machines."""
    done = story.shell(f"{shlex.quote(PROGRAM)} demo --json")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def ledger(story: Run, told: dict[str, Any]) -> Ledger:
    """The ledger that the second run left behind, opened by somebody who reads on."""
    settings = config.resolve(story.environment, story.folder / "demo", {})
    return connect(settings)


def predicate(ledger: Ledger, index: int) -> dict[str, Any]:
    """What an entry says, out of its signed bytes."""
    with ledger.view() as view:
        payload = dsse.open(dsse.decode(view.entry(index)))
    statement: Any = encoding.decode(payload, limit=encoding.MAX_PAYLOAD_BYTES)
    found: dict[str, Any] = statement["predicate"]
    return found


def test_it_is_told_in_chapters_within_the_terminal(story: Run) -> None:
    lines = story.text.splitlines()
    chapters = [line for line in lines if re.match(r"\d+\. ", line)]
    assert [int(line.partition(".")[0]) for line in chapters] == list(range(1, len(chapters) + 1))
    commands = [line for line in lines if "--home" in line]
    assert max(len(line) for line in lines if line not in commands) <= 96
    assert "\x1b" not in story.text
    assert "!" not in story.text


def test_it_says_how_far_the_proofs_go(story: Run, told: dict[str, Any]) -> None:
    assert (told["question"]["tier"], told["question"]["basis"]) == ("solo", "asserted")
    assert re.search(r"tier +solo:", story.text)
    assert re.search(r"basis +asserted:", story.text)


def test_a_second_run_says_so_and_begins_anew(
    story: Run, told: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told["origin"] not in story.text
    assert "There is a demo in" not in story.text
    place.prepare(place.Place(tmp_path / "demo"))
    monkeypatch.setattr(demo, "ATTACKS", ())
    done = CliRunner().invoke(demo.command, ["--dir", str(tmp_path / "demo")], standalone_mode=False)
    assert (done.exception, done.return_value) == (None, 0)
    assert "from before. It is removed now" in " ".join(done.output.split())


def test_every_attack_is_caught_with_a_code_of_its_own(story: Run, told: dict[str, Any]) -> None:
    codes = [attack["code"] for attack in told["attacks"]]
    assert len(codes) == len(set(codes)) == told["caught"] >= 8
    assert all(attack["message"] and attack["by"] for attack in told["attacks"])
    asked_for = {
        "edit-byte", "edit-sql", "cut-tail", "reorder", "drop-entry", "swap-model-file", "replay", "rewrite", "forge-state",
    }  # fmt: skip
    assert asked_for <= {attack["name"] for attack in told["attacks"]}
    assert re.findall(r"caught by [^\[]+\[([a-z-]+)\]", " ".join(story.text.split())) == codes


def test_the_swapped_file_is_named(told: dict[str, Any]) -> None:
    (swapped,) = [attack for attack in told["attacks"] if attack["name"] == "swap-model-file"]
    assert "model.joblib changed (1 of 4 files)" in swapped["message"]


def test_the_evidence_of_a_rewriting_is_left_behind(told: dict[str, Any]) -> None:
    (rewritten,) = [attack for attack in told["attacks"] if attack["name"] == "rewrite"]
    assert rewritten["code"] == "split-view-same-size"
    assert Path(rewritten["evidence"]).is_relative_to(told["folder"])
    assert Path(rewritten["evidence"]).is_file()


def test_each_refusal_is_by_its_own_rule_and_told(story: Run, told: dict[str, Any]) -> None:
    assert {each["name"]: each["rule"] for each in told["refusals"]} == {
        "own-approval": "separation",
        "one-approval": "approvals",
        "unregistered": "unknown",
        "failed-test": "evaluations",
        "disputed-key": "approvals",
        "withdrawn-data": "withdrawn",
    }
    text = " ".join(story.text.split())
    for each in told["refusals"]:
        assert each["code"] == f"refused-{each['rule']}"
        assert re.search(rf"refused {re.escape(each['tried'])} The ledger: [^\[]+\[{each['code']}\]", text)
    said = {each["name"]: each["message"] for each in told["refusals"]}
    assert "The trainer is ada." in said["own-approval"]
    assert re.search(r"asks for 2 approvals by approver.* ben \(entry \d+\) counts", said["one-approval"])
    assert "accuracy of at least 0.95 on test data" in said["failed-test"]
    assert re.search(r"Not cleo \(entry \d+\): .*approval disputed", said["disputed-key"])
    assert "tumour-screen@1 <- biopsies-training@1 <- biopsies-south@1" in said["withdrawn-data"]


def test_what_was_refused_is_not_in_the_ledger(told: dict[str, Any], ledger: Ledger) -> None:
    assert [row.index for row in ledger.log(limit=500)] == [step["entry"] for step in reversed(told["steps"])]
    assert ledger.deployments("west") == []


def test_withdrawn_data_are_traced_to_what_runs(story: Run, told: dict[str, Any], ledger: Ledger) -> None:
    withdrawal = told["withdrawal"]
    assert (withdrawal["data"], withdrawal["gate"]) == ("biopsies-south@1", "withdrawn")
    assert withdrawal["learned"] == [
        {"version": "tumour-screen@1", "way": ["biopsies-training@1"], "running": ["production/tumour-screen"]},
        {"version": "tumour-screen@2", "way": ["biopsies-training@1"], "running": []},
        {"version": "tumour-screen@3", "way": ["biopsies-training@1"], "running": []},
    ]
    state = ledger.state(f"data/{withdrawal['digest']}", records.Data)
    assert state is not None
    assert state.withdrawn == withdrawal["entry"]
    assert re.search(r"learned +tumour-screen@1, .* It runs now, as\s+production/tumour-screen\.", story.text)


def test_the_stolen_key_is_disputed_and_its_approval_still_proved(told: dict[str, Any], ledger: Ledger) -> None:
    dispute = told["dispute"]
    assert (dispute["standing"], dispute["since"]) == ("disputed", dispute["entry"])
    assert predicate(ledger, dispute["entry"])["of"]["environment"] == "west"


def test_the_rules_that_it_leaves_are_those_in_force(story: Run, told: dict[str, Any], ledger: Ledger) -> None:
    text = (story.folder / "demo" / "policy.toml").read_text(encoding="utf-8")
    assert policy_text.parse(text) == ledger.policy()


def test_the_metrics_told_are_those_in_the_ledger(story: Run, told: dict[str, Any], ledger: Ledger) -> None:
    events = {"evaluation.completed": "test", "training.finished": "training", "monitoring.reported": "later"}
    for name, part in events.items():
        entries = [step["entry"] for step in told["steps"] if step["event"] == name]
        versions = told["versions"] if name != "monitoring.reported" else told["versions"][1:2]
        for entry, version in zip(entries, versions, strict=True):
            said = predicate(ledger, entry)
            recorded = {each["metric"]: float(each["value"]) for each in said["metrics" if part != "test" else "results"]}
            assert recorded == version[part]
            assert re.search(rf"entry {entry} .*accuracy {re.escape(str(round(recorded['accuracy'], 3)))}, ", story.text)


def test_the_metrics_are_those_of_the_saved_models(told: dict[str, Any]) -> None:
    import joblib  # type: ignore[import-untyped]

    folder = Path(told["folder"])
    for number, version in enumerate(told["versions"], 1):
        model = joblib.load(folder / "models" / str(number) / "model.joblib")
        for part in ("training", "test"):
            rows = list(csv.reader((folder / "data" / f"{part}.csv").read_text(encoding="utf-8").splitlines()))[1:]
            said = model.predict([[float(value) for value in row[:-1]] for row in rows])
            right = sum(int(row[-1]) == each for row, each in zip(rows, said, strict=True))
            assert right / len(rows) == version[part]["accuracy"]


def test_version_2_met_the_plan_and_was_worse_in_use(told: dict[str, Any]) -> None:
    first, second, _ = told["versions"]
    assert min(first["test"]["accuracy"], second["test"]["accuracy"]) >= 0.95
    assert second["training"]["accuracy"] > first["training"]["accuracy"]
    assert second["later"]["recall"] < first["later"]["recall"]


def test_version_3_failed_the_test(told: dict[str, Any]) -> None:
    assert told["versions"][2]["test"]["accuracy"] < 0.95


def test_the_answer_is_about_the_version_between_launch_and_rollback(told: dict[str, Any], ledger: Ledger) -> None:
    question = told["question"]
    assert (question["ran"], question["approvedBy"]) == ("tumour-screen@2", ["ben", "cleo"])
    running = ledger.running("production", "tumour-screen")
    assert running is not None
    assert running.version == told["versions"][0]["digest"]


def test_three_people_signed_each_with_their_own_keys(told: dict[str, Any], ledger: Ledger) -> None:
    with ledger.view() as view:
        keys = {}
        for step in told["steps"]:
            envelope = dsse.decode(view.entry(step["entry"]))
            keys.setdefault(predicate(ledger, step["entry"])["actor"], set()).add(envelope.key)
    # Cleo has a second one, after the first was stolen.
    assert {actor: len(used) for actor, used in keys.items()} == {"ada": 1, "ben": 1, "cleo": 2}
    assert len(set().union(*keys.values())) == 4


def test_the_last_three_commands_work_when_pasted(story: Run, told: dict[str, Any]) -> None:
    printed = [line.strip() for line in story.text.splitlines() if "--home demo/.muniment" in line]
    assert len(printed) == len(told["commands"]) == 3
    outputs = []
    # The moment in the text is that of the first run; the ledger in the folder is that of the second.
    for line in told["commands"]:
        done = story.shell(line)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), (line, done.stdout, done.stderr)
        outputs.append(done.stdout)
    assert "deployment.changed" in outputs[0]
    assert "tumour-screen@2" in outputs[1]
    assert "ben" in outputs[1]
    assert "tumour-screen@2" in outputs[2]


@pytest.mark.parametrize(("proof", "said"), [("then", "tumour-screen@2"), ("impact", "tumour-screen@1 <- biopsies-training@1")])
def test_the_proofs_it_leaves_can_be_verified(story: Run, told: dict[str, Any], proof: str, said: str) -> None:
    done = story.shell(f"{shlex.quote(PROGRAM)} verify demo/proofs/{proof}.json --home demo/.muniment")
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_an_attack_that_nothing_catches_fails_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "ATTACKS", (Attack("nothing", "Nothing is done.", lambda _scene, _folder: None),))
    done = CliRunner().invoke(demo.command, ["--dir", str(tmp_path / "demo")], standalone_mode=False)
    assert done.exception is None
    assert done.return_value == 1
    assert "NOT CAUGHT" in done.output
    assert "1 of 1 were not caught" in done.output


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    done = subprocess.run([PROGRAM, "demo", "--dir", ".", "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "not-a-demo"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
