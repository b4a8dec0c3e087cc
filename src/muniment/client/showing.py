"""One thing as the ledger knows it, gathered for a person: what was said when it was made, and what became of it.

Nothing here is proved; `muniment prove` and `muniment at` are for that. Sealed prose is opened where the vault here holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from muniment.client.things import in_html
from muniment.client.writing import Writer
from muniment.core.format import dsse, encoding, manifest, state_map
from muniment.core.format.encoding import Value
from muniment.core.format.statement import Sealed
from muniment.core.proof.verify.statement import find_sealed
from muniment.errors import LedgerError, NotFound
from muniment.index import Query, Thing
from muniment.index.rows import ApprovalRow, DataRow, DeploymentRow, EvaluationRow, EventRow, KeyRow, VersionRow
from muniment.ledger.engine import View

MAX_HISTORY = 20

_EVENT = b'{"payload"'
_COMMON = frozenset({"actor", "eventId", "ledger", "occurredAt"})


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The shape of everything that is shown."""


class Held(_Part, frozen=True, kw_only=True):
    """The list of a thing's files, which is held here."""

    files: int
    bytes: int


class Said(_Part, frozen=True, kw_only=True):
    """What an event says, besides who and when: its fields, and the prose among them that the vault here holds, by path."""

    event: EventRow
    fields: dict[str, Value]
    opened: dict[str, Value] = {}


class Measured(_Part, frozen=True, kw_only=True):
    """An evaluation and its results, metric to value."""

    evaluation: EvaluationRow
    results: dict[str, str]


class Shown(_Part, frozen=True, kw_only=True):
    """A thing. What does not apply to its kind, or is not there, is empty.

    made: the event that made it; for a deployment the last change, for an entry the entry itself
    ran: the training run that made a version, by the event that started it, and `run_status`
    state: what the state map says, by the word of this ledger's operator
    header: the fields of the header, where the entry is one
    names: what the digests in all of this are called
    history: its newest events first
    """

    thing: Thing
    title: str
    made: Said | None = None
    ran: Said | None = None
    run_status: str = ""
    state: dict[str, Value] = {}
    header: dict[str, Value] = {}
    events: int = 0
    held: Held | None = None
    names: dict[str, str] = {}
    versions: tuple[VersionRow, ...] = ()
    data: tuple[DataRow, ...] = ()
    evaluations: tuple[Measured, ...] = ()
    approvals: tuple[ApprovalRow, ...] = ()
    deployments: tuple[DeploymentRow, ...] = ()
    keys: tuple[KeyRow, ...] = ()
    history: tuple[EventRow, ...] = ()

    def _repr_html_(self) -> str:
        made = [] if self.made is None else [f"{self.made.event.name} by {self.made.event.actor}, entry {self.made.event.index}"]
        state = [f"{name}: {value}" for name, value in self.state.items() if isinstance(value, str | int)]
        return in_html([f"{self.title} ({self.thing.kind})", *made, *state])


def show(thing: Thing, index: Query, view: View, writer: Writer) -> Shown:
    """Gather what is known of a thing."""
    raw = None if thing.stream is None or thing.kind == "event" else view.record(thing.stream)
    record = None if raw is None else state_map.decode_record(raw)
    state = {} if record is None else _plain(bytes(record.state))
    made = say(thing.index, index, view, writer)
    run = state.get("run") if thing.kind == "version" else None
    ran, status = _find_run(run, index, view, writer) if isinstance(run, str) else (None, "")
    digest = thing.digest or ""
    version = digest if thing.kind in ("version", "deployment") else ""
    shown = Shown(
        thing=thing,
        title=thing.title(),
        made=made,
        ran=ran,
        run_status=status,
        state=state,
        header=_plain(view.entry(thing.index)) if thing.kind == "header" else {},
        events=0 if record is None else record.count,
        held=_find_files(digest, writer) if thing.kind in ("version", "data") else None,
        versions=tuple(index.versions(thing.name)) if thing.kind == "model" else (),
        data=tuple(index.data(thing.name)) if thing.kind == "dataset" else (),
        evaluations=tuple(_measure(version, index, view)) if thing.kind == "version" else (),
        approvals=tuple(index.approvals(version)) if version else (),
        deployments=tuple(row for row in index.deployments() if row.version == digest) if thing.kind == "version" else (),
        keys=tuple(index.keys_of(thing.name)) if thing.kind == "actor" else (),
        history=() if thing.stream is None or thing.kind == "event" else tuple(index.events(thing.stream, limit=MAX_HISTORY)),
    )
    return msgspec.structs.replace(shown, names=_name_all(shown, index))


def say(index: int, rows: Query, view: View, writer: Writer) -> Said | None:
    """What the event at an entry says; None for a header."""
    raw = view.entry(index)
    if not raw.startswith(_EVENT):
        return None
    predicate = _predicate(raw)
    opened: dict[str, Value] = {}
    for path, commitment in find_sealed(predicate):
        try:
            disclosure = writer.vault.find(Sealed(commitment))
        except LedgerError:
            # `fsck` names what is damaged; a reader is shown the rest.
            continue
        if disclosure is not None:
            opened[path.removesuffix(".sealed")] = _value(disclosure.value)
    fields = {name: value for name, value in predicate.items() if name not in _COMMON}
    return Said(event=rows.event(index), fields=fields, opened=opened)


def _find_run(run: str, index: Query, view: View, writer: Writer) -> tuple[Said | None, str]:
    started = view.find(run)
    raw = view.record(f"run/{run}")
    state = {} if raw is None else _plain(bytes(state_map.decode_record(raw).state))
    return (None if started is None else say(started, index, view, writer)), str(state.get("status", ""))


def _measure(version: str, index: Query, view: View) -> Iterator[Measured]:
    for row in index.evaluations(version):
        results = _predicate(view.entry(row.index)).get("results")
        told: dict[str, str] = {}
        for each in results if isinstance(results, list) else []:
            if isinstance(each, dict) and "slice" not in each:
                told[str(each.get("metric"))] = str(each.get("value"))
        yield Measured(evaluation=row, results=told)


def _find_files(root: str, writer: Writer) -> Held | None:
    try:
        found = manifest.decode(writer.manifests.load(root))
    except LedgerError:
        return None
    return Held(files=len(found.lines), bytes=found.total_bytes)


def _name_all(shown: Shown, index: Query) -> dict[str, str]:
    """The names of the digests that stand anywhere in what is shown."""
    found = sorted({each for said in (shown.made, shown.ran) if said is not None for each in _digests(said.fields)})
    names = {each: index.name_of(each) for each in found}
    return {each: name for each, name in names.items() if name is not None}


def _digests(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) == 64 and all(character in "0123456789abcdef" for character in value):
            yield value
        return
    parts: Iterable[Value] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _digests(part)


def _predicate(raw: bytes) -> dict[str, Value]:
    statement = _plain(dsse.decode(raw).payload)
    predicate = statement.get("predicate")
    if not isinstance(predicate, dict):
        raise NotFound("this entry says nothing", code="no-predicate")
    return predicate


def _plain(raw: bytes) -> dict[str, Value]:
    value = encoding.decode(raw, limit=encoding.MAX_ENTRY_BYTES)
    return value if isinstance(value, dict) else {}


def _value(value: object) -> Value:
    """A disclosed value, which the vault has read strictly."""
    return encoding.decode(encoding.encode(value), limit=1 << 20)


__all__ = ["Held", "Measured", "Said", "Shown", "say", "show"]
