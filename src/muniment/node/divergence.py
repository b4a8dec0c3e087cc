"""Two histories of one ledger among its members: noticed by their own signatures, and whose it is told by counting them.

A member's line stands on a checkpoint that this node's ledger contradicts: another root where it had as many entries, or a size
at which no block of it ends. Whoever has a quorum behind him is right; who is alone is named. What shows it is written to a file
(core.proof.evidence) that holds both signed checkpoints, before anything is said aloud.

    divergences = Divergences("lab", keep=Pins(folder).keep)
    divergences.note(contradiction)             # from whoever verified the line
    divergences.troubles()                      # {("peer-diverged", "bank"): "bank signed another root ..."}
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

from muniment.core.format import checkpoint, digest, merkle, note
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.proof import evidence
from muniment.core.proof.evidence import Evidence
from muniment.errors import MunimentError

MAX_FILES = 8
"""Evidence files about one member while the node runs: one is enough, and a member could make as many as he likes."""

MAX_KEPT = 16
UNDECIDED_SECONDS = 2.0
"""So long may the lines on a new checkpoint still be on their way."""

Keep = Callable[[Evidence], str]
Standing = Literal["peer-diverged", "diverged"]


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """What a member signed, beside what this ledger says.

    ours: the checkpoint here that covers as many entries, with its lines; theirs: the member's, with his line
    our_voters, their_voters: the organisations whose verified lines stand on each; quorum: how many decide
    proof, old_root: from the smaller to the larger of the two, where they differ in size: the root that the larger tree has
    at the smaller size
    """

    organisation: str
    ours: bytes
    theirs: bytes
    our_voters: tuple[str, ...]
    their_voters: tuple[str, ...]
    quorum: int
    proof: tuple[bytes, ...] = ()
    old_root: bytes = b""


class Diverged(msgspec.Struct, kw_only=True):
    """A member who signed another history than this node's."""

    organisation: str
    size: int
    ours: Checkpoint
    theirs: Checkpoint
    our_voters: set[str]
    their_voters: set[str]
    quorum: int
    since: float
    files: list[str]
    seen: set[tuple[int, bytes]]


class Divergences:
    """Who signed another history. Safe for threads. `keep` writes an evidence file and returns its path, empty where it cannot."""

    def __init__(self, organisation: str, keep: Keep, *, clock: Callable[[], float] = time.time) -> None:
        self._organisation = organisation
        self._keep = keep
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[str, Diverged] = {}

    def note(self, found: Contradiction) -> None:
        """Take up a contradiction whose lines were verified. The same one again only counts who stands behind it."""
        ours, theirs = parse(found.ours), parse(found.theirs)
        with self._lock:
            known = self._found.get(found.organisation)
            if known is None:
                known = self._found[found.organisation] = Diverged(
                    organisation=found.organisation,
                    size=min(ours.size, theirs.size),
                    ours=ours,
                    theirs=theirs,
                    our_voters=set(),
                    their_voters=set(),
                    quorum=found.quorum,
                    since=self._clock(),
                    files=[],
                    seen=set(),
                )
            if (known.ours, known.theirs) == (ours, theirs):
                known.our_voters |= {*found.our_voters}
                known.their_voters |= {*found.their_voters}
            shown = theirs.size, theirs.root
            if shown in known.seen or len(known.seen) >= MAX_KEPT:
                return
            known.seen.add(shown)
            if len(known.files) < MAX_FILES:
                path = self._keep(evidence_of(found))
                known.files += [path] if path else []

    def is_known(self, organisation: str, theirs: Checkpoint) -> bool:
        """Was this checkpoint of a member taken up already?"""
        with self._lock:
            known = self._found.get(organisation)
            return known is not None and ((theirs.size, theirs.root) in known.seen or len(known.seen) >= MAX_KEPT)

    def count(self, ours: Mapping[int, Iterable[str]]) -> None:
        """Further organisations cosigned checkpoints of this ledger, by size."""
        with self._lock:
            for known in self._found.values():
                known.our_voters |= {*ours.get(known.ours.size, ())}

    def agree(self, organisation: str, size: int) -> None:
        """A member signed a checkpoint of this ledger: where that is a later one, it is back in this history."""
        with self._lock:
            known = self._found.get(organisation)
            if known is not None and size > max(known.theirs.size, known.ours.size):
                del self._found[organisation]

    def diverged(self) -> tuple[Diverged, ...]:
        """Who signed another history and has not come back."""
        with self._lock:
            return tuple(self._found.values())

    def troubles(self) -> dict[tuple[str, str], str]:
        """What to raise alarms about, by code and organisation: `diverged` where this node is the one that is alone, else
        `peer-diverged` for each member who is.
        """
        with self._lock:
            alone = [each for each in self._found.values() if self._stands(each) == "diverged"]
            if alone:
                return {("diverged", self._organisation): self._tell_own(alone)}
            now = self._clock()
            settled = [each for each in self._found.values() if _is_decided(each) or now - each.since > UNDECIDED_SECONDS]
            return {("peer-diverged", each.organisation): _tell_peer(each) for each in settled}

    def _stands(self, each: Diverged) -> Standing:
        """Who is alone: this node where those who signed the other root are a quorum, together with all who signed the same."""
        others = {*each.their_voters}
        for other in self._found.values():
            if other.theirs == each.theirs:
                others |= other.their_voters
        return "diverged" if len(others - {self._organisation}) >= each.quorum else "peer-diverged"

    def _tell_own(self, alone: list[Diverged]) -> str:
        first = min(alone, key=lambda each: each.since)
        names = ", ".join(sorted({name for each in alone for name in each.their_voters}))
        return (
            f"{names} signed another history than this node has, around entry {first.size}: this node is alone. "
            "Do not rely on it; run `muniment node repair`."
        )


def evidence_of(found: Contradiction) -> Evidence:
    """Both signed checkpoints, in the one form for such files."""
    same = parse(found.ours).size == parse(found.theirs).size
    return Evidence(
        format=evidence.FORMAT,
        kind="same-size" if same else "inconsistent",
        pinned=found.ours.decode(),
        shown=found.theirs.decode(),
        proof=found.proof,
        old_root=msgspec.UNSET if same else found.old_root.hex(),
    )


def contradicts(ours: Checkpoint, theirs: Checkpoint, proof: tuple[bytes, ...], old_root: bytes) -> bool:
    """Do two checkpoints show two histories? `proof` leads from `old_root` at the smaller size to the larger one's root."""
    old, new = sorted((ours, theirs), key=lambda each: each.size)
    if old.size == new.size:
        return old.root != new.root
    try:
        merkle.check_consistency(old.size, new.size, proof, old_root, new.root)
    except MunimentError:
        return False
    return old_root != old.root


def parse(raw: bytes) -> Checkpoint:
    """The checkpoint of a note. Raises InvalidInput."""
    return checkpoint.parse(note.parse(raw).text)


def _is_decided(each: Diverged) -> bool:
    return len(each.our_voters) >= each.quorum


def _tell_peer(each: Diverged) -> str:
    name = each.organisation
    if each.ours.size == each.theirs.size:
        said = f"{name} signed another root over {each.theirs.size} entries ({digest.short(each.theirs.root.hex())})"
    else:
        said = f"{name} signed a ledger of {each.theirs.size} entries that belongs to another history than this one"
    if _is_decided(each):
        return f"{said}; a quorum signed what this node has."
    return f"{said}; neither of the two has a quorum behind it."
