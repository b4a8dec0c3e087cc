"""Running one process's application on its socket until it is told to stop.

The first SIGTERM or SIGINT: nothing new is accepted, `/readyz` says 503, streams of events end, and requests in flight are
finished, for `GRACE_SECONDS` at most. The second one: at once. What was acknowledged is durable either way.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import resource
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import uvicorn

from muniment import exits
from muniment.server.process import sockets
from muniment.server.process.assembly import Assembled
from muniment.server.process.connection import Connection, Door, sweep_all
from muniment.server.settings import Settings
from muniment.server.telemetry import logs

GRACE_SECONDS = 20
KEEP_ALIVE_SECONDS = 75
SWITCH_SECONDS = 0.001
"""How long the thread that writes may keep the interpreter while the event loop waits; Python's 5 ms is most of a request."""
SPARE_FILES = 256
"""File descriptors beside the connections: ledgers, indexes, sockets between processes."""

Ready = Callable[[], None]


class Server(uvicorn.Server):
    """uvicorn's server with our signals, our limits on connections, and an end that ends streams first."""

    def __init__(self, config: uvicorn.Config, assembled: Assembled, settings: Settings, ready: Ready) -> None:
        super().__init__(config)
        self._assembled = assembled
        self._settings = settings
        self._ready = ready
        self._sweep: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise SystemExit(1)
        loop, config = asyncio.get_running_loop(), self.config
        make = functools.partial(cast(Any, config.http_protocol_class), config, self.server_state, self.lifespan.state)
        # Without it, a caller who never finishes the handshake would hold a connection for a minute that nobody counts.
        handshake = {"ssl_handshake_timeout": self._settings.limits.header_seconds} if config.ssl else {}
        self.servers = [
            await loop.create_server(make, sock=each, ssl=config.ssl, backlog=config.backlog, **cast(Any, handshake))
            for each in sockets or []
        ]
        self._sweep = loop.create_task(sweep_all(self.server_state))
        # What is here now stays until the end: no collection of garbage need ever look at it again.
        gc.collect()
        gc.freeze()
        self.started = True
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        logs.tick()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was begun."""
        self._assembled.stop()
        await super().shutdown(sockets)
        logs.tick()
        if self._sweep is not None:
            self._sweep.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server, and nothing is raised afterwards: to be stopped is no failure."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Stop gracefully; the second time at once."""
        if self.should_exit:
            os._exit(exits.INTERRUPTED)
        self.should_exit = True


def run(settings: Settings, assembled: Assembled, listening: socket.socket, door: Door, ready: Ready) -> None:
    """Serve until a signal says to stop."""
    allow_files(settings.limits.connections)
    sys.setswitchinterval(SWITCH_SECONDS)
    tls = sockets.load_tls(settings.certificate, settings.certificate_key) if settings.certificate else None
    config = uvicorn.Config(
        cast(Any, assembled),
        http=cast(Any, functools.partial(Connection, door)),
        loop="uvloop",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        backlog=sockets.BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_context_factory=cast(Any, _always(tls)) if tls is not None else None,
    )
    try:
        Server(config, assembled, settings, ready).run(sockets=[listening])
    finally:
        assembled.close()


def stop_with(pipe: int) -> None:
    """Stop this process once the other end of a pipe is closed, which a supervisor that dies does too."""

    def wait() -> None:
        os.read(pipe, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="muniment-supervised", daemon=True).start()


def allow_files(connections: int) -> None:
    """Let this process open as many files as its limits on connections may need, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        # Where even that is forbidden, fewer callers can connect, and that is all.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _always(context: ssl.SSLContext) -> Callable[[object, object], ssl.SSLContext]:
    return lambda config, default: context
