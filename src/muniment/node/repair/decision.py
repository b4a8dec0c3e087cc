"""What is wrong with a node, and which way back is taken. Nothing but `statesync.json` is written here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from muniment.core.format import time
from muniment.core.rules.members import Validators
from muniment.errors import CorruptStore, InvalidInput, NotFound
from muniment.ledger.store.file import Store
from muniment.ledger.store.marks import Mark
from muniment.node.engine.config_toml import StateSync
from muniment.node.homes import NodeHome
from muniment.node.light import arrival
from muniment.node.light.arrival import Start
from muniment.node.repair import diagnosis, engine, plan
from muniment.node.repair.diagnosis import Finding
from muniment.node.repair.plan import Places, Plan

FindStart = Callable[[Validators], Start]
"""Finds from whom, and after which block, a snapshot is taken. Raises as `arrival.find_start`."""


class Decision:
    """Looks at the node in `home`, which is stopped; the rest as in mending."""

    def __init__(
        self, home: NodeHome, program: Path, find_start: FindStart, say: Callable[[str], None], clock: Callable[[], int]
    ) -> None:
        self._home = home
        self._program = program
        self._find_start = find_start
        self._say = say
        self._clock = clock
        self._places = Places(home)

    def examine(self, from_others: bool) -> Finding:
        """Compare the ledger here with the engine's own blocks, as far as there are any."""
        try:
            store = Store.open(self._home.ledger)
        except (CorruptStore, NotFound) as error:
            return Finding(good=None, wrong=None, newest=None, blocks=False, damaged=str(error))
        try:
            newest = store.mark()
            if newest is None:
                return Finding(good=None, wrong=None, newest=None)
            if from_others or not engine.has_data(self._home.engine):
                with store.view() as view:
                    good = newest if diagnosis.is_settled(view, newest) else None
                return Finding(good=good, wrong=None, newest=newest, blocks=False)
            self._say("Comparing the ledger with the blocks that the members agreed on.")
            with engine.open_blocks(self._program, self._home.engine) as blocks:
                return diagnosis.examine(store, blocks.root, blocks.last, blocks.is_empty)
        except CorruptStore as error:
            return Finding(good=None, wrong=None, newest=None, blocks=False, damaged=str(error))
        finally:
            store.close()

    def decide(self, finding: Finding, from_others: bool) -> Plan:
        """The way back: by the engine's own blocks where something is right and that was not tried before, else by the others."""
        good = finding.good
        before = plan.last_done(self._places)
        # What did not help the first time does not help the second time.
        tried = before is not None and before.way == "own-blocks" and good is not None and before.height == good.height
        shown = Plan(
            kept=self._name_kept(),
            why=_explain(finding, from_others),
            way="own-blocks",
            height=0,
            size=self._home.load_consortium().start.size,
            root="",
            wrong=0 if finding.wrong is None else finding.wrong.height,
        )
        if good is not None and finding.blocks and not tried:
            return msgspec.structs.replace(shown, height=good.height, size=good.size, root=good.root.hex())
        return self.turn_to_others(shown, good)

    def turn_to_others(self, shown: Plan, good: Mark | None) -> Plan:
        """The plan in which all comes from the other members, up to the mark `good` where one is known to be right.

        Only the beginning of the ledger stays: an idle chain's snapshot may be of an earlier height than what is right here.
        """
        sync = self._ask_others(good)
        if sync is None:
            self._home.state_sync.unlink(missing_ok=True)
        else:
            arrival.write(self._home, sync)
        size = self._home.load_consortium().start.size
        return msgspec.structs.replace(shown, way="blocks" if sync is None else "snapshot", height=0, size=size, root="")

    def _name_kept(self) -> str:
        """The folder for the old ledger: the time, so that the newest one is the last; never one that is there."""
        now = self._clock()
        while True:
            name = time.format(now).replace("-", "").replace(":", "").replace(".", "-").rstrip("Z")
            if not (self._places.folder / name).exists():
                return name
            now += 1

    def _ask_others(self, good: Mark | None) -> StateSync | None:
        """Where a snapshot comes from; None on a chain that is so young that it needs none."""
        validators = self._home.load_consortium().validators
        if good is not None:
            store = Store.open(self._home.ledger)
            try:
                with store.view() as view:
                    validators = view.validators_before(view.sealed_by(good.size - 1) + 1) or validators
            finally:
                store.close()
        try:
            return self._find_start(validators).sync
        except InvalidInput as error:
            if error.code == "chain-too-young":
                return None
            raise


def _explain(finding: Finding, from_others: bool) -> str:
    if finding.wrong is not None:
        return f"After block {finding.wrong.height} of the chain the ledger here differs from what the members agreed on."
    if finding.damaged:
        return f"The ledger's file could not be read: {finding.damaged}."
    if from_others:
        return "The chain was to be taken from the other members."
    if not finding.blocks:
        return "The engine here has no blocks, and the ledger has."
    if finding.is_sound:
        return "The ledger was to be made anew."
    return "The newest block here was not confirmed by the other members."
