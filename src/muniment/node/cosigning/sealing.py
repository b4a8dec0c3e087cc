"""A member's own line: what he signs when a block is on its way to the disk.

It leaves the process only after COMMIT; until then it stands in the row of the block and nowhere else.
"""

from __future__ import annotations

from pathlib import Path

from muniment.core.format import checkpoint, keys, note
from muniment.core.format.note import Note
from muniment.core.rules import members
from muniment.core.rules.chain import Sealed
from muniment.ledger.store.file import Store


def sign(sealed: Sealed, organisation: str, signer: keys.Signer, time: int) -> bytes:
    """The note of the checkpoint that ends with a block, under one member's line; `time` in POSIX seconds by his clock."""
    text, origin = format(sealed), sealed.position.origin
    line = checkpoint.cosign(Note(text, ()), members.cosigner_name(origin, organisation), signer, time)
    return note.format(Note(text, (note.parse_signature(line),)))


def stand_behind(path: Path, height: int, organisation: str, signer: keys.Signer, time: int) -> None:
    """Put a member's line on a checkpoint that lies in a ledger's file already: where it moved in, and he judged all of it.

    Durable when this returns: nobody else could give it back to him.
    """
    store = Store.open(path)
    try:
        with store.view() as view:
            text, origin = note.parse(view.checkpoint_at(height)).text, view.position.origin
        line = checkpoint.cosign(Note(text, ()), members.cosigner_name(origin, organisation), signer, time)
        store.cosign({height: {organisation: line}})
    finally:
        store.close()


def format(sealed: Sealed) -> str:
    """The text of that checkpoint."""
    return checkpoint.format(sealed.position.checkpoint)
