"""Looking at the node every few seconds: how it stands, what is wrong, and the file that `muniment node status` reads.

    observer = Observer(...)
    observer.open()                 # a thread of its own
    observer.stand()                # server.standing.Standing, now

Health is never the engine's own word, which stays well after a consensus failure: it is a height that moves while something
waits, peers that are heard, and no peer with the same size and another root.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time as clocks
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import msgspec

from muniment._version import __version__
from muniment.client.world import World
from muniment.core.format import checkpoint, entry, note, state_map, time
from muniment.core.rules import members
from muniment.core.rules.members import Validators
from muniment.core.rules.records import Consortium, Membership, Protocol
from muniment.errors import MunimentError, Unavailable
from muniment.ledger.embedded import system_clock
from muniment.ledger.store.snapshot import Snapshot
from muniment.node.alarms import Alarms
from muniment.node.engine.rpc import EngineRpc
from muniment.server.standing import CheckpointStanding, FaultStanding, PeerStanding, Standing

SHOWN_CHECKPOINTS = 20
SECONDS = 5.0
"""Each look costs the engine some milliseconds, and an idle node should cost nothing."""
STALLED_SECONDS = 10.0
WAKING_SECONDS = 1.0
"""So often it looks while its engine does not take part."""
LOW_BYTES = 256 << 20
MICROSECONDS = 1_000_000

_log = logging.getLogger("muniment.node")

OpenView = Callable[[], AbstractContextManager[Snapshot]]


class _Told(msgspec.Struct, frozen=True):
    """What the engine said of itself."""

    state: str = "away"
    height: int = 0
    peers: int = 0
    waiting: int = 0


class Observer:
    """Watches one node. `peers` tells what was last heard of the other members; `show` writes the status where others read it.

    `trouble` says why no snapshot could be taken; None where nothing is wrong.
    """

    def __init__(
        self,
        organisation: str,
        open_view: OpenView,
        engine: EngineRpc,
        peers: Callable[[], tuple[PeerStanding, ...]],
        alarms: Alarms,
        folder: Path,
        show: Callable[[bytes], None],
        trouble: Callable[[], MunimentError | None],
        *,
        seconds: float = SECONDS,
    ) -> None:
        self._organisation = organisation
        self._open_view = open_view
        self._engine = engine
        self._peers = peers
        self._alarms = alarms
        self._folder = folder
        self._show = show
        self._trouble = trouble
        self._seconds = seconds
        self._told = _Told()
        self._checkpoints = _Checkpoints()
        self._named: set[str] = set()
        self._moved = clocks.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="muniment-observer", daemon=True)

    def open(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Look once: ask the engine, judge, and show."""
        before, self._told = self._told, self._ask()
        now = clocks.monotonic()
        if self._told.height != before.height or not self._told.waiting:
            self._moved = now
        standing = self.stand()
        self._judge(standing, now)
        with suppress(OSError):
            self._show(msgspec.json.encode(msgspec.structs.replace(standing, alarms=self._alarms.standing())))

    def stand(self) -> Standing:
        """How the node stands, by what the engine said last."""
        told = self._told
        with self._open_view() as view:
            world = World(view)
            consortium = world.read("members", Consortium) or Consortium(active=())
            protocol = world.read("protocol", Protocol)
            publisher = "" if consortium.publisher is msgspec.UNSET else consortium.publisher.organisation
            return Standing(
                organisation=self._organisation,
                origin=view.position.origin,
                ledger=view.position.ledger,
                release=__version__,
                time=time.format(system_clock()),
                height=view.height,
                size=view.size,
                sealed=view.position.time,
                engine=told.state,
                engine_height=told.height,
                engine_peers=told.peers,
                waiting=told.waiting,
                members=consortium.active,
                quorum=members.quorum(len(consortium.active)),
                publisher=publisher,
                protocol=entry.PROTOCOL if protocol is None else protocol.number,
                peers=self._peers(),
                checkpoints=tuple(self._checkpoints.read(view)),
                alarms=self._alarms.standing(),
                faults=tuple(_read_faults(view, consortium.active)),
            )

    def _watch(self) -> None:
        while not self._ended.is_set():
            # A ledger that cannot be read now is looked at again; whoever reads the file sees that it is old.
            try:
                with suppress(MunimentError):
                    self.look()
            except Exception:
                # Whatever it is, nobody else raises these alarms.
                _log.exception("the node could not look at itself")
            self._ended.wait(self._seconds if self._told.state == "running" else min(self._seconds, WAKING_SECONDS))

    def _ask(self) -> _Told:
        try:
            status = self._engine.status()
            state = "catching-up" if status.catching_up else "running"
            return _Told(state, status.height, self._engine.count_peers(), self._engine.unconfirmed())
        except Unavailable:
            return _Told("away", self._told.height)

    def _judge(self, standing: Standing, now: float) -> None:
        """Sound what can be seen from here, and end what is over."""
        stalled = standing.waiting and now - self._moved > STALLED_SECONDS
        self._say(
            "stalled", stalled, f"{standing.waiting} transactions wait, and the engine stays at height {standing.engine_height}"
        )
        self._say(
            "protocol-unknown",
            standing.protocol not in entry.PROTOCOLS,
            f"protocol {standing.protocol} is in force, and this release does not speak it: install a newer one",
        )
        trouble = self._trouble()
        self._say("snapshot-failed", trouble is not None, f"this node cannot begin from a snapshot: {trouble}")
        free = shutil.disk_usage(self._folder).free
        self._say("disk", free < LOW_BYTES, f"{free / 1e6:.0f} MB are free")
        named = {each.organisation for each in standing.faults}
        # The key votes no more: it was rotated, or the member removed. Its record goes on counting.
        for organisation in self._named - named:
            self._alarms.quiet("double-sign", organisation)
        self._named = named
        for fault in standing.faults:
            self._alarms.sound(
                "double-sign",
                fault.organisation,
                f"it signed twice at the engine's height {fault.engine_height} (block {fault.height})",
            )

    def _say(self, code: str, holds: object, text: str) -> None:
        if holds:
            self._alarms.sound(code, "", text)
        else:
            self._alarms.quiet(code)


