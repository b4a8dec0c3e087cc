"""What the transactions hold that this process has opened: each is decoded and verified once, whoever asks.

    transaction = opened.open(raw)        # CheckTx, PrepareProposal, ProcessProposal and FinalizeBlock
    opened.forget(hashes)                 # once committed

The engine asks about the same bytes on several connections at once, up to five times; the signatures are most of the work.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import msgspec

from muniment.core.rules import chain
from muniment.core.rules.chain import Submission
from muniment.node.chain import batch

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""Of payloads. Opened they take about three times as much; what went first is only verified again."""


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """A transaction whose form and signatures hold. `hash` is the SHA-256 of its bytes, its name in the engine.

    `bytes` is the size of its payloads.
    """

    hash: bytes
    submissions: tuple[Submission, ...]
    bytes: int


class Opened:
    """The transactions opened last, for several threads. `limit` is in bytes of their payloads."""

    def __init__(self, limit: int = MAX_KEPT_BYTES) -> None:
        self._limit = limit
        self._kept: OrderedDict[bytes, Transaction] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._opening: dict[bytes, threading.Event] = {}
        self._verified = 0

    @property
    def verified(self) -> int:
        """How many events were verified here, each time that it was done."""
        return self._verified

    def open(self, raw: bytes) -> Transaction:
        """The events of a transaction. Raises InvalidInput for a bad form or signature of any of them."""
        name = hashlib.sha256(raw).digest()
        while True:
            with self._lock:
                found = self._kept.get(name)
                if found is not None:
                    self._kept.move_to_end(name)
                    return found
                elsewhere = self._opening.get(name)
                if elsewhere is None:
                    done = self._opening[name] = threading.Event()
                    break
            # Another thread is at it. Where it fails, this one does the same and hears the reason itself.
            elsewhere.wait()
        try:
            submissions = tuple(chain.open_submissions(batch.decode(raw)))
            with self._lock:
                self._verified += len(submissions)
            return self._keep(_measure(name, submissions))
        finally:
            with self._lock:
                del self._opening[name]
            done.set()

    def keep(self, raw: bytes, submissions: Sequence[Submission]) -> Transaction:
        """The same for a transaction that was made here of events already opened: nothing of it is verified again."""
        return self._keep(_measure(hashlib.sha256(raw).digest(), tuple(submissions)))

    def forget(self, hashes: Iterable[bytes]) -> None:
        """Let go of transactions that were committed."""
        with self._lock:
            for name in hashes:
                gone = self._kept.pop(name, None)
                if gone is not None:
                    self._bytes -= gone.bytes

    def _keep(self, transaction: Transaction) -> Transaction:
        with self._lock:
            earlier = self._kept.pop(transaction.hash, None)
            self._kept[transaction.hash] = transaction
            self._bytes += transaction.bytes - (0 if earlier is None else earlier.bytes)
            while self._bytes > self._limit and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].bytes
        return transaction


def _measure(name: bytes, submissions: tuple[Submission, ...]) -> Transaction:
    return Transaction(name, submissions, sum([len(each.envelope.payload) for each in submissions]))
