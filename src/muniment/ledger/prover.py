"""Builds answers from a view of a ledger: reads what a question needs, and puts it into one file (docs/spec, "Answers").

    with engine.view() as view:
        raw = answer.encode(prove_entry(view, 12))
    verify.verify_answer(raw, trust)

A prover is not trusted and verifies nothing: what it leaves out or makes up fails when the answer is verified. Every answer
comes with the records of the keys and actors that signed what is in it; the answer about a deployment also with the approvals
that the deployment relied on. `disclose` gives the opening of a sealed field, or None to leave it sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from muniment.core.format import dsse, entry, manifest, merkle, state_map
from muniment.core.format.manifest import Manifest
from muniment.core.format.state_map import Link, Record
from muniment.core.format.statement import Disclosure, Sealed
from muniment.core.proof import answer as answers
from muniment.core.proof import bundle as bundles
from muniment.core.proof import receipt as receipts
from muniment.core.proof.answer import (
    UNSET,
    Absent,
    Answer,
    AtQuestion,
    CompleteQuestion,
    EntryQuestion,
    History,
    Included,
    Numbered,
    Opened,
    Question,
    Result,
    StateQuestion,
    Status,
)
from muniment.core.proof.bundle import Bundle, Evidenced, Signpost
from muniment.core.proof.receipt import Receipt
from muniment.core.proof.trust import Trust
from muniment.core.proof.trust import format as format_trust
from muniment.core.proof.verify.state import WHOLE
from muniment.core.proof.verify.statement import DECLARED, find_sealed
from muniment.core.rules import events
from muniment.core.rules.events import DeploymentChanged, Event
from muniment.core.rules.records import Deployment
from muniment.errors import CorruptStore, NotFound
from muniment.ledger.engine import View

Disclose = Callable[[Sealed], Disclosure | None]

_DEPLOYMENT = "deployment/"
_EVENT = b'{"payload"'


def prove_receipt(view: View, index: int) -> Receipt:
    """The C2SP tlog-proof of an entry. Raises NotFound."""
    view.entry(index)
    return Receipt(index=index, proof=tuple(view.inclusion(index, view.size)), checkpoint=view.checkpoint)


def prove_entry(view: View, index: int, *, disclose: Disclose | None = None, files: Manifest | None = None) -> Answer:
    """That entry `index` is in the ledger, who says what in it, and how his key stands. Raises NotFound.

    files: the manifest of what the entry is about, so that a reader can be told which file differs
    """
    draft = _Draft(view)
    event = draft.include(index)
    if event is None:
        result = Result(height=entry.decode_header(view.entry(index)).height, statuses=("recorded",))
    else:
        height = view.sealed_by(index)
        draft.include_header(height)
        draft.include_header(height - 1)
        draft.name_things(event)
        draft.rely(event)
        result = Result(height=height, statuses=("recorded",), grade=event.grade or DECLARED)
    return draft.build(EntryQuestion(index=index), result, disclose=disclose, files=files)


def prove_state(view: View, streams: Iterable[str], *, disclose: Disclose | None = None, files: Manifest | None = None) -> Answer:
    """What the newest header says about each of these streams, absence included."""
    draft = _Draft(view)
    asked = tuple(sorted(set(streams)))
    statuses: list[Status] = []
    for stream in asked:
        record = draft.show(stream)
        statuses.append("absent" if record is None else "present")
    result = Result(height=view.height, statuses=tuple(statuses))
    return draft.build(StateQuestion(streams=asked), result, disclose=disclose, files=files)


def prove_complete(
    view: View, stream: str, *, indices: Sequence[int] = (), disclose: Disclose | None = None, files: Manifest | None = None
) -> Answer:
    """All entries of a stream. `indices` are where an index believes they stand; without them the ledger is read through.

    Raises CorruptStore where the entries do not fold to the stream's head, InvalidInput (`too-long`) where they are too many.
    """
    draft = _Draft(view)
    question = CompleteQuestion(stream=stream)
    record = draft.show(stream)
    if record is None:
        return draft.build(question, Result(height=view.height, statuses=("absent",)), disclose=disclose, files=files)
    found = read_stream(view, stream, record, indices)
    history = History(events=tuple(Numbered(index=index, entry=raw) for index, raw in found))
    result = Result(height=view.height, statuses=("complete",))
    return draft.build(question, result, history=history, disclose=disclose, files=files)


def prove_at(
    view: View,
    stream: str,
    time: str,
    *,
    indices: Sequence[int] = (),
    disclose: Disclose | None = None,
    files: Manifest | None = None,
) -> Answer:
    """The state of a stream at a time (our form of it), by the history rule from the newest header.

    Raises NotFound (`before-genesis`) for a time before the ledger began; else as `prove_complete`.
    """
    height = view.height_at(time)
    if height is None:
        raise NotFound(f"the ledger did not exist at {time}", code="before-genesis", hint="Ask for a later time.")
    draft = _Draft(view)
    header = draft.include_header(height)
    if height < view.height:
        draft.include_header(height + 1)
    record = draft.show(stream)
    question = AtQuestion(stream=stream, time=time)
    standing = state_map.compare(record, header.size + 1)
    if record is None or standing == "absent":
        return draft.build(question, Result(height=height, statuses=("absent",)), disclose=disclose, files=files)
    if standing == "same":
        _explain(draft, stream, record)
        return draft.build(question, Result(height=height, statuses=("unchanged",)), disclose=disclose, files=files)
    found = read_stream(view, stream, record, indices)
    history = _cut(draft, stream, found, header.size + 1)
    result = Result(height=height, statuses=("earlier",))
    return draft.build(question, result, history=history, disclose=disclose, files=files)


def prove_bundle(
    view: View, proofs: Iterable[Answer], *, entries: Iterable[int] = (), older: Iterable[bytes] = (), trust: Trust | None = None
) -> Bundle:
    """One file with these answers, the receipts of these entries, and the checkpoints that show them to be one history.

    older: signed checkpoints that this client holds from earlier, to be shown as part of the same history
    """
    given = tuple(proofs)
    notes = dict.fromkeys([receipts.parse(each.receipt).checkpoint.decode() for each in given])
    notes |= dict.fromkeys(note.decode() for note in older)
    notes[view.checkpoint.decode()] = None
    # One note a size: two that differ in their cosignatures only say the same of the tree.
    by_size = {bundles.read_size(text): text for text in notes}
    signposts, before = [], 0
    for size in sorted(by_size):
        proof = tuple(view.consistency(before, size)) if before else ()
        signposts.append(Signpost(note=by_size[size], consistency=proof))
        before = size
    receipts_ = tuple(
        Evidenced(receipt=receipts.format(prove_receipt(view, index)), entry=view.entry(index)) for index in sorted(set(entries))
    )
    return Bundle(
        format=bundles.FORMAT,
        answers=given,
        receipts=receipts_,
        checkpoints=tuple(signposts),
        trust=UNSET if trust is None else format_trust(trust),
    )


def read_stream(view: View, stream: str, record: Record, indices: Sequence[int] = ()) -> list[tuple[int, bytes]]:
    """Index and bytes of every entry of a stream: from `indices` if they are the right ones, else by reading the ledger.

    Raises CorruptStore where no entries fold to the head in the record.
    """
    hinted = ((index, view.entry(index)) for index in indices if 0 <= index < view.size)
    for source in (hinted, view.entries(record.first, record.last + 1)):
        found = [(index, raw) for index, raw in source if _touches(raw, stream, record)]
        head = state_map.key(stream)
        for index, raw in found:
            head = state_map.fold(head, index, _leaf(raw))
        if head.hex() == record.head:
            return found
    raise CorruptStore(
        f"the entries of {stream} do not fold to the head that its record has", details={"table": "record", "stream": stream}
    )


class _Draft:
    """What goes into one answer while it is put together."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._entries: set[int] = {view.size - 1}
        self._streams: set[str] = set()
        self._events: dict[int, Event] = {}

    def include(self, index: int) -> Event | None:
        """Take in an entry, with the records of its signer; returns its event, or None for a header."""
        raw = self._view.entry(index)
        self._entries.add(index)
        return self.open(index, raw)

    def open(self, index: int, raw: bytes) -> Event | None:
        """Take in what belongs to an entry, without its inclusion proof."""
        if not raw.startswith(_EVENT):
            return None
        envelope = dsse.decode(raw)
        event = self._events[index] = events.decode(envelope.payload)
        self._streams |= {f"actor/{event.actor}", f"key/{envelope.key.hex()}"}
        return event

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
        if record is not None and stream.startswith(_DEPLOYMENT):
            self._streams.add(f"version/{read_deployment(record).version}")
        return record

    def name_things(self, event: Event) -> None:
        """Take in the records that say what the event's things by digest are called."""
        digests = {digest for _, digest in event.things()}
        named = {f"{kind}/{digest}" for kind in ("version", "data") for digest in digests}
        self._streams |= named.intersection(events.streams(event))

    def rely(self, event: Event) -> None:
        """Take in the approvals that a deployment names: who approved what ran there."""
        if not isinstance(event, DeploymentChanged):
            return
        self._streams.add(f"version/{event.version}")
        for approval in event.approvals:
            index = self._view.find(approval)
            if index is not None:
                self._streams.add(f"approval/{approval}")
                self.include(index)

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
                self.open(each.index, each.entry)
        view = self._view
        included = [
            Included(entry=view.entry(index), index=index, proof=tuple(view.inclusion(index, view.size)))
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
            disclosures=self._open_fields(disclose),
            manifest=UNSET if files is None else manifest.encode(files).decode(),
        )

    def _open_fields(self, disclose: Disclose | None) -> tuple[Opened, ...]:
        if disclose is None:
            return ()
        found: dict[str, Opened] = {}
        for event in self._events.values():
            for _, commitment in find_sealed(msgspec.to_builtins(event)):
                disclosure = disclose(Sealed(commitment))
                if disclosure is not None:
                    found[commitment] = Opened(salt=disclosure.salt, sealed=commitment, value=disclosure.value)
        return tuple(found[commitment] for commitment in sorted(found))


