"""The ways to the nodes that serve one ledger: the last good one is taken, and another one where it fails.

    ways = Ways((Transport(a), Transport(b)))
    about = ways.ask(lambda way: way.read("/v1/ledger", About))

A node that is away, or whose words do not hold, is left out for a while and asked again later. What it did is said once, as a
warning. Where all of them fail, the most telling failure is raised: two histories before a proof that does not hold, and that
before a node that is merely away. With a single node there is nothing to choose, and nothing to say: it fails as it fails, once it
had a moment to catch up.
"""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from muniment.core.proof.evidence import BEHIND, SplitView
from muniment.errors import CorruptStore, LedgerError, MunimentError, NotFound, Unavailable, VerificationError
from muniment.net.address import Address
from muniment.net.transport import Patience, Transport

T = TypeVar("T")

SEVERAL = Patience(connect=2.0, read=20.0, retries=0.5, attempts=2)
"""Where there is another node, the one at hand is not waited for as long as the only one."""

AWAY_S = 15.0
"""So long a node that was away is asked only after all others."""
DISTRUST_S = 300.0
"""And so long one whose words did not hold."""

QUORUM = "quorum"
"""The code of a checkpoint that too few have cosigned: it is no lie, and may be mended in a moment."""

# Nothing is wrong with a node that has not caught up, or has much to do: it is asked again soon, and nothing is said.
_BRIEFLY = frozenset({BEHIND, "busy"})
_BRIEF_S = 1.0
_PATIENCE_S = 4.0
_ROUNDS = 3
_LOOKS, _LOOK_S = 10, 0.3
# Every node would answer the same: it is about the question, and not about whoever was asked.
_ANYWHERE = frozenset({"moved", "closed"})


class NodeWarning(UserWarning):
    """One of several nodes is left out for a while."""


class _Stand:
    """How things are with one node: until when it is left out (monotonic seconds), and what was said of it."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.until = 0.0
        self.said: set[str] = set()


class Ways:
    """Safe for threads and after a fork: at worst two of them find out the same."""

    def __init__(self, transports: Sequence[Transport], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stands = tuple(map(_Stand, transports))
        self._clock = clock
        self._current = 0

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Of all nodes, in the order in which they were named."""
        return tuple(each.transport.address for each in self._stands)

    @property
    def url(self) -> str:
        """The addresses as they are written in settings."""
        return " ".join(each.url for each in self.addresses)

    @property
    def are_several(self) -> bool:
        """Is there another node to go to?"""
        return len(self._stands) > 1

    def ask(self, question: Callable[[Transport], T], *, first: Transport | None = None, lacking: bool = False) -> T:
        """The answer of the first node whose answer can be used, beginning with `first`, or with the last good one.

        Whatever `question` raises because of the node leads to the next one: Unavailable, VerificationError, CorruptStore and a
        node's own failure. With `lacking` so does NotFound, for what only some nodes hold.
        """
        if not self.are_several:
            return self._ask_only(question)
        began = self._clock()
        for attempt in range(_ROUNDS):
            failures: list[tuple[_Stand, MunimentError]] = []
            absent: NotFound | None = None
            for number in self._order(first):
                stand = self._stands[number]
                try:
                    answer = question(stand.transport)
                except NotFound as error:
                    if not lacking:
                        raise
                    absent = absent or error
                except MunimentError as error:
                    if not is_of_node(error):
                        raise
                    self._leave_out(stand, error)
                    failures.append((stand, error))
                else:
                    stand.until = 0.0
                    self._current = number
                    return answer
            if absent is not None:
                raise absent
            last = attempt + 1 == _ROUNDS or self._clock() - began > _PATIENCE_S
            if last or not all(_is_passing(error) for _, error in failures):
                break
            # Never two clients in step.
            time.sleep(random.uniform(0.5, 1.0) * 0.2 * 4**attempt)
        raise _choose(failures)

    def _ask_only(self, question: Callable[[Transport], T]) -> T:
        """The same where there is one node alone: all it is waited for is that it catches up with what another one showed."""
        for _ in range(_LOOKS):
            try:
                return question(self._stands[0].transport)
            except Unavailable as error:
                if error.code != BEHIND:
                    raise
            time.sleep(_LOOK_S)
        return question(self._stands[0].transport)

    def others(self, than: Transport) -> Iterator[Transport]:
        """The ways to all other nodes, those that are left out last; for a second opinion."""
        return (self._stands[n].transport for n in self._order(than) if self._stands[n].transport is not than)

    def close(self) -> None:
        """Let go of connections."""
        for each in self._stands:
            each.transport.close()

    def _order(self, first: Transport | None) -> Iterator[int]:
        """Nodes that are not left out before those that are, each from the wanted one on."""
        count, now = len(self._stands), self._clock()
        start = next((n for n, each in enumerate(self._stands) if each.transport is first), self._current)
        order = [(start + step) % count for step in range(count)]
        ready = [number for number in order if self._stands[number].until <= now]
        return iter([*ready, *[number for number in order if number not in ready]])

    def _leave_out(self, stand: _Stand, error: MunimentError) -> None:
        false = isinstance(error, VerificationError) and error.code != QUORUM
        away = _BRIEF_S if error.code in _BRIEFLY else DISTRUST_S if false else AWAY_S
        stand.until = self._clock() + away
        if error.code in _BRIEFLY or error.code in stand.said:
            return
        stand.said.add(error.code)
        warnings.warn(_tell(stand.transport.address.url, error), NodeWarning, stacklevel=3)


def is_of_node(error: MunimentError) -> bool:
    """Is an error about the node that was asked, so that another one may do better?"""
    if isinstance(error, Unavailable):
        return error.code not in _ANYWHERE
    # Of the errors that nodes tell, the plain one is their own failure, or that they do not let us in.
    return isinstance(error, VerificationError | CorruptStore) or type(error) is LedgerError


def _tell(url: str, error: MunimentError) -> str:
    if isinstance(error, SplitView):
        kept = f" Evidence: {error.details['evidence']}" if "evidence" in error.details else ""
        return f"{url} contradicts what was seen of this ledger, and is not believed: {error}.{kept}"
    if error.code == QUORUM:
        return f"{url} shows what too few have cosigned yet: {error} ({error.code}). Another node is asked."
    if isinstance(error, VerificationError):
        return f"{url} shows what does not hold, and is not believed: {error} ({error.code}). Another node is asked."
    return f"{url} is left out for now: {error}. Another node is asked."


def _is_passing(error: MunimentError) -> bool:
    return error.code == QUORUM or (isinstance(error, Unavailable) and error.retry_after is not None)


def _choose(failures: Sequence[tuple[_Stand, MunimentError]]) -> MunimentError:
    """The most telling of the failures; what the other nodes said stands below it."""
    stand, chosen = max(failures, key=lambda each: _weigh(each[1]))
    for other, error in failures:
        if other is not stand:
            chosen.add_note(f"{other.transport.address.url}: {error} ({error.code})")
    return chosen


def _weigh(error: MunimentError) -> int:
    if isinstance(error, SplitView):
        return 5
    if isinstance(error, VerificationError):
        return 3 if error.code == QUORUM else 4
    return 0 if error.code == "unreachable" else 1 if isinstance(error, Unavailable) else 2
