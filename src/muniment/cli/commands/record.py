"""`muniment record`"""

from __future__ import annotations

import json
from typing import TextIO

import click

from muniment.cli import output, session
from muniment.client.drafting import Plain
from muniment.client.ledger import Ledger
from muniment.errors import InvalidInput


@click.command()
@click.argument("source", type=click.File("r", encoding="utf-8"))
@click.option("--event", metavar="NAME", help="The event, where the file does not name it.")
@click.option("--dry-run", is_flag=True, help="Only say what the ledger would answer.")
@session.with_ledger
def command(ledger: Ledger, source: TextIO, event: str | None, dry_run: bool, as_json: bool) -> None:
    """Record any event from a JSON file (`-` for standard input) that holds its fields.

    \b
    {"event": "note.added", "about": ["model/credit-risk"], "text": "Reviewed with the risk team."}

    Prose is sealed before anything is signed. docs/events.md lists every event and field.
    """
    name, fields = _read(source, event)
    if dry_run:
        verdict = ledger.judge(name, fields)
        lines = [f"{verdict.decision}, as of now"] + [f"  {reason.sentence()}" for reason in verdict.reasons]
        output.result(verdict, as_json, lines)
        return
    output.recorded(ledger.record(name, fields), as_json)


def _read(source: TextIO, event: str | None) -> tuple[str, dict[str, Plain]]:
    try:
        fields = json.load(source, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{source.name} is not JSON: {error}", code="not-json") from None
    if not isinstance(fields, dict):
        raise InvalidInput(f"{source.name} does not hold a JSON object", code="not-json")
    named = fields.pop("event", None)
    if event is not None and named not in (None, event):
        raise InvalidInput(f"the file names the event {named!r}, not {event!r}", code="which-event")
    name = event or named
    if not isinstance(name, str):
        raise InvalidInput("no event is named", code="which-event", hint='Add "event": "note.added" to the file, or --event.')
    return name, fields


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
