"""A ledger made again from its entries: every signature is verified and every block judged as on the day it was sealed.

    with Rebuilding(store, seal) as rebuilding:
        rebuilding.feed(entries)                # in order, from the first one that the store lacks
        rebuilding.settle()                     # every whole block that was fed is in the store

Snapshots from other nodes and the repair of a node both come through here: records are never taken over, only computed. While
one block is judged, the signatures of the next ones are verified in a second thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import msgspec

from muniment.core.format import entry
from muniment.core.format.entry import Header
from muniment.core.rules import chain, members
from muniment.core.rules.chain import Sealed, Submission
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger.store.file import Store

AHEAD = 16
"""So many blocks are opened before the oldest of them is judged."""

STEP = 8  # docs/spec section 10: the header and what it commits to


class _Opened(msgspec.Struct, frozen=True):
    """A block whose signatures are being verified."""

    raw: bytes
    header: Header
    submissions: Future[list[Submission]]


class Rebuilding:
    """Appends whole blocks to `store`, which holds at least a genesis; `seal` makes the checkpoint of each."""

    def __init__(self, store: Store, seal: Callable[[Sealed], bytes]) -> None:
        self._store = store
        self._seal = seal
        self._opener = ThreadPoolExecutor(1, "open")
        self._pending: list[bytes] = []
        self._opened: deque[_Opened] = deque()

    def __enter__(self) -> Rebuilding:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def feed(self, entries: Sequence[bytes]) -> None:
        """Take the next entries. Raises VerificationError for a block that this release would not have sealed so.

        An event without its header waits for it. What comes after an error is of no use: open another one.
        """
        for raw in entries:
            if raw.startswith(_ENVELOPE):
                self._pending.append(raw)
                continue
            events, self._pending = self._pending, []
            self._opened.append(_Opened(raw, _decode_header(raw), self._opener.submit(chain.open_submissions, events)))
            if len(self._opened) > AHEAD:
                self._write(self._opened.popleft())

    def settle(self) -> None:
        """Bring every whole block into the store. Raises what `feed` raises."""
        while self._opened:
            self._write(self._opened.popleft())

    def close(self) -> None:
        """Forget what was fed and is not in the store."""
        self._opened.clear()
        self._pending.clear()
        self._opener.shutdown(cancel_futures=True)

    def _write(self, block: _Opened) -> None:
        header = block.header
        try:
            submissions = block.submissions.result()
            faults = members.decode_faults(bytes(header.evidence)) if header.evidence is not msgspec.UNSET else ()
        except InvalidInput as error:
            raise _differs(header, str(error)) from None

        def clock(previous: str) -> str:
            if header.time <= previous:
                raise _differs(header, "it is not later than the one before")
            return header.time

        staged = self._store.stage(submissions, clock, faults)
        if staged.sealed is None or staged.sealed.raw != block.raw:
            refused = next((each for each in staged.judged.verdicts if each.reasons), None)
            raise _differs(header, refused.reasons[0].sentence() if refused else "its header comes out differently")
        # A crash here or anywhere leaves a ledger of whole blocks, from which rebuilding goes on.
        self._store.commit(staged, self._seal)


_ENVELOPE = b'{"payload"'


def _decode_header(raw: bytes) -> Header:
    try:
        return entry.decode_header(raw)
    except InvalidInput as error:
        if error.code == "protocol-unknown":
            raise
        raise VerificationError(f"an entry is neither an event nor a header: {error}", step=STEP, code="bad-entry") from None


def _differs(header: Header, reason: str) -> VerificationError:
    return VerificationError(
        f"block {header.height} is not what this release makes of its events: {reason}",
        step=STEP,
        code="not-reproducible",
        hint="Install the release of Muniment that the other members run.",
    )
