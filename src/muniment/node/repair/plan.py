"""What a repair decided, kept beside the node until it is done: one that was killed goes on where it was.

HOME/node/repair/plan.json              what is being done now; a node does not start while it is there
HOME/node/repair/<time>/ledger.db       a ledger as it was found, kept as evidence, with `repair.json`: what was done then
HOME/node/repair/ledger.db              the ledger that is being made
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from muniment import disk
from muniment.errors import Conflict, CorruptStore
from muniment.node import files
from muniment.node.places import NodePlaces

FOLDER = "repair"
FILE = "plan.json"
DONE = "repair.json"

Way = Literal["own-blocks", "blocks", "snapshot"]
"""How the rest comes back: from the engine's own blocks, from those of others, from a snapshot of others."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """kept: the name of the folder for the old ledger (its time); why: in words; way: see above.

    height, size, root: the mark that the ledger is taken back to; height 0 and no root where it gets none
    wrong: the engine's first height that is wrong here; 0 where none is known
    """

    kept: str
    why: str
    way: Way
    height: int
    size: int
    root: str
    wrong: int = 0


class Places:
    """Where a repair keeps its things."""

    def __init__(self, node: NodePlaces) -> None:
        self.folder = node.folder / FOLDER
        self.plan = self.folder / FILE
        self.fresh = self.folder / "ledger.db"

    def kept(self, plan: Plan) -> Path:
        """The folder of an old ledger."""
        return self.folder / plan.kept


def require_none(node: NodePlaces) -> None:
    """Raise Conflict (`repair-unfinished`) where a repair was begun and not brought to its end: for whoever starts a node."""
    if Places(node).plan.exists():
        raise Conflict(
            "a repair of this node was begun and is not finished", code="repair-unfinished", hint="Run: muniment node repair"
        )


def load(places: Places) -> Plan | None:
    """What is being done; None where nothing is. Raises CorruptStore."""
    return _read(places.plan)


def write(places: Places, plan: Plan) -> None:
    """Keep a plan; it is on the disk when this returns."""
    _write(places.plan, plan)


def finish(places: Places, plan: Plan) -> None:
    """Put the plan beside the ledger that was kept. After a crash before the last step the repair is found done, and ends again."""
    _write(places.kept(plan) / DONE, plan)
    drop(places)


def drop(places: Places) -> None:
    """Forget what was being done."""
    places.plan.unlink(missing_ok=True)
    disk.sync(places.folder)


def last_done(places: Places) -> Plan | None:
    """The newest repair that was brought to its end."""
    found = sorted(places.folder.glob(f"*/{DONE}")) if places.folder.is_dir() else []
    return _read(found[-1]) if found else None


def _read(path: Path) -> Plan | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise CorruptStore(f"{path} cannot be read: {error}", hint="Move it away and run the repair again.") from None


def _write(path: Path, plan: Plan) -> None:
    files.write(path, msgspec.json.format(msgspec.json.encode(plan)) + b"\n")
