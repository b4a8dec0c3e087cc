"""Notes that others sent: parsed, verified against whoever may speak, kept, or shown to contradict this ledger.

    taken = intake.take(parse(texts, origin))
    taken.contradictions            # members who signed another history, already noted

One line that a known key did not sign ends it: whoever sends such a line is not worth listening to. What came before it is kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import msgspec

from muniment.core.format import checkpoint, note
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.format.note import Note, Signature
from muniment.core.proof import evidence
from muniment.core.rules import members
from muniment.errors import InvalidInput
from muniment.node.cosigning import divergence
from muniment.node.cosigning.ahead import Early
from muniment.node.cosigning.divergence import Contradiction, Divergences
from muniment.node.cosigning.head import CLOCK_SECONDS, Head
from muniment.node.cosigning.keeper import Keeper
from muniment.node.cosigning.past import Past
from muniment.node.cosigning.renewal import LEAST_SECONDS
from muniment.node.cosigning.voters import LOG, Voters

NEAR_NOTES, NEAR_LINES = 4, 16
"""More than these take a moment to verify, which the event loop does not have."""

MAX_LOADED = 64

Clock = Callable[[], float]


class Parsed(msgspec.Struct, frozen=True):
    """A note with the checkpoint that it says; nothing of it is verified."""

    note: Note
    checkpoint: Checkpoint


class Taken(msgspec.Struct, kw_only=True):
    """What became of some notes. `valid` counts the members' lines that hold, `fresh` those that were not known."""

    valid: int = 0
    fresh: int = 0
    mistimed: int = 0
    contradictions: list[Contradiction] = []


