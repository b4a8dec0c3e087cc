"""What idle listeners to `GET /v1/stream` cost: resident memory of a server with and without a thousand of them.

    python -m bench.listeners [COUNT]

The server is a process of its own: uvicorn with uvloop and httptools as `muniment serve` runs them, one ledger, one event.
"""

from __future__ import annotations

import multiprocessing
import resource
import socket
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

COUNT = 1_000
SETTLE_SECONDS = 2.0
WAIT_SECONDS = 60.0
MIB = 1 << 20


def measure(count: int = COUNT) -> dict[str, float]:
    """Resident memory in MiB before and with `count` listeners, the difference, and milliseconds until all heard one block."""
    context = multiprocessing.get_context("spawn")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * count), hard), hard))
    with tempfile.TemporaryDirectory() as folder:
        found(Path(folder))
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(folder, theirs), daemon=True)
        process.start()
        port = int(ours.recv())
        ears = [listen(port)]
        time.sleep(SETTLE_SECONDS)
        before = resident(process.pid or 0)
        ears += [listen(port) for _ in range(count)]
        time.sleep(SETTLE_SECONDS)
        after = resident(process.pid or 0)
        began = time.perf_counter()
        write(Path(folder))
        for ear in ears:
            hear(ear)
        heard = time.perf_counter() - began
        for ear in ears:
            ear.close()
        ours.send("end")
        process.join(WAIT_SECONDS)
    return {"listeners": count, "before": before, "with": after, "cost": after - before, "heard_ms": heard * 1_000}


def found(folder: Path) -> None:
    """Found a ledger and record one event."""
    from muniment.client import opening

    with opening.init(folder / "home", actor="alice") as ledger:
        ledger.note("actor/alice", "the first")


def write(folder: Path) -> None:
    """Record one event."""
    from muniment.client import opening

    with opening.open(folder / "home") as ledger:
        ledger.note("actor/alice", "news")


def serve(folder: str, pipe: Connection) -> None:
    """Serve until something comes through the pipe; says the port first."""
    import asyncio
    import threading
    from typing import cast

    import uvicorn
    from litestar.types import ASGIApp, Receive, Scope, Send

    from muniment.server import application, feed, guard, hosting, limits, routes
    from muniment.server.caller import Caller
    from muniment.server.settings import Served, Settings

    settings = Settings(ledgers=(Served(name="", home=Path(folder) / "home"),), state=Path(folder) / "state")
    opened = hosting.open_all(settings, writes=False)
    app = application.build(settings, opened, routes.ROUTES, lifespan=list(feed.LIFESPAN), logging_config=None)
    inner = limits.Limiting(cast(ASGIApp, application.Dispatch(app, opened)), settings.limits)
    caller = Caller(kind="token", id="bench", scopes=frozenset({"read"}))

    async def introduce(scope: Scope, receive: Receive, send: Send) -> None:
        raw = cast(guard.Raw, scope)
        if raw["type"] == "http":
            guard.note_caller(raw, caller)
        await inner(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    server = uvicorn.Server(
        uvicorn.Config(introduce, log_config=None, access_log=False, timeout_graceful_shutdown=1, backlog=2_048)
    )

    def end() -> None:
        with suppress(EOFError):
            pipe.recv()
        server.should_exit = True

    threading.Thread(target=end, daemon=True).start()
    pipe.send(listener.getsockname()[1])
    asyncio.run(server.serve(sockets=[listener]))


def listen(port: int) -> socket.socket:
    """A listener that has been greeted."""
    ear = socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS)
    ear.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: here\r\n\r\n")
    said = b""
    while b"retry:" not in said:
        part = ear.recv(4_096)
        if not part:
            raise EOFError("a listener was refused")
        said += part
    return ear


def hear(ear: socket.socket) -> None:
    """Wait for a block."""
    said = b""
    while b"event: block" not in said:
        part = ear.recv(65_536)
        if not part:
            raise EOFError("a listener was cut")
        said += part


def resident(pid: int) -> float:
    """Resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MIB


def main() -> None:
    """Print one line."""
    result = measure(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
    print(" ".join(f"{name} {value:.1f}" for name, value in result.items()))


if __name__ == "__main__":
    main()
