"""`muniment prove`"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from muniment import exits
from muniment.cli import output, session, telling
from muniment.client import proving
from muniment.client.ledger import Ledger
from muniment.client.proving import Openings, Proved
from muniment.core.proof.inquiry.claim import Claim


@click.command()
@click.argument("thing", required=False)
@click.option("--receipt", is_flag=True, help="Only the C2SP tlog-proof text of the entry.")
@click.option("--that", "claim", type=click.Choice(get_args(Claim)), help="Whether this holds of THING now.")
@click.option("--environment", metavar="ENV", help="For --that: approved or deployed there.")
@click.option("--state", "states", multiple=True, metavar="STREAM", help="What the newest block says about a stream.")
@click.option("--absent", multiple=True, metavar="STREAM", help="That nothing was ever recorded under a stream.")
@click.option("--disclose", is_flag=True, help="Open the sealed fields that the vault here holds.")
@click.option("--field", "fields", multiple=True, metavar="NAME", help="Open only sealed fields of this name, such as reason.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the proof to a file.")
@session.with_ledger
def command(
    ledger: Ledger,
    thing: str | None,
    receipt: bool,
    claim: Claim | None,
    environment: str | None,
    states: tuple[str, ...],
    absent: tuple[str, ...],
    disclose: bool,
    fields: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> int:
    """Write a proof that others can verify: one JSON file, on standard output or to --out FILE.

    THING is an entry's number, a model, `model@3`, a data set, `environment/name`, a digest or an event id. Streams are named
    as a whole, such as version/<digest>, approval/<event id> or deployment/production/credit-risk.

    \b
    muniment prove 1 > proof.json && muniment verify proof.json
    muniment prove credit-risk@2 --that not-approved --environment production --out proof.json
    muniment prove --absent deployment/production/fraud

    Exit code 1: what --that says does not hold. The proof is written all the same, verifies, and shows that.
    """
    _check_usage(thing, receipt, claim, environment, bool(states), bool(absent))
    if thing is not None and receipt:
        _write_receipt(ledger.receipt(thing), out, as_json)
        return exits.OK
    openings: Openings = fields or disclose
    if absent:
        proved = ledger.prove_absent(*absent)
    elif states:
        proved = ledger.prove_state(*states)
    elif thing is not None and claim is not None:
        proved = ledger.claim(claim, thing, environment, disclose=openings)
    else:
        proved = ledger.prove(thing or "", disclose=openings)
    # The status of an answer to a claim; no other answer has it.
    holds = "fails" not in proved.verified.result.statuses
    _write(proved, out, as_json, holds)
    return exits.OK if holds else exits.FAILURE


def _check_usage(
    thing: str | None, receipt: bool, claim: Claim | None, environment: str | None, states: bool, absent: bool
) -> None:
    if sum((thing is not None, states, absent)) != 1:
        raise click.UsageError("Name one THING, or streams with --state, or streams with --absent.")
    if thing is None and (receipt or claim):
        raise click.UsageError("--receipt and --that belong to a THING.")
    if receipt and claim:
        raise click.UsageError("--receipt is about one entry, --that about what holds now: choose one.")
    if environment is not None and claim is None:
        raise click.UsageError("--environment belongs to --that.")


def _write(proved: Proved, out: Path | None, as_json: bool, holds: bool) -> None:
    checked = "Verified here" if holds else "Verified here: this proves that it does not hold"
    if out is None:
        # The proof itself is the result, and it is JSON already.
        click.echo(proved.raw, nl=False)
        output.note(f"{proved.sentences[0]}\n{checked}. Next: muniment verify FILE")
        return
    proved.save(out)
    value = {"out": str(out), "bytes": len(proved.raw), "holds": holds, "verified": telling.plain(proved.verified)}
    output.result(
        value,
        as_json,
        [
            *telling.lines(proved.sentences[:1]),
            *telling.states(proved.verified),
            f"{checked}. Written to {out}.",
            "",
            f"Next: muniment verify {out}",
        ],
    )


def _write_receipt(text: str, out: Path | None, as_json: bool) -> None:
    if out is not None:
        proving.save(out, text.encode())
        output.result({"out": str(out)}, as_json, [f"The receipt is written to {out}.", "", f"Next: muniment verify {out}"])
    elif as_json:
        output.result({"receipt": text}, as_json, [])
    else:
        click.echo(text, nl=False)
