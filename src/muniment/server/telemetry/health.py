"""Whether the server is up, whether it is ready, and its figures."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from litestar import Request, Response, get

from muniment.errors import LedgerError, Unavailable
from muniment.server.hosting import Hosted, Hosting
from muniment.server.telemetry import metrics
from muniment.server.telemetry.metrics import Metrics

SPARE_BYTES = 32 << 20
"""With less room than this on the disk the next blocks may not fit."""

Gather = Callable[[], Awaitable[Sequence[tuple[str, str]]]]


class Health(msgspec.Struct, frozen=True):
    """How the server is: always "ok", because anything else is a problem."""

    status: str


class Telemetry:
    """What one process knows of itself. `gather` asks the other processes of this server for their figures: (worker, text)."""

    def __init__(self, worker: str = "", gather: Gather | None = None) -> None:
        self.metrics = Metrics()
        self.worker = worker
        self.gather = gather
        self.stopping = False


@get("/healthz", opt={"scope": "open"}, summary="Is the process alive?")
async def healthz() -> Health:
    """Whether the process answers at all."""
    return Health("ok")


@get("/readyz", opt={"scope": "open"}, sync_to_thread=True, summary="Can it read and write its ledgers now?")
def readyz(request: Request[Any, Any, Any]) -> Health:
    """Whether every ledger can be read and written now; a problem with status 503 where not."""
    telemetry: Telemetry = request.app.state.telemetry
    if telemetry.stopping:
        raise Unavailable("the server is stopping", code="stopping", retry_after=2.0)
    hosting: Hosting = request.app.state.hosting
    for hosted in hosting:
        check(hosted)
    # What else this process needs to write, such as a consensus engine.
    require: Callable[[], object] | None = request.app.state.get("require")
    if require is not None:
        require()
    return Health("ok")


@get("/metrics", opt={"scope": "read"}, summary="Figures for Prometheus.")
async def expose(request: Request[Any, Any, Any]) -> Response[str]:
    """Figures in the text format of Prometheus."""
    telemetry: Telemetry = request.app.state.telemetry
    text = await asyncio.to_thread(telemetry.metrics.expose)
    if telemetry.gather is not None:
        text = metrics.merge([(telemetry.worker, text), *await telemetry.gather()])
    return Response(text, media_type=metrics.MEDIA_TYPE)


def check(hosted: Hosted) -> None:
    """Check that a ledger can be read and written. Raises Unavailable (`not-ready`)."""
    try:
        with hosted.reader.view() as view:
            view.header(view.height)
        writable = os.access(hosted.home.store, os.W_OK)
        free = shutil.disk_usage(hosted.home.folder).free
    except (LedgerError, OSError) as error:
        raise Unavailable(f"the ledger cannot be read: {error}", code="not-ready", retry_after=5.0) from None
    if not writable or free < SPARE_BYTES:
        said = "its disk is full" if writable else "its file may not be written"
        raise Unavailable(
            f"the ledger cannot be written: {said}",
            code="not-ready",
            hint="Make room on the disk, or correct the owner and the mode of the ledger's folder.",
            retry_after=5.0,
        )


ROUTES = (healthz, readyz, expose)
