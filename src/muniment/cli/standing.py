"""How a node stands, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from muniment.cli import output
from muniment.node.process.standing import NodeStatus, Process
from muniment.server.standing import PeerStanding, Standing

PEER_HEADS = ("member", "reached", "blocks", "last heard", "same history")
_ENGINE = MappingProxyType(
    {
        "starting": "not started yet",
        "waking": "does not answer yet",
        "catching-up": "catching up",
        "running": "running",
        "held": "stopped",
        "stopping": "stopping",
    }
)


def tell(found: NodeStatus) -> Iterator[str]:
    """All lines: who and where, the ledger, the processes, the others, and in the end what is wrong."""
    standing = found.standing
    if standing is None:
        yield f"{output.strong(found.organisation)}, a node in {found.home}"
    else:
        yield f"{output.strong(standing.organisation)}, a node of {standing.origin}"
        if not found.current:
            yield f"As it stood when it last ran, {output.when(standing.time)}:"
        yield from _tell_ledger(standing)
    if found.supervisor:
        yield f"  engine     {_engine(found)}"
        processes = (_process("application", found.application), _process("engine", found.engine))
        yield f"  processes  supervisor {found.supervisor}; {'; '.join(processes)}"
    if standing is not None and found.current and standing.peers:
        yield ""
        yield from output.table([_peer(each) for each in standing.peers], PEER_HEADS)
    yield ""
    if found.well:
        yield output.good("All is well.")
    elif found.progress:
        yield f"It {found.progress}."
    for text in found.wrong:
        yield f"{output.bad('Wrong')}: {text}"
    for alarm in found.alarms:
        about = f" ({alarm.organisation})" if alarm.organisation else ""
        yield f"{output.bad('Alarm')} [{alarm.code}]{about}, since {output.when(alarm.since)}: {alarm.text}"
    if any(each.code == "diverged" for each in found.alarms):
        yield "Find out why, stop it, then: muniment node repair"
    elif found.phase == "stopped":
        yield "Start it: muniment node start"


def _tell_ledger(standing: Standing) -> Iterator[str]:
    newest = f"; the newest of {output.when(standing.sealed)}" if standing.sealed else ""
    yield f"  ledger     {_count(standing.size, 'entry', 'entries')} in {_count(standing.height + 1, 'block', 'blocks')}{newest}"
    publisher = f"; {standing.publisher} signs the log's own line" if standing.publisher else ""
    yield f"  members    {', '.join(standing.members)}; {standing.quorum} of {len(standing.members)} must cosign{publisher}"
    if standing.checkpoints:
        newest_signed = max(standing.checkpoints, key=lambda each: each.height)
        when = f"; a quorum last confirmed it at {output.when(newest_signed.confirmed)}" if newest_signed.confirmed else ""
        yield f"  cosigned   block {newest_signed.height} by {', '.join(newest_signed.cosigners) or 'nobody yet'}{when}"
    for fault in standing.faults:
        yield f"  evidence   {fault.organisation} signed twice at the engine's height {fault.engine_height} ({fault.kind})"


def _engine(found: NodeStatus) -> str:
    said, standing = _ENGINE[found.phase], found.standing
    if standing is None or found.phase not in ("catching-up", "running"):
        return said
    others = _count(standing.engine_peers, "other engine", "other engines")
    waiting = f", {_count(standing.waiting, 'transaction waits', 'transactions wait')}" if standing.waiting else ""
    return f"{said}, at height {standing.engine_height:,}, connected to {others}{waiting}"


def _process(name: str, found: Process) -> str:
    if found.process is None:
        return f"no {name}"
    again = f", started {found.starts} times" if found.starts > 1 else ""
    return f"{name} {found.process} since {output.when(found.since)}{again}"


def _peer(peer: PeerStanding) -> tuple[str, str, str, str, str]:
    behind = f"{peer.height + 1}" + (f" ({peer.lag} behind)" if peer.lag > 0 else f" ({-peer.lag} ahead)" if peer.lag < 0 else "")
    heard = output.when(peer.heard) if peer.heard else "never"
    agrees = {True: "yes", False: output.bad("NO"), None: "not known"}[peer.agrees]
    return peer.organisation, "yes" if peer.reached else "no", behind if peer.height >= 0 else "not known", heard, agrees


def _count(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
