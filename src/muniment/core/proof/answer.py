"""Answers: one JSON file that carries a question, its result, and all that proves it (docs/spec, section 10.2).

    answer = decode(raw)            # strict: canonical JSON and one newline
    encode(answer) == raw
    verify.verify_answer(raw, trust)

What an answer proves, it proves under one checkpoint: every entry with its own inclusion, every record of the map under the
header that is the checkpoint's last entry. The root of the map comes from that header and never from the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from muniment.core.format import encoding
from muniment.core.format.encoding import HexDigest, Natural, Time
from muniment.core.format.state_map import MAX_RECORD_BYTES, StateProof
from muniment.core.format.statement import Disclosure, Salt, Sealed, SealedDigest
from muniment.core.proof import path as paths
from muniment.core.proof.inquiry import Findings, Inquiry
from muniment.core.proof.part import EntryBytes, Hashes, Part, Status
from muniment.core.proof.path import MAX_STEPS, Step
from muniment.core.rules.events.predicate import Grade
from muniment.core.rules.events.stream_name import Stream
from muniment.errors import InvalidInput

FORMAT: Literal["urn:muniment:answer:v1"] = "urn:muniment:answer:v1"
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_STREAMS = 256
"""How many streams one question about states names."""
MAX_WHOLES = 16_384
"""How many streams one file holds all events of."""
MAX_EVENTS = 65_536
"""How many events these streams have together, each counted once."""

Absent = msgspec.UnsetType
UNSET = msgspec.UNSET


class EntryQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="entry"):
    """Is entry `index` in the ledger, and who says what in it?"""

    index: Natural


class StateQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="state"):
    """What does the newest header say about these streams? Sorted, each once."""

    streams: Annotated[tuple[Stream, ...], msgspec.Meta(min_length=1, max_length=MAX_STREAMS)]


class AtQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="at"):
    """What was the state of a stream at a time?"""

    stream: Stream
    time: Time


Question = EntryQuestion | StateQuestion | AtQuestion | Inquiry


class Included(Part, frozen=True, kw_only=True):
    """The exact bytes of an entry, its index, and the proof that it is in the checkpoint's tree."""

    entry: EntryBytes
    index: Natural
    proof: Hashes = ()


class Numbered(Part, frozen=True, kw_only=True):
    """The exact bytes of an entry and its index; the stream's running head binds them."""

    entry: EntryBytes
    index: Natural


class Whole(Part, frozen=True, kw_only=True):
    """A stream of which every entry is in the file, by its index there; its running head binds them."""

    indices: Annotated[tuple[Natural, ...], msgspec.Meta(min_length=1)]
    stream: Stream


class Link(Part, frozen=True, kw_only=True):
    """An entry of which only the leaf hash is shown."""

    index: Natural
    leaf: HexDigest


class History(Part, frozen=True, kw_only=True):
    """What a stream is made of (docs/spec, section 9.3): its events from some one on, then links up to the last.

    `before` is the running head before the first of `events`; absent where that is the stream's very first.
    """

    before: HexDigest | Absent = UNSET
    events: Annotated[tuple[Numbered, ...], msgspec.Meta(min_length=1)]
    later: tuple[Link, ...] = ()


class Opened(Part, frozen=True, kw_only=True):
    """A sealed field of an entry above, opened: its salt (base64url) and its value."""

    salt: Salt
    sealed: SealedDigest
    value: object

    def disclosure(self) -> tuple[Sealed, Disclosure]:
        """The commitment, and what is said to open it."""
        return Sealed(self.sealed), Disclosure(self.salt, self.value)


class Result(Part, frozen=True, kw_only=True):
    """What the answer claims in short, so that other programs need not follow the proof. Verification compares it.

    `height` is the block as of which it holds, `statuses` has one word for each thing asked about, `grade` is what stands
    behind the claim of an event, `findings` are what follows for a question that needs more than a word.
    """

    height: Natural
    statuses: Annotated[tuple[Status, ...], msgspec.Meta(min_length=1, max_length=MAX_STREAMS)]
    grade: Grade | Absent = UNSET
    findings: Findings | Absent = UNSET


