"""Delivering webhooks: one process does it, each hook's events in order, failures later and later, nothing lost.

A hook whose receiver fails waits: 5 seconds, then four times as long each time, at most a day, never to the same second. What
comes meanwhile waits behind. After five days, or when the receiver says that it is gone (410), the hook is disabled, which is
logged and shown; whoever enables it again has delivered what came since.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import random
import threading
import time as clocks
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec
from litestar import Litestar

from muniment._version import __version__
from muniment.core.format import time
from muniment.errors import InvalidInput, MunimentError, Unavailable
from muniment.ledger.embedded import system_clock
from muniment.net import posting
from muniment.net.posting import Posted
from muniment.server.hosting import Hosted, Hosting
from muniment.server.settings import Settings
from muniment.server.webhooks import message, outbox, secret
from muniment.server.webhooks.hook import Delivery, Hook
from muniment.server.webhooks.message import Message
from muniment.server.webhooks.outbox import SECOND, Kept, Outbox

POLL_SECONDS = 0.5
PAUSE_SECONDS = 15.0
THREADS = 8
FIRST_DELAY = 5.0
FACTOR = 4.0
DAY = 86_400.0
PATIENCE = 5 * DAY
JITTER = 0.2
MAX_OUTCOME_CHARACTERS = 200
GONE = 410

_log = logging.getLogger("muniment.server.webhooks")


class Post(Protocol):
    """Sends one request; net.posting.post, or what a test puts in its place."""

    def __call__(self, url: str, body: bytes, headers: dict[str, str], *, private: bool = False) -> Posted:
        """Raises InvalidInput, Unavailable."""


def send(settings: Settings, store: Outbox, kept: Kept, what: Message, post: Post = posting.post) -> tuple[Delivery, float | None]:
    """Make one attempt and keep what became of it; with the seconds after which the receiver asks to be tried again."""
    began, at = clocks.monotonic(), system_clock()
    headers = {
        "content-type": "application/json",
        "user-agent": f"muniment/{__version__}",
        **secret.sign(kept.secrets, what.id, at // SECOND, what.body),
    }
    status, retry_after = 0, None
    try:
        posted = post(kept.hook.url, what.body, headers, private=settings.webhooks_private)
        status, retry_after = posted.status, posted.retry_after
        outcome = f"{status} {posted.excerpt}".strip()
    except (InvalidInput, Unavailable) as error:
        outcome = str(error)
    found = Delivery(
        number=0,
        message=what.id,
        event=what.event,
        index=what.index,
        time=time.format(at),
        delivered=200 <= status < 300,
        status=status,
        outcome="".join(each if each.isprintable() else " " for each in outcome)[:MAX_OUTCOME_CHARACTERS],
        milliseconds=round((clocks.monotonic() - began) * 1_000),
    )
    return store.note(kept.hook.id, found), retry_after


def delay(attempts: int, chance: float, retry_after: float | None = None) -> float:
    """Seconds until the next attempt after `attempts` failures. `chance` is from 0 to 1 and spreads it by a fifth either way."""
    planned = min(FIRST_DELAY * FACTOR ** min(attempts - 1, 16), DAY) * (1 - JITTER + 2 * JITTER * chance)
    return min(max(planned, retry_after or 0.0), DAY)


class Postman:
    """The worker of one process: a thread that looks, and a few that deliver. It works only while it holds the lock."""

    def __init__(
        self,
        settings: Settings,
        hosting: Hosting,
        store: Outbox,
        *,
        post: Post = posting.post,
        clock: Callable[[], int] = system_clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._hosting = hosting
        self._store = store
        self._post = post
        self._clock = clock
        self._chance = chance
        self._lock: int | None = None
        self._news = threading.Event()
        self._ending = threading.Event()
        self._busy: set[str] = set()
        self._busy_lock = threading.Lock()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="muniment-webhook")
        self._thread = threading.Thread(target=self._run, name="muniment-webhooks", daemon=True)

    def open(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def close(self) -> None:
        """Finish the attempts that are under way, and end; whoever comes next goes on from where this one was."""
        self._ending.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(cancel_futures=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def nudge(self) -> None:
        """Look now. From any thread."""
        self._news.set()

    def look(self) -> bool:
        """Set to work on every hook that is due. False where another process delivers."""
        now = self._clock()
        due = self._store.due(now)
        if due and not self._hold():
            return False
        for kept in due:
            hosted = self._hosting.by_name.get(kept.ledger)
            with self._busy_lock:
                if hosted is None or kept.hook.id in self._busy:
                    continue
                self._busy.add(kept.hook.id)
            self._pool.submit(self._work, kept, hosted)
        return True

    def _hold(self) -> bool:
        """Hold the lock. The system lets go of it when this process ends, however it ends."""
        if self._lock is None:
            found = os.open(self._settings.state / outbox.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(found)
                return False
            self._lock = found
        return True

    def advance(self, kept: Kept, hosted: Hosted) -> None:
        """Deliver a hook's events in order, up to the newest or to the first one that fails."""
        hook = kept.hook
        while not self._ending.is_set():
            rows, stop = message.read_window(hosted, hook, hook.position)
            if stop == hook.position:
                return
            for row in rows:
                what = message.write_message(self._settings, hosted, hook, row)
                attempt, retry_after = send(self._settings, self._store, kept, what, self._post)
                if not attempt.delivered:
                    self._fail(hook, attempt, retry_after)
                    return
                moved = self._move(hook, row.index + 1)
                if moved is None or self._ending.is_set():
                    return
                hook = moved
            moved = self._move(hook, stop)
            if moved is None:
                return
            hook = moved

    def _move(self, hook: Hook, position: int) -> Hook | None:
        """The hook at its new position; None where somebody else moved it."""
        if hook.position == position:
            return hook
        # A crash before this line delivers the event once more, with the same id.
        if not self._store.advance(hook, position):
            return None
        return msgspec.structs.replace(hook, position=position, state="active", attempts=0, failing_since=None)

    def _fail(self, hook: Hook, attempt: Delivery, retry_after: float | None) -> None:
        now = self._clock()
        since = now if hook.failing_since is None else time.parse(hook.failing_since)
        disable = attempt.status == GONE or now - since >= PATIENCE * SECOND
        wait = delay(hook.attempts + 1, self._chance(), retry_after)
        self._store.postpone(hook, now, now + round(wait * SECOND), attempt.outcome, disable=disable)
        if disable:
            _log.warning("webhook %s is disabled after %d attempts: %s", hook.id, hook.attempts + 1, attempt.outcome)
        else:
            _log.info("webhook %s failed and is tried again in %d s: %s", hook.id, round(wait), attempt.outcome)

    def _work(self, kept: Kept, hosted: Hosted) -> None:
        try:
            self.advance(kept, hosted)
        except MunimentError as error:
            _log.warning("webhook %s waits: %s", kept.hook.id, error)
        except Exception:
            _log.exception("webhook %s waits", kept.hook.id)
        finally:
            with self._busy_lock:
                self._busy.discard(kept.hook.id)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self.look()
            except Exception:
                # Whatever it is, such as a full disk, it may pass; nothing is lost by waiting.
                _log.exception("webhooks wait")
                self._ending.wait(PAUSE_SECONDS)
            self._news.wait(POLL_SECONDS)
            self._news.clear()


@asynccontextmanager
async def delivering(app: Litestar) -> AsyncIterator[None]:
    """The webhooks of all ledgers: `app.state.outbox` in every process, `app.state.postman` in one that is no mere reader."""
    settings: Settings = app.state.settings
    store = await asyncio.to_thread(outbox.open, settings.state)
    app.state.outbox = store
    app.state.postman = None
    postman = Postman(settings, app.state.hosting, store)
    try:
        if app.state.get("role", "all") != "reader":
            app.state.postman = postman
            postman.open()
        yield
    finally:
        await asyncio.to_thread(postman.close)
        store.close()


LIFESPAN = (delivering,)