class Intake:
    """Takes notes for one keeper. Safe for threads."""

    def __init__(self, keeper: Keeper, past: Past, divergences: Divergences, *, clock: Clock = time.time) -> None:
        self._keeper = keeper
        self._past = past
        self._divergences = divergences
        self._clock = clock
        self._loaded: dict[int, Head] = {}
        self._renewed: dict[str, float] = {}
        """When a member's line last took the place of an earlier one, by organisation and this machine's clock."""
        self.mistimed: dict[str, int] = {}
        """Lines by organisation that were refused for their time."""

    def is_near(self, notes: Sequence[Parsed]) -> bool:
        """Can these be taken without reading the file, and quickly?"""
        newest = self._keeper.newest.size
        if len(notes) > NEAR_NOTES or sum([len(each.note.signatures) for each in notes]) > NEAR_LINES:
            return False
        for each in notes:
            known = self._keeper.find(each.checkpoint.size)
            if each.checkpoint.size <= newest and (known is None or known.text != each.note.text):
                return False
        return True

    def take(self, notes: Sequence[Parsed], taken: Taken | None = None) -> Taken:
        """Keep what holds; `taken` is what was found so far, and goes on.

        Raises VerificationError (step 4 `cosignature`, step 3 `log-signature`) for a forged line.
        """
        taken = taken or Taken()
        for each in notes:
            if each.checkpoint.size > self._keeper.newest.size:
                self._take_early(each, taken)
                continue
            known = self.find(each.checkpoint.size)
            if known is not None and known.text == each.note.text:
                self._take_known(known, each.note, taken)
            else:
                self._take_other(each, taken)
        return taken

    def find(self, size: int) -> Head | None:
        """The head of the block that ends at a size, from memory or from the file."""
        known = self._keeper.find(size) or self._loaded.get(size)
        if known is None and 0 < size <= self._keeper.newest.size:
            known = self._past.find(size)
            if known is not None:
                self._keeper.recall(known)
                if len(self._loaded) >= MAX_LOADED:
                    self._loaded = {}
                self._loaded[size] = known
        return known

    def doubt(self, early: Sequence[Early]) -> None:
        """Look into early lines that turned out not to agree with what was committed here."""
        for each in early:
            self.take((Parsed(*_read(each.text + "\n" + each.line)),))

    def accuse(self, raw: bytes) -> bool:
        """Look into what a peer says contradicts this node's ledger: an evidence file with his checkpoint and ours.

        Nothing is believed but signatures and arithmetic. True where it shows two histories.
        """
        shown = evidence.decode(raw)
        theirs, ours = Parsed(*_read(shown.pinned)), Parsed(*_read(shown.shown))
        own = self.find(ours.checkpoint.size)
        if theirs.checkpoint.origin != self._keeper.origin or own is None or own.text != ours.note.text:
            return False
        if theirs.checkpoint.size <= self._keeper.newest.size:
            return bool(self.take((theirs,)).contradictions)
        old_root = b"" if isinstance(shown.old_root, msgspec.UnsetType) else bytes.fromhex(shown.old_root)
        voters = self._keeper.next_voters
        if voters is None or not divergence.contradicts(ours.checkpoint, theirs.checkpoint, shown.proof, old_root):
            return False
        said = self._open(voters, theirs.note, Taken())
        self._note(own, theirs, said, voters.quorum, shown.proof, old_root)
        return bool(said)

    def _take_known(self, known: Head, offered: Note, taken: Taken) -> None:
        if known.voters is None:
            # The last checkpoint of a ledger with one operator that moved in: nobody cosigns it, and it shows who belongs here.
            taken.valid += known is self._keeper.newest
            return
        for signature in offered.signatures:
            name = known.voters.find(signature)
            if name is None:
                taken.valid += self._belongs(known, signature)
                continue
            there = known.lines.get(name)
            if there is not None and there == note.format_signature(signature):
                taken.valid += name != LOG
                continue
            said = known.voters.open(known.text, name, signature)
            taken.valid += name != LOG
            if there is not None:
                # Signed again, because nothing happens, or after a crash that took the first line: one voice all the same.
                taken.fresh += self._take_again(known, name, signature, said, taken)
                continue
            if said is not None and not known.time - CLOCK_SECONDS <= said <= self._clock() + CLOCK_SECONDS:
                self._refuse_time(name, taken)
            elif self._keeper.insert(known, name, note.format_signature(signature)):
                taken.fresh += 1
                if name != LOG:
                    self._divergences.agree(name, known.size)
                    self._divergences.count({known.size: (name,)})

    def _take_again(self, known: Head, name: str, signature: Signature, said: int | None, taken: Taken) -> bool:
        """A later line of the same member on the newest block takes the earlier one's place.

        Seldom, so that nobody can keep this node busy with it.
        """
        now = self._clock()
        if said is None or 0 <= now - self._renewed.get(name, -math.inf) < LEAST_SECONDS:
            return False
        if said > now + CLOCK_SECONDS:
            self._refuse_time(name, taken)
            return False
        if not self._keeper.replace(known, name, note.format_signature(signature)):
            return False
        self._renewed[name] = now
        return True

    def _belongs(self, known: Head, signature: Signature) -> bool:
        """Is this line by somebody who was let in later? It counts for nothing here, and shows that he may ask."""
        voters = self._keeper.next_voters
        name = None if voters is None else voters.find(signature)
        if voters is None or name is None or name == LOG:
            return False
        voters.open(known.text, name, signature)
        return True

    def _take_early(self, offered: Parsed, taken: Taken) -> None:
        voters = self._keeper.next_voters
        if voters is None:
            return
        text, size = offered.note.text, offered.checkpoint.size
        for signature in offered.note.signatures:
            name = voters.find(signature)
            if name is None:
                continue
            line = note.format_signature(signature)
            if self._keeper.ahead.knows(name, size, line):
                taken.valid += name != LOG
                continue
            said = voters.open(text, name, signature)
            taken.valid += name != LOG
            if said is not None and said > self._clock() + CLOCK_SECONDS:
                self._refuse_time(name, taken)
            elif self._keeper.insert_early(Early(name, size, text, line)):
                taken.fresh += 1

    def _take_other(self, offered: Parsed, taken: Taken) -> None:
        """A checkpoint that this ledger does not have: another root, or a size at which none of its blocks ends."""
        size = offered.checkpoint.size
        covering = self.find(size) or self._past.cover(size)
        if covering is None or covering.voters is None:
            return
        said = self._open(covering.voters, offered.note, taken)
        if not said:
            return
        proof: tuple[bytes, ...] = ()
        old_root = b""
        if covering.size != size:
            proof, old_root = self._past.prove(size, covering.size), self._past.find_root(size)
            if old_root == offered.checkpoint.root:
                # The same history, cut where no block ends: no two ledgers, only a checkpoint that should not be.
                return
        taken.contradictions += self._note(covering, offered, said, covering.voters.quorum, proof, old_root)

    def _open(self, voters: Voters, offered: Note, taken: Taken) -> list[str]:
        """The organisations whose lines on a note hold; the log's own line speaks for whoever publishes."""
        said: list[str] = []
        for signature in offered.signatures:
            name = voters.find(signature)
            if name is None:
                continue
            voters.open(offered.text, name, signature)
            taken.valid += name != LOG
            publisher = voters.validators.publisher
            if name == LOG and publisher is not members.UNSET:
                name = publisher.organisation
            said.append(name)
        return list(dict.fromkeys(said))

    def _note(
        self, ours: Head, theirs: Parsed, said: list[str], quorum: int, proof: tuple[bytes, ...], old_root: bytes
    ) -> list[Contradiction]:
        lines = self._keeper.shown(ours)
        found = [
            Contradiction(
                organisation=name,
                ours=ours.note(lines),
                theirs=note.format(theirs.note),
                our_voters=tuple([each for each in lines if each != LOG]),
                their_voters=tuple(said),
                quorum=quorum,
                proof=proof,
                old_root=old_root,
            )
            for name in said
        ]
        for each in found:
            self._divergences.note(each)
        return found

    def _refuse_time(self, name: str, taken: Taken) -> None:
        taken.mistimed += 1
        self.mistimed[name] = self.mistimed.get(name, 0) + 1


def parse(texts: Sequence[str], origin: str) -> tuple[Parsed, ...]:
    """Read notes about one ledger. Raises InvalidInput (`bad-note`, `bad-checkpoint`, `other-ledger`)."""
    parsed = tuple([Parsed(*_read(each)) for each in texts])
    for each in parsed:
        if each.checkpoint.origin != origin:
            raise InvalidInput(
                f"this is about {each.checkpoint.origin[:128]}, and {origin} is served here",
                code="other-ledger",
                hint="Compare the addresses in node.toml.",
            )
    return parsed


def _read(text: str) -> tuple[Note, Checkpoint]:
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("a note is not valid Unicode text", code="not-unicode") from None
    parsed = note.parse(raw)
    return parsed, checkpoint.parse(parsed.text)
