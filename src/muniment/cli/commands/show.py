"""`muniment show`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from muniment.cli import output, session, telling
from muniment.client.ledger import Ledger
from muniment.client.showing import Said, Shown
from muniment.core.format.encoding import Value

MAX_VALUE = 300
MAX_LABEL = 24

# What the title, or the list of files, says already.
_SAID = frozenset({"bytes", "files", "model", "name"})


@click.command()
@click.argument("thing")
@session.with_ledger
def command(ledger: Ledger, thing: str, as_json: bool) -> None:
    """Show one thing: a version, a model, a data set, a deployment, an actor, a run, or one entry.

    THING is a name, `model@3`, `environment/name`, a digest or its first 8 characters, an entry's number or an event id. Sealed
    prose is shown where the vault here holds it. This is the ledger's word; `muniment prove` gives a proof of it.
    """
    shown = ledger.show(thing)
    output.result(telling.plain(shown), as_json, _tell(shown))


def _tell(shown: Shown) -> Iterator[str]:
    thing = shown.thing
    digest = f" · {output.short(thing.digest)}" if thing.digest and thing.kind in ("version", "data") else ""
    kind = "data set" if thing.kind in ("data", "dataset") else thing.kind
    yield f"{output.strong(shown.title + digest)}  {output.faint(kind)}"
    facts = list(_facts(shown))
    width = min(MAX_LABEL, max((len(label) for label, _ in facts), default=0))
    for label, text in facts:
        yield f"  {label:<{width}}  {text}"
    if len(shown.history) > 1:
        yield ""
        yield from output.table(
            [[str(row.index), output.when(row.time), row.name, row.thing, row.actor] for row in shown.history],
            ["entry", "sealed (ledger's clock)", "event", "about", "by"],
        )
        if shown.events > len(shown.history):
            yield f"... and {shown.events - len(shown.history)} earlier ones; `muniment log {shown.title} --limit N` lists more"
    yield ""
    yield f"Next: muniment prove {_name(shown)} --out proof.json"


def _name(shown: Shown) -> str:
    if shown.thing.kind in ("acts", "attempts"):
        # By the actor's name alone this would be the actor.
        return shown.thing.stream or shown.title
    return f"entry/{shown.thing.index}" if shown.thing.kind in ("event", "header") else shown.title


def _facts(shown: Shown) -> Iterator[tuple[str, str]]:
    if shown.header:
        yield from ((name, _show(value, shown)) for name, value in shown.header.items() if name != "genesis")
    if shown.thing.kind == "deployment":
        yield "runs", _version(shown)
    if shown.made is not None:
        event = shown.made.event
        yield event.name, f"by {event.actor}, entry {event.index}, sealed {output.when(event.time)} (ledger's clock)"
        yield from _fields(shown.made, shown)
    if shown.held is not None:
        yield "files", f"{shown.held.files} with {shown.held.bytes:,} bytes; their list is held here"
    elif shown.thing.kind in ("version", "data"):
        yield "files", "their list is not held here"
    if shown.ran is not None:
        event = shown.ran.event
        yield "trained", f"{shown.run_status or 'started'}, by {event.actor}, entry {event.index}"
        yield from _fields(shown.ran, shown)
    yield from _became(shown)


def _became(shown: Shown) -> Iterator[tuple[str, str]]:
    """What happened to a thing since it was made."""
    for version in shown.versions:
        retired = "" if version.retired is None else f", retired by entry {version.retired}"
        yield "version", f"{version.model}@{version.ordinal} · {output.short(version.digest)}, entry {version.index}{retired}"
    for data in shown.data:
        withdrawn = "" if data.withdrawn is None else f", withdrawn by entry {data.withdrawn}"
        yield "version", f"{data.name}@{data.ordinal} · {output.short(data.digest)}, entry {data.index}{withdrawn}"
    for measured in shown.evaluations:
        row = measured.evaluation
        results = ", ".join(f"{metric} {value}" for metric, value in measured.results.items())
        passed = {True: "passed its plan", False: "FAILED its plan", None: "measured without a plan"}[row.passed]
        yield "evaluated", f"{results or 'by slices'}: {passed}; by {row.actor}, entry {row.index}"
    for approval in shown.approvals:
        revoked = "" if approval.revoked is None else f", revoked by entry {approval.revoked}"
        until = "" if approval.expires_at is None else f", until {approval.expires_at}"
        yield (
            "decided",
            f"{approval.decision} for {approval.environment} by {approval.actor}, entry {approval.index}{until}{revoked}",
        )
    for place in shown.deployments:
        yield "deployment", f"{place.environment}/{place.name}: {place.status} since entry {place.since}"
    for key in shown.keys:
        ended = "" if key.until is None else f", ended at entry {key.until}"
        disputed = "" if key.disputed_from is None else f", disputed since entry {key.disputed_from}"
        yield "key", f"{output.short(key.key)} since entry {key.since}{ended}{disputed}"
    for name, value in shown.state.items():
        if name in ("holds", "owner", "offeredTo", "status", "withdrawn", "roles", "kind", "responsible", "organisation"):
            yield name, _show(value, shown)


def _fields(said: Said, shown: Shown) -> Iterator[tuple[str, str]]:
    """What an event says, field by field; sealed fields opened where they can be."""
    for name, value in said.fields.items():
        if said is shown.made and shown.thing.kind != "event" and (name in _SAID or value == shown.thing.digest):
            continue
        opened = [text for path, text in said.opened.items() if path == name]
        if opened:
            yield name, f"{_show(opened[0], shown)}  (sealed; opened from the vault here)"
        elif isinstance(value, dict) and set(value) == {"sealed"}:
            yield name, "sealed, and not held in the vault here"
        else:
            yield name, _show(value, shown)


def _show(value: Value, shown: Shown) -> str:
    """A value on one line; digests by their names."""
    if isinstance(value, str):
        short = output.short(value) if len(value) == 64 and value.isalnum() else value
        text = f"{shown.names[value]} · {short}" if value in shown.names else short
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, Mapping):
        text = _show_pair(value, shown)
    elif isinstance(value, list):
        text = ", ".join(_show(each, shown) for each in value)
    else:
        text = str(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"


def _show_pair(value: Mapping[str, Value], shown: Shown) -> str:
    """An object: `key=value` for one entry of a free-form map, else its fields."""
    if set(value) == {"sealed"}:
        return "(sealed)"
    if set(value) == {"key", "value"}:
        return f"{value['key']}={_show(value['value'], shown)}"
    if set(value) == {"metric", "value"}:
        return f"{value['metric']} {value['value']}"
    return " ".join(f"{name} {_show(each, shown)}" for name, each in value.items())


def _version(shown: Shown) -> str:
    thing = shown.thing
    digest = thing.digest or ""
    name = shown.names.get(digest, f"version {thing.ordinal}")
    return f"{name} · {output.short(digest)}, {shown.state.get('status', '')}"
