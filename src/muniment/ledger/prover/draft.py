"""What goes into one answer: entries and streams are collected first, then every proof is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from muniment.core.format import entry, manifest, state_map
from muniment.core.format.manifest import Manifest
from muniment.core.format.state_map import Record
from muniment.core.format.statement import Disclosure, Sealed
from muniment.core.proof import answer as answers
from muniment.core.proof import receipt as receipts
from muniment.core.proof.answer import (
    UNSET,
    Absent,
    Answer,
    EntryQuestion,
    History,
    Included,
    Numbered,
    Opened,
    Question,
    Result,
    Whole,
)
from muniment.core.proof.receipt import Receipt
from muniment.core.proof.verify.serving import list_relied
from muniment.core.proof.verify.statement import find_sealed
from muniment.core.rules.events import DeploymentChanged, Event
from muniment.core.rules.records import Approval, Deployment, State
from muniment.errors import CorruptStore
from muniment.ledger.engine import View
from muniment.ledger.prover.ground import LedgerGround
from muniment.ledger.prover.stream import Entry, open_entry

S = TypeVar("S", bound=State)

Disclose = Callable[[Sealed], Disclosure | None]

DEPLOYMENT = "deployment/"
MAX_NAMED = 64
"""How many records an answer takes in before it leaves digests without names."""


class Draft:
    """What goes into one answer while it is put together."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._entries: set[int] = {view.size - 1}
        self._streams: set[str] = set()
        self._opened: dict[int, Entry] = {}
        self._wholes: Mapping[str, Sequence[int]] = {}
        self._bound: set[int] = set()

    def include(self, index: int) -> Event | None:
        """Take in an entry, with the records of its signer; returns its event, or None for a header."""
        self._entries.add(index)
        return self.open(index, open_entry(self._view.entry(index)))

    def open(self, index: int, opened: Entry) -> Event | None:
        """Take in what belongs to an entry, without its inclusion proof."""
        self._opened[index] = opened
        if opened.event is None:
            return None
        self._streams |= {f"actor/{opened.event.actor}", f"key/{opened.key}"}
        self._name_things(opened.event)
        return opened.event

    def take(self, ground: LedgerGround) -> None:
        """Take in everything that a question asked of a ledger."""
        self._streams |= ground.records.keys()
        self._wholes = ground.streams
        for index, opened in ground.entries.items():
            self.open(index, opened)
        bound = {index for indices in ground.streams.values() for index in indices}
        self._entries |= ground.headers | (ground.single - bound)
        self._bound = bound - self._entries

    def include_header(self, height: int) -> entry.Header:
        """Take in the header of a height."""
        header = self._view.header(height)
        self._entries.add(header.size)
        return header

    def show(self, stream: str) -> Record | None:
        """Take in the record of a stream, and for a deployment that of the version that it runs."""
        self._streams.add(stream)
        raw = self._view.record(stream)
        record = None if raw is None else state_map.decode_record(raw)
        if record is not None and stream.startswith(DEPLOYMENT):
            self._streams.add(f"version/{read_state(record, Deployment).version}")
        return record

    def _name_things(self, event: Event) -> None:
        """Take in the records that say what the event's things by digest are called, as long as these are few."""
        if len(self._streams) < MAX_NAMED:
            named = {f"{kind}/{digest}" for _, digest in event.things() for kind in ("version", "data")}
            self._streams |= named.intersection(event.touches())

    def rely(self, event: Event) -> None:
        """Take in the approvals that a deployment names: who approved what ran there; and what became of a decision itself."""
        for stream in list_relied(event):
            record = self.show(stream)
            if record is not None:
                approval = read_state(record, Approval)
                self._streams.add(f"key/{approval.keyid}")
                if isinstance(event, DeploymentChanged):
                    self.include(approval.index)
        if isinstance(event, DeploymentChanged):
            self._streams.add(f"version/{event.version}")

    def build(
        self,
        question: Question,
        result: Result,
        *,
        history: History | Absent = UNSET,
        disclose: Disclose | None,
        files: Manifest | None,
    ) -> Answer:
        """Read every proof and write the answer."""
        if history is not UNSET:
            for each in history.events:
                if self.open(each.index, open_entry(each.entry)) is None:
                    self._entries.add(each.index)
        view = self._view
        included = [
            Included(entry=self._read(index), index=index, proof=tuple(view.inclusion(index, view.size)))
            for index in sorted(self._entries)
        ]
        main = question.index if isinstance(question, EntryQuestion) else view.size - 1
        return Answer(
            format=answers.FORMAT,
            question=question,
            result=result,
            receipt=receipts.format(prove_receipt(view, main)),
            genesis=tuple(view.inclusion(0, view.size)),
            entries=tuple(included),
            states=tuple(view.prove_state(stream) for stream in sorted(self._streams)),
            history=history,
            streams=tuple(Whole(indices=tuple(self._wholes[stream]), stream=stream) for stream in sorted(self._wholes)),
            events=tuple(Numbered(entry=self._read(index), index=index) for index in sorted(self._bound)),
            disclosures=self._open_fields(disclose),
            manifest=UNSET if files is None else manifest.encode(files).decode(),
            path=view.path(),
        )

    def _read(self, index: int) -> bytes:
        return self._opened[index].raw if index in self._opened else self._view.entry(index)

    def _open_fields(self, disclose: Disclose | None) -> tuple[Opened, ...]:
        if disclose is None:
            return ()
        found: dict[str, Opened] = {}
        sealed = [each.payload for each in self._opened.values() if b'"sealed":' in each.payload]
        for payload in sealed:
            for _, commitment in find_sealed(msgspec.json.decode(payload)["predicate"]):
                disclosure = disclose(Sealed(commitment))
                if disclosure is not None:
                    found[commitment] = Opened(salt=disclosure.salt, sealed=commitment, value=disclosure.value)
        return tuple(found[commitment] for commitment in sorted(found))


def prove_receipt(view: View, index: int) -> Receipt:
    """The C2SP tlog-proof of an entry. Raises NotFound."""
    view.entry(index)
    return Receipt(index=index, proof=tuple(view.inclusion(index, view.size)), checkpoint=view.checkpoint)


def read_state(record: Record, kind: type[S]) -> S:
    """The state in a record of this ledger. Raises CorruptStore."""
    try:
        return msgspec.json.decode(record.state, type=kind)
    except msgspec.DecodeError as error:
        message = f"the record of a {kind.__name__.lower()} has no valid form: {error}"
        raise CorruptStore(message, details={"table": "record"}) from None