def read_deployment(record: Record) -> Deployment:
    """The state of a deployment's record. Raises CorruptStore."""
    try:
        return msgspec.json.decode(record.state, type=Deployment)
    except msgspec.DecodeError as error:
        raise CorruptStore(f"the record of a deployment has no valid form: {error}", details={"table": "record"}) from None


def _explain(draft: _Draft, stream: str, record: Record) -> None:
    """For a deployment: who brought there what runs there, and who approved it."""
    if stream.startswith(_DEPLOYMENT):
        event = draft.include(read_deployment(record).since)
        if event is not None:
            draft.rely(event)


def _cut(draft: _Draft, stream: str, found: Sequence[tuple[int, bytes]], bound: int) -> History:
    """Hand over the events below the bound from the last one that sets the whole state, and links for those beyond."""
    below = [(index, raw) for index, raw in found if index < bound]
    start, in_force = 1, None
    for number, (_, raw) in enumerate(below, 1):
        event = _event(raw) if stream.startswith(_DEPLOYMENT) else None
        if isinstance(event, DeploymentChanged) and event.transition in WHOLE:
            start, in_force = number, event
    if in_force is not None:
        draft.rely(in_force)
    links: list[Link] = [(index, _leaf(raw)) for index, raw in found]
    handed = state_map.prove_history(stream, links, bound, start)
    return History(
        before=UNSET if start == 1 else handed.before.hex(),
        events=tuple(Numbered(index=index, entry=raw) for index, raw in below[start - 1 :]),
        later=tuple(answers.Link(index=index, leaf=leaf.hex()) for index, leaf in handed.pairs),
    )


def _event(raw: bytes) -> Event | None:
    return events.decode(dsse.decode(raw).payload) if raw.startswith(_EVENT) else None


def _touches(raw: bytes, stream: str, record: Record) -> bool:
    """Is this an entry of the stream? Of headers, only the genesis makes records."""
    event = _event(raw)
    if event is None:
        return record.first == 0 and raw.startswith(b'{"genesis"')
    return stream in events.streams(event)


def _leaf(raw: bytes) -> bytes:
    """What an entry folds into its streams."""
    if raw.startswith(_EVENT):
        return merkle.leaf(raw)
    return entry.leaf_without_state(entry.decode_header(raw))
