"""The command tree and its edges: lazy commands, "did you mean", errors with code and hint, exit codes."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TextIO

import click

from muniment import exits
from muniment._version import __version__
from muniment.cli.terminal import plain
from muniment.core.rules.policy import PolicyViolation
from muniment.errors import InvalidInput, MunimentError

# Name -> one line of help. The module is `muniment.cli.commands.<name with _>`, the command its attribute `command`.
COMMANDS = MappingProxyType(
    {
        "demo": "Tell a real model's life, prove it, then attack the proof.",
        "init": "Make a new ledger here.",
        "keys": "Who may write, with which keys.",
        "dataset": "Register a data set.",
        "plan": "Say what a model must reach, before it is measured.",
        "train": "Run a command as a recorded training run.",
        "register": "Register a version of a model.",
        "evaluate": "Record what was measured.",
        "approve": "Decide whether a version may run in an environment.",
        "deploy": "Record that a version begins to serve.",
        "rollback": "Go back to an earlier version of a deployment.",
        "change": "Record that a parameter has another value.",
        "gate": "May these files start as this deployment, now?",
        "withdraw": "Withdraw a data set, and say what descends from it.",
        "hold": "Stop a version from being deployed, or release it.",
        "incident": "Record that something went wrong with a version.",
        "waive": "Waive one rule for one version, for a time.",
        "retire": "Retire a version.",
        "note": "Add words to anything that is recorded.",
        "hand-off": "Hand a model over: write its package, offer it, accept it.",
        "record": "Record any event from JSON.",
        "log": "List what is recorded, newest first.",
        "show": "Show one thing: a version, a data set, a deployment, an entry.",
        "at": "What was there at a time, with a proof.",
        "history": "All events of a thing, with the proof that there are no others.",
        "impact": "Which versions learned from a data set, and where they run now.",
        "lineage": "What a thing was made of, or what was made of it.",
        "blame": "Who set a parameter, when and why.",
        "diff": "How two versions differ.",
        "prove": "Write a proof that others can verify.",
        "verify": "Verify a ledger, a proof, a bundle or a model folder.",
        "bundle": "Write one file that carries proofs and evidence.",
        "export": "Export the ledger in open formats.",
        "mirror": "Copy a served ledger as tiles, checking every byte.",
        "fsck": "Recompute everything and name what is wrong.",
        "backup": "Copy the ledger while it is in use.",
        "serve": "Serve a ledger to a team, over HTTP.",
        "consortium": "Found a ledger that several organisations run together.",
        "member": "Who votes in a consortium, and how that changes.",
        "protocol": "By which rules all validators judge.",
        "tokens": "Who may call a server: make, list and revoke tokens.",
        "webhooks": "Tell other services what is recorded.",
        "node": "Run a member's node of a shared ledger, and ask how it stands.",
        "engine": "Install what orders the blocks of a shared ledger.",
        "doctor": "Check this machine and this ledger, and say what to mend.",
        "policy": "Show, check, change and explain the rules in force.",
        "config": "Show settings and which source won.",
    }
)


class _LazyGroup(click.Group):
    """Imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of a model's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        try:
            module = importlib.import_module(f"muniment.cli.commands.{cmd_name.replace('-', '_')}")
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("muniment"):
                raise
            raise InvalidInput(
                f"this installation has no `muniment {cmd_name}`: {error.name} is missing",
                code="not-installed",
                hint="Install the rest: pip install 'muniment[server]'.",
            ) from None
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was typed; a near miss is answered with what was probably meant."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            raise click.UsageError(f"There is no command {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _epilog() -> str:
    return "\b\nExit codes:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in exits.MEANINGS.items())


@click.group(
    cls=_LazyGroup,
    epilog=_epilog(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, message="muniment %(version)s")
def application() -> None:
    """The blockchain of record for AI models: who trained, tested, approved and deployed what, with a proof for every answer."""


def _color() -> bool | None:
    """False where the user asked for none (no-color.org), else for click to decide by the terminal."""
    return False if os.environ.get("NO_COLOR") else None


def _say(text: str, *, err: bool = False) -> None:
    click.echo(plain(text), err=err, color=_color())


@contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """What our own rooms warn of is said in one plain line, without the place in the program."""
    show = warnings.showwarning

    def tell(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if category.__module__.startswith("muniment."):
            _say(str(message), err=True)
        else:
            show(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = tell
        yield


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit code is the only thing that leaves."""
    # What stands after `--` belongs to the command that `train` runs.
    mine = arguments[: arguments.index("--")] if "--" in arguments else arguments
    as_json = "--json" in mine or os.environ.get("MUNIMENT_OUTPUT") == "json"
    try:
        with _warnings_as_notes():
            result = application.main(list(arguments), prog_name="muniment", standalone_mode=False, obj=as_json, color=_color())
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("Interrupted.", err=True)
        return exits.INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        if as_json:
            _report(True, "usage", "a command is missing", "See `muniment --help`.", {}, None)
        else:
            _say(error.format_message(), err=True)
        return exits.USAGE
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "muniment"
        # Where an option is missing, click lists what it takes in lines of their own.
        message = " ".join(error.format_message().split())
        _report(as_json, "usage", message, f"See `{path} --help`.", {}, None)
        return exits.USAGE
    except PolicyViolation as error:
        if as_json:
            _report(True, error.code, str(error), error.hint, dict(error.details), None)
        else:
            _report_refusal(error)
        return exits.code_of(error)
    except MunimentError as error:
        _report(as_json, error.code, str(error), error.hint, dict(error.details), getattr(error, "step", None))
        return exits.code_of(error)
    except BrokenPipeError:
        # The reader of our output went away: that is its right, and nothing was lost.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.FAILURE
    return result if isinstance(result, int) else exits.OK


def _report(as_json: bool, code: str, message: str, hint: str, details: dict[str, object], step: int | None) -> None:
    if as_json:
        body: dict[str, object] = {"code": code, "message": message, "hint": hint, "details": details}
        _say(json.dumps({"error": body | ({"step": step} if step else {})}, ensure_ascii=False))
        return
    _say(click.style("Error", fg="red", bold=True) + f" [{code}]: {message}", err=True)
    if hint and hint not in message:
        _say(f"  {hint}", err=True)
    if evidence := details.get("evidence"):
        _say(f"  The evidence, which anybody can check: muniment verify {evidence}", err=True)


def _report_refusal(error: PolicyViolation) -> None:
    # Only a command that was refused needs what draws its result.
    from muniment.cli import output

    _say(click.style("Refused", fg="red", bold=True) + f" [{error.code}]: the event was not recorded.", err=True)
    for line in output.reasons(error.verdict.reasons):
        _say(line, err=True)
