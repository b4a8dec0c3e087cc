"""How a node stands, for whoever asks from outside: what its application wrote, what its supervisor wrote, and whether they run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from muniment.core.format import time
from muniment.errors import InvalidInput
from muniment.ledger.embedded import system_clock
from muniment.node.homes import NodeHome
from muniment.node.process import lock, orders, record
from muniment.server.standing import Alarm, Standing

STALE_US = 30_000_000
"""The application writes its status every second."""


class Process(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One process of the node. `since` is when it was started last, `starts` how often since the supervisor began."""

    process: int | None = None
    since: str = ""
    starts: int = 0
    ready: bool = True
    held: bool = False


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One node from outside. `supervisor` is its process, empty where the node does not run; `standing` is what was written last.

    `alarms` are all that hold, of application and supervisor; `wrong` is what is wrong beside them, in words.
    """

    home: str
    well: bool
    supervisor: str
    application: Process
    engine: Process
    alarms: tuple[Alarm, ...]
    wrong: tuple[str, ...]
    standing: Standing | None


def look(home: NodeHome) -> NodeStatus:
    """Read what there is. Raises NotFound (`no-node`)."""
    home.load_settings()
    supervisor = lock.find_holder(home.folder) or ""
    written = record.read(home.folder) if supervisor else {}
    standing = _read_standing(home)
    application, engine = _decode(written.get(orders.APPLICATION)), _decode(written.get(orders.ENGINE))
    wrong = tuple(_find_wrong(supervisor, application, engine, standing))
    alarms = tuple(_merge(written, standing if supervisor else None))
    return NodeStatus(
        home=str(home.home),
        well=not wrong and not alarms,
        supervisor=supervisor,
        application=application,
        engine=engine,
        alarms=alarms,
        wrong=wrong,
        standing=standing,
    )


def _find_wrong(supervisor: str, application: Process, engine: Process, standing: Standing | None) -> Iterator[str]:
    if not supervisor:
        yield "the node does not run"
        return
    if application.process is None or not application.ready:
        yield "the application is not ready"
    elif standing is None:
        yield "the application has not said yet how it stands"
    elif (age := system_clock() - time.parse(standing.time)) > STALE_US:
        yield f"the application has not said for {age // 1_000_000} seconds how it stands"
    if engine.held:
        yield "the engine is stopped and is not started again before this node is mended"
    elif engine.process is None:
        yield "the engine does not run; it is started again by itself"


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
