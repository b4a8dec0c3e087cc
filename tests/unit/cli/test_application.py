"""cli.application: the command tree and its edges."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from muniment import exits
from muniment.cli import application
from muniment.cli.groups import Group
from muniment.core.rules.policy import PolicyViolation, Reason, Verdict
from muniment.errors import (
    CaptureError,
    Conflict,
    CorruptStore,
    InvalidInput,
    MunimentError,
    NotFound,
    Unavailable,
    VerificationError,
)

Call = Callable[..., Any]

MINE = ["init", "keys", "dataset", "plan", "train", "register", "evaluate", "approve", "deploy", "rollback", "record", "log"]
REFUSED = Verdict(
    decision="refused",
    event_id="x",
    reasons=(
        Reason(rule="role", required="It is for owners.", found="Bob holds no role.", mend="Ask an owner."),
        Reason(rule="unknown", required="It exists.", found="It does not."),
    ),
)


def raising(error: BaseException) -> click.Command:
    @click.command()
    @click.option("--json", is_flag=True)
    def command(json: bool) -> None:
        raise error

    return command


@pytest.fixture
def fail(call: Call, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Call a command that ends with an error."""

    def run(error: BaseException, *arguments: str) -> Any:
        monkeypatch.setattr(application.application, "get_command", lambda *_: raising(error))
        return call("log", *arguments)

    return run


@pytest.mark.parametrize("name", MINE)
def test_every_command_explains_itself(call: Call, name: str) -> None:
    module = importlib.import_module(f"muniment.cli.commands.{name}")
    assert module.__doc__ == f"`muniment {name}`"
    answer = call(name, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: muniment {name}")
    commands = module.command.commands.values() if isinstance(module.command, Group) else [module.command]
    for command in commands:
        assert command.help
        assert all(option.help for option in command.params if isinstance(option, click.Option))
        assert {"as_json", "home", "actor"} <= {parameter.name for parameter in command.params}


def test_help_lists_commands_and_exit_codes_without_importing_any(call: Call) -> None:
    answer = call("--help")
    assert answer.code == 0
    for name, line in application.COMMANDS.items():
        assert name in answer.out
        assert line[:40] in answer.out
    for meaning in exits.MEANINGS.values():
        assert meaning[:40] in answer.out


@pytest.mark.parametrize("arguments", [[], ["keys"]])
def test_without_a_command_there_is_help(call: Call, arguments: list[str]) -> None:
    answer = call(*arguments)
    assert (answer.code, answer.out) == (exits.USAGE, "")
    assert answer.err.startswith("Usage: muniment")
    assert call(*arguments, "--json").code == exits.USAGE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["regster"], "Did you mean 'register'?"),
        (["xyzzy"], "There is no command 'xyzzy'."),
        (["keys", "lsit"], "Did you mean 'list'?"),
        (["log", "--jsn"], "--json"),
        (["deploy", "x"], "ENVIRONMENT"),
    ],
)
def test_bad_usage_is_answered_with_what_was_meant(call: Call, arguments: list[str], said: str) -> None:
    answer = call(*arguments)
    assert (answer.code, answer.out) == (exits.USAGE, "")
    assert said in answer.err
    assert "--help`" in answer.err


def test_bad_usage_as_json(call: Call) -> None:
    answer = call("deploy", "x", "--json")
    error = answer.json()["error"]
    assert (answer.code, error["code"]) == (exits.USAGE, "usage")
    assert error["hint"] == "See `muniment deploy --help`."


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("bad"), 2),
        (VerificationError("forged", step=7), 3),
        (PolicyViolation(REFUSED), 4),
        (NotFound("none"), 5),
        (Unavailable("busy"), 6),
        (Conflict("twice"), 1),
        (CorruptStore("broken"), 1),
        (CaptureError("unseen"), 1),
        (MunimentError("some"), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
)
def test_errors_become_exit_codes(fail: Call, error: BaseException, code: int) -> None:
    assert fail(error).code == code
    if isinstance(error, MunimentError):
        assert exits.code_of(error) == code


def test_an_error_in_words_and_as_json(fail: Call) -> None:
    error = VerificationError("the proof is forged", step=7, code="inclusion", hint="Ask for another.", details={"index": 3})
    answer = fail(error)
    assert (answer.out, answer.err) == ("", "Error [inclusion]: the proof is forged\n  Ask for another.\n")
    assert fail(error, "--json").json() == {
        "error": {
            "code": "inclusion",
            "message": "the proof is forged",
            "hint": "Ask for another.",
            "details": {"index": 3},
            "step": 7,
        }
    }


def test_a_refusal_has_every_reason_on_a_line(fail: Call) -> None:
    answer = fail(PolicyViolation(REFUSED))
    assert answer.err.splitlines() == [
        "Refused [refused-role]: the event was not recorded.",
        "  role: It is for owners.",
        "    found    Bob holds no role.",
        "    mend     Ask an owner.",
        "  unknown: It exists.",
        "    found    It does not.",
    ]


def muniment(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "muniment", *arguments], capture_output=True, text=True, **more)


def test_the_version(call: Call) -> None:
    assert muniment("--version").stdout.startswith("muniment ")
    assert call("--version").out == muniment("--version").stdout


def test_a_reader_that_went_away_is_no_error_of_ours(home: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run([sys.executable, "-m", "muniment", "log", "--json"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (process.returncode, process.stderr) == (exits.FAILURE, "")


def test_without_a_ledger(call: Call) -> None:
    answer = call("log")
    assert answer.code == exits.NOT_FOUND
    assert "muniment init" in answer.err


def test_no_color(home: Path) -> None:
    assert "\x1b" not in muniment("log", env={**os.environ, "NO_COLOR": "1"}).stdout
