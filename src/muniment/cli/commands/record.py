"""`muniment record`"""

from __future__ import annotations

import json
from typing import TextIO

import click

from muniment.cli import output, session
from muniment.client.drafting import Plain
from muniment.client.ledger import Ledger
from muniment.core.rules import events
from muniment.errors import InvalidInput


def _list_events(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        rows = [[name, (type_.__doc__ or "").strip().partition("\n")[0]] for name, type_ in events.TYPES.items()]
        output.result({"events": dict(rows)}, bool(ctx.obj), output.table(rows, ["event", "what it says"]))
        ctx.exit()


@click.command()
@click.argument("source", type=click.File("r", encoding="utf-8"))
@click.option("--event", metavar="NAME", help="The event, where the file does not name it.")
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list_events, help="List every event and exit.")
@session.writing
def command(ledger: Ledger, source: TextIO, event: str | None, as_json: bool) -> None:
    """Record any event from a JSON file (`-` for standard input) that holds its fields.

    \b
    {"event": "note.added", "about": ["model/credit-risk"], "text": "Reviewed with the risk team."}

    Prose is sealed before anything is signed. `--list` names every event; docs/events.md has their fields.
    """
    name, fields = _read(source, event)
    done = ledger.record(name, fields)
    output.recorded(done, as_json, title=f"event {done.event_id}")


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
