"""One pass over entries and blocks: every signature, every hash, every header, the tiles, and the state machine itself.

A wrong entry changes every later root of the tree. So each block is asked which leaves were really sealed: those of its
rows, or, where a row is wrong, what others keep of it (the tile above it, the header that follows). With these the pass goes
on and names further rows only for what is wrong with them. Where nobody keeps the leaf, later roots stay unchecked.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

import apsw

from muniment.core.format import entry, keys
from muniment.core.format.entry import Header
from muniment.core.format.merkle import Frontier
from muniment.core.rules.members import Validators
from muniment.errors import MunimentError
from muniment.ledger.replay import Replay
from muniment.ledger.store import entries, memberships, records, tree
from muniment.ledger.store.fsck import slots
from muniment.ledger.store.fsck.report import Findings
from muniment.ledger.store.fsck.seals import Seal, Seals
from muniment.ledger.store.fsck.slots import Slot
from muniment.ledger.store.fsck.witnesses import Witnesses
from muniment.ledger.store.tree import OpenTiles

PROGRESS_EVERY = 256

Progress = Callable[[int, int], None]


class Walk:
    """The pass, and what it learns for the checks of the other tables."""

    def __init__(self, sql: apsw.Connection, log_keys: Sequence[keys.Verifier], findings: Findings, ledger: str = "") -> None:
        self._sql = sql
        self._findings = findings
        self._seals = Seals(sql, log_keys, findings)
        self._expected = ledger
        self._witnesses = Witnesses(sql)
        self._open_tiles = OpenTiles(0)
        self._records = 0
        self._ledger = ""
        self._leaf: str | None = entry.NO_PREVIOUS
        self._time = ""
        self.size = 0
        self.events = 0
        self.blocks = 0
        self.frontier: Frontier | None = Frontier()
        """Of the entries so far; None once it is not known what stood at some place."""
        self.replay: Replay | None = Replay(lambda index: entries.read_body(sql, index))
        """The state machine after the last block; None once it could not go on."""
        self.newest: Header | None = None
        """The newest header, if its bytes are those that were signed and nothing in it is wrong."""
        self.ids: dict[bytes, int] = {}
        self.wrong: set[int] = set()
        self.cell_heights = [0] * records.ROWS
        self.terms: list[tuple[int, Validators]] = []
        """The heights whose headers name a set of members, with the set."""
        self.lost: set[int] = set()
        """Blocks of which it is not known what was sealed."""

    @property
    def roots(self) -> Mapping[int, bytes]:
        """The signed roots by size."""
        return self._seals.roots

    @property
    def is_signed(self) -> bool:
        """Does the checkpoint of every block hold?"""
        return self._seals.is_whole

    def cosigners(self, height: int) -> Validators | None:
        """The members whose lines may stand on the checkpoint of a height: its judges; the first members on what named them."""
        first = self.terms[0][0] if self.terms else 0
        found = [validators for each, validators in self.terms if each < max(height, 1) or each == height == first]
        return found[-1] if found else None

    def run(self, progress: Progress | None) -> None:
        """Go over the whole file."""
        block: list[Slot] = []
        finished = False
        with self._findings.reading("entry"):
            sealed = self._seals.newest_size()
            self._seals.judges = self._seals.guess(0)
            seal = self._seals.read(0)
            # The root of a tree of one entry is its leaf: the ledger's id is known even where the genesis is damaged.
            self._ledger = seal.root.hex() if seal is not None and seal.root is not None and seal.index == 0 else ""
            if self._expected and self._ledger and self._ledger != self._expected:
                message = f"this is the genesis of the ledger {self._ledger}, and the trust file is about {self._expected}"
                self._findings.add("other-ledger", "entry", 0, message)
            for slot in slots.scan(self._sql, sealed, self._findings):
                block.append(slot)
                if slots.read(slot, seal, self.blocks, self._ledger):
                    self._close(block, seal)
                    block = []
                    seal = self._seals.read(self.blocks)
                if progress and slot.index % PROGRESS_EVERY == 0:
                    progress(slot.index, max(sealed, slot.index))
            self._end(block)
            finished = True
            if progress:
                progress(self.size, self.size)
        if not finished:
            self.frontier = self.replay = None
        self._seals.conclude()

    def _close(self, block: list[Slot], seal: Seal | None) -> None:
        """Judge a block whose last place is, or should be, its header."""
        index, header = block[-1].index, block[-1].header
        if seal is None and header is not None:
            self._findings.add(
                "missing-block", "block", self.blocks, f"block {self.blocks}, which ends at entry {index}, has no row"
            )
        elif seal is not None and seal.index != index:
            message = f"block {self.blocks} ends at entry {index}, its row points to entry {seal.index}"
            self._findings.add("block-index", "block", self.blocks, message)
        if header is not None:
            self._follow(block[-1], header)
        root = seal.root if seal is not None and seal.index == index else None
        before = self.frontier
        leaves = None if before is None else self._settle(block, root, before)
        if before is None or leaves is None:
            self.lost.add(self.blocks)
            self._lose(block)
        else:
            self._accept(block, leaves, before, seal)
        for slot in block:
            if slot.submission is not None and slot.index not in self.wrong:
                self.ids[uuid.UUID(slot.submission.event.event_id).bytes] = slot.index
        self.events += len(block) - 1
        self.blocks += 1
        self.size = index + 1

    def _follow(self, slot: Slot, header: Header) -> None:
        """Go on with the members that a header names."""
        try:
            named = memberships.read(header)
        except MunimentError as error:
            self._name(slot, error.code, f"the header at entry {slot.index} names no members that can be: {error}")
            return
        if named is not None:
            self.terms.append((self.blocks, named))
            self._seals.judges = named

    def _settle(self, block: list[Slot], root: bytes | None, before: Frontier) -> list[bytes] | None:
        """The leaves that were sealed, or None where nobody can tell. `before` is the tree before the block."""
        if root is not None:
            for candidate in self._witnesses.candidates(block, self.blocks, before, self._leaf):
                leaves = [leaf for leaf in candidate if leaf is not None]
                if len(leaves) == len(block) and before.extend(leaves).root() == root:
                    return leaves
        last, actual = block[-1], [slot.leaf for slot in block if slot.leaf is not None]
        if last.header is None or any(slot.fault for slot in block):
            return None
        misfit = self._misfit(last.header, last.index, before.extend(actual[:-1]))
        if not misfit:
            if root is None:
                # Without a checkpoint there is only the header's own word.
                return actual
            if self._witnesses.vouched(self.blocks) == last.leaf:
                self._findings.add(
                    "checkpoint-root", "block", self.blocks, f"the checkpoint of block {self.blocks} signs another tree"
                )
                return actual
        if misfit != "header-root":
            # Its events are those that it commits to, and each is right by itself.
            self._name(last, "changed", f"entry {last.index} is not the header that was sealed as block {self.blocks}")
        return None

    def _accept(self, block: list[Slot], leaves: list[bytes], before: Frontier, seal: Seal | None) -> None:
        """Go on from the leaves that were sealed."""
        last = block[-1]
        wrong = [slot for slot, leaf in zip(block, leaves, strict=True) if slot.fault or slot.leaf != leaf]
        for slot in wrong:
            self._name(slot, *(slot.fault or ("changed", f"entry {slot.index} is not what was sealed there")))
        if last.header is not None and last not in wrong:
            misfit = self._misfit(last.header, last.index, before.extend(leaves[:-1]))
            if misfit:
                wrong.append(last)
                self._name(last, misfit, f"the header at entry {last.index} does not fit what comes before it ({misfit})")
            self._time = last.header.time
        self.newest = None if last in wrong else last.header
        self.frontier = before.extend(leaves)
        self._open_tiles, full = self._open_tiles.extend(leaves)
        self._check_tiles(full)
        self._leaf = leaves[-1].hex()
        self._ledger = self._ledger or self._leaf
        self._advance(block, seal, wrong)

    def _advance(self, block: list[Slot], seal: Seal | None, wrong: list[Slot]) -> None:
        """Run the state machine over a block, if all of it is sound."""
        if self.replay is None:
            return
        if wrong:
            self._stop(wrong[0].index)
            return
        try:
            submissions = [slot.submission for slot in block[:-1] if slot.submission is not None]
            done = self.replay.advance(block[-1].body or b"", submissions)
        except MunimentError as error:
            self._name(block[-1], error.code, f"the header at entry {block[-1].index} does not hold: {error}")
            self.newest = None
            self._stop(block[-1].index)
            return
        self._records += done.added
        for row in done.cells:
            self.cell_heights[row] = self.blocks
        if seal is not None and seal.records != self._records:
            message = f"block {self.blocks} says that there are {seal.records} records after it, replay gives {self._records}"
            self._findings.add("block-records", "block", self.blocks, message)

    def _lose(self, block: list[Slot]) -> None:
        """Nobody can tell what was sealed: name what is wrong by itself, and go on without roots."""
        last, faulty = block[-1], [slot for slot in block if slot.fault]
        for slot in faulty:
            self._name(slot, *(slot.fault or ("", "")))
        if last.header is not None and not last.fault:
            self._check_order(last, last.header)
        self._check_ids(block)
        if self.frontier is not None:
            wrong = [slot.index for slot in block if slot.index in self.wrong]
            if not wrong:
                wrong = [block[0].index]
                self._name(
                    block[0], "changed", f"one of the entries {wrong[0]} to {last.index} is not what block {self.blocks} sealed"
                )
            self.frontier = None
            self._findings.skip(
                f"What was sealed at entry {wrong[0]} is not known, so later roots of the tree were not recomputed."
            )
            self._stop(wrong[0])
        self.newest = None
        self._leaf = last.leaf.hex() if last.leaf is not None and last.index not in self.wrong else None

    def _check_order(self, slot: Slot, header: Header) -> None:
        """What a header says about its place, where the tree below it is not known."""
        if header.height != self.blocks or header.size != slot.index or header.time <= self._time:
            self._name(slot, "header-order", f"the header at entry {slot.index} does not belong there")
        elif self._leaf is not None and header.previous != self._leaf:
            if self._witnesses.vouched(self.blocks) == slot.leaf:
                self._findings.add(
                    "changed", "entry", self.size - 1, f"entry {self.size - 1} is not the header that the next one names"
                )
            else:
                self._name(slot, "header-previous", f"the header at entry {slot.index} names another one before it")
        self._time = max(self._time, header.time)

    def _check_ids(self, block: list[Slot]) -> None:
        """Where no root tells what was sealed, an event that is properly signed may have replaced another: its id may tell."""
        for slot in block[:-1]:
            if slot.submission is not None and entries.find(self._sql, slot.submission.event.event_id) != slot.index:
                self._name(slot, "changed", f"entry {slot.index} is an event that was not sealed there")

    def _misfit(self, header: Header, index: int, before: Frontier) -> str:
        """The code of the first thing that a header says wrongly about what comes before it; empty where all is right."""
        checks = {
            "header-height": header.height == self.blocks,
            "header-previous": header.previous == self._leaf,
            "header-size": header.size == index,
            "header-root": header.root == before.root().hex(),
            "time-order": header.time > self._time,
        }
        return next((code for code, holds in checks.items() if not holds), "")

    def _check_tiles(self, full: list[tuple[int, bytes]]) -> None:
        with self._findings.reading("tile"):
            for row, hashes in full:
                stored = self._sql.execute(
                    "SELECT iif(typeof(hashes) = 'blob', hashes, NULL) FROM tile WHERE id = ?", (row,)
                ).fetchone()
                level, index = row >> tree.LEVEL_SHIFT, row & (1 << tree.LEVEL_SHIFT) - 1
                if stored is None:
                    self._findings.add("missing-tile", "tile", row, f"tile {index} of level {level} is missing")
                elif stored[0] != hashes:
                    self._findings.add(
                        "tile", "tile", row, f"tile {index} of level {level} does not hold the hashes of its entries"
                    )

    def _end(self, block: list[Slot]) -> None:
        """What is left over when the entries end."""
        for slot in block:
            self._name(slot, *(slot.fault or ("unsealed", f"entry {slot.index} is sealed by no block")))
            self.size = slot.index + 1
        if not self.size:
            self._findings.add("no-genesis", "block", 0, "the ledger has no genesis")
        for height in self._seals.heights_outside(0, self.blocks):
            self._findings.add("stray-block", "block", height, f"there is no block {height} among the entries")

    def _name(self, slot: Slot, code: str, message: str) -> None:
        self.wrong.add(slot.index)
        self._findings.add(code, "entry", slot.index, message)

    def _stop(self, index: int) -> None:
        if self.replay is not None:
            self.replay = None
            self._findings.skip(f"The state was not run again from block {self.blocks} on, because entry {index} is wrong.")
