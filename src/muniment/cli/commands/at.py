"""`muniment at`"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from muniment.cli import output, session, telling
from muniment.client.ledger import Ledger
from muniment.client.proving import Openings, Proved
from muniment.core.proof.inquiry.ground import read_state
from muniment.core.proof.verify import Said, Verified
from muniment.core.rules.records import Approval


@click.command()
@click.argument("thing", metavar="ENV/NAME")
@click.argument("moment", metavar="[TIME]", default="now")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the answer with its proof.")
@click.option("--disclose", is_flag=True, help="Open the sealed fields that the vault here holds.")
@click.option("--field", "fields", multiple=True, metavar="NAME", help="Open only sealed fields of this name, such as reason.")
@session.with_ledger
def command(
    ledger: Ledger, thing: str, moment: str, out: Path | None, disclose: bool, fields: tuple[str, ...], as_json: bool
) -> None:
    """What was in production at a time: which version, since when, approved by whom, with a proof.

    ENV/NAME is a deployment such as production/credit-risk; any other thing is told as it stood. TIME is a date or a time, in UTC
    unless it says otherwise: 2026-03-04, 2026-03-04T12:00, 2026-03-04T12:00+01:00, or `now`. The clock is that of the block
    headers.
    """
    openings: Openings = fields or disclose
    proved = ledger.at(thing, moment, disclose=openings)
    if out is not None:
        proved.save(out)
    value = {"out": None if out is None else str(out), "answer": telling.plain(proved.verified)}
    output.result(value, as_json, [*_tell(proved, thing), *_next(out, thing, moment)])


def _tell(proved: Proved, thing: str) -> Iterator[str]:
    verified = proved.verified
    deployed = _deployment(verified)
    if deployed is not None and verified.subject is not msgspec.UNSET:
        running = verified.subject.thing
        title = f"{running.name} · {output.short(running.digest)}"
        transition = deployed.predicate.get("transition")
        yield output.strong(f"{thing}: {'stopped, last ' if transition == 'stop' else ''}{title}")
        rows = [["since", _since(deployed, verified)], ["by", f"{deployed.actor}, {transition}"]]
        rows += [["approved", text] for text in _approvals(verified)] or [["approved", "by nobody that the deployment names"]]
        for label, text in rows:
            yield f"  {label:<9} {text}"
        yield ""
    yield from telling.lines(proved.sentences)


def _deployment(verified: Verified) -> Said | None:
    """The change that put there what ran there: the last of the history handed over, else the only one in the answer."""
    changes = [said for said in verified.said if said.event == "deployment.changed"]
    moves = [said for said in changes if said.predicate.get("transition") != "scale"]
    return next(reversed(moves or changes), None)


def _since(said: Said, verified: Verified) -> str:
    if said.block is msgspec.UNSET:
        return f"entry {said.index}, happened {said.occurred_at} (the signer's claim)"
    clock = "its proposer's clock" if verified.ground.tier == "consortium" else "the operator's clock"
    return f"{output.when(said.block.time)}, entry {said.index} (header time, {clock})"


def _approvals(verified: Verified) -> list[str]:
    told = []
    for shown in verified.states:
        if shown.stream.startswith("approval/") and shown.record is not msgspec.UNSET:
            approval = read_state(shown.record, Approval, shown.stream)
            roles = f" ({', '.join(approval.roles)})" if approval.roles else ""
            place = "" if approval.environment is msgspec.UNSET else f" for {approval.environment}"
            status = "" if approval.status == "open" else f", {approval.status} since"
            persons = ", ".join(approval.persons) or "nobody"
            told.append(f"by {persons}{roles}{place}, {output.when(approval.time)}, entry {approval.index}{status}")
    return told


def _next(out: Path | None, thing: str, moment: str) -> list[str]:
    if out is not None:
        return ["", f"Written to {out}. Next: muniment verify {out}"]
    return ["", f"Next: muniment at {thing} {moment} --out answer.json"]
