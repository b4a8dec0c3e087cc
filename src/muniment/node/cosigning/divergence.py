"""Two histories of one ledger among its members: noticed by their own signatures, and whose it is told by counting them.

A member's line stands on a checkpoint that this node's ledger contradicts: another root where it had as many entries, or a size
at which no block of it ends. Whoever has a quorum behind him is right; who is alone is named. What shows it is written to a file
(core.proof.evidence) that holds both signed checkpoints, before anything is said aloud.

A node that refuses what the others admit signs nothing that contradicts them: its ledger is only shorter. It is noticed by what
it says of itself, that after some height of the engine it had another root. That accuses nobody else, and makes no evidence.

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

APART_SECONDS = 8.0
"""So long may it take until all nodes have said how far they ran the chain: they say it every four seconds."""

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
    shown: set[tuple[int, bytes]]
    """Those of them that a file shows beside a checkpoint with its quorum."""


class Apart(msgspec.Struct, frozen=True):
    """The engine's height after which a member's node says that it had another root than this one; `quorum`: how many decide."""

    height: int
    quorum: int
    since: float


class Divergences:
    """Who signed another history. Safe for threads. `keep` writes an evidence file and returns its path, empty where it cannot."""

    def __init__(self, organisation: str, keep: Keep, *, clock: Callable[[], float] = time.time) -> None:
        self._organisation = organisation
        self._keep = keep
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[str, Diverged] = {}
        self._apart: dict[str, Apart] = {}
        self._beside: dict[str, int] = {}
        """By organisation: the engine's newest height after which it said that it had this node's root."""

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
                    shown=set(),
                )
            if (known.ours, known.theirs) == (ours, theirs):
                known.our_voters |= {*found.our_voters}
                known.their_voters |= {*found.their_voters}
            shown, decided = (theirs.size, theirs.root), len(found.our_voters) >= found.quorum
            if (shown in known.seen or len(known.seen) >= MAX_KEPT) and (not decided or shown in known.shown):
                return
            known.seen.add(shown)
            if decided:
                # The first file was written at once, and may have no more than this node's own line on its side.
                known.shown.add(shown)
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

    def compare(self, organisation: str, height: int, quorum: int, *, differs: bool) -> None:
        """What a member says of itself: after the engine's `height` it had this node's root, or another one."""
        with self._lock:
            known = self._apart.get(organisation)
            if differs:
                if known is None:
                    self._apart[organisation] = Apart(height, quorum, self._clock())
            else:
                self._beside[organisation] = max(height, self._beside.get(organisation, 0))
                if known is not None and height >= known.height:
                    del self._apart[organisation]

    def pass_on(self, organisation: str) -> None:
        """A member ran the chain further than this node, which a quorum did with it: if one of the two is wrong, it is not him."""
        with self._lock:
            self._apart.pop(organisation, None)

    def names(self, organisation: str) -> bool:
        """Has a member another history than this node, by his signature or by his own word?"""
        with self._lock:
            return organisation in self._found or organisation in self._apart

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
            return self._tell_apart(now) | {("peer-diverged", each.organisation): _tell_peer(each) for each in settled}

    def _stands(self, each: Diverged) -> Standing:
        """Who is alone: this node where those who signed the other root are a quorum, together with all who signed the same.

        Not where a quorum signed what this node has: then keys of that time speak twice, such as those of members who left.
        """
        if _is_decided(each):
            return "peer-diverged"
        others = {*each.their_voters}
        for other in self._found.values():
            if other.theirs == each.theirs:
                others |= other.their_voters
        return "diverged" if len(others - {self._organisation}) >= each.quorum else "peer-diverged"

    def _tell_apart(self, now: float) -> dict[tuple[str, str], str]:
        """By what the nodes say of themselves: who came to another root than a quorum did, as soon as that is known."""
        quorum = max((each.quorum for each in self._apart.values()), default=1)
        if len(self._apart) >= quorum:
            height = min(each.height for each in self._apart.values())
            text = f"after the engine's height {height} this node had another root than a quorum: run `muniment node repair`"
            return {("diverged", self._organisation): text}
        told: dict[tuple[str, str], str] = {}
        for name, each in self._apart.items():
            decided = 1 + sum(height >= each.height for height in self._beside.values()) >= each.quorum
            if decided or now - each.since > APART_SECONDS:
                most = "a quorum had what this node has" if decided else "neither of the two has a quorum behind it"
                text = f"the node of {name} says that after the engine's height {each.height} it had another root; {most}"
                told["peer-diverged", name] = text
        return told

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