class _Checkpoints:
    """Reads the newest checkpoints and who stands behind them.

    What cannot change any more is not read again, nor is a set of members: a look should cost nothing.
    """

    def __init__(self) -> None:
        self._complete: dict[int, CheckpointStanding] = {}
        self._voters: dict[int, Validators] = {}

    def read(self, view: Snapshot) -> Iterator[CheckpointStanding]:
        """The newest ones first."""
        changes = view.membership_heights()
        complete, voters = self._complete, self._voters
        self._complete, self._voters = {}, {}
        for height in range(view.height, max(-1, view.height - SHOWN_CHECKPOINTS), -1):
            if not changes or height < changes[0]:
                continue
            named = changes[max(bisect_left(changes, max(height, 1)), 1) - 1]
            judges = self._voters.get(named) or voters.get(named) or view.cosigners_of(height)
            if judges is None:
                continue
            self._voters[named] = judges
            shown = complete.get(height) or _read_checkpoint(view, height, judges)
            if height < view.height and shown.published and len(shown.cosigners) == len(judges.members):
                self._complete[height] = shown
            yield shown


def _read_checkpoint(view: Snapshot, height: int, voters: Validators) -> CheckpointStanding:
    header, origin = view.header(height), view.position.origin
    said = {each.name: checkpoint.read_time(each) for each in note.parse(view.checkpoint_at(height)).signatures}
    names = {members.cosigner_name(origin, each.organisation): each.organisation for each in voters.members}
    times = sorted([said[each] for each in names if each in said], reverse=True)
    return CheckpointStanding(
        height=height,
        size=header.size + 1,
        time=header.time,
        cosigners=tuple(organisation for name, organisation in names.items() if name in said),
        quorum=voters.quorum,
        published=origin in said,
        confirmed=time.format(times[voters.quorum - 1] * MICROSECONDS) if len(times) >= voters.quorum else "",
    )


def _read_faults(view: Snapshot, active: tuple[str, ...]) -> Iterator[FaultStanding]:
    """The newest proof against each member whose key in force signed twice."""
    for organisation in active:
        known = World(view).read(f"member/{organisation}", Membership)
        if known is None or not known.faults:
            continue
        height = view.sealed_by(_last(view, f"validator/{members.address(known.key)}"))
        evidence = view.header(height).evidence
        for fault in () if evidence is msgspec.UNSET else members.decode_faults(bytes(evidence)):
            if fault.organisation == organisation:
                yield FaultStanding(
                    organisation=organisation, kind=fault.kind, engine_height=fault.height, time=fault.time, height=height
                )


def _last(view: Snapshot, stream: str) -> int:
    raw = view.record(stream)
    return 0 if raw is None else state_map.decode_record(raw).last
