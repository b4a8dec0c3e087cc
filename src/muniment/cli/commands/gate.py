"""`muniment gate`"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click
import msgspec

from muniment import exits
from muniment.cli import arguments, output, progress, session
from muniment.client.gating import entrance
from muniment.client.gating.decision import Gated, Glass
from muniment.client.gating.entrance import DEFAULT_LENGTH, SUFFIX, Terms


def _check(break_glass: bool, reason: str | None, length: timedelta | None) -> None:
    """Check what belongs to which option. Raises UsageError."""
    if break_glass and not (reason and reason.strip()):
        raise click.UsageError("Say why the glass is broken: --reason TEXT.")
    if not break_glass and (reason is not None or length is not None):
        raise click.UsageError("--reason and --for are for --break-glass.")


@click.command()
@click.argument("deployment", metavar="ENVIRONMENT/NAME")
@click.argument("target", metavar="DIGEST|FOLDER")
@click.option(
    "--receipt",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Where the ledger's answer is kept; default: FOLDER{SUFFIX}, beside the folder.",
)
@click.option(
    "--max-age",
    type=arguments.Length(),
    metavar="AGE",
    help="How old a kept answer may be, or what a consortium's node shows: 90s, 24h. Default: 7d.",
)
@click.option("--trust", type=click.Path(path_type=Path), metavar="FILE", help="Whom to believe; default: the ledger here.")
@click.option("--break-glass", is_flag=True, help="Let it start although it must not; this is signed and recorded.")
@click.option("--reason", metavar="TEXT", help="With --break-glass: why, in words (sealed).")
@click.option("--for", "length", type=arguments.Length(), metavar="LENGTH", help="With --break-glass: for how long. Default: 4h.")
@session.common
def command(
    deployment: str,
    target: str,
    receipt: Path | None,
    max_age: timedelta | None,
    trust: Path | None,
    break_glass: bool,
    reason: str | None,
    length: timedelta | None,
    home: Path | None,
    actor: str | None,
    as_json: bool,
) -> int:
    """May these files start as this deployment, now? Exit code 0: yes. 4: no, with every reason.

    The ledger is asked, and its answer with the proof is kept beside the files. Where it cannot be asked, that answer lets the
    very same files start again while it is not too old; anything else must not start.

    \b
    muniment gate production/credit-risk out/model && exec serve out/model
    muniment gate production/credit-risk out/model --break-glass --reason "the ledger's disk is gone" --for 2h
    """
    _check(break_glass, reason, length)
    settings = session.resolve(home, actor, as_json)
    if trust is not None:
        settings = msgspec.structs.replace(settings, trust=trust.absolute())
    quiet = settings.output == "json"
    broken = Glass(reason=reason, length=length or DEFAULT_LENGTH) if reason is not None else None
    with progress.hashing(quiet) as hashing:
        age = settings.gate_max_age if max_age is None else max_age // timedelta(seconds=1)
        terms = Terms(receipt=None if receipt is None else receipt.absolute(), max_age=age, progress=hashing)
        gated = entrance.gate(settings, deployment, target, terms, broken=broken)
    output.result(gated, quiet, _tell(gated))
    return exits.OK if gated.allowed else exits.REFUSED


def _tell(gated: Gated) -> list[str]:
    first, *rest = gated.sentences
    color = output.bad if not gated.allowed or gated.code == "broken-glass" else output.good
    return [color(first), *(f"  {each}" for each in rest)]
