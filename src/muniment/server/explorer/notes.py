"""What people added in words to a thing: notes, the newest last, as a conversation is read."""

from __future__ import annotations

import msgspec

from muniment.core.rules.events import NoteAdded
from muniment.index import EventRow
from muniment.server.explorer.source import Prose, Source

MAX_NOTES = 50


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One note."""

    row: EventRow
    text: Prose | None


def read_notes(source: Source, stream: str) -> tuple[Note, ...]:
    """The newest notes about a thing, in the order in which they were written."""
    found = source.list_events(stream, NoteAdded, MAX_NOTES)
    return tuple(Note(row=row, text=source.open_prose(event.text)) for row, event in reversed(found))
