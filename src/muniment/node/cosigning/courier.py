"""One thread for one peer: says what is new here, asks for what is missing, and notices when nobody answers.

What was committed a moment ago goes first; several blocks in a burst go together. Heights without a quorum are asked for in
small batches between them, each of them seldom. Whoever does not answer is left alone for up to five seconds, unless he speaks.
"""

from __future__ import annotations

import logging
import random
import threading
import time as clocks
from collections.abc import Callable

import msgspec

from muniment.errors import Conflict, MunimentError
from muniment.node.cosigning.intake import Intake, parse
from muniment.node.cosigning.keeper import Keeper
from muniment.node.cosigning.message import MAX_NOTES, Heard, Ran, Told

PUSH_HEIGHTS = 32
SHORT_HEIGHTS = MAX_NOTES - PUSH_HEIGHTS - 1
"""With the newest height, which always goes along, as many as a peer takes at once."""
BEAT_SECONDS = 4.0
"""So often a peer hears from this node where nothing happens."""

FIRST_AGAIN_SECONDS, LAST_AGAIN_SECONDS = 0.1, 5.0
"""When the newest block is asked for again that lacks a quorum; twice as long each time."""

FIRST_SHORT_SECONDS, LAST_SHORT_SECONDS = 2.0, 300.0
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.25, 5.0
MAX_ASKED = 8_192
OTHER_HISTORY = "other-history"
NOT_A_MEMBER = "not-a-member"

_log = logging.getLogger("muniment.node.cosigning")

Ask = Callable[[Told], Heard]
"""Asks one peer. Raises MunimentError."""
Compare = Callable[[str, Ran], None]
"""Is told how far a peer ran the chain, and where he came to."""


class _Again(msgspec.Struct):
    """When something is due again, and how long is waited after that."""

    at: float
    wait: float

    def postpone(self, now: float, last: float) -> None:
        """Twice as long from now on."""
        self.at, self.wait = now + self.wait, min(2 * self.wait, last)


