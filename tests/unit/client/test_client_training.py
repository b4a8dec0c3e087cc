"""client.training: a run is recorded whole, and never stands in the way of the training."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from muniment.capture import git
from muniment.client import opening
from muniment.client.ledger import Ledger
from muniment.client.training import MAX_SUMMARIES, RecordingWarning, Training
from muniment.core.format import dsse
from muniment.core.rules import events
from muniment.core.rules.events import ModelRegistered, TrainingFinished, TrainingStarted
from muniment.core.rules.policy import PolicyViolation, Verdict
from muniment.core.rules.records import Run
from muniment.errors import CaptureError, InvalidInput, NotFound, Unavailable


def said(ledger: Ledger, event_id: str) -> events.Event:
    with ledger.view() as view:
        index = view.find(event_id)
        assert index is not None
        return events.decode(dsse.decode(view.entry(index)).payload)


def finished(ledger: Ledger, run: Training) -> TrainingFinished:
    assert run.finished is not None
    event = said(ledger, run.finished.event_id)
    assert isinstance(event, TrainingFinished)
    return event


def close_for_writing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(entries: Sequence[bytes]) -> list[Verdict]:
        raise Unavailable("the disk is full", code="full")

    monkeypatch.setattr(ledger._writer.engine, "append", refuse)


def test_a_whole_run(ledger: Ledger, loans: Path, model: Path) -> None:
    data = ledger.dataset("loans", loans)
    with ledger.training(
        "credit-risk", inputs={"training": data, "test": ["loans@1"]}, parameters={"depth": 6, "note": "two words"}, seed=7
    ) as run:
        for step in range(3):
            run.metric("loss", 1 / (step + 1), step=step)
        run.metric("auc", 0.913)
        matrix = run.output("data/matrix", loans)
        version = run.register("credit-risk", model)
    assert version is not None
    assert version.title == "credit-risk@1"
    assert run.started is not None
    assert run.id == run.started.event_id
    started = said(ledger, run.started.event_id)
    assert isinstance(started, TrainingStarted)
    assert [(each.data, each.role) for each in started.inputs] == [(data.digest, "test"), (data.digest, "training")]
    assert started.seed == 7
    assert {each.key for each in started.parameters} == {"depth", "note"}
    assert isinstance(started.environment_digest, str)
    assert ledger._writer.blobs.load(started.environment_digest).startswith(b'{"hardware"')
    ended = finished(ledger, run)
    assert ended.status == "finished"
    assert {(each.name, each.digest) for each in ended.outputs} == {("data/matrix", matrix), ("credit-risk", version.digest)}
    assert {each.metric: each.value for each in ended.metrics} == {"auc": "0.913", "loss": "0.3333333333333333"}
    assert isinstance(ended.metric_log_digest, str)
    log = ledger._writer.blobs.load(ended.metric_log_digest).decode().splitlines()
    assert log[0] == '{"metric":"loss","step":0,"value":"1.0"}'
    assert len(log) == 4
    state = ledger.state(f"run/{run.id}", Run)
    assert state is not None
    assert (state.status, state.model) == ("finished", "credit-risk")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("no memory"), "failed"),
        (KeyboardInterrupt(), "killed"),
        (SystemExit(1), "failed"),
        (SystemExit("bye"), "failed"),
        (SystemExit(0), "finished"),
        (SystemExit(None), "finished"),
    ],
)
def test_how_a_run_ended(ledger: Ledger, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)) as caught, ledger.training("m") as run:
        raise error
    assert caught.value is error
    assert finished(ledger, run).status == status


def test_a_run_can_fail_without_an_exception(ledger: Ledger) -> None:
    with ledger.training("m") as run:
        run.fail("killed")
    assert finished(ledger, run).status == "killed"


def test_what_cannot_be_sent_now_is_kept(ledger: Ledger, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        close_for_writing(ledger, patch)
        with pytest.warns(RecordingWarning, match="3 events wait to be sent"), ledger.training("m") as run:
            version = run.register("m", model)
        assert version is not None
        assert (version.number, version.recorded.sealed, str(version)[:4]) == (None, False, "m · ")
        assert run.started is not None
        assert run.id is not None
        assert not run.started.sealed
        assert len(ledger.pending()) == 3
    assert ledger.describe_spool() == "3 of your events wait to be sent: see `muniment log --pending`"
    ledger.record("note.added", {"about": [f"actor/{ledger.actor}"], "text": "later"})
    assert ledger.pending() == []
    state = ledger.state(f"run/{run.id}", Run)
    assert state is not None
    assert state.status == "finished"
    assert ledger.resolve("m@1").digest == version.digest


def test_it_goes_on_where_nothing_can_be_recorded(ledger: Ledger, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close_for_writing(ledger, monkeypatch)
    monkeypatch.setattr(ledger._writer.spool, "store", lambda raw: (_ for _ in ()).throw(Unavailable("no room at all")))
    run = ledger.training("m")
    with pytest.warns(RecordingWarning, match="no room at all"):
        run.__enter__()
    run.metric("auc", 0.9)
    with pytest.warns(RecordingWarning, match="no room at all"):
        assert run.register("m", model) is None
    run.__exit__(None, None, None)
    assert run.id is None
    assert run.finished is None


def test_an_input_that_nobody_knows_is_said_and_the_training_goes_on(ledger: Ledger, loans: Path, model: Path) -> None:
    ledger.dataset("loans", loans)
    with pytest.warns(RecordingWarning, match="Did you mean loans"), ledger.training("m", inputs={"training": "lons"}) as run:
        reached = True
    assert reached
    assert run.id is None


def test_a_run_that_the_ledger_refuses_is_named_by_nothing(ledger: Ledger, model: Path) -> None:
    with pytest.warns(RecordingWarning, match="data set 00000000"), ledger.training("m", inputs={"training": "0" * 64}) as run:
        version = run.register("m", model)
    assert run.id is None
    assert version is not None
    event = said(ledger, version.recorded.event_id)
    assert isinstance(event, ModelRegistered)
    assert (event.derivation, event.grade) == ("trained", "declared")
    assert not isinstance(event.run, str)


def test_bad_metrics_and_outputs_are_said_and_left_out(ledger: Ledger, loans: Path) -> None:
    with ledger.training("m") as run:
        with pytest.warns(RecordingWarning):
            run.metric("area under curve", 0.9)
        with pytest.warns(RecordingWarning):
            run.metric("auc", None)  # type: ignore[arg-type]
        with pytest.warns(RecordingWarning):
            run.metric("auc", "high")  # type: ignore[arg-type]
        with pytest.warns(RecordingWarning, match="nothing at"):
            assert run.output("matrix", "nowhere") is None
        with pytest.warns(RecordingWarning, match="cannot name"):
            assert run.output("confusion matrix", loans) is None
        run.metric("auc", float("nan"))
    ended = finished(ledger, run)
    assert [(each.metric, each.value) for each in ended.metrics] == [("auc", "NaN")]
    assert ended.outputs == ()


def test_more_metrics_than_fit_stay_in_the_log(ledger: Ledger) -> None:
    with ledger.training("m") as run:
        for number in range(MAX_SUMMARIES + 50):
            run.metric(f"{'a' * 120}/{number:04d}", number / 7)
    ended = finished(ledger, run)
    assert len(ended.metrics) == MAX_SUMMARIES
    assert isinstance(ended.metric_log_digest, str)
    assert len(ledger._writer.blobs.load(ended.metric_log_digest).splitlines()) == MAX_SUMMARIES + 50


def test_checkpoints_of_one_model_are_told_apart(ledger: Ledger, model: Path) -> None:
    with ledger.training("m") as run:
        for number in range(3):
            (model / "weights.bin").write_bytes(bytes([number]))
            run.register("m", model)
        run.register("m", model)
    assert [each.name for each in finished(ledger, run).outputs] == ["m", "m-2", "m-3"]


def test_an_output_named_again_is_the_last_one(ledger: Ledger, loans: Path) -> None:
    with ledger.training("m") as run:
        run.output("matrix", loans)
        loans.write_text("changed")
        last = run.output("matrix", loans)
    assert [(each.name, each.digest) for each in finished(ledger, run).outputs] == [("matrix", last)]


def test_what_starts_from_a_version_is_finetuned(ledger: Ledger, model: Path) -> None:
    first = ledger.register("m", model)
    (model / "weights.bin").write_bytes(b"more")
    with ledger.training("m", base=[first]) as run:
        version = run.register("m", model, licence="MIT")
    assert version is not None
    event = said(ledger, version.recorded.event_id)
    assert isinstance(event, ModelRegistered)
    assert (event.derivation, event.parents, event.licence) == ("finetuned", (first.digest,), "MIT")


def test_without_git_the_rest_is_recorded(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise CaptureError("git could not be asked", code="git-failed", hint="")

    monkeypatch.setattr(git, "read", fail)
    with pytest.warns(RecordingWarning, match="git could not"), ledger.training("m") as run:
        pass
    assert finished(ledger, run).status == "finished"


def test_strict_mode_raises(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound), ledger.training("m", inputs={"training": "lons"}, strict=True):
        pytest.fail("the training began")
    with pytest.raises(PolicyViolation), ledger.training("m", inputs={"training": "0" * 64}, strict=True):
        pytest.fail("the training began")
    with pytest.raises(InvalidInput), ledger.training("m", strict=True) as run:
        run.metric("a b", 1)
    assert finished(ledger, run).status == "failed"
    close_for_writing(ledger, monkeypatch)
    with pytest.raises(Unavailable), ledger.training("m", strict=True):
        pytest.fail("the training began")
    assert ledger.pending() == []


def test_in_strict_mode_too_the_error_of_the_training_is_the_one_that_is_seen(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train() -> None:
        with ledger.training("m", strict=True):
            monkeypatch.setattr(ledger._writer, "sign", lambda *_: 1 / 0)
            raise RuntimeError("mine")

    with pytest.warns(RecordingWarning, match="division"), pytest.raises(RuntimeError, match="mine"):
        train()


def test_a_forked_child_does_not_end_the_run(ledger: Ledger) -> None:
    with ledger.training("m") as run:
        run.metric("auc", 0.5)
        child = os.fork()
        if child == 0:
            run.metric("auc", 0.1)
            run.__exit__(None, None, None)
            os._exit(0 if run.finished is None else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert [each.value for each in finished(ledger, run).metrics] == ["0.5"]


def test_a_forked_child_may_register(ledger: Ledger, model: Path) -> None:
    with ledger.training("m") as run:
        child = os.fork()
        if child == 0:
            try:
                version = run.register("m", model)
                os._exit(0 if version is not None and version.number == 1 else 1)
            except BaseException:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
    assert finished(ledger, run).status == "finished"
    assert ledger.resolve("m@1").ordinal == 1


def test_sigterm_ends_a_run_in_order(ledger: Ledger) -> None:
    ledger.close()
    script = """
        import sys, time, muniment
        ledger = muniment.open()
        with ledger.training("m") as run:
            print(run.id, flush=True)
            time.sleep(60)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        run = process.stdout.readline().strip()
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    with opening.open() as again:
        state = again.state(f"run/{run}", Run)
    assert state is not None
    assert state.status == "killed"


def test_the_next_open_says_what_waits(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        close_for_writing(ledger, patch)
        with pytest.warns(RecordingWarning, match="2 events wait"), ledger.training("m"):
            pass
    ledger.close()
    with pytest.warns(RecordingWarning, match="2 of your events wait to be sent"):
        again = opening.open()
    with again, warnings.catch_warnings():
        warnings.simplefilter("error")
        again.record("note.added", {"about": ["actor/alice"], "text": "later"})
        with opening.open():
            pass
