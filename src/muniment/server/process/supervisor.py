"""Several processes as one server: a supervisor that forks one writer and N readers, and replaces what dies.

The readers share the listening socket; only the writer holds the logs' keys, so there is one writer however many answer. The
supervisor itself opens no ledger and runs no thread, so that forking it again is always safe. It listens to signals and to the
ends of its children, and to nothing else.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from muniment import exits
from muniment.server.process import running, workers
from muniment.server.settings import Settings
from muniment.server.telemetry import logs

SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})
TICK_SECONDS = 0.2
PATIENCE_SECONDS = running.GRACE_SECONDS + 5
EARLY_SECONDS = 5.0
"""Who dies sooner than this after the start is started again more slowly, and in the end not at all."""
EARLY_DEATHS = 5
MAX_SOCKET_PATH = 90

Ready = Callable[[], None]


class _Child:
    """One process: when it began, and whether it was told to stop."""

    def __init__(self, name: str, process: int) -> None:
        self.name = name
        self.process = process
        self.began = time.monotonic()
        self.told = False


class Supervisor:
    """Runs the processes of one server; `ready` is called once all of them are."""

    def __init__(self, settings: Settings, listening: socket.socket, ready: Ready) -> None:
        self._settings = settings
        self._listening = listening
        self._ready = ready
        self._names = [workers.WRITER, *(str(number) for number in range(1, settings.workers + 1))]
        self._children: dict[int, _Child] = {}
        self._due: dict[str, float] = {}
        self._early = 0
        self._code = 0
        self._stopping_since: float | None = None
        self._folder = settings.state
        self._pipes: tuple[int, ...] = ()

    def run(self) -> int:
        """Supervise until a signal says to stop, and return the exit code."""
        # What lives now lives in every process: not touching it keeps it shared.
        gc.collect()
        gc.freeze()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self._folder = _make_folder(self._settings.state)
        self._pipes = (*os.pipe(), *os.pipe())
        os.set_blocking(self._pipes[2], False)
        awaited = set(self._names)
        logs.begin(self._settings.log_format, "supervisor")
        try:
            for name in self._names:
                self._start(name)
            while self._children or (self._stopping_since is None and self._due):
                found = signal.sigtimedwait(SIGNALS, TICK_SECONDS)
                if found is not None and found.si_signo != signal.SIGCHLD:
                    self._stop()
                self._reap()
                self._tend()
                if awaited:
                    awaited -= set(self._said())
                    if not awaited:
                        self._ready()
        finally:
            self._kill(signal.SIGKILL)
            for each in self._pipes:
                os.close(each)
            shutil.rmtree(self._folder, ignore_errors=True)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return self._code

    def _start(self, name: str) -> None:
        self._due.pop(name, None)
        process = os.fork()
        if process:
            self._children[process] = _Child(name, process)
            return
        code = 1
        try:
            self._become(name)
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            logs.tick()
            os._exit(code)

    def _become(self, name: str) -> None:
        """In the child: forget the supervisor, and do this process's work."""
        # Ctrl-C in a terminal is the supervisor's to answer, who then tells everybody in the right order.
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        alive_read, alive_write, said_read, said_write = self._pipes
        os.close(alive_write)
        os.close(said_read)
        running.stop_with(alive_read)
        logs.begin(self._settings.log_format, name)

        def ready() -> None:
            os.write(said_write, f"{name}\n".encode())

        if name == workers.WRITER:
            self._listening.close()
            workers.write(self._settings, self._folder, ready)
        else:
            workers.read(self._settings, self._listening, name, self._names, self._folder, ready)

    def _stop(self) -> None:
        if self._stopping_since is not None:
            self._code = exits.INTERRUPTED
            self._kill(signal.SIGKILL)
            return
        self._stopping_since = time.monotonic()
        self._listening.close()
        # The readers first: what they were asked still has to reach the writer.
        for child in self._children.values():
            if child.name != workers.WRITER:
                _signal(child.process, signal.SIGTERM)

    def _tend(self) -> None:
        """Start what is due; on the way to the end, stop the writer once the readers are gone, and then wait no longer."""
        now = time.monotonic()
        if self._stopping_since is None:
            for name in [name for name, due in self._due.items() if due <= now]:
                self._start(name)
            return
        if all(child.name == workers.WRITER for child in self._children.values()):
            for child in self._children.values():
                if not child.told:
                    child.told = True
                    _signal(child.process, signal.SIGTERM)
        if now - self._stopping_since > PATIENCE_SECONDS:
            self._kill(signal.SIGKILL)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                child = self._children.pop(ended[0], None)
                if child is not None and self._stopping_since is None:
                    self._replace(child, os.waitstatus_to_exitcode(ended[1]))

    def _replace(self, child: _Child, code: int) -> None:
        """Start a process again that died, more slowly where it dies at once, and not for ever."""
        lived = time.monotonic() - child.began
        self._early = self._early + 1 if lived < EARLY_SECONDS else 0
        logs.say("worker-died", f"process {child.name} ended with {code} and is started again", process=child.process)
        if self._early >= EARLY_DEATHS * len(self._names):
            logs.say("giving-up", "its processes die at once, again and again: the server stops")
            self._code = 1
            self._stop()
            return
        self._due[child.name] = time.monotonic() + min(5.0, 0.1 * 2 ** min(self._early, 6) if lived < EARLY_SECONDS else 0.0)

    def _said(self) -> list[str]:
        with suppress(BlockingIOError):
            return os.read(self._pipes[2], 4_096).decode().split()
        return []

    def _kill(self, number: int) -> None:
        for process in self._children:
            _signal(process, number)


def _signal(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def _make_folder(state: Path) -> Path:
    """An empty folder for the sockets: in the state's, or elsewhere where that one's path is too long for a socket."""
    folder = state / "run"
    if len(os.fsencode(folder)) > MAX_SOCKET_PATH:
        return Path(tempfile.mkdtemp(prefix="muniment-"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder
