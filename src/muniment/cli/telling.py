"""Findings told in sentences: the answer first, in bold, the rest below it; and the same as plain JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import msgspec

from muniment.cli import output
from muniment.core.proof.answer import StateQuestion
from muniment.core.proof.verify import Verified

MIN_WIDTH = 60
MAX_WIDTH = 132


def lines(sentences: Sequence[str]) -> Iterator[str]:
    """The lines of some sentences. On a terminal they are as long as it is wide; elsewhere a sentence is a line."""
    for number, sentence in enumerate(sentences):
        for line in _wrap(sentence):
            yield line if number else output.strong(line)


def states(verified: Verified) -> Iterator[str]:
    """What the records say that were asked about, each on a line of its own."""
    if not isinstance(verified.question, StateQuestion):
        return
    for shown in verified.states:
        if shown.stream in verified.question.streams and shown.record is not msgspec.UNSET:
            record = shown.record
            noun = "entry" if record.count == 1 else "entries"
            yield f"  {shown.stream}: {record.count} {noun}, the last one {record.last}; {bytes(record.state).decode()}"


def plain(value: object) -> object:
    """A value as plain JSON, records of the ledger included."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _wrap(text: str) -> list[str]:
    if not sys.stdout.isatty():
        return [text]
    import shutil
    import textwrap

    width = max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size().columns))
    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
