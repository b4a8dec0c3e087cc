"""What was said of which checkpoint: every line verified against the members in force for it, counted by organisation.

    keeper.committed(sealed, note)          # a block is on the disk here
    keeper.insert(head, "bank", line)       # a line that was verified (intake)
    keeper.replace(head, "bank", line)      # a later one by the same member on the newest block (renewal)
    keeper.wait(height, 3.0)                # until a quorum stands behind the block
    keeper.lines(height)                    # what may be shown of it, also what the file does not hold yet

Verification happens outside the lock, so that a line that somebody forged keeps nobody waiting. Nothing here writes to the
ledger's file: `drain` hands out what is new, and `lines` goes on showing it until somebody wrote it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from muniment.core.format import note
from muniment.core.format.note import Signature
from muniment.core.rules import members
from muniment.core.rules.chain import Sealed
from muniment.errors import InvariantError
from muniment.node.cosigning import head
from muniment.node.cosigning.ahead import Ahead, Early
from muniment.node.cosigning.head import Head
from muniment.node.cosigning.keyring import Keyring
from muniment.node.cosigning.past import Past
from muniment.node.cosigning.voters import LOG, Voters

RECENT = 512
"""Heads that stay in memory."""

MAX_SHORT = 100_000
"""Heights that are remembered to lack a quorum."""

MAX_NEWS = 256

Lines = dict[int, dict[str, str]]


class News(msgspec.Struct, frozen=True):
    """Heights of which this node has something new to say, the newest first; `mark` is where to go on."""

    mark: int
    heights: tuple[int, ...]


class Keeper:
    """The lines of one ledger. Safe for threads; `open` comes first."""

    def __init__(self, past: Past, organisation: str, publishers: Keyring) -> None:
        self._past = past
        self._organisation = organisation
        self._publishers = publishers
        self._lock = threading.Lock()
        self._settling = threading.Condition(self._lock)
        self._by_size: dict[int, Head] = {}
        self._by_height: dict[int, Head] = {}
        self._newest: Head | None = None
        self._next: Voters | None = None
        self._short: dict[int, None] = {}
        self._vital: set[int] = set()
        """Those of them that changed the members: no path of trust leads on without their quorums."""
        self._unsaved: Lines = {}
        self._saving: Lines = {}
        self._news: deque[int] = deque(maxlen=MAX_NEWS)
        self._mark = 0
        self._listeners: tuple[Callable[[], None], ...] = ()
        self.ahead = Ahead()
        self.origin = ""
        self.heard: dict[str, float] = {}
        """When each organisation last said something new, by a monotonic clock."""

    def open(self) -> None:
        """Read the newest heads from the ledger's file."""
        self.origin, height, self._next = self._past.open()
        for each in self._past.read(max(0, height - RECENT + 1), height + 1):
            self._add(each)
        older = self._past.find_short(0, max(0, height - RECENT + 1))
        self._short = dict.fromkeys([*older, *self._short])
        self._vital = self._short.keys() & self._past.find_changes()
        with self._lock:
            self._publish(self.newest)
        self._tell(self.newest.height)

    @property
    def newest(self) -> Head:
        """The head of the newest block."""
        if self._newest is None:
            raise InvariantError("a keeper was asked before it was opened")
        return self._newest

    @property
    def next_voters(self) -> Voters | None:
        """The members who judge the next block's checkpoint."""
        return self._next

    def listen(self, listener: Callable[[], None]) -> None:
        """Call somebody, in any thread and shortly, whenever there is news to send."""
        self._listeners = (*self._listeners, listener)

    def committed(self, sealed: Sealed, signed: bytes) -> list[Early]:
        """A block is on the disk; `signed` is its checkpoint with this node's own line.

        Returns the early lines that do not agree with it, which somebody should look into. Returns at once.
        """
        strays = list[Early]()
        if sealed.header.height > self.newest.height + 1:
            # Blocks came in without being told: from a snapshot, all at once.
            strays = self._catch_up(sealed.header.height)
        voters, following = self._next, self._next
        named = sealed.header.validators
        if isinstance(named, msgspec.Raw):
            following = Voters(self.origin, members.decode(bytes(named)))
        fresh = head.found(sealed, signed, voters, time.monotonic())
        with self._lock:
            if self._newest is not None and fresh.height <= self._newest.height:
                return strays
            self._next = following
            self._add(fresh)
            if following is not voters and not fresh.is_settled:
                self._vital.add(fresh.height)
            strays += self._settle_early(fresh)
            self._note_settled(fresh)
            if following is not None and following is not voters:
                self.ahead.forget(following)
        self._tell(fresh.height)
        return strays

    def catch_up(self) -> list[Early]:
        """Blocks came into the file without being told: from a snapshot, all at once. Returns what `committed` does."""
        _, height, _ = self._past.open()
        if height <= self.newest.height:
            return []
        strays = self._catch_up(height + 1)
        self._tell(height)
        return strays

    def judge(self, height: int) -> Voters | None:
        """The members who judge a block that is on its way: those in force before it."""
        return self._next if height == self.newest.height + 1 else self._past.judge(height)

    def find(self, size: int) -> Head | None:
        """The head in memory of the block that ends where there were `size` entries."""
        return self._by_size.get(size)

    def at(self, height: int) -> Head | None:
        """The head of a height, from memory or from the file; None where there is no such block."""
        known = self._by_height.get(height)
        if known is None and 0 <= height <= self.newest.height:
            known = self._past.read(height, height + 1)[0]
        return known

    def recall(self, older: Head) -> None:
        """A head was read from the file again: it gets the lines that the file does not hold yet, and counts with those it has."""
        with self._lock:
            for lines in (self._saving, self._unsaved):
                older.lines.update(lines.get(older.height, {}))
            if older.height in self._short:
                self._note_settled(older)

    def insert(self, to: Head, organisation: str, line: str) -> bool:
        """Keep a line that was verified; False where the organisation's is there already."""
        with self._lock:
            if organisation in to.lines:
                return False
            was = to.is_settled
            self._insert(to, organisation, line)
            self.heard[organisation] = time.monotonic()
            if not was:
                self._note_settled(to)
            return True

    def replace(self, to: Head, organisation: str, line: str) -> bool:
        """A member signed the newest checkpoint anew: his line takes the place of his earlier one.

        False, and nothing is changed, where it is not a later one, or there is none of him; where the block is not the newest any
        more; and where no quorum stands behind it.
        """
        with self._lock:
            known = to.lines.get(organisation)
            return known is not None and head.read_time(line) > head.read_time(known) and self._replace(to, organisation, line)

    def renew(self, to: Head, line: str) -> bool:
        """The same for this node's own line, which the others are told of; whoever signed it knows when it is time to."""
        with self._lock:
            renewed = self._replace(to, self._organisation, line)
        if renewed:
            self._tell(to.height)
        return renewed

    def insert_early(self, early: Early) -> bool:
        """Keep a verified line on a size to come; False where there is no room."""
        with self._lock:
            self.heard[early.organisation] = time.monotonic()
            return self.ahead.keep(early)

    def lines(self, height: int) -> dict[str, str]:
        """The lines on the checkpoint of a height that may be shown and that the file may not hold yet."""
        with self._lock:
            known = self._by_height.get(height)
            if known is not None:
                return known.shown()
            return {**self._saving.get(height, {}), **self._unsaved.get(height, {})}

    def shown(self, of: Head) -> dict[str, str]:
        """The lines of a head that may be shown, as of now."""
        with self._lock:
            return of.shown()

    def said(self, of: Head) -> dict[str, str]:
        """Those lines of a head that are this node's own: its member's, and the log's where it publishes."""
        with self._lock:
            own = {self._organisation: of.lines[self._organisation]} if self._organisation in of.lines else {}
            if LOG in of.lines and of.voters is not None and self._publishers.find(of.voters.key(LOG)):
                own[LOG] = of.lines[LOG]
            return own

    @property
    def is_outrun(self) -> bool:
        """Do so many members say that there is something newer than the newest block here that one of them at least is honest?"""
        with self._lock:
            return self._next is not None and self.ahead.voices > len(self._next.organisations) - self._next.quorum

    def is_settled(self, height: int) -> bool:
        """Does a quorum stand behind the checkpoint of a height?"""
        return height <= self.newest.height and height not in self._short

    def wait(self, height: int, seconds: float) -> bool:
        """Wait in this thread until a quorum stands behind a height; False where that takes longer."""
        with self._settling:
            return self._settling.wait_for(lambda: self.is_settled(height), seconds)

    def short(self, most: int, skip: Callable[[int], bool] = lambda _: False) -> list[int]:
        """Heights without a quorum, at most so many: those first that changed the members, then the newest."""
        found: list[int] = []
        with self._lock:
            for height in (*sorted(self._vital), *reversed(self._short)):
                if not skip(height) and height not in found:
                    found.append(height)
                if len(found) == most:
                    break
        return found

    @property
    def short_count(self) -> int:
        """How many heights lack a quorum."""
        return len(self._short)

    @property
    def mark(self) -> int:
        """How much this node has had to say so far."""
        return self._mark

    def news(self, mark: int, most: int) -> News:
        """What this node has to say since a mark, as far as it is remembered; at most so many of the newest heights."""
        with self._lock:
            fresh = min(self._mark - mark, len(self._news))
            heights = dict.fromkeys(list(reversed(self._news))[:fresh])
            return News(self._mark, tuple(sorted(heights, reverse=True)[:most]))

    def drain(self) -> Lines:
        """The lines that the file does not hold yet. Call `saved` once it does, or `restore` where that failed."""
        with self._lock:
            self._saving, self._unsaved = self._unsaved, {}
            return self._saving

    def saved(self) -> None:
        """What was drained is in the file."""
        with self._lock:
            self._saving = {}

    def restore(self) -> None:
        """What was drained could not be written: it is handed out once more."""
        with self._lock:
            for height, said in self._saving.items():
                self._unsaved[height] = {**said, **self._unsaved.get(height, {})}
            self._saving = {}

    def _catch_up(self, stop: int) -> list[Early]:
        """Read the heads below a height that are in the file and not here. Returns what `committed` does."""
        self._next = self._past.judge(stop)
        first = max(self.newest.height + 1, stop - RECENT)
        older, recent = self._past.find_short(self.newest.height + 1, first), self._past.read(first, stop)
        changes, strays = self._past.find_changes(), list[Early]()
        with self._lock:
            self._short |= dict.fromkeys(older)
            for each in recent:
                self._add(each)
                strays += self._settle_early(each)
                self._note_settled(each)
            self._vital |= self._short.keys() & changes
            if self._next is not None:
                self.ahead.forget(self._next)
        return strays

    def _add(self, fresh: Head) -> None:
        self._by_size[fresh.size] = self._by_height[fresh.height] = self._newest = fresh
        if not fresh.is_settled:
            self._short[fresh.height] = None
        while len(self._by_size) > RECENT:
            oldest = self._by_size.pop(next(iter(self._by_size)))
            del self._by_height[oldest.height]
        while len(self._short) > MAX_SHORT:
            del self._short[next(iter(self._short))]

    def _settle_early(self, fresh: Head) -> list[Early]:
        strays: list[Early] = []
        for each in self.ahead.take(fresh.size):
            if each.text != fresh.text:
                strays.append(each)
            # Who may cosign may have changed since the line was verified.
            elif fresh.voters is not None and fresh.voters.find(note.parse_signature(each.line)) == each.organisation:
                self._insert(fresh, each.organisation, each.line)
        return strays

    def _replace(self, to: Head, organisation: str, line: str) -> bool:
        if organisation not in to.lines or to is not self._newest or not to.is_settled:
            return False
        to.lines[organisation] = line
        self._unsaved.setdefault(to.height, {})[organisation] = line
        self.heard[organisation] = time.monotonic()
        return True

    def _insert(self, to: Head, organisation: str, line: str) -> None:
        to.lines.setdefault(organisation, line)
        # The log's own line is published only after the quorum, and so is it written.
        unsaved = {organisation: line} if organisation != LOG or to.is_settled else {}
        if LOG in to.lines and to.is_settled:
            unsaved[LOG] = to.lines[LOG]
        if unsaved:
            self._unsaved.setdefault(to.height, {}).update(unsaved)

    def _note_settled(self, to: Head) -> None:
        """With the lock: a head may have its quorum now; what follows from that happens once."""
        if not to.is_settled or to.settled:
            return
        to.settled = True
        self._short.pop(to.height, None)
        self._vital.discard(to.height)
        # Before anybody is told: who waited for the quorum here sees the log's own line as well.
        self._publish(to)
        self._settling.notify_all()

    def _publish(self, to: Head) -> None:
        """With the lock: sign the log's own line where this node holds the publisher's key for that block."""
        if to.voters is None or LOG in to.lines or not to.is_settled:
            return
        signer = self._publishers.find(to.voters.key(LOG))
        if signer is None:
            return
        # Only the checkpoint of this ledger, and only behind a quorum: nobody gets the log's line on anything else.
        signature = note.sign(to.text, self.origin, signer).signatures[0]
        self._insert(to, LOG, note.format_signature(signature))
        # Nobody waits for it: it goes with what is sent next.
        self._news.append(to.height)
        self._mark += 1

    def _tell(self, height: int) -> None:
        with self._lock:
            self._news.append(height)
            self._mark += 1
        for listener in self._listeners:
            listener()


def missing(lines: dict[str, str], offered: Iterable[Signature]) -> dict[str, str]:
    """Those of some lines that a note does not carry."""
    known = {note.format_signature(each) for each in offered}
    return {name: line for name, line in lines.items() if line not in known}
