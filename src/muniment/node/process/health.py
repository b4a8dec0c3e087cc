"""What `muniment doctor` looks at where the ledger has a node: the engine, its keys, its addresses, and how it runs."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping

from muniment.client.health import Check
from muniment.errors import MunimentError
from muniment.node import settings as node_settings
from muniment.node.engine import binary
from muniment.node.homes import NodeHome
from muniment.node.process import standing, start

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def examine(home: NodeHome, environment: Mapping[str, str]) -> tuple[Check, ...]:
    """Look at everything. Never raises for what it finds."""
    return (
        *_guard("engine", lambda: _examine_engine(environment)),
        *_guard("node's files", lambda: _examine_files(home)),
        *_guard("node's keys", lambda: _examine_keys(home)),
        *_guard("node's addresses", lambda: _examine_addresses(home)),
        *_guard("node", lambda: _examine_running(home)),
    )


def _examine_engine(environment: Mapping[str, str]) -> Iterator[Check]:
    found = binary.find(environment)
    said = f"CometBFT {found.version} at {found.path}"
    if found.source == "unknown":
        yield Check(
            name="engine",
            grade="warning",
            said=f"{said}, from a source that cannot be checked",
            mend=f"muniment engine install, and unset {binary.VARIABLE}",
        )
    else:
        yield Check(name="engine", grade="ok", said=f"{said}, built from the source that this software names")


def _examine_files(home: NodeHome) -> Iterator[Check]:
    consortium = home.load_consortium()
    start.require_engine_home(home)
    yield Check(name="node's files", grade="ok", said=f"sealed for {consortium.origin}; the engine has its keys and its own record")


def _examine_keys(home: NodeHome) -> Iterator[Check]:
    """Whoever has them votes and cosigns in this organisation's name."""
    keys = [home.cosigner_key, home.publisher_key, home.engine_node_key, home.validator_key]
    reachable = [path for path in keys if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    for path in reachable:
        yield Check(name="node's keys", grade="problem", said=f"other users can reach {path}", mend=f"chmod 600 {path}")
    if not reachable:
        yield Check(name="node's keys", grade="ok", said="for their owner alone")


def _examine_addresses(home: NodeHome) -> Iterator[Check]:
    settings = home.load_settings()
    if node_settings.split_place(settings.rpc)[0] not in _LOOPBACK:
        yield Check(
            name="node's addresses",
            grade="problem",
            said=f"other machines can reach the engine's own interface at {settings.rpc}",
            mend=f'Set rpc = "127.0.0.1:26657" in {home.settings}.',
        )
    silent = [peer.organisation for peer in settings.peers if not (peer.url and peer.p2p)]
    if silent:
        yield Check(
            name="node's addresses",
            grade="warning",
            said=f"no full address of {', '.join(silent)}",
            mend=f"Write url and p2p of each into {home.settings}.",
        )
    else:
        yield Check(name="node's addresses", grade="ok", said=f"of this node, and of {len(settings.peers)} others")


def _examine_running(home: NodeHome) -> Iterator[Check]:
    found = standing.look(home)
    if found.phase == "stopped":
        yield Check(name="node", grade="warning", said=found.wrong[0], mend="muniment node start")
        return
    if found.progress:
        yield Check(name="node", grade="warning", said=f"it {found.progress}", mend="muniment node status")
    for text in found.wrong:
        yield Check(name="node", grade="problem", said=text, mend="muniment node status")
    for alarm in found.alarms:
        about = f"{alarm.organisation}: " if alarm.organisation else ""
        yield Check(name="node", grade="problem", said=f"{about}{alarm.text} ({alarm.code})", mend="muniment node status")
    if found.well:
        yield Check(name="node", grade="ok", said=f"it runs, as process {found.supervisor}, and nothing is wrong")


def _guard(name: str, look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """What cannot be looked at is a problem, not the end of the examination."""
    try:
        yield from look()
    except MunimentError as error:
        yield Check(name=name, grade="problem", said=str(error), mend=error.hint)
