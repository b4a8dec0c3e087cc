"""`muniment verify`"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click
import msgspec

from muniment import exits
from muniment.cli import arguments, output, progress, session, telling
from muniment.client import checking, recognising, standpoint
from muniment.client.auditing import Manner
from muniment.client.checking import Checked, Wanted
from muniment.core.proof.authority import TIERS, Tier
from muniment.core.proof.verify import Verified
from muniment.errors import CaptureError, NotFound

_WORDS = {
    "answer": "This answer",
    "bundle": "This bundle",
    "checkpoint": "This checkpoint",
    "evidence": "This file",
    "receipt": "This receipt",
}


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--trust", type=click.Path(path_type=Path), metavar="FILE", help="Whom to believe; default: the ledger here.")
@click.option("--files", type=click.Path(path_type=Path), metavar="PATH", help="The files that an answer is about, to compare.")
@click.option("--entry", type=click.Path(path_type=Path), metavar="FILE", help="The entry that a receipt is about.")
@click.option("--max-age", type=arguments.Length(), metavar="AGE", help="How old the checkpoint may be: 90s, 15m, 24h, 7d.")
@click.option("--tier", type=click.Choice(TIERS), help="The least trust tier that is enough.")
@click.option("--replay/--no-replay", default=True, help="For a ledger: run its state again from the entries. Default: yes.")
@click.option("--processes", type=click.IntRange(1, 64), metavar="N", help="For a ledger: how many processes check signatures.")
@session.common
def command(
    path: Path,
    trust: Path | None,
    files: Path | None,
    entry: Path | None,
    max_age: timedelta | None,
    tier: Tier | None,
    replay: bool,
    processes: int | None,
    home: Path | None,
    actor: str | None,
    as_json: bool,
) -> int:
    """Verify a ledger, exported tiles, an answer, a receipt, a bundle, a checkpoint, an evidence file, or model files.

    What PATH is, is told by its content. Proofs are verified against the trust file of the ledger here, or the one that you name;
    what comes with a proof is never believed. Model and data files are hashed and looked up in the ledger here.

    Exit code 0: it holds. 3: something was changed. 5: nobody knows it. 6: not everything that is needed is at hand.
    """
    settings = session.resolve(home, actor, as_json)
    if trust is not None:
        settings = msgspec.structs.replace(settings, trust=trust.absolute())
    # First: who mistyped a name is not to be sent for a trust file.
    recognising.check_there(path)
    quiet = settings.output == "json"
    stand = standpoint.take(settings)
    with progress.hashing(quiet) as hashing, progress.counting("Checking", quiet) as counting:
        wanted = Wanted(
            entry=None if entry is None else _read(entry),
            files=files,
            max_age=None if max_age is None else int(max_age.total_seconds()),
            tier=tier,
            manner=Manner(replay=replay, processes=processes),
            hashing=hashing,
            counting=counting,
        )
        checked = checking.check(path, stand, wanted)
    output.result(telling.plain(checked), quiet, _tell(checked))
    return exits.INCOMPLETE if checked.missing else exits.OK


def _tell(checked: Checked) -> list[str]:
    what = _WORDS.get(checked.kind)
    holds = "holds as far as it could be checked" if checked.missing else "holds"
    head = [output.good(f"{what} {holds}.")] if what is not None else [output.good("Verified.")]
    states = telling.states(checked.found) if isinstance(checked.found, Verified) else ()
    return [*head, *telling.lines(checked.sentences), *states, *([output.bad(checked.missing)] if checked.missing else [])]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is nothing at {path}", code="missing", hint="Check the path.") from None
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror}", code="unreadable") from None
