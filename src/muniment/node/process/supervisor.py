"""The supervisor: the application first, then the engine; where one ends, the other is stopped, and both begin again.

How the engine ended says nothing (its status is 0 when it lost the application), so nothing is decided by that. What is decided:

- who dies early, or fails within a minute, is started again after 1 to 30 seconds; else at once. The application answers readers
  while the engine waits.
- who is halted or stuck is killed, which is the same as dying.
- an engine that again and again finds another state than the others agreed on is not started any more; readers are still answered.
- so it is where the application says that it cannot judge what comes, such as under a protocol that it does not speak.
- SIGTERM stops the engine, then the application; a second one kills both.

The validator's own record of what it signed (priv_validator_state.json) is never touched here: without it, it would sign twice.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from muniment.node.engine import release
from muniment.node.process import line, orders, watchdog
from muniment.node.process.application_watch import ApplicationWatch
from muniment.node.process.backoff import EARLY_SECONDS, HEALTHY_SECONDS, Backoff
from muniment.node.process.child import Child, Starter
from muniment.node.process.engine_watch import EngineWatch
from muniment.node.process.findings import Finding
from muniment.node.process.log_file import LogFile
from muniment.node.process.orders import Orders
from muniment.node.process.telling import Telling
from muniment.node.process.watchdog import Watchdog
from muniment.server.process import notify

LOGS = "logs"
LOG_NAME = "engine.log"
INTERRUPTED = 130
"""As in `exits`, which would bring the rules into this process."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TICK_SECONDS = 1.0
BUSY_TICK_SECONDS = 0.1
GAP_SECONDS = 2.0
"""Who did not run for longer than this between two ticks cannot say of others that they were silent."""
GRACE_SECONDS = 1.0
"""An engine that loses its application fails too, and says so before the application is quite gone."""
APPLICATION_FAILED = "application-failed"
DIVERGED_STARTS = 3
PASSING_SECONDS = 120.0
MAX_ENGINE_PROCESSORS = 4
"""More than these it does not keep busy."""


class Timing(NamedTuple):
    """In seconds. stop: from SIGTERM to SIGKILL; application, engine: how long without an answer; start: until the first one

    every: between two questions; early: a life that counts as short; healthy: one after which all is well again
    """

    stop: float = 10.0
    application: float = watchdog.APPLICATION_SECONDS
    engine: float = watchdog.ENGINE_SECONDS
    start: float = watchdog.START_SECONDS
    every: float = watchdog.EVERY_SECONDS
    early: float = EARLY_SECONDS
    healthy: float = HEALTHY_SECONDS


TIMING = Timing()

Greet = Callable[[dict[str, Any]], None]


