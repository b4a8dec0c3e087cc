"""What the processes of a server with several workers do: one writes, the others answer callers and hand it what is submitted."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from litestar import Litestar

from muniment import exits
from muniment.errors import NotFound, Unavailable
from muniment.server.process import running
from muniment.server.process.assembly import Assembled, assemble
from muniment.server.process.connection import Door
from muniment.server.process.mail import Answer, Line, Office, Question
from muniment.server.settings import Settings
from muniment.server.submitting import Batch
from muniment.server.telemetry.health import Telemetry

WRITER = "writer"
FIGURES_SECONDS = 5.0

Ready = Callable[[], None]


class Forward:
    """Submits through the process that writes; fulfils `submitting.Submitter` for one ledger."""

    def __init__(self, ledger: str, line: Line) -> None:
        self._ledger = ledger
        self._line = line

    async def submit(self, batch: Batch) -> bytes:
        """As the writer's own. Raises Unavailable (`writer-away`) while it is being replaced."""
        return await self._line.ask(Question(number=0, kind="submit", ledger=self._ledger, batch=batch))


def read(settings: Settings, listening: socket.socket, name: str, names: Sequence[str], folder: Path, ready: Ready) -> None:
    """Answer callers until a signal says to stop. `names` are all processes of the server, `folder` has their sockets."""
    telemetry, door = Telemetry(name), Door(settings.limits)
    others = [each for each in names if each != name]

    @asynccontextmanager
    async def connected(app: Litestar) -> AsyncIterator[None]:
        lines = {each: Line(_socket(folder, each)) for each in others}
        telemetry.gather = lambda: _gather(lines)
        app.state.submitters = {each.name: Forward(each.name, lines[WRITER]) for each in app.state.hosting}
        office = Office(_socket(folder, name), _figures_of(telemetry))
        await office.open()
        try:
            yield
        finally:
            await office.close()
            for line in lines.values():
                line.close()

    assembled = assemble(settings, role="reader", telemetry=telemetry, door=door, lifespan=(connected,))
    running.run(settings, assembled, listening, door, ready)


def write(settings: Settings, folder: Path, ready: Ready) -> None:
    """Write what the others hand over, until a signal says to stop."""
    telemetry = Telemetry(WRITER)
    assembled = assemble(settings, role="writer", telemetry=telemetry)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_write(assembled, folder, ready))
    finally:
        assembled.close()


async def _write(assembled: Assembled, folder: Path, ready: Ready) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(exits.INTERRUPTED)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop)

    async def answer(question: Question) -> bytes:
        if question.kind == "figures":
            return (await asyncio.to_thread(assembled.telemetry.metrics.expose)).encode()
        submitter = assembled.litestar.state.submitters.get(question.ledger)
        if submitter is None or question.batch is None:
            raise NotFound("no ledger is served here", code="no-such-ledger", hint="Start the server again.")
        written = await submitter.submit(question.batch)
        assert isinstance(written, bytes)
        return written

    async with assembled.litestar.lifespan():
        office = Office(_socket(folder, WRITER), answer)
        await office.open()
        ready()
        await stopping.wait()
        await office.close()


def _figures_of(telemetry: Telemetry) -> Answer:
    async def answer(question: Question) -> bytes:
        if question.kind != "figures":
            raise Unavailable("this process does not write", code="no-log-key", hint="Ask the one that does.")
        return (await asyncio.to_thread(telemetry.metrics.expose)).encode()

    return answer


async def _gather(lines: dict[str, Line]) -> list[tuple[str, str]]:
    """The figures of the other processes; one that is being replaced has none for a moment."""

    async def ask(name: str, line: Line) -> tuple[str, str]:
        try:
            async with asyncio.timeout(FIGURES_SECONDS):
                return name, (await line.ask(Question(number=0, kind="figures"))).decode()
        except (Unavailable, TimeoutError):
            return name, ""

    return [each for each in await asyncio.gather(*(ask(name, line) for name, line in lines.items())) if each[1]]


def _socket(folder: Path, name: str) -> Path:
    return folder / f"{name}.sock"
