"""`muniment train`: a command runs as it would alone, and its run is recorded around it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment import exits
from muniment.cli import child
from muniment.client import opening
from muniment.core.format import dsse
from muniment.core.rules import events
from muniment.core.rules.events import TrainingFinished, TrainingStarted
from muniment.core.rules.records import Run

Call = Callable[..., Any]

SCRIPT = """
import json, os, pathlib, sys
print("to out")
print("to err", file=sys.stderr)
folder = pathlib.Path("out/model")
folder.mkdir(parents=True, exist_ok=True)
(folder / "weights.bin").write_text(os.environ["MUNIMENT_RUN"])
pathlib.Path("metrics.json").write_text(json.dumps({"auc": 0.91, "loss": {"val": 2}, "name": "x", "ok": True}))
sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
"""


@pytest.fixture
def script() -> Path:
    path = Path("train.py")
    path.write_text(SCRIPT)
    return path


def events_of(name: str) -> list[events.Event]:
    with opening.open() as ledger:
        rows = ledger.log(names=[name])
        with ledger.view() as view:
            return [events.decode(dsse.decode(view.entry(row.index)).payload) for row in rows]


def test_a_whole_run(call: Call, home: Path, loans: Path, script: Path) -> None:
    call("dataset", "loans", loans)
    answer = call(
        *("train", "credit-risk", "--input", "training=loans@1", "--input", "test=loans", "--param", "max_depth=6"),
        *("--param", "lr=0.10", "--param", "note=two words", "--seed", "7", "--metrics", "metrics.json"),
        *("--output", "out/model", "--reason", "first try", "--", sys.executable, script),
    )
    assert (answer.code, answer.out) == (0, "to out\n")
    said = answer.err.splitlines()
    assert said[0] == "to err"
    assert said[1].startswith("credit-risk@1 · ")
    assert said[-1] == "Next: muniment evaluate credit-risk@1 --metric NAME=VALUE"
    (started,) = events_of("training.started")
    assert isinstance(started, TrainingStarted)
    assert (started.entry_point, started.seed) == ("train.py", 7)
    assert [each.role for each in started.inputs] == ["test", "training"]
    values = {each.key: each.value for each in started.parameters}
    assert (values["max_depth"], values["lr"]) == (6, "0.1")
    (finished,) = events_of("training.finished")
    assert isinstance(finished, TrainingFinished)
    assert (finished.status, [each.name for each in finished.outputs]) == ("finished", ["credit-risk"])
    assert {each.metric: each.value for each in finished.metrics} == {"auc": "0.91", "loss.val": "2.0"}
    assert Path("out/model/weights.bin").read_text() == started.event_id


def test_as_json(call: Call, home: Path, script: Path) -> None:
    answer = call("train", "m", "--output", "out/model", "--json", "--", sys.executable, script)
    value = answer.json()
    assert "to out\n" in answer.err
    assert (value["status"], value["exitCode"], value["version"]["number"]) == ("finished", 0, 1)
    assert value["run"] == value["started"]["eventId"]
    assert value["finished"]["index"] > value["started"]["index"]


def test_the_exit_code_is_the_commands(call: Call, home: Path, script: Path) -> None:
    answer = call("train", "m", "--output", "out/model", "--", sys.executable, script, "42")
    assert answer.code == 42
    assert "failed, exit code 42" in answer.err
    (finished,) = events_of("training.finished")
    assert isinstance(finished, TrainingFinished)
    assert (finished.status, finished.outputs) == ("failed", ())
    assert events_of("model.registered") == []


def test_an_output_that_is_not_there_is_said(call: Call, home: Path, script: Path) -> None:
    answer = call("train", "m", "--output", "elsewhere", "--metrics", "none.json", "--", sys.executable, script)
    assert answer.code == 0
    assert "there is nothing at" in answer.err
    assert "none.json cannot be read" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--input", "training=lons", "--", "true"], exits.NOT_FOUND, "Did you mean loans?"),
        (["--input", "train=loans", "--", "true"], exits.USAGE, "--input takes"),
        (["--base", "m@1", "--", "true"], exits.NOT_FOUND, "m@1"),
        (["--param", "depth", "--", "true"], exits.USAGE, "key=value"),
        (["--", "no-such-program"], exits.USAGE, "there is no command"),
        (["python", "train.py", "--epochs", "3"], exits.USAGE, "Put `--` before"),
        (["--nope", "--", "true"], exits.USAGE, "--nope"),
        ([], exits.USAGE, "COMMAND"),
    ],
)
def test_what_is_misspelt_is_said_before_anything_runs(
    call: Call, home: Path, loans: Path, arguments: list[str], code: int, said: str
) -> None:
    call("dataset", "loans", loans)
    answer = call("train", "m", *arguments)
    assert answer.code == code
    assert said in answer.err
    assert events_of("training.started") == []


def test_what_cannot_be_recorded_runs_all_the_same_unless_strict(call: Call, home: Path, script: Path) -> None:
    assert call("keys", "request", "--actor", "bob").code == 0
    answer = call("train", "m", "--actor", "bob", "--", sys.executable, "-c", "print('ran')")
    assert (answer.code, answer.out) == (0, "ran\n")
    assert "could not record" in answer.err
    assert "it is not recorded" in answer.err
    strict = call("train", "m", "--actor", "bob", "--strict", "--", sys.executable, "-c", "print('ran')")
    assert (strict.code, strict.out) == (exits.REFUSED, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_from_outside(home: Path, number: signal.Signals) -> None:
    """The child is told, we wait for it, and the run is recorded as killed."""
    sleeper = "import time; print('up', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-m", "muniment", "train", "m", "--", sys.executable, "-c", sleeper],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Whoever started these tests in the background had it ignored, and that is handed down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    try:
        _, said = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        pytest.fail(process.communicate()[1])
    assert process.returncode == 128 + number
    assert f"killed, exit code {128 + number}" in said
    with opening.open() as ledger:
        (row,) = ledger.log(names=["training.started"])
        state = ledger.state(f"run/{row.event_id}", Run)
    assert state is not None
    assert state.status == "killed"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_what_is_ignored_here_is_ignored_by_the_child(number: signal.Signals) -> None:
    """`nohup muniment train ...` outlives its terminal, and so does what it runs."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        assert child.run(["sh", "-c", f"kill -{number} $PPID; kill -{number} $$; exit 7"], os.environ, quiet_output=True) == 7
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_the_child_finds_the_ledger(call: Call, home: Path, tmp_path: Path) -> None:
    code = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('MUNIMENT_')}))"
    found = json.loads(call("train", "m", "--", sys.executable, "-c", code).out)
    assert found["MUNIMENT_HOME"] == str(home)
    assert time.time() > int(found["MUNIMENT_RUN"].replace("-", "")[:12], 16) / 1000 - 60