class Supervisor:
    """Runs one node. `greet` is called once, with what the application said when it was first ready."""

    def __init__(self, told: Orders, environment: Mapping[str, str], greet: Greet, timing: Timing = TIMING) -> None:
        self._told = told
        self._environment = environment
        self._greet: Greet | None = greet
        self._timing = timing
        self._telling = Telling(told.folder, told.log_format)
        self._application: ApplicationWatch | None = None
        self._engine: EngineWatch | None = None
        self._backoffs = (Backoff(timing.early, timing.healthy), Backoff(timing.early, timing.healthy))
        self._due = {orders.APPLICATION: 0.0, orders.ENGINE: 0.0}
        self._diverged = 0
        self._held = False
        self._stopping = False
        self._code = 0
        self.failed: dict[str, Any] | None = None
        self._engine_log = LogFile(told.folder / LOGS / LOG_NAME)
        self._starter = Starter()
        self._wake = -1

    def run(self) -> int:
        """Run the node until a signal says to stop, and return the exit code."""
        (self._told.folder / LOGS).mkdir(mode=0o700, exist_ok=True)
        self._wake, waking = os.pipe()
        for each in (self._wake, waking):
            os.set_blocking(each, False)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        for number in SIGNALS:
            # Whoever starts a node that is to outlive his terminal (nohup) has the signal of its end ignored.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, frame: self._stop())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        # A supervisor that is halted would halt the engine with it, whose log nobody takes any more.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        ticked = time.monotonic()
        try:
            while not (self._stopping and self._application is None and self._engine is None):
                self._wait()
                now = time.monotonic()
                if now - ticked > TICK_SECONDS + GAP_SECONDS:
                    self._forgive(now - ticked)
                ticked = now
                # The application first: an engine that fails or ends because of it is not to blame.
                self._reap_application(now)
                self._hear(now)
                self._reap_engine(now)
                self._tend(now)
                self._telling.write(self._application, self._engine, held=self._held, stopping=self._stopping)
        finally:
            notify.tell("STOPPING=1")
            self._kill()
            self._telling.write(self._application, self._engine, held=self._held, stopping=self._stopping)
            self._engine_log.close()
        return self._code

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if self._application is not None and self._application.descriptor is not None:
            poll.register(self._application.descriptor, select.POLLIN)
        if self._engine is not None:
            if self._engine.pipe is not None:
                poll.register(self._engine.pipe, select.POLLIN)
            if self._engine.probing is not None:
                descriptor, writes = self._engine.probing
                poll.register(descriptor, select.POLLOUT if writes else select.POLLIN)
        settled = self._application is not None and (self._held or self._engine is not None) and not self._stopping
        poll.poll((TICK_SECONDS if settled else BUSY_TICK_SECONDS) * 1_000)
        with suppress(BlockingIOError):
            os.read(self._wake, 4_096)

    def _hear(self, now: float) -> None:
        if self._engine is not None:
            for found in self._engine.hear():
                self._note(found, now)
            self._engine.advance(now)
        if self._application is not None:
            self._hear_application(self._application, now)

    def _hear_application(self, application: ApplicationWatch, now: float) -> None:
        was_ready = application.ready
        application.hear(now)
        if application.halted is not None and not self._held:
            self._hold(str(application.halted.get("code")), str(application.halted.get("text")), now)
        if application.failed is not None:
            self._telling.failed = str(application.failed.get("message", ""))
        if application.failed is not None and self._greet is not None:
            # Before anybody was greeted somebody waits for the answer. A node that ran before goes on trying.
            self.failed = application.failed
            self._code = int(application.failed.get("exit", 1))
            self._stopping = True
        elif application.ready and not was_ready:
            self._telling.failed = ""
            self._telling.log.say("info", "application-ready", "the application is ready", process=application.child.process)
            application.tell({"alarms": self._telling.alarms.tell()})
            if self._greet is not None and application.greeting is not None:
                self._greet(application.greeting)
                notify.tell("READY=1")
                self._greet = None

    def _hold(self, code: str, text: str, now: float) -> None:
        """Run no engine any more. Where it waits for an answer that never comes, it is killed in the end, as at any stop."""
        self._held = True
        self._telling.sound(code, text)
        self._telling.log.say("error", "engine-held", "the engine is not started again; readers are still answered")
        if self._engine is not None:
            self._engine.child.stop(now)

    def _note(self, found: Finding, now: float) -> None:
        """A finding in the engine's log: an alarm, or something that happened."""
        if found.kind == "seen":
            self._telling.see(found, now)
            return
        if found.kind == "failure" and self._engine is not None:
            if self._engine.failure is None:
                self._engine.failure, self._engine.failed = found, now
            return
        self._telling.sound(found.code, found.text, now + PASSING_SECONDS if found.kind == "passing" else None)

    def _judge(self, engine: EngineWatch) -> Finding | None:
        """Why an engine orders no more blocks; None where that is only because it lost its application."""
        lost = self._application is None or self._application.child.told is not None
        failure = engine.failure
        if failure is None or (lost and failure.code != "diverged"):
            return None
        if failure.code == "diverged":
            # Which of the two was wrong is known now.
            self._telling.alarms.clear("peer-diverged")
        self._telling.sound(failure.code, failure.text)
        return failure

    def _reap_application(self, now: float) -> None:
        application = self._application
        if application is None or (code := application.child.reap()) is None:
            return
        self._hear_application(application, now)
        application.close()
        self._application = None
        self._end_application(application, code, now)

    def _reap_engine(self, now: float) -> None:
        engine = self._engine
        if engine is None or (code := engine.child.reap()) is None:
            return
        for found in engine.hear():
            self._note(found, now)
        engine.close()
        self._engine = None
        self._end_engine(engine, code, now)

    def _end_application(self, ended: ApplicationWatch, code: int, now: float) -> None:
        if self._stopping:
            return
        child, failed = ended.child, ended.failed or {}
        words, hint = str(failed.get("message", "")), str(failed.get("hint", ""))
        wait = 0.0 if child.told is not None else self._backoffs[0].count(now - child.began, code)
        self._due[orders.APPLICATION] = now + wait
        if child.told is None:
            self._telling.log.say(
                "warning",
                "application-ended",
                f"the application ended; it is started again in {wait:g} s",
                status=code,
                words=words,
            )
            if self._backoffs[0].deaths > 1:
                told = f"{words}. {hint}" if words else f"status {code}; the node's log says why"
                self._telling.sound(APPLICATION_FAILED, f"the application ends soon after its start: {told}")
        if self._engine is not None:
            self._engine.child.stop(now)

    def _end_engine(self, ended: EngineWatch, code: int, now: float) -> None:
        if self._stopping:
            return
        failure, lived = self._judge(ended), now - ended.child.began
        if failure is None and ended.child.told is not None:
            self._due[orders.ENGINE] = now
            return
        wait = self._backoffs[1].count(0.0 if failure is not None else lived, code)
        self._due[orders.ENGINE] = now + wait
        if failure is not None and failure.code == "diverged":
            self._diverged += 1
            if self._diverged >= DIVERGED_STARTS:
                self._hold("diverged", f"{failure.text}; the engine is stopped until then", now)
                return
        self._telling.log.say(
            "warning", "engine-ended", f"the engine ended; it is started again in {wait:g} s", status=code, words=ended.words
        )
        if failure is None and self._backoffs[1].deaths > 1:
            self._telling.sound("engine-failed", f"the engine ends soon after its start: {ended.words or f'status {code}'}")
        # Whoever computed another state has it on its disk: a new application would have it too, and readers would miss this one.
        if self._application is not None and (failure is None or failure.code != "diverged"):
            self._application.child.stop(now)

    def _tend(self, now: float) -> None:
        """Kill who does not stop or does not answer, start what is due, take back alarms that are over."""
        for child in self._children():
            if child.told is not None and now >= child.told + self._timing.stop:
                self._telling.log.say("warning", f"{child.name}-killed", f"the {child.name} did not stop in time and is killed")
                child.told = now
                child.send(signal.SIGKILL)
        self._telling.alarms.expire(now)
        if self._stopping:
            if self._engine is not None:
                self._engine.child.stop(now)
            elif self._application is not None:
                self._application.child.stop(now)
            return
        for watch in (self._application, self._engine):
            if watch is not None and watch.child.told is None and not watch.tend(now):
                watch.forgive(self._timing.stop)
                self._kill_hung(watch.child, now)
        if self._application is None and self._engine is None and now >= self._due[orders.APPLICATION]:
            self._start(orders.APPLICATION, self._start_application, self._backoffs[0], now)
        application = self._application
        if application is not None and application.ready and application.child.told is None:
            if now - application.child.began >= self._timing.healthy:
                self._telling.quiet(APPLICATION_FAILED)
            if self._engine is None and not self._held and now >= self._due[orders.ENGINE]:
                self._start(orders.ENGINE, self._start_engine, self._backoffs[1], now)
            engine = self._engine
            if engine is not None and engine.failure is not None and now - engine.failed >= GRACE_SECONDS and self._judge(engine):
                # It lives on after a failure of consensus, and would for ever.
                engine.child.stop(now)
            elif engine is not None and engine.failure is None and now - engine.child.began >= self._timing.healthy:
                self._diverged = 0
                for code in ("engine-failed", "diverged"):
                    self._telling.quiet(code)

    def _kill_hung(self, child: Child, now: float) -> None:
        text = f"the {child.name} gave no answer for too long and is started again"
        self._telling.log.say("error", f"{child.name}-hung", text, process=child.process)
        if child.name == orders.ENGINE:
            self._telling.sound("engine-failed", text, now + PASSING_SECONDS)
        child.send(signal.SIGKILL)

    def _start(self, name: str, start: Callable[[float], None], backoff: Backoff, now: float) -> None:
        """Start a process; where the system has none to give, or no descriptor, it is tried again."""
        try:
            start(now)
        except OSError as error:
            wait = backoff.count(0.0)
            self._due[name] = now + wait
            self._telling.log.say(
                "warning", f"{name}-not-started", f"the {name} cannot be started; it is tried again in {wait:g} s", words=str(error)
            )
            if backoff.deaths > 1:
                self._telling.sound(f"{name}-failed", f"the {name} cannot be started: {error}")

    def _start_application(self, now: float) -> None:
        ours, theirs = line.connect()
        environment = {**self._environment, line.VARIABLE: str(theirs.fileno())}
        try:
            child = self._starter.start(orders.APPLICATION, self._told.application, environment, passed=(theirs.fileno(),))
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        watching = Watchdog(now, self._timing.application, start_patience=self._timing.start, every=self._timing.every)
        self._application = ApplicationWatch(child, ours, watching)
        self._telling.start(orders.APPLICATION, child.process)

    def _start_engine(self, now: float) -> None:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        environment = release.clear(self._environment)
        # With a processor for each of its threads it wakes all of them for every message, which doubles what an idle node costs;
        # half of them are for the application.
        environment.setdefault("GOMAXPROCS", str(max(1, min(MAX_ENGINE_PROCESSORS, _count_processors() // 2))))
        try:
            child = self._starter.start(orders.ENGINE, self._told.engine, environment, output=writing, passed=(self._told.lock,))
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        watching = Watchdog(now, self._timing.engine, start_patience=self._timing.start, every=self._timing.every)
        self._engine = EngineWatch(child, reading, self._engine_log, self._told.rpc, watching)
        self._telling.start(orders.ENGINE, child.process)

    def _stop(self) -> None:
        """A signal: stop, and the second time at once."""
        if self._stopping:
            self._code = INTERRUPTED
            self._kill()
        self._stopping = True

    def _kill(self) -> None:
        for child in self._children():
            child.send(signal.SIGKILL)

    def _forgive(self, seconds: float) -> None:
        for watch in (self._application, self._engine):
            if watch is not None:
                watch.forgive(seconds)

    def _children(self) -> list[Child]:
        return [watch.child for watch in (self._application, self._engine) if watch is not None]


def _count_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
