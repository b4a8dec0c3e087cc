"""How a node stands, for whoever asks from outside: what its application wrote, what its supervisor wrote, and whether they run.

What is left of an earlier life is never taken for the present: only a lock that is held says that a node runs, the supervisor's
record is taken away before the next one begins, and what the application said counts once it is ready again.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from muniment.core.format import time
from muniment.errors import InvalidInput
from muniment.ledger.embedded import system_clock
from muniment.node.homes import NodeHome
from muniment.node.process import lock, orders, record
from muniment.node.process.lock import Holder
from muniment.server.standing import Alarm, Standing

STALE_US = 30_000_000
"""The application writes its status every few seconds."""

Phase = Literal["stopped", "busy", "orphaned", "starting", "waking", "catching-up", "running", "held", "stopping"]
"""busy: another command works on its folder. orphaned: the supervisor is gone, and the engine is left.

starting: the application is not ready. waking: it is, and the engine does not answer yet. held: the engine is not to run.
"""

_PROGRESS = MappingProxyType(
    {
        "starting": "starts: the application is not ready yet",
        "waking": "starts: the application answers, the engine not yet",
        "catching-up": "catches up: the engine takes the blocks that this node lacks from the others",
        "stopping": "stops",
    }
)


class Process(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One process of the node. `since` is when it was started last, `starts` how often since the supervisor began.

    `failed` is why the application cannot run as it is set up, by its own last word.
    """

    process: int | None = None
    since: str = ""
    starts: int = 0
    ready: bool = True
    held: bool = False
    failed: str = ""


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One node from outside. `supervisor` is its process, empty where the node does not run. `progress` says what it is about to
    do, in words; empty where it stands still.

    `standing` is what its application said last, `current` whether that is about now and not about an earlier life. `alarms` are
    all that hold, of application and supervisor; `wrong` is what is wrong beside them, in words.
    """

    home: str
    organisation: str
    phase: Phase
    progress: str
    well: bool
    supervisor: str
    application: Process
    engine: Process
    alarms: tuple[Alarm, ...]
    wrong: tuple[str, ...]
    standing: Standing | None
    current: bool


def look(home: NodeHome) -> NodeStatus:
    """Read what there is. Raises NotFound (`no-node`)."""
    settings = home.load_settings()
    holder = lock.find_holder(home.folder)
    runs = holder is not None and holder.work == lock.NODE and holder.lives
    written, standing = record.read(home.folder), _read_standing(home)
    application, engine = _decode(written.get(orders.APPLICATION)), _decode(written.get(orders.ENGINE))
    current = runs and application.process is not None and application.ready and standing is not None
    phase = _find_phase(holder, written, application, engine, standing if current else None)
    wrong = tuple(_find_wrong(phase, holder, written, application, engine, standing if current else None))
    alarms = tuple(_merge(written, standing if current else None)) if runs else ()
    return NodeStatus(
        home=str(home.home),
        organisation=settings.organisation,
        phase=phase,
        progress=_PROGRESS.get(phase, ""),
        well=phase == "running" and not wrong and not alarms,
        supervisor=holder.process if holder is not None and runs else "",
        application=application if runs else Process(ready=False),
        engine=engine if runs else Process(ready=False),
        alarms=alarms,
        wrong=wrong,
        standing=standing,
        current=current,
    )


def _find_phase(
    holder: Holder | None, written: dict[str, Any], application: Process, engine: Process, standing: Standing | None
) -> Phase:
    if holder is None:
        return "stopped"
    if holder.work != lock.NODE:
        return "busy"
    if not holder.lives:
        return "orphaned"
    if written.get("stopping"):
        return "stopping"
    if application.process is None or not application.ready:
        return "starting"
    if engine.held:
        return "held"
    if engine.process is None or standing is None or standing.engine == "away":
        return "waking"
    return "running" if standing.engine == "running" else "catching-up"


def _find_wrong(
    phase: Phase, holder: Holder | None, written: dict[str, Any], application: Process, engine: Process, standing: Standing | None
) -> Iterator[str]:
    if phase == "stopped":
        if application.failed:
            yield f"the node does not run, because its application cannot: {application.failed}"
        elif written and not written.get("stopping"):
            yield "the node does not run: it ended without being told to, as when its machine goes down"
        else:
            yield "the node does not run"
    elif holder is not None and phase == "busy":
        yield f"the node does not run while `muniment {holder.work}` works on its folder, as process {holder.process}"
    elif holder is not None and phase == "orphaned":
        left = "the engine that it started runs on" + (f", as process {engine.process}: end that one" if engine.process else "")
        yield f"the node's supervisor, process {holder.process}, is gone, and {left}"
    elif phase == "starting" and (application.failed or application.starts > 1):
        why = application.failed or "the node's log says why"
        yield f"the application ended, and is started again (start {application.starts} of this node): {why}"
    if standing is not None and (age := system_clock() - time.parse(standing.time)) > STALE_US:
        yield f"the application has not said for {age // 1_000_000} seconds how it stands"
    if phase == "held":
        yield "the engine is stopped and is not started again before this node is mended"
    elif phase == "waking" and engine.starts > 1:
        yield f"the engine ended, and is started again (start {engine.starts} of this node)"


def _merge(written: dict[str, Any], standing: Standing | None) -> Iterator[Alarm]:
    """The application's alarms, and those of the supervisor that did not reach it."""
    known = set()
    for alarm in standing.alarms if standing is not None else ():
        known.add(alarm.code)
        yield alarm
    for each in written.get("alarms", []):
        alarm = msgspec.convert(each, Alarm)
        if alarm.code not in known:
            yield alarm


def _decode(said: object) -> Process:
    try:
        return msgspec.convert(said, Process)
    except msgspec.ValidationError:
        return Process(ready=False)


def _read_standing(home: NodeHome) -> Standing | None:
    """What the application wrote last. Raises InvalidInput (`bad-status`) where another release wrote it."""
    try:
        return msgspec.json.decode(home.status.read_bytes(), type=Standing)
    except OSError:
        return None
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            f"{home.status} cannot be read: {error}", code="bad-status", hint="Ask with the release of Muniment that runs the node."
        ) from None
