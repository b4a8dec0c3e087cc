"""The repair of a node, step by step. Each step may be cut short by a crash and done again.

    1 decide     compare ledger and chain, choose the way back, write the plan
    2 rebuild    the right part of the ledger, in a new file
    3 move       the old file aside, the new one in its place
    4 engine     take the engine back by one block, or empty it
    5 finish     the plan goes beside what was kept

The node is stopped and locked meanwhile. What its validator signed last is never touched.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from muniment import disk
from muniment.errors import CorruptStore, NotFound, Unavailable
from muniment.ledger import signers
from muniment.ledger.store.file import Store
from muniment.ledger.store.marks import Mark
from muniment.node.founding import ledger_file
from muniment.node.homes import NodeHome
from muniment.node.repair import diagnosis, engine, plan, rebuild
from muniment.node.repair.decision import Decision, FindStart
from muniment.node.repair.diagnosis import Finding
from muniment.node.repair.plan import Places, Plan

FILES = ("ledger.db-wal", "ledger.db-shm", "ledger.db")
"""In the order in which they are moved: the log goes before what it belongs to, and is in the same folder again in the end."""


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. plan: None where there was nothing to repair; signed: the members whose cosignatures stand there now."""

    finding: Finding
    plan: Plan | None
    size: int
    root: str
    signed: tuple[str, ...] = ()
    quorum: int = 0
    kept: str = ""
    stopped: str = ""


class Mending:
    """Repairs the node in `home`; `program` is CometBFT. `say` is told in words what is being done."""

    def __init__(
        self, home: NodeHome, program: Path, find_start: FindStart, say: Callable[[str], None], *, clock: Callable[[], int]
    ) -> None:
        self._home = home
        self._program = program
        self._say = say
        self._clock = clock
        self._places = Places(home)
        self._decision = Decision(home, program, find_start, say, clock)

    def run(self, *, anew: bool = False, from_others: bool = False) -> Mended:
        """Repair what is wrong, or go on with a repair that was cut short.

        anew: rebuild a ledger too whose blocks are all confirmed; from_others: believe nothing of the engine's own blocks.
        Raises Unavailable (`too-few-nodes`) where the others are needed and do not answer: then nothing was changed.
        """
        going = plan.load(self._places)
        finding = Finding(good=None, wrong=None, newest=None)
        if going is not None and from_others and going.way == "own-blocks":
            self._give_up(going)
            going = None
        if going is None:
            finding = self._decision.examine(from_others)
            nothing = finding.newest is None and not finding.damaged
            if nothing or (finding.is_sound and not anew and not from_others):
                return self._tell(finding, None, "")
            going = self._decision.decide(finding, from_others)
            plan.write(self._places, going)
        else:
            self._say("A repair was begun here before; it goes on.")
        stopped = ""
        if not self._is_aside(going):
            going, stopped = self._rebuild(going)
        self._move(going)
        self._turn_back_engine(going)
        plan.finish(self._places, going)
        return self._tell(finding, going, stopped)

    def _rebuild(self, going: Plan) -> tuple[Plan, str]:
        """Make the right part again; the plan then says where it really ends."""
        _remove(self._places.folder)
        self._say(f"Making {going.size} entries again: every signature is verified, every block judged.")
        try:
            old = Store.open(self._home.ledger)
        except (CorruptStore, NotFound):
            return self._found(going), ""
        try:
            return self._copy(old, going)
        except CorruptStore:
            _remove(self._places.folder)
            return self._found(going), ""
        finally:
            old.close()

    def _copy(self, old: Store, going: Plan) -> tuple[Plan, str]:
        consortium = self._home.load_consortium()
        done = rebuild.rebuild(old, self._places.fresh, consortium.ledger, going.size)
        if done.size < consortium.start.size:
            raise CorruptStore(done.stopped)
        if going.way != "own-blocks":
            return going, done.stopped
        found = _find_mark(old, done.size, going.height)
        rebuild.mark(self._places.fresh, found)
        going = msgspec.structs.replace(going, height=found.height, size=found.size, root=found.root.hex())
        plan.write(self._places, going)
        return going, done.stopped

    def _found(self, going: Plan) -> Plan:
        """Begin without the old file, of which nothing can be read. A ledger that moved in can only come from a copy of it."""
        consortium = self._home.load_consortium()
        if consortium.moved:
            raise CorruptStore(
                "the ledger here is damaged before its chain began",
                hint="Bring back the ledger that moved in, from a backup, then run the repair again.",
            )
        if going.way == "own-blocks":
            going = self._decision.turn_to_others(going, None)
            plan.write(self._places, going)
        signer = signers.load_file(self._home.cosigner_key)
        organisation = self._home.load_settings().organisation
        seal = ledger_file.cosigning(organisation, signer, self._clock)
        ledger_file.create(self._places.fresh, consortium, seal)
        return going

    def _is_aside(self, going: Plan) -> bool:
        """Does the old ledger lie aside? Then the new one is whole, in its place or still beside it."""
        return (self._places.kept(going) / FILES[-1]).exists()

    def _move(self, going: Plan) -> None:
        kept = self._places.kept(going)
        if not self._is_aside(going):
            # Its name lasts before anything is in it: what was moved into a folder that is lost would be lost with it.
            disk.make_folder(kept)
            for name in FILES:
                with suppress(FileNotFoundError):
                    os.rename(self._home.ledger.with_name(name), kept / name)
            disk.sync(kept)
            disk.sync(self._home.home)
        # A crash here leaves no ledger in its place: the next run finds the old one aside, and goes on.
        if not self._home.ledger.exists():
            os.rename(self._places.fresh, self._home.ledger)
            disk.sync(self._home.home)

    def _give_up(self, going: Plan) -> None:
        """End a repair by the engine's own blocks that could not be finished; whatever it kept stays."""
        if self._is_aside(going):
            self._move(going)
            plan.finish(self._places, going)
        else:
            plan.drop(self._places)

    def _turn_back_engine(self, going: Plan) -> None:
        if going.way == "own-blocks":
            self._say("Taking the engine back by one block.")
            engine.roll_back(self._program, self._home.engine)
        else:
            self._say("Emptying the engine's store; what the validator signed last stays.")
            engine.wipe(self._home.engine)

    def _tell(self, finding: Finding, done: Plan | None, stopped: str) -> Mended:
        store = Store.open(self._home.ledger)
        try:
            with store.view() as view:
                return Mended(
                    finding=finding,
                    plan=done,
                    size=view.size,
                    root=view.position.frontier.root().hex(),
                    signed=diagnosis.cosigners(view),
                    quorum=diagnosis.quorum(view),
                    kept="" if done is None else str(self._places.kept(done)),
                    stopped=stopped,
                )
        finally:
            store.close()


def _find_mark(old: Store, size: int, newest: int) -> Mark:
    """The last height of the engine at which the ledger had this size. Raises Unavailable (`no-mark`)."""
    low, high = 1, newest
    found: Mark | None = None
    while low <= high:
        middle = (low + high) // 2
        mark = next(iter(old.marks(middle, middle + 1)), None)
        if mark is None or mark.size < size:
            low = middle + 1
        elif mark.size > size:
            high = middle - 1
        else:
            found, low = mark, middle + 1
    if found is None:
        raise Unavailable(
            f"what is right of the ledger here, {size} entries, ends before the first block that this node judged itself",
            code="no-mark",
            hint="Take it from the other members: `muniment node repair --from-others`.",
        )
    return found


def _remove(folder: Path) -> None:
    """Remove a ledger that was being made."""
    for name in FILES:
        with suppress(FileNotFoundError):
            (folder / name).unlink()
