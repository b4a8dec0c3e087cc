"""The application of one process, put together: every part's routes, and the middleware in its order.

Watching (measures) -> Limiting -> Dispatch (which ledger) -> who asks, and how often -> Noting -> the routes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal

import msgspec
from litestar import Litestar
from litestar.types import ControllerRouterHandler, Receive, Scope, Send

from muniment.core.format import layout
from muniment.server import application, feed, hosting, routes, submitting
from muniment.server.access import authentication, entrance
from muniment.server.access.entrance import Access
from muniment.server.application import Dispatch
from muniment.server.explorer import failing
from muniment.server.hosting import Hosting
from muniment.server.limits import Limiting
from muniment.server.process.connection import Door
from muniment.server.settings import Settings
from muniment.server.submitting import Batch, Submitter
from muniment.server.telemetry import health
from muniment.server.telemetry.health import Telemetry
from muniment.server.telemetry.metrics import Ledgers, Metrics, Process, count_memory
from muniment.server.telemetry.requests import Noting, Watching
from muniment.server.webhooks import delivery

THREADS = 48
"""Of each process; one caller keeps fewer of them busy (access.turns)."""

Role = Literal["all", "writer", "reader"]
"""`all`: the only process. Else one `writer` holds the logs' keys, and readers answer callers."""

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


class Assembled:
    """The application of a process, and what its server must reach into."""

    def __init__(self, litestar: Litestar, opened: Hosting, access: Access, settings: Settings, telemetry: Telemetry) -> None:
        self.litestar = litestar
        self.hosting = opened
        self.telemetry = telemetry
        self.limiting = Limiting(Dispatch(authentication.protect(Noting(litestar), access), opened), settings.limits)
        self.access = access
        self._app = Watching(self.limiting, telemetry.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def stop(self) -> None:
        """Say that the end is near, and end what would last."""
        self.telemetry.stopping = True
        self.limiting.end_streams()

    def close(self) -> None:
        """Let go of files."""
        self.access.close()
        self.hosting.close()


class Measured:
    """A submitter whose answers are timed, and after which those who listen here are told at once."""

    def __init__(self, app: Litestar, ledger: str, submitter: Submitter, metrics: Metrics) -> None:
        self._app = app
        self._ledger = ledger
        self._submitter = submitter
        self._seconds = metrics.append_seconds.labels(ledger)

    @property
    def waiting(self) -> int:
        """How many events wait for their block."""
        return int(getattr(self._submitter, "waiting", 0))

    async def submit(self, batch: Batch) -> bytes:
        """As the submitter itself."""
        began = time.perf_counter()
        written = await self._submitter.submit(batch)
        self._seconds.observe(time.perf_counter() - began)
        listening = self._app.state.feeds.get(self._ledger)
        if listening is not None:
            listening.nudge()
        return written


def assemble(
    settings: Settings,
    *,
    role: Role = "all",
    telemetry: Telemetry | None = None,
    door: Door | None = None,
    lifespan: tuple[Lifespan, ...] = (),
    opened: Hosting | None = None,
    more: Sequence[ControllerRouterHandler] = (),
) -> Assembled:
    """Put the application over the ledgers: those of the settings, or `opened` where somebody opened them already.

    `lifespan` and the routes `more` are what this process adds. Raises what opening raises.
    """
    layout.settle(_find_structs(msgspec.Struct))
    telemetry = telemetry or Telemetry()
    opened = opened or hosting.open_all(settings, writes=role != "reader")
    try:
        access = entrance.open(settings)
    except BaseException:
        opened.close()
        raise
    litestar = application.build(
        settings,
        opened,
        (*health.ROUTES, *routes.ROUTES, *more),
        pages=failing.tell_elsewhere,
        lifespan=[_threading, *submitting.LIFESPAN, *lifespan, _measuring, *feed.LIFESPAN, *delivery.LIFESPAN],
        openapi_config=None,
        logging_config=None,
    )
    litestar.state.role = role
    litestar.state.telemetry = telemetry
    litestar.state.submitters = {}
    litestar.state.observe = {each.name: telemetry.metrics.counting(each.name) for each in opened}
    litestar.state.feeds = {}
    assembled = Assembled(litestar, opened, access, settings, telemetry)
    telemetry.metrics.registry.register(Ledgers(opened))
    telemetry.metrics.registry.register(Process(_counts(assembled), lambda: door.cut.items() if door else ()))
    return assembled


@asynccontextmanager
async def _threading(app: Litestar) -> AsyncIterator[None]:
    """Threads for whatever may wait. Python's own number, four more than cores, is as many as a single caller may keep busy."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="muniment"))
    yield


@asynccontextmanager
async def _measuring(app: Litestar) -> AsyncIterator[None]:
    metrics: Metrics = app.state.telemetry.metrics
    submitters = app.state.submitters
    app.state.submitters = {name: Measured(app, name, each, metrics) for name, each in submitters.items()}
    yield
    app.state.submitters = submitters


def _counts(assembled: Assembled) -> tuple[tuple[str, str, Callable[[], int]], ...]:
    def waiting() -> int:
        return sum(each.waiting for each in assembled.litestar.state.submitters.values())

    return (
        ("muniment_memory_bytes", "Memory that this process holds.", count_memory),
        ("muniment_listeners", "Callers who listen to events.", lambda: len(assembled.limiting.listeners)),
        ("muniment_queued_events", "Events that wait for their block.", waiting),
    )


def _find_structs(base: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """Every struct of what is imported by now: the requests of many threads will read them (core.format.layout)."""
    for each in base.__subclasses__():
        yield each
        yield from _find_structs(each)
