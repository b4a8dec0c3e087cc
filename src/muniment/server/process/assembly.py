"""The application of one process, put together: every part's routes, and the middleware in its order.

Watching (measures) -> Limiting -> Dispatch (which ledger) -> Authentication (who asks) -> Noting -> the routes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Literal, cast

from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send

from muniment.server import application, hosting, openapi, routes, submitting
from muniment.server.application import Dispatch
from muniment.server.explorer import failing
from muniment.server.hosting import Hosting
from muniment.server.limits import Limiting
from muniment.server.process.connection import Door
from muniment.server.settings import Settings
from muniment.server.telemetry import health
from muniment.server.telemetry.health import Telemetry
from muniment.server.telemetry.metrics import Ledgers, Process, count_memory
from muniment.server.telemetry.requests import Noting, Watching

Role = Literal["all", "writer", "reader"]
"""`all`: the only process. Else one `writer` holds the logs' keys, and readers answer callers."""

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


class Assembled:
    """The application of a process, and what its server must reach into."""

    def __init__(self, settings: Settings, opened: Hosting, litestar: Litestar, telemetry: Telemetry) -> None:
        self.hosting = opened
        self.litestar = litestar
        self.telemetry = telemetry
        self.limiting = Limiting(Dispatch(_authenticated(Noting(litestar), settings, opened), opened), settings.limits)
        self._app = Watching(self.limiting, telemetry.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def stop(self) -> None:
        """Say that the end is near, and end what would last."""
        self.telemetry.stopping = True
        self.limiting.end_streams()

    def close(self) -> None:
        """Let go of files."""
        self.hosting.close()


def assemble(
    settings: Settings,
    *,
    role: Role = "all",
    telemetry: Telemetry | None = None,
    door: Door | None = None,
    lifespan: tuple[Lifespan, ...] = (),
) -> Assembled:
    """Open the ledgers and put the application over them. `lifespan` is what this process adds. Raises what opening raises."""
    telemetry = telemetry or Telemetry()
    opened = hosting.open_all(settings, writes=role != "reader")
    litestar = application.build(
        settings,
        opened,
        (*health.ROUTES, *routes.ROUTES),
        lifespan=[*_lifespans(), *lifespan],
        openapi_config=openapi.CONFIG,
        pages=failing.tell_elsewhere,
        logging_config=None,
    )
    litestar.state.role = role
    litestar.state.telemetry = telemetry
    litestar.state.submitters = {}
    assembled = Assembled(settings, opened, litestar, telemetry)
    telemetry.metrics.registry.register(Ledgers(opened))
    telemetry.metrics.registry.register(Process(_counts(assembled), lambda: door.cut.items() if door else ()))
    return assembled


def _counts(assembled: Assembled) -> tuple[tuple[str, str, Callable[[], int]], ...]:
    return (
        ("muniment_memory_bytes", "Memory that this process holds.", count_memory),
        ("muniment_listeners", "Callers who listen to events.", lambda: len(assembled.limiting.listeners)),
        ("muniment_queued_events", "Events that wait for their block.", lambda: _waiting(assembled.litestar)),
    )


def _waiting(litestar: Litestar) -> int:
    return sum(getattr(each, "waiting", 0) for each in litestar.state.submitters.values())


def _lifespans() -> tuple[Lifespan, ...]:
    return tuple(getattr(submitting, "LIFESPAN", (submitting.running,)))


def _authenticated(app: ASGIApp, settings: Settings, opened: Hosting) -> ASGIApp:
    with suppress(ModuleNotFoundError):
        found: Any = importlib.import_module("muniment.server.access.authentication")
        return cast(ASGIApp, found.Authentication(app, settings=settings, hosting=opened))
    return app