class Answer(Part, frozen=True, kw_only=True):
    """A question, its result, and the proof.

    receipt: the C2SP tlog-proof of the entry asked about, else of the last entry; it holds the signed checkpoint
    genesis: the proof that the tree begins with the ledger's genesis, whose leaf is the ledger's id
    entries: events and headers, by ascending index; the last is the checkpoint's last entry, a header
    states: proofs under that header, by ascending name
    history: entries of the stream asked about, where its record alone does not answer
    streams: streams of which all entries are in the file, by ascending name
    events: the events of these streams that are not among `entries`, by ascending index; the streams bind them
    disclosures: sealed fields that are opened for this reader, by ascending digest
    manifest: the lines of the subject's manifest, so that a changed file can be named
    path: how the members of a consortium came to be those who cosigned the checkpoint; a bundle holds it once for all in it
    """

    format: Literal["urn:muniment:answer:v1"]
    question: Question
    result: Result
    receipt: str
    genesis: Hashes = ()
    entries: Annotated[tuple[Included, ...], msgspec.Meta(min_length=1)]
    states: tuple[StateProof, ...] = ()
    history: History | Absent = UNSET
    streams: Annotated[tuple[Whole, ...], msgspec.Meta(max_length=MAX_WHOLES)] = ()
    events: Annotated[tuple[Numbered, ...], msgspec.Meta(max_length=MAX_EVENTS)] = ()
    disclosures: tuple[Opened, ...] = ()
    manifest: str | Absent = UNSET
    path: Annotated[tuple[Step, ...], msgspec.Meta(max_length=MAX_STEPS)] = ()


_read = encoding.decoder(Answer, limit=MAX_ANSWER_BYTES)


def encode(answer: Answer) -> bytes:
    """The bytes of the file: canonical JSON and a newline. Raises InvalidInput for what `decode` would not take back."""
    raw = write(answer)
    decode(raw)
    return raw


def write(answer: Answer) -> bytes:
    """The same bytes, not read back: for whoever verifies them next. Raises InvalidInput for a value that JSON has no form for."""
    for opened in answer.disclosures:
        encoding.encode(opened.value)
    return encoding.encode_struct(answer) + b"\n"


def decode(raw: bytes) -> Answer:
    """Read an answer; every failure is InvalidInput. Nothing in it is verified."""
    if not raw.endswith(b"\n"):
        raise InvalidInput(
            "the answer does not end with a newline", code="not-canonical", hint="Use the file as `muniment prove` wrote it."
        )
    answer = _read(raw[:-1])
    check(answer)
    return answer


def check(answer: Answer) -> None:
    """Check the form of an answer beyond its types: orders, and the parts that are kept as bytes. Raises InvalidInput."""
    _check_order("entries", [each.index for each in answer.entries])
    _check_order("states", [each.name for each in answer.states])
    _check_order("disclosures", [each.sealed for each in answer.disclosures])
    _check_order("streams", [each.stream for each in answer.streams])
    for whole in answer.streams:
        _check_order("indices", whole.indices)
    # An entry stands in a file once, so that nothing in it can be told in two ways.
    _check_order("events", sorted([each.index for each in answer.events] + [each.index for each in answer.entries]))
    _check_order("events", [each.index for each in answer.events])
    if isinstance(answer.question, StateQuestion):
        _check_order("streams", answer.question.streams)
    for proof in answer.states:
        if proof.value is not UNSET:
            encoding.decode(bytes(proof.value), limit=MAX_RECORD_BYTES)
    for opened in answer.disclosures:
        encoding.encode(opened.value)
    if answer.history is not UNSET:
        links = [each.index for each in answer.history.events] + [each.index for each in answer.history.later]
        _check_order("history", links)
    paths.check_form(answer.path)


def _check_order(field: str, items: Sequence[int] | Sequence[str]) -> None:
    if any(not left < right for left, right in pairwise(items)):  # type: ignore[operator]
        raise InvalidInput(f"{field} do not ascend strictly", code="not-sorted", hint="Use the file as it was written.")
