"""The one SQLite file as a whole: consistent views for readers, one transaction a block for the writer.

What a process remembers between transactions (open tiles, the map's upper nodes, where the ledger stands) is valid for one
height. Every transaction first looks whether another process has sealed blocks meanwhile, and reads what changed.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from muniment.core.format import entry, merkle, state_map
from muniment.core.rules import beginning, chain, genesis
from muniment.core.rules.chain import Position, Sealed, Submission
from muniment.core.rules.members import Fault, Validators
from muniment.core.rules.policy import Policy, Verdict
from muniment.errors import Conflict, InvariantError, Unavailable
from muniment.ledger.store import blocks, connection, cosignatures, entries, marks, records, tree
from muniment.ledger.store.marks import Mark
from muniment.ledger.store.reader import RuleReader
from muniment.ledger.store.snapshot import Snapshot
from muniment.ledger.store.staging import Judged, Memory, Staged, Written, check_head, write_block
from muniment.ledger.store.tree import TileCache

BACKUP_PAGES = 1_000
# In place of the process that a connection belongs to:
CLOSED = 0  # closed: whoever comes next opens it again
ENDED = -1  # closed for good

Seal = Callable[[Sealed], bytes]


class Store:
    """An open ledger file. Safe for several threads, which take turns, and several processes, which SQLite orders."""

    def __init__(self, path: Path, sql: apsw.Connection, cache_kib: int = connection.CACHE_KIB) -> None:
        self.path = path
        self._sql = sql
        self._cache_kib = cache_kib
        self._lock = threading.RLock()
        self._memory: Memory | None = None
        self._tiles = TileCache()
        self._process = os.getpid()
        self._inherited: apsw.Connection | None = None

    @classmethod
    @connection.explaining()
    def create(cls, path: Path, founding: genesis.Genesis, time: str, seal: Seal) -> Store:
        """Make the file of a new ledger and write its genesis block; `seal` signs the checkpoint."""
        transition = beginning.found(founding, time)
        leaves = {key: state_map.leaf(key, value) for key, value in transition.records.items()}
        map_ = state_map.Tree.decode([], 0)
        change = map_.build(map_.plan(leaves), [], leaves)
        sealed = beginning.seal(founding, time, change.root)
        signed = seal(sealed)
        # What could be refused is done: from here on only a crash leaves an empty file, which `open` refuses, and never half a
        # genesis, because it is one transaction.
        sql = connection.create(path)
        sql.execute("BEGIN IMMEDIATE")
        records.create_cells(sql, change.cells)
        write_block(sql, Written(transition, leaves, {}, sealed, len(leaves)), signed)
        sql.execute("COMMIT")
        return _release_at_fork(cls(path, sql))

    @classmethod
    def open(cls, path: Path, cache_kib: int = connection.CACHE_KIB) -> Store:
        """Open the file of a ledger; `cache_kib` of it are kept in memory. Raises NotFound, CorruptStore or Unavailable."""
        return _release_at_fork(cls(path, connection.open(path, cache_kib), cache_kib))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._process == os.getpid():
                self._sql.close()
            self._process = ENDED

    @contextmanager
    def view(self) -> Iterator[Snapshot]:
        """The ledger as of its newest sealed block; other processes may go on writing."""
        with self._lock, self._transaction("BEGIN"):
            with connection.explaining():
                memory = self._refresh()
            yield Snapshot(self._sql, memory.block, memory.position, memory.open_tiles, memory.map, self._tiles)

    def append(self, submissions: list[Submission], clock: Callable[[str], str], seal: Seal) -> Judged:
        """Judge and write one block in one transaction. `clock` maps the last header's time to the new one's.

        When this returns, what was admitted is on the disk; when it raises, all of the block or nothing is, and submitting it
        again says which.
        """
        with self._lock, connection.explaining(), self._transaction("BEGIN IMMEDIATE"):
            staged = self._stage(submissions, clock, ())
            if staged.sealed is not None:
                self._write(staged, seal)
                self._commit(staged)
            return staged.judged

    def stage(self, submissions: list[Submission], clock: Callable[[str], str], faults: tuple[Fault, ...] = ()) -> Staged:
        """Judge a block and write nothing: for an engine that hears the verdict first and says later when to write it.

        Raises Unavailable (`protocol-unknown`) where the ledger follows a protocol that this release does not speak.
        """
        with self._lock, connection.explaining(), self._transaction("BEGIN"):
            return self._stage(submissions, clock, faults)

    def commit(self, staged: Staged, seal: Seal, consensus: int | None = None) -> None:
        """Write a staged block, if it is one, and the engine's height `consensus`, in one transaction.

        When this returns, all of it is on the disk. Raises Conflict (`stale`) where the ledger moved since it was staged.
        """
        with self._lock, connection.explaining(), self._transaction("BEGIN IMMEDIATE"):
            if blocks.newest(self._sql) != staged.memory.block:
                raise Conflict("the ledger has another newest block than the one that was built on", code="stale")
            if staged.sealed is not None:
                self._write(staged, seal)
            if consensus is not None:
                size = staged.memory.position if staged.sealed is None else staged.sealed.position
                marks.append(self._sql, Mark(consensus, size.frontier.size, staged.root))
            self._commit(staged)

    def cosign(self, lines: Mapping[int, Mapping[str, str]]) -> None:
        """Keep what members said of checkpoints, by height, then by organisation, in one transaction.

        For who writes blocks through this store: whenever another connection writes, SQLite lets go of all pages that this one
        keeps in memory.
        """
        with self._lock, connection.explaining(), self._transaction("BEGIN IMMEDIATE"):
            for height, said in lines.items():
                cosignatures.write(self._sql, height, said)
            self._sql.execute("COMMIT")

    def mark(self) -> Mark | None:
        """The engine's newest height that was committed here, and what it led to; None in an embedded ledger."""
        with self._lock, connection.explaining(), self._transaction("BEGIN"):
            return marks.newest(self._sql)

    def marks(self, first: int, stop: int) -> list[Mark]:
        """What the engine's heights in [first, stop) led to."""
        with self._lock, connection.explaining(), self._transaction("BEGIN"):
            return list(marks.scan(self._sql, first, stop))

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """Commits inside are not on the disk before the last one: for what can be done again from the beginning after a crash."""
        with self._lock:
            self._reopen()
            self._sql.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            with self._lock, connection.explaining():
                self._reopen()
                self._sql.execute("PRAGMA synchronous = FULL")
                self._sql.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)

    @property
    def validators(self) -> Validators | None:
        """The members who judge the next block; None in a ledger with one operator."""
        with self._lock, connection.explaining(), self._transaction("BEGIN"):
            memory = self._refresh()
            return chain.validators_in_force(RuleReader(self._sql, {}, memory.records, memory.newest_id))

    def judge(self, submissions: list[Submission], clock: Callable[[str], str]) -> list[Verdict]:
        """What `append` would answer now."""
        with self._lock, connection.explaining(), self._transaction("BEGIN"):
            memory = self._refresh()
            reader = RuleReader(self._sql, {}, memory.records, memory.newest_id)
            block = chain.Block(memory.position, self._policy(memory, reader), clock(memory.position.time), submissions)
            return list(chain.apply(reader, block).verdicts)

    def backup(self, target: Path) -> None:
        """Copy the ledger, consistently and while it is in use, to a new file (SQLite's online backup).

        Raises InvalidInput where something is there already. Of a copy that fails nothing is left.
        """
        copy = connection.create_empty(target)
        try:
            with self._lock, connection.explaining(), closing(copy):
                self._reopen()
                with copy.backup("main", self._sql, "main") as running:
                    while not running.done:
                        running.step(BACKUP_PAGES)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _stage(self, submissions: list[Submission], clock: Callable[[str], str], faults: tuple[Fault, ...]) -> Staged:
        memory = self._refresh()
        if not memory.sound:
            check_head(memory, blocks.read_header(self._sql, memory.block))
            memory.sound = True
        keys = chain.touched(submissions)
        ranges = memory.map.plan(keys)
        rows = records.read_ranges(self._sql, ranges)
        fetched: dict[bytes, bytes | None] = dict.fromkeys(keys)
        fetched.update([(key, records.check(key, value, leaf)) for key, value, leaf in rows if key in fetched])
        reader = RuleReader(self._sql, fetched, memory.records, memory.newest_id)
        block = chain.Block(memory.position, self._policy(memory, reader), clock(memory.position.time), submissions, faults)
        transition = chain.apply(reader, block)
        judged = Judged(list(transition.verdicts), block.policy)
        if not transition.seals:
            return Staged(judged, None, memory.position.frontier.root(), transition, memory)
        if transition.faults:
            # The header changes records that no submission named.
            ranges = memory.map.plan(transition.records)
            rows = records.read_ranges(self._sql, ranges)
        # Whatever ends this block early, an interrupt just after COMMIT too: the next transaction reads the file anew.
        self._memory = None
        leaves = {key: state_map.leaf(key, value) for key, value in transition.records.items()}
        change = memory.map.build(ranges, [(key, leaf) for key, _, leaf in rows], leaves)
        sealed = chain.seal(block, transition, change.root)
        return Staged(judged, sealed, sealed.position.frontier.root(), transition, memory, leaves, change)

    def _write(self, staged: Staged, seal: Seal) -> None:
        """Write the tables of a sealed block; nothing is kept before COMMIT."""
        memory, sealed, change = staged.memory, staged.sealed, staged.change
        if sealed is None or change is None:
            raise InvariantError("a block that seals nothing was to be written")
        written = Written(staged.transition, staged.leaves, change.cells, sealed, memory.block.records + change.added)
        row = write_block(self._sql, written, seal(sealed))
        admitted = staged.transition.admitted
        open_tiles, full = memory.open_tiles.extend([*[each.leaf for each in admitted], sealed.position.leaf])
        tree.write(self._sql, full)
        memory.block, memory.position, memory.open_tiles = row, sealed.position, open_tiles
        memory.newest_id = max(memory.newest_id, *[each.event.event_id for each in admitted], "")
        for key in staged.transition.records:
            memory.records.pop(key, None)
        if state_map.key("policy") in staged.transition.records:
            memory.policy = None

    def _commit(self, staged: Staged) -> None:
        # A crash before this line leaves the ledger as it was, after it the whole block: nothing in between.
        self._sql.execute("COMMIT")
        if staged.change is not None:
            staged.memory.map.commit(staged.change)
        self._memory = staged.memory

    def _policy(self, memory: Memory, reader: RuleReader) -> Policy:
        if memory.policy is None:
            memory.policy = chain.policy_in_force(reader)
        return memory.policy

    def _refresh(self) -> Memory:
        """What this process knows, brought up to the newest block that the transaction sees."""
        block = blocks.newest(self._sql)
        memory = self._memory
        if memory is not None and memory.block == block:
            return memory
        header = blocks.read_header(self._sql, block)
        leaf = merkle.leaf(entries.read_body(self._sql, block.index))
        open_tiles = tree.load_open(self._sql, block.index + 1)
        if memory is not None and memory.block.height < block.height:
            map_ = memory.map
            for row, hashes in records.read_cells(self._sql, memory.block.height):
                map_.replace(row, hashes)
            ledger, origin = memory.position.ledger, memory.position.origin
        else:
            map_ = state_map.Tree.decode([hashes for _, hashes in records.read_cells(self._sql)], block.records)
            ledger, origin = self._identity()
        position = Position(ledger, origin, block.height, header.time, leaf, open_tiles.frontier())
        self._memory = Memory(block, position, open_tiles, map_, entries.newest_id(self._sql))
        return self._memory

    def _identity(self) -> tuple[str, str]:
        raw = entries.read_body(self._sql, 0)
        header = entry.decode_header(raw)
        return merkle.leaf(raw).hex(), genesis.decode(bytes(header.genesis or b"")).origin

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._reopen()
        if self._inherited is not None and begin != "BEGIN":
            raise Unavailable(
                "this process was forked while the ledger was in use, so it may only read",
                code="forked",
                hint="Start the process before the ledger is opened, or with the start method `spawn`.",
            )
        if connection.is_busy(self._sql):
            # A view inside a view sees the same block. Only this thread can be here: it holds the lock.
            if begin != "BEGIN":
                raise InvariantError("a ledger was written from inside a view of it")
            yield
            return
        try:
            connection.begin(self._sql, begin)
            yield
        finally:
            if self._process == os.getpid() and connection.is_busy(self._sql):
                self._sql.execute("ROLLBACK")

    def _reopen(self) -> None:
        if self._process == ENDED:
            raise Unavailable("this ledger was closed", code="closed", hint="Open it again.")
        if self._process not in (os.getpid(), CLOSED):
            # Forked while a transaction was open. What was inherited may not even be closed here, so it is kept aside.
            self._inherited, self._process, self._memory = self._sql, CLOSED, None
        if self._process == CLOSED:
            self._sql, self._process = connection.open(self.path, self._cache_kib), os.getpid()

    def release(self) -> None:
        """Close the connection until the next transaction, unless one is running."""
        if self._lock.acquire(blocking=False):
            if self._process == os.getpid() and not self._sql.in_transaction:
                self._sql.close()
                self._process = CLOSED
            self._lock.release()

    def unlock(self) -> None:
        """Begin with a free lock in a forked child, where the thread that held it does not exist."""
        self._lock = threading.RLock()


def _release_at_fork(store: Store) -> Store:
    """Let no fork inherit an open connection.

    SQLite keeps account of its locks in memory, and a child inherits the account but not the locks: when the parent closes
    the file, it deletes the log that the child is still writing, and with it blocks that were acknowledged.
    """
    reference = weakref.ref(store)

    def release() -> None:
        alive = reference()
        if alive is not None:
            alive.release()

    def unlock() -> None:
        alive = reference()
        if alive is not None:
            alive.unlock()

    os.register_at_fork(before=release, after_in_child=unlock)
    return store