class Courier:
    """The exchange with one peer. `open` starts the thread, `stop` ends it."""

    def __init__(self, organisation: str, url: str, ask: Ask, keeper: Keeper, intake: Intake, compare: Compare) -> None:
        self.organisation = organisation
        self.url = url
        self.height = -1
        self.agrees: bool | None = None
        self.heard = 0.0
        """When the last answer came, in POSIX seconds; 0.0 before the first."""
        self.lives = 0.0
        """The same by a monotonic clock."""
        self.failure = ""
        """Why the last question was not answered; empty where it was."""
        self._ask = ask
        self._keeper = keeper
        self._intake = intake
        self._compare = compare
        self._news = threading.Event()
        self._closing = False
        self._mark = 0
        self._beat = 0.0
        self._retry = _Again(0.0, FIRST_RETRY_SECONDS)
        self._failed = 0.0
        self._warned = ""
        self._newest = -1
        self._again = _Again(0.0, FIRST_AGAIN_SECONDS)
        self._asked: dict[int, _Again] = {}
        self._thread = threading.Thread(target=self._run, name=f"cosigning-{organisation}", daemon=True)

    def open(self) -> None:
        """Begin."""
        self.lives = clocks.monotonic()
        self._thread.start()

    def nudge(self) -> None:
        """There is news. From any thread, at any time."""
        self._news.set()

    def stop(self) -> None:
        """Begin nothing more."""
        self._closing = True
        self._news.set()

    def join(self, seconds: float) -> None:
        """Wait for the end; an answer that is still to come is waited for no longer than this."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._closing:
            self._news.clear()
            now = clocks.monotonic()
            heights, mark = self._choose(now)
            if heights:
                try:
                    self._exchange(heights, mark)
                except Exception as error:
                    # Whatever it is that he said: this thread is the only one that speaks to this peer.
                    _log.exception("what %s answered could not be taken", self.organisation)
                    self._note_failure(error)
            else:
                self._news.wait(self._rest(clocks.monotonic()))

    def _choose(self, now: float) -> tuple[list[int], int]:
        """The heights to speak of now, the newest first, and how far the news is then told."""
        if self._keeper.heard.get(self.organisation, 0.0) > self._failed:
            # Not at once: somebody may speak and fail in turn, as often as he likes.
            self._retry.at = min(self._retry.at, self._failed + FIRST_RETRY_SECONDS)
        if now < self._retry.at:
            return [], self._mark
        newest = self._keeper.newest.height
        if newest != self._newest:
            self._newest, self._again = newest, _Again(now + FIRST_AGAIN_SECONDS, FIRST_AGAIN_SECONDS)
        news = self._keeper.news(self._mark, PUSH_HEIGHTS)
        chosen = dict.fromkeys(news.heights)
        if now >= self._beat or (now >= self._again.at and not self._keeper.is_settled(newest)):
            chosen[newest] = None
        older = self._keeper.short(SHORT_HEIGHTS, lambda height: height == newest or self._is_early(height, now))
        for height in older:
            chosen[height] = None
            self._asked.setdefault(height, _Again(0.0, FIRST_SHORT_SECONDS)).postpone(now, LAST_SHORT_SECONDS)
        if chosen:
            # Whoever asks shows that he may: the newest line is by a member in force.
            chosen[newest] = None
            if newest == self._newest and now >= self._again.at:
                self._again.postpone(now, LAST_AGAIN_SECONDS)
        if len(self._asked) > MAX_ASKED:
            self._asked = {}
        return sorted(chosen, reverse=True), news.mark

    def _is_early(self, height: int, now: float) -> bool:
        asked = self._asked.get(height)
        return asked is not None and now < asked.at

    def _rest(self, now: float) -> float:
        """Seconds until something is due."""
        if now < self._retry.at:
            return self._retry.at - now
        due = [self._beat]
        if not self._keeper.is_settled(self._newest):
            due.append(self._again.at)
        if self._keeper.short_count:
            due += [min((each.at for each in self._asked.values() if each.at > now), default=now + 1.0)]
        return max(0.005, min(due) - now)

    def _exchange(self, heights: list[int], mark: int) -> None:
        notes = [raw.decode() for raw in map(self._write, heights) if raw is not None]
        try:
            heard = self._ask(Told(notes=tuple(notes)))
        except Conflict as error:
            self._note_answer()
            self.agrees = False
            self._dispute(error)
        except MunimentError as error:
            if error.code != NOT_A_MEMBER:
                self._note_failure(error)
                return
            # Who is no member yet, or no more, is not told anything here; what the others push is enough to follow.
            self._note_answer()
        except Exception as error:
            if self._closing:
                return
            # Whatever it is, this thread is the only one that speaks to this peer.
            _log.exception("cosignatures could not be exchanged with %s", self.organisation)
            self._note_failure(error)
            return
        else:
            self._note_answer()
            self._hear(heard)
        self._mark, self._beat = mark, clocks.monotonic() + BEAT_SECONDS * random.uniform(0.8, 1.0)

    def _write(self, height: int) -> bytes | None:
        """What this node says of a height: its own line, and the log's where it published it."""
        found = self._keeper.at(height)
        return None if found is None else found.note(self._keeper.said(found))

    def _hear(self, heard: Heard) -> None:
        self.height = heard.height
        if heard.ran is not msgspec.UNSET:
            self._compare(self.organisation, heard.ran)
        try:
            newest, *notes = parse((heard.newest, *heard.notes), self._keeper.origin)
            known = self._intake.find(newest.checkpoint.size)
            if newest.checkpoint.size <= self._keeper.newest.size:
                self.agrees = known is not None and known.text == newest.note.text
            else:
                self.agrees = None
            for each in (*notes, newest):
                self._intake.take((each,))
        except MunimentError as error:
            # Whatever was right before it is kept; the rest is nobody's word.
            self._note_failure(error)
            if error.code != self._warned:
                self._warned = error.code
                _log.warning("%s sent what nobody signed: %s", self.organisation, error, extra={"fields": {"code": error.code}})
        else:
            self._warned = ""

    def _dispute(self, error: Conflict) -> None:
        """A peer says that his ledger is another one than this."""
        said = error.details.get("evidence")
        if error.code != OTHER_HISTORY or not isinstance(said, str):
            self._note_failure(error)
            return
        try:
            self._intake.accuse(said.encode())
        except MunimentError as other:
            self._note_failure(other)

    def _note_answer(self) -> None:
        self.heard, self.lives, self.failure = clocks.time(), clocks.monotonic(), ""
        self._retry = _Again(0.0, FIRST_RETRY_SECONDS)

    def _note_failure(self, error: Exception) -> None:
        self.failure = str(error) or type(error).__name__
        self._failed = now = clocks.monotonic()
        self._retry.wait *= random.uniform(0.7, 1.0)
        self._retry.postpone(now, LAST_RETRY_SECONDS)
