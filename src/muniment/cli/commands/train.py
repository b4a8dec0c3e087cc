"""`muniment train`"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import click
import msgspec

from muniment.cli import arguments, child, output, progress, session
from muniment.client.drafting import Plain
from muniment.client.ledger import Ledger
from muniment.client.things import Version
from muniment.client.training import Training
from muniment.core.format.encoding import Identifier


class _Command(click.Command):
    """Says where the `--` belongs when an option of the training program was read as one of ours."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if "--" in args:
                raise
            raise click.UsageError(f"{error.format_message()} Put `--` before the command that trains.", ctx) from None


@click.command(cls=_Command)
@click.argument("model")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="ROLE=DATASET",
    help="What it reads, as training, validation or test; repeat for several.",
)
@click.option("--base", multiple=True, metavar="VERSION", help="The version that it starts from; repeat for several.")
@click.option("--param", "parameters", multiple=True, metavar="KEY=VALUE", help="A hyperparameter; repeat for several.")
@click.option("--seed", type=int, help="The seed of the random numbers.")
@click.option("--output", "made", metavar="PATH", type=click.Path(path_type=Path), help="What it makes: registered as a version.")
@click.option("--metrics", metavar="FILE", type=click.Path(path_type=Path), help="A JSON file of metrics that it writes.")
@click.option("--reason", metavar="TEXT", help="Why it is trained, in words (sealed).")
@click.option("--strict", is_flag=True, help="Do not run what cannot be recorded.")
@session.writing
def command(
    ledger: Ledger,
    model: str,
    command: tuple[str, ...],
    inputs: tuple[str, ...],
    base: tuple[str, ...],
    parameters: tuple[str, ...],
    seed: int | None,
    made: Path | None,
    metrics: Path | None,
    reason: str | None,
    strict: bool,
    as_json: bool,
) -> int:
    """Run COMMAND as a recorded training run of MODEL.

    \b
    muniment train credit-risk --input training=loans@1 --param max_depth=6 --output out/model -- python train.py

    Its output and exit code stay its own; what Muniment says goes to standard error. The command finds the run's id in
    MUNIMENT_RUN. Where the ledger cannot be reached, the record is signed, kept, and sent later: training goes on.
    """
    child.check_command(command)
    # What is misspelt is said before hours of training, not after them.
    run = ledger.training(
        model,
        inputs=_read_inputs(ledger, inputs),
        parameters={key: arguments.parse_scalar(value) for key, value in arguments.parse_map(parameters, "--param").items()},
        base=[ledger.digest_of(each, "version") for each in base],
        seed=seed,
        entry_point=_entry_point(command),
        reason=reason,
        strict=strict,
    )
    version: Version | None = None
    with run:
        code = child.run(command, {**os.environ, **_environment(ledger, run)}, quiet_output=as_json)
        if code != 0:
            run.fail("killed" if child.is_killed(code) else "failed")
        if metrics is not None:
            _note_metrics(run, metrics)
        if made is not None and code == 0:
            with progress.hashing(as_json) as show:
                version = run.register(model, made, progress=show)
    _tell(run, version, code, as_json)
    return code


def _read_inputs(ledger: Ledger, texts: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for role, name in arguments.parse_pairs([text if "=" in text else f"training={text}" for text in texts], "--input"):
        if role not in ("training", "validation", "test"):
            raise click.UsageError(f"--input takes training=, validation= or test=, not {role!r}.")
        found.setdefault(role, []).append(ledger.digest_of(name, "data"))
    return found


def _entry_point(command: tuple[str, ...]) -> str | None:
    """The script or module that runs, where its name can stand in the record."""
    after_m = [after for before, after in pairwise(command) if before == "-m"]
    scripts = [each for each in command if each.endswith(".py")]
    name = (after_m or scripts or [Path(command[0]).name])[0].removeprefix("./")
    try:
        return msgspec.convert(name, Identifier)
    except msgspec.ValidationError:
        return None


def _environment(ledger: Ledger, run: Training) -> dict[str, str]:
    found = {"MUNIMENT_HOME": str(ledger.home)} | ({"MUNIMENT_URL": ledger.url} if ledger.url else {})
    return found | ({"MUNIMENT_RUN": run.id} if run.id else {})


def _note_metrics(run: Training, path: Path) -> None:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        output.note(f"The metrics in {path} cannot be read: {error}")
        return
    for name, value in _flatten(read, "") if isinstance(read, dict) else []:
        run.metric(name, value)


def _flatten(values: Mapping[str, Plain], prefix: str) -> list[tuple[str, float]]:
    """The numbers of an object, by dotted names."""
    found: list[tuple[str, float]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += _flatten(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append((f"{prefix}{key}", value))
    return found


def _tell(run: Training, version: Version | None, code: int, as_json: bool) -> None:
    value = {
        "run": run.id,
        "status": run.status,
        "exitCode": code,
        "started": run.started,
        "finished": run.finished,
        "version": version,
    }
    if as_json:
        output.result(value, True, [])
        return
    if run.id is None:
        output.note(f"The run {run.status} with exit code {code}; it is not recorded.")
        return
    output.note(output.strong(str(version) if version else f"run {run.id}"))
    if version is not None:
        output.note(f"  {output.files(version.files, version.bytes)}, made by run {run.id}")
    output.note(f"  {run.status}, exit code {code}")
    output.note(f"  {output.standing(run.finished) if run.finished else 'its end is not recorded'}")
    if version is not None:
        output.note("")
        output.note(f"Next: muniment evaluate {version.title} --metric NAME=VALUE")
