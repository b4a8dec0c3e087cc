"""cli.progress: a bar only for people, and only for work that takes a moment."""

from __future__ import annotations

import pytest

from muniment.cli import output, progress


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: True)


def test_no_bar_without_a_terminal_and_none_beside_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: False)
    with progress.hashing(False) as show, progress.counting("Checking", False) as count:
        assert (show, count) == (None, None)
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    with progress.hashing(True) as show:
        assert show is None


def test_short_work_draws_nothing(terminal: None, capfd: pytest.CaptureFixture[str]) -> None:
    with progress.hashing(False) as show, progress.counting("Checking", False) as count:
        assert show is not None
        assert count is not None
        show(1, 2, "file")
        count(1, 2)
    assert capfd.readouterr() == ("", "")


def test_long_work_draws_on_standard_error(
    terminal: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with progress.hashing(False) as show:
        assert show is not None
        show(512, 1_024, "weights.bin")
    with progress.counting("Checking", False) as count:
        assert count is not None
        count(3, 4)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "weights.bin" in captured.err
    assert "3/4" in captured.err
