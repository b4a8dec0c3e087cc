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

from muniment.core.format import time
from muniment.core.rules.members import Validators
from muniment.errors import Conflict, CorruptStore, InvalidInput, MunimentError, NotFound, Unavailable
from muniment.ledger.folder import sync_folder
from muniment.ledger.store.file import Store
from muniment.ledger.store.marks import Mark
from muniment.node import arrival
from muniment.node.arrival import Start
from muniment.node.homes import NodeHome
from muniment.node.repair import diagnosis, engine, plan, rebuild
from muniment.node.repair.diagnosis import Finding
from muniment.node.repair.plan import Places, Plan, Way

FILES = ("ledger.db-wal", "ledger.db-shm", "ledger.db")
"""In the order in which they are moved: the log goes before what it belongs to, and is in the same folder again in the end."""

FindStart = Callable[[Validators], Start]
"""Finds from whom, and after which block, a snapshot is taken. Raises as `arrival.find_start`."""

_DIGITS = len("20261123T120000")


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
        self._find_start = find_start
        self._say = say
        self._clock = clock
        self._places = Places(home)

    def run(self, *, anew: bool = False, from_others: bool = False) -> Mended:
        """Repair what is wrong, or go on with a repair that was cut short.

        anew: rebuild a ledger too whose blocks are all confirmed; from_others: believe nothing of the engine's own blocks.
        """
        going = plan.load(self._places)
        finding = Finding(good=None, wrong=None, newest=None)
        if going is None:
            finding = self._examine(from_others)
            if finding.is_sound and not anew and not from_others:
                return self._tell(finding, None, "")
            going = self._decide(finding, from_others)
            plan.write(self._places, going)
        else:
            self._say("A repair was begun here before; it goes on.")
        stopped = ""
        if not going.moved:
            going, stopped = self._rebuild(going)
            going = self._move(going)
        self._turn_back_engine(going)
        plan.finish(self._places, going)
        return self._tell(finding, going, stopped)

    def _examine(self, from_others: bool) -> Finding:
        """Compare the ledger here with the engine's own blocks, as far as there are any."""
        store = self._open(self._home.ledger)
        try:
            newest = store.mark()
            if newest is None or from_others or not engine.has_data(self._home.engine):
                with store.view() as view:
                    good = newest if newest is not None and diagnosis.is_settled(view, newest) else None
                return Finding(good=good, wrong=None, newest=newest)
            self._say("Comparing the ledger with the blocks that the members agreed on.")
            with engine.open_blocks(self._program, self._home.engine) as blocks:
                return diagnosis.examine(store, blocks.root, blocks.last)
        finally:
            store.close()

    def _decide(self, finding: Finding, from_others: bool) -> Plan:
        good, wrong = finding.good, finding.wrong
        start = self._home.load_consortium().start
        why = "The ledger is taken from the other members, as it was asked."
        if wrong is not None:
            why = f"After block {wrong.height} of the chain the ledger here differs from what the members agreed on."
        elif not from_others:
            why = "Not all of the ledger here is confirmed by the other members."
        before = plan.last_done(self._places)
        tried = before is not None and before.way == "own-blocks" and good is not None and before.height == good.height
        own = engine.has_data(self._home.engine) and not from_others and not tried
        way: Way = "own-blocks" if own and good is not None else "blocks"
        kept = time.format(self._clock())[: len("2026-11-23T12:00:00.000000")].replace("-", "").replace(":", "").replace(".", "-")
        if way == "own-blocks" and good is not None:
            return Plan(kept=kept, why=why, way=way, height=good.height, size=good.size, root=good.root.hex(), wrong=_height(wrong))
        sync = self._ask_others()
        if sync is not None:
            arrival.write(self._home, sync.sync)
            # What is right stays as a beginning, without a mark: the engine begins with the snapshot.
            size = start.size if good is None else good.size
            return Plan(kept=kept, why=why, way="snapshot", height=0, size=size, root="", wrong=_height(wrong))
        (self._home.folder / arrival.FILE).unlink(missing_ok=True)
        return Plan(kept=kept, why=why, way="blocks", height=0, size=start.size, root="", wrong=_height(wrong))

    def _ask_others(self) -> Start | None:
        try:
            return self._find_start(self._home.load_consortium().validators)
        except (Unavailable, InvalidInput, Conflict, NotFound) as error:
            self._say(f"No snapshot can be taken ({error}), so all blocks will be.")
            return None

    def _rebuild(self, going: Plan) -> tuple[Plan, str]:
        """Make the right part again; the plan then says where it really ends."""
        if self._is_moving(going):
            return going, ""
        _remove(self._places.folder)
        consortium = self._home.load_consortium()
        self._say(f"Making {going.size} entries again: every signature is verified, every block judged.")
        old = self._open(self._home.ledger)
        try:
            done = rebuild.rebuild(old, self._places.fresh, consortium.ledger, going.size, lambda _: None)
            if done.size < consortium.start.size:
                raise CorruptStore(
                    f"the ledger here is damaged before its chain began: {done.stopped}",
                    hint="Bring back the ledger that moved in, from a backup, then run the repair again.",
                )
            if going.way != "own-blocks":
                return going, done.stopped
            mark = Mark(going.height, going.size, bytes.fromhex(going.root))
            if done.size != going.size:
                mark = _find_mark(old, done.size, going.height)
        finally:
            old.close()
        rebuild.mark(self._places.fresh, mark)
        going = msgspec.structs.replace(going, height=mark.height, size=mark.size, root=mark.root.hex())
        plan.write(self._places, going)
        return going, done.stopped

    def _is_moving(self, going: Plan) -> bool:
        """Was the repair cut short after the old file had gone? Then the new one is whole."""
        return not self._home.ledger.exists() and (self._places.kept(going) / FILES[-1]).exists()

    def _move(self, going: Plan) -> Plan:
        kept = self._places.kept(going)
        kept.mkdir(mode=0o700, exist_ok=True)
        if not self._is_moving(going):
            for name in FILES:
                with suppress(FileNotFoundError):
                    os.rename(self._home.ledger.with_name(name), kept / name)
            sync_folder(kept)
            sync_folder(self._home.home)
        # A crash before this line leaves no ledger here: the next run finds the old one aside, and goes on.
        os.rename(self._places.fresh, self._home.ledger)
        _remove(self._places.folder)
        sync_folder(self._home.home)
        going = msgspec.structs.replace(going, moved=True)
        plan.write(self._places, going)
        return going

    def _turn_back_engine(self, going: Plan) -> None:
        if going.way == "own-blocks":
            self._say("Taking the engine back by one block.")
            engine.roll_back(self._program, self._home.engine)
        else:
            self._say("Emptying the engine's store; what the validator signed last stays.")
            engine.wipe(self._home.engine)

    def _tell(self, finding: Finding, done: Plan | None, stopped: str) -> Mended:
        store = self._open(self._home.ledger)
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

    def _open(self, path: Path) -> Store:
        return Store.open(path)


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


def _height(mark: Mark | None) -> int:
    return 0 if mark is None else mark.height


__all__ = ["Mended", "Mending", "MunimentError"]
