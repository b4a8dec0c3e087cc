"""`muniment fsck`"""

from __future__ import annotations

from pathlib import Path

import click

from muniment import exits
from muniment.cli import output, progress, session
from muniment.client import inspecting, opening, standpoint
from muniment.client.inspecting import Report

MAX_LISTED = 50


@click.command()
@session.common
def command(home: Path | None, actor: str | None, as_json: bool) -> int:
    """Recompute everything in the ledger's file and name every row that is wrong; nothing is changed.

    The vault, the lists of files and the blobs beside it are hashed again too. Exit code 0: all is sound. 3: something was changed.
    6: something could not be checked.
    """
    settings = session.resolve(home, actor, as_json)
    quiet = settings.output == "json"
    with progress.counting("Checking", quiet) as counting:
        report = inspecting.inspect(opening.require_folder(settings, "fsck"), standpoint.load_trust(settings), counting)
    output.result(report, quiet, _tell(report, settings.home))
    if report.findings:
        return exits.NOT_VERIFIED
    return exits.INCOMPLETE if report.unchecked else exits.OK


def _tell(report: Report, home: Path) -> list[str]:
    events = "1 event" if report.events == 1 else f"{report.events} events"
    blocks = "1 block" if report.blocks == 1 else f"{report.blocks} blocks"
    unchecked = [f"Not checked: {each}" for each in report.unchecked]
    if not report.findings:
        head = output.good(f"{home} is sound.") if not report.unchecked else output.bad(f"{home} could not be checked as a whole.")
        again = " The state was run again from the entries." if report.replayed else ""
        return [head, f"{report.size} entries: {events} in {blocks}, and all that follows from them.{again}", *unchecked]
    count = "1 row is wrong" if len(report.findings) == 1 else f"{len(report.findings)} rows are wrong"
    listed = [[each.table, str(each.row), each.message, each.code] for each in report.findings[:MAX_LISTED]]
    more = [f"... and {len(report.findings) - MAX_LISTED} more; --json lists them all"] if len(report.findings) > MAX_LISTED else []
    return [
        output.bad(f"{count} in {home}."),
        *output.table(listed, ["table", "row", "what is wrong", "code"]),
        *more,
        *unchecked,
        "",
        "Stop writing, keep this file as evidence, and restore a backup. Next: muniment verify BACKUP",
    ]
