"""Taking a snapshot from other nodes: what the consensus engine's light client vouches for is asked for, checked and judged.

Nothing is believed: the list of bundles must lead to the application hash, each chunk to its place in that list, and each
block to the same header when it is judged here. A chunk that does not names the node that sent it, and is asked for again.

A crash at any moment leaves a ledger of whole blocks without a mark: the engine then begins again, and what is there stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum

import msgspec

from muniment.core.format import tiles
from muniment.core.rules.chain import Sealed
from muniment.errors import Conflict, InvalidInput, InvariantError, MunimentError, VerificationError
from muniment.ledger.store.file import Store
from muniment.node.snapshots import format
from muniment.node.snapshots.format import Offer
from muniment.node.snapshots.rebuilding import Rebuilding
from muniment.node.snapshots.shelf import read_bundles

MAX_CULPRITS = 3
"""Where so many nodes sent chunks that fit nowhere, the snapshot is given up: its list of bundles may be false after all."""

_log = logging.getLogger(__name__)


class Offered(StrEnum):
    """What the engine is told about a snapshot."""

    ACCEPT = "accept"
    ABORT = "abort"
    REJECT = "reject"
    REJECT_FORMAT = "reject_format"
    REJECT_SENDER = "reject_sender"


class Result(StrEnum):
    """What the engine is told about a chunk."""

    ACCEPT = "accept"
    ABORT = "abort"
    RETRY = "retry"
    REJECT_SNAPSHOT = "reject_snapshot"


class Applied(msgspec.Struct, frozen=True):
    """What became of a chunk; which chunks to ask for again, and which nodes never again to ask."""

    result: Result
    refetch: tuple[int, ...] = ()
    reject: tuple[str, ...] = ()


class _Course(msgspec.Struct):
    """A snapshot that is being taken: the subtree hash of each bundle, how many entries were there before, which is needed next."""

    offer: Offer
    bundles: tuple[bytes, ...]
    rebuilding: Rebuilding
    held: int
    next: int
    culprits: set[str] = msgspec.field(default_factory=set)


def ignore() -> None:
    """Nobody has to hear of it."""


class Restoring:
    """Takes one snapshot at a time into `store`, which holds the ledger as it was founded, or more of the same ledger.

    `taken` is told once one is in it.
    """

    def __init__(self, store: Store, seal: Callable[[Sealed], bytes], taken: Callable[[], None] = ignore) -> None:
        self._store = store
        self._seal = seal
        self._taken = taken
        self._course: _Course | None = None
        self.trouble: MunimentError | None = None
        """Why this node cannot take snapshots, in words for whoever runs it."""

    def offer(self, offer: Offer, root: bytes) -> Offered:
        """Decide about a snapshot; `root` is the application hash that the engine's light client found for its height."""
        self.close()
        if offer.format != format.FORMAT:
            return Offered.REJECT_FORMAT
        try:
            bundles = format.open_metadata(offer, root)
        except InvalidInput as error:
            _log.warning("%s", error, extra={"code": error.code})
            return Offered.REJECT_SENDER
        mark = self._store.mark()
        # The very same may come again: this process or the engine ended after the last chunk, before the engine wrote it down.
        if mark is not None and mark.height >= offer.height and (mark.height, mark.root) != (offer.height, root):
            self._give_up(_ahead(mark.height))
            return Offered.REJECT
        with self._store.view() as view:
            size, own = view.size, read_bundles(view, view.size)
        full = size // tiles.WIDTH
        if len(own) > len(bundles):
            return Offered.REJECT
        if own[:full] != bundles[:full]:
            self._give_up(_foreign())
            return Offered.ABORT
        self._course = _Course(offer, bundles, Rebuilding(self._store, self._seal), size, size)
        return Offered.ACCEPT

    def apply(self, index: int, chunk: bytes, sender: str) -> Applied:
        """Take a chunk. The engine hands them over in order, and again where it was asked to."""
        course = self._course
        if course is None or not 0 <= index < len(course.bundles):
            return Applied(Result.REJECT_SNAPSHOT)
        try:
            entries = format.decode_chunk(chunk, course.bundles[index], full=index + 1 < len(course.bundles))
        except InvalidInput as error:
            return self._refetch(course, index, sender, error)
        if index * tiles.WIDTH + len(entries) < course.held and index + 1 == len(course.bundles):
            # More is here already: a later snapshot fits.
            self.close()
            return Applied(Result.REJECT_SNAPSHOT)
        try:
            self._feed(course, index, entries)
            if index + 1 == len(course.bundles):
                self._finish(course)
        except (VerificationError, InvalidInput) as error:
            # The entries are those that the others agreed on: it is this node that cannot follow.
            self._give_up(error)
            return Applied(Result.ABORT)
        return Applied(Result.ACCEPT)

    def close(self) -> None:
        """Let go of a snapshot that was not taken to its end."""
        if self._course is not None:
            self._course.rebuilding.close()
            self._course = None

    def _feed(self, course: _Course, index: int, entries: tuple[bytes, ...]) -> None:
        start = index * tiles.WIDTH
        stop = start + len(entries)
        if course.next < start:
            raise InvariantError(f"chunk {index} came before those that it follows")
        if start < course.held:
            with self._store.view() as view:
                held = [raw for _, raw in view.entries(start, min(stop, course.held))]
            if held != list(entries[: len(held)]):
                raise _foreign()
        # One write to the disk a chunk: whatever a power failure takes of it comes again with the next snapshot.
        with self._store.hurrying():
            course.rebuilding.feed(entries[course.next - start :])
        course.next = max(course.next, stop)

    def _finish(self, course: _Course) -> None:
        with self._store.hurrying():
            course.rebuilding.settle()
        staged = self._store.stage([], lambda previous: previous)
        if staged.root != course.offer.hash:
            raise VerificationError("the snapshot does not end with a whole block", step=8, code="bad-snapshot")
        mark = self._store.mark()
        if mark is None or mark.height < course.offer.height:
            # Before this the engine begins anew after a crash; after it, it goes on with the next block.
            self._store.commit(staged, self._seal, course.offer.height)
        self.close()
        self._taken()

    def _refetch(self, course: _Course, index: int, sender: str, error: InvalidInput) -> Applied:
        _log.warning("node %s sent a bad chunk %d: %s", sender or "?", index, error, extra={"code": error.code})
        course.culprits.add(sender)
        if len(course.culprits) >= MAX_CULPRITS:
            self.close()
            return Applied(Result.REJECT_SNAPSHOT, reject=(sender,) if sender else ())
        return Applied(Result.RETRY, refetch=(index,), reject=(sender,) if sender else ())

    def _give_up(self, error: MunimentError) -> None:
        _log.error("this node cannot take a snapshot: %s", error, extra={"code": error.code})
        self.trouble = error
        self.close()


def _ahead(height: int) -> Conflict:
    return Conflict(
        f"the ledger here has the chain's blocks up to {height}, and the engine has none",
        code="engine-empty",
        hint="Run `muniment node repair`: it brings the two together again.",
    )


def _foreign() -> VerificationError:
    return VerificationError(
        "the ledger here is not the beginning of the one that the other members hold",
        step=5,
        code="diverged",
        hint="Run `muniment node repair`: it keeps this ledger aside and begins again.",
    )
