"""A stream's record as of a past header, from its newest record (docs/spec, section 9.3).

No old version of a record is stored. Let `bound` be the size that a past header covers: entries with index < bound count.

    no record now, or first >= bound    the stream was absent
    last < bound                        today's record is the record as of then, byte for byte
    first < bound <= last               `check_history`: links show that exactly the first k entries lie below the bound

A link is (index, RFC 6962 leaf hash) of one entry of the stream. For the state as of header H pass H's size + 1: what H
itself changes is part of its state and folds at its own index, which is its size; no event can have that index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from muniment.core.format.state_map import rule
from muniment.core.format.state_map.record import Record
from muniment.errors import InvalidInput, VerificationError

Link = tuple[int, bytes]
Standing = Literal["absent", "same", "earlier"]
STEP = 11


class History(msgspec.Struct, frozen=True):
    """What is handed over beside the newest record: numbered from 1, the stream's links from some j to its last one."""

    before: bytes
    """The running head before the first of `events`: the stream's key if that is its very first."""
    events: tuple[Link, ...]
    """Links j to k, all below the bound. Their entries are handed over in full, and the caller verifies them."""
    pairs: tuple[Link, ...]
    """Links k + 1 to count, at or beyond the bound."""


class Past(msgspec.Struct, frozen=True):
    """The record as of the bound, except for its state, which follows from the events handed over."""

    count: int
    first: int
    head: bytes
    last: int
    start: int
    """The number, from 1, of the first event handed over: 1 means that the stream is complete from its beginning."""


def compare(record: Record | None, bound: int) -> Standing:
    """Which of the three cases of the history rule holds for the newest record, None if the stream is absent now."""
    if record is None or record.first >= bound:
        return "absent"
    return "same" if record.last < bound else "earlier"


def prove_history(name: str, links: Sequence[Link], bound: int, start: int = 1) -> History:
    """Cut a stream's complete links at `bound`; `start` is the number of the first event to hand over.

    Raises InvalidInput where `start` names no link below the bound.
    """
    below = [link for link in links if link[0] < bound]
    if not 1 <= start <= len(below):
        raise InvalidInput(f"event {start} of the stream does not lie below {bound}", code="history-start")
    head = rule.key(name)
    for index, leaf in below[: start - 1]:
        head = rule.fold(head, index, leaf)
    return History(head, tuple(below[start - 1 :]), tuple(links[len(below) :]))


def check_history(name: str, record: Record, bound: int, history: History) -> Past:
    """The count, head and indices as of `bound`, for a record whose standing is "earlier".

    Raises VerificationError (step 11) with the code "history-standing", "history-count", "history-order",
    "history-bound", "history-start" or "history-head". The caller verifies the entries behind `history.events`, and
    that the first of them sets the whole state unless the result's `start` is 1.
    """
    events, pairs = history.events, history.pairs
    if compare(record, bound) != "earlier":
        raise _failure("history-standing", "the newest record needs no history for this bound")
    count = record.count - len(pairs)
    start = count - len(events) + 1
    if not events or start < 1:
        raise _failure("history-count", f"{len(events)} events and {len(pairs)} later links do not fit a stream of {record.count}")
    _check_indices(record, bound, history, start)
    head = history.before
    if (start == 1 and head != rule.key(name)) or len(head) != 32:
        raise _failure("history-start", "the running head that is handed over does not begin the stream")
    for index, leaf in events:
        head = rule.fold(head, index, leaf)
    past = Past(count, record.first, head, events[-1][0], start)
    for index, leaf in pairs:
        head = rule.fold(head, index, leaf)
    if head.hex() != record.head:
        raise _failure("history-head", f"the entries handed over for {name} do not fold to the head of its record")
    return past


def _check_indices(record: Record, bound: int, history: History, start: int) -> None:
    links = (*history.events, *history.pairs)
    # Checked before anything is hashed: with every part of fixed length, what is hashed can be read in one way only.
    if any(len(leaf) != 32 for _, leaf in links):
        raise _failure("history-order", "a leaf hash is not 32 bytes")
    # Entry 1 is at `first`; entry n is at least n - 1 places further on.
    newest = record.first + start - 2
    for index, _ in links:
        if index <= newest:
            raise _failure("history-order", "the indices handed over do not ascend strictly within the stream")
        newest = index
    if newest != record.last or (start == 1 and links[0][0] != record.first):
        raise _failure("history-order", "the indices handed over do not begin and end where the record says")
    if not history.pairs or not history.events[-1][0] < bound <= history.pairs[0][0]:
        raise _failure("history-bound", f"the cut at {bound} does not lie between the events and the later links")


def _failure(code: str, message: str) -> VerificationError:
    return VerificationError(message, step=STEP, code=code)
