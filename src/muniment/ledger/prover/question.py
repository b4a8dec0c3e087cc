"""One function for each kind of question (core.proof.answer)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from muniment.core.format import entry, state_map
from muniment.core.format.manifest import Manifest
from muniment.core.format.state_map import Link, Record
from muniment.core.proof import answer as answers
from muniment.core.proof import inquiry
from muniment.core.proof.answer import (
    UNSET,
    Answer,
    AtQuestion,
    EntryQuestion,
    History,
    Numbered,
    Question,
    Result,
    StateQuestion,
)
from muniment.core.proof.inquiry import Inquiry
from muniment.core.proof.part import Status
from muniment.core.proof.verify.state import WHOLE
from muniment.core.proof.verify.statement import DECLARED
from muniment.core.rules.events import DeploymentChanged
from muniment.core.rules.records import Deployment
from muniment.errors import NotFound
from muniment.ledger.engine import View
from muniment.ledger.prover.dating import date
from muniment.ledger.prover.draft import DEPLOYMENT, Disclose, Draft, read_state
from muniment.ledger.prover.ground import Hints, LedgerGround, no_hints
from muniment.ledger.prover.stream import fold_leaf, open_entry, read_stream


def prove(view: View, question: Question, *, hints: Hints = no_hints, disclose: Disclose | None = None) -> Answer:
    """The answer to any question. `hints` say where the entries of a stream stand. Raises as the function for its kind does."""
    if isinstance(question, EntryQuestion):
        return prove_entry(view, question.index, disclose=disclose)
    if isinstance(question, StateQuestion):
        return prove_state(view, question.streams, disclose=disclose)
    if isinstance(question, AtQuestion):
        indices = hints(question.stream)
        return date(view, prove_at(view, question.stream, question.time, indices=indices, disclose=disclose))
    return prove_inquiry(view, question, hints=hints, disclose=disclose)


def prove_entry(view: View, index: int, *, disclose: Disclose | None = None, files: Manifest | None = None) -> Answer:
    """That entry `index` is in the ledger, who says what in it, and how his key stands. Raises NotFound.

    files: the manifest of what the entry is about, so that a reader can be told which file differs
    """
    draft = Draft(view)
    event = draft.include(index)
    if event is None:
        result = Result(height=entry.decode_header(view.entry(index)).height, statuses=("recorded",))
    else:
        height = view.sealed_by(index)
        draft.include_header(height)
        draft.include_header(height - 1)
        draft.rely(event)
        result = Result(height=height, statuses=("recorded",), grade=event.grade or DECLARED)
    return draft.build(EntryQuestion(index=index), result, disclose=disclose, files=files)


def prove_state(view: View, streams: Iterable[str], *, disclose: Disclose | None = None, files: Manifest | None = None) -> Answer:
    """What the newest header says about each of these streams, absence included."""
    draft = Draft(view)
    asked = tuple(sorted(set(streams)))
    statuses: list[Status] = []
    for stream in asked:
        record = draft.show(stream)
        statuses.append("absent" if record is None else "present")
    result = Result(height=view.height, statuses=tuple(statuses))
    return draft.build(StateQuestion(streams=asked), result, disclose=disclose, files=files)


def prove_inquiry(
    view: View, question: Inquiry, *, hints: Hints = no_hints, disclose: Disclose | None = None, files: Manifest | None = None
) -> Answer:
    """What follows for a question from the streams, records and entries that it leads to (core.proof.inquiry).

    Raises InvalidInput (`too-many-events`, `too-many-things`) for what no file holds, CorruptStore.
    """
    ground = LedgerGround(view, hints)
    findings = inquiry.evaluate(question, ground)
    draft = Draft(view)
    draft.take(ground)
    result = Result(height=view.height, statuses=(findings.status(),), findings=findings)
    return draft.build(question, result, disclose=disclose, files=files)


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

    `indices` are where an index believes that the stream's entries stand; without them the ledger is read through.
    Raises NotFound (`before-genesis`) for a time before the ledger began; CorruptStore.
    """
    height = view.height_at(time)
    if height is None:
        raise NotFound(f"the ledger did not exist at {time}", code="before-genesis", hint="Ask for a later time.")
    draft = Draft(view)
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


def _explain(draft: Draft, stream: str, record: Record) -> None:
    """For a deployment: who brought there what runs there, and who approved it."""
    if stream.startswith(DEPLOYMENT):
        event = draft.include(read_state(record, Deployment).since)
        if event is not None:
            draft.rely(event)


def _cut(draft: Draft, stream: str, found: Sequence[tuple[int, bytes]], bound: int) -> History:
    """Hand over the events below the bound from the last one that sets the whole state, and links for those beyond."""
    below = [(index, raw) for index, raw in found if index < bound]
    start, in_force = 1, None
    for number, (_, raw) in enumerate(below, 1):
        event = open_entry(raw).event if stream.startswith(DEPLOYMENT) else None
        if isinstance(event, DeploymentChanged) and event.transition in WHOLE:
            start, in_force = number, event
    if in_force is not None:
        draft.rely(in_force)
    links: list[Link] = [(index, fold_leaf(raw)) for index, raw in found]
    handed = state_map.prove_history(stream, links, bound, start)
    return History(
        before=UNSET if start == 1 else handed.before.hex(),
        events=tuple(Numbered(index=index, entry=raw) for index, raw in below[start - 1 :]),
        later=tuple(answers.Link(index=index, leaf=leaf.hex()) for index, leaf in handed.pairs),
    )
