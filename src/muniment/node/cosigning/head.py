"""One checkpoint of this ledger, and what was said of it so far."""

from __future__ import annotations

import msgspec

from muniment.core.format import checkpoint, note, time
from muniment.core.format.note import Note
from muniment.core.rules.chain import Sealed
from muniment.node.cosigning.voters import LOG, Voters

MICROSECONDS = 1_000_000
CLOCK_SECONDS = 600
"""How far a cosigner's clock may be from the header's time before it, and from this machine's after it."""


class Head(msgspec.Struct, kw_only=True):
    """The checkpoint that ends with the block of `height`. Guarded by the keeper's lock.

    text: what is signed; time: of the header, in POSIX seconds
    voters: whose lines count; None for the time before there were members
    own: this node's signature line as its store has it, also where it is no member
    lines: by organisation, verified; LOG for the log's own
    committed: when this was written here (seconds of a monotonic clock); 0.0: before this process began
    settled: whether the keeper has taken note of the quorum
    """

    height: int
    size: int
    text: str
    time: int
    voters: Voters | None
    own: str
    lines: dict[str, str]
    committed: float = 0.0
    settled: bool = False

    @property
    def votes(self) -> int:
        """How many organisations have cosigned."""
        return len(self.lines) - (LOG in self.lines)

    @property
    def is_settled(self) -> bool:
        """Has a quorum cosigned? Before there were members nobody has to."""
        return self.voters is None or self.votes >= self.voters.quorum

    def shown(self) -> dict[str, str]:
        """The lines that may be shown: the log's own only once the quorum stands behind it."""
        if LOG in self.lines and not self.is_settled:
            return {name: line for name, line in self.lines.items() if name != LOG}
        return dict(self.lines)

    def note(self, lines: dict[str, str]) -> bytes:
        """The checkpoint under some of its lines, the log's own first; at least this node's own line stands there."""
        ordered = [*([lines[LOG]] if LOG in lines else []), *[line for name, line in lines.items() if name != LOG]]
        told = (ordered or [self.own])[: note.MAX_SIGNATURES]
        return (self.text + "\n" + "".join(told)).encode()


def found(sealed: Sealed, signed: bytes, voters: Voters | None, now: float) -> Head:
    """The head of a block that was just committed; `signed` is its note as the store has it, `now` of a monotonic clock."""
    parsed = note.parse(signed)
    return read(sealed.header.height, sealed.header.time, parsed, voters, committed=now)


def read(height: int, header_time: str, parsed: Note, voters: Voters | None, *, committed: float = 0.0) -> Head:
    """The head of a block by its note; lines by members are believed to have been verified by whoever kept them."""
    lines: dict[str, str] = {}
    for each in parsed.signatures:
        name = None if voters is None else voters.find(each)
        if name is not None:
            lines[name] = note.format_signature(each)
    return Head(
        height=height,
        size=checkpoint.parse(parsed.text).size,
        text=parsed.text,
        time=time.parse(header_time) // MICROSECONDS,
        voters=voters,
        own=note.format_signature(parsed.signatures[0]),
        lines=lines,
        committed=committed,
    )


def read_time(line: str) -> int:
    """When a member signed a line, in POSIX seconds by his clock, as a line that was verified says."""
    return checkpoint.read_time(note.parse_signature(line))
