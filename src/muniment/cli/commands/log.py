"""`muniment log`"""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from muniment.cli import output, session
from muniment.client.ledger import Ledger
from muniment.core.format import dsse
from muniment.core.rules import events
from muniment.core.rules.events import TYPES
from muniment.errors import InvalidInput
from muniment.index import EventRow

NOTHING = "Nothing is recorded yet. Next: muniment dataset NAME PATH"


@click.command()
@click.argument("thing", required=False)
@click.option("--event", "names", multiple=True, metavar="NAME", help="Only events of this name, such as deployment.changed.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@click.option("--pending", is_flag=True, help="What waits in the spool, and what the ledger refused later.")
@session.with_ledger
def command(ledger: Ledger, thing: str | None, names: tuple[str, ...], limit: int, pending: bool, as_json: bool) -> None:
    """List what is recorded, newest first: everything, or the history of one THING.

    A thing is a model (its newest version), `model@3`, a data set, `environment/name`, a digest or its first 8 characters, an
    entry or an event id.
    """
    if pending:
        _list_pending(ledger, as_json)
        return
    _check_names(names)
    rows = ledger.log(thing, names=names or None, limit=limit)
    lines = output.table(
        [[str(row.index), output.when(row.time), row.name, _about(row), row.actor] for row in rows],
        ["entry", "sealed (ledger's clock)", "event", "about", "by"],
    )
    output.result(
        {"events": rows},
        as_json,
        lines if rows else [NOTHING if thing is None and not names else "Nothing of that kind is recorded."],
    )


def _check_names(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in TYPES:
            near = difflib.get_close_matches(name, TYPES, n=1)
            hint = f"Did you mean {near[0]}?" if near else "`muniment record --list` names every event."
            raise InvalidInput(f"{name!r} is no event of protocol 1", code="unknown-event", hint=hint)


def _about(row: EventRow) -> str:
    return row.thing if row.digest is None else f"{row.thing} · {output.short(row.digest)}"


def _list_pending(ledger: Ledger, as_json: bool) -> None:
    waiting, rejected = ledger.pending(), ledger.rejected()
    value = {
        "pending": [{"file": str(path), **_read(path)} for path in waiting],
        "rejected": [{"file": str(each.path), **_read(each.path), "refusal": each.refusal} for each in rejected],
    }
    lines = [f"waiting   {_describe(path)}" for path in waiting]
    for each in rejected:
        lines.append(f"rejected  {_describe(each.path)}")
        if each.refusal is None:
            lines.append("  its reasons are gone")
        else:
            lines += output.reasons(each.refusal.reasons) or [f"  {each.refusal.message}"]
    output.result(value, as_json, lines or ["Nothing waits, nothing was rejected."])


def _read(path: Path) -> dict[str, str]:
    """What a kept envelope says, as far as it can be read: its own signature is checked when it is sent."""
    try:
        event = events.decode(dsse.decode(path.read_bytes()).payload)
    except (OSError, InvalidInput):
        return {}
    about = next(iter(event.touches()), "")
    return {"event": event.NAME, "about": about, "actor": event.actor, "occurredAt": event.occurred_at}


def _describe(path: Path) -> str:
    said = _read(path)
    if not said:
        return str(path)
    kind, _, name = said["about"].partition("/")
    about = f"{kind} {output.short(name)}" if len(name) == 64 else said["about"]
    return f"{said['event']} about {about} by {said['actor']}, {output.when(said['occurredAt'])}: {path}"
