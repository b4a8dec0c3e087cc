"""What goes between two nodes: notes, and what a node says of itself, never anything that would have to be believed.

POST /v1/cosignatures   Told -> Heard
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from muniment.core.format import layout
from muniment.core.format.encoding import HexDigest
from muniment.net.wire import Count, Wire

PATH = "/v1/cosignatures"
MAX_NOTES = 64
MAX_NOTE_CHARACTERS = 32_768
MAX_BYTES = 256 * 1024

NoteText = Annotated[str, msgspec.Meta(max_length=MAX_NOTE_CHARACTERS)]


class Told(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node says and asks for: checkpoints of its own ledger, each with the lines that it wants known.

    One line at least must be a member's. For every one of these sizes the answer brings the lines that are missing in it.
    """

    notes: Annotated[tuple[NoteText, ...], msgspec.Meta(min_length=1, max_length=MAX_NOTES)]


class Ran(Wire, frozen=True, kw_only=True):
    """Up to which height of the engine a node has run the chain, and the root that it came to.

    Nobody signed it, and it can accuse nobody but who says it: a node that refuses what the others admit has signed nothing wrong.
    """

    height: Count
    root: HexDigest


class Heard(Wire, frozen=True, kw_only=True):
    """The answer: further lines on checkpoints of the same sizes, the newest checkpoint here, its height, and how far it ran."""

    notes: Annotated[tuple[NoteText, ...], msgspec.Meta(max_length=MAX_NOTES)]
    newest: NoteText
    height: Count
    ran: Ran | msgspec.UnsetType = msgspec.UNSET


layout.settle(globals().values())
