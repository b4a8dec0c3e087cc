"""What a supervisor tells: log lines, alarms to its application, and the record of its processes."""

from __future__ import annotations

import os
from pathlib import Path

from muniment.node.process import orders, record
from muniment.node.process.alarms import Alarms, Seldom
from muniment.node.process.application_watch import ApplicationWatch
from muniment.node.process.engine_watch import EngineWatch
from muniment.node.process.findings import Finding
from muniment.node.process.log_line import Log


class Telling:
    """One supervisor's word. `alarms` are those that hold; `failed` is why the application cannot run, by its last word."""

    def __init__(self, folder: Path, log_format: str) -> None:
        self.log = Log(log_format)
        self.alarms = Alarms()
        self.failed = ""
        self._folder = folder
        self._seldom = Seldom()
        self._since = {orders.APPLICATION: "", orders.ENGINE: ""}
        self._starts = {orders.APPLICATION: 0, orders.ENGINE: 0}
        self._written: dict[str, object] = {}

    def start(self, name: str, process: int) -> None:
        """A process was started."""
        self._starts[name] += 1
        self._since[name] = record.now()
        self.log.say("info", f"{name}-started", f"the {name} is started", process=process)

    def sound(self, code: str, text: str, ends: float | None = None) -> None:
        """Raise an alarm; a new one is logged."""
        if self.alarms.set(code, text, record.now(), ends):
            self.log.say("error", code, text)

    def quiet(self, code: str) -> None:
        """Take an alarm back, where it holds."""
        if self.alarms.clear(code):
            self.log.say("info", f"{code}-over", f"{code} is over")

    def see(self, found: Finding, now: float) -> None:
        """Something happened that is no alarm: it is logged."""
        if self._seldom.may_tell(found.code, found.peer, now):
            self.log.say("warning", found.code, found.text, peer=found.peer)

    def write(self, application: ApplicationWatch | None, engine: EngineWatch | None, *, held: bool, stopping: bool) -> None:
        """Say what changed, to the application and in the record."""
        if self.alarms.changed:
            self.alarms.changed = False
            if application is not None:
                application.tell({"alarms": self.alarms.tell()})
        ready = application is not None and application.ready
        written: dict[str, object] = {
            "process": os.getpid(),
            orders.APPLICATION: {**self._describe(orders.APPLICATION, application), "ready": ready, "failed": self.failed},
            orders.ENGINE: {**self._describe(orders.ENGINE, engine), "held": held},
            "stopping": stopping,
            "alarms": self.alarms.tell(),
        }
        if written != self._written:
            record.write(self._folder, written)
            self._written = written

    def _describe(self, name: str, watch: ApplicationWatch | EngineWatch | None) -> dict[str, object]:
        process = watch.child.process if watch is not None else None
        return {"process": process, "since": self._since[name], "starts": self._starts[name]}
